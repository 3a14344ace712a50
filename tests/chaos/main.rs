//! Worker processes that are killed, stopped and started at random, beside readers and folds.
//!
//! `NARTHEX_CHAOS_SEED` decides what is done to whom, `NARTHEX_CHAOS_SECONDS`
//! for how long; if `NARTHEX_PYTHON` is a Python that has its client, that
//! merges the end, too. What happens within a process is up to the machine.
#![cfg(all(unix, feature = "multiprocess"))]

mod damage;
mod ledger;
mod random;
mod series;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use narthex::multiprocess::{MultiProcessCollector, compact};
use rustix::process::{Pid, Signal, kill_process};

use crate::ledger::{Bounds, Ledgers};
use crate::random::Random;
use crate::series::{ALIVE, Reading};
use crate::worker::{MOST_AT_ONCE, Role, THREADS};

const WORKERS: usize = 8;
const QUIET_EVERY: Duration = Duration::from_millis(500);

/// Not a test by itself: what the test runs in processes of their own.
#[test]
fn child() {
    worker::run();
}

#[test]
fn no_count_is_lost_or_doubled_whoever_is_killed() {
    let seed = number("NARTHEX_CHAOS_SEED", 1);
    let seconds = number("NARTHEX_CHAOS_SECONDS", 8);
    println!("NARTHEX_CHAOS_SEED={seed} NARTHEX_CHAOS_SECONDS={seconds}");
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
    while begun.elapsed() < Duration::from_secs(seconds) {
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
    assert_eq!(end.sample(ALIVE), None);
    assert_eq!(end.sample("narthex_multiprocess_live_processes"), Some(0.0));
    assert_eq!(end.sample("narthex_multiprocess_dead_processes"), Some(0.0));
    match merged_by_python(shared.path()) {
        Some(merged) => assert_eq!(merged, told(&end)),
        None => println!("not merged by Python: NARTHEX_PYTHON names none"),
    }
    println!(
        "{} workers and {} of their own, {} killed, {} stopped, {} rounds, {} killed folders, {} killed scrapers, {} \
         scrapes, {} folds; {} counted, {} in doubt",
        pool.started,
        ledgers.of_children(),
        pool.killed,
        pool.stopped,
        pool.rounds,
        pool.killed_compactors,
        pool.killed_scrapers,
        scrapes.load(Ordering::Relaxed),
        end.sample("narthex_multiprocess_folds").unwrap(),
        bounds.most.iter().sum::<u64>(),
        bounds.gap(),
    );
    assert!(pool.killed >= seconds && pool.rounds > 0 && scrapes.load(Ordering::Relaxed) > 0);
}

#[test]
fn damage_costs_no_more_than_the_files_that_are_named() {
    let seed = number("NARTHEX_CHAOS_SEED", 1);
    println!("NARTHEX_CHAOS_SEED={seed}");
    let (damaged, files) = damage::rounds(seed);
    println!("{damaged} of {files} files of dead workers damaged");
    assert!(damaged > 0);
}

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |number| number.parse().unwrap())
}

/// Scrapes and folds until told to stop, and holds what it sees against the ledgers.
fn scrape(dir: &Path, ledgers: &Ledgers, done: &AtomicBool, scrapes: &AtomicU64) {
    let merged = MultiProcessCollector::new(dir).unwrap();
    let mut before: Option<Reading> = None;
    while !done.load(Ordering::Relaxed) {
        let least = ledgers.bounds().least;
        let now = Reading::sound(&merged);
        now.assert_within(&least, &ledgers.bounds().most);
        before.iter().for_each(|before| now.assert_not_before(before));
        before = Some(now);
        scrapes.fetch_add(1, Ordering::Relaxed);
    }
}

struct Worker {
    process: Child,
    ledger: PathBuf,
    /// It is stopped until then.
    sleeps: Option<Instant>,
}

/// All processes that the test has started, which end with it.
struct Pool {
    dir: PathBuf,
    ledgers: Arc<Ledgers>,
    random: Random,
    workers: Vec<Worker>,
    compactor: Child,
    scraper: Child,
    started: u64,
    killed: u64,
    stopped: u64,
    rounds: u64,
    killed_compactors: u64,
    killed_scrapers: u64,
}

