//! Folds that are killed before, in and after each step, and folds that run beside readers and each other.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::super::fixture::{
    ALL, NOBODY, Stepped, directory, leave, leave_dead, merged, names, put,
};
use super::*;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::fold_lock::begin;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::owner::lock_path;
use crate::multiprocess::{MultiprocessStore, compact, mark_process_dead};

const DIR: &str = "NARTHEX_TEST_FOLD_DIR";
const STOP: &str = "NARTHEX_TEST_FOLD_STOP";

/// In place of a number of steps: to live and count.
const LIVE: &str = "live";

/// Not a test by itself: what the other tests run in processes of their own.
#[test]
fn child() {
    let Some(dir) = env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    if env::var(STOP).unwrap() == LIVE {
        let store = MultiprocessStore::open(dir).unwrap();
        let total = r#"["c", "c_total", {}, "h"]"#.to_owned();
        store.cells(FileKind::Counter, vec![total])[0].add(1.0);
        let busy = r#"["b", "b", {}, "h"]"#.to_owned();
        store.cells(FileKind::Gauge(GaugeMode::LiveSum), vec![busy])[0].add(1.0);
        fs::write(dir.join(format!("ready.{}", process::id())), "").unwrap();
        // Until it is killed.
        thread::sleep(Duration::from_secs(60));
        return;
    }
    match env::var(STOP).unwrap().parse() {
        Ok(steps) => {
            let _lock = begin(dir, true).unwrap().unwrap();
            let left = Cell::new(steps);
            let before = || match left.get() {
                0 => kill_process(Pid::from_raw(process::id() as i32).unwrap(), Signal::KILL)
                    .unwrap(),
                steps => left.set(steps - 1),
            };
            fold(dir, &Stepped { before, syncs: true }, ALL).unwrap();
        }
        // Until the one who waits for it is gone, or has what it wants.
        Err(_) => {
            let begun = Instant::now();
            while !dir.join("enough").exists() && begun.elapsed() < Duration::from_secs(60) {
                compact(dir).unwrap();
            }
        }
    }
}

fn start_child(dir: &Path, stop: &str) -> process::Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "multiprocess::fold::protocol::tests::child", "--quiet"])
        .env(DIR, dir)
        .env(STOP, stop)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A directory in the midst of life: a generation that was folded, dead
/// processes with a damaged file, one of Python's, and one that lives.
fn populate(dir: &Path) -> MultiprocessStore {
    leave_dead(dir, "3-a", 0);
    leave_dead(dir, "3-b", 1);
    compact(dir).unwrap();
    leave_dead(dir, "3-c", 2);
    leave_dead(dir, "12-d", 3);
    // The second entry is cut off.
    let total = r#"["c", "c_total", {}, "h"]"#;
    put(dir, FileKind::Counter, "12-d", &[(total, 8.0, 0.0), (total, 999.0, 0.0)]);
    let cut = dir.join("counter_12-d.db");
    let len = fs::metadata(&cut).unwrap().len();
    fs::OpenOptions::new().write(true).open(cut).unwrap().set_len(len - 1).unwrap();
    // A process that was killed before it published its first file.
    fs::write(lock_path(dir, "13-e"), "").unwrap();
    fs::write(dir.join(".counter_13-e.db.0123"), "").unwrap();
    fs::write(dir.join(".14-f.lock.0123"), "").unwrap();

    leave(dir, NOBODY, 4);
    fs::remove_file(dir.join(FileKind::Gauge(GaugeMode::All).file_name(NOBODY))).unwrap();
    assert_eq!(mark_process_dead(dir, NOBODY).unwrap(), 5);

    let store = MultiprocessStore::open(dir).unwrap();
    let total = r#"["c", "c_total", {}, "h"]"#.to_owned();
    store.cells(FileKind::Counter, vec![total])[0].add(32.0);
    store
}

