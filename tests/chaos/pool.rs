//! A pool of workers, folders and scrapers to which something happens all the time.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use narthex::multiprocess::MultiProcessCollector;
use rustix::process::{Pid, Signal, kill_process};

use crate::faults::{self, Fault};
use crate::ledger::{Bounds, Ledgers};
use crate::process::{Orders, Role};
use crate::random::Random;
use crate::series::{ALIVE, Reading, WAIT_COUNT};
use crate::strike::Strike;
use crate::worker::{MOST_AT_ONCE, THREADS};

const WORKERS: usize = 8;

struct Worker {
    process: Child,
    ledger: PathBuf,
    ends_by: EndsBy,
    /// It is stopped until then.
    sleeps: Option<Instant>,
}

/// What may end a worker before anybody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndsBy {
    Nothing,
    SystemCall,
    Timer,
}

/// How often something has happened.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) started: u64,
    pub(crate) first_of_namespace: u64,
    pub(crate) killed: u64,
    pub(crate) killed_at_calls: u64,
    pub(crate) killed_by_timers: u64,
    pub(crate) stopped: u64,
    pub(crate) stopped_by_timers: u64,
    pub(crate) with_other_clocks: u64,
    pub(crate) rounds: u64,
    pub(crate) killed_folders: u64,
    pub(crate) killed_scrapers: u64,
}

impl Tally {
    /// All that were killed.
    pub(crate) fn kills(&self) -> u64 {
        self.killed
            + self.killed_at_calls
            + self.killed_by_timers
            + self.killed_folders
            + self.killed_scrapers
    }
}

/// All processes that the test has started, which end with it.
pub(crate) struct Pool {
    dir: PathBuf,
    ledgers: Arc<Ledgers>,
    random: Random,
    workers: Vec<Worker>,
    compactor: Child,
    scraper: Child,
    can_watch: bool,
    can_be_first: bool,
    pub(crate) tally: Tally,
}

impl Pool {
    pub(crate) fn start(dir: &Path, ledgers: Arc<Ledgers>, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut helper = |role| Orders::new(role, dir, Path::new(""), random.next()).start();
        Self {
            dir: dir.to_owned(),
            workers: Vec::new(),
            compactor: helper(Role::Compactor),
            scraper: helper(Role::Scraper),
            ledgers,
            random,
            can_watch: faults::are_possible(),
            can_be_first: true,
            tally: Tally::default(),
        }
    }

    /// Does something to somebody.
    pub(crate) fn act(&mut self) {
        while self.workers.len() < WORKERS {
            let worker = self.recruit();
            self.workers.push(worker);
        }
        thread::sleep(self.random.micros_below(12_000));
        let somebody = self.random.below(self.workers.len());
        match self.random.below(20) {
            0..10 => self.kill(somebody),
            // One that was just born is about to make its files.
            10..13 => self.kill(self.workers.len() - 1),
            13..16 => {
                let worker = &mut self.workers[somebody];
                send(&worker.process, Signal::STOP);
                worker.sleeps = Some(Instant::now() + self.random.micros_below(200_000));
                self.tally.stopped += 1;
            }
            16..19 => {
                let mut next = self.helper(Role::Compactor);
                // Some are killed between two steps of a fold.
                if self.can_watch && self.random.one_in(2) {
                    next.fault = Some(Fault::Kill { at: 1 + self.random.below(400) as u64 });
                }
                end(std::mem::replace(&mut self.compactor, next.start()), "the compactor");
                self.tally.killed_folders += 1;
            }
            _ => {
                let next = self.helper(Role::Scraper);
                end(std::mem::replace(&mut self.scraper, next.start()), "the scraper");
                self.tally.killed_scrapers += 1;
            }
        }
        self.look_after();
    }

    /// A new worker, and what is to happen to it.
    fn recruit(&mut self) -> Worker {
        self.tally.started += 1;
        let ledger = self.ledgers.path(self.tally.started);
        let random = &mut self.random;
        let mut orders = Orders::new(Role::Worker, &self.dir, &ledger, random.next());
        if random.one_in(3) {
            orders.ahead = random.seconds_around();
            self.tally.with_other_clocks += 1;
        }
        let mut ends_by = EndsBy::Nothing;
        match random.below(8) {
            0 | 1 if self.can_watch => {
                orders.fault = Some(Fault::Kill { at: 1 + random.below(160) as u64 });
                ends_by = EndsBy::SystemCall;
            }
            2 | 3 => {
                let strike = Strike {
                    kills: !random.one_in(4),
                    at: random.below(400) as u64,
                    nanos: random.below(3_000_000) as u32,
                };
                orders.strike = Some(strike);
                if strike.kills {
                    ends_by = EndsBy::Timer;
                } else {
                    self.tally.stopped_by_timers += 1;
                }
            }
            // The first of a name space cannot be ended from within.
            4 if self.can_be_first => match orders.start_as_first() {
                Ok(process) => {
                    self.tally.first_of_namespace += 1;
                    return Worker { process, ledger, ends_by, sleeps: None };
                }
                Err(error) => {
                    println!("no name spaces: {error}");
                    self.can_be_first = false;
                }
            },
            _ => {}
        }
        Worker { process: orders.start(), ledger, ends_by, sleeps: None }
    }

