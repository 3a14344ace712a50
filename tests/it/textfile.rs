//! The textfile: what stands in it, how it is replaced, and when.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use narthex::model::{GaugeMetricFamily, NO_LABELS, Timestamp};
use narthex::textfile::{PeriodicTextfile, Textfile, write_to_textfile};
use narthex::{
    CollectorRegistry, Counter, Error, FailurePolicy, Gauge, Histogram, NativeOptions, collector_fn,
};
use tempfile::TempDir;

use crate::support::block_on;

const DIR: &str = "NARTHEX_TEXTFILE_DIR";

fn in_a_folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jobs.prom");
    (dir, path)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn gauge(name: &str, value: f64) -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    Gauge::builder(name, "h").register(&registry).unwrap().set(value);
    registry
}

#[test]
fn it_has_what_every_node_exporter_reads() {
    let (_dir, path) = in_a_folder();
    let registry = CollectorRegistry::new();
    // Names with other letters have the form that the scheme `underscores` gives them.
    let sent = Counter::builder("mail.sent", "To \"all\".").labels(["to.whom"]);
    sent.register(&registry).unwrap().labels(["ä\"\\\n"]).inc_by(3);
    let native = Histogram::builder("wait_seconds", "").native(NativeOptions::new());
    native.register(&registry).unwrap().observe(0.5);
    write_to_textfile(&path, &registry).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "# HELP mail_sent_total To \"all\".\n\
         # TYPE mail_sent_total counter\n\
         mail_sent_total{to_whom=\"ä\\\"\\\\\\n\"} 3.0\n\
         # HELP wait_seconds \n\
         # TYPE wait_seconds histogram\n\
         wait_seconds_bucket{le=\"+Inf\"} 1.0\n\
         wait_seconds_count 1.0\n\
         wait_seconds_sum 0.5\n"
    );
}

#[test]
fn families_may_stand_in_the_order_of_their_names() {
    let (_dir, path) = in_a_folder();
    let registry = CollectorRegistry::new();
    for name in ["b", "a_b", "a"] {
        let help = "# HELP a\n# HELP a";
        Gauge::builder(name, help).register(&registry).unwrap();
    }
    let line = |name: &str| {
        format!("# HELP {name} # HELP a\\n# HELP a\n# TYPE {name} gauge\n{name} 0.0\n")
    };
    Textfile::new(&path).write(&registry).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), ["b", "a_b", "a"].map(line).concat());
    Textfile::new(&path).sort(true).write(&registry).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), ["a", "a_b", "b"].map(line).concat());
    Textfile::new(&path).sort(true).write(&CollectorRegistry::new()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn what_cannot_be_written_leaves_what_was_there() {
    let (dir, path) = in_a_folder();
    write_to_textfile(&path, &gauge("g", 1.0)).unwrap();
    let before = fs::read_to_string(&path).unwrap();

    let dated = collector_fn(|scrape| {
        let mut family = GaugeMetricFamily::new("g", "h")?;
        family.add_metric(NO_LABELS, 2.0)?.timestamp(Timestamp::from_seconds(1.0)?);
        scrape.family(&family)
    });
    // Nor is it passed over as the failure of a collector may be.
    let skips = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
    skips.register(Arc::new(dated)).unwrap();
    let error = write_to_textfile(&path, &skips).unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(
        error.to_string(),
        "\"g\" has a timestamp, for which node_exporter would refuse the whole file"
    );
    let broken = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
    assert!(write_to_textfile(&path, &broken).unwrap_err().is_collector());
    let elsewhere = Textfile::new(&path).temporary_dir(dir.path().join("missing"));
    let error = elsewhere.write(&gauge("g", 2.0)).unwrap_err();
    assert!(error.is_io());
    let told = format!("the textfile {} cannot be written: ", path.display());
    assert!(error.to_string().starts_with(&told), "{error}");
    for path in [dir.path().join(".."), path.join("below.prom")] {
        assert!(write_to_textfile(path, &gauge("g", 2.0)).unwrap_err().is_io());
    }

    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert_eq!(names(dir.path()), ["jobs.prom"]);
}

#[test]
fn others_may_read_it_as_any_file() {
    let (dir, path) = in_a_folder();
    write_to_textfile(&path, &gauge("g", 1.0)).unwrap();
    let other = File::create(dir.path().join("other")).unwrap().metadata().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions(), other.permissions());
}

