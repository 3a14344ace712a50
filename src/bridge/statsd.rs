//! StatsD and DogStatsD: what was counted since the last time, and what gauges show, as datagrams.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::time::Duration;

use crate::bridge::periodic::PeriodicBridge;
use crate::bridge::words::{check_address, check_prefix, push_labels, push_name};
use crate::collector::{Collector, for_each_family};
use crate::error::{Error, ErrorKind, Result};
use crate::model::number::push_repr;
use crate::model::{MetricType, Sample, Suffix};
use crate::registry::CollectorRegistry;

/// For so many times a series is remembered that nobody tells any more.
const REMEMBERED: u64 = 60;

/// How long a datagram waits for a server of this machine that does not read.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(1);

/// How labels are spelled, and gauges below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsdDialect {
    /// [StatsD](https://github.com/statsd/statsd/blob/master/docs/metric_types.md): labels are
    /// parts of the name, `name.label.value`, and a gauge is set to zero before it is set below.
    #[default]
    Plain,
    /// [DogStatsD](https://docs.datadoghq.com/developers/dogstatsd/datagram_shell): labels are
    /// tags, `|#label:value`.
    Dog,
}

/// Sends metrics to a StatsD server: what only grows by how much it has grown since the last time,
/// everything else as gauges.
///
/// The first time it sends all that was counted before. Histograms and summaries are counts and
/// sums, and a counter for each bucket. Names and, in plain StatsD, labels have letters, digits,
/// `_` and `-` of ASCII; what else they have becomes `_`. Numbers that are infinite or NaN are left
/// out, and so is what has not grown. A forked child must not send what it inherited: it would send
/// the same growth once more.
///
/// ```
/// use narthex::bridge::{StatsdBridge, StatsdDialect};
/// use narthex::{CollectorRegistry, Counter};
/// use std::net::UdpSocket;
///
/// // In place of the server, and its port 8125.
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let mut told = || {
///     let mut datagram = [0; 1432];
///     let len = server.recv(&mut datagram)?;
///     std::io::Result::Ok(String::from_utf8_lossy(&datagram[..len]).into_owned())
/// };
///
/// let registry = CollectorRegistry::new();
/// let replies = Counter::builder("replies", "Sent.").labels(["code"]).register(&registry)?;
/// let mut bridge = StatsdBridge::builder(server.local_addr()?.to_string())
///     .dialect(StatsdDialect::Dog)
///     .prefix("shop")
///     .build()?;
///
/// replies.labels(["200"]).inc_by(2);
/// bridge.push(&registry)?;
/// assert_eq!(told()?, "shop.replies_total:2|c|#code:200");
/// replies.labels(["200"]).inc();
/// bridge.push(&registry)?;
/// assert_eq!(told()?, "shop.replies_total:1|c|#code:200");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StatsdBridge {
    settings: StatsdBuilder,
    told: HashMap<String, Told>,
    turn: u64,
}

/// What the server knows of a series.
struct Told {
    value: f64,
    start: Option<f64>,
    turn: u64,
}

/// A sample, and how it is spelled.
struct Line {
    name: String,
    tags: String,
    value: f64,
    start: Option<f64>,
    grows: bool,
}

impl StatsdBridge {
    /// A bridge to a host and a port, such as `localhost:8125`, by UDP, or on Unix to the socket
    /// of a path, such as `unix:///var/run/datadog/dsd.socket`.
    pub fn builder(address: impl Into<String>) -> StatsdBuilder {
        StatsdBuilder {
            address: address.into(),
            prefix: String::new(),
            dialect: StatsdDialect::default(),
            datagram: 1432,
        }
    }

    /// Sends what a collector tells now.
    ///
    /// What could not be sent is sent with what comes next. What was sent and lost on the way is
    /// lost, and its counts with it: by UDP nobody answers, unless it is this machine that says that
    /// nobody listens.
    ///
    /// # Errors
    /// Those of the collector; [`Error::is_io`] if something cannot be sent, or a server of this
    /// machine is not there, or has not read for a second.
    pub fn push(&mut self, collector: &dyn Collector) -> Result {
        let lines = self.settings.lines(collector)?;
        self.turn += 1;
        let sent = Socket::open(&self.settings.address).and_then(|socket| {
            let mut datagram = Datagram { text: String::new(), told: Vec::new() };
            for line in lines {
                self.add(&socket, &mut datagram, line)?;
            }
            self.send(&socket, &mut datagram)
        });
        let oldest = self.turn.saturating_sub(REMEMBERED);
        self.told.retain(|_, told| told.turn > oldest);
        sent.map_err(|error| {
            let message = format!("cannot send to StatsD at {}: {error}", self.settings.address);
            Error::io(message, error)
        })
    }

    /// Sends a registry at an interval, from a thread of its own.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the interval is nothing; [`Error::is_io`] if no thread can be
    /// started.
    pub fn start(
        mut self,
        registry: &CollectorRegistry,
        interval: Duration,
    ) -> Result<PeriodicBridge> {
        PeriodicBridge::start(registry, interval, move |registry| self.push(registry))
    }

