//! Threads that count, end, are stopped in the middle, remove and reset, while others scrape: nothing is lost.
//!
//! `NARTHEX_STRESS_SECONDS` says how long, `NARTHEX_STRESS_SEED` repeats a run.
#![cfg(unix)]

use std::collections::HashMap;
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use narthex::exposition::text;
use narthex::{
    CollectorRegistry, Counter, CounterVec, Gauge, Histogram, HistogramVec, Summary, SummaryVec,
};

/// The amounts are multiples of it, so that every sum is exact.
const QUARTER: f64 = 0.25;

const PATHS: [&str; 5] = ["/", "/cart", "/a\"b", "/items", "/pay"];

/// A generator that repeats itself by its seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[derive(Clone)]
struct Metrics {
    registry: CollectorRegistry,
    counters: CounterVec<1>,
    histograms: HistogramVec<1>,
    summaries: SummaryVec<1>,
    level: Gauge,
    contested: Gauge,
    begun_anew: Counter,
    removed: CounterVec<1>,
}

impl Metrics {
    fn new() -> narthex::Result<Self> {
        let registry = CollectorRegistry::new();
        let buckets = (1..=16).map(|n| f64::from(n) * QUARTER);
        Ok(Self {
            counters: Counter::builder("c", "").labels(["path"]).register(&registry)?,
            histograms: Histogram::builder("h", "")
                .buckets(buckets)
                .labels(["path"])
                .register(&registry)?,
            summaries: Summary::builder("s", "").labels(["path"]).register(&registry)?,
            level: Gauge::builder("level", "").register(&registry)?,
            contested: Gauge::builder("contested", "").register(&registry)?,
            begun_anew: Counter::builder("begun_anew", "").register(&registry)?,
            removed: Counter::builder("removed", "").labels(["n"]).register(&registry)?,
            registry,
        })
    }
}

/// What a thread knows to have counted.
#[derive(Clone, Default)]
struct Ledger {
    counted: [f64; PATHS.len()],
    observed: [f64; PATHS.len()],
    observed_sum: [f64; PATHS.len()],
    level: f64,
    begun_anew: f64,
    operations: u64,
}

impl Ledger {
    fn add(&mut self, other: &Self) {
        for place in 0..PATHS.len() {
            self.counted[place] += other.counted[place];
            self.observed[place] += other.observed[place];
            self.observed_sum[place] += other.observed_sum[place];
        }
        self.level += other.level;
        self.begun_anew += other.begun_anew;
        self.operations += other.operations;
    }
}

/// Counts at random.
fn count(metrics: &Metrics, random: &mut Random, ledger: &mut Ledger) {
    let place = random.below(PATHS.len() as u64) as usize;
    let path = [PATHS[place]];
    let amount = (1 + random.below(16)) as f64 * QUARTER;
    ledger.operations += 1;
    match random.below(8) {
        0 => {
            metrics.counters.labels(path).inc();
            ledger.counted[place] += 1.0;
        }
        1 | 2 => {
            metrics.counters.labels(path).inc_by(amount);
            ledger.counted[place] += amount;
        }
        3 | 4 => {
            metrics.histograms.labels(path).observe(amount);
            metrics.summaries.labels(path).observe(amount);
            ledger.observed[place] += 1.0;
            ledger.observed_sum[place] += amount;
        }
        5 => {
            metrics.level.inc_by(amount);
            ledger.level += amount;
        }
        6 => {
            metrics.level.dec();
            metrics.contested.inc();
            ledger.level -= 1.0;
        }
        _ => {
            metrics.begun_anew.inc_by(amount);
            ledger.begun_anew += amount;
        }
    }
}

/// Makes series, counts with them, removes them, and counts on with what it has kept.
fn remove(metrics: &Metrics, random: &mut Random, ledger: &mut Ledger) {
    let value = [format!("{}", random.next())];
    let kept = metrics.removed.labels([&value[0]]).handle();
    kept.inc();
    metrics.removed.labels([&value[0]]).inc_by(0.5);
    assert!(metrics.removed.remove([&value[0]]));
    kept.inc_by(3);
    let anew = metrics.removed.labels([&value[0]]).handle();
    anew.inc();
    assert_eq!((kept.get(), anew.get()), (4.5, 1.0));
    assert!(metrics.removed.remove([&value[0]]));
    ledger.operations += 6;
}

