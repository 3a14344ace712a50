//! Counts and sums of observations: sizes of replies, times without buckets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::amount::Amount;
use super::builder::{Built, MetricBuilder};
use super::home::Homes;
use super::instrument::{Held, Instrument, Kind, Schema, push_labels};
use super::timer::{Observer, TimedFuture, Timer, time};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
use crate::cell::sketch::{Sketch, Window, schema_within};
use crate::cell::{NativeLimits, NativeReading, SummaryCell};
use crate::clock::now;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Columns, Desc, LabelNames, MetricType, Quantiles, Suffix, ValueColumns};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{FileKind, Objectives};

/// How long observations count for quantiles.
const WINDOW: Duration = Duration::from_secs(600);

/// How many buckets a series may have for its quantiles: with an error of 1 %, those of all times
/// from a microsecond to an hour.
const MAX_BUCKETS: usize = 2048;

/// How many observations there were, and what they add up to; cheap to clone,
/// and safe to share.
///
/// ```
/// use narthex::Summary;
///
/// let sizes = Summary::builder("reply", "Size of replies.").unit("bytes").build()?;
/// sizes.observe(200);
/// sizes.observe(100);
/// assert_eq!((sizes.count(), sizes.sum()), (2.0, 300.0));
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct Summary {
    series: Held<Self>,
}

/// A summary split by `N` labels.
pub type SummaryVec<const N: usize> = MetricVec<Summary, N>;

/// A summary split by labels that are known only when the program runs.
pub type SummaryVecDyn = MetricVecDyn<Summary>;

/// A summary split by the labels of a struct.
pub type SummaryVecOf<L> = MetricVecOf<Summary, L>;

impl Summary {
    /// Begins a summary.
    pub fn builder(name: impl Into<String>, help: impl Into<Arc<str>>) -> MetricBuilder<Self> {
        MetricBuilder::new(name, help)
    }

    /// Adds an observation.
    #[inline]
    pub fn observe(&self, value: impl Amount) {
        self.series.cell.observe(value.to_f64());
    }

    /// How many observations there were.
    pub fn count(&self) -> f64 {
        let mut count = Vec::with_capacity(2);
        self.series.cell.read(&mut count);
        count[0]
    }

    /// What they add up to.
    pub fn sum(&self) -> f64 {
        self.series.cell.read(&mut Vec::with_capacity(2))
    }

    /// The estimates of [its quantiles](MetricBuilder::objectives): each rank with a value, which is
    /// NaN as long as nothing was observed in the window.
    pub fn quantiles(&self) -> Vec<(f64, f64)> {
        let Some(sketched) = &self.series.schema().settings.sketched else { return Vec::new() };
        let (mut reading, mut estimates) = (NativeReading::default(), Vec::new());
        if let Some(read) = self.series.cell.read_sketch(&mut reading) {
            self.estimate(read, sketched, &mut estimates);
        }
        sketched.ranks.values().iter().copied().zip(estimates).collect()
    }

    fn estimate(&self, read: &NativeReading, sketched: &Sketched, into: &mut Vec<f64>) {
        let mut window = self.series.aside().window.lock();
        let times = (now(), sketched.window);
        window.estimate(times, Sketch::of(read), sketched.ranks.values(), into);
    }

    /// Begins anew, while no thread observes.
    #[cfg(feature = "catalog")]
    pub(crate) fn clear(&self) {
        self.series.cell.clear();
        self.series.restart();
    }

    /// Runs `f` and observes how long it took, in seconds.
    pub fn time<R>(&self, f: impl FnOnce() -> R) -> R {
        time(self, f)
    }

    /// Observes the time in seconds until the timer is dropped.
    pub fn start_timer(&self) -> Timer<Self> {
        Timer::start(self.clone())
    }

    /// Observes how long a future takes, in seconds.
    pub fn time_future<F: Future>(&self, future: F) -> TimedFuture<Self, F> {
        TimedFuture::new(self.clone(), future)
    }
}

