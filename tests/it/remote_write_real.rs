//! Remote write to real Prometheus and VictoriaMetrics servers, with an outage in the middle.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use narthex::client::{Connection, Retry};
use narthex::remote_write::{ProtocolVersion, RemoteWrite};
use narthex::{CollectorRegistry, Counter, Gauge, Histogram, NativeOptions};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::real_servers::{Running, get, versions};

fn prometheus(program: &Path) -> Running {
    Running::start(|address, dir| {
        fs::write(dir.join("config.yml"), "global: {scrape_interval: 1h}\n").unwrap();
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", dir.join("config.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", dir.join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        command.arg("--web.enable-remote-write-receiver");
        command.arg("--enable-feature=native-histograms,exemplar-storage,metadata-wal-records");
        command
    })
}

fn victoria_metrics(program: &Path) -> Running {
    Running::start(|address, dir| {
        let mut command = Command::new(program);
        command.arg(format!("-storageDataPath={}", dir.join("data").display()));
        command.arg(format!("-httpListenAddr={address}"));
        // What came is found at once. What is the same to the millisecond is one sample: without this,
        // it keeps each that it has answered and whose answer was lost.
        command.args(["-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms"]);
        command
    })
}

/// A line to a server that can be cut: a connection under way breaks, and none is taken.
struct Line {
    address: SocketAddr,
    is_cut: Arc<AtomicBool>,
}

impl Line {
    fn to(server: &Running) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, is_cut) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let (server, cut) = (server.address().to_owned(), is_cut.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, cut) = (stream.unwrap(), cut.clone());
                if !cut.load(Ordering::Relaxed) {
                    let ahead = TcpStream::connect(&server).unwrap();
                    carry(stream.try_clone().unwrap(), ahead.try_clone().unwrap(), cut.clone());
                    carry(ahead, stream, cut);
                }
            }
        });
        Self { address, is_cut }
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
    }
}

