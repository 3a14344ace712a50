//! Workers that live and die leave nothing that a scrape or a directory grows with.
//!
//! `NARTHEX_WORKERS` says how many, and with `NARTHEX_PYTHON`, an interpreter
//! that has Python's client, the times of its merge are printed, too.
#![cfg(all(unix, feature = "multiprocess"))]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use narthex::exposition;
use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore, compact};
use narthex::{Counter, Gauge, Histogram};

const MERGE: &str = "import sys, time
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry, path=sys.argv[1])
begun = time.perf_counter()
generate_latest(registry)
print(f'{(time.perf_counter() - begun) * 1000:.1f} ms')";

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

/// A worker, which counts 1 in everything and sets its gauges.
fn work(dir: &Path) -> narthex::Result<MultiprocessStore> {
    let store = MultiprocessStore::open(dir)?;
    Counter::builder("lives", "h").store(&store).build()?.inc();
    Histogram::builder("latency", "h").store(&store).build()?.observe(0.3);
    for mode in MODES {
        Gauge::builder(format!("g_{mode}"), "h").mode(mode).store(&store).build()?.set(1);
    }
    Ok(store)
}

/// How many are to live and die.
fn workers() -> Result<usize, std::num::ParseIntError> {
    std::env::var("NARTHEX_WORKERS").map_or(Ok(60), |workers| workers.parse())
}

fn scrape(merged: &MultiProcessCollector) -> narthex::Result<(String, Duration)> {
    let begun = Instant::now();
    let text = exposition::text::encode(merged)?;
    Ok((text, begun.elapsed()))
}

/// How many files there are, and how many bytes they are long.
fn size(dir: &Path) -> (usize, u64) {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    files.fold((0, 0), |(files, bytes), len| (files + 1, bytes + len))
}

fn tell(what: &str, dir: &Path) -> narthex::Result<usize> {
    let merged = MultiProcessCollector::new(dir)?.folding(false);
    let (_, cold) = scrape(&merged)?;
    let (_, warm) = scrape(&merged)?;
    let (files, bytes) = size(dir);
    println!("{what}: {files} files, {bytes} bytes, first scrape {cold:?}, second {warm:?}");
    if let Some(python) = std::env::var_os("NARTHEX_PYTHON") {
        let output = Command::new(python).arg("-c").arg(MERGE).arg(dir).output().unwrap();
        println!("  Python {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(files)
}

#[test]
fn a_fold_leaves_the_cost_of_the_living() -> Result<(), Box<dyn std::error::Error>> {
    let dead = usize::min(workers()?, 500);
    let dir = tempfile::tempdir()?;
    let live = work(dir.path())?;
    for _ in 0..dead {
        drop(work(dir.path())?);
    }
    let before = tell(&format!("{dead} dead, not folded"), dir.path())?;
    // The cells of a worker, its lock and its side file.
    assert_eq!(before, (dead + 1) * (2 + MODES.len() + 2));
    compact(dir.path())?;
    let after = tell(&format!("{dead} dead, folded"), dir.path())?;
    assert!(after <= 2 * 14 + 2, "{after} files");
    drop(live);
    Ok(())
}

#[test]
fn the_dead_cost_nothing() -> Result<(), Box<dyn std::error::Error>> {
    let workers = workers()?;
    let dir = tempfile::tempdir()?;
    let live = work(dir.path())?;
    let files = tell("one worker", dir.path())?;
    let merged = MultiProcessCollector::new(dir.path())?;
    for n in 1..=workers {
        drop(work(dir.path())?);
        if n % 20 == 0 {
            scrape(&merged)?;
        }
    }
    scrape(&merged)?;
    let text = scrape(&merged)?.0;
    assert!(text.contains(&format!("lives_total {}.0\n", workers + 1)), "{text}");
    assert!(text.contains(&format!("latency_count {}.0\n", workers + 1)), "{text}");
    assert!(text.contains(&format!("g_sum {}.0\n", workers + 1)), "{text}");
    assert!(text.contains("g_livesum 1.0\n"), "{text}");
    let after = tell(&format!("after {workers} that died"), dir.path())?;
    // A file of each lasting kind, a side file, the manifest and its lock, and the last few dead.
    assert!(after <= files + 10 + 4 * (files + 1), "{after} files, {files} of one worker");
    drop(live);
    Ok(())
}
