//! Graphite: a line for each sample, over TCP.

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use crate::bridge::periodic::PeriodicBridge;
use crate::bridge::words::{check_address, check_prefix, push_labels, push_name};
use crate::clock;
use crate::collector::{Collector, for_each_family};
use crate::error::{Error, ErrorKind, Result};
use crate::model::number::push_repr;
use crate::registry::CollectorRegistry;

/// No time-out is longer, so that it can be added to any time.
const LONGEST: Duration = Duration::from_secs(1 << 32);

/// Sends metrics to Graphite, by the plaintext protocol, each time over a connection of its own.
///
/// A sample is `prefix.name.label.value`, or with [tags](Self::tags) `prefix.name;label=value`,
/// labels sorted by name; what is no letter, digit, `_` or `-` of ASCII becomes `_` in names and
/// values. Its time is its own timestamp, if it has one, and else now, in whole seconds. Infinities
/// and NaN are sent as such, and empty labels as empty, as Python's client does; carbon drops NaN,
/// and refuses tags without a value.
///
/// ```
/// use narthex::bridge::GraphiteBridge;
/// use narthex::{CollectorRegistry, Counter};
/// use std::io::Read;
///
/// // In place of Graphite, and its port 2003.
/// let graphite = std::net::TcpListener::bind("127.0.0.1:0")?;
///
/// let registry = CollectorRegistry::new();
/// let replies = Counter::builder("replies", "Sent.").labels(["code"]).register(&registry)?;
/// replies.labels(["200"]).inc();
/// let bridge = GraphiteBridge::new(graphite.local_addr()?.to_string()).prefix("shop.web");
/// bridge.push(&registry)?;
///
/// let mut lines = String::new();
/// graphite.accept()?.0.read_to_string(&mut lines)?;
/// assert!(lines.starts_with("shop.web.replies_total.code.200 1.0 "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [Feeding in your data](https://graphite.readthedocs.io/en/latest/feeding-carbon.html).
#[derive(Clone, Debug)]
#[must_use]
pub struct GraphiteBridge {
    address: String,
    prefix: String,
    tags: bool,
    timeout: Duration,
}

impl GraphiteBridge {
    /// A bridge to a host and a port, such as `graphite:2003`.
    pub fn new(address: impl Into<String>) -> Self {
        let timeout = Duration::from_secs(30);
        Self { address: address.into(), prefix: String::new(), tags: false, timeout }
    }

    /// What stands before each name, and a dot between: words with dots between them.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Whether labels are [tags](https://graphite.readthedocs.io/en/latest/tags.html), which
    /// Graphite has since 1.1, and not parts of the name; the default is no.
    pub fn tags(self, wanted: bool) -> Self {
        Self { tags: wanted, ..self }
    }

    /// How long it may take to connect to one address, and then to send everything; the default is
    /// 30 seconds each.
    pub fn timeout(self, longest: Duration) -> Self {
        Self { timeout: longest, ..self }
    }

    /// Sends what a collector tells now.
    ///
    /// That it was taken does not mean that it was stored: the protocol has no answers.
    ///
    /// # Errors
    /// Those of the collector; [`Error::is_invalid_value`] if the address, the prefix or the
    /// time-out cannot be used; [`Error::is_timed_out`] and [`Error::is_io`] if it cannot be sent.
    pub fn push(&self, collector: &dyn Collector) -> Result {
        self.check()?;
        let lines = self.lines(collector)?;
        self.send(lines.as_bytes()).map_err(|error| {
            let kind = match error.kind() {
                // The first is what systems of Unix say.
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ErrorKind::TimedOut,
                _ => ErrorKind::Io,
            };
            let message = format!("cannot send to Graphite at {}: {error}", self.address);
            Error::new(kind, message).with_source(error)
        })
    }

    /// Sends a registry at an interval, from a thread of its own.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the address, the prefix, the time-out or the interval cannot be
    /// used;
    /// [`Error::is_io`] if no thread can be started.
    pub fn start(
        &self,
        registry: &CollectorRegistry,
        interval: Duration,
    ) -> Result<PeriodicBridge> {
        self.check()?;
        let bridge = self.clone();
        PeriodicBridge::start(registry, interval, move |registry| bridge.push(registry))
    }

    fn check(&self) -> Result {
        check_address(&self.address)?;
        check_prefix(&self.prefix)?;
        if self.timeout.is_zero() {
            let message = "a time-out of nothing leaves no time to send";
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        Ok(())
    }

    fn lines(&self, collector: &dyn Collector) -> Result<String> {
        let now = clock::now().floor() as i64;
        let mut lines = String::new();
        for_each_family(collector, &mut |family| {
            family.for_each_sample(&mut |sample| {
                push_name(&mut lines, &self.prefix, sample);
                let (before, between) = if self.tags { (';', '=') } else { ('.', '.') };
                push_labels(&mut lines, sample, before, between);
                lines.push(' ');
                match sample.value() {
                    f64::INFINITY => lines.push_str("inf"),
                    f64::NEG_INFINITY => lines.push_str("-inf"),
                    value if value.is_nan() => lines.push_str("nan"),
                    value => push_repr(&mut lines, value),
                }
                let own = sample.timestamp().map(|time| time.as_seconds().floor() as i64);
                lines.push_str(&format!(" {}\n", own.unwrap_or(now)));
            });
            Ok(())
        })?;
        Ok(lines)
    }

    fn send(&self, mut lines: &[u8]) -> io::Result<()> {
        let timeout = self.timeout.min(LONGEST);
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Err(error) => failed = error,
                Ok(mut stream) => {
                    let end = Instant::now() + timeout;
                    while !lines.is_empty() {
                        let left = end.saturating_duration_since(Instant::now());
                        if left.is_zero() {
                            return Err(io::ErrorKind::TimedOut.into());
                        }
                        stream.set_write_timeout(Some(left))?;
                        match stream.write(lines) {
                            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                            Ok(written) => lines = &lines[written..],
                            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                            Err(error) => return Err(error),
                        }
                    }
                    return stream.shutdown(Shutdown::Write);
                }
            }
        }
        Err(failed)
    }
}
