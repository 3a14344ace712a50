//! Observations by size: latencies, sizes, anything of which a share matters.

use std::fmt;
use std::sync::Arc;

use once_cell::race::OnceBox;

use super::amount::Amount;
use super::bucket_index::BucketIndex;
use super::builder::{Built, MetricBuilder};
use super::exemplar::{ExemplarSlots, check_exemplar, keeps_exemplar};
use super::histogram_snapshot::HistogramSnapshot;
use super::home::Homes;
use super::instrument::{Held, Instrument, Kind, Schema, push_labels};
use super::native::{NativeOptions, NativeSnapshot};
use super::native_exemplars::NativeExemplars;
use super::timer::{Observer, TimedFuture, Timer, time};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
use crate::cell::{HistogramCell, NativeLimits, NativeReading};
use crate::clock::now;
use crate::error::{Error, Result};
use crate::model::{Bounds, Columns, Desc, LabelNames, MetricType, Suffix, SumPlace, ValueColumns};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::FileKind;

/// The upper bounds of a histogram that names none, in seconds; +Inf follows.
///
/// They are those of Python's client.
pub const DEFAULT_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Observations counted by size; cheap to clone, and safe to share.
///
/// An observation goes into the first bucket whose upper bound is not below
/// it; NaN goes into +Inf and makes the sum NaN.
///
/// ```
/// use narthex::{CollectorRegistry, Histogram};
///
/// let registry = CollectorRegistry::new();
/// let sizes = Histogram::builder("batch_rows", "Rows of a batch.")
///     .buckets([1.0, 10.0])
///     .register(&registry)?;
/// sizes.observe(1);
/// sizes.observe(7);
/// assert_eq!(registry.get_sample_value("batch_rows_bucket", &[("le", "1.0")]), Some(1.0));
/// assert_eq!(registry.get_sample_value("batch_rows_bucket", &[("le", "10.0")]), Some(2.0));
/// assert_eq!(registry.get_sample_value("batch_rows_sum", &[]), Some(8.0));
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct Histogram {
    series: Held<Self>,
}

/// A histogram split by `N` labels.
pub type HistogramVec<const N: usize> = MetricVec<Histogram, N>;

/// A histogram split by labels that are known only when the program runs.
pub type HistogramVecDyn = MetricVecDyn<Histogram>;

/// A histogram split by the labels of a struct.
pub type HistogramVecOf<L> = MetricVecOf<Histogram, L>;

impl Histogram {
    /// Begins a histogram; with [`DEFAULT_BUCKETS`] unless others are given.
    pub fn builder(name: impl Into<String>, help: impl Into<Arc<str>>) -> MetricBuilder<Self> {
        MetricBuilder::new(name, help)
    }

    /// Adds an observation.
    #[inline]
    pub fn observe(&self, value: impl Amount) {
        self.observe_n(value, 1);
    }

    /// Adds `n` observations of the same value; none if `n` is zero.
    #[inline]
    pub fn observe_n(&self, value: impl Amount, n: u64) {
        let value = value.to_f64();
        if n == 0 {
            // Zero times infinity would make the sum NaN.
            return;
        }
        let bucket = || self.series.schema().settings.index.find_at_once(value);
        if !self.series.cell.observe_at_once(bucket, value, n) {
            // In most places it is known which of these.
            if n == 1 {
                self.observe_one_elsewhere(value)
            } else {
                self.observe_elsewhere(value, n)
            }
        }
    }

    // A function of its own: it has no registers to save.
    #[inline(never)]
    fn observe_one_elsewhere(&self, value: f64) {
        if !self.series.cell.observe_natively(value) {
            self.observe_elsewhere(value, 1);
        }
    }

    #[inline(never)]
    fn observe_elsewhere(&self, value: f64, n: u64) {
        self.series.cell.observe(|| self.bucket(value), value, n);
    }

