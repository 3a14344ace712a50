//! Remote write at an interval, and its settings.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::collection::{Collections, Manner};
use super::metrics::RemoteWriteMetrics;
use super::queue::Queue;
use super::sender::{ProtocolVersion, Sender};
use super::stats::RemoteWriteStats;
use super::work::Work;
use crate::client::{Client, Connection, Ending, parse_address};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{EscapingScheme, LabelName};
use crate::registry::CollectorRegistry;
use crate::repeat::{Repeated, Turn};

/// Whose an address is, in errors.
const OWNER: &str = "the receiver of remote write";

/// Sends a registry by remote write at an interval, from threads of its own.
///
/// Each collection is encoded at once and put into a queue, whose bytes are bounded; when it is
/// full, the oldest batches are dropped, and counted. They are sent one after the other, so that the
/// samples of a series arrive in the order of their times. A batch that was not answered, or with
/// 429 or 5xx, is sent again, the same bytes, until it is answered or dropped, after pauses as
/// [`Retry`](crate::client::Retry) says, whose attempts do not count here, and never before what
/// `Retry-After` asks for. So an outage that the queue has room for loses nothing. Any other answer
/// that says no is for good, and counted.
///
/// A batch whose answer was lost arrives twice, with the same times and values, which receivers take
/// for the same samples: Prometheus always, VictoriaMetrics with `-dedup.minScrapeInterval=1ms`.
///
/// Series that a collection no longer has get a stale marker, but for those whose collector sets
/// timestamps. Of exemplars, those are sent that are later than what was sent before. A collection
/// that fails is counted, the first of several in a row is logged, and nothing of it is sent. Series
/// of one collection have one time, later than the one before even if the clock was set back.
///
/// When it is stopped or dropped, the last values are collected and all that waits is sent, within
/// [a limited time](RemoteWriteBuilder::flush_timeout); whoever stops it is blocked until then. In
/// asynchronous code, let `spawn_blocking` do it. A forked child has no such threads, and dropping
/// what it inherited does nothing there. Collectors that await are refreshed before each collection.
///
/// Whoever ends without dropping it, by a signal that nobody listens for or by `process::exit`,
/// loses what came since the last time: let the program end by returning from `main`, as
/// `service::Runner` does at a signal, or listen for it and call `stop`.
///
/// ```
/// use std::io::{BufRead, BufReader, Read, Write};
///
/// use narthex::client::Connection;
/// use narthex::remote_write::{ProtocolVersion, RemoteWrite};
/// use narthex::{CollectorRegistry, Counter};
///
/// // In place of a receiver: it reads a request, and says that it took it.
/// let receiver = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let url = format!("http://{}/api/v1/write", receiver.local_addr()?);
/// let received = std::thread::spawn(move || -> std::io::Result<String> {
///     let mut stream = BufReader::new(receiver.accept()?.0);
///     let mut head = String::new();
///     while !head.ends_with("\r\n\r\n") {
///         stream.read_line(&mut head)?;
///     }
///     let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
///     stream.read_exact(&mut vec![0; length.map_or(0, |length| length.parse().unwrap())])?;
///     stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
///     Ok(head)
/// });
///
/// let registry = CollectorRegistry::new();
/// Counter::builder("orders", "Taken.").register(&registry)?.inc();
/// let writer = RemoteWrite::builder(url, &registry)
///     .label("job", "shop")
///     .label("instance", "web-1")
///     .version(ProtocolVersion::V1)
///     .stale_at_end(false)
///     .connection(Connection::new().no_proxy())
///     .start()?;
/// let metrics = writer.metrics();
/// // … the work; then the last values leave:
/// writer.stop()?;
///
/// assert_eq!(metrics.stats().sent_samples, 1);
/// assert!(received.join().unwrap()?.contains("x-prometheus-remote-write-version: 0.1.0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it stops when it is dropped"]
pub struct RemoteWrite {
    // Dropped first, so that collectors that are awaited are given up.
    ending: Ending,
    repeated: Repeated,
    queue: Arc<Queue>,
}

impl RemoteWrite {
    /// Sends a registry to a URL such as `http://localhost:9090/api/v1/write`.
    pub fn builder(url: impl Into<String>, registry: &CollectorRegistry) -> RemoteWriteBuilder {
        RemoteWriteBuilder::new(url.into(), registry.clone())
    }

    /// How many collections have failed.
    pub fn failures(&self) -> u64 {
        self.repeated.failures()
    }

    /// What became of the samples so far.
    pub fn stats(&self) -> RemoteWriteStats {
        self.queue.stats()
    }

    /// A collector of what becomes of the samples, for a registry: this one, or another.
    ///
    /// It may outlive what it tells of.
    pub fn metrics(&self) -> RemoteWriteMetrics {
        RemoteWriteMetrics { queue: self.queue.clone() }
    }

    /// Collects the last values, sends all that waits, and returns when that is done.
    ///
    /// # Errors
    /// Those of the last collection, and [`Error::is_timed_out`] if something was not sent in time,
    /// which is then counted as dropped. What the receiver refused is none:
    /// [`RemoteWriteStats::refused_samples`] tells.
    pub fn stop(self) -> Result {
        drop(self.ending);
        self.repeated.stop()
    }
}

impl fmt::Debug for RemoteWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWrite").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Settings of a [`RemoteWrite`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct RemoteWriteBuilder {
    url: String,
    registry: CollectorRegistry,
    interval: Duration,
    version: ProtocolVersion,
    manner: Manner,
    queue_bytes: usize,
    stale_at_end: bool,
    flush_timeout: Duration,
    connection: Connection,
}

