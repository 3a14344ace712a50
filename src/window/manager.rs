//! Who records by name, and keeps the windows.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::sink::{Aggregate, MetricEvent, Sink, Snapshot};
use crate::window::level::MetricsLevel;
use crate::window::outlet::Outlet;
use crate::window::rolling::Span;
use crate::window::series::{AllSeries, Series};

/// Records observations by name and dimensions, keeps the last seconds of each series, and hands
/// them to sinks at an interval; cheap to clone.
///
/// It is for observations that go somewhere else than to a scrape: what a scrape shows is counted by
/// a [`Counter`](crate::Counter) or a [`Summary`](crate::Summary) in a fraction of the time.
///
/// ```
/// use narthex::sink::MemorySink;
/// use narthex::window::{MetricsLevel, MetricsManager};
///
/// let sink = MemorySink::new();
/// let manager = MetricsManager::builder()
///     .level(MetricsLevel::Summary)
///     .summary_dimensions(["stream"])
///     .sink(sink.clone())
///     .build()?;
/// let flushing = manager.start()?;
/// manager.put("bytes", 512.0, &[("stream", "clicks"), ("shard", "17")]);
/// manager.put("bytes", 256.0, &[("stream", "clicks"), ("shard", "4")]);
///
/// let bytes = manager.window("bytes", &[("stream", "clicks")]).expect("recorded");
/// assert_eq!((bytes.count, bytes.sum, bytes.min, bytes.max), (2, 768.0, 256.0, 512.0));
/// flushing.stop()?;
/// assert_eq!(sink.exports()[0][0].new().count, 2);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct MetricsManager {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: MetricsManagerBuilder,
    pub(super) outlets: Vec<Outlet>,
    pub(super) series: AllSeries,
    hears_events: bool,
    refused: AtomicU64,
}

impl MetricsManager {
    /// Begins a manager, of the level [`None`](MetricsLevel::None) unless another one is set.
    pub fn builder() -> MetricsManagerBuilder {
        MetricsManagerBuilder::new()
    }

    /// How much it keeps.
    pub fn level(&self) -> MetricsLevel {
        self.inner.settings.level
    }

    /// Records an observation.
    ///
    /// Dimensions are names with values, in any order; of those with the same name the first one
    /// counts, and one without a value is none. Nothing is allocated if the series is there. If there are too many series, a new one is
    /// not made, and the observation is counted as [refused](Self::refused).
    #[inline]
    pub fn put(&self, name: &str, value: f64, dimensions: &[(&str, &str)]) {
        if self.level() != MetricsLevel::None {
            self.record(name, value, dimensions);
        }
    }

    /// Makes a handle that records without looking for the series.
    ///
    /// ```
    /// use narthex::window::{MetricsLevel, MetricsManager};
    ///
    /// let manager = MetricsManager::builder().level(MetricsLevel::Detailed).build()?;
    /// let retries = manager.metric("retries", &[("shard", "3")]);
    /// retries.put(1.0);
    /// assert_eq!(manager.window("retries", &[("shard", "3")]).expect("recorded").count, 1);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn metric(&self, name: &str, dimensions: &[(&str, &str)]) -> WindowedMetric {
        let series = match self.level() {
            MetricsLevel::None => None,
            _ => self.find_or_make(name, dimensions, self.now(), Arc::clone),
        };
        WindowedMetric { manager: self.clone(), series }
    }

    /// The window of a series that ends now, if there is anything in it.
    pub fn window(&self, name: &str, dimensions: &[(&str, &str)]) -> Option<Aggregate> {
        let (now, kept) = (self.now(), self.kept(dimensions));
        let window = |series: &Arc<Series>| series.window(self.span(now));
        self.inner.series.find(name, kept, window).filter(|window| !window.is_empty())
    }

    /// The windows that end now and have anything in them, by name and dimensions.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let now = self.now();
        let snapshot = |series: &Arc<Series>| {
            let (window, new) = (series.window(self.span(now)), Aggregate::EMPTY);
            Snapshot { key: series.key.clone(), window, new, bounds: self.bounds(now) }
        };
        let all = self.inner.series.sorted();
        all.iter().map(snapshot).filter(|snapshot| !snapshot.window.is_empty()).collect()
    }

    /// How many observations had no series, because there were too many.
    pub fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }

    #[inline(never)]
    fn record(&self, name: &str, value: f64, dimensions: &[(&str, &str)]) {
        let now = self.now();
        let add = |series: &Arc<Series>| series.add(self.span(now), value);
        if self.find_or_make(name, dimensions, now, add).is_none() {
            return;
        }
        if self.inner.hears_events {
            let dimensions: Vec<_> = self.kept(dimensions).collect();
            self.tell(&MetricEvent::new(name, value, now, &dimensions));
        }
    }

    fn find_or_make<T>(
        &self,
        name: &str,
        dimensions: &[(&str, &str)],
        now: Duration,
        then: impl Fn(&Arc<Series>) -> T,
    ) -> Option<T> {
        let (kept, span) = (self.kept(dimensions), self.span(now));
        let is_failing = |sink: usize| self.inner.outlets[sink].is_failing();
        let done = self.inner.series.find_or_make(name, kept, span, is_failing, then);
        if done.is_none() {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
        }
        done
    }

    /// The dimensions that the level keeps, each once.
    fn kept<'k>(
        &'k self,
        all: &'k [(&'k str, &'k str)],
    ) -> impl Iterator<Item = (&'k str, &'k str)> + Clone {
        let MetricsManagerBuilder { level, coarse, .. } = &self.inner.settings;
        let is_kept = move |(place, (name, value)): &(usize, &(&str, &str))| {
            !value.is_empty()
                && (*level == MetricsLevel::Detailed || coarse.iter().any(|known| known == name))
                && !all[..*place].iter().any(|(before, _)| before == name)
        };
        all.iter().enumerate().filter(is_kept).map(|(_, dimension)| *dimension)
    }

    /// No lock is held.
    fn tell(&self, event: &MetricEvent<'_>) {
        let sinks = self.inner.outlets.iter();
        sinks.filter_map(|outlet| outlet.sink.events()).for_each(|sink| sink.record(event));
    }

    pub(super) fn now(&self) -> Duration {
        (self.inner.settings.clock)()
    }

    pub(super) fn span(&self, now: Duration) -> Span {
        Span { last: now.as_secs(), seconds: self.inner.settings.window }
    }

    /// From the beginning of the first second of a window to its end.
    pub(super) fn bounds(&self, now: Duration) -> (Duration, Duration) {
        let first = (now.as_secs() + 1).saturating_sub(self.inner.settings.window);
        (Duration::from_secs(first), now)
    }
}

