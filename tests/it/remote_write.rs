//! Remote write, against another end that answers as it is told.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use narthex::client::{Connection, Retry};
use narthex::model::{
    GaugeMetricFamily, HistogramMetricFamily, NO_LABELS, NativeHistogram, Timestamp,
};
use narthex::remote_write::{ProtocolVersion, RemoteWrite};
use narthex::{CollectorRegistry, Counter, Error, Gauge, Histogram, NativeOptions, collector_fn};

use crate::push_fixture::{Got, OtherEnd, Reply, ok, status};
use crate::remote_write_fixture::{STALE, read, receiver, to, took};

fn registry() -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    Gauge::builder("g", "help").register(&registry).unwrap().set(2);
    registry
}

fn versions(got: &[Got]) -> Vec<&str> {
    let version = |got: &'_ Got| got.header("x-prometheus-remote-write-version").is_some();
    assert!(got.iter().all(version));
    got.iter().map(|got| got.header("x-prometheus-remote-write-version").unwrap()).collect()
}

/// The values of a series in the order in which they came, with their times.
fn points(got: &[Got], name: &str) -> Vec<(f64, i64)> {
    let series = got.iter().flat_map(|got| read(got).series);
    let samples = series.filter(|series| series.name == name).flat_map(|series| series.samples);
    samples.map(|sample| (sample.value, sample.timestamp)).collect()
}

#[test]
fn who_does_not_know_2_0_is_told_in_1_0() {
    let unsupported = || status("415 Unsupported Media Type", "");
    for older in [unsupported(), ok()] {
        let other = OtherEnd::start_with([older], ok());
        let writer = to(&other, &registry()).start().unwrap();
        let metrics = writer.metrics();
        writer.stop().unwrap();
        let got = other.got();
        assert_eq!(versions(&got), ["2.0.0", "0.1.0"]);
        assert_eq!(read(&got[0]).series[0].samples, read(&got[1]).series[0].samples);
        assert_eq!((metrics.stats().sent_samples, metrics.stats().refused_samples), (1, 0));
    }
    // Who is to be told in 2.0 is told in nothing else.
    for older in [unsupported(), ok()] {
        let other = OtherEnd::start([older]);
        let writer = to(&other, &registry()).version(ProtocolVersion::V2).start().unwrap();
        let metrics = writer.metrics();
        writer.stop().unwrap();
        assert_eq!(other.got().len(), 1);
        assert_eq!((metrics.stats().sent_samples, metrics.stats().refused_samples), (0, 1));
    }
}

#[test]
fn a_bad_request_may_be_one_in_a_version_that_is_not_known() {
    let bad = || status("400 Bad Request", "what is this?");
    let other = OtherEnd::start([bad()]);
    to(&other, &registry()).start().unwrap().stop().unwrap();
    assert_eq!(versions(&other.got()), ["2.0.0", "0.1.0"]);

    // If it is not taken in 1.0 either, it was not the version: the next one is in 2.0.
    let other = receiver([bad(), bad()]);
    let registry = registry();
    Gauge::builder("h", "").register(&registry).unwrap();
    let writer = to(&other, &registry).samples_per_request(1).start().unwrap();
    let metrics = writer.metrics();
    writer.stop().unwrap();
    assert_eq!(versions(&other.got()), ["2.0.0", "0.1.0", "2.0.0"]);
    assert_eq!((metrics.stats().sent_samples, metrics.stats().refused_samples), (1, 1));
}

#[test]
fn what_did_not_arrive_is_sent_again_as_the_same_bytes_and_in_order() {
    let failures = [
        status("500 Internal Server Error", ""),
        Reply::Close,
        status("503 Service Unavailable", ""),
        status("429 Too Many Requests", ""),
        status("501 Not Implemented", ""),
    ];
    let other = receiver(failures);
    let registry = registry();
    Gauge::builder("h", "").register(&registry).unwrap();
    let writer = to(&other, &registry).samples_per_request(1).start().unwrap();
    let metrics = writer.metrics();
    writer.stop().unwrap();
    let got = other.got();
    assert_eq!(got.len(), 7);
    assert!(got[..6].iter().all(|again| again.body == got[0].body));
    assert_ne!(got[6].body, got[0].body);
    let stats = metrics.stats();
    assert_eq!((stats.sent_samples, stats.retried_samples, stats.dropped_samples), (2, 5, 0));
    assert_eq!((stats.queued_samples, stats.queued_bytes), (0, 0));
}