/// The samples of a scrape; asserts what every moment has to hold.
fn scrape(metrics: &Metrics, before: &mut HashMap<String, f64>) {
    let text = text::encode(&metrics.registry).expect("a scrape");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let now: HashMap<String, f64> = lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a sample");
            (series.to_owned(), value.parse().expect("a number"))
        })
        .collect();
    for (series, &value) in &now {
        let grows = ["c_total{", "h_bucket{", "h_count{", "h_sum{", "s_count{", "s_sum{"];
        if grows.iter().any(|name| series.starts_with(name)) {
            let last = before.get(series).copied().unwrap_or(0.0);
            assert!(value >= last, "{series} was {last} and is {value}");
        }
        // Of a histogram the sum is told by the buckets: each has but one amount in it.
        if let Some(labels) = series.strip_prefix("h_sum{") {
            let of = |le: &str| now[&format!("h_bucket{{le=\"{le}\",{labels}")];
            let bounds = (1..=16).map(|n| f64::from(n) * QUARTER);
            let (mut sum, mut below) = (0.0, 0.0);
            for bound in bounds {
                let within = of(&narthex::model::format_f64(bound));
                sum += (within - below) * bound;
                below = within;
            }
            assert_eq!((value, of("+Inf")), (sum, below), "{series}");
        }
    }
    *before = now;
}

/// Stops a thread wherever it is, until it is let go.
mod stopping {
    #![allow(unsafe_code)] // signals are handled in no other way

    use std::sync::atomic::{AtomicBool, Ordering};

    static HELD: AtomicBool = AtomicBool::new(false);
    static STOPPED: AtomicBool = AtomicBool::new(false);

    extern "C" fn stop(_: libc::c_int) {
        STOPPED.store(true, Ordering::SeqCst);
        while HELD.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        STOPPED.store(false, Ordering::SeqCst);
    }

    pub(crate) fn install() {
        // SAFETY: the handler touches atomics alone.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = stop as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
        }
    }

    pub(crate) fn this_thread() -> u64 {
        // SAFETY: it always works.
        unsafe { libc::pthread_self() as u64 }
    }

    /// Lets the thread go when it is dropped.
    pub(crate) struct Held;

    impl Drop for Held {
        fn drop(&mut self) {
            HELD.store(false, Ordering::SeqCst);
            while STOPPED.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        }
    }

    /// Stops a thread that is known to run.
    pub(crate) fn hold(thread: u64) -> Held {
        HELD.store(true, Ordering::SeqCst);
        // SAFETY: the thread runs until it is told to end.
        unsafe { assert_eq!(libc::pthread_kill(thread as libc::pthread_t, libc::SIGUSR1), 0) };
        while !STOPPED.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Held
    }
}

