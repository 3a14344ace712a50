//! Children that are forked and go on counting: into files of their own, from zero.
//!
//! A binary of its own, because its subject is the process. `NARTHEX_FORKS` makes
//! the storm longer than its few hundred children.
#![cfg(all(unix, feature = "multiprocess"))]
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};

use narthex::multiprocess::inspect::inspect_dir;
use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore, compact};
use narthex::{
    Counter, Enum, Gauge, Histogram, Info, NativeOptions, Summary, exposition, for_each_family,
};

/// Runs `child` in a forked process, which then ends with 0, or 1 if it panics.
fn fork(child: impl FnOnce()) -> Forked {
    // SAFETY: the child runs what it was given, and ends without the parent's destructors.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            IS_HANDLING.store(false, Ordering::Relaxed);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                assert_eq!(ALLOCATED.load(Ordering::Relaxed), 0);
                child();
            }));
            // SAFETY: it ends the process.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        pid => Forked(Pid::from_raw(pid).unwrap()),
    }
}

/// Whether the handlers run that a child has from the library.
static IS_HANDLING: AtomicBool = AtomicBool::new(false);

/// How often memory was allocated or freed meanwhile, which not every allocator
/// allows in a child.
static ALLOCATED: AtomicU64 = AtomicU64::new(0);

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

// SAFETY: the system's allocator does everything.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(IS_HANDLING.load(Ordering::Relaxed).into(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that it asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATED.fetch_add(IS_HANDLING.load(Ordering::Relaxed).into(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) };
    }
}

extern "C" fn note_handling() {
    IS_HANDLING.store(true, Ordering::Relaxed);
}

/// A child, killed if it has not ended within a minute.
struct Forked(Pid);

impl Forked {
    fn wait(&self) {
        let status = self.ended();
        assert_eq!(status.exit_status(), Some(0), "the child {:?} failed", self.0);
    }