#[test]
fn it_is_not_asked_again_before_it_said() {
    let busy = Reply::Status("429 Too Many Requests", vec!["Retry-After: 1".to_owned()], "");
    let other = receiver([busy]);
    let begun = Instant::now();
    to(&other, &registry()).start().unwrap().stop().unwrap();
    assert_eq!(other.got().len(), 2);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn what_is_refused_is_not_sent_again_and_counted() {
    for line in ["404 Not Found", "401 Unauthorized", "408 Request Timeout", "302 Found"] {
        let other = receiver([status(line, "no")]);
        let writer = to(&other, &registry()).start().unwrap();
        let metrics = writer.metrics();
        writer.stop().unwrap();
        assert_eq!(other.got().len(), 1, "{line}");
        assert_eq!(metrics.stats().refused_samples, 1, "{line}");
    }
    // Of three, two were written.
    let headers = vec![
        "X-Prometheus-Remote-Write-Samples-Written: 1".to_owned(),
        "X-Prometheus-Remote-Write-Histograms-Written: 1".to_owned(),
    ];
    let other = receiver([Reply::Status("400 Bad Request", headers, "out of order")]);
    let registry = registry();
    Gauge::builder("h", "").register(&registry).unwrap();
    let native = Histogram::builder("n", "").native(NativeOptions::new());
    native.register(&registry).unwrap().observe(1.0);
    let writer = to(&other, &registry).start().unwrap();
    let metrics = writer.metrics();
    writer.stop().unwrap();
    assert_eq!(other.got().len(), 1);
    assert_eq!((metrics.stats().sent_samples, metrics.stats().refused_samples), (2, 1));
}

#[test]
fn requests_have_so_many_samples_and_each_is_whole() {
    let other = receiver([]);
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "").labels(["n"]).register(&registry).unwrap();
    (0..25).for_each(|n| gauge.labels([n.to_string().as_str()]).set(n));
    to(&other, &registry).samples_per_request(10).start().unwrap().stop().unwrap();
    let sizes: Vec<_> = other.got().iter().map(|got| read(got).series.len()).collect();
    assert_eq!(sizes, [10, 10, 5]);
    for n in 0..25 {
        assert_eq!(points(&other.got(), &format!("g{{n=\"{n}\"}}")).len(), 1);
    }
}

#[test]
fn an_outage_that_the_queue_has_room_for_loses_and_doubles_nothing() {
    let outage = (0..20).map(|_| Reply::Close);
    let other = receiver(outage);
    let registry = CollectorRegistry::new();
    let count = Counter::builder("c", "").register(&registry).unwrap();
    let mut collections = 0;
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).start().unwrap();
    while collections < 30 {
        count.inc();
        thread::sleep(Duration::from_millis(5));
        collections += 1;
    }
    let metrics = writer.metrics();
    other.wait_for(21);
    writer.stop().unwrap();
    let taken = &other.got()[20..];
    let points = points(taken, "c_total");
    // Each has another time, later than the one before, and the last has all.
    assert!(points.windows(2).all(|pair| pair[0].1 < pair[1].1 && pair[0].0 <= pair[1].0));
    assert_eq!(points.last().unwrap().0, 30.0);
    let stats = metrics.stats();
    assert_eq!((stats.sent_samples, stats.dropped_samples), (points.len() as u64, 0));
}

#[test]
fn what_there_is_no_room_for_goes_oldest_first_and_is_counted() {
    let barrier = Arc::new(Barrier::new(2));
    let busy = status("503 Service Unavailable", "");
    let other = receiver([Reply::Held(barrier.clone(), Box::new(busy))]);
    let registry = registry();
    // A request of one gauge is no shorter than 50 bytes: of twenty and more, six at most find room,
    // and one is under way.
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).queue_bytes(300);
    let writer = writer.start().unwrap();
    let metrics = writer.metrics();
    while metrics.stats().queued_samples + metrics.stats().dropped_samples < 20 {
        assert!(metrics.stats().queued_bytes <= 300);
        thread::sleep(Duration::from_millis(1));
    }
    barrier.wait();
    writer.stop().unwrap();
    let got = other.got();
    let stats = metrics.stats();
    let points = points(&got[1..], "g");
    assert!((1..20).contains(&points.len()), "{points:?}");
    assert_eq!(stats.sent_samples, points.len() as u64);
    assert!(got.iter().all(|got| got.body.len() >= 50));
    assert!(stats.dropped_samples >= 13, "{stats:?}");
    // The one that was under way was the oldest, and was not sent again.
    assert!(read(&got[0]).series[0].samples[0].timestamp < points[0].1);
}

