//! Numbers that go up and down: temperatures, queues, requests in flight.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::amount::Amount;
#[cfg(feature = "multiprocess")]
use super::builder::Built;
use super::builder::MetricBuilder;
use super::home::Homes;
use super::instrument::{Held, Instrument, Kind, Schema, push_labels};
use super::timer::{Observer, TimedFuture, Timer, time};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
use crate::cell::{GaugeCell, note_refused_observation};
use crate::clock::now;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Columns, Desc, LabelNames, MetricType, Suffix, ValueColumns};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{FileKind, GaugeMode};

/// A number that goes up and down; cheap to clone, and safe to share.
///
/// ```
/// use narthex::Gauge;
///
/// let queue = Gauge::builder("queue_depth", "Jobs waiting.").build()?;
/// queue.set(7);
/// queue.inc();
/// queue.dec_by(2.5);
/// assert_eq!(queue.get(), 5.5);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct Gauge {
    series: Held<Self>,
}

/// A gauge split by `N` labels.
pub type GaugeVec<const N: usize> = MetricVec<Gauge, N>;

/// A gauge split by labels that are known only when the program runs.
pub type GaugeVecDyn = MetricVecDyn<Gauge>;

/// A gauge split by the labels of a struct.
pub type GaugeVecOf<L> = MetricVecOf<Gauge, L>;

impl Gauge {
    /// Begins a gauge.
    pub fn builder(name: impl Into<String>, help: impl Into<Arc<str>>) -> MetricBuilder<Self> {
        MetricBuilder::new(name, help)
    }

    /// Sets the number.
    #[inline]
    pub fn set(&self, value: impl Amount) {
        let seconds = || self.series.cell.keeps_time.then(now);
        self.series.cell.number.set(value.to_f64(), seconds);
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1_u8);
    }

    /// Takes one away.
    #[inline]
    pub fn dec(&self) {
        self.inc_by(-1_i8);
    }

    /// Adds an amount, which may be negative.
    ///
    /// A gauge whose mode shows the most recent number can only be set: this
    /// changes nothing then and is counted in
    /// `narthex_refused_observations_total`.
    #[inline]
    pub fn inc_by(&self, amount: impl Amount) {
        if self.series.cell.keeps_time {
            note_refused_observation();
        } else {
            self.series.cell.number.add(amount.to_f64());
        }
    }

    /// Takes an amount away; see [`inc_by`](Self::inc_by).
    #[inline]
    pub fn dec_by(&self, amount: impl Amount) {
        self.inc_by(-amount.to_f64());
    }

    /// Adds an amount, or says why not.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the mode of the gauge shows the most
    /// recent number, so that it can only be set.
    pub fn try_inc_by(&self, amount: impl Amount) -> Result {
        self.inc_by(amount);
        if self.series.cell.keeps_time {
            let name = self.series.schema().desc.name();
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!("gauge {name:?} shows its most recent number and can only be set"),
            ));
        }
        Ok(())
    }

    /// Takes an amount away, or says why not.
    ///
    /// # Errors
    /// Those of [`try_inc_by`](Self::try_inc_by).
    pub fn try_dec_by(&self, amount: impl Amount) -> Result {
        self.try_inc_by(-amount.to_f64())
    }

    /// Sets it to the seconds since 1970.
    pub fn set_to_current_time(&self) {
        self.set(now());
    }

    /// Shows what `f` returns, asked at each scrape, in place of what was set.
    ///
    /// It runs without a lock of the library. If it panics, the scrape treats
    /// that as a failure of this metric.
    ///
    /// ```
    /// use narthex::{CollectorRegistry, Gauge};
    ///
    /// let registry = CollectorRegistry::new();
    /// let gauge = Gauge::builder("answer", "To everything.").register(&registry)?;
    /// gauge.set_function(|| 42.0);
    /// assert_eq!(registry.get_sample_value("answer", &[]), Some(42.0));
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn set_function(&self, f: impl Fn() -> f64 + Send + Sync + 'static) {
        let old = self.series.aside().function.write().replace(Arc::new(f));
        // Dropped without the lock: what it owns is foreign.
        drop(old);
    }

    /// Shows again what is set.
    pub fn clear_function(&self) {
        let old = self.series.known_aside().and_then(|aside| aside.function.write().take());
        // Dropped here, where no lock is held: it is foreign code.
        drop(old);
    }

    /// The number, as a scrape would see it.
    ///
    /// # Panics
    /// If the function panics that was [set](Self::set_function).
    pub fn get(&self) -> f64 {
        self.function().map_or_else(|| self.series.cell.number.get(), |function| function())
    }

    /// Keeps it one higher until the guard is dropped.
    ///
    /// ```
    /// use narthex::Gauge;
    ///
    /// let busy = Gauge::builder("busy", "Requests in flight.").build()?;
    /// let guard = busy.track_inprogress();
    /// assert_eq!(busy.get(), 1.0);
    /// drop(guard);
    /// assert_eq!(busy.get(), 0.0);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn track_inprogress(&self) -> InProgress {
        InProgress::new(self.clone())
    }

    /// Runs `f` and sets the gauge to how long it took, in seconds.
    pub fn time<R>(&self, f: impl FnOnce() -> R) -> R {
        time(self, f)
    }

    /// Sets it to the time in seconds until the timer is dropped.
    pub fn start_timer(&self) -> Timer<Self> {
        Timer::start(self.clone())
    }

    /// Sets it to how long a future takes, in seconds.
    pub fn time_future<F: Future>(&self, future: F) -> TimedFuture<Self, F> {
        TimedFuture::new(self.clone(), future)
    }

    /// Copied out, so that no lock is held while foreign code runs.
    #[inline]
    fn function(&self) -> Option<Function> {
        self.series.known_aside().and_then(|aside| aside.function.read().clone())
    }
}