impl<T: Built<Summary>> MetricBuilder<Summary, T> {
    /// Quantiles to estimate, each with the greatest error of its estimate, relative to the value
    /// that is estimated.
    ///
    /// They are those of the last ten minutes, unless [another window](Self::window) is set. The
    /// narrowest error is that of all: 0.00136 at least. A series keeps counts of up to 2048
    /// sizes of values; if there are more, the error doubles. An observation costs about what one of a
    /// native histogram does, and estimating is left to whoever reads.
    ///
    /// Quantiles cannot be added up over series, machines or time: what is to be must be a
    /// [histogram](crate::Histogram). Only processes that share [files](MetricBuilder::store) are
    /// taken together, since these keep the counts: there a
    /// [`MultiProcessCollector`](crate::multiprocess::MultiProcessCollector) shows the quantiles
    /// of all, and moves the window on when it is scraped. A program that reads the files once
    /// shows those of all times; Python's client shows count and sum.
    ///
    /// ```
    /// use narthex::{CollectorRegistry, Summary};
    ///
    /// let registry = CollectorRegistry::new();
    /// let sizes = Summary::builder("reply_bytes", "Size of replies.")
    ///     .objectives([(0.5, 0.05), (0.99, 0.01)])
    ///     .register(&registry)?;
    /// for size in 1..=1000 {
    ///     sizes.observe(size);
    /// }
    /// let median = registry.get_sample_value("reply_bytes", &[("quantile", "0.5")]).unwrap();
    /// assert!((median / 500.0 - 1.0).abs() <= 0.01);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    ///
    /// Source: DDSketch (Masson, Rim and Lee, VLDB 2019).
    #[doc(alias = "quantiles")]
    pub fn objectives(mut self, objectives: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.settings.objectives = objectives.into_iter().collect();
        self
    }

    /// How long an observation counts for quantiles: ten minutes, unless it is set.
    ///
    /// The window moves on when it is read, as at a scrape, up to ten times in its length. So it
    /// has up to a tenth more; and if nobody has read for longer, all since then. Without
    /// [objectives](Self::objectives) there is nothing that it is for, and the summary cannot be
    /// built.
    #[doc(alias = "max_age")]
    pub fn window(mut self, window: Duration) -> Self {
        self.settings.window = Some(window);
        self
    }
}

/// What is chosen when a summary is built.
#[derive(Clone, Debug, Default)]
pub struct SummarySettings {
    objectives: Vec<(f64, f64)>,
    window: Option<Duration>,
    // Made of these when the metric is built.
    sketched: Option<Sketched>,
}

/// How quantiles are estimated.
#[derive(Clone, Debug, PartialEq)]
struct Sketched {
    ranks: Quantiles,
    limits: NativeLimits,
    /// In seconds.
    window: f64,
}

impl PartialEq for SummarySettings {
    fn eq(&self, other: &Self) -> bool {
        self.sketched == other.sketched
    }
}

impl Sketched {
    fn new(objectives: &[(f64, f64)], window: Duration) -> Result<Self> {
        let refuse = |message| Err(Error::new(ErrorKind::InvalidValue, message));
        if window.is_zero() {
            return refuse("the window of quantiles has no length".to_owned());
        }
        let mut ranks: Vec<f64> = objectives.iter().map(|(rank, _)| *rank).collect();
        ranks.sort_by(f64::total_cmp);
        let ranks = Quantiles::new(ranks)?;
        let narrowest = objectives.iter().map(|(_, error)| *error).fold(f64::INFINITY, f64::min);
        let refused = |error: &&(f64, f64)| !(error.1 > 0.0 && error.1 < 1.0);
        let schema = match objectives.iter().find(refused) {
            Some((rank, error)) => {
                return refuse(format!(
                    "the error of quantile {rank} is between 0 and 1, not {error}"
                ));
            }
            None => schema_within(narrowest),
        };
        let Some(schema) = schema else {
            return refuse(format!("the error of a quantile is not below 0.00136, as {narrowest}"));
        };
        let limits = NativeLimits {
            schema,
            zero_threshold: 0.0,
            max_buckets: MAX_BUCKETS,
            min_reset_seconds: None,
            max_zero_threshold: 0.0,
        };
        Ok(Self { ranks, limits, window: window.as_secs_f64() })
    }
}

