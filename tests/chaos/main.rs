//! Worker processes that are killed, stopped and started at random, beside readers and folds.
//!
//! `NARTHEX_CHAOS_SEED` decides what is done to whom, `NARTHEX_CHAOS_SECONDS`
//! for how long each test goes on; if `NARTHEX_PYTHON` is a Python that has its
//! client, that merges the end, too. What happens within a process is up to the
//! machine. Each test ends with a line that counts what has happened.
#![cfg(all(target_os = "linux", feature = "multiprocess"))]

mod clock;
mod damage;
mod faults;
mod forked;
mod full;
mod ledger;
mod metrics;
mod namespace;
mod pool;
mod process;
mod random;
mod remains;
mod series;
mod strike;
mod sweep;
mod twins;
mod worker;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};
use std::{env, fs, panic, thread};

use narthex::multiprocess::{MultiProcessCollector, compact};

use crate::ledger::{Bounds, Ledgers};
use crate::pool::Pool;
use crate::process::Role;
use crate::series::{ALIVE, Details, FIRST_GONE, Reading, SERIES, WAIT_COUNT, assert_fine, fine};
use crate::worker::{OF_CHILD, OF_FORKED};

const QUIET_EVERY: Duration = Duration::from_millis(500);

/// Not a test by itself: what the tests run in processes of their own.
#[test]
fn child() {
    process::run();
}

#[test]
fn no_count_is_lost_or_doubled_whoever_is_killed() {
    let seed = seed();
    let seconds = seconds(5);
    let shared = tempfile::tempdir().unwrap();
    let books = tempfile::tempdir().unwrap();
    let ledgers = Arc::new(Ledgers::new(books.path()));
    let done = Arc::new(AtomicBool::new(false));
    let scrapes = Arc::new(AtomicU64::new(0));
    let scrapers: Vec<_> = (0..2)
        .map(|_| {
            let (dir, ledgers) = (shared.path().to_owned(), ledgers.clone());
            let (done, scrapes) = (done.clone(), scrapes.clone());
            thread::spawn(move || scrape(&dir, &ledgers, &done, &scrapes))
        })
        .collect();

    let mut pool = Pool::start(shared.path(), ledgers.clone(), seed);
    let begun = Instant::now();
    let mut quiet = QUIET_EVERY;
    while begun.elapsed() < seconds {
        assert!(scrapers.iter().all(|scraper| !scraper.is_finished()), "a scraper has failed");
        pool.act();
        if begun.elapsed() >= quiet {
            pool.check_in_quiet();
            quiet = begun.elapsed() + QUIET_EVERY;
        }
    }
    pool.end();
    done.store(true, Ordering::Relaxed);
    scrapers.into_iter().for_each(|scraper| scraper.join().unwrap());

    let bounds = settle(shared.path(), &ledgers);
    let merged = MultiProcessCollector::new(shared.path()).unwrap();
    let end = Reading::sound(&merged);
    end.assert_within(&bounds.least, &bounds.most);
    end.assert_together(bounds.gap_of(WAIT_COUNT));
    assert_fine(&merged);
    assert_eq!(end.sample(ALIVE), None);
    assert_eq!(end.sample("narthex_multiprocess_live_processes"), Some(0.0));
    assert_eq!(end.sample("narthex_multiprocess_dead_processes"), Some(0.0));
    match merged_by_python(shared.path()) {
        Some(merged) => assert_eq!(merged, told(&end)),
        None => println!("not merged by Python: NARTHEX_PYTHON names none"),
    }
    let (tally, scrapes) = (&pool.tally, scrapes.load(Ordering::Relaxed));
    println!(
        "pool, seed {seed}: {} kills ({} workers by others, {} at a system call, {} by a timer while rows are made, \
         {} folders, {} scrapers), {} dead in the midst of a count; {} workers, {} of their own and {} forked ones, {} with process \
         number 1, {} with another clock, {} stopped and {} by a timer; {scrapes} scrapes, {} folds, {} quiet rounds; \
         {} exemplars; {} counted, {} in doubt",
        tally.kills(),
        tally.killed,
        tally.killed_at_calls,
        tally.killed_by_timers,
        tally.killed_folders,
        tally.killed_scrapers,
        ledgers.in_the_midst(),
        tally.started,
        ledgers.ending_in(OF_CHILD),
        ledgers.ending_in(OF_FORKED),
        tally.first_of_namespace,
        tally.with_other_clocks,
        tally.stopped,
        tally.stopped_by_timers,
        end.sample("narthex_multiprocess_folds").unwrap(),
        tally.rounds,
        Details::of(&merged).exemplars,
        bounds.most.iter().sum::<u64>(),
        bounds.gap(),
    );
    assert!(tally.kills() >= seconds.as_secs() && tally.rounds > 0 && scrapes > 0);
}

#[test]
fn a_worker_may_be_killed_at_any_system_call() {
    if can_watch() {
        println!("{}", sweep::kill_workers(seed(), share_of(seconds(2))));
    }
}

#[test]
fn a_fold_may_be_killed_at_any_system_call() {
    if can_watch() {
        println!("{}", sweep::kill_folds(seed(), share_of(seconds(2))));
    }
}

#[test]
fn a_worker_goes_on_whatever_fails() {
    if can_watch() {
        println!("{}", sweep::fail_workers(seed(), share_of(seconds(2))));
    }
}