    fn helper(&mut self, role: Role) -> Orders {
        Orders::new(role, &self.dir, Path::new(""), self.random.next())
    }

    /// Wakes who has slept enough, and sees who has ended.
    fn look_after(&mut self) {
        let now = Instant::now();
        for worker in &mut self.workers {
            if worker.sleeps.is_some_and(|until| until <= now) {
                worker.sleeps = None;
                send(&worker.process, Signal::CONT);
            }
        }
        let Self { workers, tally, ledgers, .. } = self;
        workers.retain_mut(|worker| {
            let Some(ended) = worker.process.try_wait().unwrap() else { return true };
            match worker.ends_by {
                EndsBy::SystemCall if was_killed(ended) => tally.killed_at_calls += 1,
                EndsBy::Timer if was_killed(ended) => tally.killed_by_timers += 1,
                _ => assert!(ended.success(), "a worker has failed: {ended}"),
            }
            ledgers.settle(&worker.ledger);
            false
        });
        if self.compactor.try_wait().unwrap().is_some_and(was_killed) {
            self.compactor = self.helper(Role::Compactor).start();
            self.tally.killed_folders += 1;
        }
    }

    fn kill(&mut self, place: usize) {
        let worker = self.workers.remove(place);
        end(worker.process, "a worker");
        self.ledgers.settle(&worker.ledger);
        self.tally.killed += 1;
    }

    /// Stops all workers where they are, and looks closely.
    pub(crate) fn check_in_quiet(&mut self) {
        self.workers.iter().for_each(|worker| send(&worker.process, Signal::STOP));
        self.workers.iter().for_each(|worker| wait_until_stopped(&worker.process));
        let bounds = at_rest(&self.ledgers);
        let merged = MultiProcessCollector::new(&self.dir).unwrap().folding(false);
        let now = Reading::sound(&merged);
        let most = self.ledgers.bounds();
        now.assert_within(&bounds.least, &most.most);
        // Each that ever lived, and its children, may have been in the midst of one step.
        let lives = self.tally.started * 4;
        now.assert_together(most.gap_of(WAIT_COUNT) + lives.min(4 * WORKERS as u64));
        let in_doubt = lives * THREADS as u64 * MOST_AT_ONCE;
        assert!(bounds.gap() <= in_doubt, "{} of {in_doubt}", bounds.gap());
        assert!(now.sample(ALIVE).unwrap_or(0.0) <= lives as f64);
        for worker in &mut self.workers {
            worker.sleeps = None;
            send(&worker.process, Signal::CONT);
        }
        self.tally.rounds += 1;
    }

    pub(crate) fn end(&mut self) {
        while !self.workers.is_empty() {
            self.kill(0);
        }
        for process in [&mut self.compactor, &mut self.scraper] {
            let ended = process.try_wait().unwrap();
            assert!(ended.is_none_or(was_killed), "it has failed: {ended:?}");
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

pub(crate) fn was_killed(ended: ExitStatus) -> bool {
    ended.signal() == Some(Signal::KILL.as_raw())
}

/// Stops a process, and waits until all of its threads have.
pub(crate) fn stop(process: &Child) {
    send(process, Signal::STOP);
    wait_until_stopped(process);
}

fn wait_until_stopped(process: &Child) {
    let begun = Instant::now();
    let state = |task: PathBuf| {
        // The name, in parentheses, may hold anything.
        let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    // Those that have ended do not stop.
    let is_at_rest = |task| matches!(state(task), Some('T' | 't' | 'Z' | 'X') | None);
    loop {
        let tasks = fs::read_dir(format!("/proc/{}/task", process.id()));
        let mut tasks = tasks.into_iter().flatten().flatten().map(|task| task.path());
        if tasks.all(is_at_rest) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "a worker does not stop");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn send(process: &Child, signal: Signal) {
    kill_process(Pid::from_raw(process.id() as i32).unwrap(), signal).unwrap();
}

/// Kills a process, which has not ended in any other way than it may.
pub(crate) fn end(mut process: Child, what: &str) {
    process.kill().unwrap();
    let ended = process.wait().unwrap();
    assert!(ended.success() || was_killed(ended), "{what} has failed: {ended}");
}

/// What the ledgers say when nobody seems to write any more.
pub(crate) fn at_rest(ledgers: &Ledgers) -> Bounds {
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
