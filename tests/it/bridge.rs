//! Bridges to Graphite and StatsD: how samples are spelled, what is sent when, and what goes wrong.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use narthex::bridge::{GraphiteBridge, StatsdBridge, StatsdDialect};
use narthex::model::{CounterMetricFamily, GaugeMetricFamily, NO_LABELS, Timestamp};
use narthex::{CollectorRegistry, Counter, Error, Gauge, Histogram, Summary, collector_fn};

/// A Graphite that takes one connection for each that is told, and its address.
fn graphite(connections: usize) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let took = thread::spawn(move || {
        let taken = listener.incoming().take(connections).map(|stream| {
            let mut lines = String::new();
            stream.unwrap().read_to_string(&mut lines).unwrap();
            lines
        });
        taken.collect()
    });
    (address, took)
}

#[cfg(feature = "testing")]
#[test]
fn lines_of_graphite_are_pythons() {
    use narthex::model::UnknownMetricFamily;
    use narthex::testing::TestClock;

    use crate::vectors::{check, float, rows, text};

    check(&rows("graphite.jsonl"), &[], |row| {
        let sample = &row["sample"];
        let labels = sample["labels"].as_object().unwrap();
        let names: Vec<_> = labels.keys().collect();
        let values: Vec<_> = labels.values().map(text).collect();
        let told = collector_fn(|scrape| {
            let mut family = UnknownMetricFamily::new(text(&sample["name"]), "")?;
            family = family.with_labels(&names)?;
            family.add_metric(&values, float(&sample["value"]))?;
            scrape.family(&family)
        });
        let clock = TestClock::at(float(&row["now"]));
        let _entered = clock.enter();
        let (address, took) = graphite(1);
        let bridge = GraphiteBridge::new(address)
            .prefix(text(&row["prefix"]))
            .tags(row["tags"].as_bool().unwrap());
        bridge.push(&told).map_err(|error| error.to_string())?;
        let lines = took.join().unwrap();
        if lines == [text(&row["line"])] { Ok(()) } else { Err(format!("{lines:?}")) }
    });
}

#[test]
fn a_sample_goes_to_graphite_with_its_own_time() {
    let (address, took) = graphite(1);
    let dated = collector_fn(|scrape| {
        let mut family = GaugeMetricFamily::new("g", "")?;
        family.add_metric(NO_LABELS, 1.5)?.timestamp(Timestamp::from_seconds(1234.9)?);
        scrape.family(&family)
    });
    GraphiteBridge::new(address).push(&dated).unwrap();
    assert_eq!(took.join().unwrap(), ["g 1.5 1234\n"]);
}

#[test]
fn all_samples_of_a_registry_go_to_graphite() {
    let (address, took) = graphite(1);
    let registry = CollectorRegistry::new();
    let wait = Histogram::builder("wait_seconds", "").labels(["zone"]).buckets([0.5]);
    wait.register(&registry).unwrap().labels(["a b"]).observe(0.25);
    Summary::builder("work", "").register(&registry).unwrap().observe(2.0);
    GraphiteBridge::new(address).tags(true).push(&registry).unwrap();
    let lines = took.join().unwrap().remove(0);
    let without_times: Vec<_> =
        lines.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(
        without_times,
        [
            "wait_seconds_bucket;le=0_5;zone=a_b 1.0",
            "wait_seconds_bucket;le=_Inf;zone=a_b 1.0",
            "wait_seconds_count;zone=a_b 1.0",
            "wait_seconds_sum;zone=a_b 0.25",
            "work_count 1.0",
            "work_sum 2.0",
        ]
    );
}