#[test]
fn what_a_killed_writer_left_is_removed_when_it_is_old() {
    let (dir, path) = in_a_folder();
    let old = SystemTime::now() - Duration::from_secs(3700);
    for (name, is_old) in [
        (".jobs.prom.Ab1.tmp", true),
        (".jobs.prom.Ab2.tmp", false),
        (".jobs.promoted.Ab3.tmp", true),
        (".jobs.prom.Ab4", true),
    ] {
        let file = File::create(dir.path().join(name)).unwrap();
        if is_old {
            file.set_modified(old).unwrap();
        }
    }
    write_to_textfile(&path, &gauge("g", 1.0)).unwrap();
    let left = [".jobs.prom.Ab2.tmp", ".jobs.prom.Ab4", ".jobs.promoted.Ab3.tmp", "jobs.prom"];
    assert_eq!(names(dir.path()), left);
}

#[test]
fn collectors_that_await_are_asked_anew() {
    let (dir, path) = in_a_folder();
    block_on(Textfile::new(&path).write_async(&gauge("g", 1.0))).unwrap();
    let file = Textfile::new(&path).temporary_dir(dir.path());
    block_on(file.write_async(&gauge("g", 2.0))).unwrap();
    assert!(fs::read_to_string(&path).unwrap().ends_with("\ng 2.0\n"));
    file.remove().unwrap();
    file.remove().unwrap();
    assert!(names(dir.path()).is_empty());
}

/// Two gauges of one value, and lines between them.
fn alike(value: f64) -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    Gauge::builder("first", "h").register(&registry).unwrap().set(value);
    let many = Counter::builder("many", "h").labels(["number"]).register(&registry).unwrap();
    (0..500).for_each(|number| many.labels([number.to_string()]).inc());
    Gauge::builder("last", "h").register(&registry).unwrap().set(value);
    registry
}

/// The value of both gauges.
fn value_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name:?} in {text:?}"))[name.len()..].to_owned()
    };
    assert_eq!(value("first "), value("last "));
    value("last ")
}

#[test]
fn whoever_reads_finds_one_whole_text() {
    let (_dir, path) = in_a_folder();
    write_to_textfile(&path, &alike(0.0)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    value_of(&path);
                }
            });
        }
        for value in 1..=100 {
            write_to_textfile(&path, &alike(f64::from(value))).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(value_of(&path), "100.0");
}

/// Writes until it is killed; does nothing unless it is told where.
#[test]
fn a_writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    for value in 1.. {
        write_to_textfile(Path::new(&dir).join("jobs.prom"), &alike(f64::from(value))).unwrap();
    }
}

#[test]
fn a_writer_that_is_killed_leaves_one_whole_text() {
    let (dir, path) = in_a_folder();
    for round in 0..10 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "textfile::a_writer"])
            .env(DIR, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let _ = fs::remove_file(&path);
        while !path.exists() {
            assert_eq!(writer.try_wait().unwrap(), None);
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(700 * round));
        // This is SIGKILL.
        writer.kill().unwrap();
        writer.wait().unwrap();
        value_of(&path);
    }
    let beside = names(dir.path());
    assert!(beside.iter().all(|name| name == "jobs.prom" || name.ends_with(".tmp")), "{beside:?}");
}

#[test]
fn it_is_renewed_at_an_interval_and_at_the_end() {
    let (dir, path) = in_a_folder();
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "h").register(&registry).unwrap();
    let text = || fs::read_to_string(&path).unwrap();
    let file = Textfile::new(&path);

    let writes = PeriodicTextfile::builder(&file, &registry)
        .interval(Duration::from_millis(2))
        .start()
        .unwrap();
    assert!(text().ends_with("\ng 0.0\n"));
    gauge.set(1);
    while !text().ends_with("\ng 1.0\n") {
        thread::sleep(Duration::from_millis(1));
    }
    // What fails is counted, and is no end.
    fs::remove_file(&path).unwrap();
    while fs::create_dir(&path).is_err() {
        let _ = fs::remove_file(&path);
    }
    while writes.failures() < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    fs::remove_dir(&path).unwrap();
    gauge.set(2);
    writes.stop().unwrap();
    assert!(text().ends_with("\ng 2.0\n"));

    let never = Duration::from_secs(3600);
    let writes = PeriodicTextfile::builder(&file, &registry).interval(never);
    drop(writes.clone().remove_at_end(true).start().unwrap());
    assert!(names(dir.path()).is_empty());
    let error = writes.interval(Duration::ZERO).start().unwrap_err();
    assert!(error.is_invalid_value() && names(dir.path()).is_empty());
}
