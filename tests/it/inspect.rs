//! Looking into shared files: figures of Python's files, and damage as a scrape meets it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use narthex::exposition;
#[cfg(unix)]
use narthex::multiprocess::compact;
use narthex::multiprocess::inspect::{Liveness, inspect_dir, inspect_dir_with, inspect_file};
use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore};
use narthex::{Counter, Gauge};
use serde_json::Value;

/// Writes a file of entries with the value 1.0.
fn write(dir: &Path, name: &str, keys: &[&str]) -> PathBuf {
    let entries: Vec<_> = keys.iter().map(|key| (*key, 1.0)).collect();
    crate::multiprocess::write(dir, name, &entries)
}

#[test]
fn entries_of_the_corpus_are_those_that_python_dumps() {
    let shared = match std::env::var_os("NARTHEX_SHARED") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let Ok(cases) = fs::read_dir(shared.join("multiproc")) else { return };
    let mut compared = 0;
    for case in cases.map(|case| case.unwrap().path()).filter(|path| path.is_dir()) {
        let dump: Value =
            serde_json::from_slice(&fs::read(case.join("dump.json")).unwrap()).unwrap();
        for (name, told) in dump.as_object().unwrap() {
            let Some(entries) = told["entries"].as_array() else { continue };
            let contents = inspect_file(case.join("db").join(name)).unwrap();
            let report = contents.report();
            assert_eq!(report.length(), told["size"].as_u64().unwrap());
            assert_eq!(report.used(), told["used"].as_u64().unwrap());
            assert_eq!(report.entries(), entries.len());
            assert_eq!(report.waste(), report.allocated().saturating_sub(report.used()));
            assert!(report.skipped().is_empty() && report.damage().is_none());
            for (entry, told) in contents.entries().iter().zip(entries) {
                let number = |key: &str| told[key].as_str().unwrap().parse::<f64>().unwrap();
                assert_eq!(entry.key(), told["key"].as_str().unwrap());
                assert_eq!(entry.value().to_string(), number("value").to_string());
                assert_eq!(entry.timestamp().unwrap_or(0.0), number("timestamp"));
                let key: (String, String, BTreeMap<String, String>, String) =
                    serde_json::from_str(entry.key()).unwrap();
                let labels: Vec<_> = entry.labels().collect();
                assert_eq!(entry.metric_name(), Some(&*key.0));
                assert_eq!(entry.sample_name(), Some(&*key.1));
                assert!(key.2.iter().map(|(n, v)| (&**n, &**v)).eq(labels));
                assert_eq!(entry.help(), Some(&*key.3));
                // The value comes right before the timestamp and the next entry.
                let next = contents.entries().iter().map(|e| e.offset());
                let end = next.filter(|next| *next > entry.offset()).min().unwrap_or(report.used());
                assert_eq!(end - 16, told["value_offset"].as_u64().unwrap());
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared} entries");
}

#[test]
fn names_of_files_tell_kind_mode_and_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = Counter::builder("jobs", "h").labels(["q"]).store(&store).build().unwrap();
    jobs.labels(["a"]).inc();
    jobs.labels(["b"]).inc();
    let depth = Gauge::builder("depth", "h").mode(GaugeMode::LiveMax).store(&store);
    depth.build().unwrap().set(3);
    write(dir.path(), "counter_web-3.db", &[r#"["jobs", "jobs_total", {"q": "b"}, "h"]"#]);
    fs::write(dir.path().join(".counter_9.db.tmp"), [0; 5000]).unwrap();
    fs::create_dir(dir.path().join("elsewhere")).unwrap();

    let mut told = Vec::new();
    let report = inspect_dir_with(dir.path(), |done, all| told.push((done, all))).unwrap();
    assert_eq!(told, [(0, 3), (1, 3), (2, 3)]);
    let [counter, named, gauge] = report.files() else { panic!("{report:?}") };
    let pid = Some(std::process::id());
    assert_eq!((counter.pid(), gauge.pid(), named.pid()), (pid, pid, None));
    assert_eq!(counter.identifier(), Some(store.identifier()));
    assert_eq!(named.identifier(), Some("web-3"));
    assert_eq!((counter.mode(), gauge.mode()), (None, Some(GaugeMode::LiveMax)));
    // a and b, the latter in two files; and the depth.
    assert_eq!((counter.series(), named.series(), gauge.series()), (2, 1, 1));
    assert_eq!(report.series(), 3);
    let others: Vec<_> = report.other_files().iter().map(|other| other.path()).collect();
    let lock = dir.path().join(format!("{}.lock", store.identifier()));
    let hidden = dir.path().join(".counter_9.db.tmp");
    let locked = lock.exists();
    let side = dir.path().join(format!("{}.narthex", store.identifier()));
    let mut beside = vec![hidden, side];
    beside.extend(locked.then_some(lock.clone()));
    beside.sort();
    assert!(others.iter().eq(&beside), "{others:?}");

    // Its process lives; of the other nothing is known.
    let known = if locked { Liveness::Alive } else { Liveness::Unknown };
    assert_eq!((counter.liveness(), gauge.liveness()), (Some(known), Some(known)));
    assert_eq!(named.liveness(), Some(Liveness::Unknown));
    assert_eq!(inspect_file(counter.path()).unwrap().report().liveness(), Some(known));
    assert!(inspect_file(&lock).unwrap_err().is_io());
    assert_eq!(inspect_dir(dir.path()).unwrap().files()[0].liveness(), Some(known));
}

#[cfg(unix)]
#[test]
fn the_dead_and_the_folded_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let die = || {
        let store = MultiprocessStore::open(dir.path()).unwrap();
        Counter::builder("jobs", "h").store(&store).build().unwrap().inc();
        let depth = Gauge::builder("depth", "h").mode(GaugeMode::LiveSum).store(&store);
        depth.build().unwrap().set(3);
        // The store ends here, as with a process.
    };
    die();
    let report = inspect_dir(dir.path()).unwrap();
    let states: Vec<_> = report.files().iter().map(|file| file.liveness()).collect();
    assert_eq!(states, [Some(Liveness::Dead); 2]);

    compact(dir.path()).unwrap();
    die();
    let report = inspect_dir(dir.path()).unwrap();
    let [folded, counter, gauge] = report.files() else { panic!("{report:?}") };
    assert!(folded.is_folded() && !counter.is_folded());
    assert_eq!((folded.liveness(), folded.pid()), (None, None));
    assert_eq!((folded.identifier(), folded.series()), (Some("0-f1"), 1));
    assert_eq!(
        (counter.liveness(), gauge.liveness()),
        (Some(Liveness::Dead), Some(Liveness::Dead))
    );
    assert_eq!(report.series(), 2);
    // An older generation, which a fold was killed before it removed.
    fs::copy(folded.path(), dir.path().join("counter_0-f0.db")).unwrap();
    let report = inspect_dir(dir.path()).unwrap();
    assert_eq!(report.files().len(), 3);
    assert!(report.other_files().iter().any(|other| other.path().ends_with("counter_0-f0.db")));
}

#[test]
fn damage_is_that_of_a_scrape() {
    let dir = tempfile::tempdir().unwrap();
    let total = r#"["c", "c_total", {}, ""]"#;
    write(dir.path(), "counter_1.db", &[total, "[]", r#"["c", "d", {}, ""]"#, total]);
    write(dir.path(), "gauge_all.db", &[total]);
    write(dir.path(), "histogram_1.db", &[r#"["h", "h_bucket", {"le": "wide"}, ""]"#]);
    // Its name tells no type: one family is known from another file, one is not.
    write(dir.path(), "other_1.db", &[total]);
    write(dir.path(), "other_2.db", &[r#"["new", "new", {}, ""]"#]);
    fs::write(dir.path().join("summary_1.db"), [0; 3]).unwrap();
    fs::write(dir.path().join("summary_2.db"), (-8i32).to_ne_bytes()).unwrap();
    fs::create_dir(dir.path().join("summary_3.db")).unwrap();

    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    exposition::text::encode(&merged).unwrap();
    let report = inspect_dir(dir.path()).unwrap();
    let damaged: Vec<_> = report.files().iter().filter_map(|file| file.damage().cloned()).collect();
    assert_eq!(damaged, merged.damaged_files());
    let reasons: Vec<_> = damaged.iter().map(|damage| damage.reason()).collect();
    assert_eq!(reasons, ["name", "name", "truncated", "header", "unreadable"]);
    let skipped = report.files().iter().flat_map(|file| file.skipped());
    let skipped: Vec<_> = skipped.map(|entry| (entry.reason(), entry.offset())).collect();
    // 8, and an entry of 4 + 24 + 4 + 16 bytes; one of 4 + 2 + 2 + 16.
    assert_eq!(skipped, [("key", 56), ("name", 80), ("name", 8)]);
    assert_eq!(merged.skipped_entries(), 3);
}

#[test]
fn what_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    for error in [inspect_dir(&missing).unwrap_err(), inspect_file(&missing).unwrap_err()] {
        assert!(error.is_io());
        assert!(error.to_string().contains(&*missing.to_string_lossy()), "{error}");
    }
}

#[test]
fn entries_that_count_no_more_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = Counter::builder("jobs", "h").labels(["q"]).store(&store).build().unwrap();
    for queue in ["a", "b", "c"] {
        jobs.labels([queue]).inc();
    }
    jobs.remove(["a"]);
    jobs.remove(["b"]);
    jobs.labels(["b"]).inc();
    let counter = dir.path().join(format!("counter_{}.db", store.identifier()));
    let contents = inspect_file(&counter).unwrap();
    let removed = contents.entries().iter().map(|entry| entry.is_removed());
    // a, b, c, and b anew.
    assert_eq!(removed.collect::<Vec<_>>(), [true, true, false, false]);
    let report = contents.report();
    assert_eq!((report.removed(), report.idle(), report.is_counted()), (2, 2, true));

    // Of the dead, gauges of one mode count and those of the other do not.
    for file in ["gauge_livesum_7-x.db", "gauge_max_7-x.db"] {
        write(dir.path(), file, &[r#"["g", "g", {}, ""]"#, r#"["h", "h", {}, ""]"#]);
    }
    fs::write(dir.path().join("7-x.lock"), "").unwrap();
    let report = inspect_dir(dir.path()).unwrap();
    let figures = report.files().iter().map(|file| {
        let kind = file.mode().map_or("counter", GaugeMode::as_str);
        (kind, file.is_counted(), file.idle(), file.removed(), file.entries())
    });
    let alone = inspect_file(dir.path().join("gauge_livesum_7-x.db")).unwrap();
    if cfg!(unix) {
        assert_eq!(
            figures.collect::<Vec<_>>(),
            [("counter", true, 2, 2, 4), ("livesum", false, 2, 0, 2), ("max", true, 0, 0, 2)]
        );
        assert_eq!((alone.report().is_counted(), alone.report().idle()), (false, 2));
    }
}

#[test]
fn damage_of_side_files_is_told_as_by_a_scrape() {
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = Counter::builder("jobs", "h").labels(["q"]).store(&store).build().unwrap();
    jobs.labels(["a"]).inc();
    let merged = MultiProcessCollector::of(&store);
    let damaged = || {
        exposition::text::encode(&merged).unwrap();
        let report = inspect_dir(dir.path()).unwrap();
        let damaged: Vec<_> = report.damaged_files().cloned().collect();
        assert_eq!(damaged, merged.damaged_files());
        damaged.into_iter().map(|file| (file.reason(), file.offset())).collect::<Vec<_>>()
    };
    assert_eq!(damaged(), []);
    // Of another process: the header of a side file, and half of an entry.
    let whole = fs::read(dir.path().join(format!("{}.narthex", store.identifier()))).unwrap();
    fs::write(dir.path().join("7-x.narthex"), &whole[..20]).unwrap();
    fs::write(dir.path().join("8-x.narthex"), "none").unwrap();
    assert_eq!(damaged().len(), 2);
    let report = inspect_dir(dir.path()).unwrap();
    let told = report.other_files().iter().filter(|other| other.damage().is_some());
    let told: Vec<_> = told.map(|other| other.path().file_name().unwrap().to_owned()).collect();
    assert_eq!(told, ["7-x.narthex", "8-x.narthex"]);
}

#[test]
fn files_that_disagree_are_those_of_a_scrape() {
    let dir = tempfile::tempdir().unwrap();
    let [g, h] = ["g", "h"].map(|name| format!(r#"["{name}", "{name}", {{}}, ""]"#));
    write(dir.path(), "counter_1.db", &[&g]);
    write(dir.path(), "gauge_min_1.db", &[&g, &h]);
    write(dir.path(), "gauge_max_1.db", &[&h]);
    let bucket = |le: &str| format!(r#"["d", "d_bucket", {{"le": "{le}"}}, ""]"#);
    let [one, inf, also_inf] = ["1.0", "+Inf", "inf"].map(bucket);
    write(dir.path(), "histogram_1.db", &[&one, &inf]);
    write(dir.path(), "histogram_2.db", &[&also_inf, &one]);
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    let disagreements = || {
        exposition::text::encode(&merged).unwrap();
        let of_scrape = merged.disagreements();
        let mut told: Vec<_> =
            of_scrape.iter().map(|found| (found.family().to_owned(), found.about())).collect();
        told.sort();
        let report = inspect_dir(dir.path()).unwrap();
        let inspected = report.disagreements().iter();
        let inspected: Vec<_> =
            inspected.map(|found| (found.family().to_owned(), found.about())).collect();
        assert_eq!(told, inspected);
        told
    };
    let told = |family: &str, about| (family.to_owned(), about);
    // Bounds are numbers, however they are spelled.
    assert_eq!(disagreements(), [told("g", "type"), told("h", "mode")]);
    write(dir.path(), "histogram_3.db", &[&inf]);
    fs::remove_file(dir.path().join("gauge_max_1.db")).unwrap();
    assert_eq!(disagreements(), [told("d", "buckets"), told("g", "type")]);
}
