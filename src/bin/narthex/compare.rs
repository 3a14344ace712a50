//! What two expositions say differently, whatever their spelling and order.

use std::collections::HashMap;
use std::fmt::Write;

use narthex::model::{
    ExemplarRef, Family, MetricFamily, MetricType, NativeHistogramRef, Sample, Timestamp,
    format_f64,
};

/// How the numbers of series are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    /// With timestamps, exemplars and start times.
    Exact,
    /// Alone, and they may differ by so much of the larger one.
    Within(f64),
    Ignored,
}

/// One thing that is said differently. What one side does not have is `None` there.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) family: String,
    /// The word for it in JSON.
    pub(crate) about: &'static str,
    pub(crate) series: Option<String>,
    pub(crate) first: Option<String>,
    pub(crate) second: Option<String>,
}

/// What differs: family after family, in the order of the first side, then what only the second has.
pub(crate) fn families(
    first: &[MetricFamily],
    second: &[MetricFamily],
    values: Values,
) -> Vec<Difference> {
    let (first, second) = (Side::of(first), Side::of(second));
    let mut differences = Vec::new();
    for name in &first.names {
        let ours = &first.by_name[name];
        match second.by_name.get(name) {
            Some(theirs) => family(ours, theirs, values, &mut differences),
            None => differences.push(whole(ours, true)),
        }
    }
    let added = second.names.iter().filter(|name| !first.by_name.contains_key(*name));
    differences.extend(added.map(|name| whole(&second.by_name[name], false)));
    differences
}

/// Families by name; those of one name are one.
struct Side<'a> {
    names: Vec<&'a str>,
    by_name: HashMap<&'a str, Vec<&'a MetricFamily>>,
}

impl<'a> Side<'a> {
    fn of(families: &'a [MetricFamily]) -> Self {
        let mut side = Self { names: Vec::new(), by_name: HashMap::new() };
        for family in families {
            let name = family.desc().name();
            let of_name = side.by_name.entry(name).or_default();
            if of_name.is_empty() {
                side.names.push(name);
            }
            of_name.push(family);
        }
        side
    }
}

/// A family that only one side has.
fn whole(families: &[&MetricFamily], is_first: bool) -> Difference {
    let series: usize = families.iter().map(|family| Series::of(&[family]).order.len()).sum();
    let desc = families[0].desc();
    let told = format!("{} of {series} series", desc.metric_type());
    let (first, second) = if is_first { (Some(told), None) } else { (None, Some(told)) };
    Difference { family: desc.name().to_owned(), about: "family", series: None, first, second }
}

fn family(
    first: &[&MetricFamily],
    second: &[&MetricFamily],
    values: Values,
    differences: &mut Vec<Difference>,
) {
    let (ours, theirs) = (first[0].desc(), second[0].desc());
    let unit = |unit: Option<&str>| unit.unwrap_or_default().to_owned();
    let said = [
        ("type", ours.metric_type().to_string(), theirs.metric_type().to_string()),
        ("help", ours.help().to_owned(), theirs.help().to_owned()),
        ("unit", unit(ours.unit()), unit(theirs.unit())),
    ];
    let mut differ = |about, series: Option<&str>, first, second| {
        let family = ours.name().to_owned();
        let series = series.map(str::to_owned);
        differences.push(Difference { family, about, series, first, second });
    };
    for (about, ours, theirs) in said {
        if ours != theirs {
            differ(about, None, Some(ours), Some(theirs));
        }
    }
    let (ours, theirs) = (Series::of(first), Series::of(second));
    for name in &ours.order {
        let points = &ours.points[name];
        match theirs.points.get(name) {
            None => differ("series", Some(name), Some(told(points)), None),
            Some(others) => {
                let alike = points.len() == others.len()
                    && points.iter().zip(others).all(|(one, other)| one.is_like(other, values));
                if values != Values::Ignored && !alike {
                    differ("value", Some(name), Some(told(points)), Some(told(others)));
                }
            }
        }
    }
    for name in theirs.order.iter().filter(|name| !ours.points.contains_key(*name)) {
        differ("series", Some(name), None, Some(told(&theirs.points[name])));
    }
}

