//! What two expositions say differently, whatever their spelling and order.

use std::collections::HashMap;
use std::fmt::Write;

use narthex::model::{
    ExemplarRef, Family, MetricFamily, NativeHistogramRef, Sample, Suffix, Timestamp, format_f64,
};

use crate::natives::own_label;

/// How the numbers of series are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    /// With timestamps and exemplars, and start times beside them.
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

/// What differs, family after family in the order of the first side; then what only the second has.
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
    let series: usize =
        families.iter().map(|family| Series::of(&[family], Values::Ignored).points.len()).sum();
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
    let (ours, theirs) = (Series::of(first, values), Series::of(second, values));
    // Formats that want a sum write NaN where there is none.
    let has_none = |points: &[Point]| points.iter().all(|point| point.is_no_sum);
    for (name, points) in ours.iter() {
        match theirs.get(name) {
            None if has_none(points) => {}
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
    let others = theirs.iter().filter(|(name, _)| ours.get(name).is_none());
    for (name, points) in others.filter(|(_, points)| !has_none(points)) {
        differ("series", Some(name), None, Some(told(points)));
    }
}

/// The series of a family with their numbers, of which there may be several at several times.
struct Series {
    /// Of each, how many were met before it.
    points: HashMap<String, (usize, Vec<Point>)>,
}

impl Series {
    fn of(families: &[&MetricFamily], values: Values) -> Self {
        let mut series = Self { points: HashMap::new() };
        for family in families {
            let own = own_label(family.desc().metric_type()).unwrap_or_default();
            family.for_each_sample(&mut |sample| {
                let name = series_name(sample, own);
                let point = Point::of(sample, own);
                let place = series.points.len();
                series.points.entry(name).or_insert((place, Vec::new())).1.push(point);
                if let Some(start) = sample.start().filter(|_| values == Values::Exact) {
                    let (place, name) = (series.points.len(), start_name(sample, own));
                    let point = Point { value: start, is_no_sum: false, rest: String::new() };
                    series.points.entry(name).or_insert((place, vec![point]));
                }
            });
        }
        series
    }

    fn get(&self, name: &str) -> Option<&[Point]> {
        self.points.get(name).map(|(_, points)| &**points)
    }

    /// All of them, in their order.
    fn iter(&self) -> impl Iterator<Item = (&str, &[Point])> {
        let mut series: Vec<_> = self.points.iter().collect();
        series.sort_unstable_by_key(|(_, (place, _))| *place);
        series.into_iter().map(|(name, (_, points))| (&**name, &**points))
    }
}

/// The name and the labels of a sample, alike however a bound is spelled.
fn series_name(sample: &Sample<'_>, own: &str) -> String {
    with_labels(sample.name(), sample, own, |_| true)
}

/// The name of a sample's start time, which all samples of one series may tell.
fn start_name(sample: &Sample<'_>, own: &str) -> String {
    let name = format!("{}{}", sample.family(), Suffix::Created.as_str());
    with_labels(name, sample, own, |label| label != own)
}

fn with_labels(
    mut name: String,
    sample: &Sample<'_>,
    own: &str,
    shows: impl Fn(&str) -> bool,
) -> String {
    let mut before = '{';
    for (label, value) in sample.labels().iter().filter(|(label, _)| shows(label)) {
        let bound = if label == own { value.parse().ok().map(format_f64) } else { None };
        name.push(before);
        name.push_str(label);
        name.push_str("=\"");
        push_escaped(&mut name, bound.as_deref().unwrap_or(&value));
        name.push('"');
        before = ',';
    }
    if before == ',' {
        name.push('}');
    }
    name
}

/// Appends a label value as it stands between quotes.
fn push_escaped(out: &mut String, value: &str) {
    if !value.contains(['\\', '"', '\n']) {
        return out.push_str(value);
    }
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// What a series is at one time.
struct Point {
    value: f64,
    /// Whether it is the sum of a histogram, and no number.
    is_no_sum: bool,
    /// Timestamp, native buckets and exemplar, where there are any.
    rest: String,
}

impl Point {
    fn of(sample: &Sample<'_>, own: &str) -> Self {
        let mut rest = String::new();
        if let Some(time) = sample.timestamp() {
            push_time(&mut rest, time);
        }
        if let Some(native) = sample.native() {
            push_native(&mut rest, native);
        }
        if let Some(exemplar) = sample.exemplar() {
            push_exemplar(&mut rest, exemplar);
        }
        let is_sum = matches!(sample.suffix(), Suffix::Sum | Suffix::GSum);
        let is_no_sum = is_sum && own == "le" && sample.value().is_nan();
        Self { value: sample.value(), is_no_sum, rest }
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