impl Observer for Gauge {
    #[inline]
    fn observe_seconds(&self, seconds: f64) {
        self.set(seconds);
    }
}

#[cfg(feature = "multiprocess")]
impl<T: Built<Gauge>> MetricBuilder<Gauge, T> {
    /// How the numbers of several processes become one; [`GaugeMode::All`] by
    /// default. It matters only in a [store](Self::store), but for one thing:
    /// a gauge that shows its most recent number can only be set, anywhere.
    #[doc(alias = "multiprocess_mode")]
    pub fn mode(mut self, mode: GaugeMode) -> Self {
        self.settings.mode = mode;
        self
    }
}

/// Keeps a gauge one higher until it is dropped.
///
/// Made by [`Gauge::track_inprogress`].
#[derive(Debug)]
#[must_use = "the gauge falls again as soon as the guard is dropped"]
pub struct InProgress {
    gauge: Gauge,
}

impl InProgress {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self { gauge }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

impl Instrument for Gauge {}

type Function = Arc<dyn Fn() -> f64 + Send + Sync>;

/// What a series of a gauge keeps.
#[derive(Debug)]
pub struct GaugeSeries {
    number: GaugeCell,
    /// Whether its mode shows the most recent number, so that it can only be set.
    keeps_time: bool,
}

/// What few series of a gauge keep.
#[derive(Default)]
pub struct GaugeAside {
    function: RwLock<Option<Function>>,
}

impl fmt::Debug for GaugeAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaugeAside").finish_non_exhaustive()
    }
}

/// What is chosen when a gauge is built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GaugeSettings {
    #[cfg(feature = "multiprocess")]
    mode: GaugeMode,
}

impl Kind for Gauge {
    type Cell = GaugeSeries;
    type Aside = GaugeAside;
    type Settings = GaugeSettings;

    const TYPE: MetricType = MetricType::Gauge;

    fn check(_: &mut GaugeSettings, _: &Desc, _: &LabelNames) -> Result {
        Ok(())
    }

    #[cfg(feature = "multiprocess")]
    fn file(settings: &GaugeSettings) -> Option<FileKind> {
        Some(FileKind::Gauge(settings.mode))
    }

    #[cfg_attr(not(feature = "multiprocess"), expect(unused_variables))]
    fn new_cell(schema: &Schema<Self>, homes: &mut Homes<'_>) -> (GaugeSeries, Option<GaugeAside>) {
        let series = GaugeSeries {
            number: GaugeCell::at(homes.home(Suffix::None)),
            #[cfg(feature = "multiprocess")]
            keeps_time: schema.settings.mode.is_most_recent(),
            #[cfg(not(feature = "multiprocess"))]
            keeps_time: false,
        };
        (series, None)
    }

    #[inline]
    fn of(series: Held<Self>) -> Self {
        Self { series }
    }

    fn series(&self) -> &Held<Self> {
        &self.series
    }

    fn columns(schema: &Schema<Self>) -> Columns {
        Columns::floats(schema.names.clone(), Suffix::None)
    }

    fn push(all: &[Self], columns: &mut Columns) -> usize {
        let all = push_labels(all, columns);
        if let ValueColumns::Floats { values, .. } = &mut columns.values {
            let first = values.len();
            GaugeCell::get_all(all.iter().map(|gauge| &gauge.series.cell.number), values);
            for (gauge, value) in all.iter().zip(&mut values[first..]) {
                if let Some(function) = gauge.function() {
                    *value = function();
                }
            }
        }
        all.len()
    }
}
