//! Pushes at an interval, and a last one at the end.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::time;

use crate::client::Ending;
use crate::error::{Error, ErrorKind, Result};
use crate::push::gateway::PushGateway;
use crate::registry::CollectorRegistry;
use crate::repeat::{Repeated, Turn};

/// Sends a registry to a Pushgateway at an interval, from a thread of its own.
///
/// When it is stopped or dropped, the last values are sent, or the group is deleted. A push that
/// fails is counted, and the first of several in a row is logged; the next one is made when it is
/// due. When it is stopped, a push under way is given up for the last one, and the thread that stops
/// it is blocked until that is done, for [a limited time](PeriodicPushBuilder::last_push_timeout). A
/// forked child has no such thread, and dropping what it inherited does nothing there. Collectors that
/// await are refreshed before each push.
///
/// Whoever ends without dropping it, by a signal that nobody listens for or by `process::exit`,
/// loses what came since the last time: let the program end by returning from `main`, as
/// `service::Runner` does at a signal, or listen for it and call `stop`.
///
/// ```no_run
/// use std::time::{Duration, Instant};
///
/// use narthex::REGISTRY;
/// use narthex::push::{PeriodicPush, PushGateway};
///
/// let gateway = PushGateway::builder("localhost:9091", "crawler").build()?;
/// let pushes = PeriodicPush::builder(&gateway, &REGISTRY)
///     .interval(Duration::from_secs(15))
///     .start()?;
/// // … the work …
/// pushes.stop()?;
/// # Ok::<(), narthex::Error>(())
/// ```
#[must_use = "it stops when it is dropped"]
pub struct PeriodicPush {
    // Dropped first, so that a push that is under way is given up.
    ending: Ending,
    repeated: Repeated,
}

async fn is_over(longest: Duration, begun: Instant) -> Error {
    time::sleep(longest.saturating_sub(begun.elapsed())).await;
    Error::new(ErrorKind::TimedOut, format!("the last push took longer than {longest:?}"))
}

impl PeriodicPush {
    /// Pushes of a registry to a gateway.
    pub fn builder(gateway: &PushGateway, registry: &CollectorRegistry) -> PeriodicPushBuilder {
        PeriodicPushBuilder {
            gateway: gateway.clone(),
            registry: registry.clone(),
            interval: Duration::from_secs(15),
            replaces: true,
            deletes: false,
            longest: Duration::from_secs(10),
        }
    }

    /// How many pushes have failed, after all of their attempts.
    pub fn failures(&self) -> u64 {
        self.repeated.failures()
    }

    /// Sends the last values, or deletes the group, and returns when that is done.
    ///
    /// # Errors
    /// Those of the last push or of the deletion, which are those of [`PushGateway::push`].
    pub fn stop(self) -> Result {
        drop(self.ending);
        self.repeated.stop()
    }
}

impl fmt::Debug for PeriodicPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeriodicPush").field("failures", &self.failures()).finish_non_exhaustive()
    }
}

/// Settings of a [`PeriodicPush`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct PeriodicPushBuilder {
    gateway: PushGateway,
    registry: CollectorRegistry,
    interval: Duration,
    replaces: bool,
    deletes: bool,
    longest: Duration,
}

impl PeriodicPushBuilder {
    /// How long it is from the beginning of one push to that of the next; the default is 15
    /// seconds. The first one is due after one interval. Intervals that end while a push is under
    /// way are left out.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Whether a push replaces the whole group, which is the default, or only the metrics of the
    /// same names. With the default, what an earlier run of the job has left is gone with the first
    /// push.
    pub fn replace(self, whole: bool) -> Self {
        Self { replaces: whole, ..self }
    }

    /// Whether the group is deleted at the end, in place of a last push; the default is no.
    pub fn delete_at_end(self, wanted: bool) -> Self {
        Self { deletes: wanted, ..self }
    }

    /// How long the last push, or the deletion, may take with all of its attempts; the default is 10
    /// seconds. So long [`stop`](PeriodicPush::stop), or a drop, waits at most, beside what collectors
    /// take.
    pub fn last_push_timeout(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`](crate::Error::is_invalid_value) if the interval is zero;
    /// [`Error::is_io`](crate::Error::is_io) if no thread can be
    /// started.
    pub fn start(self) -> Result<PeriodicPush> {
        let Self { gateway, registry, interval, replaces, deletes, longest } = self;
        let ending = Ending::default();
        let ended = ending.listen();
        let repeated = Repeated::start("metrics-push", interval, move |turn| match turn {
            Turn::First => Ok(()),
            Turn::Due => gateway.push_until(&registry, replaces, || ended.clone().said()),
            Turn::Last => {
                let begun = Instant::now();
                let until = || is_over(longest, begun);
                match deletes {
                    true => gateway.delete_until(until()),
                    false => gateway.push_until(&registry, replaces, until),
                }
            }
        })?;
        Ok(PeriodicPush { ending, repeated })
    }
}