/// Carries bytes until the line is cut; what came by then may have arrived, and its answer is lost.
fn carry(mut from: TcpStream, mut to: TcpStream, cut: Arc<AtomicBool>) {
    from.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 65536];
        loop {
            match from.read(&mut bytes) {
                _ if cut.load(Ordering::Relaxed) => break,
                Ok(0) => break,
                Ok(count) => {
                    if to.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => break,
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

struct Metrics {
    registry: CollectorRegistry,
    count: Counter,
    native: Histogram,
}

fn metrics() -> Metrics {
    let registry = CollectorRegistry::new();
    let count = Counter::builder("turns", "Of the test.").register(&registry).unwrap();
    Gauge::builder("größe.m", "h").register(&registry).unwrap().set(2.5);
    let classic = Histogram::builder("classic", "h").buckets([0.5]).register(&registry).unwrap();
    classic.observe_with_exemplar(0.25, &[("trace_id", "abc")]);
    let native = Histogram::builder("native", "h").native(NativeOptions::new());
    let native = native.register(&registry).unwrap();
    Metrics { registry, count, native }
}

/// What each collection had, by its time: what is to be found.
type Points = BTreeMap<i64, f64>;

/// Sends while the line is there, is cut, and is there again; says how many samples of each series
/// were sent.
fn send(line: &Line, path: &str, version: ProtocolVersion) -> u64 {
    let Metrics { registry, count, native } = metrics();
    let retry = Retry::default().with_pauses(Duration::from_millis(10), Duration::from_millis(50));
    let connection = Connection::new().no_proxy().retry(retry).timeout(Duration::from_secs(5));
    let writer = RemoteWrite::builder(format!("http://{}{path}", line.address), &registry)
        .interval(Duration::from_millis(100))
        .label("job", "outage")
        .version(version)
        .stale_at_end(false)
        .connection(connection)
        .start()
        .unwrap();
    let stats = writer.metrics();
    for turn in 0..30 {
        line.cut((10..20).contains(&turn));
        count.inc();
        native.observe(0.3);
        thread::sleep(Duration::from_millis(100));
    }
    writer.stop().unwrap();
    let stats = stats.stats();
    assert_eq!((stats.dropped_samples, stats.refused_samples), (0, 0), "{stats:?}");
    assert!(stats.retried_samples > 0, "{stats:?}");
    // The counter, the gauge, two buckets, count and sum, and the native histogram.
    assert_eq!(stats.sent_samples % 7, 0, "{stats:?}");
    stats.sent_samples / 7
}

fn json(server: &Running, path: &str) -> Value {
    serde_json::from_str(&get(&format!("http://{}/api/v1/{path}", server.address()))).unwrap()
}

/// All samples of a series, as they are stored.
fn range(server: &Running, selector: &str, kind: &str) -> Vec<(f64, Value)> {
    let query = format!("{selector}[10m]");
    let query = utf8_percent_encode(&query, NON_ALPHANUMERIC);
    let answer = json(server, &format!("query?query={query}"));
    assert_eq!(answer["status"], "success", "{answer}");
    let values = answer["data"]["result"][0][kind].as_array();
    let point = |point: &Value| (point[0].as_f64().unwrap(), point[1].clone());
    values.map_or(Vec::new(), |values| values.iter().map(point).collect())
}

/// That so many samples are there, with times that ascend and values that do not fall.
fn check(points: &[(f64, Value)], count: u64, what: &str) {
    assert_eq!(points.len() as u64, count, "{what}: {points:?}");
    assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "{what}: {points:?}");
    let value = |point: &(f64, Value)| point.1.as_str().map_or(0.0, |text| text.parse().unwrap());
    let values: Points =
        points.iter().map(|point| ((point.0 * 1000.0) as i64, value(point))).collect();
    assert!(values.values().zip(values.values().skip(1)).all(|(a, b)| a <= b), "{what}");
}

fn programs(name: &str) -> Vec<PathBuf> {
    versions(name, "--version")
}

fn version_of(program: &Path) -> String {
    let told = Command::new(program).arg("--version").output().unwrap();
    String::from_utf8(told.stdout).unwrap() + &String::from_utf8(told.stderr).unwrap()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn prometheus_has_each_sample_once_after_an_outage() {
    for program in programs("usr/bin/prometheus") {
        let every = [ProtocolVersion::Newest, ProtocolVersion::V1, ProtocolVersion::V2];
        let knows_2_0 = version_of(&program).starts_with("prometheus, version 3.");
        for version in &every[..if knows_2_0 { 3 } else { 2 }] {
            let server = prometheus(&program);
            let ready = format!("http://{}/-/ready", server.address());
            wait_until("it is not ready", || get(&ready).contains("Ready"));
            let sent = send(&Line::to(&server), "/api/v1/write", *version);

            let what = format!("{program:?} {version:?}");
            let turns = range(&server, "turns_total{job=\"outage\"}", "values");
            check(&turns, sent, &what);
            assert_eq!(turns.last().unwrap().1, "30", "{what}");
            check(&range(&server, "gr__e_m", "values"), sent, &what);
            check(&range(&server, "classic_bucket{le=\"0.5\"}", "values"), sent, &what);
            let natives = range(&server, "native", "histograms");
            check(&natives, sent, &what);
            assert_eq!(natives.last().unwrap().1["count"], "30", "{what}");
            let exemplars =
                json(&server, "query_exemplars?query=classic_bucket&start=0&end=9999999999");
            let exemplars = exemplars["data"][0]["exemplars"].as_array().unwrap();
            assert_eq!(exemplars.len(), 1, "{what}");
            assert_eq!(exemplars[0]["labels"]["trace_id"], "abc", "{what}");
            let log = server.log();
            for complaint in ["level=ERROR", "level=error", "Out of order", "level=warn"] {
                let told: Vec<_> = log.lines().filter(|line| line.contains(complaint)).collect();
                assert!(told.iter().all(|line| !line.contains("remote")), "{what}: {told:?}");
            }
        }
    }
}

#[test]
fn series_that_end_are_gone_from_prometheus_at_once() {
    for program in programs("usr/bin/prometheus") {
        let server = prometheus(&program);
        let ready = format!("http://{}/-/ready", server.address());
        wait_until("it is not ready", || get(&ready).contains("Ready"));
        let Metrics { registry, native, .. } = metrics();
        native.observe(1.0);
        let gauge = Gauge::builder("child", "h").labels(["n"]).register(&registry).unwrap();
        gauge.labels(["1"]).set(1);
        let writer =
            RemoteWrite::builder(format!("http://{}/api/v1/write", server.address()), &registry)
                .interval(Duration::from_millis(50))
                .connection(Connection::new().no_proxy())
                .start()
                .unwrap();
        let now = |name: &str| {
            let answer = json(&server, &format!("query?query={name}"));
            answer["data"]["result"].as_array().unwrap().len()
        };
        wait_until("it does not arrive", || now("child") == 1 && now("native") == 1);
        gauge.remove(["1"]);
        wait_until("it is not stale", || now("child") == 0);
        assert_eq!((now("gr__e_m"), now("native")), (1, 1), "{program:?}");
        writer.stop().unwrap();
        assert_eq!((now("gr__e_m"), now("native")), (0, 0), "{program:?}");
    }
}

#[test]
fn victoria_metrics_has_each_sample_once_after_an_outage() {
    for program in programs("usr/bin/victoria-metrics") {
        for version in [ProtocolVersion::Newest, ProtocolVersion::V1] {
            let server = victoria_metrics(&program);
            let sent = send(&Line::to(&server), "/api/v1/write", version);
            let what = format!("{program:?} {version:?}");
            let export =
                format!("http://{}/api/v1/export?match[]={{job=\"outage\"}}", server.address());
            let of = |name: &str| {
                get(&format!("http://{}/internal/force_flush", server.address()));
                let lines = get(&export);
                let series: Vec<Value> =
                    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                let of_name = series.iter().filter(|one| one["metric"]["__name__"] == name);
                let mut points: Vec<(i64, f64)> = of_name
                    .flat_map(|one| {
                        let times = one["timestamps"].as_array().unwrap().iter();
                        let values = one["values"].as_array().unwrap().iter();
                        times
                            .map(|time| time.as_i64().unwrap())
                            .zip(values.map(|v| v.as_f64().unwrap()))
                    })
                    .collect();
                points.sort_by_key(|(time, _)| *time);
                points
            };
            let begun = Instant::now();
            let mut turns = of("turns_total");
            while turns.len() as u64 != sent {
                assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {sent}, {turns:?}");
                thread::sleep(Duration::from_millis(100));
                turns = of("turns_total");
            }
            assert!(turns.windows(2).all(|pair| pair[0].0 < pair[1].0), "{what}: {turns:?}");
            assert_eq!(turns.last().unwrap().1, 30.0, "{what}");
            assert_eq!(of("gr__e_m").len() as u64, sent, "{what}");
            assert_eq!(of("classic_sum").len() as u64, sent, "{what}");
        }
    }
}
