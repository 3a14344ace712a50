//! What Python's files cannot say, told by workers and met by whoever merges.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, GaugeMetricFamily, HistogramMetricFamily,
    NO_LABELS, Timestamp,
};
use narthex::multiprocess::{
    GaugeMode, MultiProcessCollector, MultiprocessStore, mark_process_dead,
};
use narthex::{
    Collector, CollectorRegistry, Counter, Enum, Error, Gauge, Histogram, Info, Summary,
    collector_fn, for_each_family,
};

/// The variable that makes a worker of the test [`a_worker`]: its directory.
const WORKER_DIR: &str = "NARTHEX_SIDE_FILES_DIR";

/// The first of the families that tell of processes that hold a lock; they come last.
const OF_PROCESSES: &str = "# HELP narthex_multiprocess_live_processes ";

fn store(dir: &Path, identifier: &str) -> MultiprocessStore {
    MultiprocessStore::builder(dir).identifier(identifier).open().unwrap()
}

/// Without what is told of processes that hold a lock.
fn openmetrics(dir: &Path) -> String {
    let text = exposition::openmetrics::encode(&MultiProcessCollector::new(dir).unwrap()).unwrap();
    match text.find(OF_PROCESSES) {
        Some(end) => format!("{}# EOF\n", &text[..end]),
        None => text,
    }
}

fn text(dir: &Path) -> String {
    let mut text = exposition::text::encode(&MultiProcessCollector::new(dir).unwrap()).unwrap();
    text.truncate(text.find(OF_PROCESSES).unwrap_or(text.len()));
    text
}

/// The values of all samples, by their names and labels.
fn samples(collector: &dyn Collector) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for_each_family(collector, &mut |family| {
        family.for_each_sample(&mut |sample| {
            let labels: Vec<_> = sample.labels().iter().collect();
            samples.insert(format!("{}{labels:?}", sample.name()), sample.value());
        });
        Ok(())
    })
    .unwrap();
    samples.retain(|name, _| !name.starts_with("narthex_multiprocess_"));
    samples
}

fn start_of(collector: &dyn Collector, name: &str) -> Option<f64> {
    let mut start = None;
    for_each_family(collector, &mut |family| {
        family.for_each_sample(&mut |sample| {
            if sample.is_named(name) {
                start = sample.start();
            }
        });
        Ok(())
    })
    .unwrap();
    start
}

#[test]
fn the_earliest_start_of_a_series_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let early = Counter::builder("jobs", "h").store(&store(dir.path(), "b")).build().unwrap();
    thread::sleep(Duration::from_millis(5));
    let late = Counter::builder("jobs", "h").store(&store(dir.path(), "a")).build().unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let (early_start, late_start) =
        (start_of(&early, "jobs_total").unwrap(), start_of(&late, "jobs_total").unwrap());
    assert!(early_start < late_start);
    assert_eq!(start_of(&merged, "jobs_total"), Some(early_start));
    early.reset();
    assert!(start_of(&early, "jobs_total").unwrap() > late_start);
    assert_eq!(start_of(&merged, "jobs_total"), Some(late_start));
}

#[test]
fn units_and_start_times_stand_in_openmetrics_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path(), "1-a");
    let sizes = Summary::builder("reply", "Of replies.").unit("bytes").store(&first);
    let sizes = sizes.build().unwrap();
    sizes.observe(3);
    let waits = Histogram::builder("wait_seconds", "Of jobs.").buckets([1.0]).labels(["q"]);
    let waits = waits.unit("seconds").store(&first).build().unwrap();
    waits.labels(["x"]).observe(0.5);
    let depth = Gauge::builder("depth", "Of queues.").mode(GaugeMode::Sum).store(&first);
    depth.build().unwrap().set(2);
    let start = |name| {
        let collector: &dyn Collector = if name == "r" { &sizes } else { &waits };
        let name = if name == "r" { "reply_bytes_sum" } else { "wait_seconds_sum" };
        narthex::model::format_f64(start_of(collector, name).unwrap())
    };
    let created = |text: &str| -> String {
        // Times are shown with all of their digits, which the shortest form of a float has.
        let lines = text.lines().map(|line| match line.rsplit_once(' ') {
            Some((head, time)) if head.contains("_created") => {
                format!("{head} {}\n", narthex::model::format_f64(time.parse().unwrap()))
            }
            _ => format!("{line}\n"),
        });
        lines.collect()
    };
    assert_eq!(
        created(&openmetrics(dir.path())),
        format!(
            "# HELP depth Of queues.\n# TYPE depth gauge\ndepth 2.0\n\
             # HELP wait_seconds Of jobs.\n# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n\
             wait_seconds_sum{{q=\"x\"}} 0.5\n\
             wait_seconds_bucket{{le=\"1.0\",q=\"x\"}} 1.0\nwait_seconds_bucket{{le=\"+Inf\",q=\"x\"}} 1.0\n\
             wait_seconds_count{{q=\"x\"}} 1.0\nwait_seconds_created{{q=\"x\"}} {}\n\
             # HELP reply_bytes Of replies.\n# TYPE reply_bytes summary\n# UNIT reply_bytes bytes\n\
             reply_bytes_count 1.0\nreply_bytes_sum 3.0\nreply_bytes_created {}\n# EOF\n",
            start("w"),
            start("r"),
        )
    );
    let with = text(dir.path());
    fs::remove_file(dir.path().join("1-a.narthex")).unwrap();
    assert_eq!(with, text(dir.path()));
    assert!(!openmetrics(dir.path()).contains("created"));
    assert!(!openmetrics(dir.path()).contains("UNIT"));
}

