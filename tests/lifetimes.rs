//! Workers that live and die leave nothing that a scrape or a directory grows with.
//!
//! `NARTHEX_WORKERS` says how many processes there are to be; whoever names it
//! has the times printed with caches cold, too, where that can be had, and with
//! `NARTHEX_PYTHON`, an interpreter that has Python's client, those of its merge.
#![cfg(all(unix, feature = "multiprocess"))]

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use narthex::exposition;
use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore, compact};
use narthex::{Counter, Gauge, Histogram, Summary};
use rustix::process::{Pid, Signal, kill_process};

const ROLE: &str = "NARTHEX_LIFETIME";
const DIR: &str = "NARTHEX_LIFETIME_DIR";

/// How many live on, whatever becomes of the others.
const LIVING: usize = 4;
/// What one process writes: cells, its lock and its side file.
const FILES: usize = 3 + MODES.len() + 2;
/// What a fold leaves of the dead: lasting cells, their side file, the manifest and its lock.
const FOLDED_FILES: usize = 3 + 4 + 1 + 2;

const MERGE: &str = "import sys, time
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry, path=sys.argv[1])
begun = time.perf_counter()
generate_latest(registry)
print(f'{(time.perf_counter() - begun) * 1000:.1f}')";

const MODES: [GaugeMode; 10] = [
    GaugeMode::All,
    GaugeMode::LiveAll,
    GaugeMode::Min,
    GaugeMode::LiveMin,
    GaugeMode::Max,
    GaugeMode::LiveMax,
    GaugeMode::Sum,
    GaugeMode::LiveSum,
    GaugeMode::MostRecent,
    GaugeMode::LiveMostRecent,
];

/// Not a test by itself: a process that counts 1 in everything, sets its
/// gauges, and lives on, ends, or is killed.
#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    let store = MultiprocessStore::open(env::var_os(DIR).unwrap()).unwrap();
    Counter::builder("lives", "h").store(&store).build().unwrap().inc();
    Histogram::builder("latency", "h").store(&store).build().unwrap().observe(0.3);
    Summary::builder("size", "h").store(&store).build().unwrap().observe(3);
    for mode in MODES {
        Gauge::builder(format!("g_{mode}"), "h").mode(mode).store(&store).build().unwrap().set(1);
    }
    match role.as_str() {
        "lives" => {
            fs::write(env::var_os(DIR).unwrap().into_string().unwrap() + ".born", "").unwrap();
            let _ = io::stdin().read(&mut [0]);
        }
        "is killed" => {
            kill_process(Pid::from_raw(process::id() as i32).unwrap(), Signal::KILL).unwrap();
        }
        _ => {}
    }
}