#[test]
fn what_graphite_does_not_take_is_an_error() {
    let registry = CollectorRegistry::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = GraphiteBridge::new(&free).push(&registry).unwrap_err();
    assert!(error.is_io());
    assert!(error.to_string().starts_with(&format!("cannot send to Graphite at {free}: ")));
    let nowhere = GraphiteBridge::new("no.such.host.invalid:2003");
    assert!(nowhere.push(&registry).unwrap_err().is_io());

    // More than the buffers of a connection take, to somebody who does not read.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gauge = Gauge::builder("g", "").labels(["long"]).register(&registry).unwrap();
    gauge.labels(["x".repeat(16 << 20)]).set(1);
    let slow = GraphiteBridge::new(listener.local_addr().unwrap().to_string());
    let error = slow.timeout(Duration::from_millis(50)).push(&registry).unwrap_err();
    assert!(error.is_timed_out(), "{error:?}");

    let bridge = GraphiteBridge::new(&free);
    let second = Duration::from_secs(1);
    for (wrong, told) in [
        (bridge.clone().prefix("a b"), "the prefix \"a b\" of a bridge has ' '"),
        (bridge.clone().prefix("a."), "the prefix \"a.\" of a bridge has an empty word"),
        (GraphiteBridge::new("host"), "the address \"host\" of a bridge has no port"),
        (GraphiteBridge::new("host:0"), "the address \"host:0\" of a bridge has no port"),
        (bridge.clone().timeout(Duration::ZERO), "a time-out of nothing leaves no time to send"),
    ] {
        for error in [wrong.push(&registry), wrong.start(&registry, second).map(drop)] {
            let error = error.unwrap_err();
            assert!(error.is_invalid_value());
            assert_eq!(error.to_string(), told);
        }
    }
    let error = bridge.start(&registry, Duration::ZERO).unwrap_err();
    assert!(error.is_invalid_value());
    let broken = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
    assert!(bridge.push(&broken).unwrap_err().is_collector());
}

#[test]
fn graphite_is_told_at_an_interval_and_at_the_end() {
    let (address, took) = graphite(3);
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "").register(&registry).unwrap();
    let never = Duration::from_secs(3600);
    let bridge = GraphiteBridge::new(address);
    let sends = bridge.start(&registry, never).unwrap();
    gauge.set(1);
    sends.stop().unwrap();
    let sends = bridge.start(&registry, Duration::from_millis(1)).unwrap();
    // One more was taken, and then nobody listens any more.
    while sends.failures() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(sends.stop().unwrap_err().is_io());
    let took = took.join().unwrap();
    assert_eq!(took.len(), 3);
    assert!(took.iter().all(|lines| lines.starts_with("g 1.0 ")), "{took:?}");
}

/// A server of StatsD.
struct Statsd(UdpSocket);

impl Statsd {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(socket)
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The next datagram.
    fn next(&self) -> String {
        let mut datagram = vec![0; 1 << 16];
        let len = self.0.recv(&mut datagram).unwrap();
        String::from_utf8(datagram[..len].to_vec()).unwrap()
    }

    /// Whether there is none.
    fn is_silent(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let nothing = self.0.recv(&mut [0]).is_err();
        self.0.set_nonblocking(false).unwrap();
        nothing
    }
}

#[test]
fn statsd_is_told_what_was_added_since() {
    let server = Statsd::start();
    let registry = CollectorRegistry::new();
    let replies = Counter::builder("replies", "").labels(["code"]).register(&registry).unwrap();
    let depth = Gauge::builder("depth", "").register(&registry).unwrap();
    let wait = Histogram::builder("wait", "").buckets([0.5, 1.0]).register(&registry).unwrap();
    let mut bridge = StatsdBridge::builder(server.address()).prefix("a.b").build().unwrap();

    replies.labels(["2:0|0@#"]).inc_by(2_000_000);
    replies.labels(["500"]).inc_by(0.5);
    depth.set(-2.5);
    wait.observe(0.75);
    bridge.push(&registry).unwrap();
    assert_eq!(
        server.next(),
        "a.b.replies_total.code.2_0_0__:2000000|c\n\
         a.b.replies_total.code.500:0.5|c\n\
         a.b.depth:0|g\n\
         a.b.depth:-2.5|g\n\
         a.b.wait_bucket.le.1_0:1|c\n\
         a.b.wait_bucket.le._Inf:1|c\n\
         a.b.wait_count:1|c\n\
         a.b.wait_sum:0.75|c"
    );

    replies.labels(["500"]).inc();
    depth.set(3);
    bridge.push(&registry).unwrap();
    assert_eq!(server.next(), "a.b.replies_total.code.500:1|c\na.b.depth:3|g");
    assert!(server.is_silent());
}