    fn ended(&self) -> WaitStatus {
        let begun = Instant::now();
        loop {
            if let Some((_, status)) = waitpid(Some(self.0), WaitOptions::NOHANG).unwrap() {
                return status;
            }
            if begun.elapsed() > Duration::from_secs(60) {
                self.kill();
                panic!("the child {:?} hangs", self.0);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn kill(&self) {
        kill_process(self.0, Signal::KILL).unwrap();
    }
}

/// Lets one test run at a time: children of one would have files in the directory of another.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    static WATCH: Once = Once::new();

    // Before the first store registers its own: a child calls them in the order of registration.
    WATCH.call_once(|| {
        // SAFETY: it is a function that does nothing but to set a flag.
        assert_eq!(unsafe { libc::pthread_atfork(None, None, Some(note_handling)) }, 0);
    });
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn counter(store: &MultiprocessStore) -> Counter {
    Counter::builder("jobs", "Jobs done.").store(store).build().unwrap()
}

/// The merged samples, as lines.
fn merged(dir: &Path) -> Vec<String> {
    let collector = MultiProcessCollector::new(dir).unwrap().folding(false);
    let text = exposition::text::encode(&collector).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn value(dir: &Path, sample: &str) -> Option<f64> {
    let lines = merged(dir);
    let line = lines.iter().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn a_child_counts_into_files_of_its_own() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = counter(&store);
    jobs.inc_by(5.0);
    let own = store.identifier().to_owned();
    fork(|| {
        jobs.inc();
        assert_eq!(jobs.get(), 1.0);
        assert_ne!(store.identifier(), own);
        assert!(store.identifier().starts_with(&format!("{}-", std::process::id())));
        let grandchild = fork(|| {
            jobs.inc_by(10.0);
            assert_eq!(jobs.get(), 10.0);
            fork(|| jobs.inc_by(100.0)).wait();
        });
        grandchild.wait();
        assert_eq!(jobs.get(), 1.0);
        assert_eq!(value(dir.path(), "jobs_total"), Some(116.0));
    })
    .wait();
    assert_eq!(jobs.get(), 5.0);
    assert_eq!(store.identifier(), own);
    assert_eq!(value(dir.path(), "jobs_total"), Some(116.0));
    let folded = compact(dir.path()).unwrap();
    assert_eq!(folded.processes(), 3);
    assert_eq!(value(dir.path(), "jobs_total"), Some(116.0));
}

#[test]
fn a_child_that_touches_nothing_shows_nothing() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let gauge = |name: &str, mode| Gauge::builder(name, "h").mode(mode).store(&store);
    let low = gauge("low", GaugeMode::Min).build().unwrap();
    let high = gauge("high", GaugeMode::Max).build().unwrap();
    let each = gauge("each", GaugeMode::All).build().unwrap();
    let recent = gauge("recent", GaugeMode::MostRecent).build().unwrap();
    let jobs =
        Counter::builder("jobs", "Jobs done.").labels(["kind"]).store(&store).build().unwrap();
    low.set(7.0);
    high.set(-7.0);
    each.set(3.0);
    recent.set(4.0);
    (0..1000).for_each(|kind| jobs.labels([kind.to_string()]).inc());
    let before = merged(dir.path());
    let health =
        Enum::builder("health", "h").states(["good", "poor"]).mode(GaugeMode::Max).store(&store);
    let health = health.build().unwrap();
    health.state("poor").unwrap();
    fork(|| {
        assert_eq!((low.get(), high.get(), each.get()), (0.0, 0.0, 0.0));
        assert!(low.get().is_sign_positive());
        let now = merged(dir.path());
        let alive = "narthex_multiprocess_live_processes 2.0";
        assert!(now.iter().any(|line| line == alive), "{now:?}");
        let same = |lines: &[String]| -> Vec<String> {
            let ours =
                |line: &&String| !line.starts_with("narthex_") && !line.starts_with("health");
            lines.iter().filter(ours).cloned().collect()
        };
        assert_eq!(same(&now), same(&before));
    })
    .wait();
    // The state that the child has inherited ends with it.
    health.state("good").unwrap();
    assert_eq!(value(dir.path(), "health{health=\"good\"}"), Some(1.0));
    // Nothing of it outlives the child in a fold either.
    compact(dir.path()).unwrap();
    assert_eq!(value(dir.path(), "low"), Some(7.0));
    assert_eq!(value(dir.path(), "high"), Some(-7.0));
    assert_eq!(value(dir.path(), "health{health=\"good\"}"), Some(1.0));
}

#[test]
fn every_gauge_mode_counts_the_child_apart() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let modes = [
        (GaugeMode::All, 2.0, None),
        (GaugeMode::LiveAll, 2.0, None),
        (GaugeMode::Min, 2.0, Some(2.0)),
        (GaugeMode::LiveMin, 2.0, Some(5.0)),
        (GaugeMode::Max, 5.0, Some(5.0)),
        (GaugeMode::LiveMax, 5.0, Some(5.0)),
        (GaugeMode::Sum, 7.0, Some(7.0)),
        (GaugeMode::LiveSum, 7.0, Some(5.0)),
        (GaugeMode::MostRecent, 2.0, Some(2.0)),
        (GaugeMode::LiveMostRecent, 2.0, Some(5.0)),
    ];
    let gauges = modes.map(|(mode, ..)| {
        let gauge = Gauge::builder(mode.as_str(), "h").mode(mode).store(&store).build().unwrap();
        gauge.set(5.0);
        gauge
    });
    let ids = tempfile::NamedTempFile::new().unwrap();
    fork(|| {
        let id = store.identifier();
        fs::write(ids.path(), id).unwrap();
        // Later than the parent's, by the clock that the gauges ask.
        thread::sleep(Duration::from_millis(5));
        gauges.iter().for_each(|gauge| gauge.set(2.0));
        for (mode, alive, _) in modes {
            let sample = match mode {
                GaugeMode::All | GaugeMode::LiveAll => format!("{mode}{{pid=\"{id}\"}}"),
                _ => mode.to_string(),
            };
            assert_eq!(value(dir.path(), &sample), Some(alive), "{mode}");
        }
    })
    .wait();
    let id = fs::read_to_string(ids.path()).unwrap();
    for _ in 0..2 {
        for (mode, _, dead) in modes {
            let sample = match dead {
                None => format!("{mode}{{pid=\"{id}\"}}"),
                _ => mode.to_string(),
            };
            assert_eq!(value(dir.path(), &sample), dead, "{mode}");
        }
        compact(dir.path()).unwrap();
    }
    assert!(gauges.iter().all(|gauge| gauge.get() == 5.0));
}

#[test]
fn histograms_summaries_facts_states_and_exemplars_are_the_childs_own() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let sizes = Histogram::builder("sizes", "h").buckets([1.0, 2.0]).store(&store).build().unwrap();
    let times = Summary::builder("times", "h").store(&store).build().unwrap();
    let about = Info::builder("about", "h").store(&store).build().unwrap();
    let task = Enum::builder("task", "h").states(["idle", "busy"]).store(&store).build().unwrap();
    let seen = Counter::builder("seen", "h").store(&store).build().unwrap();
    let gone = Counter::builder("gone", "h").labels(["id"]).store(&store).build().unwrap();
    gone.labels(["1"]).inc();
    gone.remove(["1"]);
    sizes.observe(0.5);
    times.observe(3.0);
    about.info([("version", "1")]).unwrap();
    task.state("busy").unwrap();
    seen.inc_with_exemplar(&[("trace", "parent")]);
    let exposed = || {
        let merged = MultiProcessCollector::new(dir.path()).unwrap();
        exposition::openmetrics::encode(&merged).unwrap()
    };
    let parent = store.identifier().to_owned();
    fork(|| {
        let child = store.identifier();
        // What is a fact of both is shown once, and the state of each process.
        let text = exposed();
        assert!(text.contains("about_info{version=\"1\"} 1.0\n"), "{text}");
        for id in [&*parent, child] {
            assert!(text.contains(&format!("task{{pid=\"{id}\",task=\"busy\"}} 1.0\n")), "{text}");
        }
        assert!(text.contains("trace=\"parent\""), "{text}");
        sizes.observe(1.5);
        sizes.observe(0.5);
        times.observe(4.0);
        about.info([("version", "2")]).unwrap();
        task.state("idle").unwrap();
        seen.inc_with_exemplar(&[("trace", "child")]);
        gone.labels(["1"]).inc_by(2.0);
        let text = exposed();
        for line in [
            "sizes_bucket{le=\"1.0\"} 2.0",
            "sizes_bucket{le=\"2.0\"} 3.0",
            "sizes_sum 2.5",
            "times_count 2.0",
            "times_sum 7.0",
            &format!("about_info{{pid=\"{parent}\",version=\"1\"}} 1.0"),
            &format!("about_info{{pid=\"{child}\",version=\"2\"}} 1.0"),
            &format!("task{{pid=\"{parent}\",task=\"busy\"}} 1.0"),
            &format!("task{{pid=\"{child}\",task=\"idle\"}} 1.0"),
            "gone_total{id=\"1\"} 2.0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in {text}");
        }
        assert!(text.contains("seen_total 2.0 # {trace=\"child\"} 1.0"), "{text}");
    })
    .wait();
    assert_eq!(sizes.snapshot().count(), 1.0);
    assert_eq!(task.get(), "busy");
    let text = exposed();
    assert!(text.contains("about_info{version=\"1\"} 1.0\n"), "{text}");
    assert!(text.contains("sizes_sum 2.5\n"), "{text}");
    assert!(text.contains("seen_total 2.0 # {trace=\"child\"} 1.0"), "{text}");
}