impl fmt::Debug for MetricsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.settings.fmt(f)
    }
}

/// One series of a [`MetricsManager`], to be kept beside the code that it measures.
///
/// While it is there, its series is.
#[derive(Clone, Debug)]
pub struct WindowedMetric {
    manager: MetricsManager,
    /// None if nothing is to be recorded, or there are too many.
    series: Option<Arc<Series>>,
}

impl WindowedMetric {
    /// Records an observation.
    pub fn put(&self, value: f64) {
        let Some(series) = &self.series else { return };
        let now = self.manager.now();
        series.add(self.manager.span(now), value);
        if self.manager.inner.hears_events {
            let dimensions = series.key.dimensions.iter();
            let dimensions: Vec<_> = dimensions.map(|(name, value)| (&**name, &**value)).collect();
            self.manager.tell(&MetricEvent::new(&series.key.name, value, now, &dimensions));
        }
    }
}

type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;
type Sleep = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Settings of a [`MetricsManager`].
#[must_use = "a builder does nothing until it is built"]
pub struct MetricsManagerBuilder {
    level: MetricsLevel,
    coarse: Vec<String>,
    window: u64,
    most_series: usize,
    pub(super) interval: Duration,
    pub(super) export_timeout: Duration,
    sinks: Vec<Box<dyn Sink>>,
    clock: Clock,
    pub(super) sleep: Sleep,
}

impl MetricsManagerBuilder {
    fn new() -> Self {
        let begun = Instant::now();
        Self {
            level: MetricsLevel::None,
            coarse: Vec::new(),
            window: 60,
            most_series: 10_000,
            interval: Duration::from_secs(60),
            export_timeout: Duration::from_secs(30),
            sinks: Vec::new(),
            clock: Arc::new(move || begun.elapsed()),
            sleep: Arc::new(|duration| Box::pin(tokio::time::sleep(duration))),
        }
    }

    /// How much is kept.
    pub fn level(self, level: MetricsLevel) -> Self {
        Self { level, ..self }
    }

    /// The dimensions that the level [`Summary`](MetricsLevel::Summary) keeps; none, if this is not
    /// called.
    pub fn summary_dimensions<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { coarse: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// How many seconds a window has, the one that is not over yet among them; the default is 60.
    pub fn window_seconds(self, seconds: u64) -> Self {
        Self { window: seconds, ..self }
    }

    /// How many series there may be at a time; the default is 10,000. A series is there while
    /// anything of it is in its window or to be exported. If there is no room for another one, what
    /// is over and only waits for sinks whose last export failed is dropped, and counted for each.
    pub fn max_series(self, most: usize) -> Self {
        Self { most_series: most, ..self }
    }

    /// A sink to export to; each one that is added gets everything.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// How long it is from the beginning of one export to that of the next; the default is a minute.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// How long a sink may take for an export, to be entered or to be left; the default is 30
    /// seconds. An export that takes longer has failed.
    pub fn export_timeout(self, longest: Duration) -> Self {
        Self { export_timeout: longest, ..self }
    }

    /// What tells the time that has passed since some moment, and never goes back; the default is the
    /// system's monotonic clock.
    pub fn clock(self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// What waits; the default is tokio's timer.
    pub fn sleep<F>(self, sleep: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { sleep: Arc::new(move |duration| Box::pin(sleep(duration))), ..self }
    }

    /// Builds it; no sink is entered yet.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the window, the interval or the number of series is zero.
    pub fn build(mut self) -> Result<MetricsManager> {
        let zero = [
            (self.window == 0, "the window of a manager has no second"),
            (self.interval.is_zero(), "an interval of nothing leaves no time in between"),
            (self.most_series == 0, "a manager without series can record nothing"),
        ];
        if let Some((_, message)) = zero.iter().find(|(is_zero, _)| *is_zero) {
            return Err(Error::new(ErrorKind::InvalidValue, *message));
        }
        let outlets = Outlet::of_all(std::mem::take(&mut self.sinks));
        let hears_events = outlets.iter().any(|outlet| outlet.sink.events().is_some());
        let series = AllSeries::new(self.most_series, outlets.len());
        let refused = AtomicU64::new(0);
        let inner = Inner { settings: self, outlets, series, hears_events, refused };
        Ok(MetricsManager { inner: Arc::new(inner) })
    }
}

impl fmt::Debug for MetricsManagerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsManager")
            .field("level", &self.level)
            .field("summary_dimensions", &self.coarse)
            .field("window_seconds", &self.window)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
