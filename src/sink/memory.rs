//! The sink that keeps what it is given, for tests.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::sink::event::{EventSink, MetricEvent};
use crate::sink::export::{Sink, SinkFuture, done};
use crate::sink::snapshot::Snapshot;

/// How many exports it keeps, and how many events.
const KEPT: usize = 1024;

/// Keeps the last 1,024 exports in memory, for a test to look at; clones are the same sink.
///
/// ```
/// use narthex::sink::MemorySink;
/// use narthex::window::{MetricsLevel, MetricsManager};
///
/// let sink = MemorySink::new();
/// let manager = MetricsManager::builder().level(MetricsLevel::Detailed).sink(sink.clone()).build()?;
/// manager.put("retries", 2.0, &[]);
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// manager.flush().await?;
/// # Ok::<(), narthex::Error>(())
/// # })?;
/// assert_eq!(sink.exports()[0][0].window().sum, 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySink {
    kept: Arc<Mutex<Kept>>,
    hears: bool,
}

#[derive(Debug, Default)]
struct Kept {
    exports: VecDeque<Vec<Snapshot>>,
    events: VecDeque<RecordedEvent>,
    dropped: u64,
}

/// A [`MetricEvent`] that was kept.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// The name of what was recorded.
    pub name: String,
    /// What was observed.
    pub value: f64,
    /// When, by the clock of the manager.
    pub timestamp: Duration,
    /// The dimensions that the level keeps, as they were given.
    pub dimensions: Vec<(String, String)>,
}

impl MemorySink {
    /// One that keeps exports.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that keeps the last 1,024 single observations as well.
    pub fn with_events() -> Self {
        Self { hears: true, ..Self::default() }
    }

    /// The exports, the oldest first.
    pub fn exports(&self) -> Vec<Vec<Snapshot>> {
        self.kept.lock().exports.iter().cloned().collect()
    }

    /// The single observations, the oldest first.
    pub fn recorded(&self) -> Vec<RecordedEvent> {
        self.kept.lock().events.iter().cloned().collect()
    }

    /// How many exports and single observations had to go, because others came.
    pub fn dropped(&self) -> u64 {
        self.kept.lock().dropped
    }

    /// Forgets what it has.
    pub fn clear(&self) {
        *self.kept.lock() = Kept::default();
    }
}

/// Adds to the end, and drops what is too old; says how much that was.
fn keep<T>(all: &mut VecDeque<T>, one: T) -> u64 {
    all.push_back(one);
    u64::from(all.len() > KEPT && all.pop_front().is_some())
}

impl Sink for MemorySink {
    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        let kept = &mut *self.kept.lock();
        kept.dropped += keep(&mut kept.exports, snapshots.to_vec());
        done(Ok(()))
    }

    fn events(&self) -> Option<&dyn EventSink> {
        self.hears.then_some(self)
    }

    fn name(&self) -> &str {
        "memory"
    }
}

impl EventSink for MemorySink {
    fn record(&self, event: &MetricEvent<'_>) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let dimensions = event.dimensions.iter().map(owned).collect();
        let MetricEvent { name, value, timestamp, .. } = *event;
        let event = RecordedEvent { name: name.to_owned(), value, timestamp, dimensions };
        let kept = &mut *self.kept.lock();
        kept.dropped += keep(&mut kept.events, event);
    }
}
