//! One system call after another at which a process is killed, or which fails.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use narthex::multiprocess::{MultiProcessCollector, compact};
use tempfile::TempDir;

use crate::faults::Fault;
use crate::ledger::{Bounds, Ledgers};
use crate::pool::was_killed;
use crate::process::{Orders, REFUSED, Role};
use crate::random::Random;
use crate::series::Reading;
use crate::settle;

/// What was tried.
#[derive(Debug)]
pub(crate) struct Swept {
    what: &'static str,
    seed: u64,
    /// How many system calls there are.
    calls: u64,
    tried: u64,
    killed: u64,
    refused: u64,
}

impl Swept {
    fn new(what: &'static str, seed: u64) -> Self {
        Self { what, seed, calls: 0, tried: 0, killed: 0, refused: 0 }
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, seed, calls, tried, killed, refused } = self;
        write!(f, "{what}, seed {seed}: {tried} runs of {calls} calls, ")?;
        write!(f, "{killed} killed, {refused} told of an error")
    }
}

/// Workers that are killed before one system call each, in a directory that they share.
pub(crate) fn kill_workers(seed: u64, time: Duration) -> Swept {
    let mut swept = Swept::new("workers killed at a system call", seed);
    let mut random = Random::new(seed);
    let until = Instant::now() + time;
    while swept.tried == 0 || Instant::now() < until {
        let (shared, books) = (shared_dir(random.next()), tempfile::tempdir().unwrap());
        let dir = shared.path();
        let ledgers = Ledgers::new(books.path());
        let merged = MultiProcessCollector::new(dir).unwrap();
        let script = Orders::new(Role::Script, dir, Path::new(""), random.next());
        swept.calls = count_apart(&script, |at| Fault::Kill { at });
        for at in order(swept.calls, &mut random) {
            swept.tried += 1;
            let ledger = ledgers.path(swept.tried);
            let mut orders = Orders { ledger, ..script.clone() };
            orders.fault = Some(Fault::Kill { at });
            let ended = orders.start().wait().unwrap();
            assert!(was_killed(ended), "at call {at}: {ended}");
            ledgers.settle(&orders.ledger);
            swept.killed += 1;
            let bounds = ledgers.bounds();
            Reading::sound(&merged).assert_within(&bounds.least, &bounds.most);
            if Instant::now() > until {
                break;
            }
        }
        let bounds = settle(dir, &ledgers);
        Reading::sound(&merged).assert_within(&bounds.least, &bounds.most);
    }
    swept
}

/// Folds that are killed before one system call each, twice in a row.
pub(crate) fn kill_folds(seed: u64, time: Duration) -> Swept {
    let mut swept = Swept::new("folds killed at a system call", seed);
    sweep_folds(
        &mut swept,
        Role::Fold,
        time,
        |at| Fault::Kill { at },
        |swept, orders, random, calls| {
            for at in [swept.1, 1 + random.next() % calls] {
                orders.fault = Some(Fault::Kill { at });
                let ended = orders.start().wait().unwrap();
                assert!(was_killed(ended) || ended.success(), "at call {at}: {ended}");
                swept.0.killed += u64::from(was_killed(ended));
                (swept.2)();
            }
        },
    );
    swept
}

/// Folds, or scrapes, of which one system call fails, or all of its kind.
pub(crate) fn fail(role: Role, seed: u64, time: Duration) -> Swept {
    let what = match role {
        Role::Look => "scrapes of which a system call fails",
        _ => "folds of which a system call fails",
    };
    let mut swept = Swept::new(what, seed);
    let counted = |at| Fault::Once { at, pick: 0 };
    sweep_folds(&mut swept, role, time, counted, |swept, orders, random, _| {
        let fault = failure(swept.1, random);
        orders.fault = Some(fault);
        let ended = orders.start().wait().unwrap();
        assert!(ended.success() || was_refused(ended), "{fault}: {ended}");
        swept.0.refused += u64::from(was_refused(ended));
        (swept.2)();
    });
    swept
}

/// What one run of a fold is told: what to count in, at which call, and how to look afterwards.
type Run<'a> = (&'a mut Swept, u64, &'a dyn Fn());

