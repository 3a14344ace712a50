//! The programs of `tests/golden/README.md`, held to what Python's client wrote for them.

use std::fs;
use std::path::{Path, PathBuf};

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, GaugeHistogramMetricFamily, GaugeMetricFamily,
    HistogramMetricFamily, InfoMetricFamily, NO_LABELS, StateSetMetricFamily, SummaryMetricFamily,
    Timestamp, UnknownMetricFamily,
};
use narthex::{
    Collector, CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Result, Scrape, Summary,
    collector_fn,
};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = golden().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

// Python's OpenMetrics writes the samples of a name with a colon under another
// name than their own HELP and TYPE, as if it were that of a label. The file,
// as narthex is to write it instead:
fn colons_kept(golden: &str) -> String {
    ["under_score_colon", "under__score__colon", "U__under__score_3a_colon"]
        .into_iter()
        .zip(["under_score:colon", "under__score:colon", "under_score:colon"])
        .fold(golden.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

// A histogram with a negative bound has no sum, and so has no count in
// OpenMetrics, whose test data calls one without the other bad (`bad_histograms_2`).
// Python writes the count, and its parser refuses it.
fn counts_with_sums(golden: &str) -> String {
    golden.replace("\noffset_count 2.0\n# EOF", "\n# EOF")
}

/// Compares both formats; `created` says whether start times are shown.
#[track_caller]
fn assert_golden(collector: &dyn Collector, stem: &str, scheme: EscapingScheme, created: bool) {
    for (format, ending) in [(Format::Text004, "txt"), (Format::OpenMetrics100, "om.txt")] {
        let encoding = Encoding::new(format, scheme).with_created(created);
        let text = exposition::encode(collector, encoding).unwrap();
        let golden = counts_with_sums(&colons_kept(&read(format!("exposition/{stem}.{ending}"))));
        assert_eq!(text, golden, "{stem}.{ending}");
    }
}

#[track_caller]
fn assert_program(stem: &str, program: impl FnOnce(&CollectorRegistry) -> Result) {
    let registry = CollectorRegistry::new();
    program(&registry).unwrap();
    assert_golden(&registry, stem, EscapingScheme::Underscores, false);
}

#[test]
fn counter() {
    assert_program("counter", |registry| {
        let hits = Counter::builder("hits", "Hits.").register(registry)?;
        hits.inc();
        hits.inc_by(2.5);
        let _ = Counter::builder("untouched", "Never counted.").register(registry)?;
        let sent = Counter::builder("sent_total", "Sent.")
            .namespace("app")
            .subsystem("mail")
            .unit("bytes")
            .labels(["kind", "host"])
            .register(registry)?;
        sent.labels(["text", "b"]).inc_by(512);
        sent.labels(["text", "a"]).inc_by(1e21);
        sent.labels(["html", "c"]).inc_by(0);
        Ok(())
    });
}

#[test]
fn gauge() {
    assert_program("gauge", |registry| {
        let depth = Gauge::builder("depth", "Jobs waiting.").register(registry)?;
        depth.set(4);
        depth.inc_by(0.5);
        depth.dec_by(2);
        let value = Gauge::builder("value", "Special values.").labels(["of"]).register(registry)?;
        for (name, number) in [
            ("nan", f64::NAN),
            ("inf", f64::INFINITY),
            ("neg_inf", f64::NEG_INFINITY),
            ("zero", 0.0),
            ("neg_zero", -0.0),
            ("third", 1.0 / 3.0),
            ("million", 1e6),
            ("below_million", 999_999.0),
            ("large", f64::MAX),
            ("small", 5e-324),
            ("micro", 1e-6),
            ("two_to_53", 9_007_199_254_740_992.0),
            ("negative", -1_234_567.5),
        ] {
            value.labels([name]).set(number);
        }
        Gauge::builder("untouched", "Only its labels are known.")
            .labels(["a"])
            .register(registry)?;
        Ok(())
    });
}

#[test]
fn summary() {
    assert_program("summary", |registry| {
        let size = Summary::builder("size", "Sizes.").unit("bytes").register(registry)?;
        size.observe(10);
        size.observe(0.5);
        let wait =
            Summary::builder("wait_seconds", "Waits.").labels(["queue"]).register(registry)?;
        wait.labels(["b"]).observe(1);
        let _ = wait.labels(["a"]).handle();
        Ok(())
    });
}

#[test]
fn histogram() {
    assert_program("histogram", |registry| {
        let took = Histogram::builder("took_seconds", "With the default buckets.");
        let took = took.register(registry)?;
        for value in [0.001, 0.005, 0.3, 20.0] {
            took.observe(value);
        }
        let sizes = Histogram::builder("size", "With two labels.")
            .unit("bytes")
            .buckets([1.0, 1024.0, 1_048_576.0])
            .labels(["zone", "app"])
            .register(registry)?;
        sizes.labels(["z", "a"]).observe(1024);
        sizes.labels(["z", "a"]).observe(1024.5);
        sizes.labels(["a", "z"]).observe(2e9);
        let offset = Histogram::builder("offset", "Below zero.").buckets([-1.0, 0.0, 1.0]);
        let offset = offset.register(registry)?;
        offset.observe(-0.5);
        offset.observe(7);
        Ok(())
    });
}

#[test]
fn info() {
    assert_program("info", |registry| {
        let build = Info::builder("build", "What runs here.").register(registry)?;
        build.info([("version", "1.4.0"), ("revision", "9f2c")])?;
        let disk = Info::builder("disk", "Disks.").labels(["device"]).register(registry)?;
        disk.labels(["sdb"]).info([("vendor", "b")])?;
        disk.labels(["sda"]).info([("vendor", "a")])
    });
}

#[test]
fn enumeration() {
    assert_program("enum", |registry| {
        let task = Enum::builder("task", "A task.").states(["starting", "running", "stopped"]);
        task.register(registry)?.state("running")?;
        let door = Enum::builder("door", "Doors.").states(["open", "closed"]);
        let door = door.labels(["at"]).register(registry)?;
        door.labels(["back"]).state("closed")?;
        let _ = door.labels(["front"]).handle();
        Ok(())
    });
}

#[test]
fn escaping() {
    assert_program("escaping", |registry| {
        let odd = Gauge::builder("odd", "Back\\slash, \"quotes\" and\na line.");
        let odd = odd.labels(["text"]).register(registry)?;
        let texts = [
            "\"quoted\"",
            "back\\slash",
            "new\nline",
            "\\n",
            "",
            " ",
            "ümläut",
            "日本",
            "🔥",
            "tab\t",
            "ends\\",
        ];
        for (number, text) in (0_u32..).zip(texts) {
            odd.labels([text]).set(number);
        }
        Ok(())
    });
}

#[test]
fn utf8() {
    let registry = CollectorRegistry::new();
    let program = || {
        let requests = Counter::builder("http.requests", "With a dot.");
        let requests = requests.labels(["http.method", "plain"]).register(&registry)?;
        requests.labels(["GET", "x"]).inc_by(3);
        Gauge::builder("größe", "With umlauts.").register(&registry)?.set(1);
        Gauge::builder("two words", "With a space.").register(&registry)?.set(2);
        Gauge::builder("under_score:colon", "As ever.").register(&registry)?.set(3);
        Gauge::builder("9lives", "With a digit in front.").register(&registry)?.set(9);
        let say = Gauge::builder("say \"hi\"", "With quotes.").labels(["a\\b"]);
        say.register(&registry)?.labels(["x"]).set(4);
        let took = Histogram::builder("rpc.took", "In parts.").buckets([1.0]);
        took.register(&registry)?.observe(0.5);
        Info::builder("日本", "Beyond Latin.").register(&registry)?.info([("città", "Roma")])
    };
    program().unwrap();
    for (scheme, name) in [
        (EscapingScheme::AllowUtf8, "allow-utf-8"),
        (EscapingScheme::Underscores, "underscores"),
        (EscapingScheme::Dots, "dots"),
        (EscapingScheme::Values, "values"),
    ] {
        assert_golden(&registry, &format!("utf8.{name}"), scheme, false);
    }
}

#[test]
fn families() {
    let program = collector_fn(|scrape| {
        counters_and_gauges(scrape)?;
        distributions(scrape)?;
        facts(scrape)
    });
    assert_golden(&program, "families", EscapingScheme::Underscores, true);
}

fn counters_and_gauges(scrape: &mut Scrape<'_>) -> Result {
    let mut jobs = CounterMetricFamily::new("jobs", "Jobs done.")?.with_labels(["queue"])?;
    let trace = Exemplar::new([("trace_id", "4bf92f35")], 1.0)?;
    jobs.add_metric(["mail"], 3.0)?
        .created(1_700_000_000.0)
        .timestamp(Timestamp::from_seconds(1_700_000_060.5)?)
        .exemplar(trace.with_timestamp(Timestamp::from_seconds(1_700_000_059.25)?))?;
    jobs.add_metric(["print"], 0.0)?;
    scrape.family(&jobs)?;
    let heat = GaugeMetricFamily::new("heat", "In the room.")?;
    let mut heat = heat.with_unit("celsius")?.with_labels(["room"])?;
    heat.add_metric(["a"], 21.5)?;
    heat.add_metric(["b"], -3.0)?.timestamp(Timestamp::from_whole_seconds(1_700_000_000));
    scrape.family(&heat)
}

fn distributions(scrape: &mut Scrape<'_>) -> Result {
    let wait = SummaryMetricFamily::new("wait", "Waits.")?;
    let mut wait = wait.with_unit("seconds")?.with_labels(["queue"])?;
    wait.add_metric(["mail"], 4.0, 10.5)?;
    scrape.family(&wait)?;
    let took = HistogramMetricFamily::new("took", "Durations.")?;
    let mut took = took.with_unit("seconds")?.with_labels(["path"])?;
    took.add_metric(["/"], [("0.1", 2.0), ("1.0", 5.0), ("+Inf", 6.0)], Some(7.25))?
        .exemplar(Exemplar::new([("trace_id", "aa")], 0.05)?)?;
    scrape.family(&took)?;
    let mut queue = GaugeHistogramMetricFamily::new("queue", "Sizes now.")?;
    queue.add_metric(NO_LABELS, [("1.0", 1.0), ("+Inf", 3.0)], 12.0)?;
    scrape.family(&queue)
}

fn facts(scrape: &mut Scrape<'_>) -> Result {
    let mut build = InfoMetricFamily::new("build", "What runs here.")?;
    build.add_metric(NO_LABELS, [("version", "1.4.0")])?;
    scrape.family(&build)?;
    let mut on = StateSetMetricFamily::new("feature", "What is on.")?.with_labels(["site"])?;
    on.add_metric(["de"], [("beta", true), ("trace", false)])?;
    scrape.family(&on)?;
    let mut other = UnknownMetricFamily::new("other", "Of no known type.")?;
    other.add_metric(NO_LABELS, 42.0)?;
    scrape.family(&other)?;
    scrape.family(&GaugeMetricFamily::new("empty", "Without series.")?.with_labels(["a"])?)
}

#[cfg(feature = "multiprocess")]
mod pools {
    use narthex::multiprocess::{
        GaugeMode, MultiProcessCollector, MultiprocessStore, mark_process_dead,
    };

    use super::*;

    /// The files of a pool in a directory that may be changed.
    fn files(pool: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in fs::read_dir(golden().join("multiprocess").join(pool).join("db")).unwrap() {
            let path = file.unwrap().path();
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
        dir
    }

    fn merged(dir: &Path) -> String {
        let collector = MultiProcessCollector::new(dir).unwrap();
        let text = exposition::text::encode(&collector).unwrap();
        assert_eq!(collector.damaged_files(), []);
        text
    }

    /// Without what is told of processes that hold a lock, which comes last.
    fn merged_of_ours(dir: &Path) -> String {
        let text = merged(dir);
        let own = text.find("# HELP narthex_multiprocess_").unwrap_or(text.len());
        text[..own].to_owned()
    }

    #[test]
    fn files_of_python_are_merged() {
        for pool in ["counters", "gauges", "growth"] {
            assert_eq!(
                merged(files(pool).path()),
                read(format!("multiprocess/{pool}/merged.txt")),
                "{pool}",
            );
        }
    }

    #[test]
    fn a_dead_process_of_python_is_forgotten() {
        let dir = files("gauges");
        mark_process_dead(dir.path(), 11).unwrap();
        assert_eq!(merged(dir.path()), read("multiprocess/gauges/merged_after_death.txt"));
    }

    fn stores(dir: &Path) -> [(u32, MultiprocessStore); 2] {
        [11, 12].map(|worker: u32| {
            let store = MultiprocessStore::builder(dir).identifier(worker.to_string());
            (worker, store.open().unwrap())
        })
    }

    #[test]
    fn our_files_of_counters_are_merged_to_the_same() {
        let dir = tempfile::tempdir().unwrap();
        for (worker, store) in stores(dir.path()) {
            let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).store(&store);
            let jobs = jobs.build().unwrap();
            jobs.labels(["mail"]).inc_by(worker);
            if worker == 12 {
                jobs.labels(["print"]).inc_by(0.25);
            }
            let took = Histogram::builder("took_seconds", "Durations.").buckets([0.5, 2.0]);
            took.store(&store).build().unwrap().observe(f64::from(worker) / 10.0);
            let size = Summary::builder("size", "Sizes.").unit("bytes").store(&store);
            size.build().unwrap().observe(worker);
        }
        assert_eq!(merged_of_ours(dir.path()), read("multiprocess/counters/merged.txt"));
    }

    #[test]
    fn our_files_of_gauges_are_merged_to_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let stores = stores(dir.path());
        for (worker, store) in &stores {
            let modes = [
                "all",
                "liveall",
                "max",
                "livemax",
                "min",
                "livemin",
                "sum",
                "livesum",
                "mostrecent",
                "livemostrecent",
            ];
            for (number, mode) in (0_u32..).zip(modes) {
                let gauge = Gauge::builder(format!("g_{mode}"), format!("Merged by {mode}."))
                    .mode(GaugeMode::parse(mode).unwrap())
                    .labels(["x"])
                    .store(store);
                gauge.build().unwrap().labels(["é\"\\"]).set(worker * 10 + number);
            }
        }
        assert_eq!(merged_of_ours(dir.path()), read("multiprocess/gauges/merged.txt"));
    }
}
