//! Work that a thread of its own does at an interval, and once more at the end.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use crate::collector::contain_panic;
use crate::error::{Error, ErrorKind, Result};
use crate::repeat::background::Background;

/// Which time it is that work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Before the thread is there.
    First,
    Due,
    Last,
}

/// Does work at an interval, until it is stopped or dropped.
///
/// A forked child has no such thread: there, both do nothing.
#[derive(Debug)]
pub(crate) struct Repeated {
    failures: Arc<AtomicU64>,
    thread: Background<SyncSender<()>>,
}

impl Repeated {
    /// Does the work for the first time, and starts a thread of this name.
    ///
    /// Intervals are counted from the beginning of work to that of the next; those that pass
    /// meanwhile are left out. A failure, the first one too, is counted, and the first of several
    /// in a row is logged.
    ///
    /// # Errors
    /// That the interval is nothing, or that there can be no thread.
    pub(crate) fn start<W>(name: &'static str, interval: Duration, work: W) -> Result<Self>
    where
        W: FnMut(Turn) -> Result + Send + 'static,
    {
        if interval.is_zero() {
            let message = "an interval of nothing leaves no time in between";
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let failures = Arc::new(AtomicU64::new(0));
        let mut counted = Counted { name, work, failures: failures.clone(), is_failing: false };
        // There will be other times.
        let _ = counted.take(Turn::First);
        let (tell, told) = mpsc::sync_channel(1);
        let thread = Background::start(name, tell, move || {
            let mut wait = interval;
            while told.recv_timeout(wait) != Err(RecvTimeoutError::Disconnected) {
                let begun = Instant::now();
                // Whoever stops it is told of the last time only.
                let _ = counted.take(Turn::Due);
                wait = until_next(interval, begun.elapsed());
            }
            counted.take(Turn::Last)
        })?;
        Ok(Self { failures, thread })
    }

    /// Has the work done now, and then after an interval again.
    #[cfg(feature = "sinks")]
    pub(crate) fn hurry(&self) {
        // Where it was told already, it need not be told again.
        let _ = self.thread.told_by().map(|tell| tell.try_send(()));
    }

    /// How often the work has failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Does the work for the last time, and says what came of it.
    pub(crate) fn stop(self) -> Result {
        self.thread.stop()
    }
}

struct Counted<W> {
    name: &'static str,
    work: W,
    failures: Arc<AtomicU64>,
    is_failing: bool,
}

impl<W: FnMut(Turn) -> Result> Counted<W> {
    fn take(&mut self, turn: Turn) -> Result {
        let done = contain_panic(self.name, || (self.work)(turn));
        let was_failing = mem::replace(&mut self.is_failing, done.is_err());
        if let Err(error) = &done {
            self.failures.fetch_add(1, Ordering::Relaxed);
            if !was_failing {
                log::warn!(target: "narthex", "{error}");
            }
        }
        done
    }
}

/// How long it is to the next multiple of the interval.
fn until_next(interval: Duration, passed: Duration) -> Duration {
    let (interval, passed) = (interval.as_nanos(), passed.as_nanos());
    let left = interval - passed % interval;
    Duration::new((left / 1_000_000_000) as u64, (left % 1_000_000_000) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_pass_meanwhile_are_left_out() {
        let seconds = Duration::from_secs;
        assert_eq!(until_next(seconds(10), seconds(3)), seconds(7));
        assert_eq!(until_next(seconds(10), seconds(10)), seconds(10));
        assert_eq!(until_next(seconds(10), seconds(34)), seconds(6));
        assert_eq!(until_next(Duration::MAX, Duration::ZERO), Duration::MAX);
    }
}
