//! Timing something whose labels are known only when it is done.

use std::fmt;
use std::time::Duration;

use super::label_set::LabelSet;
use super::label_values::LabelValues;
use super::stopwatch::{Stopwatch, to_seconds};
use super::timer::{Observer, Timer};
use super::vec::MetricVec;
use super::vec_of::MetricVecOf;

/// A timer whose labels are chosen when what it times is known.
///
/// Dropped before that, it observes nothing. `V` is the labelled metric.
///
/// ```
/// use narthex::Histogram;
///
/// let latency = Histogram::builder("latency_seconds", "Of replies.").labels(["code"]).build()?;
/// let timer = latency.start_timer();
/// let code = "404"; // known only once the work is done
/// timer.stop([code]);
/// assert_eq!(latency.labels(["404"]).snapshot().count(), 1.0);
/// # Ok::<(), narthex::Error>(())
/// ```
#[must_use = "without labels nothing is observed"]
pub struct LateTimer<V> {
    vec: V,
    begun: Stopwatch,
}

impl<V> LateTimer<V> {
    fn start(vec: V) -> Self {
        Self { vec, begun: Stopwatch::start() }
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl<M: Observer, const N: usize> LateTimer<MetricVec<M, N>> {
    /// Chooses the child; the timer runs on and observes when it is dropped.
    pub fn labels(self, values: impl LabelValues<N>) -> Timer<M> {
        Timer::since(self.begun, self.vec.handle(values))
    }

    /// Observes the time now in the child of these values, and returns it.
    pub fn stop(self, values: impl LabelValues<N>) -> Duration {
        let took = self.begun.nanos();
        self.vec.labels(values).observe_seconds(to_seconds(took));
        Duration::from_nanos(took)
    }
}

impl<M: Observer, L: LabelSet<Static = L>> LateTimer<MetricVecOf<M, L>> {
    /// Chooses the child; the timer runs on and observes when it is dropped.
    pub fn labels(self, values: impl LabelSet<Static = L>) -> Timer<M> {
        Timer::since(self.begun, self.vec.handle(values))
    }

    /// Observes the time now in the child of these labels, and returns it.
    pub fn stop(self, values: impl LabelSet<Static = L>) -> Duration {
        let took = self.begun.nanos();
        self.vec.labels(values).observe_seconds(to_seconds(took));
        Duration::from_nanos(took)
    }
}

impl<V> fmt::Debug for LateTimer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateTimer").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

impl<M: Observer, const N: usize> MetricVec<M, N> {
    /// Begins to time something whose labels are known later.
    pub fn start_timer(&self) -> LateTimer<Self> {
        LateTimer::start(self.clone())
    }
}

impl<M: Observer, L: LabelSet<Static = L>> MetricVecOf<M, L> {
    /// Begins to time something whose labels are known later.
    pub fn start_timer(&self) -> LateTimer<Self> {
        LateTimer::start(self.clone())
    }
}
