//! A clock that stands still until a test moves it.

use std::marker::PhantomData;
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::stopped::{self, Stopped};

/// A clock that stands still until it is moved, for the threads that [enter](Self::enter) it.
///
/// On these threads it is the time of timers, and of all that asks what time it is: start times,
/// [`set_to_current_time`](crate::Gauge::set_to_current_time), the timestamps of exemplars,
/// [`Timestamp::now`](crate::model::Timestamp::now), the window of a summary's quantiles, which
/// goes by the clock of the thread that reads them, and the age at which a native histogram may
/// begin anew. A timer that was started under it goes by it to its end, on whatever thread that
/// comes. The limits and ages that the library waits for, such as
/// [`CachedCollector`](crate::collectors::CachedCollector)'s, go by the system's clock.
///
/// Clones are the same clock. Each takes 24 bytes until the process ends.
///
/// ```
/// use std::time::Duration;
///
/// use narthex::testing::TestClock;
/// use narthex::{Gauge, Histogram};
///
/// let clock = TestClock::at(1_700_000_000.0);
/// let _entered = clock.enter();
/// let backup = Gauge::builder("last_backup_seconds", "When it ended.").build()?;
/// let wait = Histogram::builder("wait_seconds", "Before a job.").build()?;
///
/// let timer = wait.start_timer();
/// clock.advance(Duration::from_millis(250));
/// assert_eq!(timer.stop(), Duration::from_millis(250));
/// assert_eq!(wait.snapshot().sum(), 0.25);
/// backup.set_to_current_time();
/// assert_eq!(backup.get(), 1_700_000_000.25);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TestClock {
    stopped: &'static Stopped,
}

impl TestClock {
    /// A clock that shows so many seconds since 1970; what is no such time is 1970.
    pub fn at(seconds: f64) -> Self {
        Self { stopped: Stopped::at(since_1970(seconds)) }
    }

    /// Lets time pass, for timers as well.
    pub fn advance(&self, by: Duration) {
        self.stopped.advance(by);
    }

    /// Shows another time, as if the system's clock was set: timers do not notice.
    ///
    /// ```
    /// use narthex::testing::TestClock;
    ///
    /// let clock = TestClock::at(1_700_000_000.0);
    /// clock.set(1_600_000_000.0);
    /// assert_eq!(clock.now(), 1_600_000_000.0);
    /// ```
    pub fn set(&self, seconds: f64) {
        self.stopped.set(since_1970(seconds));
    }

    /// What it shows, in seconds since 1970.
    pub fn now(&self) -> f64 {
        self.stopped.now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    }

    /// Makes it the clock of this thread until the guard is dropped.
    ///
    /// Other threads keep theirs, so that tests beside this one do not notice; a thread that the
    /// test starts enters it by itself.
    pub fn enter(&self) -> EnteredClock {
        EnteredClock { before: stopped::replace(Some(self.stopped)), on_its_thread: PhantomData }
    }
}

fn since_1970(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Keeps a [`TestClock`] the clock of its thread; then the thread has the clock that it had before.
#[derive(Debug)]
#[must_use = "the clock is left as soon as the guard is dropped"]
pub struct EnteredClock {
    before: Option<&'static Stopped>,
    on_its_thread: PhantomData<*const ()>,
}

impl Drop for EnteredClock {
    fn drop(&mut self) {
        stopped::replace(self.before);
    }
}