#[test]
fn series_that_ended_get_a_stale_marker_once() {
    let other = receiver([]);
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "help").labels(["n"]).register(&registry).unwrap();
    gauge.labels(["1"]).set(1);
    gauge.labels(["2"]).set(2);
    let native = Histogram::builder("h", "").native(NativeOptions::new()).labels(["n"]);
    let native = native.register(&registry).unwrap();
    native.labels(["1"]).observe(1.0);
    let writer = to(&other, &registry).interval(Duration::from_millis(10)).start().unwrap();
    other.wait_for(1);
    gauge.remove(["1"]);
    native.remove(["1"]);
    let sent = other.got().len();
    other.wait_for(sent + 3);
    writer.stop().unwrap();

    let ended = points(&other.got(), "g{n=\"1\"}");
    let is_stale = |value: f64| value.to_bits() == STALE;
    let (last, before) = ended.split_last().unwrap();
    assert!(is_stale(last.0) && before.iter().all(|(value, _)| *value == 1.0), "{ended:?}");
    assert!(!before.is_empty() && last.1 > before.last().unwrap().1);
    let others = points(&other.got(), "g{n=\"2\"}");
    // It came with the others of its collection.
    assert!(others.iter().any(|(_, time)| *time == last.1));
    assert!(others.iter().all(|(value, _)| *value == 2.0));

    let requests: Vec<_> = other.got().iter().map(read).collect();
    let all = requests.iter().flat_map(|request| &request.series);
    let natives: Vec<_> = all.filter(|series| series.name == "h{n=\"1\"}").collect();
    let (last, before) = natives.split_last().unwrap();
    assert!(is_stale(last.histograms[0].sum));
    assert_eq!(last.metadata.as_ref().unwrap().0, 3);
    assert!(before.iter().all(|series| series.histograms[0].sum == 1.0) && !before.is_empty());
}

#[test]
fn at_the_end_all_series_are_stale_unless_they_have_times_of_their_own() {
    let registry = registry();
    let timed = collector_fn(|scrape| {
        let mut family = GaugeMetricFamily::new("timed", "")?;
        family.add_metric(NO_LABELS, 1.0)?.timestamp(Timestamp::from_whole_seconds(5));
        scrape.family(&family)
    });
    registry.register(Arc::new(timed)).unwrap();
    let other = receiver([]);
    to(&other, &registry).stale_at_end(true).start().unwrap().stop().unwrap();
    let got = other.got();
    assert_eq!(got.len(), 2);
    let points = points(&got, "g");
    assert_eq!((points[0].0, points[1].0.to_bits()), (2.0, STALE));
    assert!(points[0].1 < points[1].1);
    assert_eq!(read(&got[1]).series.len(), 1);
    assert_eq!(self::points(&got, "timed"), [(1.0, 5000)]);
}

#[test]
fn a_collection_that_fails_leaves_the_others_as_they_are() {
    let other = receiver([]);
    let registry = registry();
    let turns = std::sync::atomic::AtomicU32::new(0);
    let moody =
        collector_fn(move |_| match turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            1 => Err(Error::collector("not now")),
            2 => panic!("not now either"),
            _ => Ok(()),
        });
    registry.register(Arc::new(moody)).unwrap();
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).start().unwrap();
    other.wait_for(3);
    let metrics = writer.metrics();
    assert_eq!(writer.failures(), 2);
    writer.stop().unwrap();
    assert_eq!(metrics.stats().failed_collections, 2);
    // No series has ended by that.
    assert!(points(&other.got(), "g").iter().all(|(value, _)| *value == 2.0));
}

