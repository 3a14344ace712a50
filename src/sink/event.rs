//! What a sink may be told at once: each single observation.

use std::time::Duration;

/// One observation, as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricEvent<'a> {
    /// Its name.
    pub name: &'a str,
    /// What was observed.
    pub value: f64,
    /// When, by the clock of the manager.
    pub timestamp: Duration,
    /// The dimensions that the level keeps, as they were given.
    pub dimensions: &'a [(&'a str, &'a str)],
}

impl<'a> MetricEvent<'a> {
    pub(crate) fn new(
        name: &'a str,
        value: f64,
        timestamp: Duration,
        dimensions: &'a [(&'a str, &'a str)],
    ) -> Self {
        Self { name, value, timestamp, dimensions }
    }
}

/// Hears of each observation, on the thread that records it, before that goes on.
///
/// What it does there is what the program waits for: it should be little. A
/// [`BufferedRecorder`](crate::recorder::BufferedRecorder) takes what is to be done later.
pub trait EventSink: Send + Sync {
    /// Hears of one observation.
    fn record(&self, event: &MetricEvent<'_>);
}
