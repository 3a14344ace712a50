//! Merging what processes have written, Python's among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use narthex::exposition::{self, Encoding, Format};
use narthex::model::EscapingScheme;
use narthex::multiprocess::{
    GaugeMode, MultiProcessCollector, MultiprocessStore, mark_process_dead,
};
use narthex::{Collector, CollectorRegistry, Counter, Gauge, Histogram, Info, for_each_family};
use serde_json::Value;

/// A family as the corpus tells of it: name, type, help, and samples in order.
type Told = (String, String, String, Vec<(String, BTreeMap<String, String>, String)>);

fn cases() -> Vec<PathBuf> {
    let shared = match std::env::var_os("NARTHEX_SHARED") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let Ok(cases) = fs::read_dir(shared.join("multiproc")) else { return Vec::new() };
    let mut cases: Vec<_> =
        cases.map(|case| case.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// The form that both a number of ours and one of Python's `repr` have.
fn canonical(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { format!("{value:?}") }
}

fn told(collector: &MultiProcessCollector) -> Vec<Told> {
    let mut families = Vec::new();
    for_each_family(collector, &mut |family| {
        let desc = family.desc();
        let mut samples = Vec::new();
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels().iter().map(|(n, v)| (n.to_owned(), v.into_owned()));
            samples.push((sample.name(), labels.collect(), canonical(sample.value())));
            assert_eq!(sample.timestamp(), None);
            assert_eq!(sample.start(), None);
        });
        assert_eq!(desc.unit(), None);
        families.push((
            desc.name().to_owned(),
            desc.metric_type().to_string(),
            desc.help().to_owned(),
            samples,
        ));
        Ok(())
    })
    .unwrap();
    families
}

fn expected(families: &Value) -> Vec<Told> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let family = |family: &Value| {
        let samples = family["samples"].as_array().unwrap().iter().map(|sample| {
            let labels = sample["labels"].as_object().unwrap();
            (
                text(&sample["name"]),
                labels.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
                canonical(text(&sample["value"]).parse().unwrap()),
            )
        });
        (text(&family["name"]), text(&family["type"]), text(&family["help"]), samples.collect())
    };
    families.as_array().unwrap().iter().map(family).collect()
}

fn copy(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn files_of_python_are_merged_as_python_merges_them() {
    for case in cases() {
        let expectation = json(&case.join("expected.json"));
        if expectation["error"] == true {
            continue;
        }
        let merged = MultiProcessCollector::new(case.join("db")).unwrap();
        assert_eq!(told(&merged), expected(&expectation["families"]), "{}", case.display());
        assert_eq!(merged.damaged_files(), []);
        let raw = merged.without_accumulation();
        assert_eq!(told(&raw), expected(&expectation["no_accumulate"]), "{}", case.display());
    }
}

#[test]
fn a_dead_process_of_python_is_forgotten_as_python_forgets_it() {
    for case in cases() {
        for dead in json(&case.join("ops.json"))["dead"].as_array().unwrap() {
            let dead = dead.as_str().unwrap();
            let after = case.join(format!("after_dead_{dead}"));
            let dir = copy(&case.join("db"));
            let before = db_files(dir.path()).len();
            let removed = mark_process_dead(dir.path(), dead).unwrap();
            let remaining = db_files(dir.path());
            assert_eq!(removed, before - remaining.len());
            assert_eq!(json(&after.join("files.json"))["remaining_files"], Value::from(remaining));
            let merged = MultiProcessCollector::new(dir.path()).unwrap();
            let expectation = json(&after.join("expected.json"));
            assert_eq!(told(&merged), expected(&expectation["families"]), "{}", after.display());
            assert_eq!(mark_process_dead(dir.path(), dead).unwrap(), 0);
        }
    }
}

/// The names of the files that Python's client looks at.
fn db_files(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".db"));
    names.sort();
    names
}

fn encode(collector: &dyn Collector, format: Format, escaping: EscapingScheme) -> String {
    exposition::encode(collector, Encoding::new(format, escaping)).unwrap()
}