#[test]
fn the_last_values_leave_though_a_request_is_under_way() {
    let barrier = Arc::new(Barrier::new(2));
    let other = receiver([Reply::Held(barrier.clone(), Box::new(took()))]);
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "").register(&registry).unwrap();
    gauge.set(1);
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).start().unwrap();
    other.wait_for(1);
    gauge.set(7);
    let stopping = thread::spawn(move || writer.stop());
    barrier.wait();
    stopping.join().unwrap().unwrap();
    let points = points(&other.got(), "g");
    assert_eq!((points[0].0, points.last().unwrap().0), (1.0, 7.0));
}

#[test]
fn the_last_values_leave_though_there_is_a_pause_after_a_failure() {
    let other = receiver([status("500 Internal Server Error", "")]);
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "").register(&registry).unwrap();
    let hour = Duration::from_secs(3600);
    let connection = Connection::new().no_proxy().retry(Retry::default().with_pauses(hour, hour));
    let writer = to(&other, &registry).connection(connection).interval(Duration::from_millis(5));
    let writer = writer.start().unwrap();
    other.wait_for(1);
    gauge.set(7);
    writer.stop().unwrap();
    assert_eq!(points(&other.got(), "g").last().unwrap().0, 7.0);
}

#[test]
fn what_is_not_sent_in_time_at_the_end_is_counted_and_told() {
    let other = receiver([Reply::Silence]);
    let writer = to(&other, &registry()).flush_timeout(Duration::from_millis(50)).start().unwrap();
    let metrics = writer.metrics();
    let error = writer.stop().unwrap_err();
    assert!(error.is_timed_out());
    assert_eq!(error.to_string(), "1 samples were not sent in 50ms");
    let stats = metrics.stats();
    assert_eq!((stats.sent_samples, stats.dropped_samples, stats.queued_samples), (0, 1, 0));
}

#[test]
fn what_found_no_room_while_it_was_under_way_is_counted_at_the_end_too() {
    let other = receiver([Reply::Silence]);
    let registry = registry();
    // Of one gauge, a request has some 50 bytes: there is room for one.
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).queue_bytes(60);
    let writer = writer.flush_timeout(Duration::from_millis(50)).start().unwrap();
    let metrics = writer.metrics();
    other.wait_for(1);
    let begun = metrics.stats();
    while metrics.stats().dropped_samples < begun.dropped_samples + 5 {
        thread::sleep(Duration::from_millis(1));
    }
    let error = writer.stop().unwrap_err();
    // One in the queue, and the one that was under way.
    assert_eq!(error.to_string(), "2 samples were not sent in 50ms");
    assert_eq!(metrics.stats().sent_samples, 0);
}

#[test]
fn an_exemplar_is_sent_once() {
    let other = receiver([]);
    let registry = CollectorRegistry::new();
    let count = Counter::builder("c", "").register(&registry).unwrap();
    count.inc_by_with_exemplar(1, &[("trace_id", "a")]);
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).start().unwrap();
    other.wait_for(3);
    writer.stop().unwrap();
    let requests: Vec<_> = other.got().iter().map(read).collect();
    let counts = requests.iter().map(|request| request.series[0].exemplars.len());
    assert_eq!(counts.clone().sum::<usize>(), 1);
    assert_eq!(counts.take(1).sum::<usize>(), 1);
}

#[test]
fn headers_of_remote_write_cannot_be_set_and_others_can() {
    let other = receiver([]);
    let mut connection = Connection::new().no_proxy().header("X-Scope-OrgID", "shop");
    for name in
        ["Content-Type", "Content-Encoding", "User-Agent", "X-Prometheus-Remote-Write-Version"]
    {
        connection = connection.header(name, "mine");
    }
    to(&other, &registry()).connection(connection).start().unwrap().stop().unwrap();
    let got = &other.got()[0];
    assert_eq!(got.header("x-scope-orgid"), Some("shop"));
    // Which looks at all of them.
    assert_eq!(read(got).series.len(), 1);
}

