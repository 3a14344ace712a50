//! What each worker says it has counted, written apart from the library.

use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::series::{GAUGE_MAX, SERIES};

/// What is about to be counted, and what was.
const WORDS: usize = 2;
const REGION: usize = SERIES * WORDS * size_of::<u64>();

/// The part of a worker's ledger that one of its threads writes.
#[derive(Debug)]
pub(crate) struct Page {
    file: File,
    start: usize,
    counted: Vec<u64>,
}

impl Page {
    pub(crate) fn open(path: &Path, thread: usize) -> Self {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
        Self { file, start: thread * REGION, counted: vec![0; SERIES] }
    }

    pub(crate) fn counted(&self, series: usize) -> u64 {
        self.counted[series]
    }

    /// Counts by `count` what the numbers of these series are to come to.
    pub(crate) fn around(&mut self, numbers: &[(usize, u64)], count: impl FnOnce()) {
        for &(series, number) in numbers {
            self.write(series, 0, number);
        }
        count();
        for &(series, number) in numbers {
            self.write(series, 1, number);
            self.counted[series] = number;
        }
    }

    /// Removes by `remove` what was counted in these series.
    pub(crate) fn without(
        &mut self,
        series: impl IntoIterator<Item = usize>,
        remove: impl FnOnce(),
    ) {
        let series: Vec<usize> = series.into_iter().collect();
        series.iter().for_each(|&series| self.write(series, 1, 0));
        remove();
        for series in series {
            self.write(series, 0, 0);
            self.counted[series] = 0;
        }
    }

    fn write(&self, series: usize, word: usize, number: u64) {
        let at = self.start + (series * WORDS + word) * size_of::<u64>();
        self.file.write_all_at(&number.to_ne_bytes(), at as u64).unwrap();
    }
}

/// All ledgers: those of workers that are known to be dead are already added up.
#[derive(Debug)]
pub(crate) struct Ledgers {
    dir: PathBuf,
    settled: Mutex<Bounds>,
    in_the_midst: AtomicU64,
}

/// For each series, what it comes to at least and at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) least: Vec<u64>,
    pub(crate) most: Vec<u64>,
}

impl Ledgers {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            settled: Mutex::new(Bounds::nothing()),
            in_the_midst: AtomicU64::new(0),
        }
    }

    pub(crate) fn path(&self, worker: u64) -> PathBuf {
        self.dir.join(worker.to_string())
    }

    /// How many ledgers there are whose name ends so.
    pub(crate) fn ending_in(&self, extension: &str) -> usize {
        let ledgers = fs::read_dir(&self.dir).unwrap().map(|ledger| ledger.unwrap().path());
        ledgers.filter(|path| path.extension().is_some_and(|e| e == extension)).count()
    }

    /// How many of the dead had begun to count something, and did not live to note that it was done.
    pub(crate) fn in_the_midst(&self) -> u64 {
        self.in_the_midst.load(Ordering::Relaxed)
    }

    /// As of now.
    pub(crate) fn bounds(&self) -> Bounds {
        let settled = self.settled.lock().unwrap();
        let mut bounds = settled.clone();
        for ledger in fs::read_dir(&self.dir).unwrap() {
            bounds.add(&Bounds::of(&ledger.unwrap().path()));
        }
        bounds
    }

    /// Adds up the ledger of a worker that is dead.
    pub(crate) fn settle(&self, path: &Path) {
        let mut settled = self.settled.lock().unwrap();
        // It may have died before it began.
        if path.exists() {
            let bounds = Bounds::of(path);
            let in_the_midst = bounds.least != bounds.most;
            self.in_the_midst.fetch_add(in_the_midst.into(), Ordering::Relaxed);
            settled.add(&bounds);
            fs::remove_file(path).unwrap();
        }
    }
}

impl Bounds {
    fn nothing() -> Self {
        Self { least: vec![0; SERIES], most: vec![0; SERIES] }
    }

    pub(crate) fn of(path: &Path) -> Self {
        let mut bounds = Self::nothing();
        // Twice, as nobody promises that a word is read whole while it is written.
        let (first, second) = (fs::read(path).unwrap(), fs::read(path).unwrap());
        let word = |bytes: &[u8], at: usize| {
            let word = bytes.get(at..at + size_of::<u64>());
            word.map_or(0, |word| u64::from_ne_bytes(word.try_into().unwrap()))
        };
        for start in (0..first.len().max(second.len())).step_by(REGION) {
            let mut page = Self::nothing();
            for series in 0..SERIES {
                let at = start + series * WORDS * size_of::<u64>();
                let done = at + size_of::<u64>();
                page.least[series] = word(&first, done).min(word(&second, done));
                page.most[series] = word(&first, at).max(word(&second, at));
            }
            bounds.add(&page);
        }
        bounds
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (have, other) in [(&mut self.least, &other.least), (&mut self.most, &other.most)] {
            for (series, (have, other)) in have.iter_mut().zip(other).enumerate() {
                *have = if series == GAUGE_MAX { (*have).max(*other) } else { *have + other };
            }
        }
    }

    /// By how much they are apart, over all series that are added up.
    pub(crate) fn gap(&self) -> u64 {
        let pairs = self.least.iter().zip(&self.most).take(GAUGE_MAX);
        pairs.map(|(least, most)| most - least).sum()
    }

    /// How many of one series may have been counted, or not.
    pub(crate) fn gap_of(&self, series: usize) -> u64 {
        self.most[series] - self.least[series]
    }

    /// As if these series were of no interest.
    pub(crate) fn ignoring(mut self, series: Range<usize>) -> Self {
        self.least[series.clone()].fill(0);
        self.most[series].fill(u64::MAX);
        self
    }
}
