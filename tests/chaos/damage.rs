//! Files of dead workers that are cut off and scribbled on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use std::{ops, thread};

use narthex::multiprocess::{MultiProcessCollector, compact};

use crate::ledger::{Bounds, Ledgers};
use crate::random::Random;
use crate::series::{
    FIRST_BUCKET, GAUGE_MAX, GAUGE_SUM, Reading, SERIES, WAIT_COUNT, parse_text, text_of,
};
use crate::worker::Role;

const ROUNDS: u64 = 4;
const WORKERS: u64 = 5;
/// Of so many workers, files may be damaged.
const UNLUCKY: usize = 3;

/// Which series stand in files of which kind.
const KINDS: [(&str, ops::Range<usize>); 5] = [
    ("counter", 0..FIRST_BUCKET),
    ("histogram", FIRST_BUCKET..WAIT_COUNT),
    ("summary", WAIT_COUNT..GAUGE_SUM),
    ("gauge_sum", GAUGE_SUM..GAUGE_MAX),
    ("gauge_max", GAUGE_MAX..SERIES),
];

/// The workers die, their files are damaged, and nothing else is lost.
pub(crate) fn rounds(seed: u64) -> (usize, usize) {
    let mut random = Random::new(seed);
    let (mut damaged, mut files) = (0, 0);
    for _ in 0..ROUNDS {
        let shared = tempfile::tempdir().unwrap();
        let books = tempfile::tempdir().unwrap();
        let ledgers = Ledgers::new(books.path());
        let dead = live_and_die(shared.path(), &ledgers, &mut random);
        let paths = fs::read_dir(shared.path()).unwrap().map(|file| file.unwrap().path());
        let mut paths: Vec<PathBuf> = paths.collect();
        paths.sort();
        files += paths.len();
        damaged += check(shared.path(), &ledgers, &dead, &paths, &mut random);
    }
    (damaged, files)
}

/// Damages some files, and looks before and after the fold; says how many.
fn check(
    dir: &Path,
    ledgers: &Ledgers,
    dead: &BTreeMap<u32, PathBuf>,
    paths: &[PathBuf],
    random: &mut Random,
) -> usize {
    let mut bounds = ledgers.bounds();
    let merged = MultiProcessCollector::new(dir).unwrap().folding(false);
    Reading::sound(&merged).assert_within(&bounds.least, &bounds.most);

    let mut damaged = BTreeSet::new();
    let unlucky: Vec<_> = dead.iter().take(UNLUCKY).collect();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let of = unlucky.iter().find(|(pid, _)| owner(name) == Some(**pid));
        let Some((_, ledger)) = of.filter(|_| random.one_in(2)) else { continue };
        match name.rsplit_once('.') {
            // What outlives its process, so that it is read at all.
            Some((stem, "db")) => {
                let kind = stem.rsplit_once('_').unwrap().0;
                let Some((_, series)) = KINDS.iter().find(|(have, _)| *have == kind) else {
                    continue;
                };
                damage(path, random);
                let lost = Bounds::of(ledger);
                if kind == "gauge_max" {
                    bounds.least[GAUGE_MAX] = 0;
                } else {
                    for series in series.clone() {
                        bounds.least[series] -= lost.least[series];
                    }
                }
            }
            Some((_, "narthex")) => cut(path, random.below(8)),
            _ => continue,
        }
        damaged.insert(path.clone());
    }

    let before = Reading::parse(&text_of(&merged));
    let named = merged.damaged_files().iter().map(|file| file.path().to_owned()).collect();
    assert_eq!(damaged, named);
    before.assert_within(&bounds.least, &bounds.most);

    let done = compact(dir).unwrap();
    assert_eq!(done.damaged_files().len(), damaged.len());
    let after = Reading::sound(&merged);
    assert_eq!(after.counts, before.counts);
    damaged.len()
}

/// The number of the process that a file belongs to.
fn owner(name: &str) -> Option<u32> {
    let identifier = name.rsplit_once('_').map_or(name, |(_, identifier)| identifier);
    identifier.split_once('-')?.0.parse().ok()
}

/// Lets workers count until all of them have, and kills them; says whose ledger is where.
fn live_and_die(dir: &Path, ledgers: &Ledgers, random: &mut Random) -> BTreeMap<u32, PathBuf> {
    let start = |worker| {
        let ledger = ledgers.path(worker);
        (Role::Worker.start(dir, &ledger, random.next()), ledger)
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
    // Their own workers die by themselves.
    let merged = MultiProcessCollector::new(dir).unwrap().folding(false);
    let living = "narthex_multiprocess_live_processes";
    while parse_text(&text_of(&merged))[living] > 0.0 {
        thread::sleep(Duration::from_millis(20));
    }
    workers.into_iter().map(|(worker, ledger)| (worker.id(), ledger)).collect()
}

/// Makes a file of cells such that nobody can take it for sound.
fn damage(path: &Path, random: &mut Random) {
    let bytes = fs::read(path).unwrap();
    let word = |at: usize| i32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let used = word(0);
    let mut entries = Vec::new();
    let mut at = 8;
    while at < used {
        entries.push(at);
        let head = 4 + word(at);
        at += head + 8 - head % 8 + 16;
    }
    let scribble = |at: usize, with: i32| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&with.to_ne_bytes(), at as u64).unwrap();
    };
    let somewhere = entries[random.below(entries.len())];
    match random.below(4) {
        0 => cut(path, random.below(used)),
        1 => scribble(0, [-1, 5, i32::MIN][random.below(3)]),
        2 => scribble(somewhere, [-1, i32::MAX, i32::MIN][random.below(3)]),
        _ => scribble(0, i32::MAX),
    }
}

fn cut(path: &Path, len: usize) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(len as u64).unwrap();
}