#[test]
fn the_newest_exemplar_of_all_processes_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut metrics = Vec::new();
    for identifier in ["2-b", "1-a"] {
        let store = store(dir.path(), identifier);
        let counter = Counter::builder("jobs", "h").store(&store).build().unwrap();
        let histogram =
            Histogram::builder("wait", "h").buckets([1.0, 2.0]).store(&store).build().unwrap();
        metrics.push((counter, histogram));
    }
    let tell = |place: usize, id: &str| {
        let (counter, histogram) = &metrics[place];
        counter.inc_by_with_exemplar(0.5, &[("id", id)]);
        histogram.observe_with_exemplar(1.5, &[("id", id)]);
        thread::sleep(Duration::from_millis(2));
    };
    let shown = || -> Vec<(String, String)> {
        let text = openmetrics(dir.path());
        let lines = text.lines().filter_map(|line| line.split_once(" # "));
        let pair = |(line, exemplar): (&str, &str)| {
            let exemplar = exemplar.rsplit_once(' ').unwrap().0;
            (line.split(' ').next().unwrap().to_owned(), exemplar.to_owned())
        };
        lines.map(pair).collect()
    };
    let expected = |id: &str| {
        [("jobs_total", "0.5"), ("wait_bucket{le=\"2.0\"}", "1.5")]
            .map(|(line, value)| (line.to_owned(), format!("{{id=\"{id}\"}} {value}")))
    };
    tell(0, "first");
    tell(1, "second");
    assert_eq!(shown(), expected("second"));
    tell(0, "third");
    assert_eq!(shown(), expected("third"));
    // One that is longer than the place that most have.
    let long = "é".repeat(126);
    tell(0, &long);
    assert_eq!(shown(), expected(&long));
    tell(0, "short");
    assert_eq!(shown(), expected("short"));
    // Without the newest one, that of the other process is.
    metrics[0].0.reset();
    assert_eq!(shown()[0], expected("second")[0]);
}

#[test]
fn a_removed_child_counts_no_more_and_is_made_anew_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (store(dir.path(), "1-a"), store(dir.path(), "2-b"));
    let make = |store| Counter::builder("c", "h").labels(["l"]).store(store).build().unwrap();
    let (one, two) = (make(&first), make(&second));
    one.labels(["x"]).inc_with_exemplar(&[("id", "gone")]);
    one.labels(["y"]).inc_by(10);
    two.labels(["x"]).inc_by(100);
    let merged = CollectorRegistry::new();
    merged.register(Arc::new(MultiProcessCollector::new(dir.path()).unwrap())).unwrap();
    let value = |label: &str| merged.get_sample_value("c_total", &[("l", label)]);
    assert_eq!((value("x"), value("y")), (Some(101.0), Some(10.0)));

    let old = one.labels(["x"]).handle();
    assert!(one.remove(["x"]));
    assert_eq!(value("x"), Some(100.0));
    old.inc_with_exemplar(&[("id", "late")]);
    assert_eq!(value("x"), Some(100.0));
    assert!(!openmetrics(dir.path()).contains("id="));
    one.labels(["x"]).inc_by(2);
    assert_eq!(one.labels(["x"]).get(), 2.0);
    assert_eq!((value("x"), old.get()), (Some(102.0), 2.0));
    // Again, for the row that took the place of the first one.
    assert!(one.remove(["x"]));
    assert_eq!(value("x"), Some(100.0));

    one.labels(["z"]).inc();
    assert_eq!(one.remove_if(|[l]| *l == "z"), 1);
    assert_eq!((value("z"), value("y")), (None, Some(10.0)));
    two.clear();
    one.clear();
    assert_eq!((value("x"), value("y")), (None, None));
    one.labels(["y"]).inc();
    assert_eq!(value("y"), Some(1.0));
}

