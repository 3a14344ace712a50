//! Files of dead workers that are cut off and scribbled on, at rest and while others fold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{ops, thread};

use narthex::multiprocess::inspect::inspect_dir;
use narthex::multiprocess::{MultiProcessCollector, compact};
use rustix::process::Signal;

use crate::ledger::{Bounds, Ledgers};
use crate::pool::{end, send};
use crate::process::{Orders, Role};
use crate::random::Random;
use crate::remains::{layout, sound_part};
use crate::series::{
    FIRST_BUCKET, FIRST_GONE, GAUGE_MAX, GAUGE_SUM, Reading, SERIES, WAIT_COUNT, text_of,
};
use crate::settle;
use crate::sweep::shared_dir;

const WORKERS: u64 = 5;
/// Of so many workers, files may be damaged.
const UNLUCKY: usize = 3;

/// Which series stand in files of which kind.
const KINDS: [(&str, ops::Range<usize>); 5] = [
    ("counter", 0..FIRST_BUCKET),
    ("histogram", FIRST_BUCKET..WAIT_COUNT),
    ("summary", WAIT_COUNT..GAUGE_SUM),
    ("gauge_sum", GAUGE_SUM..GAUGE_MAX),
    ("gauge_max", GAUGE_MAX..FIRST_GONE),
];

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Damaged {
    rounds: u64,
    killed: u64,
    damaged: usize,
    /// Of these, those that a fold found damaged.
    kept_aside: usize,
    scrapes: u64,
    folds: u64,
}

/// The workers die, their files are damaged, and nothing else is lost.
pub(crate) fn rounds(seed: u64, until: Instant) -> Damaged {
    let mut random = Random::new(seed);
    let mut all = Damaged::default();
    while all.damaged == 0 || Instant::now() < until {
        let shared = shared_dir(random.next());
        let books = tempfile::tempdir().unwrap();
        let ledgers = Ledgers::new(books.path());
        let dead = live_and_die(shared.path(), &ledgers, &mut random);
        all.killed += dead.len() as u64;
        all.damaged += check(shared.path(), &ledgers, &dead, &mut random);
        all.rounds += 1;
    }
    all
}

/// Damages some files, and looks before and after the fold; says how many.
fn check(
    dir: &Path,
    ledgers: &Ledgers,
    dead: &BTreeMap<u32, PathBuf>,
    random: &mut Random,
) -> usize {
    let bounds = ledgers.bounds();
    let merged = MultiProcessCollector::new(dir).unwrap().folding(false);
    Reading::sound(&merged).assert_within(&bounds.least, &bounds.most);

    // What a damaged file says of removed children is no more than it says of others.
    let mut bounds = bounds.ignoring(FIRST_GONE..SERIES);
    let mut damaged = BTreeSet::new();
    let unlucky: Vec<_> = dead.iter().take(UNLUCKY).collect();
    for path in files_in(dir) {
        let name = name_of(&path);
        let of = unlucky.iter().find(|(pid, _)| owner(name) == Some(**pid));
        let Some((_, ledger)) = of.filter(|_| random.one_in(2)) else { continue };
        if let Some(series) = series_of(name) {
            damage(&path, random).unwrap();
            let (lost, sound) = (Bounds::of(ledger), sound_part(&path));
            for series in series {
                if series == GAUGE_MAX {
                    bounds.least[series] = 0;
                } else {
                    bounds.least[series] -= lost.least[series].saturating_sub(sound[series]);
                }
            }
        } else if name.ends_with(".narthex") {
            cut(&path, random.below(8)).unwrap();
        } else {
            continue;
        }
        damaged.insert(path);
    }

    let before = Reading::with_losses(&text_of(&merged));
    let mut named: BTreeSet<PathBuf> =
        merged.damaged_files().iter().map(|file| file.path().to_owned()).collect();
    let report = inspect_dir(dir).unwrap();
    let mut skipped = 0;
    for file in report.files() {
        skipped += file.skipped().len() as u64;
        if file.damage().is_some() || !file.skipped().is_empty() {
            named.insert(file.path().to_owned());
        }
    }
    assert_eq!(damaged, named);
    // A scrape does not look at the keys of what was removed.
    assert!(merged.skipped_entries() <= skipped && (merged.skipped_entries() > 0) == (skipped > 0));
    before.assert_within(&bounds.least, &bounds.most);

    let done = compact(dir).unwrap();
    assert_eq!(done.damaged_files().len(), damaged.len());
    let after = Reading::sound_with_losses(&merged);
    assert_eq!(after.counts, before.counts);
    damaged.len()
}

/// Files of the dead are damaged while others fold and scrape. What is missing
/// in the end is no more than what the files lost that were kept aside.
pub(crate) fn rounds_under_folds(seed: u64, until: Instant) -> Damaged {
    let mut random = Random::new(seed);
    let mut all = Damaged::default();
    while all.kept_aside == 0 || Instant::now() < until {
        round_under_folds(&mut random, &mut all);
        all.rounds += 1;
    }
    all
}

