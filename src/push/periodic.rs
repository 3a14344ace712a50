//! Pushes at an interval, and a last one at the end.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::push::gateway::PushGateway;
use crate::registry::CollectorRegistry;

/// Sends a registry to a Pushgateway at an interval, from a thread of its own.
///
/// When it is stopped or dropped, the last values are sent, or the group is deleted. A push that
/// fails is logged, as a warning, and counted; the next one is made when it is due.
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
    failures: Arc<AtomicU64>,
    // Dropped first, which wakes the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Result>>,
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
        self.failures.load(Ordering::Relaxed)
    }

    /// Sends the last values, or deletes the group, and returns when that is done.
    ///
    /// # Errors
    /// Those of the last push or of the deletion, which are those of [`PushGateway::push`].
    pub fn stop(mut self) -> Result {
        self.end()
    }

    fn end(&mut self) -> Result {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let panicked = |_| Err(Error::new(ErrorKind::Collector, "the thread that pushes panicked"));
        thread.join().unwrap_or_else(panicked)
    }
}

impl Drop for PeriodicPush {
    fn drop(&mut self) {
        if self.thread.is_some() {
            // It is logged.
            let _ = self.end();
        }
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
    /// seconds. The first one is due after one interval. A push that takes longer is followed by
    /// the next one at once.
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
    /// [`Error::is_invalid_value`] if the interval is zero; [`Error::is_io`] if no thread can be
    /// started.
    pub fn start(self) -> Result<PeriodicPush> {
        if self.interval.is_zero() {
            let message = "the interval of pushes cannot be zero";
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let failures = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&failures);
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("metrics-push".to_owned())
            .spawn(move || self.run(&stopped, &counted))
            .map_err(|error| Error::io("no thread for pushes can be started", error))?;
        Ok(PeriodicPush { failures, stop: Some(stop), thread: Some(thread) })
    }

    fn run(&self, stopped: &Receiver<()>, failures: &AtomicU64) -> Result {
        let note = |done: Result| {
            done.inspect_err(|error| {
                failures.fetch_add(1, Ordering::Relaxed);
                log::warn!("metrics were not pushed: {error}");
            })
        };
        let mut wait = self.interval;
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
            let begun = Instant::now();
            // Whoever stops it is told of the last push only.
            let _ = note(self.push());
            wait = self.interval.saturating_sub(begun.elapsed());
        }
        match self.deletes {
            true => note(self.gateway.delete()),
            false => note(self.push()),
        }
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