#[test]
fn merged_files_are_exposed_as_python_exposes_them() {
    for case in cases() {
        if !case.join("expected.txt").exists() {
            continue;
        }
        let merged = MultiProcessCollector::new(case.join("db")).unwrap();
        for (format, escaping, file) in [
            (Format::Text004, EscapingScheme::Underscores, "expected.txt"),
            (Format::Text004, EscapingScheme::AllowUtf8, "expected_utf8.txt"),
            (Format::OpenMetrics100, EscapingScheme::AllowUtf8, "expected.om.txt"),
        ] {
            let expected = fs::read_to_string(case.join(file)).unwrap();
            assert_eq!(
                encode(&merged, format, escaping),
                expected,
                "{}",
                case.join(file).display()
            );
        }
    }
}

#[test]
fn a_damaged_file_of_python_costs_nothing_but_itself() {
    for case in cases() {
        if json(&case.join("expected.json"))["error"] != true {
            continue;
        }
        let merged = MultiProcessCollector::new(case.join("db")).unwrap();
        let text = exposition::text::encode(&merged).unwrap();
        assert!(text.starts_with("# HELP c_total help\n# TYPE c_total counter\nc_total 1.0\n"));
        assert!(text.contains("\nnarthex_multiprocess_damaged_files{reason=\"truncated\"} 1.0\n"));
        assert_eq!(merged.damaged_files().len(), 1);
    }
}

/// An entry as any client may write it.
fn entry(key: &str, value: f64) -> Vec<u8> {
    let mut bytes = (key.len() as i32).to_ne_bytes().to_vec();
    bytes.extend(key.as_bytes());
    bytes.resize(bytes.len() + 8 - bytes.len() % 8, b' ');
    bytes.extend(value.to_ne_bytes());
    bytes.extend(0f64.to_ne_bytes());
    bytes
}