fn round_under_folds(random: &mut Random, all: &mut Damaged) {
    let shared = shared_dir(random.next());
    let books = tempfile::tempdir().unwrap();
    let dir = shared.path();
    let ledgers = Ledgers::new(books.path());
    let done = AtomicBool::new(false);
    let scrapes = AtomicU64::new(0);
    let mut dead = BTreeMap::new();
    let mut damaged = BTreeSet::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let merged = MultiProcessCollector::new(dir).unwrap();
            while !done.load(Ordering::Relaxed) {
                let seen = Reading::with_losses(&text_of(&merged));
                let most = ledgers.bounds().ignoring(FIRST_GONE..SERIES).most;
                seen.assert_within(&vec![0; SERIES], &most);
                scrapes.fetch_add(1, Ordering::Relaxed);
            }
        });
        let folder = Orders::new(Role::Compactor, dir, Path::new(""), random.next()).start();
        let mut living: Vec<(Child, PathBuf)> = Vec::new();
        for n in 0..16 {
            let ledger = ledgers.path(n);
            let orders = Orders::new(Role::Single, dir, &ledger, random.next());
            living.push((orders.start(), ledger));
            thread::sleep(random.micros_below(20_000));
            if living.len() < 4 {
                continue;
            }
            // Wherever it is in its fold, it goes on when files are damaged already, or not.
            let sleeps = random.one_in(2);
            if sleeps {
                send(&folder, Signal::STOP);
            }
            let (process, ledger) = living.swap_remove(random.below(living.len()));
            let pid = process.id();
            end(process, "a worker");
            all.killed += 1;
            damaged.extend(damage_some(dir, pid, random));
            dead.insert(pid, ledger);
            if sleeps {
                send(&folder, Signal::CONT);
            }
        }
        for (process, ledger) in living {
            dead.insert(process.id(), ledger);
            end(process, "a worker");
            all.killed += 1;
        }
        end(folder, "the compactor");
        done.store(true, Ordering::Relaxed);
    });
    settle(dir, &ledgers);
    all.scrapes += scrapes.into_inner();
    all.folds += compact(dir).unwrap().generation();
    all.damaged += damaged.len();

    let mut bounds = ledgers.bounds().ignoring(FIRST_GONE..SERIES);
    for path in files_in(dir) {
        let Some(name) = name_of(&path).strip_suffix(".damaged") else { continue };
        assert!(damaged.contains(name), "{name} was not damaged");
        all.kept_aside += 1;
        let Some(series) = series_of(name) else { continue };
        let lost = Bounds::of(&dead[&owner(name).unwrap()]);
        let sound = sound_part(&path);
        for series in series {
            if series == GAUGE_MAX {
                bounds.least[series] = 0;
            } else {
                bounds.least[series] -= lost.least[series].saturating_sub(sound[series]);
            }
        }
    }
    let merged = MultiProcessCollector::new(dir).unwrap();
    Reading::sound_with_losses(&merged).assert_within(&bounds.least, &bounds.most);
}

/// Damages files of a dead worker, as far as they are still there; says which.
fn damage_some(dir: &Path, pid: u32, random: &mut Random) -> Vec<String> {
    let mut damaged = Vec::new();
    for path in files_in(dir) {
        let name = name_of(&path);
        if owner(name) == Some(pid) && series_of(name).is_some() && random.one_in(2) {
            match damage(&path, random) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => {
                    done.unwrap();
                    damaged.push(name.to_owned());
                }
            }
        }
    }
    damaged
}

/// Which series stand in a file.
fn series_of(name: &str) -> Option<ops::Range<usize>> {
    let (kind, _) = name.strip_suffix(".db")?.rsplit_once('_')?;
    KINDS.iter().find(|(have, _)| *have == kind).map(|(_, series)| series.clone())
}

/// The number of the process that a file belongs to.
fn owner(name: &str) -> Option<u32> {
    let identifier = name.rsplit_once('_').map_or(name, |(_, identifier)| identifier);
    identifier.split_once('-')?.0.parse().ok()
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Lets workers count until all of them have, and kills them; says whose ledger is where.
fn live_and_die(dir: &Path, ledgers: &Ledgers, random: &mut Random) -> BTreeMap<u32, PathBuf> {
    let start = |worker| {
        let ledger = ledgers.path(worker);
        (Orders::new(Role::Single, dir, &ledger, random.next()).start(), ledger)
    };
    let mut workers: Vec<(Child, PathBuf)> = (0..WORKERS).map(start).collect();
    for (worker, ledger) in &mut workers {
        let has_counted = |ledger: &Path| Bounds::of(ledger).least.iter().sum::<u64>() > 1000;
        while worker.try_wait().unwrap().is_none() && !(ledger.exists() && has_counted(ledger)) {
            thread::sleep(Duration::from_millis(2));
        }
    }
    for (worker, _) in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    workers.into_iter().map(|(worker, ledger)| (worker.id(), ledger)).collect()
}

/// Makes a file of cells such that nobody can take it for sound.
fn damage(path: &Path, random: &mut Random) -> io::Result<()> {
    let (entries, used) = layout(&fs::read(path)?);
    let file = OpenOptions::new().write(true).open(path)?;
    let scribble = |at: usize, with: i32| file.write_all_at(&with.to_ne_bytes(), at as u64);
    // A worker may die before it has made an entry.
    let somewhere = if entries.is_empty() { 0 } else { random.of(&entries) };
    match random.below(8) {
        0 => file.set_len(random.below(used) as u64),
        1 => file.set_len(0),
        2 => scribble(0, random.of(&[-1, 5, i32::MIN])),
        3 => scribble(somewhere, random.of(&[-1, i32::MAX, i32::MIN])),
        4 => scribble(0, i32::MAX),
        // As after a loss of power.
        5 => file.write_all_at(&vec![0; used.min(4096)], 0),
        6 if somewhere > 0 => file.write_all_at(&vec![0; used - somewhere], somewhere as u64),
        _ => file.write_all_at(b"SQLite format 3\0, or anything else", 0),
    }
}

fn cut(path: &Path, len: usize) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.set_len(len as u64)
}
