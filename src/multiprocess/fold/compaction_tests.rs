//! What is folded, by whom and when.

use std::{fs, process};

use super::super::disk::RealDisk;
use super::super::figures::Scope;
use super::super::fixture::{ALL, NOBODY, directory, leave, leave_dead, merged, names, put};
use super::*;
use crate::collector::for_each_family;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::manifest::Manifest;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::owner::{lock_path, numbering};
use crate::multiprocess::{MultiProcessCollector, MultiprocessStore, mark_process_dead};

#[test]
fn a_directory_does_not_grow_with_the_workers_that_ever_lived() {
    let dir = directory();
    let dir = dir.path();
    let store = MultiprocessStore::open(dir).unwrap();
    store.cells(FileKind::Counter, vec![r#"["c", "c_total", {}, "h"]"#.to_owned()])[0].add(0.5);
    for worker in 0..2000 {
        let identifier = format!("{worker}-x");
        fs::write(lock_path(dir, &identifier), "").unwrap();
        let total = r#"["c", "c_total", {}, "h"]"#;
        put(dir, FileKind::Counter, &identifier, &[(total, 1.0, 0.0)]);
        put(dir, FileKind::Gauge(GaugeMode::LiveSum), &identifier, &[(total, 1.0, 0.0)]);
    }
    let compacted = compact(dir).unwrap();
    assert_eq!(compacted.processes(), 2000);
    assert_eq!(compacted.generation(), 1);
    assert_eq!(compacted.removed_files(), 6000);
    assert!(compacted.freed_bytes() > 2000 * 2 * 48);
    assert_eq!(names(dir).len(), 5);
    assert_eq!(merged(dir)["c_total"], 2000.5);
    // A second one finds nothing to do.
    let again = compact(dir).unwrap();
    assert_eq!((again.processes(), again.removed_files(), again.generation()), (0, 0, 1));
}

#[test]
fn scrapes_fold_when_more_than_a_few_are_dead() {
    let dir = directory();
    let dir = dir.path();
    let scrape = |collector: &MultiProcessCollector| {
        for_each_family(collector, &mut |_| Ok(())).unwrap();
        Manifest::read(dir).unwrap().generation
    };
    let collector = MultiProcessCollector::new(dir).unwrap();
    for worker in 0..4 {
        leave_dead(dir, &format!("{worker}-x"), worker);
    }
    assert_eq!(scrape(&collector), 0);
    leave_dead(dir, "4-x", 4);
    assert_eq!(scrape(&MultiProcessCollector::new(dir).unwrap().folding(false)), 0);
    assert_eq!(scrape(&MultiProcessCollector::new(dir).unwrap().read_by_python(true)), 0);
    assert_eq!(scrape(&collector), 1);
    assert_eq!(merged(dir)["c_total"], 31.0);
    assert_eq!(scrape(&collector), 1);
}

#[test]
fn files_without_a_lock_are_folded_only_when_somebody_says_so() {
    let dir = directory();
    let dir = dir.path();
    leave(dir, NOBODY, 0);
    let own = process::id().to_string();
    leave(dir, &own, 1);
    leave(dir, "uwsgi.1", 2);
    let before = names(dir);
    compact(dir).unwrap();
    assert_eq!(names(dir).len(), before.len() + 1);

    // Marked elsewhere, where numbers mean other processes.
    mark_process_dead(dir, NOBODY).unwrap();
    let mark = dir.join(format!("{NOBODY}.dead"));
    assert_eq!(fs::read_to_string(&mark).unwrap(), numbering());
    fs::write(&mark, "pid:[1]").unwrap();
    assert_eq!(compact(dir).unwrap().processes(), 0);
    fs::write(&mark, numbering()).unwrap();
    // Marked, but there is a process of that number.
    mark_process_dead(dir, &own).unwrap();
    assert_eq!(compact(dir).unwrap().processes(), 1);
    assert!(!mark.exists());
    assert!(dir.join(format!("{own}.dead")).exists());
    assert!(dir.join(format!("counter_{own}.db")).exists());
    assert!(dir.join("counter_uwsgi.1.db").exists());
    assert_eq!(merged(dir)["c_total"], 7.0);

    // The operator vouches for numbers, and they are used again.
    leave(dir, NOBODY, 3);
    let scope = Scope { local_numbers: true, ..ALL };
    assert_eq!(fold(dir, &RealDisk, scope).unwrap().unwrap().processes(), 1);
    assert!(dir.join(format!("counter_{own}.db")).exists());
    assert_eq!(merged(dir)["c_total"], 15.0);
}

#[test]
fn a_manifest_that_makes_no_sense_stops_folds_and_not_scrapes() {
    let dir = directory();
    let dir = dir.path();
    leave_dead(dir, "1-x", 0);
    compact(dir).unwrap();
    leave_dead(dir, "2-x", 1);
    fs::write(Manifest::path(dir), "gener").unwrap();
    assert_eq!(merged(dir)["c_total"], 3.0);
    let error = compact(dir).unwrap_err();
    assert!(error.is_io());
    assert!(error.to_string().ends_with("its fold.manifest makes no sense"), "{error}");
    assert_eq!(merged(dir)["c_total"], 3.0);
}
