//! Folds, readers and workers in every order of their steps: each count is seen exactly once.
//!
//! One is surprised by another at one step, or at as many as `NARTHEX_MODEL_SURPRISES` says.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs};

use super::super::disk::RealDisk;
use super::super::fixture::{ALL, NOBODY, directory, merged, names, put};
use super::*;
use crate::cell::rows::Rows;
use crate::collector::for_each_family;
use crate::model::Family;
use crate::multiprocess::explorer::{Actor, Bounds, explore, step};
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::fold_lock::begin;
use crate::multiprocess::listing::consistently;
use crate::multiprocess::merged::{Memory, Merged};
use crate::multiprocess::owner::lock_path;
use crate::multiprocess::settle::Show;
use crate::multiprocess::side::SideHandle;
use crate::multiprocess::windows::Windows;
use crate::multiprocess::{MultiProcessCollector, MultiprocessStore, compact, mark_process_dead};

const TOTAL: &str = r#"["c", "c_total", {}, "h"]"#;
const REMOVED: &str = r#"["c", "c_total", {"l": "removed"}, "h"]"#;

/// What [`populate`] comes to.
const POPULATED: u64 = 1 + 2 + 4 + 8;

/// A kill is a surprise like a preemption.
fn bounds(kills: usize) -> Bounds {
    let surprises = env::var("NARTHEX_MODEL_SURPRISES").ok();
    let surprises = surprises.map_or(1, |surprises| surprises.parse().unwrap());
    Bounds { preemptions: surprises - kills, kills }
}

/// Leaves a worker that counted, removed a child, and died.
fn leave_worker(dir: &Path, amount: f64) {
    let store = MultiprocessStore::open(dir).unwrap();
    let cells = store.cells(FileKind::Counter, vec![TOTAL.to_owned(), REMOVED.to_owned()]);
    cells[0].add(amount);
    cells[1].add(1024.0);
    let rows = Rows::of(&[cells[1].filed().unwrap().clone()]).unwrap();
    let series = SideHandle::rows(&store, FileKind::Counter, rows.list(), 0.0).unwrap();
    assert!(series.retire());
}

/// A folded generation, a dead worker, one of Python's, and one of whom nothing is known.
fn populate(dir: &Path) {
    fs::write(lock_path(dir, "3-a"), "").unwrap();
    put(dir, FileKind::Counter, "3-a", &[(TOTAL, 1.0, 0.0)]);
    compact(dir).unwrap();
    leave_worker(dir, 2.0);
    put(dir, FileKind::Counter, NOBODY, &[(TOTAL, 4.0, 0.0)]);
    mark_process_dead(dir, NOBODY).unwrap();
    put(dir, FileKind::Counter, "web", &[(TOTAL, 8.0, 0.0)]);
}

fn fold_all(dir: &Path) {
    compact(dir).unwrap();
}

fn assert_total(dir: &Path, expected: u64) {
    let seen = merged(dir);
    let expected = [("c_total".to_owned(), expected as f64)].into();
    assert_eq!(seen, expected, "a count is lost or doubled: {:?}", names(dir));
}

/// Everything is folded, and nothing is left of the dead.
fn assert_folded(dir: &Path, expected: u64) {
    compact(dir).unwrap();
    assert_total(dir, expected);
    let generation = Manifest::read(dir).unwrap().generation;
    let folded = format!("counter_{}.db", folded_identifier(generation));
    assert_eq!(names(dir), [&*folded, "counter_web.db", "fold.lock", "fold.manifest"]);
}

#[test]
fn a_reader_beside_a_fold_that_may_be_killed_sees_every_count_once() {
    let orders = explore(bounds(1), |stage| {
        let dir = directory();
        let dir = dir.path();
        populate(dir);
        stage.play(vec![
            Actor::mortal(|| fold_all(dir)),
            Actor::new(|| assert_total(dir, POPULATED)),
        ]);
        assert_total(dir, POPULATED);
        assert_folded(dir, POPULATED);
    });
    println!("{orders} orders");
}

#[test]
fn a_second_fold_finishes_what_was_begun_beside_a_reader() {
    let orders = explore(bounds(1), |stage| {
        let dir = directory();
        let dir = dir.path();
        populate(dir);
        stage.play(vec![
            Actor::mortal(|| fold_all(dir)),
            Actor::new(|| fold_all(dir)),
            Actor::new(|| assert_total(dir, POPULATED)),
        ]);
        assert_folded(dir, POPULATED);
    });
    println!("{orders} orders");
}