impl RemoteWriteBuilder {
    fn new(url: String, registry: CollectorRegistry) -> Self {
        let manner = Manner {
            labels: BTreeMap::new(),
            escaping: EscapingScheme::Underscores,
            natives: true,
            most: 2000,
        };
        Self {
            url,
            registry,
            interval: Duration::from_secs(15),
            version: ProtocolVersion::default(),
            manner,
            queue_bytes: 32 << 20,
            stale_at_end: true,
            flush_timeout: Duration::from_secs(10),
            connection: Connection::new(),
        }
    }

    /// How long it is from the beginning of one collection to that of the next; the default is 15
    /// seconds. The first one is due after one interval. Intervals that end while one is under way
    /// are left out.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// A label of all series, such as `job` and `instance`, which a scrape would add; a series that
    /// has it itself keeps its own. The last value of a name counts.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.manner.labels.insert(name.into(), value.into());
        self
    }

    /// Which version to speak; the default is the newest that the receiver knows.
    pub fn version(self, version: ProtocolVersion) -> Self {
        Self { version, ..self }
    }

    /// What becomes of names with other letters than older receivers take; the default is
    /// [`Underscores`](EscapingScheme::Underscores).
    pub fn escaping(mut self, scheme: EscapingScheme) -> Self {
        self.manner.escaping = scheme;
        self
    }

    /// Whether native histograms are sent as such, which is the default; otherwise their count, sum
    /// and given buckets are. A Prometheus before 3.8 takes them only with
    /// `--enable-feature=native-histograms`, and without that answers 500: then nothing leaves until
    /// the queue is full.
    pub fn native_histograms(mut self, wanted: bool) -> Self {
        self.manner.natives = wanted;
        self
    }

    /// How many samples a request has at most, native histograms among them; the default is 2000,
    /// and at least 1. A request of much text has fewer.
    pub fn samples_per_request(mut self, most: usize) -> Self {
        self.manner.most = most.max(1);
        self
    }

    /// How many bytes wait at most, packed as they are sent; the default is 32 MiB. One request that
    /// is under way may come on top of that.
    ///
    /// How many collections that is depends on how well labels pack:
    /// [`RemoteWriteStats::queued_bytes`] tells.
    pub fn queue_bytes(self, most: usize) -> Self {
        Self { queue_bytes: most, ..self }
    }

    /// Whether all series get a stale marker at the end, which is the default: then they end with
    /// the program, as those of a target that is gone. Without it, queries see the last values for
    /// five minutes more, as is wanted of a job that runs now and then.
    pub fn stale_at_end(self, wanted: bool) -> Self {
        Self { stale_at_end: wanted, ..self }
    }

    /// How long it may take at the end to send what waits; the default is 10 seconds. Meanwhile no
    /// pause is longer than half a second, unless the receiver asks for more. So long
    /// [`stop`](RemoteWrite::stop), or a drop, waits at most, beside what collectors take.
    pub fn flush_timeout(self, longest: Duration) -> Self {
        Self { flush_timeout: longest, ..self }
    }

    /// How to reach the receiver: credentials, headers, certificates, proxies, time-outs, and how
    /// long to wait before something is sent again. Headers that remote write keeps for itself
    /// stay as they are.
    pub fn connection(self, connection: Connection) -> Self {
        Self { connection, ..self }
    }

    /// Starts the threads.
    ///
    /// ```
    /// use narthex::CollectorRegistry;
    /// use narthex::remote_write::RemoteWrite;
    ///
    /// let builder = RemoteWrite::builder("http://localhost:9090/api/v1/write", &CollectorRegistry::new());
    /// let error = builder.label("__name__", "x").start().unwrap_err();
    /// assert!(error.is_invalid_label());
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the URL is none of `http`, which it is without a scheme, or
    /// `https`, or has a user, the
    /// interval is zero, or a setting of the connection cannot be used;
    /// [`Error::is_invalid_label`] if a label is not allowed; and [`Error::is_io`] if a file of the
    /// connection cannot be read, or no thread can be started.
    pub fn start(self) -> Result<RemoteWrite> {
        let Self { registry, interval, version, mut manner, connection, .. } = self;
        let (_, url) = parse_address(&self.url, OWNER)?;
        manner.labels = checked(manner.labels, manner.escaping)?;
        let client = Client::new(connection)?;
        let queue = Arc::new(Queue::new(self.queue_bytes));
        let sender = Arc::new(Sender::new(url, queue.clone(), client.retries(), version));
        let sends = sender.clone();
        let sending = client.run(|http| async move {
            sends.run(http).await;
            Ok(())
        });
        let ending = Ending::default();
        let mut work = Work {
            registry,
            collections: Collections::new(manner),
            client,
            sender,
            queue: queue.clone(),
            ended: ending.listen(),
            is_dropping: false,
            stale_at_end: self.stale_at_end,
            flush_timeout: self.flush_timeout,
            sending: Some(sending),
        };
        let repeated = Repeated::start("metrics-remote-write", interval, move |turn| match turn {
            Turn::First => Ok(()),
            Turn::Due => work.collect(),
            Turn::Last => work.finish(),
        })?;
        Ok(RemoteWrite { ending, repeated, queue })
    }
}

/// Labels as they are sent, without those that have no value.
fn checked(
    labels: BTreeMap<String, String>,
    escaping: EscapingScheme,
) -> Result<BTreeMap<String, String>> {
    let mut checked = BTreeMap::new();
    for (name, value) in labels {
        LabelName::new(&name).map_err(|error| error.of("remote write"))?;
        if matches!(&*name, "le" | "quantile") {
            let message = format!(
                "remote write has the label {name:?}, which tells apart the samples of one metric"
            );
            return Err(Error::new(ErrorKind::InvalidLabel, message));
        }
        if !value.is_empty() {
            checked.insert(escaping.label_name(&name).into_owned(), value);
        }
    }
    Ok(checked)
}