/// Writes a file of entries, as any client may.
pub(crate) fn write(dir: &Path, name: &str, entries: &[(&str, f64)]) -> PathBuf {
    let entries: Vec<u8> = entries.iter().flat_map(|(key, value)| entry(key, *value)).collect();
    let mut bytes = (8 + entries.len() as i32).to_ne_bytes().to_vec();
    bytes.resize(8, 0);
    bytes.extend(entries);
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn whatever_is_in_the_directory_sound_entries_are_exposed() {
    let dir = tempfile::tempdir().unwrap();
    let total = r#"["c", "c_total", {}, "Counted."]"#;
    write(dir.path(), "counter_1.db", &[(total, 1.0)]);
    // Half a file, a negative length, a foreign file, an impossible header, a directory.
    let cut = write(dir.path(), "counter_2.db", &[(total, 2.0), (total, 40.0)]);
    let len = fs::metadata(&cut).unwrap().len();
    fs::OpenOptions::new().write(true).open(&cut).unwrap().set_len(len - 9).unwrap();
    let negative = write(dir.path(), "counter_3.db", &[(total, 4.0), (total, 80.0)]);
    let mut bytes = fs::read(&negative).unwrap();
    let second = 8 + entry(total, 0.0).len();
    bytes[second..second + 4].copy_from_slice(&(-1i32).to_ne_bytes());
    fs::write(&negative, bytes).unwrap();
    fs::write(dir.path().join("sessions.db"), b"SQLite format 3\0and much more of it").unwrap();
    fs::write(dir.path().join("histogram_4.db"), (-8i32).to_ne_bytes()).unwrap();
    fs::create_dir(dir.path().join("counter_5.db")).unwrap();
    // Keys that are none, names that are not allowed, a file whose name says nothing.
    write(
        dir.path(),
        "counter_6.db",
        &[
            ("[]", 1.0),
            ("[1, 2, 3, 4]", 1.0),
            (r#"["c", "other_total", {}, ""]"#, 1.0),
            (r#"["c", "c_total", {"__name__": "x"}, ""]"#, 1.0),
            (total, 8.0),
        ],
    );
    write(dir.path(), "histogram_6.db", &[(r#"["h", "h_bucket", {"le": "wide"}, ""]"#, 1.0)]);
    write(dir.path(), "gauge_all.db", &[(r#"["g", "g", {}, ""]"#, 1.0)]);
    write(dir.path(), "other_7.db", &[(r#"["new", "new", {}, ""]"#, 1.0), (total, 16.0)]);
    // Readers look at nothing of the following.
    fs::write(dir.path().join(".counter_8.db"), "x").unwrap();
    fs::write(dir.path().join("counter_8.db.old"), "x").unwrap();

    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    assert_eq!(
        exposition::text::encode(&merged).unwrap(),
        "# HELP c_total Counted.\n\
         # TYPE c_total counter\n\
         c_total 31.0\n\
         # HELP narthex_multiprocess_damaged_files Shared files that could not be read to their ends.\n\
         # TYPE narthex_multiprocess_damaged_files gauge\n\
         narthex_multiprocess_damaged_files{reason=\"entry\"} 1.0\n\
         narthex_multiprocess_damaged_files{reason=\"header\"} 1.0\n\
         narthex_multiprocess_damaged_files{reason=\"name\"} 2.0\n\
         narthex_multiprocess_damaged_files{reason=\"truncated\"} 2.0\n\
         narthex_multiprocess_damaged_files{reason=\"unreadable\"} 1.0\n\
         # HELP narthex_multiprocess_skipped_entries Entries of shared files that were left out.\n\
         # TYPE narthex_multiprocess_skipped_entries gauge\n\
         narthex_multiprocess_skipped_entries{reason=\"key\"} 2.0\n\
         narthex_multiprocess_skipped_entries{reason=\"name\"} 3.0\n"
    );
    let damaged = merged.damaged_files();
    let negative = damaged.iter().find(|file| file.path().ends_with("counter_3.db")).unwrap();
    assert_eq!((negative.reason(), negative.offset()), ("entry", second as u64));
}

#[test]
fn an_empty_file_is_damaged_unless_it_may_be_in_creation() {
    let dir = tempfile::tempdir().unwrap();
    let file = fs::File::create(dir.path().join("counter_7.db")).unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let damaged = || {
        exposition::text::encode(&merged).unwrap();
        merged.damaged_files().len()
    };
    let now = std::time::SystemTime::now();
    file.set_modified(now - std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(damaged(), 1);
    // Ahead of the clock, so that a slow test does not make it old.
    file.set_modified(now + std::time::Duration::from_secs(3600)).unwrap();
    assert_eq!(damaged(), 0);
}

#[test]
fn a_file_cannot_take_the_names_that_tell_of_damage() {
    let dir = tempfile::tempdir().unwrap();
    let taken = "narthex_multiprocess_damaged_files";
    let key = format!(r#"["{taken}", "{taken}", {{}}, ""]"#);
    write(dir.path(), "gauge_max_1.db", &[(&key, 2.0), (r#"["y", "y", {}, ""]"#, 3.0)]);
    fs::write(dir.path().join("gauge_max_2.db"), [0; 3]).unwrap();
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(MultiProcessCollector::new(dir.path()).unwrap())).unwrap();
    let value = |name, reason| registry.get_sample_value(name, &[("reason", reason)]);
    assert!(exposition::text::encode(&registry).is_ok());
    assert_eq!(registry.get_sample_value("y", &[]), Some(3.0));
    assert_eq!(value(taken, "truncated"), Some(1.0));
    assert_eq!(value("narthex_multiprocess_skipped_entries", "clash"), Some(1.0));
}

#[test]
fn no_metric_of_a_store_stands_beside_its_merge() {
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(MultiProcessCollector::of(&store))).unwrap();
    let counter = Counter::builder("c", "h").store(&store).register(&registry);
    assert!(counter.unwrap_err().is_invalid_value());
    let info = Info::builder("i", "h").store(&store).register(&registry);
    assert!(info.unwrap_err().is_invalid_value());
    let info = Info::builder("i", "h").register(&registry).unwrap();
    info.info([("a", "1")]).unwrap();
    assert_eq!(registry.get_sample_value("i_info", &[("a", "1")]), Some(1.0));
}

#[test]
fn a_metric_that_is_refused_leaves_nothing_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::builder(dir.path()).identifier("web").open().unwrap();
    let registry = CollectorRegistry::new();
    let counter = Counter::builder("x", "One.").store(&store).register(&registry).unwrap();
    counter.inc();
    let gauge = || Gauge::builder("x", "Other.").store(&store);
    assert!(gauge().register(&registry).unwrap_err().is_duplicate());
    assert!(gauge().get_or_register(&registry).unwrap_err().is_duplicate());
    let text = exposition::text::encode(&MultiProcessCollector::of(&store)).unwrap();
    let expected = "# HELP x_total One.\n# TYPE x_total counter\nx_total 1.0\n";
    let own = text.strip_prefix(expected).unwrap();
    assert!(own.is_empty() || own.starts_with("# HELP narthex_multiprocess_"), "{own}");
    let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension() != Some("lock".as_ref()));
    let files: BTreeSet<_> = files.map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(files, ["counter_web.db", "web.narthex"].map(Into::into).into());
}

#[test]
fn a_nested_registry_cannot_show_the_numbers_of_a_directory_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let inner = CollectorRegistry::new();
    Counter::builder("x", "h").store(&store).register(&inner).unwrap().inc();
    let outer = CollectorRegistry::new();
    outer.register(Arc::new(inner.with_prefix("a_").unwrap())).unwrap();
    let merged = || Arc::new(MultiProcessCollector::of(&store));
    assert!(outer.register(merged()).unwrap_err().is_invalid_value());
    let merging = CollectorRegistry::new();
    merging.register(merged()).unwrap();
    assert!(merging.register(Arc::new(inner)).unwrap_err().is_invalid_value());
}

#[test]
fn names_that_clash_do_not_cost_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "counter_1.db", &[(r#"["x", "x_total", {}, ""]"#, 1.0)]);
    write(
        dir.path(),
        "gauge_max_1.db",
        &[
            (r#"["x_total", "x_total", {}, ""]"#, 2.0),
            (r#"["y", "y", {}, ""]"#, 3.0),
            (r#"["z", "z", {"a": "1"}, ""]"#, 5.0),
            (r#"["z", "z", {"a": "2"}, ""]"#, 6.0),
        ],
    );
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    // With another collector of the registry, too: the first one that yields a name has it.
    let registry = CollectorRegistry::new();
    let own = Counter::builder("z", "Of this process.").register(&registry).unwrap();
    own.inc_by(4_u32);
    registry.register(Arc::new(merged)).unwrap();
    assert_eq!(
        exposition::text::encode(&registry).unwrap(),
        "# HELP z_total Of this process.\n\
         # TYPE z_total counter\n\
         z_total 4.0\n\
         # HELP x_total \n\
         # TYPE x_total counter\n\
         x_total 1.0\n\
         # HELP y \n\
         # TYPE y gauge\n\
         y 3.0\n\
         # HELP narthex_multiprocess_skipped_entries Entries of shared files that were left out.\n\
         # TYPE narthex_multiprocess_skipped_entries gauge\n\
         narthex_multiprocess_skipped_entries{reason=\"clash\"} 3.0\n"
    );
}

#[test]
fn processes_that_know_different_buckets_are_unioned() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = |le: &str| format!(r#"["h", "h_bucket", {{"le": "{le}"}}, ""]"#);
    let sum = r#"["h", "h_sum", {}, ""]"#;
    let keys = ["1.0", "5", "+Inf", "-0.0", "2.5"].map(bucket);
    let [one, five, inf, zero, half] = keys.each_ref().map(String::as_str);
    write(dir.path(), "histogram_1.db", &[(sum, 1.5), (one, 1.0), (five, 2.0), (inf, 4.0)]);
    write(dir.path(), "histogram_2.db", &[(zero, 8.0), (half, 16.0), (inf, 32.0), (sum, 0.5)]);
    // Killed before its last entries were there: no sum, no +Inf.
    let labelled = r#"["h", "h_bucket", {"le": "1", "a": "b"}, ""]"#;
    write(dir.path(), "histogram_3.db", &[(labelled, 64.0)]);
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let text = exposition::text::encode(&merged).unwrap();
    assert_eq!(
        text.lines().skip(2).collect::<Vec<_>>(),
        [
            "h_sum 2.0",
            "h_bucket{le=\"-0.0\"} 8.0",
            "h_bucket{le=\"1.0\"} 9.0",
            "h_bucket{le=\"2.5\"} 25.0",
            "h_bucket{le=\"5.0\"} 27.0",
            "h_bucket{le=\"+Inf\"} 63.0",
            "h_count 63.0",
            "h_bucket{a=\"b\",le=\"1.0\"} 64.0",
            "h_count{a=\"b\"} 64.0",
        ]
    );
}

#[test]
fn threads_of_two_stores_lose_no_count() {
    let dir = tempfile::tempdir().unwrap();
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(MultiProcessCollector::new(dir.path()).unwrap())).unwrap();
    // A store that is dropped is that of a process that has ended.
    let stores = [(); 2].map(|()| MultiprocessStore::open(dir.path()).unwrap());
    thread::scope(|scope| {
        for (worker, store) in (0..2).zip(stores.clone()) {
            let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).store(&store);
            let jobs = jobs.build().unwrap();
            let sizes = Histogram::builder("size", "Sizes.").store(&store).build().unwrap();
            let busy = Gauge::builder("busy", "Workers.").mode(GaugeMode::LiveSum).store(&store);
            busy.build().unwrap().set(1.0 + f64::from(worker));
            for _ in 0..2 {
                let (jobs, sizes) = (jobs.clone(), sizes.clone());
                scope.spawn(move || {
                    for n in 0..500 {
                        jobs.labels([["mail", "print"][n % 2]]).inc();
                        sizes.observe(0.5);
                    }
                });
            }
        }
    });
    for queue in ["mail", "print"] {
        assert_eq!(registry.get_sample_value("jobs_total", &[("queue", queue)]), Some(1000.0));
    }
    assert_eq!(registry.get_sample_value("size_count", &[]), Some(2000.0));
    assert_eq!(registry.get_sample_value("size_sum", &[]), Some(1000.0));
    assert_eq!(registry.get_sample_value("size_bucket", &[("le", "0.25")]), Some(0.0));
    assert_eq!(registry.get_sample_value("busy", &[]), Some(3.0));
    assert_eq!(mark_process_dead(dir.path(), std::process::id()).unwrap(), 2);
    assert_eq!(registry.get_sample_value("busy", &[]), None);
    assert_eq!(registry.get_sample_value("size_count", &[]), Some(2000.0));
}

#[test]
fn many_files_are_added_up_in_the_order_of_their_names() {
    const WORKERS: u32 = 70;

    let dir = tempfile::tempdir().unwrap();
    // No two orders of adding these give the same sum.
    let amount = |worker: u32, n: u32| 0.1 * f64::from(worker + 1) + 1e-3 * f64::from(n);
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let store = MultiprocessStore::builder(dir.path()).identifier(format!("{worker:03}"));
            let counted = Counter::builder("c", "Counted.").labels(["n"]);
            counted.store(&store.open().unwrap()).build().unwrap()
        })
        .collect();
    fs::write(dir.path().join("counter_035x.db"), "no metrics").unwrap();
    let merged = Arc::new(MultiProcessCollector::new(dir.path()).unwrap());
    let registry = CollectorRegistry::new();
    registry.register(merged.clone()).unwrap();
    let mut counted = BTreeMap::new();
    for round in 0..4 {
        for (worker, metric) in (0..).zip(&workers) {
            for n in 0..10 {
                // Each worker makes its series in another order, and some make more later.
                let n = (n * 3 + worker) % 10 + if worker % 3 == 0 { round } else { 0 };
                metric.labels([n.to_string()]).inc_by(amount(worker, n));
                *counted.entry((n, worker)).or_insert(0.0) += amount(worker, n);
            }
        }
        for n in 0..13 {
            let of_n = counted.range((n, 0)..(n + 1, 0)).map(|(_, amount)| amount);
            let sum = of_n.fold(None, |sum, amount| Some(sum.unwrap_or(0.0) + amount));
            let labels = n.to_string();
            assert_eq!(registry.get_sample_value("c_total", &[("n", &labels)]), sum, "{n}");
        }
        assert_eq!(merged.damaged_files().len(), 1);
    }
}

#[test]
fn a_store_and_its_collector_agree_about_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    let store = MultiprocessStore::open(dir.path().join("sub/..")).unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    assert_eq!(store.dir(), merged.dir());

    let counter = Counter::builder("c", "Counted.").store(&store).build().unwrap();
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(counter)).unwrap();
    assert!(registry.register(Arc::new(merged)).unwrap_err().is_invalid_value());

    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(MultiProcessCollector::new(&file).unwrap_err().is_io());
    assert!(mark_process_dead(dir.path().join("missing"), 1).unwrap_err().is_io());
}

#[test]
fn a_number_without_a_file_counts_on_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("counter_web.db"), "taken").unwrap();
    let store = MultiprocessStore::builder(dir.path()).identifier("web").open().unwrap();
    let counter = Counter::builder("c", "Counted.").store(&store).build().unwrap();
    counter.inc();
    assert_eq!(counter.get(), 1.0);
    assert_eq!(store.unfiled(), 1);
    assert_eq!(fs::read(dir.path().join("counter_web.db")).unwrap(), b"taken");
}

#[test]
fn numbers_without_a_file_move_into_it_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("histogram_web.db")).unwrap();
    fs::create_dir(dir.path().join("gauge_mostrecent_web.db")).unwrap();
    let store = MultiprocessStore::builder(dir.path()).identifier("web").open().unwrap();
    let elsewhere = MultiprocessStore::open(other.path()).unwrap();
    let sizes = Histogram::builder("size", "Sizes.").buckets([1.0]).store(&store).build().unwrap();
    let last = Gauge::builder("last", "Last.").mode(GaugeMode::MostRecent).store(&store);
    let last = last.build().unwrap();
    // Another file has room all the while.
    let jobs = Counter::builder("jobs", "Jobs.").store(&store).build().unwrap();
    jobs.inc();
    sizes.observe(0.5);
    sizes.observe(2.5);
    last.set(7);
    assert_eq!((store.unfiled(), elsewhere.unfiled()), (2, 0));

    let registry = CollectorRegistry::new();
    registry.register(Arc::new(MultiProcessCollector::of(&store))).unwrap();
    let unfiled = "narthex_multiprocess_unfiled_series";
    assert_eq!(registry.get_sample_value(unfiled, &[]), Some(2.0));
    assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(1.0));
    assert_eq!(registry.get_sample_value("size_sum", &[]), None);

    fs::remove_dir(dir.path().join("histogram_web.db")).unwrap();
    assert_eq!(registry.get_sample_value(unfiled, &[]), Some(1.0));
    sizes.observe(0.25);
    assert_eq!(registry.get_sample_value("size_sum", &[]), Some(3.25));
    assert_eq!(registry.get_sample_value("size_bucket", &[("le", "1.0")]), Some(2.0));
    assert_eq!(registry.get_sample_value("size_count", &[]), Some(3.0));
    assert_eq!(sizes.snapshot().count(), 3.0);

    fs::remove_dir(dir.path().join("gauge_mostrecent_web.db")).unwrap();
    // A new series, of whatever kind, is an occasion, too.
    Counter::builder("other", "Others.").store(&store).build().unwrap();
    assert_eq!(store.unfiled(), 0);
    assert_eq!(store.file_waiting(), 0);
    assert_eq!(registry.get_sample_value(unfiled, &[]), None);
    assert_eq!(registry.get_sample_value("last", &[]), Some(7.0));
    last.set(8);
    assert_eq!((last.get(), registry.get_sample_value("last", &[])), (8.0, Some(8.0)));
}

#[test]
fn metrics_of_one_name_that_wait_for_room_are_one_as_they_are_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("counter_web.db");
    fs::create_dir(&blocked).unwrap();
    let store = MultiprocessStore::builder(dir.path()).identifier("web").open().unwrap();
    let jobs = || Counter::builder("jobs", "Jobs.").store(&store).build().unwrap();
    let (first, second) = (jobs(), jobs());
    first.inc_by(2);
    second.inc_by(3);
    assert_eq!(first.get(), 5.0);

    fs::remove_dir(&blocked).unwrap();
    assert_eq!(store.file_waiting(), 0);
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(merged)).unwrap();
    assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(5.0));
    first.inc_by(4);
    second.inc_by(8);
    jobs().inc_by(16);
    assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(33.0));
}

#[test]
fn a_number_that_waits_begins_anew_when_all_that_had_its_name_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("counter_web.db");
    fs::create_dir(&blocked).unwrap();
    let store = MultiprocessStore::builder(dir.path()).identifier("web").open().unwrap();
    let jobs = Counter::builder("jobs", "Jobs.").labels(["queue"]).store(&store).build().unwrap();
    let held = jobs.labels(["mail"]).handle();
    held.inc_by(2);
    assert!(jobs.remove(["mail"]));
    jobs.labels(["mail"]).inc_by(3);
    held.inc_by(4);

    fs::remove_dir(&blocked).unwrap();
    assert_eq!(store.file_waiting(), 0);
    held.inc_by(8);
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(MultiProcessCollector::new(dir.path()).unwrap())).unwrap();
    assert_eq!(registry.get_sample_value("jobs_total", &[("queue", "mail")]), Some(3.0));
}

