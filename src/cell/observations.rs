//! A sum and counts in memory, of which a reader never sees a part only.

use std::sync::atomic::Ordering;

use super::slab::{Block, Cells};
use super::sync::{AtomicU64, fence, pause};

/// The cells of an owner before its buckets: twice the count of its observations, and one
/// more while one is being written; their sum; and their sum without that one.
const HEAD: usize = 3;

/// How often a reader begins anew before it takes what it got, whose sum may then be ahead
/// of its buckets by what came meanwhile.
const MOST_READS: u32 = 10_000;

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

    /// Adds `n` observations of `value` in `bucket`.
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

    /// Appends the count of each bucket, not cumulative; returns the sum.
    pub(super) fn read(&self, into: &mut Vec<f64>) -> f64 {
        let begin = into.len();
        into.resize(begin + self.cells.len() - HEAD, 0.0);
        let end = into.len();
        let mut sum = 0.0;
        self.cells.for_each(|cells| {
            sum += read(cells, into);
            let (totals, inside) = into.split_at_mut(end);
            totals[begin..].iter_mut().zip(inside).for_each(|(total, n)| *total += *n);
            into.truncate(end);
        });
        sum
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
            // Acquire: what the writer before has written is there, and (release) for all who
            // see the odd count.
            let locked = twice % 2 == 0
                && cells[0]
                    .compare_exchange_weak(twice, odd, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok();
            if locked {
                break twice;
            }
            tries += 1;
            pause(tries);
        };
        write(cells, twice, bucket, value, n);
    }
}

/// Adds to the cells of one owner, whose only writer is the calling thread.
#[inline]
fn write(cells: &[AtomicU64], twice: u64, bucket: usize, value: f64, n: u64) {
    let [count, sum, sum_before, buckets @ ..] = cells else { return };
    let after = (f64::from_bits(sum.load(Ordering::Relaxed)) + value * n as f64).to_bits();
    // Release: who sees the odd count sees all of the observation before.
    count.store(twice | 1, Ordering::Release);
    // Who sees anything below and reads the count again sees at least the odd one.
    fence(Ordering::Release);
    sum.store(after, Ordering::Relaxed);
    if let Some(bucket) = buckets.get(bucket) {
        // Release: who sees the bucket sees the sum.
        bucket.store(bucket.load(Ordering::Relaxed) + n, Ordering::Release);
    }
    // Release: who sees this sum sees the bucket.
    sum_before.store(after, Ordering::Release);
    count.store(twice + 2 * n, Ordering::Release);
}

/// Appends the buckets of one owner; returns the sum that belongs to them.
fn read(cells: &[AtomicU64], into: &mut Vec<f64>) -> f64 {
    let [twice, sum, sum_before, buckets @ ..] = cells else { return 0.0 };
    let begin = into.len();
    let mut tries = 0_u32;
    loop {
        let begun = twice.load(Ordering::Acquire);
        // Before the buckets, of which it then knows no more than they do.
        let before = sum_before.load(Ordering::Acquire);
        into.truncate(begin);
        let mut inside = 0;
        for bucket in buckets {
            let n = bucket.load(Ordering::Acquire);
            inside += n;
            into.push(n as f64);
        }
        let after = sum.load(Ordering::Relaxed);
        // Pairs with the fence and the releases of `write`.
        fence(Ordering::Acquire);
        tries += 1;
        if twice.load(Ordering::Relaxed) == begun || tries == MOST_READS {
            // In the middle of an observation its bucket may be missing, and then so is its value.
            let is_before = begun % 2 == 1 && inside == begun / 2;
            return f64::from_bits(if is_before { before } else { after });
        }
        pause(tries);
    }
}
