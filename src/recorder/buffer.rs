//! A buffer between those who record and what takes its time.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::collector::contain_panic;
use crate::error::{Error, ErrorKind, Result};
use crate::repeat::{Repeated, Turn};

/// What was recorded once.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BufferedEntry {
    /// Its name.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Names and values of its labels, in the order in which they were given.
    pub labels: Vec<(String, String)>,
    /// When it was recorded.
    pub recorded: Instant,
}

/// Takes recordings at once and hands them to a backend in batches: at an interval, as soon as there are
/// many, and the rest when it is stopped or dropped.
///
/// Whoever records never waits for the backend. What the backend does not take is handed to it again,
/// in the same order, before what came later. If it takes nothing for so long that the buffer is full,
/// what comes is dropped and [counted](Self::dropped). A forked child hands on nothing by itself.
///
/// ```
/// use std::collections::HashMap;
///
/// use narthex::recorder::BufferedRecorder;
/// use narthex::{CollectorRegistry, Counter};
///
/// let registry = CollectorRegistry::new();
/// let requests = Counter::builder("requests", "Answered.").labels(["method"]).register(&registry)?;
/// let counters = HashMap::from([("requests", requests)]);
/// let recorder = BufferedRecorder::builder(move |batch| {
///     for entry in batch {
///         if let (Some(counter), [(_, value)]) = (counters.get(&*entry.name), &*entry.labels) {
///             counter.labels([&**value]).inc_by(entry.value);
///         }
///     }
///     Ok(())
/// })
/// .start()?;
///
/// recorder.record("requests", 1.0, &[("method", "GET")]);
/// recorder.record("requests", 1.0, &[("method", "GET")]);
/// assert_eq!(recorder.flush()?, 2);
/// assert_eq!(registry.get_sample_value("requests_total", &[("method", "GET")]), Some(2.0));
/// recorder.stop()?;
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it stops when it is dropped"]
pub struct BufferedRecorder {
    buffer: Arc<Buffer>,
    flushes: Repeated,
}

type Backend = Box<dyn Fn(&[BufferedEntry]) -> Result + Send + Sync>;

struct Buffer {
    backend: Backend,
    entries: Mutex<Vec<BufferedEntry>>,
    batch: usize,
    most: usize,
    dropped: AtomicU64,
}

impl Buffer {
    /// Hands on all there is; says how much.
    fn flush(&self) -> Result<usize> {
        let batch = mem::take(&mut *self.entries.lock());
        if batch.is_empty() {
            return Ok(0);
        }
        let count = batch.len();
        let taken = contain_panic("the backend of recordings", || (self.backend)(&batch));
        if let Err(error) = taken {
            self.put_back(batch);
            return Err(error.of(format_args!("{count} recordings were not taken")));
        }
        Ok(count)
    }

    /// Before those that came meanwhile, of which the last go if there is no room for all.
    fn put_back(&self, mut batch: Vec<BufferedEntry>) {
        let mut entries = self.entries.lock();
        batch.append(&mut entries);
        let surplus = batch.len().saturating_sub(self.most);
        batch.truncate(self.most);
        *entries = batch;
        self.dropped.fetch_add(surplus as u64, Ordering::Relaxed);
    }
}

impl BufferedRecorder {
    /// Begins a recorder with what takes a batch: all of it, or nothing if it fails.
    ///
    /// Two batches may come at the same time, from the recorder's thread and from [`flush`](Self::flush).
    pub fn builder(
        backend: impl Fn(&[BufferedEntry]) -> Result + Send + Sync + 'static,
    ) -> BufferedRecorderBuilder {
        BufferedRecorderBuilder {
            backend: Box::new(backend),
            interval: Duration::from_secs(5),
            batch: 1000,
            most: 100_000,
        }
    }

    /// Records a number, to be handed on later.
    pub fn record(&self, name: &str, value: f64, labels: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let labels = labels.iter().map(owned).collect();
        let entry =
            BufferedEntry { name: name.to_owned(), value, labels, recorded: Instant::now() };
        let mut entries = self.buffer.entries.lock();
        if entries.len() >= self.buffer.most {
            self.buffer.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        entries.push(entry);
        let is_due = entries.len() % self.buffer.batch == 0;
        drop(entries);
        if is_due {
            self.flushes.hurry();
        }
    }

    /// Hands on what there is, on this thread; returns how many recordings that were.
    ///
    /// # Errors
    /// Those of the backend; what it did not take stays.
    pub fn flush(&self) -> Result<usize> {
        self.buffer.flush()
    }

    /// How many recordings wait.
    pub fn len(&self) -> usize {
        self.buffer.entries.lock().len()
    }

    /// Whether no recording waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many recordings were dropped, because the buffer was full.
    pub fn dropped(&self) -> u64 {
        self.buffer.dropped.load(Ordering::Relaxed)
    }

    /// How often the recorder's thread handed on a batch that was not taken.
    pub fn failures(&self) -> u64 {
        self.flushes.failures()
    }

    /// Hands on the rest, and returns when that is done.
    ///
    /// # Errors
    /// Those of the backend, with how many recordings are lost: [flush](Self::flush) first, where there
    /// is to be another attempt.
    pub fn stop(self) -> Result {
        self.flushes.stop()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

/// Settings of a [`BufferedRecorder`].
#[must_use = "a builder does nothing until it is started"]
pub struct BufferedRecorderBuilder {
    backend: Backend,
    interval: Duration,
    batch: usize,
    most: usize,
}

impl BufferedRecorderBuilder {
    /// How long it is from one flush to the next, if there is not much to flush; the default is 5
    /// seconds.
    pub fn flush_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// With how many recordings it is time to flush; the default is 1,000. Those that come until the
    /// thread is there, and those that were not taken before, are in the same batch.
    pub fn flush_at(self, recordings: usize) -> Self {
        Self { batch: recordings, ..self }
    }

    /// How many recordings may wait; the default is 100,000.
    pub fn max_buffered(self, recordings: usize) -> Self {
        Self { most: recordings, ..self }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the interval or the batch is zero, or the buffer has no room for a
    /// batch; [`Error::is_io`] if no thread can be started.
    pub fn start(self) -> Result<BufferedRecorder> {
        let Self { backend, interval, batch, most } = self;
        if batch == 0 || most < batch {
            let message = format!("a batch of {batch} recordings of {most} that may wait");
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let (entries, dropped) = (Mutex::default(), AtomicU64::new(0));
        let buffer = Arc::new(Buffer { backend, entries, batch, most, dropped });
        let flushed = buffer.clone();
        let flushes = Repeated::start("metrics-recorder", interval, move |turn| match turn {
            Turn::First => Ok(()),
            Turn::Due | Turn::Last => flushed.flush().map(drop),
        })?;
        Ok(BufferedRecorder { buffer, flushes })
    }
}

impl fmt::Debug for BufferedRecorderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedRecorderBuilder")
            .field("flush_interval", &self.interval)
            .field("flush_at", &self.batch)
            .field("max_buffered", &self.most)
            .finish_non_exhaustive()
    }
}