#[test]
fn a_scrape_that_has_run_out_of_time_shows_no_part_of_the_numbers() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "counter_1.db", &[(r#"["c", "c_total", {}, ""]"#, 1.0)]);
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let mut text = String::from("before");
    let deadline = Some(Instant::now());
    let error =
        exposition::encode_into(&merged, Encoding::default(), deadline, &mut text).unwrap_err();
    assert!(error.is_timed_out(), "{error}");
    assert_eq!(text, "before");
}

#[test]
fn no_two_series_of_a_process_are_alike() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|pid| format!(r#"["g", "g", {{"pid": "{pid}"}}, ""]"#));
    write(dir.path(), "gauge_all_7.db", &[(&a, 1.0), (&b, 2.0)]);
    write(dir.path(), "gauge_all_8.db", &[(&a, 3.0)]);
    let text = exposition::text::encode(&MultiProcessCollector::new(dir.path()).unwrap()).unwrap();
    assert_eq!(text.lines().skip(2).collect::<Vec<_>>(), ["g{pid=\"7\"} 2.0", "g{pid=\"8\"} 3.0"]);
}

#[test]
fn a_file_that_is_replaced_is_read_anew() -> narthex::Result {
    let [dir, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for (dir, name) in [(&dir, "aa"), (&other, "bb")] {
        let store = MultiprocessStore::builder(dir.path()).identifier("1").open()?;
        Counter::builder(name, "h").store(&store).build()?.inc();
    }
    let merged = MultiProcessCollector::new(dir.path())?;
    for _ in 0..2 {
        let text = narthex::exposition::text::encode(&merged)?;
        assert!(text.contains("\naa_total 1.0\n"), "{text}");
    }
    let [file, new] = [&dir, &other].map(|dir| dir.path().join("counter_1.db"));
    // In place, and as long as it was.
    std::fs::write(&file, std::fs::read(&new).unwrap()).unwrap();
    let text = narthex::exposition::text::encode(&merged)?;
    assert!(text.contains("\nbb_total 1.0\n") && !text.contains("aa_total"), "{text}");
    std::fs::write(&file, "").unwrap();
    let text = narthex::exposition::text::encode(&merged)?;
    assert!(!text.contains("bb_total"), "{text}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn an_identifier_is_that_of_one_store_at_a_time_and_may_come_back() {
    use narthex::multiprocess::{compact, inspect};

    let dir = tempfile::tempdir().unwrap();
    let open = || MultiprocessStore::builder(dir.path()).identifier("web-3").open();
    let registry = CollectorRegistry::new();
    let merged = MultiProcessCollector::new(dir.path()).unwrap().folding(false);
    registry.register(Arc::new(merged)).unwrap();
    let value = |name: &str, labels: &[(&str, &str)]| registry.get_sample_value(name, labels);
    let begin = |round: u32| {
        let store = open().unwrap();
        let jobs = Counter::builder("jobs", "h").labels(["l"]).store(&store).build().unwrap();
        jobs.labels(["stays"]).inc();
        jobs.labels(["goes"]).inc();
        jobs.remove(["goes"]);
        let depth = Gauge::builder("depth", "h").store(&store).build().unwrap();
        depth.set(round);
        let most = Gauge::builder("most", "h").mode(GaugeMode::Max).store(&store).build().unwrap();
        most.set(10 - round);
        // Series hold on to the store.
        (store, jobs, depth, most)
    };
    for round in 1..=6 {
        let held = begin(round);
        let error = open().unwrap_err();
        assert!(error.is_duplicate());
        assert_eq!(error.duplicates(), ["web-3"]);
        assert!(error.to_string().contains("\"web-3\""), "{error}");
        // What it counts is added to what those before it did, and its label is its name.
        assert_eq!(value("jobs_total", &[("l", "stays")]), Some(f64::from(round)));
        assert_eq!(value("jobs_total", &[("l", "goes")]), None);
        assert_eq!(value("depth", &[("pid", "web-3")]), Some(f64::from(round)));
        assert_eq!(value("most", &[]), Some(9.0));
        assert_eq!(value("narthex_multiprocess_live_processes", &[]), Some(1.0));
        drop(held);
        assert_eq!(value("depth", &[("pid", "web-3")]), None);
        // Sometimes it is folded under its own name, and sometimes when it has been set aside.
        if round % 3 == 0 {
            assert_eq!(compact(dir.path()).unwrap().processes(), 3);
        }
        assert_eq!(value("jobs_total", &[("l", "stays")]), Some(f64::from(round)));
        assert_eq!(value("jobs_total", &[("l", "goes")]), None);
    }
    let files = inspect::inspect_dir(dir.path()).unwrap();
    assert!(files.files().iter().all(|file| file.is_folded()), "{files:?}");
    for taken in ["fold", "0-f7"] {
        let store = MultiprocessStore::builder(dir.path()).identifier(taken);
        assert!(store.open().unwrap_err().is_invalid_value());
    }
}

#[cfg(unix)]
#[test]
fn fractions_of_predecessors_are_added_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let registry = CollectorRegistry::new();
    let merged = MultiProcessCollector::new(dir.path()).unwrap().folding(false);
    registry.register(Arc::new(merged)).unwrap();
    let mut sum = 0.0;
    for round in 0..25_u32 {
        let store = MultiprocessStore::builder(dir.path()).identifier("web-3").open().unwrap();
        let amount = 1.0 / f64::from(1 + round * 7 % 11);
        Counter::builder("jobs", "h").store(&store).build().unwrap().inc_by(amount);
        sum += amount;
        assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(sum), "round {round}");
    }
    // The order matters: in another one it is another number.
    let mut amounts: Vec<_> =
        (0..25_u32).map(|round| 1.0 / f64::from(1 + round * 7 % 11)).collect();
    amounts.sort_by(f64::total_cmp);
    assert_ne!(amounts.iter().sum::<f64>(), sum);
}

/// The variable that makes a process of the test [`a_holder_of_an_identifier`]: its directory.
#[cfg(unix)]
const HOLDER_DIR: &str = "NARTHEX_HOLDER_DIR";

/// Not a test by itself: a process that has an identifier until it is killed.
#[cfg(unix)]
#[test]
fn a_holder_of_an_identifier() {
    let Some(dir) = std::env::var_os(HOLDER_DIR) else { return };
    let store = MultiprocessStore::builder(&dir).identifier("web-3").open().unwrap();
    let jobs = Counter::builder("jobs", "h").store(&store).build().unwrap();
    jobs.inc_by(5);
    fs::write(Path::new(&dir).join("ready"), "").unwrap();
    thread::sleep(std::time::Duration::from_secs(60));
}

#[cfg(unix)]
#[test]
fn an_identifier_of_another_process_is_free_when_that_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut holder = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "multiprocess::a_holder_of_an_identifier"])
        .env(HOLDER_DIR, dir.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !dir.path().join("ready").exists() {
        assert_eq!(holder.try_wait().unwrap(), None);
        thread::sleep(std::time::Duration::from_millis(1));
    }
    let open = || MultiprocessStore::builder(dir.path()).identifier("web-3").open();
    assert!(open().unwrap_err().is_duplicate());
    // This is SIGKILL.
    holder.kill().unwrap();
    holder.wait().unwrap();
    let store = open().unwrap();
    Counter::builder("jobs", "h").store(&store).build().unwrap().inc_by(2);
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(MultiProcessCollector::of(&store))).unwrap();
    assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(7.0));
    assert_eq!(registry.get_sample_value("narthex_multiprocess_dead_processes", &[]), Some(1.0));
}