/// What [`populate`] comes to: six bits, of which the live process has one.
fn ledger() -> BTreeMap<String, f64> {
    [
        ("c_total", 63.0),
        ("s_count", 31.0),
        ("s_sum", 15.5),
        ("d_sum", 31.0),
        ("d_bucket,le=1.0", 31.0),
        ("d_bucket,le=+Inf", 62.0),
        ("d_count", 62.0),
        ("g_min", 1.0),
        ("g_max", 16.0),
        ("g_sum", 31.0),
        // Bit 4 is the one of the latest time.
        ("g_mostrecent", 16.0),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[test]
fn a_kill_at_any_step_neither_loses_nor_doubles() {
    let mut kills = 0;
    for steps in 0.. {
        let dir = directory();
        let dir = dir.path();
        let store = populate(dir);
        assert_eq!(merged(dir), ledger(), "before");
        let ended = start_child(dir, &steps.to_string()).wait().unwrap();
        assert_eq!(merged(dir), ledger(), "killed at step {steps}: {:?}", names(dir));
        {
            let _lock = begin(dir, true).unwrap().unwrap();
            fold(dir, &Stepped { before: || {}, syncs: true }, ALL).unwrap();
        }
        assert_eq!(merged(dir), ledger(), "finished after step {steps}: {:?}", names(dir));
        assert_eq!(Manifest::read(dir).unwrap().absorbed, BTreeSet::new());
        // Nothing is left of the dead, wherever it was.
        let own = store.identifier();
        let generation = Manifest::read(dir).unwrap().generation;
        let folded = folded_identifier(generation);
        let mut expected = vec![
            "counter_12-d.db.damaged".to_owned(),
            format!("counter_{folded}.db"),
            format!("counter_{own}.db"),
            "fold.lock".to_owned(),
            "fold.manifest".to_owned(),
            format!("{own}.lock"),
        ];
        for kind in
            ["gauge_max", "gauge_min", "gauge_mostrecent", "gauge_sum", "histogram", "summary"]
        {
            expected.push(format!("{kind}_{folded}.db"));
        }
        expected.sort();
        assert_eq!(names(dir), expected, "after step {steps}");
        if ended.success() {
            break;
        }
        kills += 1;
    }
    println!("{kills} kills");
    // Eleven files and locks removed for each of two dead, half as much written: it must be many.
    assert!(kills > 80, "{kills}");
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn readers_beside_folds_see_every_count_once() {
    const WORKERS: u64 = 1500;

    let dir = directory();
    let dir = dir.path();
    let (begun, died) = (AtomicU64::new(0), AtomicU64::new(0));
    let done = AtomicBool::new(false);
    let mut elsewhere = start_child(dir, "never");
    let readings = AtomicU64::new(0);
    thread::scope(|scope| {
        // A panic in a thread is one of the test only when all others have ended.
        let _end = EndOnDrop(&done);
        for _ in 0..2 {
            scope.spawn(|| {
                let _end = EndOnDrop(&done);
                while !done.load(Ordering::SeqCst) {
                    let least = died.load(Ordering::SeqCst);
                    let seen = merged(dir).get("c_total").map_or(0, |total| *total as u64);
                    let most = begun.load(Ordering::SeqCst);
                    assert!(least <= seen && seen <= most, "{seen} is not within {least}..={most}");
                    readings.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                compact(dir).unwrap();
            }
        });
        for worker in 0..WORKERS {
            begun.fetch_add(1, Ordering::SeqCst);
            let total = r#"["c", "c_total", {}, "h"]"#;
            if worker % 8 == 0 {
                // One of Python's, and its number is used again and again.
                let number = (1_999_999_000 + worker % 16).to_string();
                let path = dir.join(FileKind::Counter.file_name(&number));
                if path.exists() || dir.join(format!("{number}.dead")).exists() {
                    begun.fetch_sub(1, Ordering::SeqCst);
                    continue;
                }
                put(dir, FileKind::Counter, &number, &[(total, 1.0, 0.0)]);
                mark_process_dead(dir, &number).unwrap();
            } else {
                let identifier = format!("{worker}-x");
                // A lock that nobody holds comes last: from then on it is a dead one's.
                put(dir, FileKind::Counter, &identifier, &[(total, 1.0, 0.0)]);
                fs::write(lock_path(dir, &identifier), "").unwrap();
            }
            died.fetch_add(1, Ordering::SeqCst);
        }
        while readings.load(Ordering::SeqCst) < 300 && !done.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
    });
    fs::write(dir.join("enough"), "").unwrap();
    assert!(elsewhere.wait().unwrap().success());
    compact(dir).unwrap();
    assert_eq!(merged(dir)["c_total"], died.load(Ordering::SeqCst) as f64);
    assert_eq!(
        names(dir),
        [
            &*format!("counter_{}.db", folded_identifier(Manifest::read(dir).unwrap().generation)),
            "enough",
            "fold.lock",
            "fold.manifest",
        ]
    );
}

#[test]
fn a_worker_is_folded_when_it_was_killed_and_not_before() {
    let dir = directory();
    let dir = dir.path();
    let mut workers: Vec<_> = (0..3).map(|_| start_child(dir, LIVE)).collect();
    let is_ready = |worker: &process::Child| dir.join(format!("ready.{}", worker.id())).exists();
    while !workers.iter().all(is_ready) {
        thread::sleep(Duration::from_millis(1));
    }
    for killed in 0..3 {
        let living = 3.0 - f64::from(killed);
        for _ in 0..2 {
            let seen = merged(dir);
            assert_eq!(seen["c_total"], 3.0);
            assert_eq!(seen["b"], living);
            compact(dir).unwrap();
        }
        let files = names(dir);
        let of_workers = files.iter().filter(|name| name.starts_with("gauge_livesum_")).count();
        assert_eq!(of_workers as f64, living, "{files:?}");
        let mut worker = workers.pop().unwrap();
        worker.kill().unwrap();
        // It has died when somebody has waited for it, and not a moment before.
        worker.wait().unwrap();
    }
    assert_eq!(merged(dir)["c_total"], 3.0);
    assert!(!merged(dir).contains_key("b"));
    assert_eq!(compact(dir).unwrap().processes(), 1);
    assert_eq!(merged(dir)["c_total"], 3.0);
}