#[test]
fn all_rows_of_a_removed_histogram_go() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "1-a");
    let waits = Histogram::builder("w", "h").buckets([1.0]).labels(["l"]).store(&store);
    let waits = waits.build().unwrap();
    waits.labels(["x"]).observe(3);
    waits.labels(["y"]).observe(0.5);
    assert!(waits.remove(["x"]));
    waits.labels(["x"]).observe(0.25);
    assert_eq!(
        text(dir.path()),
        "# HELP w h\n# TYPE w histogram\n\
         w_sum{l=\"y\"} 0.5\nw_bucket{l=\"y\",le=\"1.0\"} 1.0\nw_bucket{l=\"y\",le=\"+Inf\"} 1.0\nw_count{l=\"y\"} 1.0\n\
         w_sum{l=\"x\"} 0.25\nw_bucket{l=\"x\",le=\"1.0\"} 1.0\nw_bucket{l=\"x\",le=\"+Inf\"} 1.0\nw_count{l=\"x\"} 1.0\n"
    );
}

#[test]
fn a_row_that_two_metrics_share_goes_with_the_last_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "1-a");
    let make = || Gauge::builder("g", "h").mode(GaugeMode::Sum).labels(["l"]).store(&store);
    let (one, two) = (make().build().unwrap(), make().build().unwrap());
    one.labels(["x"]).inc();
    two.labels(["x"]).inc();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let key = r#"g[("l", "x")]"#;
    assert_eq!(samples(&merged).get(key), Some(&2.0));
    one.remove(["x"]);
    assert_eq!(samples(&merged).get(key), Some(&2.0));
    two.remove(["x"]);
    assert_eq!(samples(&merged).get(key), None);
}

#[test]
fn a_child_that_is_removed_while_it_waits_for_room_is_never_filed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "web");
    let blocked = dir.path().join("counter_web.db");
    fs::create_dir(&blocked).unwrap();
    let jobs = Counter::builder("jobs", "h").labels(["l"]).store(&store).build().unwrap();
    let gone = jobs.labels(["gone"]).handle();
    gone.inc();
    jobs.labels(["late"]).inc_by(2);
    assert!(jobs.remove(["gone"]));
    assert_eq!(store.unfiled(), 1);
    fs::remove_dir(&blocked).unwrap();
    assert_eq!(store.file_waiting(), 0);
    gone.inc();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let late = r#"jobs_total[("l", "late")]"#.to_owned();
    assert_eq!(samples(&merged), BTreeMap::from([(late.clone(), 2.0)]));
    // One that has moved into the file can be removed from it.
    assert!(jobs.remove(["late"]));
    assert_eq!(samples(&merged), BTreeMap::new());
    jobs.labels(["late"]).inc();
    assert_eq!(samples(&merged), BTreeMap::from([(late, 1.0)]));
}

#[test]
fn a_series_that_waits_for_room_brings_its_start_and_its_last_exemplar() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = ["counter_web.db", "histogram_web.db", "web.narthex"].map(|name| {
        let path = dir.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    });
    let store = store(dir.path(), "web");
    let jobs = Counter::builder("jobs", "h").labels(["l"]).store(&store).build().unwrap();
    let waits = Histogram::builder("waits", "h").buckets([1.0, 2.0]).store(&store);
    let waits = waits.build().unwrap();
    jobs.labels(["a"]).inc_with_exemplar(&[("id", "first")]);
    jobs.labels(["a"]).inc_with_exemplar(&[("id", "second")]);
    jobs.labels(["b"]).inc_with_exemplar(&[("id", "taken back")]);
    jobs.labels(["b"]).reset();
    waits.observe_with_exemplar(1.5, &[("id", "third")]);
    thread::sleep(Duration::from_millis(2));
    let merged = MultiProcessCollector::of(&store);
    let text = || exposition::openmetrics::encode(&merged).unwrap();
    assert_eq!((store.unfiled(), text().contains("jobs")), (3, false));

    // There is room for the numbers, and not yet for what is said of them.
    for path in &blocked[..2] {
        fs::remove_dir(path).unwrap();
    }
    assert_eq!(store.file_waiting(), 0);
    let without = text();
    assert!(without.contains("jobs_total{l=\"a\"} 2.0\n") && !without.contains("_created"));
    assert!(!without.contains(" # {"), "{without}");
    fs::remove_dir(&blocked[2]).unwrap();
    assert_eq!(store.file_waiting(), 0);
    let start = |name| (start_of(&merged, name), start_of(&jobs, name).or(start_of(&waits, name)));
    for name in ["jobs_total", "waits_sum"] {
        let (shown, own) = start(name);
        assert!(shown.is_some() && shown <= own, "{name}: {shown:?}, {own:?}");
    }
    let told = text();
    assert_eq!(told.matches("_created").count(), 3, "{told}");
    assert!(told.contains("jobs_total{l=\"a\"} 2.0 # {id=\"second\"} 1.0 "), "{told}");
    assert!(told.contains("waits_bucket{le=\"2.0\"} 1.0 # {id=\"third\"} 1.5 "), "{told}");
    assert_eq!(told.matches(" # {").count(), 2, "{told}");

    // From now on all goes on as in any file.
    jobs.labels(["b"]).inc_with_exemplar(&[("id", "fourth")]);
    jobs.labels(["a"]).reset();
    let told = text();
    assert!(told.contains("jobs_total{l=\"b\"} 1.0 # {id=\"fourth\"} 1.0 "), "{told}");
    assert!(told.contains("jobs_total{l=\"a\"} 0.0\n"), "{told}");
    assert!(jobs.remove(["b"]));
    assert!(!text().contains("l=\"b\""));
}

