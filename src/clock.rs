//! What time it is: what the system says, or the clock that a test has stopped.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time of the system, or of the test on this thread.
#[inline]
pub(crate) fn system_time() -> SystemTime {
    #[cfg(feature = "testing")]
    if let Some(stopped) = stopped::current() {
        return stopped.now();
    }
    SystemTime::now()
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    system_time().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Clocks that stand still.
///
/// A thread has its own, if any, so that tests that run beside one another do not meet.
#[cfg(feature = "testing")]
pub(crate) mod stopped {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use parking_lot::Mutex;

    /// What a stopped clock shows, in nanoseconds.
    #[derive(Debug)]
    pub(crate) struct Stopped {
        since_1970: AtomicU64,
        passed: AtomicU64,
    }

    thread_local! {
        // Nothing to drop, so that a timer asks without registering anything.
        static CURRENT: Cell<Option<&'static Stopped>> = const { Cell::new(None) };
    }

    /// Stopped clocks live for ever, as timers look at them whenever they end; here they are
    /// found by whoever looks for memory that was lost.
    static ALL: Mutex<Vec<&'static Stopped>> = Mutex::new(Vec::new());

    impl Stopped {
        pub(crate) fn at(since_1970: Duration) -> &'static Self {
            let (since_1970, passed) = (AtomicU64::new(nanos(since_1970)), AtomicU64::new(0));
            let stopped: &'static Self = Box::leak(Box::new(Self { since_1970, passed }));
            ALL.lock().push(stopped);
            stopped
        }

        pub(crate) fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_nanos(self.since_1970.load(Ordering::Relaxed))
        }

        /// The time that timers see.
        pub(crate) fn passed(&self) -> u64 {
            self.passed.load(Ordering::Relaxed)
        }

        pub(crate) fn set(&self, since_1970: Duration) {
            self.since_1970.store(nanos(since_1970), Ordering::Relaxed);
        }

        pub(crate) fn advance(&self, by: Duration) {
            for nanos_of in [&self.since_1970, &self.passed] {
                let add = |now: u64| Some(now.saturating_add(nanos(by)));
                let _ = nanos_of.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
            }
        }
    }

    /// More than five centuries are not told apart.
    fn nanos(of: Duration) -> u64 {
        u64::try_from(of.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The stopped clock of this thread.
    #[inline]
    pub(crate) fn current() -> Option<&'static Stopped> {
        CURRENT.get()
    }

    /// Gives this thread another clock, or the system's; returns the one that it had.
    pub(crate) fn replace(clock: Option<&'static Stopped>) -> Option<&'static Stopped> {
        CURRENT.replace(clock)
    }
}
