//! What differs between what was expected and what was found.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::mismatch::Mismatch;
use super::native::Native;
use super::series::Series;
use crate::lint::shown_name;
use crate::model::{
    Desc, Exemplar, Family, MetricFamily, MetricType, Sample, Suffix, Timestamp, format_f64,
};

/// How many lines of a difference are shown.
const SHOWN: usize = 60;

/// Says that `found` has all samples of `expected` and no others.
///
/// `told` are the families as they were before they were written: what they know of start times
/// may be left out of `expected`, and what they know of native buckets may be in it though the
/// format does not write those.
///
/// # Errors
/// What differs.
pub(super) fn compare(
    expected: &[MetricFamily],
    found: &[MetricFamily],
    told: &[MetricFamily],
    only: &[String],
) -> Result<(), Mismatch> {
    let mut filter = Filter { only, met: HashSet::new() };
    let mut table = Table::default();
    table.add(expected, Which::Expected, &mut filter);
    table.add(found, Which::Found, &mut filter);
    if table.expects_natives() {
        table.add_natives(told);
    }
    if let Some(name) = only.iter().find(|name| !filter.met.contains(name.as_str())) {
        return Err(Mismatch::new(format!(
            "no metric is named {name:?}, neither in what was expected nor in what was found"
        )));
    }
    let with_start =
        told.iter().map(Family::desc).filter(|desc| desc.metric_type().has_start_time());
    let starts = with_start.map(|desc| format!("{}{}", desc.name(), Suffix::Created.as_str()));
    let lines = table.differences(&starts.collect());
    if lines.is_empty() {
        return Ok(());
    }
    let mut message = "metrics differ (- expected, + found):".to_owned();
    for line in lines.iter().take(SHOWN) {
        let _ = write!(message, "\n{line}");
    }
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(message, "\nand {more} lines more");
    }
    Err(Mismatch::difference(message))
}

/// The names that are looked at; all, if there are none.
struct Filter<'a> {
    only: &'a [String],
    met: HashSet<&'a str>,
}

impl Filter<'_> {
    fn keeps(&mut self, names: &[&str]) -> bool {
        let met = self.only.iter().map(String::as_str).filter(|only| names.contains(only));
        let met: Vec<&str> = met.collect();
        self.met.extend(&met);
        self.only.is_empty() || !met.is_empty()
    }
}

/// What is said of a series at one time.
struct Point {
    value: f64,
    timestamp: Option<Timestamp>,
    native: Option<Native>,
    exemplar: Option<Exemplar>,
}

impl Point {
    fn of(sample: &Sample<'_>) -> Self {
        Self {
            value: sample.value(),
            timestamp: sample.timestamp(),
            native: sample.native().map(Native::of),
            exemplar: sample.exemplar().map(|exemplar| exemplar.to_owned()),
        }
    }

    /// Whether all that is expected was found.
    fn is_met_by(&self, found: &Self) -> bool {
        let exemplar = match (&self.exemplar, &found.exemplar) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(expected), Some(found)) => is_exemplar_met(expected, found),
        };
        let native = match (&self.native, &found.native) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(expected), Some(found)) => is_native_met(expected, found),
        };
        let timestamp = is_time_met(self.timestamp, found.timestamp);
        same(self.value, found.value) && timestamp && exemplar && native
    }

    fn show(&self, series: &Series) -> String {
        let mut line = format!("{series} {}", format_f64(self.value));
        if let Some(native) = &self.native {
            let _ = write!(line, " {native}");
        }
        if let Some(timestamp) = self.timestamp {
            line.push_str(" @");
            timestamp.push_openmetrics(&mut line);
        }
        let native = self.native.iter().flat_map(|native| &native.exemplars);
        for exemplar in self.exemplar.iter().chain(native) {
            let exemplar = exemplar.as_ref();
            let labels = Series::new("", exemplar.labels());
            let _ = write!(line, " # {labels} {}", format_f64(exemplar.value()));
            if let Some(timestamp) = exemplar.timestamp() {
                line.push(' ');
                timestamp.push_openmetrics(&mut line);
            }
        }
        line
    }
}

fn is_time_met(expected: Option<Timestamp>, found: Option<Timestamp>) -> bool {
    expected
        .is_none_or(|expected| found.is_some_and(|found| expected.as_nanos() == found.as_nanos()))
}

fn is_exemplar_met(expected: &Exemplar, found: &Exemplar) -> bool {
    let (expected, found) = (expected.as_ref(), found.as_ref());
    same(expected.value(), found.value())
        && expected.labels().eq(found.labels())
        && is_time_met(expected.timestamp(), found.timestamp())
}

/// Native exemplars are asked for if there are any, and then all of them.
fn is_native_met(expected: &Native, found: &Native) -> bool {
    let (ours, theirs) = (&expected.exemplars, &found.exemplars);
    let all = || {
        let mut pairs = ours.iter().zip(theirs);
        ours.len() == theirs.len() && pairs.all(|(one, other)| is_exemplar_met(one, other))
    };
    expected.has_buckets_of(found) && (ours.is_empty() || all())
}

fn same(one: f64, other: f64) -> bool {
    one == other || one.is_nan() && other.is_nan()
}

/// The samples of both sides.
#[derive(Default)]
struct Table {
    families: Vec<FamilyRows>,
    places: HashMap<Series, (usize, usize)>,
}