/// The counts of the only native histogram of a directory: of the zero bucket, and of those above.
fn native_counts(dir: &Path) -> Option<(f64, Vec<(i32, f64)>)> {
    let collector = MultiProcessCollector::new(dir).unwrap().folding(false);
    let mut counts = None;
    for_each_family(&collector, &mut |family| {
        family.for_each_chunk(&mut |chunk| {
            for (_, native) in chunk.natives() {
                let above = native.positive().iter().filter(|(_, count)| *count > 0.0);
                counts = Some((native.zero_count(), above.collect()));
            }
        });
        Ok(())
    })
    .unwrap();
    counts
}

#[test]
fn a_child_has_buckets_of_its_own() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let builder = Histogram::builder("h", "h").native(NativeOptions::new().schema(0));
    let sizes = builder.store(&store).build().unwrap();
    // The bucket 2 ends with 4, the bucket 4 with 16, the bucket 10 with 1024.
    sizes.observe_n(3.0, 5);
    sizes.observe(0);
    fork(|| {
        assert_eq!(sizes.snapshot().count(), 0.0);
        // One that the parent has, and one that it has not.
        sizes.observe(3.0);
        sizes.observe(1000.0);
        assert_eq!(sizes.snapshot().native().unwrap().positive().count(), 2);
        let shown = native_counts(dir.path());
        assert_eq!(shown, Some((1.0, vec![(2, 6.0), (10, 1.0)])));
    })
    .wait();
    sizes.observe(10.0);
    let expected = Some((1.0, vec![(2, 6.0), (4, 1.0), (10, 1.0)]));
    assert_eq!(sizes.snapshot().count(), 7.0);
    assert_eq!(native_counts(dir.path()), expected);
    assert_eq!(value(dir.path(), "h_count"), Some(9.0));
    // A child that touches nothing changes nothing, nor does the fold of both.
    fork(|| {}).wait();
    assert_eq!(compact(dir.path()).unwrap().processes(), 2);
    assert_eq!(native_counts(dir.path()), expected);
    assert_eq!(value(dir.path(), "h_count"), Some(9.0));
}

