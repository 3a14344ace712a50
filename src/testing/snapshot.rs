//! All numbers at one time, and what has changed since.

use std::collections::HashMap;
use std::fmt;

use super::mismatch::Mismatch;
use super::native::Native;
use super::series::Series;
use crate::collector::{Collector, for_each_family};
use crate::model::format_f64;

/// The value of every series that a collector told at one time, and the native buckets that are
/// told beside the count of a histogram. Times and exemplars are not kept.
///
/// ```
/// use narthex::testing::Snapshot;
/// use narthex::{CollectorRegistry, Counter};
///
/// let registry = CollectorRegistry::new();
/// let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).register(&registry)?;
/// jobs.labels(["mail"]).inc_by(3);
///
/// let before = Snapshot::of(&registry)?;
/// jobs.labels(["mail"]).inc_by(2);
/// jobs.labels(["print"]).inc();
/// let changes = before.until_now(&registry)?;
///
/// assert_eq!(changes.increase("jobs_total", &[("queue", "mail")]), Some(2.0));
/// assert!(changes.is_new("jobs_total", &[("queue", "print")]));
/// assert_eq!(
///     changes.to_string(),
///     "jobs_total{queue=\"mail\"} 3.0 -> 5.0 (+2.0)\n\
///      jobs_total{queue=\"print\"} is new: 1.0\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// In the order of exposition.
    series: Vec<(Series, Point)>,
    places: HashMap<Series, usize>,
}

impl Snapshot {
    /// What a collector tells now, such as a registry or a single metric.
    ///
    /// # Errors
    /// That the collector failed.
    pub fn of(collector: &dyn Collector) -> Result<Self, Mismatch> {
        let mut snapshot = Self::default();
        for_each_family(collector, &mut |family| {
            family.for_each_sample(&mut |sample| {
                let series = Series::of(sample);
                let native = sample.native().map(Native::of);
                let point = Point { value: sample.value(), native };
                match snapshot.places.get(&series) {
                    // Of several times, the last one counts.
                    Some(&place) => snapshot.series[place].1 = point,
                    None => {
                        snapshot.places.insert(series.clone(), snapshot.series.len());
                        snapshot.series.push((series, point));
                    }
                }
            });
            Ok(())
        })?;
        Ok(snapshot)
    }

    /// The value of a series; the labels may come in any order.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.point(&Series::new(name, labels.iter().copied())).map(|point| point.value)
    }

    /// How many series there are: one for each line of a text.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// What has changed since this snapshot.
    ///
    /// # Errors
    /// That the collector failed.
    pub fn until_now(&self, collector: &dyn Collector) -> Result<Changes, Mismatch> {
        Ok(self.until(&Self::of(collector)?))
    }

    /// What is different in a later snapshot.
    pub fn until(&self, later: &Self) -> Changes {
        let gone = self.series.iter().filter(|(series, _)| !later.places.contains_key(series));
        let gone = gone.map(|(series, before)| Change::new(series, Some(before), None));
        let there = later.series.iter();
        let there =
            there.map(|(series, after)| Change::new(series, self.point(series), Some(after)));
        Changes { all: there.chain(gone).collect() }
    }

    fn point(&self, series: &Series) -> Option<&Point> {
        self.places.get(series).map(|place| &self.series[*place].1)
    }
}

/// What a series is at one time.
#[derive(Clone, Debug)]
struct Point {
    value: f64,
    native: Option<Native>,
}

impl Point {
    fn is_like(&self, other: &Self) -> bool {
        let natives = match (&self.native, &other.native) {
            (Some(one), Some(other)) => one.has_buckets_of(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        natives && (self.value == other.value || self.value.is_nan() && other.value.is_nan())
    }
}

/// What two snapshots differ in: shown as a line for each series that changed.
///
/// Made by [`Snapshot::until_now`] and [`Snapshot::until`].
#[derive(Clone, Debug)]
pub struct Changes {
    /// Those that did not change as well, so that a misspelt name is known as such.
    all: Vec<Change>,
}

impl Changes {
    /// The series that changed: those that are there, in the order of exposition, then those that
    /// are gone.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.all.iter().filter(|change| change.is_change())
    }

    /// Whether nothing changed.
    ///
    /// ```
    /// use narthex::Gauge;
    /// use narthex::testing::Snapshot;
    ///
    /// let depth = Gauge::builder("queue_depth", "Jobs waiting.").build()?;
    /// let before = Snapshot::of(&depth)?;
    /// depth.inc();
    /// depth.dec();
    /// assert!(before.until_now(&depth)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// How many series changed.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// By how much a series grew, counted from zero if it is new; `None` if it is not there.
    ///
    /// It is zero if the series did not change, and negative if it fell.
    pub fn increase(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let change = self.find(name, labels)?;
        Some(change.after()? - change.before().unwrap_or(0.0))
    }

    /// Whether a series is there that was not.
    pub fn is_new(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.find(name, labels).is_some_and(|change| change.before.is_none())
    }

    /// Whether a series was there that is not any more.
    pub fn is_gone(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.find(name, labels).is_some_and(|change| change.after.is_none())
    }

    fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<&Change> {
        let series = Series::new(name, labels.iter().copied());
        self.all.iter().find(|change| change.series == series)
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

/// What became of one series.
#[derive(Clone, Debug)]
pub struct Change {
    series: Series,
    before: Option<Point>,
    after: Option<Point>,
}

impl Change {
    fn new(series: &Series, before: Option<&Point>, after: Option<&Point>) -> Self {
        Self { series: series.clone(), before: before.cloned(), after: after.cloned() }
    }

    /// The full name of the sample.
    pub fn name(&self) -> &str {
        &self.series.name
    }

    /// The labels, sorted by name.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.series.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value before; `None` if the series is new.
    pub fn before(&self) -> Option<f64> {
        self.before.as_ref().map(|point| point.value)
    }

    /// The value after; `None` if the series is gone.
    pub fn after(&self) -> Option<f64> {
        self.after.as_ref().map(|point| point.value)
    }

    fn is_change(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => !before.is_like(after),
            _ => true,
        }
    }
}

impl fmt::Display for Change {
    /// Native buckets stand behind the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { series, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => {
                let by = after.value - before.value;
                let plus = if by > 0.0 { "+" } else { "" };
                let by = format_f64(by);
                // An infinity has its sign already.
                let plus = if by.starts_with('+') { "" } else { plus };
                write!(f, "{series} {before} -> {after} ({plus}{by})")
            }
            (None, Some(after)) => write!(f, "{series} is new: {after}"),
            (Some(before), None) => write!(f, "{series} is gone: {before}"),
            (None, None) => write!(f, "{series}"),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_f64(self.value))?;
        self.native.iter().try_for_each(|native| write!(f, " {native}"))
    }
}