impl Pool {
    fn start(dir: &Path, ledgers: Arc<Ledgers>, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            dir: dir.to_owned(),
            workers: Vec::new(),
            compactor: Role::Compactor.start(dir, Path::new(""), random.next()),
            scraper: Role::Scraper.start(dir, Path::new(""), random.next()),
            ledgers,
            random,
            started: 0,
            killed: 0,
            stopped: 0,
            rounds: 0,
            killed_compactors: 0,
            killed_scrapers: 0,
        }
    }

    /// Does something to somebody.
    fn act(&mut self) {
        while self.workers.len() < WORKERS {
            self.started += 1;
            let ledger = self.ledgers.path(self.started);
            let process = Role::Worker.start(&self.dir, &ledger, self.random.next());
            self.workers.push(Worker { process, ledger, sleeps: None });
        }
        thread::sleep(self.random.micros_below(12_000));
        let somebody = self.random.below(self.workers.len());
        match self.random.below(20) {
            0..12 => self.kill(somebody),
            // One that was just born is about to make its files.
            12..15 => self.kill(self.workers.len() - 1),
            15..17 => {
                let worker = &mut self.workers[somebody];
                send(&worker.process, Signal::STOP);
                worker.sleeps = Some(Instant::now() + self.random.micros_below(200_000));
                self.stopped += 1;
            }
            17..19 => {
                let next = Role::Compactor.start(&self.dir, Path::new(""), self.random.next());
                end(std::mem::replace(&mut self.compactor, next), "the compactor");
                self.killed_compactors += 1;
            }
            _ => {
                let next = Role::Scraper.start(&self.dir, Path::new(""), self.random.next());
                end(std::mem::replace(&mut self.scraper, next), "the scraper");
                self.killed_scrapers += 1;
            }
        }
        let now = Instant::now();
        for worker in &mut self.workers {
            if worker.sleeps.is_some_and(|until| until <= now) {
                worker.sleeps = None;
                send(&worker.process, Signal::CONT);
            }
        }
        self.workers.retain_mut(|worker| {
            let Some(ended) = worker.process.try_wait().unwrap() else { return true };
            assert!(ended.success(), "a worker has failed: {ended}");
            self.ledgers.settle(&worker.ledger);
            false
        });
    }

    fn kill(&mut self, place: usize) {
        let worker = self.workers.remove(place);
        end(worker.process, "a worker");
        self.ledgers.settle(&worker.ledger);
        self.killed += 1;
    }

    /// Stops all workers where they are, and looks closely.
    fn check_in_quiet(&mut self) {
        self.workers.iter().for_each(|worker| send(&worker.process, Signal::STOP));
        let bounds = at_rest(&self.ledgers);
        let merged = MultiProcessCollector::new(&self.dir).unwrap().folding(false);
        let now = Reading::sound(&merged);
        now.assert_within(&bounds.least, &self.ledgers.bounds().most);
        // Each that ever lived, and its child, may have been in the midst of one step.
        let in_doubt = self.started * 2 * THREADS as u64 * MOST_AT_ONCE;
        assert!(bounds.gap() <= in_doubt, "{} of {in_doubt}", bounds.gap());
        assert!(now.sample(ALIVE).unwrap_or(0.0) <= (self.started * 2) as f64);
        for worker in &mut self.workers {
            worker.sleeps = None;
            send(&worker.process, Signal::CONT);
        }
        self.rounds += 1;
    }

    fn end(&mut self) {
        while !self.workers.is_empty() {
            self.kill(0);
        }
        for process in [&mut self.compactor, &mut self.scraper] {
            assert_eq!(process.try_wait().unwrap(), None, "it has failed");
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let workers = self.workers.iter_mut().map(|worker| &mut worker.process);
        for process in workers.chain([&mut self.compactor, &mut self.scraper]) {
            // Whoever has ended already needs no end.
            let _ = process.kill().and_then(|()| process.wait().map(drop));
        }
    }
}

fn send(process: &Child, signal: Signal) {
    kill_process(Pid::from_raw(process.id() as i32).unwrap(), signal).unwrap();
}

/// Kills a process, which has not ended in any other way than it may.
fn end(mut process: Child, what: &str) {
    process.kill().unwrap();
    let ended = process.wait().unwrap();
    assert!(ended.success() || ended.code().is_none(), "{what} has failed: {ended}");
}

/// What the ledgers say when nobody seems to write any more.
fn at_rest(ledgers: &Ledgers) -> Bounds {
    let begun = Instant::now();
    let mut bounds = ledgers.bounds();
    loop {
        thread::sleep(Duration::from_millis(10));
        let now = ledgers.bounds();
        if now == bounds || begun.elapsed() > Duration::from_millis(500) {
            return now;
        }
        bounds = now;
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
            !is_folded && !expected.contains(&name.as_str())
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
    let own = |name: &str| name.starts_with("narthex_") || name.starts_with("chaos_build_info");
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