#[test]
fn labels_are_tags_in_dogstatsd() {
    let server = Statsd::start();
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "").labels(["b.c", "a"]).register(&registry).unwrap();
    gauge.labels(["x,y|z\n", "/ä:1"]).set(-1);
    gauge.labels(["", ""]).set(f64::NAN);
    let bridge = StatsdBridge::builder(server.address()).dialect(StatsdDialect::Dog);
    bridge.build().unwrap().push(&registry).unwrap();
    assert_eq!(server.next(), "g:-1|g|#a:/ä:1,b.c:x_y_z_");
    assert!(server.is_silent());
}

#[test]
fn what_began_anew_is_sent_from_its_beginning() {
    let server = Statsd::start();
    let (value, start) = (AtomicU64::new(5), AtomicU64::new(1));
    let told = collector_fn(|scrape| {
        let mut family = CounterMetricFamily::new("c", "")?;
        let added = family.add_metric(NO_LABELS, value.load(Ordering::Relaxed) as f64)?;
        added.created(start.load(Ordering::Relaxed) as f64);
        scrape.family(&family)
    });
    let mut bridge = StatsdBridge::builder(server.address()).build().unwrap();
    let mut push = |now: u64, began: u64| {
        value.store(now, Ordering::Relaxed);
        start.store(began, Ordering::Relaxed);
        bridge.push(&told).unwrap();
    };
    push(5, 1);
    assert_eq!(server.next(), "c_total:5|c");
    // Less than before, and another start though it is more.
    push(3, 1);
    assert_eq!(server.next(), "c_total:3|c");
    push(4, 2);
    assert_eq!(server.next(), "c_total:4|c");
    push(4, 2);
    assert!(server.is_silent());
}

#[test]
fn a_series_that_is_not_told_for_a_while_is_not_sent_again() {
    let server = Statsd::start();
    let shown = AtomicU64::new(1);
    let told = collector_fn(|scrape| {
        let mut family = CounterMetricFamily::new("c", "")?;
        if shown.load(Ordering::Relaxed) == 1 {
            family.add_metric(NO_LABELS, 7.0)?;
        }
        scrape.family(&family)
    });
    let mut bridge = StatsdBridge::builder(server.address()).build().unwrap();
    bridge.push(&told).unwrap();
    assert_eq!(server.next(), "c_total:7|c");
    shown.store(0, Ordering::Relaxed);
    (0..59).for_each(|_| bridge.push(&told).unwrap());
    shown.store(1, Ordering::Relaxed);
    bridge.push(&told).unwrap();
    assert!(server.is_silent());
    // One that is not remembered is a new one.
    shown.store(0, Ordering::Relaxed);
    (0..60).for_each(|_| bridge.push(&told).unwrap());
    shown.store(1, Ordering::Relaxed);
    bridge.push(&told).unwrap();
    assert_eq!(server.next(), "c_total:7|c");
}

#[test]
fn datagrams_are_filled_and_no_line_is_cut() {
    let server = Statsd::start();
    let registry = CollectorRegistry::new();
    let counter = Counter::builder("c", "").labels(["n"]).register(&registry).unwrap();
    for number in 0..5 {
        counter.labels([number.to_string()]).inc();
    }
    counter.labels(["x".repeat(50)]).inc();
    // A line such as `c_total.n.0:1|c` has 15 bytes, so that two have 31 with the line feed.
    let bridge = StatsdBridge::builder(server.address()).datagram_size(31);
    bridge.build().unwrap().push(&registry).unwrap();
    assert_eq!(server.next(), "c_total.n.0:1|c\nc_total.n.1:1|c");
    assert_eq!(server.next(), "c_total.n.2:1|c\nc_total.n.3:1|c");
    assert_eq!(server.next(), "c_total.n.4:1|c");
    assert_eq!(server.next(), format!("c_total.n.{}:1|c", "x".repeat(50)));
    assert!(server.is_silent());
}

