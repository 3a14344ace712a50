//! The rows that threads have in shared files: how they are removed, and what happens where there is no room.
//!
//! A binary of its own, as a limit of the process keeps files from growing, and as threads have
//! rows of their own only while there are few of them.
#![cfg(all(target_os = "linux", feature = "multiprocess"))]
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Barrier, Mutex, MutexGuard};
use std::{fs, thread};

use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
use narthex::{Counter, CounterVec, Enum, Histogram, Info, Summary, exposition};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Keeps the tests of this file apart, as the limit is one of the process.
struct Alone(#[expect(dead_code)] MutexGuard<'static, ()>);

impl Alone {
    fn begin() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());

        let alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: without this signal, a call that would make a file too long fails.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        Self(alone)
    }

    /// From now on no file grows beyond 64 KiB, which is as long as each begins.
    fn take_room(&self) {
        let limit = Rlimit { current: Some(1 << 16), ..getrlimit(Resource::Fsize) };
        setrlimit(Resource::Fsize, limit).unwrap();
    }

    fn give_room(&self) {
        let limit = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, ..limit }).unwrap();
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.give_room();
    }
}

fn jobs(store: &MultiprocessStore) -> CounterVec<1> {
    Counter::builder("jobs", "h").labels(["id"]).store(store).build().unwrap()
}

/// Adds once in each of some threads, all of which live meanwhile.
fn add_in_threads(threads: usize, add: impl Fn() + Sync) {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                barrier.wait();
                add();
                barrier.wait();
            });
        }
    });
}

/// Says things of ever smaller size, until not the smallest finds room in the side file.
fn fill_side_file(store: &MultiprocessStore) {
    let infos = Info::builder("filled", "h").labels(["n"]).store(store).build().unwrap();
    let states = Enum::builder("state", "h").labels(["n"]).states(["a", "b"]).store(store);
    let states = states.build().unwrap();
    for say in [&|n: String| infos.labels([n]).info([("a", "b")]).unwrap() as _, &|n: String| {
        states.labels([n]).state("b").unwrap()
    }] as [&dyn Fn(String); 2]
    {
        let before = store.unfiled();
        (0..).map(|n: u32| n.to_string()).take_while(|_| store.unfiled() == before).for_each(say);
    }
    // A unit is said in some 40 bytes, and nothing tells whether it was.
    for n in 0..20 {
        Histogram::builder(format!("h{n}"), "h")
            .unit("s")
            .buckets([1.0])
            .store(store)
            .build()
            .unwrap();
    }
}

/// What other processes see.
fn seen(dir: &Path) -> BTreeMap<String, f64> {
    let merged = MultiProcessCollector::new(dir).unwrap().folding(false);
    let text = exposition::text::encode(&merged).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    let is_of_interest = |name: &str| name.starts_with("jobs") || name.starts_with("waits");
    samples.filter(|(name, _): &(String, f64)| is_of_interest(name)).collect()
}

fn expected<const N: usize>(samples: [(&str, f64); N]) -> BTreeMap<String, f64> {
    samples.map(|(id, value)| (format!("jobs_total{{id=\"{id}\"}}"), value)).into()
}

/// The words of the table of counters, which is an entry of the kind 7.
fn table_of_counters(bytes: &[u8]) -> (usize, Vec<u64>) {
    let number = |at: usize, len: usize| {
        let mut word = [0; 8];
        word[..len].copy_from_slice(&bytes[at..at + len]);
        u64::from_le_bytes(word)
    };
    let mut at = 16;
    while (number(at + 4, 2), number(at + 24, 4)) != (7, 0) {
        at += number(at, 4) as usize;
    }
    // The key is the number of the kind, and filled up to eight bytes.
    let words_at = at + 24 + 8;
    let count = number(at + 6, 2) as usize;
    (words_at, (0..count).map(|word| number(words_at + 8 * word, 8)).collect())
}

#[test]
fn one_word_removes_what_all_threads_have_counted() {
    let _alone = Alone::begin();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::builder(dir.path()).identifier("1-a").open().unwrap();
    let jobs = jobs(&store);
    let (gone, kept) = (jobs.handle(["gone"]), jobs.handle(["kept"]));
    for child in [&gone, &kept] {
        child.inc();
        add_in_threads(1, || child.inc_by(2));
    }
    // `["jobs", "jobs_total", {"id": "gone"}, "h"]` has 43 bytes, so a row takes 4 + 43 + 1 + 16.
    let path = dir.path().join("1-a.narthex");
    let (words_at, words) = table_of_counters(&fs::read(&path).unwrap());
    let rows = words.chunks_exact(2).map(|words| (words[1] as u32, (words[1] >> 32) as u32));
    let rows: Vec<_> = rows.filter(|(_, state)| *state != 0).collect();
    assert_eq!(rows, [(8, 1), (72, 1), (136, 8), (200, 72)]);
    let remove = |place: usize| {
        let mut bytes = fs::read(&path).unwrap();
        bytes[words_at + 8 * (2 * place + 1) + 4] = 2;
        fs::write(&path, bytes).unwrap();
    };
    assert_eq!(seen(dir.path()), expected([("gone", 3.0), ("kept", 3.0)]));
    remove(0);
    assert_eq!(seen(dir.path()), expected([("kept", 3.0)]));
}