#[test]
fn a_child_of_another_thread_has_buckets_of_its_own() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let builder = Histogram::builder("h", "h").native(NativeOptions::new().schema(0));
    let sizes = builder.store(&store).build().unwrap();
    let waits = Summary::builder("s", "s").objectives([(0.5, 0.01)]).store(&store).build().unwrap();
    // The first row of each sum is that of this thread, and the child has the other thread alone.
    sizes.observe(3.0);
    waits.observe(1.0);
    let observe_in_child = || {
        sizes.observe(3.0);
        fork(|| {
            sizes.observe_n(10.0, 2);
            (0..3).for_each(|_| waits.observe(200.0));
        })
        .wait();
    };
    thread::scope(|scope| scope.spawn(observe_in_child).join().unwrap());
    // The bucket 2 ends with 4, the bucket 4 with 16.
    let expected = Some((0.0, vec![(2, 2.0), (4, 2.0)]));
    let median = || value(dir.path(), "s{quantile=\"0.5\"}").unwrap();
    for processes in [1, 0] {
        assert_eq!(native_counts(dir.path()), expected);
        assert_eq!(value(dir.path(), "h_sum"), Some(26.0));
        // In the middle of four are two of 200.
        assert!((median() / 200.0 - 1.0).abs() <= 0.01, "{}", median());
        assert_eq!(compact(dir.path()).unwrap().processes(), processes);
    }
}

#[test]
fn a_child_is_the_owner_of_its_files() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let named = MultiprocessStore::builder(dir.path()).identifier("web-3").open().unwrap();
    let jobs = counter(&store);
    let webs = Counter::builder("webs", "h").store(&named).build().unwrap();
    jobs.inc();
    webs.inc();
    let states = || -> BTreeMap<String, &'static str> {
        let report = inspect_dir(dir.path()).unwrap();
        let owner = |file: &narthex::multiprocess::inspect::FileReport| {
            Some((file.identifier()?.to_owned(), file.liveness()?.as_str()))
        };
        report.files().iter().filter_map(owner).collect()
    };
    let parent = store.identifier().to_owned();
    fork(|| {
        jobs.inc();
        webs.inc();
        let (child, web) = (store.identifier(), named.identifier());
        assert!(web.starts_with("web-3-"), "{web}");
        let states = states();
        assert_eq!(states[&parent], "alive");
        assert_eq!(states[child], "alive");
        assert_eq!(states["web-3"], "alive");
        assert_eq!(states[web], "alive");
        let lock = fs::read_to_string(dir.path().join(format!("{parent}.lock"))).unwrap();
        let own = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        assert!(lock.starts_with("pid "));
        // A child of the child has as many descriptors, and not those of both.
        fork(|| assert_eq!(fs::read_dir("/proc/self/fd").map_or(0, Iterator::count), own)).wait();
    })
    .wait();
    let states = states();
    assert_eq!(states[&parent], "alive");
    assert_eq!(states.values().filter(|state| **state == "dead").count(), 4);
    assert_eq!(value(dir.path(), "webs_total"), Some(2.0));
}

#[test]
fn children_make_series_of_their_own() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = Counter::builder("jobs", "h").labels(["id"]).store(&store).build().unwrap();
    jobs.labels(["old"]).inc();
    fork(|| {
        // More than the file of the parent has room for, so that the child's grows.
        for id in 0..3000 {
            jobs.labels([id.to_string()]).inc();
        }
        jobs.labels(["old"]).inc();
        let late = Summary::builder("late", "h").store(&store).build().unwrap();
        late.observe(1.0);
        fork(|| jobs.labels(["2999"]).inc_by(2.0)).wait();
    })
    .wait();
    assert_eq!(value(dir.path(), "jobs_total{id=\"old\"}"), Some(2.0));
    assert_eq!(value(dir.path(), "jobs_total{id=\"2999\"}"), Some(3.0));
    assert_eq!(value(dir.path(), "jobs_total{id=\"1500\"}"), Some(1.0));
    assert_eq!(value(dir.path(), "late_count"), Some(1.0));
    assert_eq!(jobs.len(), 1);
}

