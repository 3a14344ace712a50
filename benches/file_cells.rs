//! What an increment costs in a shared file, and in memory: one counter, from 1, 2 and 4 threads.
//!
//! All of them take turns in one process, so that what else the machine does
//! falls on each of them alike, and the median counts. Nothing that was added
//! may be missing in the end.
#![allow(missing_docs)] // a program

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use narthex::Counter;
use narthex::multiprocess::MultiprocessStore;

const THREADS: [u64; 3] = [1, 2, 4];
/// How often each way is measured, and how many adds of a thread that takes.
const MEASURED: (usize, u64) = (15, 1_000_000);
/// The same where it is only to be seen that it runs.
const TRIED: (usize, u64) = (1, 1_000);

/// One of the ways to count: to add one, and to read what was added.
struct Way<'a> {
    name: &'a str,
    add: &'a (dyn Fn(u64) + Sync),
    get: &'a dyn Fn() -> f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let store = MultiprocessStore::open(dir.path())?;
    let filed = Counter::builder("filed", "In a file.").store(&store).build()?;
    let in_memory = Counter::builder("in_memory", "In memory.").build()?;
    let atomic = AtomicU64::new(0);
    let bits = AtomicU64::new(0);
    let add_to_bits = |adds| {
        for _ in 0..adds {
            let add = |old| Some((f64::from_bits(old) + 1.0).to_bits());
            let _ = bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        }
    };
    let ways = [
        Way {
            name: "AtomicU64::fetch_add",
            add: &|adds| {
                for _ in 0..adds {
                    atomic.fetch_add(1, Ordering::Relaxed);
                }
            },
            get: &|| atomic.load(Ordering::Relaxed) as f64,
        },
        Way {
            name: "f64 in an AtomicU64, by compare-and-swap",
            add: &add_to_bits,
            get: &|| f64::from_bits(bits.load(Ordering::Relaxed)),
        },
        Way {
            name: "Counter in memory",
            add: &|adds| (0..adds).for_each(|_| in_memory.inc()),
            get: &|| in_memory.get(),
        },
        Way {
            name: "Counter in a file",
            add: &|adds| (0..adds).for_each(|_| filed.inc()),
            get: &|| filed.get(),
        },
    ];
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let (rounds, adds) = if is_bench { MEASURED } else { TRIED };
    println!("{:<42}{:>9}  {:>14}", "one counter", "threads", "ns per add, on a core");
    for threads in THREADS {
        let mut times = vec![Vec::new(); ways.len()];
        for _ in 0..rounds {
            for (way, times) in ways.iter().zip(&mut times) {
                times.push(time(way, threads, adds));
            }
        }
        let medians: Vec<f64> = times.into_iter().map(median).collect();
        for (way, median) in ways.iter().zip(&medians) {
            let ratio = median / medians[0];
            println!("{:<42}{threads:>9}{median:>9.2} ns, {ratio:.2} of the first", way.name);
        }
    }
    Ok(())
}

/// Nanoseconds that an add of a thread takes a core, all threads adding at once.
fn time(way: &Way<'_>, threads: u64, adds: u64) -> f64 {
    let before = (way.get)();
    let start = Barrier::new(threads as usize);
    // Each thread looks at the clock itself: who waits for them may get no core in time.
    let times: Vec<(Instant, Instant)> = std::thread::scope(|scope| {
        let add = || {
            start.wait();
            let begun = Instant::now();
            (way.add)(adds);
            (begun, Instant::now())
        };
        let adding: Vec<_> = (0..threads).map(|_| scope.spawn(add)).collect();
        adding.into_iter().map(|thread| thread.join().expect("a thread that adds")).collect()
    });
    assert_eq!((way.get)() - before, (threads * adds) as f64, "{} lost some", way.name);
    let begun = times.iter().map(|(begun, _)| *begun).min();
    let ended = times.iter().map(|(_, ended)| *ended).max();
    let took = begun.zip(ended).map_or(0.0, |(begun, ended)| (ended - begun).as_secs_f64());
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    took * 1e9 * threads.min(cores) as f64 / (threads * adds) as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
