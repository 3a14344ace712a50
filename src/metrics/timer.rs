//! How long something took: around a closure, in a scope, or of a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::instrument::Instrument;
use super::stopwatch::{Stopwatch, to_seconds};

/// What takes durations, in seconds: [`Histogram`](crate::Histogram),
/// [`Summary`](crate::Summary) and [`Gauge`](crate::Gauge).
pub trait Observer: Instrument {
    /// Takes one duration.
    fn observe_duration(&self, duration: Duration) {
        self.observe_seconds(duration.as_secs_f64());
    }

    /// Takes one duration, in seconds.
    fn observe_seconds(&self, seconds: f64);
}

/// Runs `f` and observes how long it took, also if it panics.
pub(super) fn time<M: Observer, R>(metric: &M, f: impl FnOnce() -> R) -> R {
    let _watch = Watch { metric, begun: Stopwatch::start() };
    f()
}

/// Observes how long it lived, in seconds, when it is dropped.
///
/// On Linux on x86-64 it reads the ticks of the processor, if the kernel tells
/// the time by them too and as soon as their rate is known, for which nobody
/// waits; before that, and elsewhere, it asks
/// [`Instant`](std::time::Instant). Both agree to a hundred-thousandth, unless
/// the system's clock is being slewed. A time is never negative; whether it
/// counts that for which the machine slept is not said.
///
/// ```
/// use narthex::Histogram;
///
/// let latency = Histogram::builder("latency_seconds", "Of replies.").build()?;
/// let timer = latency.start_timer();
/// let took = timer.stop();
/// assert_eq!(latency.snapshot().count(), 1.0);
/// assert_eq!(latency.snapshot().sum(), took.as_secs_f64());
///
/// latency.start_timer().discard();
/// assert_eq!(latency.snapshot().count(), 1.0);
/// # Ok::<(), narthex::Error>(())
/// ```
#[must_use = "the time is observed as soon as the timer is dropped"]
pub struct Timer<M: Observer> {
    metric: Option<M>,
    begun: Stopwatch,
}

impl<M: Observer> Timer<M> {
    #[inline]
    pub(super) fn start(metric: M) -> Self {
        Self::since(Stopwatch::start(), metric)
    }

    /// A timer that has been running for a while.
    pub(super) fn since(begun: Stopwatch, metric: M) -> Self {
        Self { metric: Some(metric), begun }
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Observes the time now, and returns it.
    pub fn stop(mut self) -> Duration {
        let took = self.begun.nanos();
        if let Some(metric) = self.metric.take() {
            metric.observe_seconds(to_seconds(took));
        }
        Duration::from_nanos(took)
    }

    /// Observes nothing; returns the time.
    pub fn discard(mut self) -> Duration {
        self.metric = None;
        self.begun.elapsed()
    }
}

impl<M: Observer> Drop for Timer<M> {
    #[inline]
    fn drop(&mut self) {
        if let Some(metric) = &self.metric {
            metric.observe_seconds(self.begun.seconds());
        }
    }
}

impl<M: Observer> fmt::Debug for Timer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that observes the time from its first poll to its completion.
    ///
    /// One that panics is complete. Dropped before that, it observes nothing.
    ///
    /// ```
    /// use narthex::Histogram;
    ///
    /// let latency = Histogram::builder("latency_seconds", "Of replies.").build()?;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// assert_eq!(latency.time_future(async { 6 * 7 }).await, 42);
    /// assert_eq!(latency.snapshot().count(), 1.0);
    /// drop(latency.time_future(std::future::pending::<()>()));
    /// assert_eq!(latency.snapshot().count(), 1.0);
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "futures do nothing unless they are polled"]
    pub struct TimedFuture<M, F> {
        #[pin]
        future: F,
        metric: M,
        begun: Option<Stopwatch>,
    }
}

impl<M: Observer, F: Future> TimedFuture<M, F> {
    pub(super) fn new(metric: M, future: F) -> Self {
        Self { future, metric, begun: None }
    }
}

impl<M: Observer, F: Future> Future for TimedFuture<M, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let begun = *this.begun.get_or_insert_with(Stopwatch::start);
        let watch = Watch { metric: this.metric, begun };
        let poll = this.future.poll(context);
        if poll.is_pending() {
            std::mem::forget(watch);
        }
        poll
    }
}

/// Observes how long it lived, be it that something ended or that it panicked.
struct Watch<'a, M: Observer> {
    metric: &'a M,
    begun: Stopwatch,
}

impl<M: Observer> Drop for Watch<'_, M> {
    fn drop(&mut self) {
        self.metric.observe_seconds(self.begun.seconds());
    }
}

impl<M, F> fmt::Debug for TimedFuture<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedFuture").field("begun", &self.begun).finish_non_exhaustive()
    }
}