/// Tells the threads of a round to end when it is dropped.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// One round: threads count until they are told to end, and then all is there.
fn round(metrics: &Metrics, total: &Mutex<Ledger>, seed: u64, stops: &mut u64, scrapes: &mut u64) {
    let mut random = Random(seed);
    let done = AtomicBool::new(false);
    let stoppable = AtomicU64::new(0);
    let writers = 1 + random.below(5);
    let mut before = HashMap::new();
    scrape(metrics, &mut before);
    thread::scope(|scope| {
        let run = |seed: u64, act: fn(&Metrics, &mut Random, &mut Ledger)| {
            let (mut random, mut ledger) = (Random(seed), Ledger::default());
            while !done.load(Ordering::Relaxed) {
                for _ in 0..64 {
                    act(metrics, &mut random, &mut ledger);
                }
            }
            total.lock().expect("a ledger").add(&ledger);
        };
        for _ in 0..writers {
            let seed = random.next();
            scope.spawn(move || run(seed, count));
        }
        let remover = random.next();
        scope.spawn(move || run(remover, remove));
        // One that only observes, and is stopped in there. It looks nothing up, so that it
        // holds no lock.
        let stopped = metrics.histograms.labels([PATHS[0]]).handle();
        let (done, stoppable) = (&done, &stoppable);
        let observer = scope.spawn(move || {
            // The first one makes the cells, under a lock.
            stopped.observe(1.0);
            let mut observed = 1_u64;
            stoppable.store(stopping::this_thread(), Ordering::SeqCst);
            while !done.load(Ordering::SeqCst) {
                stopped.observe(1.0);
                observed += 1;
            }
            observed
        });
        // Short lives: each leaves what it has counted to the next.
        let seed = random.next();
        scope.spawn(move || {
            let mut random = Random(seed);
            while !done.load(Ordering::Relaxed) {
                let seeds = [random.next(), random.next()];
                thread::scope(|scope| {
                    for seed in seeds {
                        scope.spawn(move || {
                            let (mut random, mut ledger) = (Random(seed), Ledger::default());
                            for _ in 0..50 {
                                count(metrics, &mut random, &mut ledger);
                            }
                            total.lock().expect("a ledger").add(&ledger);
                        });
                    }
                });
            }
        });
        // Sets while others add: a number that was set can be told from what is added.
        scope.spawn(move || {
            let mut n = 0.0;
            while !done.load(Ordering::Relaxed) {
                n += 1e9;
                metrics.contested.set(n);
                let seen = metrics.contested.get();
                assert!((n..n + 1e9).contains(&seen), "{seen} after {n}");
            }
        });
        while stoppable.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        // However this ends, the others are to end, too.
        let _ends = Ends(done);
        let end = Instant::now() + Duration::from_millis(150);
        while Instant::now() < end {
            let held = stopping::hold(stoppable.load(Ordering::SeqCst));
            *stops += 1;
            for _ in 0..3 {
                scrape(metrics, &mut before);
                *scrapes += 1;
            }
            drop(held);
            scrape(metrics, &mut before);
            *scrapes += 1;
        }
        done.store(true, Ordering::SeqCst);
        let observed = observer.join().expect("an observer");
        let mut total = total.lock().expect("a ledger");
        total.observed[0] += observed as f64;
        total.observed_sum[0] += observed as f64;
        total.operations += observed;
    });
}

#[test]
fn nothing_is_lost() -> narthex::Result {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("NARTHEX_STRESS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let seconds = number("NARTHEX_STRESS_SECONDS").unwrap_or(3);
    println!("NARTHEX_STRESS_SEED={seed}");
    stopping::install();

    let metrics = Metrics::new()?;
    let total = Arc::new(Mutex::new(Ledger::default()));
    let (mut random, mut resets) = (Random(seed), 0);
    let (mut stops, mut scrapes) = (0, 0);
    let mut observed_alone = [0.0; PATHS.len()];
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        round(&metrics, &total, random.next(), &mut stops, &mut scrapes);
        let mut total = total.lock().expect("a ledger");
        for (place, path) in PATHS.iter().enumerate() {
            assert_eq!(metrics.counters.labels([path]).get(), total.counted[place]);
            let histogram = metrics.histograms.labels([path]).snapshot();
            assert_eq!(histogram.count(), total.observed[place]);
            assert_eq!(histogram.sum(), total.observed_sum[place]);
            let summary = metrics.summaries.labels([path]);
            observed_alone[place] = histogram.count() - summary.count();
            assert!(place == 0 || observed_alone[place] == 0.0);
        }
        assert_eq!(metrics.level.get(), total.level);
        assert_eq!(metrics.begun_anew.get(), total.begun_anew);
        if random.below(2) == 0 {
            metrics.begun_anew.reset();
            assert_eq!(metrics.begun_anew.get(), 0.0);
            total.begun_anew = 0.0;
            metrics.level.set(total.level);
            resets += 1;
        }
        assert!(metrics.removed.is_empty());
        if Instant::now() > end {
            println!(
                "{} operations, {scrapes} scrapes, a writer stopped {stops} times, {resets} resets",
                total.operations
            );
            return Ok(());
        }
    }
}