#[test]
fn it_tells_of_itself() {
    let other = receiver([]);
    let registry = registry();
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).start().unwrap();
    registry.register(Arc::new(writer.metrics())).unwrap();
    other.wait_for(1);
    writer.stop().unwrap();
    let value = |name| registry.get_sample_value(name, &[]).unwrap();
    assert!(value("narthex_remote_write_samples_total") >= 1.0);
    for name in [
        "narthex_remote_write_samples_refused_total",
        "narthex_remote_write_samples_dropped_total",
        "narthex_remote_write_samples_retried_total",
        "narthex_remote_write_collections_failed_total",
        "narthex_remote_write_queue_samples",
        "narthex_remote_write_queue_bytes",
    ] {
        assert_eq!(value(name), 0.0, "{name}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let registry = registry();
    let start = |url: &str| RemoteWrite::builder(url, &registry).start().unwrap_err().to_string();
    let of = "of the receiver of remote write";
    assert_eq!(
        start("ftp://host"),
        format!("the address \"ftp://host\" {of} begins with ftp://, not with http or https")
    );
    assert_eq!(
        start("http://user:secret@host"),
        format!("the address {of} has a user, who is told by `Connection::basic_auth`")
    );
    let with = |name| RemoteWrite::builder("host", &registry).label(name, "x").start().unwrap_err();
    assert_eq!(
        with("le").to_string(),
        "remote write has the label \"le\", which tells apart the samples of one metric"
    );
    assert!(with("__name__").is_invalid_label());
    let zero = RemoteWrite::builder("host", &registry).interval(Duration::ZERO).start();
    assert!(zero.unwrap_err().is_invalid_value());
}

#[test]
fn a_family_that_changes_its_kind_ends_as_what_it_was_last() {
    let other = receiver([]);
    let registry = CollectorRegistry::new();
    let turns = std::sync::atomic::AtomicU32::new(0);
    let changing = collector_fn(move |scrape| {
        let mut family = HistogramMetricFamily::new("h", "")?;
        if turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            family.add_native(NO_LABELS, 1.0, 1.0, &NativeHistogram::new(0)?)?;
        } else {
            family.add_metric(NO_LABELS, [(1.0, 1.0), (f64::INFINITY, 1.0)], Some(1.0))?;
        }
        scrape.family(&family)
    });
    registry.register(Arc::new(changing)).unwrap();
    let writer = to(&other, &registry).interval(Duration::from_millis(5)).start().unwrap();
    other.wait_for(2);
    writer.stop().unwrap();
    let second = read(&other.got()[1]);
    let names: Vec<_> = second.series.iter().map(|series| &*series.name).collect();
    assert_eq!(names, ["h_bucket{le=\"1.0\"}", "h_bucket{le=\"+Inf\"}", "h_count", "h_sum", "h"]);
    assert_eq!(second.series[4].histograms[0].sum.to_bits(), STALE);
}

#[cfg(all(unix, feature = "service"))]
mod signals {
    use std::env;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use narthex::service::{Runner, ServiceMetrics};
    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    const TO: &str = "NARTHEX_TEST_REMOTE_WRITE_TO";

    /// Not a test by itself: the program that a test starts and ends.
    #[test]
    fn a_sender() {
        let Ok(url) = env::var(TO) else { return };
        let registry = CollectorRegistry::new();
        let metrics = ServiceMetrics::register(&registry).unwrap();
        let gauge = Gauge::builder("g", "").register(&registry).unwrap();
        let writer = RemoteWrite::builder(url, &registry)
            .interval(Duration::from_millis(5))
            .flush_timeout(Duration::from_secs(60))
            .connection(Connection::new().no_proxy())
            .start()
            .unwrap();
        let runner = Runner::builder("sender", &metrics).interval(Duration::from_secs(3600));
        let cycle = || {
            println!("begun");
            Ok(())
        };
        runner.build().unwrap().run_blocking(cycle).unwrap();
        gauge.set(7);
        writer.stop().unwrap();
    }

    #[test]
    fn a_signal_while_a_request_is_under_way_loses_nothing() {
        let barrier = Arc::new(Barrier::new(2));
        let other = receiver([Reply::Held(barrier.clone(), Box::new(took()))]);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "remote_write::signals::a_sender", "--nocapture"])
            .env(TO, format!("http://{}/write", other.address()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The signal is listened for since before the first cycle.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("begun")));
        other.wait_for(1);
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        barrier.wait();
        lines.for_each(drop);
        assert!(child.wait().unwrap().success());
        let points = points(&other.got(), "g");
        let (stale, before) = points.split_last().unwrap();
        assert_eq!((stale.0.to_bits(), before.last().unwrap().0), (STALE, 7.0));
        assert!(points.windows(2).all(|pair| pair[0].1 < pair[1].1));
    }
}
