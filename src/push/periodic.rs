//! Pushes at an interval, and a last one at the end.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::push::gateway::PushGateway;
use crate::registry::CollectorRegistry;
use crate::repeat::{Repeated, Turn};

/// Sends a registry to a Pushgateway at an interval, from a thread of its own.
///
/// When it is stopped or dropped, the last values are sent, or the group is deleted. A push that
/// fails is counted, and the first of several in a row is logged; the next one is made when it is
/// due. A forked child has no such thread, and dropping what it inherited does nothing there.
///
/// ```no_run
/// use std::time::Duration;
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
    repeated: Repeated,
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
}

impl PeriodicPushBuilder {
    /// How long it is from the beginning of one push to that of the next; the default is 15
    /// seconds. The first one is due after one interval. Intervals that end while a push is under
    /// way are left out.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Whether a push replaces the whole group, which is the default, or only the metrics of the
    /// same names.
    pub fn replace(self, whole: bool) -> Self {
        Self { replaces: whole, ..self }
    }

    /// Whether the group is deleted at the end, in place of a last push; the default is no.
    pub fn delete_at_end(self, wanted: bool) -> Self {
        Self { deletes: wanted, ..self }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`](crate::Error::is_invalid_value) if the interval is zero;
    /// [`Error::is_io`](crate::Error::is_io) if no thread can be
    /// started.
    pub fn start(self) -> Result<PeriodicPush> {
        let repeated = Repeated::start("metrics-push", self.interval, move |turn| match turn {
            Turn::First => Ok(()),
            Turn::Last if self.deletes => self.gateway.delete(),
            _ => self.push(),
        })?;
        Ok(PeriodicPush { repeated })
    }

    fn push(&self) -> Result {
        let registry = self.registry.clone();
        let refreshed = self.gateway.client().run(|_| async move {
            registry.refresh().await;
            Ok(())
        });
        refreshed.wait()?;
        match self.replaces {
            true => self.gateway.push(&self.registry),
            false => self.gateway.push_add(&self.registry),
        }
    }
}
