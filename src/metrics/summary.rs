//! Counts and sums of observations: sizes of replies, times without buckets.

use std::fmt;
use std::sync::Arc;

use super::amount::Amount;
use super::builder::MetricBuilder;
use super::home::Homes;
use super::instrument::{Held, Instrument, Kind, Schema, push_labels};
use super::timer::{Observer, TimedFuture, Timer, time};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
use crate::cell::SummaryCell;
use crate::error::Result;
use crate::model::{Columns, Desc, LabelNames, MetricType, Quantiles, Suffix, ValueColumns};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::FileKind;

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
    type Aside = ();
    type Settings = ();

    const TYPE: MetricType = MetricType::Summary;

    fn check(_: &mut (), _: &Desc, _: &LabelNames) -> Result {
        Ok(())
    }

    #[cfg(feature = "multiprocess")]
    fn file((): &()) -> Option<FileKind> {
        Some(FileKind::Summary)
    }

    fn new_cell(_: &Schema<Self>, homes: &mut Homes<'_>) -> (SummaryCell, Option<()>) {
        let homes = homes.of(&[(Suffix::Count, None), (Suffix::Sum, None)]);
        (SummaryCell::at(homes), None)
    }

    #[inline]
    fn of(series: Held<Self>) -> Self {
        Self { series }
    }

    fn series(&self) -> &Held<Self> {
        &self.series
    }

    fn columns(schema: &Schema<Self>) -> Columns {
        Columns::new(schema.names.clone(), ValueColumns::summaries(Quantiles::none()))
    }

    fn push(all: &[Self], columns: &mut Columns) -> usize {
        let all = push_labels(all, columns);
        columns.extend_starts(all.iter().map(|summary| summary.series.created()));
        if let ValueColumns::Summaries { counts, sums, .. } = &mut columns.values {
            let cells = all.iter().map(|summary| &summary.series.cell);
            SummaryCell::read_all(cells, counts, sums);
        }
        all.len()
    }
}