#[test]
fn what_two_histograms_share_while_they_wait_for_room_outlives_one_of_them() {
    // The second has a bucket that the first has not, or none but those of the first.
    for bounds in [vec![1.0, 10.0], vec![1.0], vec![1.0, 5.0]] {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), "web");
        let blocked = dir.path().join("histogram_web.db");
        fs::create_dir(&blocked).unwrap();
        let made = |bounds: &[f64]| {
            let made = Histogram::builder("size", "h").labels(["l"]).buckets(bounds.to_vec());
            made.store(&store).build().unwrap()
        };
        let (one, two) = (made(&[1.0, 5.0]), made(&bounds));
        one.labels(["x"]).observe(0.5);
        two.labels(["x"]).observe(0.25);
        assert!(one.remove(["x"]));
        let three = made(&[1.0, 20.0]);
        three.labels(["x"]).observe(0.125);
        assert_eq!(store.unfiled(), 2, "{bounds:?}");
        fs::remove_dir(&blocked).unwrap();
        assert_eq!(store.file_waiting(), 0);
        two.labels(["x"]).observe(0.0625);

        // As where there was room all the while: the rows that only the first had are gone.
        let merged = samples(&MultiProcessCollector::new(dir.path()).unwrap());
        let sample = |name: &str| merged.get(&format!("size_{name}")).copied();
        assert_eq!(sample(r#"sum[("l", "x")]"#), Some(0.9375), "{bounds:?}");
        assert_eq!(sample(r#"count[("l", "x")]"#), Some(4.0), "{bounds:?}");
        assert_eq!(sample(r#"bucket[("l", "x"), ("le", "1.0")]"#), Some(4.0), "{merged:?}");
        let has_five = bounds.contains(&5.0);
        assert_eq!(sample(r#"bucket[("l", "x"), ("le", "5.0")]"#).is_some(), has_five);
    }
}

#[test]
fn equal_facts_are_shown_once_and_others_by_process() {
    let dir = tempfile::tempdir().unwrap();
    let stores = ["1-a", "2-b"].map(|identifier| store(dir.path(), identifier));
    let [one, two] = stores.each_ref().map(|store| {
        Info::builder("build", "What runs.").labels(["part"]).store(store).build().unwrap()
    });
    for info in [&one, &two] {
        info.labels(["web"]).info([("version", "1.0")]).unwrap();
        info.labels(["db"]).info([("version", "7")]).unwrap();
    }
    let head = "# HELP build_info What runs.\n# TYPE build_info gauge\n";
    let agreed = "build_info{part=\"web\",version=\"1.0\"} 1.0\n\
                  build_info{part=\"db\",version=\"7\"} 1.0\n";
    assert_eq!(text(dir.path()), format!("{head}{agreed}"));
    // A fact that outgrows the room that there was.
    let long = "1.1".repeat(200);
    two.labels(["web"]).info([("version", &long), ("commit", &"a".to_owned())]).unwrap();
    assert_eq!(
        text(dir.path()),
        format!(
            "{head}build_info{{part=\"web\",pid=\"1-a\",version=\"1.0\"}} 1.0\n\
             build_info{{commit=\"a\",part=\"web\",pid=\"2-b\",version=\"{long}\"}} 1.0\n\
             build_info{{part=\"db\",version=\"7\"}} 1.0\n"
        )
    );
    two.remove(["web"]);
    assert_eq!(text(dir.path()), format!("{head}{agreed}"));
    // The facts of a worker stay when it lets go of the metric.
    drop((one, two));
    assert_eq!(text(dir.path()), format!("{head}{agreed}"));
}

#[test]
fn states_follow_the_mode_of_the_enum() {
    let states = ["starting", "ready", "busy"];
    // The states that two workers are in, and the one that moved last is the first.
    let merged = |mode: Option<GaugeMode>| {
        let dir = tempfile::tempdir().unwrap();
        let make = |identifier: &str| {
            let builder =
                Enum::builder("s", "h").states(states).store(&store(dir.path(), identifier));
            mode.map_or(builder.clone(), |mode| builder.mode(mode)).build().unwrap()
        };
        let (one, two) = (make("1-a"), make("2-b"));
        two.state("busy").unwrap();
        thread::sleep(Duration::from_millis(2));
        one.state("ready").unwrap();
        assert_eq!((one.get(), two.get()), ("ready", "busy"));
        let samples = samples(&MultiProcessCollector::new(dir.path()).unwrap());
        let set = samples.into_iter().filter(|(_, value)| *value == 1.0);
        set.map(|(name, _)| name).collect::<Vec<_>>()
    };
    let each = [r#"s[("pid", "1-a"), ("s", "ready")]"#, r#"s[("pid", "2-b"), ("s", "busy")]"#];
    for mode in [None, Some(GaugeMode::LiveAll), Some(GaugeMode::All)] {
        assert_eq!(merged(mode), each);
    }
    let (ready, busy) = (r#"s[("s", "ready")]"#, r#"s[("s", "busy")]"#);
    for (modes, expected) in [
        ([GaugeMode::Min, GaugeMode::LiveMin], &[ready][..]),
        ([GaugeMode::Max, GaugeMode::LiveMax], &[busy]),
        ([GaugeMode::MostRecent, GaugeMode::LiveMostRecent], &[ready]),
        ([GaugeMode::Sum, GaugeMode::LiveSum], &[busy, ready]),
    ] {
        for mode in modes {
            assert_eq!(merged(Some(mode)), expected, "{mode}");
        }
    }
}

#[test]
fn what_lives_goes_when_somebody_says_that_the_process_is_dead() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "web-3");
    let jobs = Counter::builder("jobs", "h").unit("items").store(&store).build().unwrap();
    jobs.inc();
    let info = Info::builder("build", "h").store(&store).build().unwrap();
    info.info([("version", "1")]).unwrap();
    let states = |name: &str, mode| {
        Enum::builder(name, "h").states(["a", "b"]).mode(mode).store(&store).build().unwrap()
    };
    let _states = [states("last", GaugeMode::Max), states("live", GaugeMode::LiveMax)];
    store.publish(&narthex::collectors::PlatformCollector::new()).unwrap();
    mark_process_dead(dir.path(), "web").unwrap();
    assert_eq!(text(dir.path()).matches("# TYPE").count(), 5);
    mark_process_dead(dir.path(), "web-3").unwrap();
    assert_eq!(
        text(dir.path()),
        "# HELP jobs_items_total h\n# TYPE jobs_items_total counter\njobs_items_total 1.0\n\
         # HELP last h\n# TYPE last gauge\nlast{last=\"a\"} 1.0\nlast{last=\"b\"} 0.0\n"
    );
    assert!(openmetrics(dir.path()).contains("# UNIT jobs_items items\n"));
}

#[test]
fn published_families_are_shown_by_process() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (store(dir.path(), "1-a"), store(dir.path(), "2-b"));
    let threads = |count: f64| {
        collector_fn(move |scrape| {
            let mut family =
                GaugeMetricFamily::new("threads", "Of \"this\".")?.with_labels(["k"])?;
            family.add_metric(["a\\b\n"], count)?;
            scrape.family(&family)
        })
    };
    first.publish(&threads(3.0)).unwrap();
    second.publish(&threads(f64::NEG_INFINITY)).unwrap();
    // Replaces what it published before, however much longer it is.
    first.publish(&threads(4.0)).unwrap();
    let many = collector_fn(|scrape| {
        let mut family = CounterMetricFamily::new("read", "h")?.with_unit("bytes")?;
        let time = Timestamp::from_seconds(1.5e9)?;
        let exemplar = Exemplar::new([("id", "x")], 2.0)?.with_timestamp(time);
        family.add_metric(NO_LABELS, 7.0)?.created(1e9).exemplar(exemplar)?;
        scrape.family(&family)?;
        let mut family = HistogramMetricFamily::new("size", "h")?;
        family.add_metric(NO_LABELS, [("1.0", 2.0), ("+Inf", 3.0)], Some(8.5))?.created(1e9);
        scrape.family(&family)
    });
    first.publish(&many).unwrap();
    assert_eq!(
        openmetrics(dir.path()),
        "# HELP threads Of \\\"this\\\".\n# TYPE threads gauge\n\
         threads{k=\"a\\\\b\\n\",pid=\"1-a\"} 4.0\nthreads{k=\"a\\\\b\\n\",pid=\"2-b\"} -Inf\n\
         # HELP read_bytes h\n# TYPE read_bytes counter\n# UNIT read_bytes bytes\n\
         read_bytes_total{pid=\"1-a\"} 7.0 # {id=\"x\"} 2.0 1500000000.0\n\
         read_bytes_created{pid=\"1-a\"} 1e+09\n\
         # HELP size h\n# TYPE size histogram\n\
         size_bucket{le=\"1.0\",pid=\"1-a\"} 2.0\nsize_bucket{le=\"+Inf\",pid=\"1-a\"} 3.0\n\
         size_count{pid=\"1-a\"} 3.0\nsize_sum{pid=\"1-a\"} 8.5\nsize_created{pid=\"1-a\"} 1e+09\n\
         # EOF\n"
    );
    let failing = collector_fn(|_| Err(Error::collector("unplugged")));
    assert!(first.publish(&failing).unwrap_err().is_collector());
    assert!(first.publish(&narthex::collectors::PlatformCollector::new()).is_ok());
    assert!(text(dir.path()).contains("_info{"));
}

/// Tells how often it was asked, and lets a test know when it is.
fn asked(by: Sender<u32>) -> impl Collector {
    let asked = AtomicU32::new(0);
    collector_fn(move |scrape| {
        let time = asked.fetch_add(1, Ordering::Relaxed) + 1;
        // The test may have heard enough.
        let _ = by.send(time);
        let mut family = GaugeMetricFamily::new("asked", "Times.")?;
        family.add_metric(NO_LABELS, f64::from(time))?;
        match time {
            2 => panic!("twice"),
            3 => Err(Error::collector("thrice")),
            _ => scrape.family(&family),
        }
    })
}

#[test]
fn a_publisher_publishes_at_its_interval_whatever_goes_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "1-a");
    let (send, heard) = channel();
    let publisher = store.publish_every(Duration::from_millis(1), asked(send)).unwrap();
    // It goes on after a panic and an error.
    for time in 1..=5 {
        assert_eq!(heard.recv(), Ok(time));
    }
    assert_eq!(publisher.failures(), 2);
    drop(publisher);
    // The last time it was asked is what is shown, and nobody asks any more.
    let last = heard.into_iter().last().unwrap();
    assert!(last >= 6);
    let expected = BTreeMap::from([(r#"asked[("pid", "1-a")]"#.to_owned(), f64::from(last))]);
    assert_eq!(samples(&MultiProcessCollector::of(&store)), expected);
    let nothing = store.publish_every(Duration::ZERO, asked(channel().0));
    assert!(nothing.unwrap_err().is_invalid_value());
}

#[test]
fn a_publisher_tells_at_once_and_at_the_end_and_waits_for_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "web");
    let blocked = dir.path().join("web.narthex");
    fs::create_dir(&blocked).unwrap();
    let number = Arc::new(AtomicU32::new(5));
    let begin = || {
        let number = number.clone();
        let told = collector_fn(move |scrape| {
            let mut family = GaugeMetricFamily::new("number", "h")?;
            family.add_metric(NO_LABELS, f64::from(number.load(Ordering::Relaxed)))?;
            scrape.family(&family)
        });
        store.publish_every(Duration::from_secs(3600), told.named("numbers")).unwrap()
    };
    let merged = MultiProcessCollector::of(&store);
    let shown = || samples(&merged).get(r#"number[("pid", "web")]"#).copied();
    let publisher = begin();
    assert_eq!((publisher.failures(), shown()), (1, None));
    fs::remove_dir(&blocked).unwrap();
    drop(publisher);
    assert_eq!(shown(), Some(5.0));
    let publisher = begin();
    number.store(6, Ordering::Relaxed);
    assert_eq!((publisher.failures(), shown()), (0, Some(5.0)));
    publisher.stop().unwrap();
    assert_eq!(shown(), Some(6.0));
}

#[test]
fn a_family_of_the_files_wins_against_a_published_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "1-a");
    let counter = Counter::builder("c", "h").store(&store).build().unwrap();
    counter.inc();
    store.publish(&counter).unwrap();
    let merged = CollectorRegistry::new();
    merged.register(Arc::new(MultiProcessCollector::of(&store))).unwrap();
    assert_eq!(merged.get_sample_value("c_total", &[]), Some(1.0));
    let clash = [("reason", "clash")];
    assert_eq!(merged.get_sample_value("narthex_multiprocess_skipped_entries", &clash), Some(1.0));
}

#[test]
fn a_side_file_that_is_damaged_costs_no_number() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "1-a");
    let counter = Counter::builder("c", "h").store(&store).build().unwrap();
    counter.inc_by(5);
    let info = Info::builder("i", "h").store(&store).build().unwrap();
    info.info([("a", "1")]).unwrap();
    let path = dir.path().join("1-a.narthex");
    let sound = fs::read(&path).unwrap();
    let used = u32::from_le_bytes(sound[12..16].try_into().unwrap()) as usize;
    let mut reasons = BTreeSet::new();
    for at in 0..used {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x55;
        bytes.truncate(if at % 2 == 0 { sound.len() } else { used });
        fs::write(&path, bytes).unwrap();
        let merged = MultiProcessCollector::new(dir.path()).unwrap();
        let samples = samples(&merged);
        assert_eq!(samples.get("c_total[]"), Some(&5.0));
        reasons.extend(merged.damaged_files().iter().map(|file| file.reason()));
    }
    for reason in ["entry", "header"] {
        assert!(reasons.contains(reason), "{reasons:?}");
    }
    fs::write(&path, "").unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    assert_eq!(samples(&merged).get("c_total[]"), Some(&5.0));
    assert_eq!(merged.damaged_files()[0].reason(), "truncated");
    assert_eq!(merged.damaged_files()[0].path(), fs::canonicalize(&path).unwrap());
}

#[test]
fn utf8_names_keep_their_sides() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "1-a");
    let jobs = Counter::builder("jobs.done", "h").labels(["é"]).unit("naïve").store(&store);
    jobs.build().unwrap().labels(["\u{1f600}\"\n"]).inc_with_exemplar(&[("ü", "ß")]);
    let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::AllowUtf8);
    let merged = MultiProcessCollector::of(&store);
    let text = exposition::encode(&merged, encoding).unwrap();
    assert!(text.contains("# UNIT \"jobs.done_naïve\" naïve\n"), "{text}");
    assert!(
        text.contains(
            "{\"jobs.done_naïve_total\",\"é\"=\"\u{1f600}\\\"\\n\"} 1.0 # {\"ü\"=\"ß\"} 1.0 "
        ),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn what_lasts_survives_the_fold_of_the_dead() {
    let dir = tempfile::tempdir().unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap().folding(false);
    let mut first_start = None;
    for worker in ["first", "second", "third"] {
        let store = MultiprocessStore::open(dir.path()).unwrap();
        let jobs = Counter::builder("jobs", "h").unit("items").store(&store).build().unwrap();
        jobs.inc_with_exemplar(&[("id", worker)]);
        first_start = first_start.or(start_of(&jobs, "jobs_items_total"));
        let waits = Histogram::builder("waits", "h").buckets([1.0]).labels(["l"]).store(&store);
        let waits = waits.build().unwrap();
        waits.labels(["x"]).observe_with_exemplar(0.5, &[("id", worker)]);
        waits.labels(["y"]).observe(1);
        waits.remove(["y"]);
        let health = |name, mode| {
            let states = Enum::builder(name, "h").states(["good", "poor"]).mode(mode);
            states.store(&store).build().unwrap()
        };
        let (worst, own) = (health("worst", GaugeMode::Max), health("own", GaugeMode::LiveAll));
        worst.state(if worker == "second" { "poor" } else { "good" }).unwrap();
        own.state("poor").unwrap();
        let info = Info::builder("build", "h").store(&store).build().unwrap();
        info.info([("version", "1")]).unwrap();
        store.publish(&narthex::collectors::PlatformCollector::new()).unwrap();
        thread::sleep(Duration::from_millis(2));
        assert!(openmetrics(dir.path()).contains("build_info{version=\"1\"}"));
        // The store ends here, as with a process.
    }
    let shown = || {
        let text = exposition::openmetrics::encode(&merged).unwrap();
        let own = text.find("# HELP narthex_multiprocess").unwrap();
        text[..own].to_owned()
    };
    let before = shown();
    assert!(before.contains("# UNIT jobs_items items\n"), "{before}");
    assert!(before.contains("jobs_items_total 3.0 # {id=\"third\"} 1.0 "), "{before}");
    assert!(before.contains("waits_bucket{l=\"x\",le=\"1.0\"} 3.0 # {id=\"third\"} 0.5 "));
    assert!(before.contains("worst{worst=\"poor\"} 1.0\n"));
    for gone in ["build_info", "own{", "pid=", "l=\"y\""] {
        assert!(!before.contains(gone), "{gone} in {before}");
    }
    assert_eq!(start_of(&merged, "jobs_items_total"), first_start);
    assert_eq!(narthex::multiprocess::compact(dir.path()).unwrap().processes(), 3);
    assert_eq!(shown(), before);
    assert!(dir.path().join("0-f1.narthex").exists());
    // What was folded is folded again with those who die later.
    let store = MultiprocessStore::open(dir.path()).unwrap();
    Counter::builder("jobs", "h").unit("items").store(&store).build().unwrap().inc();
    drop(store);
    narthex::multiprocess::compact(dir.path()).unwrap();
    assert_eq!(shown(), before.replace("jobs_items_total 3.0", "jobs_items_total 4.0"));
    let extension = std::ffi::OsStr::new("narthex");
    let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
    let sides = files.filter(|path| path.extension() == Some(extension));
    assert_eq!(sides.count(), 1);
    assert_eq!(merged.damaged_files(), []);
}

/// What a worker does until it is killed: it writes values that only whole make sense.
#[test]
fn a_worker() {
    let Some(dir) = std::env::var_os(WORKER_DIR) else { return };
    let store = MultiprocessStore::open(dir).unwrap();
    let info = Info::builder("side_info", "h").store(&store).build().unwrap();
    let jobs = Counter::builder("side_jobs", "h").store(&store).build().unwrap();
    let waits = Histogram::builder("side_waits", "h").store(&store).build().unwrap();
    let short = Counter::builder("side_short", "h").labels(["l"]).store(&store).build().unwrap();
    let state = Enum::builder("side_state", "h").states(["a", "b"]).store(&store).build().unwrap();
    for round in 1..u64::MAX {
        let number = round.to_string();
        let text = number.repeat((round % 50) as usize);
        info.info([("a", &text), ("b", &text)]).unwrap();
        jobs.inc_by_with_exemplar(round, &[("id", &number)]);
        waits.observe_with_exemplar((round % 9) as f64 / 8.0, &[("id", &number)]);
        short.labels(["x"]).inc_by(3);
        short.remove(["x"]);
        state.state(["a", "b"][(round % 2) as usize]).unwrap();
        let twice = collector_fn(|scrape| {
            let mut family = GaugeMetricFamily::new("side_twice", "h")?.with_labels(["l"])?;
            for place in 0..1 + round % 30 {
                family.add_metric([place.to_string()], round as f64)?;
            }
            scrape.family(&family)
        });
        store.publish(&twice).unwrap();
    }
}

fn start_worker(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "side_files::a_worker"])
        .env(WORKER_DIR, dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Checks that everything is as some round of a worker left it; says how many facts were met.
fn check_whole(merged: &MultiProcessCollector) -> usize {
    let mut facts = 0;
    let mut published: BTreeMap<String, (f64, u64)> = BTreeMap::new();
    for_each_family(merged, &mut |family| {
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels();
            match sample.name().as_str() {
                "side_info_info" | "side_info" => {
                    assert_eq!(labels.get("a"), labels.get("b"));
                    facts += usize::from(labels.get("a").is_some());
                }
                "side_jobs_total" => {
                    if let Some(exemplar) = sample.exemplar() {
                        let ids: Vec<_> = exemplar.labels().collect();
                        assert_eq!(ids, [("id", &*exemplar.value().to_string())]);
                    }
                }
                "side_waits_bucket" => {
                    if let Some(exemplar) = sample.exemplar() {
                        let round: u64 = exemplar.labels().next().unwrap().1.parse().unwrap();
                        assert_eq!(exemplar.value(), (round % 9) as f64 / 8.0);
                    }
                }
                "side_short_total" => assert_eq!(sample.value() % 3.0, 0.0),
                "side_twice" => {
                    let pid = labels.get("pid").unwrap().into_owned();
                    let (round, count) = published.entry(pid).or_insert((sample.value(), 0));
                    assert_eq!(*round, sample.value());
                    *count += 1;
                }
                _ => {}
            }
        });
        Ok(())
    })
    .unwrap();
    for (round, count) in published.into_values() {
        assert_eq!(count, 1 + round as u64 % 30);
    }
    assert_eq!(merged.damaged_files(), []);
    facts
}