#[test]
fn settings_of_statsd_that_cannot_be_used_are_refused() {
    let bridge = StatsdBridge::builder("localhost:8125").prefix("a/b");
    let error = bridge.build().unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(error.to_string(), "the prefix \"a/b\" of a bridge has '/'");
    let error = StatsdBridge::builder("localhost").build().unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(error.to_string(), "the address \"localhost\" of a bridge has no port");
    let mut nowhere = StatsdBridge::builder("no.such.host.invalid:8125").build().unwrap();
    assert!(nowhere.push(&CollectorRegistry::new()).unwrap_err().is_io());
}

#[cfg(target_os = "linux")]
#[test]
fn what_nobody_of_this_machine_takes_is_sent_when_somebody_does() {
    let registry = CollectorRegistry::new();
    let counter = Counter::builder("c", "").labels(["n"]).register(&registry).unwrap();
    let server = UdpSocket::bind("127.0.83.150:0").unwrap();
    let address = server.local_addr().unwrap();
    drop(server);
    // One line in each datagram.
    let bridge = StatsdBridge::builder(address.to_string()).datagram_size(1);
    let mut bridge = bridge.build().unwrap();
    for time in 1..=3 {
        (0..3).for_each(|n| counter.labels([n.to_string()]).inc());
        assert!(bridge.push(&registry).unwrap_err().is_io(), "{time}");
    }
    let server = Statsd(UdpSocket::bind(address).unwrap());
    bridge.push(&registry).unwrap();
    let all: Vec<_> = (0..3).map(|_| server.next()).collect();
    assert_eq!(all, ["c_total.n.0:3|c", "c_total.n.1:3|c", "c_total.n.2:3|c"]);
}

#[cfg(unix)]
#[test]
fn a_server_that_does_not_read_is_not_waited_for() {
    use std::os::unix::net::UnixDatagram;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("statsd.sock");
    let _silent = UnixDatagram::bind(&path).unwrap();
    let registry = CollectorRegistry::new();
    let counter = Counter::builder("c", "").labels(["n"]).register(&registry).unwrap();
    // More datagrams than a socket holds for somebody who does not read.
    (0..2000).for_each(|n| counter.labels([n.to_string()]).inc());
    let bridge = StatsdBridge::builder(format!("unix://{}", path.display())).datagram_size(1);
    assert!(bridge.build().unwrap().push(&registry).unwrap_err().is_io());
}

#[cfg(unix)]
#[test]
fn what_could_not_be_sent_is_sent_with_what_comes_next() {
    use std::os::unix::net::UnixDatagram;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("statsd.sock");
    let registry = CollectorRegistry::new();
    let counter = Counter::builder("c", "").register(&registry).unwrap();
    let address = format!("unix://{}", path.display());
    let mut bridge = StatsdBridge::builder(&address).build().unwrap();
    counter.inc_by(2);
    let error = bridge.push(&registry).unwrap_err();
    assert!(error.is_io());
    assert!(error.to_string().starts_with(&format!("cannot send to StatsD at {address}: ")));

    let server = UnixDatagram::bind(&path).unwrap();
    let next = || {
        let mut datagram = [0; 100];
        let len = server.recv(&mut datagram).unwrap();
        String::from_utf8_lossy(&datagram[..len]).into_owned()
    };
    counter.inc_by(3);
    bridge.push(&registry).unwrap();
    assert_eq!(next(), "c_total:5|c");
    counter.inc();
    let sends = bridge.start(&registry, Duration::from_secs(3600)).unwrap();
    sends.stop().unwrap();
    assert_eq!(next(), "c_total:1|c");
}