#[test]
fn scrapers_that_fold_see_every_count_once() {
    let orders = explore(bounds(0), |stage| {
        let dir = directory();
        let dir = dir.path();
        populate(dir);
        let scrape = || {
            // One that finds a mark of death folds.
            let collector = MultiProcessCollector::new(dir).unwrap();
            let mut totals = Vec::new();
            for_each_family(&collector, &mut |family| {
                if family.desc().name() == "c" {
                    family.for_each_sample(&mut |sample| totals.push(sample.value()));
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(totals, [POPULATED as f64], "a count is lost or doubled");
        };
        stage.play(vec![Actor::new(scrape), Actor::new(scrape)]);
        assert_folded(dir, POPULATED);
    });
    println!("{orders} orders");
}

#[test]
fn a_worker_that_comes_counts_and_dies_beside_a_fold_is_counted_once() {
    let orders = explore(bounds(0), |stage| {
        let dir = directory();
        let dir = dir.path();
        leave_worker(dir, 1.0);
        put(dir, FileKind::Counter, "web", &[(TOTAL, 8.0, 0.0)]);
        let (least, most) = (AtomicU64::new(9), AtomicU64::new(9));
        stage.play(vec![
            Actor::new(|| {
                let store = MultiprocessStore::open(dir).unwrap();
                step();
                let cell = store.cells(FileKind::Counter, vec![TOTAL.to_owned()]).remove(0);
                assert!(cell.filed().is_some());
                step();
                most.fetch_add(16, Ordering::SeqCst);
                cell.add(16.0);
                least.fetch_add(16, Ordering::SeqCst);
                step();
                drop((cell, store));
            }),
            Actor::new(|| fold_all(dir)),
            Actor::new(|| {
                let least = least.load(Ordering::SeqCst);
                // Not by a collector, which would ask the worker, too: it is in this process.
                let seen = total(dir, true) as u64;
                let most = most.load(Ordering::SeqCst);
                assert!(least <= seen && seen <= most, "{seen} is not within {least}..={most}");
            }),
        ]);
        assert_folded(dir, 25);
    });
    println!("{orders} orders");
}

/// What a reader makes of the files, which may do so twice if it looks at the manifest again.
fn total(dir: &Path, looks_again: bool) -> f64 {
    let windows = Windows::default();
    let show = Show { accumulate: true, windows: &windows, now: 0.0 };
    let merge = |listing: &Listing| Merged::of(listing, &mut Memory::default(), show, None);
    let read = match looks_again {
        true => consistently(dir, merge),
        false => merge(&Listing::read(dir, Manifest::read(dir).unwrap()).unwrap()),
    };
    let mut total = 0.0;
    for family in &read.unwrap().families {
        family.for_each_sample(&mut |sample| total += sample.value());
    }
    total
}

#[test]
#[should_panic(expected = "a count is lost or doubled")]
fn a_reader_that_does_not_look_at_the_manifest_again_is_caught() {
    explore(Bounds { preemptions: 2, kills: 0 }, |stage| {
        let dir = directory();
        let dir = dir.path();
        populate(dir);
        stage.play(vec![
            Actor::new(|| fold_all(dir)),
            Actor::new(|| {
                assert_eq!(total(dir, false), POPULATED as f64, "a count is lost or doubled");
            }),
        ]);
    });
}

/// A disk on which some manifests come into force late or never.
struct Faulty {
    /// How many removals come before the new generation.
    removals_first: usize,
    tells_of_moves: bool,
    late: RefCell<Option<(PathBuf, PathBuf)>>,
    removals: RefCell<usize>,
}

impl Faulty {
    fn new(removals_first: usize, tells_of_moves: bool) -> Self {
        Self {
            removals_first,
            tells_of_moves,
            late: RefCell::default(),
            removals: RefCell::default(),
        }
    }
}

impl Disk for Faulty {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        RealDisk.write(path, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if to.ends_with("fold.manifest") {
            let dir = to.parent().unwrap();
            let is_move = fs::read_to_string(from)?.contains("generation 1\n");
            if is_move && !self.tells_of_moves {
                return fs::remove_file(from);
            }
            if !is_move && self.removals_first > 0 {
                let kept = dir.join(".late");
                fs::rename(from, &kept)?;
                *self.late.borrow_mut() = Some((kept, to.to_owned()));
                return Ok(());
            }
        }
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)?;
        *self.removals.borrow_mut() += 1;
        if *self.removals.borrow() >= self.removals_first {
            if let Some((from, to)) = self.late.take() {
                RealDisk.rename(&from, &to)?;
            }
        }
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

fn a_reader_beside_a_fold_on(disk: impl Fn() -> Faulty + Sync) {
    explore(Bounds { preemptions: 2, kills: 0 }, |stage| {
        let dir = directory();
        let dir = dir.path();
        populate(dir);
        let disk = &disk;
        stage.play(vec![
            Actor::new(move || {
                let _lock = begin(dir, true).unwrap().unwrap();
                fold(dir, &disk(), ALL).unwrap();
            }),
            Actor::new(|| assert_total(dir, POPULATED)),
        ]);
    });
}

#[test]
fn a_disk_without_fault_shows_no_fault() {
    a_reader_beside_a_fold_on(|| Faulty::new(0, true));
}

#[test]
#[should_panic(expected = "a count is lost or doubled")]
fn a_fold_that_removes_files_before_its_manifest_holds_is_caught() {
    // The first removal is that of the mark of death.
    a_reader_beside_a_fold_on(|| Faulty::new(3, true));
}

#[test]
#[should_panic(expected = "a count is lost or doubled")]
fn an_adoption_that_does_not_tell_of_itself_is_caught() {
    a_reader_beside_a_fold_on(|| Faulty::new(0, false));
}
