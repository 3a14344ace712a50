//! Disks that are filled to the last byte, or to the last file, under workers that go on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore, compact};

use crate::ledger::{Bounds, Ledgers, Page};
use crate::metrics::Metrics;
use crate::namespace::SmallDisk;
use crate::pool::{at_rest, end, stop};
use crate::process::{Orders, Role};
use crate::random::Random;
use crate::series::{FIRST_GONE, Reading, WIDE};

const UNFILED: &str = "narthex_multiprocess_unfiled_series";

/// How small the disks are, in the words of tmpfs.
const DISKS: [&str; 6] =
    ["size=256k", "size=512k", "size=1m", "size=3m", "size=3m,nr_inodes=6", "size=3m,nr_inodes=12"];
const LARGE: &str = "size=64m,nr_inodes=4096";

/// What a worker is told by files beside the ledgers.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The disk is full.
    Full,
    /// There is room again.
    Room,
}

impl Stage {
    fn path(self, ledger: &Path) -> PathBuf {
        ledger.parent().unwrap().with_extension(format!("{self:?}"))
    }

    /// What one worker answers when it has counted at this stage.
    fn answer(self, ledger: &Path) -> PathBuf {
        let mut path = self.path(ledger).into_os_string();
        path.push(ledger.file_name().unwrap());
        path.into()
    }
}

