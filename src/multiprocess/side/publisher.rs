//! Publishes what a collector tells, again and again.

use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::collector::{Collector, contain_panic};
use crate::error::{Error, ErrorKind, Result};
use crate::multiprocess::store::MultiprocessStore;

impl MultiprocessStore {
    /// [Publishes](Self::publish) what a collector tells: now, then each time
    /// `interval` has passed since it last did, and once more when the
    /// publisher is dropped.
    ///
    /// A thread `metrics-publish` does it, and nothing else waits for it. A
    /// publication that fails, the disk being full for one, leaves what was
    /// published before and is [counted](Publisher::failures); the first of
    /// several in a row is logged.
    ///
    /// A forked child has no such thread, and dropping the publisher that it
    /// inherited does nothing: let it have a publisher of its own.
    ///
    /// ```
    /// use narthex::collectors::PlatformCollector;
    /// use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
    /// use narthex::exposition;
    /// use std::time::Duration;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = MultiprocessStore::open(dir.path())?;
    /// let publisher = store.publish_every(Duration::from_secs(10), PlatformCollector::new())?;
    /// let text = exposition::text::encode(&MultiProcessCollector::of(&store))?;
    /// assert!(text.contains(&format!("pid=\"{}\"", store.identifier())));
    /// assert_eq!(publisher.failures(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the interval is nothing; [`Error::is_io`]
    /// if there can be no thread.
    pub fn publish_every(
        &self,
        interval: Duration,
        collector: impl Collector + 'static,
    ) -> Result<Publisher> {
        if interval.is_zero() {
            let message = "an interval of nothing leaves no time between publications";
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let work = Arc::new(Work {
            store: self.clone(),
            collector: Box::new(collector),
            failures: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        });
        work.publish();
        let (end, ended) = mpsc::channel::<Infallible>();
        let of_thread = work.clone();
        let thread = thread::Builder::new()
            .name("metrics-publish".to_owned())
            .spawn(move || {
                while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    of_thread.publish();
                }
                of_thread.publish();
            })
            .map_err(|error| Error::io("there can be no thread that publishes", error))?;
        Ok(Publisher { work, thread: Some((end, thread)), process: process::id() })
    }
}

/// Publishes at an interval until it is dropped; made by [`MultiprocessStore::publish_every`].
#[must_use = "it publishes until it is dropped"]
pub struct Publisher {
    work: Arc<Work>,
    thread: Option<(Sender<Infallible>, JoinHandle<()>)>,
    process: u32,
}

impl Publisher {
    /// How many publications have failed.
    pub fn failures(&self) -> u64 {
        self.work.failures.load(Ordering::Relaxed)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let Some((end, thread)) = self.thread.take() else { return };
        if process::id() == self.process {
            drop(end);
            // A panic of the collector is contained, and nothing else of it can be lost.
            let _ = thread.join();
        } else {
            // In a forked child there is no thread, but what it may have locked.
            mem::forget((end, thread));
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("collector", &self.work.collector.name())
            .field("failures", &self.failures())
            .finish_non_exhaustive()
    }
}

struct Work {
    store: MultiprocessStore,
    collector: Box<dyn Collector>,
    failures: AtomicU64,
    is_failing: AtomicBool,
}

impl Work {
    fn publish(&self) {
        let done = contain_panic(self.collector.name(), || self.store.publish(&*self.collector));
        let was_failing = self.is_failing.swap(done.is_err(), Ordering::Relaxed);
        if let Err(error) = done {
            self.failures.fetch_add(1, Ordering::Relaxed);
            if !was_failing {
                log::warn!("{error}");
            }
        }
    }
}