#[test]
fn forks_while_threads_count_and_make_series_lose_nothing() {
    const CHILDREN: u64 = 25;

    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = Arc::new(counter(&store));
    let kinds =
        Arc::new(Counter::builder("kinds", "h").labels(["id"]).store(&store).build().unwrap());
    let sizes = Arc::new(Histogram::builder("sizes", "h").store(&store).build().unwrap());
    let about = Arc::new(Info::builder("about", "h").store(&store).build().unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let counted = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (jobs, kinds, sizes) = (jobs.clone(), kinds.clone(), sizes.clone());
            let (about, done, counted) = (about.clone(), done.clone(), counted.clone());
            let dir = dir.path().to_owned();
            thread::spawn(move || {
                let mut made = 0u64;
                while !done.load(Ordering::Relaxed) {
                    jobs.inc();
                    counted.fetch_add(1, Ordering::Relaxed);
                    sizes.observe_with_exemplar(0.1, &[("made", &*made.to_string())]);
                    kinds.labels([format!("{thread}-{}", made % 60)]).inc();
                    if made % 97 == 0 {
                        kinds.remove([&*format!("{thread}-{}", made % 60)]);
                    }
                    if made % 100 == 0 {
                        thread::sleep(Duration::from_millis(1));
                        about.info([("made", "x".repeat(made as usize % 300))]).unwrap();
                    }
                    if made % 2000 == 0 {
                        merged(&dir);
                    }
                    made += 1;
                }
            })
        })
        .collect();
    for child in 0..CHILDREN {
        fork(|| {
            assert_eq!(jobs.get(), 0.0);
            jobs.inc_by(1e9);
            sizes.observe_with_exemplar(0.1, &[("child", "x")]);
            kinds.labels([format!("child-{child}")]).inc();
            // One that threads of the parent had at hand.
            kinds.labels(["0-3"]).inc();
            about.info([("child", "y".repeat(400))]).unwrap();
            merged(dir.path());
            fork(|| jobs.inc()).wait();
            thread::spawn({
                let jobs = jobs.clone();
                move || jobs.inc_by(1e9)
            })
            .join()
            .unwrap();
        })
        .wait();
    }
    done.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let parents = counted.load(Ordering::Relaxed) as f64;
    assert_eq!(jobs.get(), parents);
    for _ in 0..2 {
        assert_eq!(value(dir.path(), "jobs_total"), Some(parents + (2e9 + 1.0) * CHILDREN as f64));
        assert_eq!(value(dir.path(), "sizes_count"), Some(parents + CHILDREN as f64));
        for child in 0..CHILDREN {
            let sample = format!("kinds_total{{id=\"child-{child}\"}}");
            assert_eq!(value(dir.path(), &sample), Some(1.0));
        }
        compact(dir.path()).unwrap();
    }
}

#[test]
fn what_threads_were_in_the_middle_of_is_whole_in_a_child() {
    const CHILDREN: u32 = 100;
    const THREADS: u32 = 4;

    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let _store = MultiprocessStore::open(dir.path()).unwrap();
    let sizes = Histogram::builder("sizes", "h").buckets([1.0]).build().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let observe = || {
        let (sizes, done) = (sizes.clone(), done.clone());
        thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                sizes.observe(1);
                sizes.observe(8);
            }
        })
    };
    let count_whole = || {
        let seen = sizes.snapshot();
        let buckets: Vec<(f64, f64)> = seen.buckets().collect();
        let (small, all) = (buckets[0].1, buckets[1].1);
        assert_eq!(seen.sum(), small + 8.0 * (all - small));
        all
    };
    let threads: Vec<_> = (0..THREADS).map(|_| observe()).collect();
    for _ in 0..CHILDREN {
        fork(|| {
            let before = count_whole();
            // All there at once, so that each has cells of its own.
            let barrier = std::sync::Barrier::new(THREADS as usize);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        sizes.observe(8);
                        barrier.wait();
                        sizes.observe(1);
                    });
                }
            });
            assert_eq!(count_whole(), before + f64::from(2 * THREADS));
        })
        .wait();
    }
    done.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    count_whole();
}