fn sweep_folds(
    swept: &mut Swept,
    role: Role,
    time: Duration,
    counted: fn(u64) -> Fault,
    mut run: impl FnMut(&mut Run<'_>, &mut Orders, &mut Random, u64),
) {
    let mut random = Random::new(swept.seed);
    let until = Instant::now() + time;
    while swept.tried == 0 || Instant::now() < until {
        let (template, expected) = left_by_the_dead(&mut random);
        let fold = |dir: &Path| Orders::new(role, dir, Path::new(""), 0);
        let copy = copy_of(template.path(), &mut random);
        let calls = fold(copy.path()).count_calls(counted);
        swept.calls = calls;
        for at in order(calls, &mut random) {
            swept.tried += 1;
            let copy = copy_of(template.path(), &mut random);
            let merged = MultiProcessCollector::new(copy.path()).unwrap().folding(false);
            let look = || assert_eq!(Reading::sound(&merged).counts, expected, "at call {at}");
            run(&mut (swept, at, &look), &mut fold(copy.path()), &mut random, calls);
            compact(copy.path()).unwrap();
            look();
            settle(copy.path(), &Ledgers::new(tempfile::tempdir().unwrap().path()));
            look();
            if Instant::now() > until {
                break;
            }
        }
    }
}

/// Workers of whom one system call fails, or all of its kind; alone in their directory.
pub(crate) fn fail_workers(seed: u64, time: Duration) -> Swept {
    let mut swept = Swept::new("workers of which a system call fails", seed);
    let mut random = Random::new(seed);
    let until = Instant::now() + time;
    while swept.tried == 0 || Instant::now() < until {
        let script = Orders::new(Role::Script, Path::new(""), Path::new(""), random.next());
        swept.calls = count_apart(&script, |at| Fault::Once { at, pick: 0 });
        for at in order(swept.calls, &mut random) {
            swept.tried += 1;
            let (shared, books) = (shared_dir(random.next()), tempfile::tempdir().unwrap());
            let ledger = books.path().join("1");
            let mut orders = Orders { dir: shared.path().to_owned(), ledger, ..script.clone() };
            let fault = failure(at, &mut random);
            orders.fault = Some(fault);
            let ended = orders.start().wait().unwrap();
            assert!(ended.success() || was_refused(ended), "{fault}: {ended}");
            swept.refused += u64::from(was_refused(ended));
            let bounds = Bounds::of(&orders.ledger);
            assert_eq!(bounds.least, bounds.most);
            let merged = MultiProcessCollector::new(shared.path()).unwrap();
            for _ in 0..2 {
                assert_eq!(Reading::sound(&merged).counts, bounds.least, "{fault}");
                compact(shared.path()).unwrap();
            }
            if Instant::now() > until {
                break;
            }
        }
    }
    swept
}

fn failure(at: u64, random: &mut Random) -> Fault {
    let pick = random.next() % 60;
    if random.one_in(2) { Fault::Once { at, pick } } else { Fault::Always { at, pick } }
}

fn was_refused(ended: ExitStatus) -> bool {
    ended.code() == Some(REFUSED)
}

/// In a directory of its own.
fn count_apart(orders: &Orders, fault: fn(u64) -> Fault) -> u64 {
    let apart = tempfile::tempdir().unwrap();
    Orders { dir: apart.path().to_owned(), ..orders.clone() }.count_calls(fault)
}

/// All calls once, but far from one to the next, for there may not be time for all.
fn order(calls: u64, random: &mut Random) -> impl Iterator<Item = u64> + use<> {
    let is_coprime = |step: &u64| (2..=*step).all(|by| step % by != 0 || calls % by != 0);
    let step = (calls * 8 / 13 + 1..).find(is_coprime).unwrap_or(1);
    let first = random.next() % calls;
    (0..calls).map(move |n| 1 + (first + n * step) % calls)
}

/// A directory with some dead workers, a generation of folded ones and what
/// the killed left half-done; and what all of them have counted.
fn left_by_the_dead(random: &mut Random) -> (TempDir, Vec<u64>) {
    let shared = shared_dir(random.next());
    let books = tempfile::tempdir().unwrap();
    for worker in 0..4 {
        if worker == 2 {
            compact(shared.path()).unwrap();
        }
        let ledger = books.path().join(worker.to_string());
        let mut orders = Orders::new(Role::Script, shared.path(), &ledger, random.next());
        orders.fault = (worker % 2 == 1).then(|| Fault::Kill { at: 20 + random.next() % 80 });
        orders.start().wait().unwrap();
    }
    let merged = MultiProcessCollector::new(shared.path()).unwrap().folding(false);
    let counts = Reading::sound(&merged).counts;
    let bounds = Ledgers::new(books.path()).bounds();
    Reading::sound(&merged).assert_within(&bounds.least, &bounds.most);
    (shared, counts)
}

fn copy_of(template: &Path, random: &mut Random) -> TempDir {
    let copy = shared_dir(random.next());
    for file in fs::read_dir(template).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// In memory mostly, as shared directories should be, and on a disk now and then.
pub(crate) fn shared_dir(random: u64) -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    if random % 8 > 0 && memory.is_dir() {
        return tempfile::tempdir_in(memory).unwrap();
    }
    tempfile::tempdir().unwrap()
}