#[test]
fn a_fold_that_fails_leaves_everything_as_it_was() {
    if can_watch() {
        println!("{}", sweep::fail(Role::Fold, seed(), share_of(seconds(2))));
    }
}

#[test]
fn a_scrape_that_fails_says_so_and_shows_nothing_that_is_not() {
    if can_watch() {
        println!("{}", sweep::fail(Role::Look, seed(), share_of(seconds(2))));
    }
}

#[test]
fn a_full_disk_costs_no_count() {
    // In a thread of its own, which alone sees the disk.
    let until = Instant::now() + share_of(seconds(1));
    match thread::spawn(move || full::rounds(seed(), until)).join().unwrap() {
        Ok(filled) => println!("full disks, seed {}: {filled:?}", seed()),
        Err(error) => println!("SKIPPED full disks: {error}"),
    }
}

#[test]
fn processes_of_one_number_are_told_apart() {
    match twins::rounds(seed(), Instant::now() + share_of(seconds(1))) {
        Ok(twins) => println!("processes of one number, seed {}: {twins:?}", seed()),
        Err(error) => println!("SKIPPED processes of one number: {error}"),
    }
}

#[test]
fn damage_costs_no_more_than_the_files_that_are_named() {
    let until = Instant::now() + share_of(seconds(2));
    println!("damage at rest, seed {}: {:?}", seed(), damage::rounds(seed(), until));
}

#[test]
fn damage_under_folds_costs_no_more_than_the_files_that_are_kept_aside() {
    let until = Instant::now() + share_of(seconds(2));
    println!(
        "damage under folds, seed {}: {:?}",
        seed(),
        damage::rounds_under_folds(seed(), until)
    );
}

/// What decides, which every failure tells from now on.
fn seed() -> u64 {
    static TOLD: Once = Once::new();

    let seed = number("NARTHEX_CHAOS_SEED").unwrap_or(1);
    TOLD.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |failure| {
            tell(failure);
            eprintln!("this was with NARTHEX_CHAOS_SEED={seed}");
        }));
    });
    seed
}

fn seconds(otherwise: u64) -> Duration {
    Duration::from_secs(number("NARTHEX_CHAOS_SECONDS").unwrap_or(otherwise))
}

/// What is not the pool takes less time.
fn share_of(time: Duration) -> Duration {
    time / 2
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|number| number.parse().unwrap())
}

fn can_watch() -> bool {
    let can = faults::are_possible();
    if !can {
        println!("SKIPPED faults at system calls: the kernel does not let a process watch itself");
    }
    can
}

/// Scrapes and folds until told to stop, and holds what it sees against the ledgers.
fn scrape(dir: &Path, ledgers: &Ledgers, done: &AtomicBool, scrapes: &AtomicU64) {
    let merged = MultiProcessCollector::new(dir).unwrap();
    let mut before: Option<Reading> = None;
    while !done.load(Ordering::Relaxed) {
        let least = ledgers.bounds().ignoring(FIRST_GONE..SERIES).least;
        let now = Reading::sound(&merged);
        now.assert_within(&least, &ledgers.bounds().ignoring(FIRST_GONE..SERIES).most);
        before.iter().for_each(|before| now.assert_not_before(before));
        fine(&merged);
        before = Some(now);
        scrapes.fetch_add(1, Ordering::Relaxed);
        // The others want to live, too.
        thread::sleep(Duration::from_millis(3));
    }
}

/// Folds until nothing of the dead is left, and says what they had counted.
fn settle(dir: &Path, ledgers: &Ledgers) -> Bounds {
    let begun = Instant::now();
    loop {
        let folds = compact(dir).unwrap().generation();
        let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name());
        let mut left: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
        left.retain(|name| {
            let is_folded = name.ends_with(&format!("_0-f{folds}.db"));
            let expected = ["fold.lock", "fold.manifest", &format!("0-f{folds}.narthex")];
            !is_folded && !name.ends_with(".damaged") && !expected.contains(&name.as_str())
        });
        if left.is_empty() {
            return ledgers.bounds();
        }
        // A worker of a worker may live a little longer.
        assert!(begun.elapsed() < Duration::from_secs(20), "these are left: {left:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What every client can say.
fn told(reading: &Reading) -> BTreeMap<String, f64> {
    let own = |name: &str| {
        ["narthex_", "chaos_build_info", "chaos_late{"].iter().any(|own| name.starts_with(own))
    };
    let samples = reading.samples.iter().filter(|(name, _)| !own(name));
    samples.map(|(name, value)| (name.clone(), *value)).collect()
}

fn merged_by_python(dir: &Path) -> Option<BTreeMap<String, f64>> {
    const MERGE: &str = "import sys\n\
        from prometheus_client import CollectorRegistry, generate_latest, multiprocess\n\
        registry = CollectorRegistry()\n\
        multiprocess.MultiProcessCollector(registry, path=sys.argv[1])\n\
        sys.stdout.buffer.write(generate_latest(registry))";

    let python = env::var_os("NARTHEX_PYTHON")?;
    let merged = Command::new(python).args(["-c", MERGE]).arg(dir).output().unwrap();
    let errors = String::from_utf8_lossy(&merged.stderr);
    assert!(merged.status.success(), "{errors}");
    Some(told(&Reading::parse(&String::from_utf8(merged.stdout).unwrap())))
}
