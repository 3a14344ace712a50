//! A sum and counts in memory, of which a reader never sees a part only.

use std::sync::atomic::Ordering;

use super::places::AndMore;
use super::sequence::{self, FREE_READS, LOCKED};
use super::slab::{Block, Cells, Reader};
use super::sync::{AtomicU32, AtomicU64, pause};

/// The cells of an owner before its buckets: the state, and two sums.
const HEAD: usize = 3;

/// Observations that threads add to, each in cells of its own.
///
/// A reader copies the cells of a thread and begins anew if the thread has
/// completed an observation meanwhile; if that goes on and on, it asks the
/// thread to write to the shared cells until it is done. It does not wait for
/// a thread that was stopped while it wrote: from the count and the buckets it
/// knows how far that has got, and the sums of before and after are both there.
#[derive(Debug)]
pub struct Observations {
    cells: Block<AndMore<HEAD>>,
    /// How many readers want the cells of threads to stay as they are.
    readers: AtomicU32,
}

impl Observations {
    pub(super) fn new(buckets: usize) -> Self {
        let buckets = u32::try_from(buckets).unwrap_or(u32::MAX);
        Self { cells: Block::new(AndMore(buckets)), readers: AtomicU32::new(0) }
    }

    /// Adds `n` observations of `value` in `bucket`.
    #[inline]
    pub(super) fn observe(&self, bucket: usize, value: f64, n: u64) {
        match self.cells.own() {
            Some(cells) if self.readers.load(Ordering::Relaxed) == 0 => {
                write(cells, cells[0].load(Ordering::Relaxed), bucket, value, n);
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

    /// Forgets all of them, while no thread observes: of an observation that is under way, a part
    /// may stay.
    #[cfg(feature = "catalog")]
    pub(super) fn clear(&self) {
        Reader::new().for_each(&self.cells, |cells| {
            cells.all().iter().for_each(|cell| cell.store(0, Ordering::Relaxed));
        });
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
            if let Cells::Shared(cells @ [state, ..]) = cells {
                if let Some(unlocked) = lock(state) {
                    let sum = read(cells, into);
                    state.store(unlocked, Ordering::Release);
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
    #[inline(never)]
    fn observe_first(&self, bucket: usize, value: f64, n: u64) {
        let cells = self.cells.touch();
        match cells {
            Cells::Own([state, ..]) if self.readers.load(Ordering::Relaxed) == 0 => {
                write(cells.all(), state.load(Ordering::Relaxed), bucket, value, n);
            }
            _ => self.observe_shared(bucket, value, n),
        }
    }

    fn observe_shared(&self, bucket: usize, value: f64, n: u64) {
        let cells = self.cells.shared();
        let mut tries = 0;
        let unlocked = loop {
            if let Some(unlocked) = lock(&cells[0]) {
                break unlocked;
            }
            tries += 1;
            pause(tries);
        };
        write(cells, unlocked, bucket, value, n);
    }
}

/// Makes the calling thread the only writer of shared cells until it stores their state, which
/// is what this returns or a later one.
fn lock(state: &AtomicU64) -> Option<u64> {
    let unlocked = state.load(Ordering::Relaxed) & !LOCKED;
    // Acquire: what the writer before has written is there.
    state.compare_exchange(unlocked, unlocked | LOCKED, Ordering::Acquire, Ordering::Relaxed).ok()
}

/// Adds to the cells of one owner, whose only writer is the calling thread.
#[inline]
fn write(cells: &[AtomicU64], state: u64, bucket: usize, value: f64, n: u64) {
    let Some((head, buckets)) = cells.split_first_chunk::<HEAD>() else { return };
    sequence::write(head, state, buckets.get(bucket), value, n);
}

/// Reads the buckets of one owner; returns the sum that belongs to them. None if it has
/// completed an observation meanwhile.
fn read(cells: &[AtomicU64], into: &mut [f64]) -> Option<f64> {
    let (head, buckets) = cells.split_first_chunk::<HEAD>()?;
    sequence::read(head, || {
        let mut inside: u64 = 0;
        for (to, bucket) in into.iter_mut().zip(buckets) {
            let n = bucket.load(Ordering::Acquire);
            inside = inside.wrapping_add(n);
            *to = n as f64;
        }
        inside
    })
}