#[test]
fn a_storm_of_children_that_are_killed_is_counted_exactly() {
    let _alone = alone();
    let children: u32 = std::env::var("NARTHEX_FORKS").map_or(200, |forks| forks.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = counter(&store);
    // What the children have counted, told by memory that they share.
    let ledger = tempfile::tempfile().unwrap();
    ledger.set_len(8).unwrap();
    let ledger = shared_number(&ledger);
    let mut running = Vec::new();
    for child in 0..children {
        running.push(fork(|| {
            for _ in 0..100 + child {
                jobs.inc();
                ledger.fetch_add(1, Ordering::SeqCst);
            }
            if child % 2 == 0 {
                kill_process(rustix::process::getpid(), Signal::KILL).unwrap();
            }
        }));
        jobs.inc();
        if running.len() == 8 {
            for child in running.drain(..) {
                child.ended();
            }
        }
        if child % 50 == 0 {
            compact(dir.path()).unwrap();
        }
    }
    for child in running {
        child.ended();
    }
    let expected = f64::from(children) + ledger.load(Ordering::SeqCst) as f64;
    let every: u64 = (0..u64::from(children)).map(|child| 100 + child).sum();
    assert_eq!(ledger.load(Ordering::SeqCst), every);
    assert_eq!(value(dir.path(), "jobs_total"), Some(expected));
    compact(dir.path()).unwrap();
    assert_eq!(value(dir.path(), "jobs_total"), Some(expected));
    // Lock, counters and side file of the parent, and what was folded.
    assert!(fs::read_dir(dir.path()).unwrap().count() < 10);
}

#[test]
fn children_that_are_killed_in_the_middle_of_a_fork_leave_nothing_behind() {
    const CHILDREN: u64 = 150;

    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = counter(&store);
    let sizes = Histogram::builder("sizes", "h").store(&store).build().unwrap();
    let low = Gauge::builder("low", "h").mode(GaugeMode::Min).store(&store).build().unwrap();
    low.set(1.0);
    let (begun, done) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let [begun, done] = [begun, done].map(|file| {
        file.set_len(8).unwrap();
        shared_number(&file)
    });
    for child in 0..CHILDREN {
        let forked = fork(|| {
            loop {
                begun.fetch_add(1, Ordering::SeqCst);
                jobs.inc();
                done.fetch_add(1, Ordering::SeqCst);
                sizes.observe(1.0);
            }
        });
        jobs.inc();
        // From before its first file to after its first counts, which some reach however slow they are.
        let had = done.load(Ordering::SeqCst);
        thread::sleep(Duration::from_micros(child * 10));
        while child % 10 == 9 && done.load(Ordering::SeqCst) == had {
            thread::sleep(Duration::from_micros(100));
        }
        forked.kill();
        forked.ended();
        if child % 40 == 0 {
            compact(dir.path()).unwrap();
        }
    }
    assert_eq!(jobs.get(), CHILDREN as f64);
    let (least, most) = (done.load(Ordering::SeqCst), begun.load(Ordering::SeqCst));
    assert!(0 < least && most - least <= CHILDREN, "{least} to {most}");
    for _ in 0..2 {
        let total = value(dir.path(), "jobs_total").unwrap();
        let (least, most) = ((CHILDREN + least) as f64, (CHILDREN + most) as f64);
        assert!((least..=most).contains(&total), "{total}, not {least} to {most}");
        assert_eq!(value(dir.path(), "low"), Some(1.0));
        compact(dir.path()).unwrap();
    }
    let names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    // The parent's, the folded ones, and what folds work with.
    assert!(names.len() <= 5 + 4 + 2, "{names:?}");
}

#[test]
fn a_child_removes_what_its_threads_have_counted() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = Counter::builder("jobs", "h").labels(["id"]).store(&store).build().unwrap();
    let (gone, barrier) = (jobs.handle(["gone"]), std::sync::Barrier::new(2));
    let count = |amount: f64| {
        gone.inc_by(amount);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    gone.inc_by(amount);
                    barrier.wait();
                });
            }
        });
    };
    let shown = || value(dir.path(), "jobs_total{id=\"gone\"}");
    count(1.0);
    fork(|| {
        count(2.0);
        assert_eq!(shown(), Some(9.0));
        assert!(jobs.remove(["gone"]));
        assert_eq!(shown(), Some(3.0));
        count(4.0);
        assert_eq!(shown(), Some(3.0));
    })
    .wait();
    assert_eq!(shown(), Some(3.0));
    compact(dir.path()).unwrap();
    assert_eq!(shown(), Some(3.0));
    assert!(jobs.remove(["gone"]));
    assert_eq!(shown(), None);
}

/// A number that children share.
fn shared_number(file: &fs::File) -> &'static AtomicU64 {
    use std::os::fd::AsRawFd;

    // SAFETY: the mapping has the eight bytes of the file and is never unmapped.
    unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let fd = file.as_raw_fd();
        let mapped = libc::mmap(std::ptr::null_mut(), 8, access, libc::MAP_SHARED, fd, 0);
        assert_ne!(mapped, libc::MAP_FAILED);
        AtomicU64::from_ptr(mapped.cast())
    }
}

