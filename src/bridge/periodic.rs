//! A bridge that sends at an interval, and a last time at the end.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::registry::CollectorRegistry;
use crate::repeat::{Repeated, Turn};

/// Sends a registry over a bridge at an interval, from a thread of its own; made by
/// [`GraphiteBridge::start`](crate::bridge::GraphiteBridge::start) and
/// [`StatsdBridge::start`](crate::bridge::StatsdBridge::start).
///
/// The first time is when one interval has passed; when it is stopped or dropped, the last values
/// are sent. What fails is counted, and the first of several failures in a row is logged. Intervals
/// that end while something is sent are left out. A forked child has no such thread, and dropping
/// what it inherited does nothing there. Collectors that await show what they showed when they last
/// were refreshed.
///
/// Whoever ends without dropping it, by a signal that nobody listens for or by `process::exit`,
/// loses what came since the last time: let the program end by returning from `main`, as
/// `service::Runner` does at a signal, or listen for it and call `stop`.
#[must_use = "it stops when it is dropped"]
pub struct PeriodicBridge {
    repeated: Repeated,
}

impl PeriodicBridge {
    pub(super) fn start(
        registry: &CollectorRegistry,
        interval: Duration,
        mut send: impl FnMut(&CollectorRegistry) -> Result + Send + 'static,
    ) -> Result<Self> {
        let registry = registry.clone();
        let repeated = Repeated::start("metrics-bridge", interval, move |turn| match turn {
            Turn::First => Ok(()),
            Turn::Due | Turn::Last => send(&registry),
        })?;
        Ok(Self { repeated })
    }

    /// How often sending has failed.
    pub fn failures(&self) -> u64 {
        self.repeated.failures()
    }

    /// Sends the last values, and returns when that is done.
    ///
    /// # Errors
    /// Those of the last time.
    pub fn stop(self) -> Result {
        self.repeated.stop()
    }
}

impl fmt::Debug for PeriodicBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = self.failures();
        f.debug_struct("PeriodicBridge").field("failures", &failures).finish_non_exhaustive()
    }
}
