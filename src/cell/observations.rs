//! A sum and counts in memory, of which a reader never sees a part only.

use std::sync::atomic::Ordering;

use super::slab::{Block, Cells, Reader};
use super::sync::{AtomicU64, fence, pause};

/// The cells of an owner before its buckets: twice the count of its observations, and one
/// more while one is being written; their sum; and their sum without that one.
const HEAD: usize = 3;

/// How often a reader begins anew before it asks writers to go elsewhere.
const FREE_READS: u32 = if cfg!(loom) { 1 } else { 100 };

/// Observations that threads add to, each in cells of its own.
///
/// A reader copies the cells of a thread and begins anew if the thread has
/// written meanwhile; if that goes on and on, it asks the thread to write to
/// the shared cells until it is done. It does not wait for a thread that was
/// stopped while it wrote: from the count and the buckets it knows how far that
/// has got.
#[derive(Debug)]
pub struct Observations {
    cells: Block,
    /// How many readers want the cells of threads to stay as they are.
    readers: AtomicU64,
}

impl Observations {
    pub(super) fn new(buckets: usize) -> Self {
        Self { cells: Block::new(HEAD + buckets), readers: AtomicU64::new(0) }
    }

    /// Adds `n` observations of `value` in `bucket`.
    #[inline]
    pub(super) fn observe(&self, bucket: usize, value: f64, n: u64) {
        match self.cells.own() {
            Some(cells) if self.readers.load(Ordering::Relaxed) == 0 => {
                let twice = cells[0].load(Ordering::Relaxed);
                // Odd: the thread that had these cells was stopped for good while it wrote,
                // or a signal has stopped this one.
                if twice % 2 == 0 {
                    return write(cells, twice, bucket, value, n);
                }
                self.observe_shared(bucket, value, n);
            }
            _ => self.observe_first(bucket, value, n),
        }
    }

    /// Appends the count of each bucket, not cumulative; returns the sum.
    pub(super) fn read(&self, reader: &mut Reader, into: &mut Vec<f64>) -> f64 {
        let (begin, width) = (into.len(), self.cells.len() - HEAD);
        // Behind the totals, what one owner has.
        into.resize(begin + 2 * width, 0.0);
        let (totals, inside) = into[begin..].split_at_mut(width);
        let mut sum = 0.0;
        reader.for_each(&self.cells, |cells| {
            sum += self.read_all_of(cells, inside);
            totals.iter_mut().zip(&*inside).for_each(|(total, n)| *total += *n);
        });
        into.truncate(begin + width);
        sum
    }

    fn read_all_of(&self, cells: Cells<'_>, into: &mut [f64]) -> f64 {
        for tries in 1..=FREE_READS {
            if let Some(sum) = read(cells.all(), into) {
                return sum;
            }
            pause(tries);
        }
        if let Cells::Own(_) = cells {
            self.readers.fetch_add(1, Ordering::Relaxed);
        }
        let mut tries = 0;
        let sum = loop {
            if let Some(sum) = read(cells.all(), into) {
                break sum;
            }
            if let Cells::Shared(cells @ [count, ..]) = cells {
                if let Some(twice) = lock(count) {
                    let sum = read(cells, into);
                    count.store(twice, Ordering::Release);
                    if let Some(sum) = sum {
                        break sum;
                    }
                }
            }
            tries += 1;
            pause(tries);
        };
        if let Cells::Own(_) = cells {
            self.readers.fetch_sub(1, Ordering::Relaxed);
        }
        sum
    }

    #[cold]
    fn observe_first(&self, bucket: usize, value: f64, n: u64) {
        if let Cells::Own(cells) = self.cells.touch() {
            let twice = cells[0].load(Ordering::Relaxed);
            if twice % 2 == 0 && self.readers.load(Ordering::Relaxed) == 0 {
                return write(cells, twice, bucket, value, n);
            }
        }
        self.observe_shared(bucket, value, n);
    }

    #[cold]
    fn observe_shared(&self, bucket: usize, value: f64, n: u64) {
        let cells = self.cells.shared();
        let mut tries = 0;
        let twice = loop {
            if let Some(twice) = lock(&cells[0]) {
                break twice;
            }
            tries += 1;
            pause(tries);
        };
        write(cells, twice, bucket, value, n);
    }
}

/// Makes the count of shared cells odd, and so the calling thread their only writer until it is
/// even again; says what it was.
fn lock(count: &AtomicU64) -> Option<u64> {
    let twice = count.load(Ordering::Relaxed) & !1;
    // Acquire: what the writer before has written is there, and (release) for all who see
    // the odd count.
    count.compare_exchange(twice, twice | 1, Ordering::AcqRel, Ordering::Relaxed).ok()
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

/// Reads the buckets of one owner; returns the sum that belongs to them. None if it has
/// written meanwhile.
fn read(cells: &[AtomicU64], into: &mut [f64]) -> Option<f64> {
    let [twice, sum, sum_before, buckets @ ..] = cells else { return None };
    let begun = twice.load(Ordering::Acquire);
    // Before the buckets, of which it then knows no more than they do.
    let before = sum_before.load(Ordering::Acquire);
    let mut inside = 0;
    for (to, bucket) in into.iter_mut().zip(buckets) {
        let n = bucket.load(Ordering::Acquire);
        inside += n;
        *to = n as f64;
    }
    let after = sum.load(Ordering::Relaxed);
    // Pairs with the fence and the releases of `write`.
    fence(Ordering::Acquire);
    if twice.load(Ordering::Relaxed) != begun {
        return None;
    }
    // In the middle of an observation its bucket may be missing, and then so is its value.
    let is_before = begun % 2 == 1 && inside == begun / 2;
    Some(f64::from_bits(if is_before { before } else { after }))
}