/// What both sides say of one family.
#[derive(Default)]
struct FamilyRows {
    name: String,
    metadata: Sides<Option<Desc>>,
    rows: Vec<Row>,
    is_kept: bool,
}

/// What both sides say of one series.
struct Row {
    series: Series,
    points: Sides<Vec<Point>>,
    /// Whether one of the names that are looked at is its name on either side.
    is_kept: bool,
}

#[derive(Clone, Copy)]
enum Which {
    Expected,
    Found,
}

#[derive(Default)]
struct Sides<T> {
    expected: T,
    found: T,
}

impl<T> Sides<T> {
    fn of(&mut self, which: Which) -> &mut T {
        match which {
            Which::Expected => &mut self.expected,
            Which::Found => &mut self.found,
        }
    }
}

impl Table {
    fn add(&mut self, families: &[MetricFamily], which: Which, filter: &mut Filter<'_>) {
        for family in families {
            let desc = family.desc();
            let shown = shown_name(desc);
            let place = self.family(&shown);
            let rows = &mut self.families[place];
            rows.is_kept |= filter.keeps(&[desc.name(), &shown]);
            rows.metadata.of(which).get_or_insert_with(|| desc.clone());
            family.for_each_sample(&mut |sample| {
                let is_kept = filter.keeps(&[desc.name(), &shown, &sample.name()]);
                let row = self.row(&shown, Series::of(sample));
                row.is_kept |= is_kept;
                row.points.of(which).push(Point::of(sample));
                let Some(start) = sample.start() else { return };
                let name = format!("{}{}", desc.name(), Suffix::Created.as_str());
                let is_kept = filter.keeps(&[desc.name(), &shown, &name]);
                let own = desc.metric_type().reserved_label();
                let row = self.row(&shown, Series::beside(sample, &name, own));
                row.is_kept |= is_kept;
                let start = Point { value: start, timestamp: None, native: None, exemplar: None };
                row.points.of(which).push(start);
            });
        }
    }

    fn expects_natives(&self) -> bool {
        let rows = self.families.iter().flat_map(|family| &family.rows);
        rows.flat_map(|row| &row.points.expected).any(|point| point.native.is_some())
    }

    /// Gives what was found the native buckets that its format did not write.
    fn add_natives(&mut self, told: &[MetricFamily]) {
        let mut met: HashMap<Series, usize> = HashMap::new();
        for family in told {
            family.for_each_sample(&mut |sample| {
                let series = Series::of(sample);
                let Some(&(family, row)) = self.places.get(&series) else { return };
                let time = met.entry(series).or_default();
                let point = self.families[family].rows[row].points.found.get_mut(*time);
                *time += 1;
                if let (Some(point), Some(native)) = (point, sample.native()) {
                    point.native.get_or_insert_with(|| Native::of(native));
                }
            });
        }
    }

    fn family(&mut self, name: &str) -> usize {
        let known = self.families.iter().position(|family| family.name == name);
        known.unwrap_or_else(|| {
            self.families.push(FamilyRows { name: name.to_owned(), ..FamilyRows::default() });
            self.families.len() - 1
        })
    }

    fn row(&mut self, family: &str, series: Series) -> &mut Row {
        let (family, row) = match self.places.get(&series) {
            Some(place) => *place,
            None => {
                let family = self.family(family);
                let rows = &mut self.families[family].rows;
                let points = Sides::default();
                rows.push(Row { series: series.clone(), points, is_kept: false });
                let place = (family, rows.len() - 1);
                self.places.insert(series, place);
                place
            }
        };
        &mut self.families[family].rows[row]
    }

    /// The lines in which the sides differ.
    fn differences(&self, starts: &HashSet<String>) -> Vec<String> {
        let mut lines = Vec::new();
        for family in &self.families {
            if family.is_kept {
                family.metadata_differences(&mut lines);
            }
            for Row { series, points, is_kept } in &family.rows {
                let Sides { expected, found } = points;
                let is_asked = !expected.is_empty() || !starts.contains(&series.name);
                let alike = expected.len() == found.len()
                    && expected.iter().zip(found).all(|(one, other)| one.is_met_by(other));
                if *is_kept && is_asked && !alike {
                    let signed = |sign, points: &[Point]| {
                        let show = |point: &Point| format!("{sign} {}", point.show(series));
                        points.iter().map(show).collect::<Vec<_>>()
                    };
                    lines.extend(signed('-', expected));
                    lines.extend(signed('+', found));
                }
            }
        }
        lines
    }
}

impl FamilyRows {
    fn metadata_differences(&self, lines: &mut Vec<String>) {
        let (name, Some(expected)) = (&self.name, &self.metadata.expected) else { return };
        let Some(found) = &self.metadata.found else {
            // One with samples is missed by its samples.
            if self.rows.is_empty() {
                lines.push(format!("- # TYPE {name} {}", expected.metric_type()));
            }
            return;
        };
        let mut differ = |keyword: &str, expected: &str, found: &str| {
            if expected != found {
                lines.push(format!("- # {keyword} {name} {expected}"));
                lines.push(format!("+ # {keyword} {name} {found}"));
            }
        };
        if !expected.help().is_empty() {
            differ("HELP", expected.help(), found.help());
        }
        if expected.metric_type() != MetricType::Unknown {
            differ("TYPE", expected.metric_type().as_str(), found.metric_type().as_str());
        }
        if let Some(unit) = expected.unit() {
            differ("UNIT", unit, found.unit().unwrap_or_default());
        }
    }
}
