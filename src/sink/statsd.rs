//! The sink that tells a StatsD server.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::bridge::StatsdBridge;
use crate::error::{Error, ErrorKind, Result};
use crate::sink::export::{Sink, SinkFuture};
use crate::sink::snapshot::Snapshot;
use crate::sink::totals::Totals;

/// Sends what is new to a StatsD server: counters `NAME_count` and `NAME_sum`, and gauges
/// `NAME_window_min` and `NAME_window_max`.
///
/// Negative observations may let a sum fall, which a counter of StatsD cannot. What no metric can be
/// called, and what would take a name of another one, is left out and [counted](Self::refused).
///
/// ```
/// use narthex::bridge::{StatsdBridge, StatsdDialect};
/// use narthex::sink::StatsdSink;
/// use narthex::window::{MetricsLevel, MetricsManager};
///
/// let bridge = StatsdBridge::builder("localhost:8125").dialect(StatsdDialect::Dog).build()?;
/// let manager = MetricsManager::builder()
///     .level(MetricsLevel::Summary)
///     .sink(StatsdSink::new(bridge))
///     .build()?;
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Debug)]
pub struct StatsdSink {
    sent: Arc<Mutex<Sent>>,
}

#[derive(Debug)]
struct Sent {
    totals: Totals,
    bridge: StatsdBridge,
}

impl StatsdSink {
    /// Sends over a bridge.
    pub fn new(bridge: StatsdBridge) -> Self {
        Self { sent: Arc::new(Mutex::new(Sent { totals: Totals::default(), bridge })) }
    }

    /// How many observations were of series that cannot be told.
    pub fn refused(&self) -> u64 {
        self.sent.lock().totals.refused()
    }
}

impl Sent {
    /// Sends, and returns what is known to be sent with this.
    fn send(&mut self, snapshots: &[Snapshot]) -> Result<Totals> {
        let mut totals = self.totals.clone();
        totals.add(snapshots);
        self.bridge.push(&totals)?;
        Ok(totals)
    }
}

impl Sink for StatsdSink {
    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        Box::pin(async move {
            let sent = match Handle::try_current() {
                // A look-up of a name, and a socket of Unix, may block.
                Ok(runtime) => {
                    let (sent, snapshots) = (self.sent.clone(), snapshots.to_vec());
                    let sending = runtime.spawn_blocking(move || sent.lock().send(&snapshots));
                    sending.await.unwrap_or_else(|error| {
                        let message = "the export to StatsD was not made";
                        Err(Error::new(ErrorKind::Io, message).with_source(error))
                    })
                }
                Err(_) => self.sent.lock().send(snapshots),
            };
            // Only here: if nobody waits any more, what is new comes again, and the bridge knows
            // what of it the server has.
            self.sent.lock().totals = sent?;
            Ok(())
        })
    }

    fn name(&self) -> &str {
        "statsd"
    }
}