/// Starts a process that ends when it is dropped, or by itself.
fn start(dir: &Path, role: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--quiet", "--nocapture"])
        .env(ROLE, role)
        .env(DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Processes that live until this is dropped.
struct Living(Vec<Child>);

impl Living {
    fn start(dir: &Path) -> Self {
        let born = dir.with_extension("born");
        let living = (0..LIVING).map(|_| {
            let child = start(dir, "lives");
            let begun = Instant::now();
            while fs::remove_file(&born).is_err() {
                assert!(begun.elapsed() < Duration::from_secs(20), "a worker does not start");
                thread::sleep(Duration::from_millis(1));
            }
            child
        });
        Self(living.collect())
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It reads the end of its input.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Lets so many processes live and die, every second of them by a kill.
fn live_and_die(dir: &Path, many: usize) {
    let mut at_once = Vec::new();
    for n in 0..many {
        at_once.push(start(dir, ["ends", "is killed"][n % 2]));
        if at_once.len() == 4 || n + 1 == many {
            for mut child in at_once.drain(..) {
                child.wait().unwrap();
            }
        }
    }
}

/// How many processes are to live and die.
fn workers() -> usize {
    env::var("NARTHEX_WORKERS").map_or(60, |workers| workers.parse().unwrap())
}

fn scrape(merged: &MultiProcessCollector) -> (String, Duration) {
    let begun = Instant::now();
    let text = exposition::text::encode(merged).unwrap();
    (text, begun.elapsed())
}

/// How many files there are, how many bytes long, and how many they take.
fn size(dir: &Path) -> (usize, u64, u64) {
    use std::os::unix::fs::MetadataExt;

    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap());
    files.fold((0, 0, 0), |(files, bytes, taken), file| {
        (files + 1, bytes + file.len(), taken + file.blocks() * 512)
    })
}

/// Prints what a directory costs, and says how many files it has.
fn tell(what: &str, dir: &Path) -> usize {
    let (files, bytes, taken) = size(dir);
    let mut line = format!("{what}: {files} files, {bytes} bytes long, {taken} on the disk");
    let python = env::var_os("NARTHEX_PYTHON");
    let by_python = || {
        let merge = Command::new(python.as_ref()?).args(["-c", MERGE]).arg(dir).output().unwrap();
        Some(format!("{} ms", String::from_utf8_lossy(&merge.stdout).trim()))
    };
    let merged = || MultiProcessCollector::new(dir).unwrap().folding(false);
    if env::var_os("NARTHEX_WORKERS").is_some() && drop_caches() {
        line += &format!("; caches cold: {:.1?}", scrape(&merged()).1);
        if drop_caches() {
            line += &format!(", Python {}", by_python().unwrap_or_default());
        }
    }
    let merged = merged();
    let (first, second) = (scrape(&merged).1, scrape(&merged).1);
    line += &format!("; warm: {first:.1?}, again {second:.1?}");
    line += &format!(", Python {}", by_python().unwrap_or_default());
    println!("{line}");
    files
}

/// Makes the kernel forget what files hold; false where it does not let us.
fn drop_caches() -> bool {
    let synced = Command::new("sync").status().is_ok_and(|status| status.success());
    synced && fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

/// Everything counts once, and gauges as their mode has it.
fn assert_counted(text: &str, dead: usize) {
    let all = dead + LIVING;
    for line in [
        format!("lives_total {all}.0\n"),
        format!("latency_count {all}.0\n"),
        format!("size_sum {}.0\n", 3 * all),
        format!("g_sum {all}.0\n"),
        format!("g_livesum {LIVING}.0\n"),
        "g_min 1.0\n".to_owned(),
        "g_livemax 1.0\n".to_owned(),
        "g_mostrecent 1.0\n".to_owned(),
    ] {
        assert!(text.contains(&line), "no {line} in {text}");
    }
    for name in ["g_all{pid=", "g_liveall{pid="] {
        assert_eq!(text.matches(name).count(), LIVING);
    }
}

#[test]
fn a_fold_leaves_the_cost_of_the_living() {
    let dead = workers();
    let shared = tempfile::tempdir().unwrap();
    let dir = &shared.path().join("shared");
    fs::create_dir(dir).unwrap();
    let living = Living::start(dir);
    let of_the_living = tell("only those who live", dir);
    assert_eq!(of_the_living, LIVING * FILES);
    let begun = Instant::now();
    live_and_die(dir, dead);
    println!("{dead} processes in {:.1?}", begun.elapsed());
    let before = tell(&format!("{dead} more that died, not folded"), dir);
    assert_eq!(before, (LIVING + dead) * FILES);
    let merged = MultiProcessCollector::new(dir).unwrap().folding(false);
    assert_counted(&scrape(&merged).0, dead);

    let begun = Instant::now();
    assert_eq!(compact(dir).unwrap().processes(), dead);
    println!("folded in {:.1?}", begun.elapsed());
    let after = tell(&format!("{dead} more that died, folded"), dir);
    assert_eq!(after, of_the_living + FOLDED_FILES);
    assert_counted(&scrape(&merged).0, dead);
    drop(living);
}

#[test]
fn scrapes_fold_as_fast_as_workers_die() {
    let dead = workers();
    let shared = tempfile::tempdir().unwrap();
    let dir = &shared.path().join("shared");
    fs::create_dir(dir).unwrap();
    let living = Living::start(dir);
    let merged = MultiProcessCollector::new(dir).unwrap();
    let mut most = 0;
    for batch in 0..dead.div_ceil(20) {
        live_and_die(dir, usize::min(20, dead - batch * 20));
        scrape(&merged);
        most = most.max(size(dir).0);
    }
    assert_counted(&scrape(&merged).0, dead);
    println!("at most {most} files");
    tell(&format!("after {dead} that died between scrapes"), dir);
    // Those of the last few that died wait for the next scrape.
    assert!(most <= (LIVING + 4) * FILES + FOLDED_FILES, "{most} files");
    drop(living);
}