#[test]
fn a_child_without_room_counts_in_memory_until_there_is_some() {
    let _alone = alone();
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("shared");
    fs::create_dir(&dir).unwrap();
    let store = MultiprocessStore::open(&dir).unwrap();
    let jobs = counter(&store);
    let sizes = Histogram::builder("sizes", "h").buckets([1.0]).store(&store).build().unwrap();
    let kinds = Counter::builder("kinds", "h").labels(["id"]).store(&store).build().unwrap();
    let task = Enum::builder("task", "h").states(["idle", "busy"]).store(&store).build().unwrap();
    kinds.labels(["a"]).inc();
    jobs.inc_by(5.0);
    sizes.observe(0.5);
    // While the child is forked the directory has another name.
    let away = root.path().join("away");
    fs::rename(&dir, &away).unwrap();
    let child = fork(|| {
        jobs.inc_by(10.0);
        sizes.observe(3.0);
        // Counter, histogram, and one of the kinds.
        assert_eq!(store.unfiled(), 3);
        kinds.labels(["b"]).inc();
        assert_eq!(store.unfiled(), 4);
        assert_eq!(store.file_waiting(), 4);
        task.state("busy").unwrap();
        // A child of this one begins at zero, too, and has no more room.
        fork(|| {
            jobs.inc_by(1.0);
            kinds.labels(["b"]).inc();
            assert_eq!(jobs.get(), 1.0);
            assert_eq!(store.file_waiting(), 4);
        })
        .wait();
        assert_eq!(jobs.get(), 10.0);
        fs::rename(&away, &dir).unwrap();
        assert_eq!(value(&dir, "jobs_total"), Some(5.0));
        let done = Arc::new(AtomicBool::new(false));
        let adding: Vec<_> = (0..2)
            .map(|_| {
                let (jobs, done) = (jobs.clone(), done.clone());
                thread::spawn(move || {
                    let mut added = 0;
                    while !done.load(Ordering::Relaxed) {
                        jobs.inc();
                        added += 1;
                    }
                    added
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(10));
        let moved = cfg!(target_os = "linux");
        assert_eq!(store.file_waiting(), if moved { 0 } else { 3 });
        thread::sleep(Duration::from_millis(10));
        done.store(true, Ordering::Relaxed);
        let added: u32 = adding.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(jobs.get(), 10.0 + f64::from(added));
        if moved {
            assert_eq!(value(&dir, "jobs_total"), Some(15.0 + f64::from(added)));
            assert_eq!(value(&dir, "sizes_sum"), Some(3.5));
            let sample = format!("task{{pid=\"{}\",task=\"busy\"}}", store.identifier());
            assert_eq!(value(&dir, &sample), Some(1.0));
            kinds.labels(["c"]).inc();
            assert_eq!(value(&dir, "kinds_total{id=\"c\"}"), Some(1.0));
        }
        assert_eq!(value(&dir, "kinds_total{id=\"b\"}"), moved.then_some(1.0));
    });
    child.wait();
    assert_eq!((jobs.get(), store.unfiled()), (5.0, 0));
    assert_eq!(sizes.snapshot().count(), 1.0);
}

/// Memory becomes a file under threads that observe: in buckets that are there, and in new ones.
#[cfg(target_os = "linux")]
#[test]
fn what_a_child_observes_while_it_finds_room_is_in_its_buckets() {
    const THREADS: u32 = 2;

    let _alone = alone();
    let root = tempfile::tempdir().unwrap();
    let (dir, away) = (root.path().join("shared"), root.path().join("away"));
    fs::create_dir(&dir).unwrap();
    let store = MultiprocessStore::open(&dir).unwrap();
    let builder = Histogram::builder("h", "h").native(NativeOptions::new().schema(0));
    let sizes = builder.store(&store).build().unwrap();
    // The bucket n ends with 2 to the power of n.
    sizes.observe(4.0);
    for _ in 0..10 {
        fs::rename(&dir, &away).unwrap();
        fork(|| {
            // For 16 there is room in memory that becomes the file, and the others wait for more.
            (0..20).for_each(|power| sizes.observe(1 << power));
            fs::rename(&away, &dir).unwrap();
            // What has room is not to be seen by others, and what has none is told as well.
            assert_eq!(store.unfiled(), 2);
            let is_done = AtomicBool::new(false);
            let (waiting, observed) = thread::scope(|scope| {
                let observe = || {
                    let mut observed = 0;
                    while !is_done.load(Ordering::Relaxed) {
                        [2, 10, 19].into_iter().for_each(|power| sizes.observe(1 << power));
                        observed += 1;
                    }
                    observed
                };
                let observing = [(); THREADS as usize].map(|()| scope.spawn(observe));
                thread::sleep(Duration::from_millis(5));
                let waiting = store.file_waiting();
                thread::sleep(Duration::from_millis(5));
                is_done.store(true, Ordering::Relaxed);
                let observed = observing.into_iter().map(|observing| observing.join().unwrap());
                (waiting, observed.sum::<u32>())
            });
            assert_eq!(waiting, 0);
            let observed = f64::from(observed);
            let expected = (0..20).map(|power| match power {
                2 => (power, 2.0 + observed),
                10 | 19 => (power, 1.0 + observed),
                _ => (power, 1.0),
            });
            assert_eq!(native_counts(&dir), Some((0.0, expected.collect())));
            assert_eq!(value(&dir, "h_count"), Some(21.0 + 3.0 * observed));
            // The next one begins with what there was.
            let own = format!("{}.", store.identifier());
            for file in fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path()) {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                if name.starts_with(&own) || name.ends_with(&format!("_{own}db")) {
                    fs::remove_file(file).unwrap();
                }
            }
        })
        .wait();
    }
    assert_eq!(sizes.snapshot().count(), 1.0);
}

#[test]
fn series_that_wait_for_room_count_apart_in_a_child() {
    let _alone = alone();
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("shared");
    fs::create_dir(&dir).unwrap();
    let store = MultiprocessStore::open(&dir).unwrap();
    let away = root.path().join("away");
    fs::rename(&dir, &away).unwrap();
    let jobs = counter(&store);
    let low = Gauge::builder("low", "h").mode(GaugeMode::Min).store(&store).build().unwrap();
    jobs.inc_by(5.0);
    low.set(3.0);
    assert_eq!(store.unfiled(), 2);
    fs::rename(&away, &dir).unwrap();
    fork(|| {
        assert_eq!((jobs.get(), low.get()), (0.0, 0.0));
        jobs.inc();
        assert_eq!(store.unfiled(), 2);
        assert_eq!(store.file_waiting(), 0);
        assert_eq!(value(&dir, "jobs_total"), Some(1.0));
        assert_eq!(value(&dir, "low"), None);
    })
    .wait();
    assert_eq!(store.file_waiting(), 0);
    assert_eq!(value(&dir, "jobs_total"), Some(6.0));
    assert_eq!(value(&dir, "low"), Some(3.0));
}

#[test]
fn a_child_that_may_open_nothing_more_has_files_all_the_same() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = counter(&store);
    let low = Gauge::builder("low", "h").mode(GaugeMode::Min).store(&store).build().unwrap();
    jobs.inc();
    let mut open = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        open.push(file);
    }
    let child = fork(|| {
        jobs.inc();
        low.set(3.0);
        assert_eq!(store.unfiled(), 0);
    });
    drop(open);
    child.wait();
    assert_eq!(value(dir.path(), "jobs_total"), Some(2.0));
    assert_eq!(value(dir.path(), "low"), Some(0.0));
}