#[test]
fn a_kill_in_the_middle_of_writes_tears_nothing() {
    const KILLS: u64 = 24;

    let dir = tempfile::tempdir().unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let mut facts = 0;
    for kill in 0..KILLS {
        let mut worker = start_worker(dir.path());
        let begun = Instant::now();
        let before = facts;
        // A worker has told of facts when it is killed, and not in the same part of a round.
        while facts == before || begun.elapsed().as_millis() < u128::from(20 + kill * 7 % 31) {
            facts += check_whole(&merged);
            assert!(begun.elapsed().as_secs() < 60);
        }
        // This is SIGKILL.
        worker.kill().unwrap();
        worker.wait().unwrap();
        check_whole(&merged);
    }
}

#[test]
fn python_merges_the_directory_all_the_same() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    let import = Command::new(&python).args(["-c", "import prometheus_client"]).output();
    if !import.is_ok_and(|import| import.status.success()) {
        eprintln!("skipped: there is no Python with its client");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "1-a");
    let jobs = Counter::builder("jobs", "h").labels(["l"]).store(&store).build().unwrap();
    jobs.labels(["x"]).inc_with_exemplar(&[("id", "1")]);
    jobs.labels(["y"]).inc_by(2);
    let info = Info::builder("build", "h").store(&store).build().unwrap();
    info.info([("version", "1")]).unwrap();
    let state = Enum::builder("state", "h").states(["a"]).store(&store).build().unwrap();
    store.publish(&info).unwrap();
    let program = "import sys\n\
        from prometheus_client import CollectorRegistry, generate_latest, multiprocess\n\
        registry = CollectorRegistry()\n\
        multiprocess.MultiProcessCollector(registry, path=sys.argv[1])\n\
        sys.stdout.buffer.write(generate_latest(registry))\n";
    let python = Command::new(&python).args(["-c", program]).arg(dir.path()).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let expected = "# HELP jobs_total h\n# TYPE jobs_total counter\n\
                    jobs_total{l=\"x\"} 1.0\njobs_total{l=\"y\"} 2.0\n";
    assert_eq!(String::from_utf8_lossy(&python.stdout), expected);
    drop(state);
}