/// The series of a family with their numbers, of which there may be several at several times.
struct Series {
    order: Vec<String>,
    points: HashMap<String, Vec<Point>>,
}

impl Series {
    fn of(families: &[&MetricFamily]) -> Self {
        let mut series = Self { order: Vec::new(), points: HashMap::new() };
        for family in families {
            let own = match family.desc().metric_type() {
                MetricType::GaugeHistogram | MetricType::Histogram => "le",
                MetricType::Summary => "quantile",
                _ => "",
            };
            family.for_each_sample(&mut |sample| {
                let name = series_name(sample, own);
                let point = Point::of(sample);
                match series.points.get_mut(&name) {
                    Some(points) => points.push(point),
                    None => {
                        series.order.push(name.clone());
                        series.points.insert(name, vec![point]);
                    }
                }
            });
        }
        series
    }
}

/// The name and the labels of a sample, alike however a bound is spelled.
fn series_name(sample: &Sample<'_>, own: &str) -> String {
    let mut name = sample.name();
    let mut before = '{';
    for (label, value) in sample.labels().iter() {
        let bound = value.parse().ok().filter(|_| label == own).map(format_f64);
        // Writing to a string cannot fail.
        let _ = write!(name, "{before}{label}={:?}", bound.as_deref().unwrap_or(&value));
        before = ',';
    }
    if before == ',' {
        name.push('}');
    }
    name
}

/// What a series is at one time.
struct Point {
    value: f64,
    /// Timestamp, start time and exemplar, where there are any.
    rest: String,
}

impl Point {
    fn of(sample: &Sample<'_>) -> Self {
        let mut rest = String::new();
        if let Some(time) = sample.timestamp() {
            push_time(&mut rest, time);
        }
        if let Some(start) = sample.start() {
            let _ = write!(rest, " since {start}");
        }
        if let Some(native) = sample.native() {
            push_native(&mut rest, native);
        }
        if let Some(exemplar) = sample.exemplar() {
            push_exemplar(&mut rest, exemplar);
        }
        Self { value: sample.value(), rest }
    }

    fn is_like(&self, other: &Self, values: Values) -> bool {
        let (one, other_one) = (self.value, other.value);
        let is_same = one == other_one || (one.is_nan() && other_one.is_nan());
        match values {
            Values::Exact => is_same && self.rest == other.rest,
            Values::Within(part) => {
                let larger = one.abs().max(other_one.abs());
                is_same || (larger.is_finite() && (one - other_one).abs() <= part * larger)
            }
            Values::Ignored => true,
        }
    }
}

/// Buckets that nothing fell into are no difference, and neither is how they are put into runs.
fn push_native(out: &mut String, native: NativeHistogramRef<'_>) {
    let threshold = native.zero_threshold();
    let _ =
        write!(out, " of schema {}, zero({threshold}):{}", native.schema(), native.zero_count());
    for (sign, buckets) in [('-', native.negative()), ('+', native.positive())] {
        for (index, count) in buckets.iter().filter(|(_, count)| *count != 0.0) {
            let _ = write!(out, " {sign}[{index}]:{count}");
        }
    }
    native.exemplars().for_each(|exemplar| push_exemplar(out, exemplar));
}

fn push_exemplar(out: &mut String, exemplar: ExemplarRef<'_>) {
    let _ = write!(out, " # {{");
    for (place, (name, value)) in exemplar.labels().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{name}={value:?}");
    }
    let _ = write!(out, "}} {}", format_f64(exemplar.value()));
    if let Some(time) = exemplar.timestamp() {
        push_time(out, time);
    }
}

fn push_time(out: &mut String, time: Timestamp) {
    let nanos = time.as_nanos();
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let _ = write!(out, " at {sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    out.truncate(out.trim_end_matches('0').trim_end_matches('.').len());
}

fn told(points: &[Point]) -> String {
    let points = points.iter().map(|point| format!("{}{}", format_f64(point.value), point.rest));
    points.collect::<Vec<_>>().join(", ")
}
