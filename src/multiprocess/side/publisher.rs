//! Publishes what a collector tells, again and again.

use std::fmt;
use std::time::Duration;

use crate::collector::{Collector, contain_panic};
use crate::error::Result;
use crate::multiprocess::store::MultiprocessStore;
use crate::repeat::Repeated;

impl MultiprocessStore {
    /// [Publishes](Self::publish) what a collector tells: now, then at an
    /// interval, and once more when the publisher is dropped.
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
    /// [`Error::is_invalid_value`](crate::Error::is_invalid_value) if the interval is nothing;
    /// [`Error::is_io`](crate::Error::is_io) if there can be no thread.
    pub fn publish_every(
        &self,
        interval: Duration,
        collector: impl Collector + 'static,
    ) -> Result<Publisher> {
        let (store, name) = (self.clone(), collector.name().to_owned());
        let publish = move |_| contain_panic(collector.name(), || store.publish(&collector));
        let repeated = Repeated::start("metrics-publish", interval, publish)?;
        Ok(Publisher { collector: name, repeated })
    }
}

/// Publishes at an interval until it is dropped; made by [`MultiprocessStore::publish_every`].
#[must_use = "it publishes until it is dropped"]
pub struct Publisher {
    collector: String,
    repeated: Repeated,
}

impl Publisher {
    /// How many publications have failed.
    pub fn failures(&self) -> u64 {
        self.repeated.failures()
    }

    /// Publishes for the last time, and says what came of it.
    ///
    /// # Errors
    /// Those of [`MultiprocessStore::publish`].
    pub fn stop(self) -> Result {
        self.repeated.stop()
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("collector", &self.collector)
            .field("failures", &self.failures())
            .finish_non_exhaustive()
    }
}