    /// Adds an observation, and keeps these labels as the trace of its bucket.
    ///
    /// Labels that an exemplar cannot have are counted in
    /// `narthex_refused_observations_total`; the value is observed all the same.
    pub fn observe_with_exemplar(&self, value: impl Amount, labels: &[(&str, &str)]) {
        let value = value.to_f64();
        let bucket = self.bucket(value);
        self.series.cell.observe(|| bucket, value, 1);
        if keeps_exemplar(labels) {
            let slot = (bucket, self.bounds().values().len());
            let (aside, schema, seconds) = (self.series.aside(), self.series.schema(), now());
            aside.of_buckets.store(slot, labels, value, seconds);
            if schema.settings.native.is_some() {
                if let Some(_hold_off) = schema.try_hold_off() {
                    aside.native.get_or_init(Box::default).store(labels, value, seconds);
                }
            }
        }
    }

    /// Adds an observation and keeps its trace, or says why not.
    ///
    /// # Errors
    /// [`Error::is_invalid_exemplar`]; nothing is observed.
    pub fn try_observe_with_exemplar(&self, value: impl Amount, labels: &[(&str, &str)]) -> Result {
        check_exemplar(labels)?;
        self.observe_with_exemplar(value, labels);
        Ok(())
    }

    /// What was observed so far.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let bounds = self.bounds().clone();
        let mut reading = NativeReading::default();
        if let Some(read) = self.series.cell.read_native(&mut reading) {
            let buckets = read.below.iter().map(|count| *count as f64).collect();
            let native = Some(NativeSnapshot::of(read));
            return HistogramSnapshot { bounds, buckets, sum: read.sum, native };
        }
        let mut buckets = Vec::with_capacity(bounds.values().len());
        let sum = self.series.cell.read(&mut buckets);
        HistogramSnapshot { bounds, buckets, sum, native: None }
    }

    /// Runs `f` and observes how long it took, in seconds.
    ///
    /// ```
    /// use narthex::Histogram;
    ///
    /// let latency = Histogram::builder("latency_seconds", "Of replies.").build()?;
    /// assert_eq!(latency.time(|| 6 * 7), 42);
    /// assert_eq!(latency.snapshot().count(), 1.0);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn time<R>(&self, f: impl FnOnce() -> R) -> R {
        time(self, f)
    }

    /// Observes the time in seconds until the timer is dropped.
    pub fn start_timer(&self) -> Timer<Self> {
        Timer::start(self.clone())
    }

    /// Observes how long a future takes, in seconds, from its first poll on.
    pub fn time_future<F: Future>(&self, future: F) -> TimedFuture<Self, F> {
        TimedFuture::new(self.clone(), future)
    }

    /// Begins anew, while no thread observes.
    #[cfg(feature = "catalog")]
    pub(crate) fn clear(&self) {
        self.series.cell.clear();
        if let Some(aside) = self.series.known_aside() {
            aside.of_buckets.clear();
        }
        self.series.restart();
    }

    fn bounds(&self) -> &Bounds {
        &self.series.schema().settings.bounds
    }

    #[inline]
    fn bucket(&self, value: f64) -> usize {
        self.series.schema().settings.index.find(value)
    }
}

/// Bounds at equal distances: `count` of them from `start` on.
///
/// ```
/// assert_eq!(narthex::linear_buckets(1.0, 0.5, 3), [1.0, 1.5, 2.0]);
/// ```
pub fn linear_buckets(start: f64, width: f64, count: usize) -> Vec<f64> {
    (0..count).map(|place| start + width * place as f64).collect()
}

/// Bounds that grow by a factor: `count` of them from `start` on.
///
/// ```
/// assert_eq!(narthex::exponential_buckets(1.0, 2.0, 4), [1.0, 2.0, 4.0, 8.0]);
/// ```
pub fn exponential_buckets(start: f64, factor: f64, count: usize) -> Vec<f64> {
    std::iter::successors(Some(start), |bound| Some(bound * factor)).take(count).collect()
}