/// What few summaries keep.
#[derive(Debug, Default)]
pub struct SummaryAside {
    window: Mutex<Window>,
}

impl Observer for Summary {
    #[inline]
    fn observe_seconds(&self, seconds: f64) {
        self.observe(seconds);
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

impl Instrument for Summary {}

impl Kind for Summary {
    type Cell = SummaryCell;
    type Aside = SummaryAside;
    type Settings = SummarySettings;

    const TYPE: MetricType = MetricType::Summary;

    fn check(settings: &mut SummarySettings, desc: &Desc, _: &LabelNames) -> Result {
        let of = |error: Error| error.of(format_args!("summary {:?}", desc.name()));
        if !settings.objectives.is_empty() {
            let sketched = Sketched::new(&settings.objectives, settings.window.unwrap_or(WINDOW));
            settings.sketched = Some(sketched.map_err(of)?);
        } else if settings.window.is_some() {
            let message = "the window is that of quantiles, and there are no objectives";
            return Err(of(Error::new(ErrorKind::InvalidValue, message)));
        }
        Ok(())
    }

    #[cfg(feature = "multiprocess")]
    fn file(_: &SummarySettings) -> Option<FileKind> {
        Some(FileKind::Summary)
    }

    fn new_cell(
        schema: &Schema<Self>,
        homes: &mut Homes<'_>,
    ) -> (SummaryCell, Option<SummaryAside>) {
        let sketched = schema.settings.sketched.as_ref();
        if let Some(sketched) = sketched.filter(|_| !homes.are_shared()) {
            return (SummaryCell::sketch(sketched.limits, now), None);
        }
        let numbers = homes.of(&[(Suffix::Count, None), (Suffix::Sum, None)]);
        #[cfg(feature = "multiprocess")]
        if let Some(Sketched { ranks, limits, window }) = sketched {
            let objectives = Objectives { ranks: ranks.clone(), window: *window };
            let native = homes.native(1..2, *limits, 1, Some(objectives));
            return (SummaryCell::shared(numbers, native), None);
        }
        (SummaryCell::at(numbers), None)
    }

    #[inline]
    fn of(series: Held<Self>) -> Self {
        Self { series }
    }

    fn series(&self) -> &Held<Self> {
        &self.series
    }

    fn columns(schema: &Schema<Self>) -> Columns {
        let sketched = schema.settings.sketched.as_ref();
        let ranks = sketched.map_or_else(Quantiles::none, |sketched| sketched.ranks.clone());
        Columns::new(schema.names.clone(), ValueColumns::summaries(ranks))
    }

    fn push(all: &[Self], columns: &mut Columns) -> usize {
        let all = push_labels(all, columns);
        columns.extend_starts(all.iter().map(|summary| summary.series.created()));
        let ValueColumns::Summaries { estimates, counts, sums, .. } = &mut columns.values else {
            return all.len();
        };
        let schema = all.first().map(|summary| summary.series.schema());
        if let Some(sketched) = schema.and_then(|schema| schema.settings.sketched.as_ref()) {
            let mut reading = NativeReading::default();
            for summary in all {
                if let Some(read) = summary.series.cell.read_sketch(&mut reading) {
                    counts.extend(read.below.iter().map(|count| *count as f64));
                    sums.push(read.sum);
                    summary.estimate(read, sketched, estimates);
                }
            }
        } else {
            let cells = all.iter().map(|summary| &summary.series.cell);
            SummaryCell::read_all(cells, counts, sums);
        }
        all.len()
    }
}