#[test]
fn a_child_that_becomes_another_program_leaves_nothing_that_counts() {
    use std::os::unix::process::CommandExt;

    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let jobs = counter(&store);
    let low = Gauge::builder("low", "h").mode(GaugeMode::Min).store(&store).build().unwrap();
    jobs.inc();
    low.set(3.0);
    let before = merged(dir.path());
    for _ in 0..10 {
        let mut command = std::process::Command::new("true");
        // SAFETY: it does nothing, but makes for a `fork`.
        unsafe { command.pre_exec(|| Ok(())) };
        assert!(command.status().unwrap().success());
    }
    let now = merged(dir.path());
    let counted = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !line.starts_with("narthex_")).cloned().collect()
    };
    assert_eq!(counted(&now), counted(&before));
    assert_eq!(compact(dir.path()).unwrap().processes(), 10);
    assert_eq!(counted(&merged(dir.path())), counted(&before));
}

#[test]
fn a_publisher_is_its_parents_and_a_child_has_its_own() {
    use narthex::model::{GaugeMetricFamily, NO_LABELS};

    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let begin = |number: f64| {
        let told = narthex::collector_fn(move |scrape| {
            let mut family = GaugeMetricFamily::new("number", "h")?;
            family.add_metric(NO_LABELS, number)?;
            scrape.family(&family)
        });
        // Often, so that it may well be publishing when the process is forked.
        store.publish_every(Duration::from_micros(50), told.named("numbers")).unwrap()
    };
    let shown = || {
        let text = exposition::text::encode(&MultiProcessCollector::of(&store)).unwrap();
        let own = format!("number{{pid=\"{}\"}} ", store.identifier());
        let line = text.lines().find_map(|line| line.strip_prefix(&own)).map(str::to_owned);
        line.map(|number| number.parse::<f64>().unwrap())
    };
    let mut publisher = Some(begin(1.0));
    for _ in 0..50 {
        fork(|| {
            // It has no thread here that could be waited for.
            drop(publisher.take());
            let own = begin(2.0);
            assert_eq!((own.failures(), shown()), (0, Some(2.0)));
            drop(own);
            assert_eq!(shown(), Some(2.0));
        })
        .wait();
    }
    assert_eq!((publisher.take().unwrap().failures(), shown()), (0, Some(1.0)));
}
