//! Children that are forked and go on counting: into files of their own, from zero.
//!
//! A binary of its own, because its subject is the process. `NARTHEX_FORKS` makes
//! the storm longer than its few hundred children.
#![cfg(all(unix, feature = "multiprocess"))]
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};

use narthex::multiprocess::inspect::inspect_dir;
use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore, compact};
use narthex::{
    CollectorRegistry, Counter, CounterVec, Enum, Gauge, Histogram, Info, Summary, exposition,
    for_each_family,
};

/// Runs `child` in a forked process, which then ends with 0, or 1 if it panics.
fn fork(child: impl FnOnce()) -> Forked {
    // SAFETY: the child runs what it was given, and ends without the parent's destructors.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            // SAFETY: it ends the process.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        pid => Forked(Pid::from_raw(pid).unwrap()),
    }
}

/// A child, killed if it has not ended within a minute.
struct Forked(Pid);

impl Forked {
    fn wait(&self) {
        let status = self.ended();
        assert_eq!(status.exit_status(), Some(0), "the child {:?} failed", self.0);
    }

    fn ended(&self) -> WaitStatus {
        let begun = Instant::now();
        loop {
            if let Some((_, status)) = waitpid(Some(self.0), WaitOptions::NOHANG).unwrap() {
                return status;
            }
            if begun.elapsed() > Duration::from_secs(60) {
                self.kill();
                panic!("the child {:?} hangs", self.0);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn kill(&self) {
        kill_process(self.0, Signal::KILL).unwrap();
    }
}

/// Lets one test run at a time: children of one would have files in the directory of another.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn counter(store: &MultiprocessStore) -> Counter {
    Counter::builder("jobs", "Jobs done.").store(store).build().unwrap()
}

/// The merged samples, as lines.
fn merged(dir: &Path) -> Vec<String> {
    let collector = MultiProcessCollector::new(dir).unwrap().folding(false);
    let text = exposition::text::encode(&collector).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn value(dir: &Path, sample: &str) -> Option<f64> {
    let lines = merged(dir);
    let line = lines.iter().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn a_child_counts_into_files_of_its_own() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = counter(&store);
    jobs.inc_by(5.0);
    let own = store.identifier().to_owned();
    fork(|| {
        jobs.inc();
        assert_eq!(jobs.get(), 1.0);
        assert_ne!(store.identifier(), own);
        assert!(store.identifier().starts_with(&format!("{}-", std::process::id())));
        let grandchild = fork(|| {
            jobs.inc_by(10.0);
            assert_eq!(jobs.get(), 10.0);
            fork(|| jobs.inc_by(100.0)).wait();
        });
        grandchild.wait();
        assert_eq!(jobs.get(), 1.0);
        assert_eq!(value(dir.path(), "jobs_total"), Some(116.0));
    })
    .wait();
    assert_eq!(jobs.get(), 5.0);
    assert_eq!(store.identifier(), own);
    assert_eq!(value(dir.path(), "jobs_total"), Some(116.0));
    let folded = compact(dir.path()).unwrap();
    assert_eq!(folded.processes(), 3);
    assert_eq!(value(dir.path(), "jobs_total"), Some(116.0));
}
