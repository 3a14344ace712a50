//! A count, a sum and buckets in memory, of which a reader never sees a part only.

use std::hint;
use std::sync::atomic::Ordering;
use std::thread;

use super::slab::{Block, Cells};
use super::sync::{AtomicU64, fence};

/// The cells of an owner before its buckets: twice the count of its observations, and one
/// more while one is being written; their sum; and the sum before the last one.
const HEAD: usize = 3;

/// How often a reader begins anew before it takes what it got, whose sum may then be ahead
/// of its buckets by what came meanwhile.
const MOST_READS: usize = 10_000;

/// Observations that threads add to, each in cells of its own.
///
/// A reader copies the cells of a thread and begins anew if the thread has
/// written meanwhile. It does not wait for a thread that was stopped while
/// it wrote: from the count and the buckets it knows how far that has got.
#[derive(Debug)]
pub struct Observations {
    cells: Block,
}

impl Observations {
    pub(super) fn new(buckets: usize) -> Self {
        Self { cells: Block::new(HEAD + buckets) }
    }

    /// Adds `n` observations of `value`, in `bucket` if there are buckets.
    #[inline]
    pub(super) fn observe(&self, bucket: usize, value: f64, n: u64) {
        match self.cells.own() {
            Some(cells) => {
                let twice = cells[0].load(Ordering::Relaxed);
                // Odd: the thread that had these cells was stopped for good while it wrote,
                // or a signal has stopped this one.
                if twice % 2 == 0 {
                    return write(cells, twice, bucket, value, n);
                }
                self.observe_shared(bucket, value, n);
            }
            None => self.observe_first(bucket, value, n),
        }
    }

    /// Appends the count of each bucket, not cumulative; returns the count of all and the sum.
    pub(super) fn read(&self, into: &mut Vec<f64>) -> (f64, f64) {
        let begin = into.len();
        into.resize(begin + self.cells.len() - HEAD, 0.0);
        let end = into.len();
        let (mut count, mut sum) = (0_u64, 0.0);
        self.cells.for_each(|cells| {
            let (observed, observed_sum) = read(cells, into);
            count += observed;
            sum += observed_sum;
            let (totals, inside) = into.split_at_mut(end);
            totals[begin..].iter_mut().zip(inside).for_each(|(total, n)| *total += *n);
            into.truncate(end);
        });
        (count as f64, sum)
    }

    #[cold]
    fn observe_first(&self, bucket: usize, value: f64, n: u64) {
        match self.cells.touch() {
            Cells::Own(cells) if cells[0].load(Ordering::Relaxed) % 2 == 0 => {
                write(cells, cells[0].load(Ordering::Relaxed), bucket, value, n);
            }
            _ => self.observe_shared(bucket, value, n),
        }
    }

    #[cold]
    fn observe_shared(&self, bucket: usize, value: f64, n: u64) {
        let cells = self.cells.shared();
        let mut tries = 0_u32;
        let twice = loop {
            let twice = cells[0].load(Ordering::Relaxed);
            let odd = twice | 1;
            // Whoever makes the count odd is the only writer until it is even again.
            // Acquire: what the writer before has written is there.
            let locked = twice % 2 == 0
                && cells[0]
                    .compare_exchange_weak(twice, odd, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if locked {
                break twice;
            }
            tries += 1;
            if tries % 64 == 0 { thread::yield_now() } else { hint::spin_loop() }
        };
        write(cells, twice, bucket, value, n);
    }
}

/// Adds to the cells of one owner, whose only writer is the calling thread.
#[inline]
fn write(cells: &[AtomicU64], twice: u64, bucket: usize, value: f64, n: u64) {
    let [count, sum, sum_before, buckets @ ..] = cells else { return };
    let before = sum.load(Ordering::Relaxed);
    let after = (f64::from_bits(before) + value * n as f64).to_bits();
    // Release: who sees it and reads the count again sees that the one before is done.
    sum_before.store(before, Ordering::Release);
    // Release: who sees the odd count sees the sum before.
    count.store(twice | 1, Ordering::Release);
    // Who sees anything below and reads the count again sees at least the odd one.
    fence(Ordering::Release);
    sum.store(after, Ordering::Relaxed);
    if let Some(bucket) = buckets.get(bucket) {
        // Release: who sees the bucket sees the sum.
        bucket.store(bucket.load(Ordering::Relaxed) + n, Ordering::Release);
    }
    count.store(twice + 2 * n, Ordering::Release);
}

/// Appends the buckets of one owner; returns its count and sum. All of them belong together.
fn read(cells: &[AtomicU64], into: &mut Vec<f64>) -> (u64, f64) {
    let [twice, sum, sum_before, buckets @ ..] = cells else { return (0, 0.0) };
    let begin = into.len();
    let mut tries = 0;
    loop {
        let begun = twice.load(Ordering::Acquire);
        into.truncate(begin);
        let mut inside = 0;
        for bucket in buckets {
            let n = bucket.load(Ordering::Acquire);
            inside += n;
            into.push(n as f64);
        }
        let after = sum.load(Ordering::Relaxed);
        let before = sum_before.load(Ordering::Relaxed);
        // Pairs with the fence and the releases of `write`.
        fence(Ordering::Acquire);
        tries += 1;
        if twice.load(Ordering::Relaxed) == begun || tries == MOST_READS {
            let count = if buckets.is_empty() { begun / 2 } else { inside };
            // In the middle of an observation, whose bucket is written last, that may be missing.
            let is_before = begun % 2 == 1 && count == begun / 2;
            return (count, f64::from_bits(if is_before { before } else { after }));
        }
        hint::spin_loop();
    }
}