impl<T: Built<Histogram>> MetricBuilder<Histogram, T> {
    /// The upper bounds of the buckets, ascending; +Inf is added.
    ///
    /// [`linear_buckets`] and [`exponential_buckets`] make some.
    pub fn buckets<I>(mut self, bounds: I) -> Self
    where
        I: IntoIterator,
        I::Item: Amount,
    {
        self.settings.given = Some(bounds.into_iter().map(Amount::to_f64).collect());
        self
    }

    /// Makes it a native histogram, whose buckets come into being by themselves.
    ///
    /// It has no other buckets unless [some are given](Self::buckets); those are exposed beside.
    /// Formats that know no native histograms show these, count and sum.
    ///
    /// In [files that processes share](MetricBuilder::store), the buckets of all processes are
    /// added up, at the coarsest resolution that one of them has. There a series never begins
    /// anew, as [`min_reset_duration`](NativeOptions::min_reset_duration) would have it: what
    /// processes have counted together must not fall. Python's client sees the buckets that are
    /// given, or else count and sum. An observation takes two locked instructions.
    ///
    /// ```
    /// use narthex::{Histogram, NativeOptions};
    ///
    /// let latency = Histogram::builder("latency_seconds", "Of replies.")
    ///     .native(NativeOptions::new())
    ///     .build()?;
    /// latency.observe_n(0.1, 3);
    /// // The third root of eight buckets to a power of two: 0.0992 to 0.1081.
    /// assert!((0.0991..0.1082).contains(&latency.snapshot().quantile(0.5)));
    /// # Ok::<(), narthex::Error>(())
    /// ```
    ///
    /// Source: [native histograms](https://prometheus.io/docs/specs/native_histograms/).
    pub fn native(mut self, options: NativeOptions) -> Self {
        self.settings.options = Some(options);
        self
    }
}

