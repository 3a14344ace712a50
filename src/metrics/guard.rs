//! Guards: what is counted when a scope ends.

use super::counter::Counter;
use super::gauge::Gauge;

/// Counts an error when it is dropped, unless it was told of success.
///
/// Made by [`Counter::error_guard`]; it counts early returns and panics alike.
#[derive(Debug)]
#[must_use = "an error is counted as soon as the guard is dropped"]
pub struct ErrorGuard {
    counter: Counter,
    armed: bool,
}

impl ErrorGuard {
    pub(super) fn new(counter: Counter) -> Self {
        Self { counter, armed: true }
    }

    /// All went well: nothing is counted.
    pub fn success(mut self) {
        self.armed = false;
    }
}

impl Drop for ErrorGuard {
    fn drop(&mut self) {
        if self.armed {
            self.counter.inc();
        }
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
    pub(super) fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self { gauge }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