    fn add(&mut self, socket: &Socket, datagram: &mut Datagram, line: Line) -> io::Result<()> {
        let Line { name, tags, value, start, grows } = line;
        let mut text = String::new();
        let mut told = None;
        if grows {
            let key = [&*name, &tags].concat();
            let known = self.told.get_mut(&key).filter(|told| told.start == start);
            let before = known.map_or(0.0, |told| {
                told.turn = self.turn;
                // What is less began anew.
                if told.value <= value { told.value } else { 0.0 }
            });
            if value == before {
                return Ok(());
            }
            push_line(&mut text, &name, value - before, "c", &tags);
            told = Some((key, Told { value, start, turn: self.turn }));
        } else {
            let is_change = self.settings.dialect == StatsdDialect::Plain && value < 0.0;
            if is_change {
                push_line(&mut text, &name, 0.0, "g", &tags);
                text.push('\n');
            }
            push_line(&mut text, &name, value, "g", &tags);
        }
        if !datagram.text.is_empty() {
            if datagram.text.len() + 1 + text.len() > self.settings.datagram {
                self.send(socket, datagram)?;
            } else {
                datagram.text.push('\n');
            }
        }
        datagram.text.push_str(&text);
        datagram.told.extend(told);
        Ok(())
    }

    fn send(&mut self, socket: &Socket, datagram: &mut Datagram) -> io::Result<()> {
        if !datagram.text.is_empty() {
            socket.send(datagram.text.as_bytes())?;
            datagram.text.clear();
            self.told.extend(datagram.told.drain(..));
        }
        Ok(())
    }
}

/// Lines that are sent together, and what the server knows then.
struct Datagram {
    text: String,
    told: Vec<(String, Told)>,
}

fn push_line(out: &mut String, name: &str, value: f64, kind: &str, tags: &str) {
    out.push_str(name);
    out.push(':');
    let start = out.len();
    push_repr(out, value);
    if out[start..].ends_with(".0") {
        out.truncate(out.len() - 2);
    }
    out.push('|');
    out.push_str(kind);
    out.push_str(tags);
}

impl fmt::Debug for StatsdBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatsdBridge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Settings of a [`StatsdBridge`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct StatsdBuilder {
    address: String,
    prefix: String,
    dialect: StatsdDialect,
    datagram: usize,
}

impl StatsdBuilder {
    /// What stands before each name, and a dot between: words with dots between them.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// How labels are spelled; the default is plain StatsD.
    pub fn dialect(self, dialect: StatsdDialect) -> Self {
        Self { dialect, ..self }
    }

    /// How many bytes of lines are sent together, if one is not longer; the default is 1432, which
    /// an Ethernet carries in one piece.
    pub fn datagram_size(self, bytes: usize) -> Self {
        Self { datagram: bytes, ..self }
    }

    /// Builds it; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the prefix has other letters, or the address no port.
    pub fn build(self) -> Result<StatsdBridge> {
        check_prefix(&self.prefix)?;
        if !self.address.starts_with(UNIX) {
            check_address(&self.address)?;
        } else if cfg!(not(unix)) {
            let message = format!("the address {:?} is one of Unix", self.address);
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        Ok(StatsdBridge { settings: self, told: HashMap::new(), turn: 0 })
    }

    fn lines(&self, collector: &dyn Collector) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for_each_family(collector, &mut |family| {
            let metric_type = family.desc().metric_type();
            family.for_each_sample(&mut |sample| {
                if sample.value().is_finite() {
                    lines.push(self.line(metric_type, sample));
                }
            });
            Ok(())
        })?;
        Ok(lines)
    }

    fn line(&self, metric_type: MetricType, sample: &Sample<'_>) -> Line {
        let (mut name, mut tags) = (String::new(), String::new());
        push_name(&mut name, &self.prefix, sample);
        match self.dialect {
            StatsdDialect::Plain => push_labels(&mut name, sample, '.', '.'),
            StatsdDialect::Dog => push_tags(&mut tags, sample),
        }
        let grows = match metric_type {
            MetricType::Counter | MetricType::Histogram => true,
            // Its quantiles have none.
            MetricType::Summary => sample.suffix() != Suffix::None,
            _ => false,
        };
        Line { name, tags, value: sample.value(), start: sample.start(), grows }
    }
}

fn push_tags(out: &mut String, sample: &Sample<'_>) {
    for (place, (name, value)) in sample.labels().iter().enumerate() {
        out.push_str(if place == 0 { "|#" } else { "," });
        push_tag(out, name);
        out.push(':');
        push_tag(out, &value);
    }
}

fn push_tag(out: &mut String, word: &str) {
    let is_mark = |letter: char| matches!(letter, ',' | '|') || letter.is_control();
    out.extend(word.chars().map(|letter| if is_mark(letter) { '_' } else { letter }));
}

const UNIX: &str = "unix://";

enum Socket {
    Udp(UdpSocket),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixDatagram),
}

impl Socket {
    fn open(address: &str) -> io::Result<Self> {
        #[cfg(unix)]
        if let Some(path) = address.strip_prefix(UNIX) {
            let socket = std::os::unix::net::UnixDatagram::unbound()?;
            socket.connect(path)?;
            socket.set_write_timeout(Some(PATIENCE))?;
            return Ok(Self::Unix(socket));
        }
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        for address in address.to_socket_addrs()? {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            match UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket)) {
                Ok(socket) => return Ok(Self::Udp(socket)),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => {
                socket.send(datagram)?;
                // That nobody listens on this machine is known at once.
                socket.take_error()?.map_or(Ok(()), Err)
            }
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(datagram).map(drop),
        }
    }
}
