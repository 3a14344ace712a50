//! The loop of a service: a cycle after another, each of which is measured.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time;

use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::service::failure::CycleFailure;
use crate::service::metrics::ServiceMetrics;
use crate::service::signals::Signals;
use crate::service::stop::StopHandle;

/// Runs the cycles of a service until it is stopped, and measures them in its [`ServiceMetrics`].
///
/// | metric of the service | what it is |
/// | --- | --- |
/// | counter `cycles_success`, `cycles_failed` | cycles by their end |
/// | counter `errors_KIND` | failures by the [kind](CycleFailure::kind) of their error; a panic is of the kind `panic` |
/// | gauge `consecutive_failures` | cycles that have failed since one did not |
/// | gauge `last_cycle_timestamp` | when the last cycle that did not fail was done, in seconds since 1970 |
/// | `cycle_duration_seconds` | how long each cycle took, however it ended |
///
/// It ends when its [`StopHandle`] is told so, or the program is by a signal (`SIGINT` or
/// `SIGTERM`, elsewhere Ctrl-C), in each case when the cycle under way is done; or when too many
/// cycles in a row have failed. See the [module](crate::service) for an example.
#[derive(Debug)]
#[must_use = "it does nothing until it runs"]
pub struct Runner {
    name: String,
    metrics: ServiceMetrics,
    interval: Duration,
    most_failures: Option<u32>,
    hears_signals: bool,
    stop: StopHandle,
}

impl Runner {
    /// A runner of the service of a name.
    pub fn builder(name: impl Into<String>, metrics: &ServiceMetrics) -> RunnerBuilder {
        RunnerBuilder {
            runner: Self {
                name: name.into(),
                metrics: metrics.clone(),
                interval: Duration::from_secs(60),
                most_failures: None,
                hears_signals: true,
                stop: StopHandle::default(),
            },
        }
    }

    /// What stops it.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Runs on this thread, a cycle after another.
    ///
    /// # Errors
    /// [`Error::is_collector`] if too many cycles in a row have failed, with the last failure as
    /// its source; [`Error::is_io`] if signals cannot be listened for.
    pub fn run_blocking(
        self,
        mut cycle: impl FnMut() -> std::result::Result<(), CycleFailure>,
    ) -> Result {
        let _signals = self.signals()?;
        let mut streak = Streak::new(&self);
        while !self.stop.is_stopped() {
            let begun = Instant::now();
            let done = catch_unwind(AssertUnwindSafe(&mut cycle)).unwrap_or_else(|_| panicked());
            streak.note(begun.elapsed(), done)?;
            self.stop.wait(self.interval.saturating_sub(begun.elapsed()));
        }
        Ok(())
    }

    /// Runs where it is polled, a cycle after another.
    ///
    /// If the future is dropped, so is the cycle that is under way.
    ///
    /// # Errors
    /// Those of [`run_blocking`](Self::run_blocking).
    ///
    /// # Panics
    /// Outside of a tokio runtime that has its time enabled.
    pub async fn run<F>(self, mut cycle: impl FnMut() -> F) -> Result
    where
        F: Future<Output = std::result::Result<(), CycleFailure>>,
    {
        let _signals = self.signals()?;
        let mut streak = Streak::new(&self);
        while !self.stop.is_stopped() {
            let begun = Instant::now();
            let done = contain(async { cycle().await }).await;
            streak.note(begun.elapsed(), done)?;
            tokio::select! {
                () = self.stop.told() => {}
                () = time::sleep(self.interval.saturating_sub(begun.elapsed())) => {}
            }
        }
        Ok(())
    }

    fn signals(&self) -> Result<Option<Signals>> {
        self.hears_signals.then(|| Signals::stop(&self.stop)).transpose()
    }
}

/// What came of the cycles so far.
struct Streak<'a> {
    runner: &'a Runner,
    failures: u32,
}

impl<'a> Streak<'a> {
    fn new(runner: &'a Runner) -> Self {
        let streak = Self { runner, failures: 0 };
        // Shown before anything has happened: what appears with its first count has no increase.
        runner.metrics.inc_counter(&runner.name, "cycles_success", 0_u8);
        runner.metrics.inc_counter(&runner.name, "cycles_failed", 0_u8);
        streak.show();
        streak
    }

    fn show(&self) {
        let Runner { metrics, name, .. } = self.runner;
        metrics.set_gauge(name, "consecutive_failures", self.failures.into());
    }

    fn note(&mut self, took: Duration, done: std::result::Result<(), CycleFailure>) -> Result {
        let Runner { metrics, name, most_failures, .. } = self.runner;
        metrics.observe_duration(name, took.as_secs_f64());
        let Err(failure) = done else {
            self.failures = 0;
            metrics.inc_counter(name, "cycles_success", 1_u8);
            metrics.set_gauge(name, "last_cycle_timestamp", clock::now());
            self.show();
            return Ok(());
        };
        self.failures = self.failures.saturating_add(1);
        metrics.inc_counter(name, "cycles_failed", 1_u8);
        metrics.inc_counter(name, &format!("errors_{}", failure.kind()), 1_u8);
        self.show();
        log::warn!("a cycle of {name} failed: {failure}");
        if most_failures.is_some_and(|most| self.failures >= most) {
            let message = format!("{} cycles of {name} in a row have failed", self.failures);
            let error = Error::new(ErrorKind::Collector, message);
            return Err(error.with_source(failure.into_error()));
        }
        Ok(())
    }
}

fn panicked() -> std::result::Result<(), CycleFailure> {
    Err(CycleFailure::new("panic", "the cycle panicked"))
}

/// Awaits a cycle; a panic of it is a failure.
async fn contain(
    cycle: impl Future<Output = std::result::Result<(), CycleFailure>>,
) -> std::result::Result<(), CycleFailure> {
    let mut cycle = pin!(cycle);
    poll_fn(move |context| {
        let poll = AssertUnwindSafe(|| cycle.as_mut().poll(context));
        catch_unwind(poll).unwrap_or_else(|_| panicked().into())
    })
    .await
}

/// Settings of a [`Runner`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct RunnerBuilder {
    runner: Runner,
}

impl RunnerBuilder {
    /// How long it is from the beginning of one cycle to that of the next; the default is a minute.
    /// A cycle that takes longer is followed by the next one at once.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.runner.interval = interval;
        self
    }

    /// After how many failures in a row it gives up; the default is never.
    pub fn max_consecutive_failures(mut self, most: impl Into<Option<u32>>) -> Self {
        self.runner.most_failures = most.into();
        self
    }

    /// Whether a signal that asks the program to end stops it; the default is yes. The program then
    /// does not end by such signals by itself any more, as long as it lives.
    pub fn stop_at_signals(mut self, wanted: bool) -> Self {
        self.runner.hears_signals = wanted;
        self
    }

    /// Builds it; nothing runs yet.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the name is empty, or no failure is allowed.
    pub fn build(self) -> Result<Runner> {
        let Runner { name, most_failures, .. } = &self.runner;
        let wrong = |message| Err(Error::new(ErrorKind::InvalidValue, message));
        if name.is_empty() {
            return wrong("the name of a service is empty");
        }
        if *most_failures == Some(0) {
            return wrong("a service cannot give up after no failure");
        }
        Ok(self.runner)
    }
}