impl Observer for Histogram {
    #[inline]
    fn observe_seconds(&self, seconds: f64) {
        self.observe(seconds);
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

impl Instrument for Histogram {}

/// What is chosen when a histogram is built.
#[derive(Clone, Debug)]
pub struct HistogramSettings {
    given: Option<Vec<f64>>,
    options: Option<NativeOptions>,
    // Made of these when the metric is built.
    bounds: Bounds,
    index: BucketIndex,
    native: Option<NativeLimits>,
}

impl Default for HistogramSettings {
    fn default() -> Self {
        let mut bounds = DEFAULT_BUCKETS.to_vec();
        bounds.push(f64::INFINITY);
        let index = BucketIndex::new(&bounds);
        let bounds = Bounds::from_sorted(bounds);
        Self { given: None, options: None, bounds, index, native: None }
    }
}

impl PartialEq for HistogramSettings {
    fn eq(&self, other: &Self) -> bool {
        self.bounds == other.bounds && self.native == other.native
    }
}

/// What few histograms keep.
#[derive(Debug, Default)]
pub struct HistogramAside {
    of_buckets: ExemplarSlots,
    native: OnceBox<NativeExemplars>,
}

impl Kind for Histogram {
    type Cell = HistogramCell;
    type Aside = HistogramAside;
    type Settings = HistogramSettings;

    const TYPE: MetricType = MetricType::Histogram;

    fn check(settings: &mut HistogramSettings, desc: &Desc, _: &LabelNames) -> Result {
        let of = |error: Error| error.of(format_args!("histogram {:?}", desc.name()));
        let bounds = match (&settings.given, settings.options) {
            (Some(given), _) => Bounds::new(given.iter().copied()),
            (None, Some(_)) => Ok(Bounds::endless()),
            (None, None) => Bounds::new(DEFAULT_BUCKETS),
        };
        settings.bounds = bounds.map_err(of)?;
        settings.index = BucketIndex::new(settings.bounds.values());
        let limits = |options: NativeOptions| options.limits(settings.bounds.values().len());
        settings.native = settings.options.map(limits).transpose().map_err(of)?;
        Ok(())
    }

    #[cfg(feature = "multiprocess")]
    fn file(_: &HistogramSettings) -> Option<FileKind> {
        Some(FileKind::Histogram)
    }

    #[cfg(feature = "multiprocess")]
    fn is_native(settings: &HistogramSettings) -> bool {
        settings.native.is_some()
    }

    fn new_cell(
        schema: &Schema<Self>,
        homes: &mut Homes<'_>,
    ) -> (HistogramCell, Option<HistogramAside>) {
        let bounds = &schema.settings.bounds;
        let native = schema.settings.native;
        if let Some(limits) = native.filter(|_| !homes.are_shared()) {
            return (HistogramCell::native(limits, bounds.values().len(), now), None);
        }
        let texts = bounds.texts();
        let buckets = texts.iter().map(|le| (Suffix::Bucket, Some(("le", &**le))));
        let numbers: Vec<_> = std::iter::once((Suffix::Sum, None)).chain(buckets).collect();
        let numbers = homes.of(&numbers);
        let exemplars = numbers.iter().skip(1).map(|bucket| homes.exemplar(bucket)).collect();
        let aside = ExemplarSlots::if_shared(exemplars)
            .map(|of_buckets| HistogramAside { of_buckets, ..HistogramAside::default() });
        #[cfg(feature = "multiprocess")]
        if let Some(limits) = native {
            let native = homes.native(0..numbers.len(), limits, bounds.values().len(), None);
            return (HistogramCell::shared(numbers, native), aside);
        }
        (HistogramCell::at(numbers), aside)
    }

    #[inline]
    fn of(series: Held<Self>) -> Self {
        Self { series }
    }

    fn series(&self) -> &Held<Self> {
        &self.series
    }

    fn columns(schema: &Schema<Self>) -> Columns {
        let bounds = schema.settings.bounds.clone();
        // With a negative bound the sum may fall, which a counter cannot.
        let has_sum = bounds.values()[0] >= 0.0;
        let sum_place = if has_sum { SumPlace::Last } else { SumPlace::Absent };
        let (buckets, sums) = (Vec::new(), Vec::new());
        let values = ValueColumns::Histograms { bounds, buckets, sums, sum_place };
        Columns::new(schema.names.clone(), values)
    }

    fn push(all: &[Self], columns: &mut Columns) -> usize {
        let first = columns.rows();
        let all = push_labels(all, columns);
        if all.first().is_some_and(|histogram| histogram.series.schema().settings.native.is_some())
        {
            push_native(all, first, columns);
        } else {
            columns.extend_starts(all.iter().map(|histogram| histogram.series.created()));
            if let ValueColumns::Histograms { buckets, sums, .. } = &mut columns.values {
                let cells = all.iter().map(|histogram| &histogram.series.cell);
                HistogramCell::read_all(cells, buckets, sums);
            }
        }
        for (row, histogram) in (first..).zip(all) {
            if let Some(aside) = histogram.series.known_aside() {
                aside.of_buckets.record(row * histogram.bounds().values().len(), columns);
            }
        }
        all.len()
    }
}

/// Appends the numbers of native histograms, whose labels are there from this row on.
fn push_native(all: &[Histogram], first: usize, columns: &mut Columns) {
    let mut reading = NativeReading::default();
    let count = |&(index, count): &(i32, u64)| (index, count as f64);
    for (row, histogram) in (first..).zip(all) {
        let Some(read) = histogram.series.cell.read_native(&mut reading) else { return };
        columns.extend_starts(std::iter::once(read.started));
        if let ValueColumns::Histograms { buckets, sums, .. } = &mut columns.values {
            buckets.extend(read.below.iter().map(|count| *count as f64));
            sums.push(read.sum);
        }
        columns.push_native_buckets(
            row,
            read.schema as i8,
            (read.zero_threshold, read.zero_count as f64),
            read.negative.iter().map(count),
            read.positive.iter().map(count),
        );
        if let Some(exemplars) = histogram.series.known_aside().and_then(|aside| aside.native.get())
        {
            let _hold_off = histogram.series.schema().hold_off();
            exemplars.record(columns);
        }
    }
}