#[test]
fn what_several_threads_have_counted_is_removed_though_nothing_more_can_be_said() {
    let alone = Alone::begin();
    alone.take_room();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = jobs(&store);
    for id in ["gone", "kept"] {
        let child = jobs.handle([id]);
        child.inc();
        add_in_threads(2, || child.inc_by(2));
    }
    fill_side_file(&store);
    assert_eq!(seen(dir.path()), expected([("gone", 5.0), ("kept", 5.0)]));
    assert!(jobs.remove(["gone"]));
    assert_eq!(seen(dir.path()), expected([("kept", 5.0)]));
    jobs.labels(["gone"]).inc_by(3);
    assert_eq!(seen(dir.path()), expected([("gone", 3.0), ("kept", 5.0)]));
}

#[test]
fn a_removal_that_cannot_be_said_is_told_and_made_up_for() {
    let alone = Alone::begin();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = jobs(&store);
    alone.take_room();
    jobs.labels(["gone"]).inc();
    // A table has 127 rows: so many children of one thread fill it up.
    for n in 1..127 {
        jobs.labels([format!("filler{n}")]).inc();
    }
    fill_side_file(&store);
    let told = store.unfiled();
    let gone = jobs.handle(["gone"]);
    add_in_threads(2, || gone.inc_by(2));
    let of = |id: &str| seen(dir.path()).get(&format!("jobs_total{{id=\"{id}\"}}")).copied();
    assert_eq!((of("gone"), store.unfiled()), (Some(5.0), told));
    // There is no word that says it of the rows of the two threads.
    assert!(jobs.remove(["gone"]));
    assert_eq!((of("gone"), store.unfiled()), (Some(5.0), told + 1));
    jobs.labels(["gone"]).inc_by(3);
    assert_eq!(of("gone"), Some(8.0));
    gone.inc();
    alone.give_room();
    assert_eq!(store.file_waiting(), 0);
    assert_eq!((of("gone"), store.unfiled()), (Some(3.0), told));
    assert!(jobs.remove(["gone"]));
    assert_eq!(of("gone"), None);
}

#[test]
fn what_a_second_thread_adds_to_a_full_file_is_told_and_shared_as_soon_as_it_can_be() {
    let alone = Alone::begin();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = jobs(&store);
    let waits = Summary::builder("waits", "h").store(&store).build().unwrap();
    alone.take_room();
    // Every one of them has a row, and the last one more than there is room for.
    for n in 0.. {
        jobs.labels([format!("{n:0>200}")]).inc();
        if store.unfiled() > 0 {
            break;
        }
    }
    let (first, last) =
        (jobs.handle([format!("{:0>200}", 0)]), jobs.handle([format!("{:0>200}", 1)]));
    let of = |n: u32| seen(dir.path())[&format!("jobs_total{{id=\"{n:0>200}\"}}")];
    waits.observe(0.5);
    assert_eq!(store.unfiled(), 1);
    add_in_threads(1, || {
        first.inc_by(2);
        last.inc_by(4);
        waits.observe(1.5);
    });
    // The file of the summary has room.
    assert_eq!(seen(dir.path())["waits_sum"], 2.0);
    assert_eq!((first.get(), last.get()), (3.0, 5.0));
    assert_eq!((of(0), of(1), store.unfiled()), (1.0, 1.0, 3));
    assert_eq!(store.file_waiting(), 3);
    let merged = MultiProcessCollector::of(&store).folding(false);
    let text = exposition::text::encode(&merged).unwrap();
    assert!(text.contains("\nnarthex_multiprocess_unfiled_series 3.0\n"), "{text}");

    // The first thread lets go of its row when it comes by.
    first.inc();
    assert_eq!((of(0), first.get(), store.unfiled()), (4.0, 4.0, 2));
    add_in_threads(3, || first.inc());
    assert_eq!((of(0), first.get(), store.unfiled()), (7.0, 7.0, 2));
    first.reset();
    add_in_threads(2, || first.inc());
    first.inc();
    assert_eq!((of(0), first.get(), store.unfiled()), (3.0, 3.0, 2));

    alone.give_room();
    assert_eq!(store.file_waiting(), 0);
    assert_eq!((of(1), last.get(), store.unfiled()), (5.0, 5.0, 0));
    add_in_threads(2, || [&first, &last].into_iter().for_each(|child| child.inc()));
    assert_eq!((of(0), of(1)), (5.0, 7.0));
}