/// A worker, which counts in all that it has, whether others can see it or not.
pub(crate) fn work(orders: &Orders, random: &mut Random, is_wanted: &dyn Fn() -> bool) {
    let ledger = orders.ledger.as_path();
    let mut page = Page::open(ledger, 0);
    let store = MultiprocessStore::open(&orders.dir).unwrap();
    let metrics = Metrics::new(&store).unwrap();
    let merged = MultiProcessCollector::of(&store).folding(false);
    while is_wanted() {
        (0..40).for_each(|_| metrics.count(&mut page, random, 4));
        metrics.count_most(&mut page);
        (0..10).for_each(|_| metrics.come_and_go(&mut page, random));
        metrics.assert_counted(&page);
        if Stage::Full.path(ledger).exists() && !Stage::Full.answer(ledger).exists() {
            (0..WIDE).for_each(|key| metrics.count_wide(&mut page, key, 1));
            if !Stage::Room.path(ledger).exists() {
                let waiting = store.file_waiting();
                let told = Reading::sound(&merged).sample(UNFILED);
                assert!(waiting > 0 && store.unfiled() >= waiting as u64);
                assert_eq!(told, Some(waiting as f64));
            }
            fs::write(Stage::Full.answer(ledger), "").unwrap();
        }
        if Stage::Room.path(ledger).exists() && !Stage::Room.answer(ledger).exists() {
            assert_eq!(store.file_waiting(), 0);
            assert_eq!(Reading::sound(&merged).sample(UNFILED), None);
            fs::write(Stage::Room.answer(ledger), "").unwrap();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) disks: u64,
    pub(crate) refused_folds: u64,
    pub(crate) killed: u64,
}

/// Fills disks, as many as there is time for, but one at least; fails if it may not mount any.
pub(crate) fn rounds(seed: u64, until: Instant) -> io::Result<Filled> {
    let mut random = Random::new(seed);
    let mut filled = Filled::default();
    while filled.disks == 0 || Instant::now() < until {
        round(&mut random, &mut filled)?;
    }
    Ok(filled)
}

fn round(random: &mut Random, filled: &mut Filled) -> io::Result<()> {
    let (shared, books) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (dir, ledgers_dir) = (shared.path(), books.path().join("ledgers"));
    fs::create_dir(&ledgers_dir)?;
    let ledgers = Ledgers::new(&ledgers_dir);
    let options = random.of(&DISKS);
    let disk = SmallDisk::mount(dir, options)?;
    let merged = MultiProcessCollector::new(dir).unwrap().folding(false);
    let counts = || Reading::sound(&merged).counts;

    let first = ledgers.path(1);
    let mut worker = Orders::new(Role::Single, dir, &first, random.next()).start();
    thread::sleep(random.micros_below(60_000));
    let mut ballast = fill(dir, options, 0).unwrap();
    fs::write(Stage::Full.path(&first), "").unwrap();
    wait_for(&Stage::Full.answer(&first), &mut worker);
    thread::sleep(random.micros_below(10_000));

    // What is in the files counts on, and nothing else is seen.
    stop(&worker);
    let bounds = at_rest(&ledgers);
    let alone = counts();
    for (series, seen) in alone.iter().enumerate().take(FIRST_GONE) {
        let (least, most) = (bounds.least[series], bounds.most[series]);
        assert!(*seen == 0 || (least..=most).contains(seen), "{options}: {series} is {seen}");
    }
    end(worker, "a worker on a full disk");
    filled.killed += 1;
    assert_eq!(counts(), alone, "{options}: a death");
    if let Err(error) = compact(dir) {
        assert!(error.is_io() && error.to_string().contains("cannot be folded"), "{error}");
        filled.refused_folds += 1;
    }
    assert_eq!(counts(), alone, "{options}: a fold");

    // Those that are born on a full disk wait until there is room.
    let mut young: Vec<(Child, PathBuf)> = [2, 3]
        .map(|n| ledgers.path(n))
        .map(|path| (Orders::new(Role::Single, dir, &path, random.next()).start(), path))
        .into();
    ballast.extend(fill(dir, options, 1).unwrap());
    for (worker, ledger) in &mut young {
        wait_for(&Stage::Full.answer(ledger), worker);
    }
    ballast.iter().for_each(|file| fs::remove_file(file).unwrap());
    disk.resize(LARGE).unwrap();
    fs::write(Stage::Room.path(&first), "").unwrap();
    for (worker, ledger) in &mut young {
        wait_for(&Stage::Room.answer(ledger), worker);
        stop(worker);
    }
    at_rest(&ledgers);
    let mut expected = Bounds { least: alone.clone(), most: alone };
    young.iter().for_each(|(_, ledger)| expected.add(&Bounds::of(ledger)));
    let seen = Reading::sound(&merged);
    seen.assert_within(&expected.least, &expected.most);
    for (worker, _) in young {
        end(worker, "a worker that had room again");
        filled.killed += 1;
    }
    assert_eq!(counts(), seen.counts);
    compact(dir).unwrap();
    assert_eq!(counts(), seen.counts);
    filled.disks += 1;
    drop(disk);
    Ok(())
}

/// Fills a disk until it takes no byte, and no file if there can be but few;
/// says with which files, whose names tell how often that was done before.
fn fill(dir: &Path, options: &str, first: usize) -> io::Result<Vec<PathBuf>> {
    let most = if options.contains("nr_inodes") { usize::MAX } else { 1 };
    let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
    let mut files = Vec::new();
    while files.len() < most {
        let path = dir.join(format!("ballast-{first}-{}", files.len()));
        let filled = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| fill_file(&mut file));
        match filled {
            Err(error) if is_full(&error) && path.exists() => files.push(path),
            Err(error) if is_full(&error) => break,
            other => other?,
        }
    }
    Ok(files)
}

fn fill_file(file: &mut File) -> io::Result<()> {
    // Blocks first, and bytes at the end.
    for len in [4096, 1] {
        let block = vec![0xff; len];
        loop {
            match file.write_all(&block) {
                Err(error) if len == 1 => return Err(error),
                Err(_) => break,
                Ok(()) => {}
            }
        }
    }
    Ok(())
}

fn wait_for(path: &Path, worker: &mut Child) {
    let begun = Instant::now();
    while !path.exists() {
        let ended = worker.try_wait().unwrap();
        assert!(ended.is_none(), "a worker on a full disk has ended: {ended:?}");
        assert!(begun.elapsed() < Duration::from_secs(30), "no {}", path.display());
        thread::sleep(Duration::from_millis(1));
    }
}
