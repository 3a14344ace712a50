//! A total in memory that many threads add to.

use std::sync::atomic::Ordering;

use super::level::Level;
use super::places::Fixed;
use super::slab::{Block, Cells, Reader};
use super::sync::AtomicU64;

/// Whole amounts in one lane, fractional ones in another, so that each lane only
/// grows and so does their sum.
#[derive(Debug)]
pub struct Tally {
    whole: Block<Fixed<1>>,
}

/// What a total of whole amounts that is never reset does without.
#[derive(Debug)]
pub(super) struct More {
    fraction: Level,
    /// How much of the whole amounts came before the last reset.
    past: AtomicU64,
}

impl More {
    pub(super) fn new() -> Self {
        Self { fraction: Level::new(), past: AtomicU64::new(0) }
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { whole: Block::new(Fixed) }
    }

    #[inline]
    pub(super) fn inc(&self) {
        self.add_whole(1);
    }

    /// Adds an amount that is not negative.
    #[inline]
    pub(super) fn add<'m>(&self, amount: f64, more: impl FnOnce() -> &'m More) {
        // Added to 2^52, a whole amount below 2^32 is what the lowest bits of the sum say; of
        // others they say something else. 2^32 amounts of this size still fit into the lane.
        let whole = (amount + 4_503_599_627_370_496.0).to_bits() as u32;
        if f64::from(whole) == amount {
            self.add_whole(u64::from(whole));
        } else {
            more().fraction.add(amount);
        }
    }

    #[inline]
    fn add_whole(&self, amount: u64) {
        match self.whole.own() {
            // Nobody else writes to the cell.
            Some([cell, ..]) => {
                cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
            }
            _ => self.add_first(amount),
        }
    }

    #[cold]
    #[inline(never)]
    fn add_first(&self, amount: u64) {
        match self.whole.touch() {
            Cells::Own(cells) => {
                let before = cells[0].load(Ordering::Relaxed);
                cells[0].store(before.wrapping_add(amount), Ordering::Relaxed);
            }
            Cells::Shared(cells) => {
                cells[0].fetch_add(amount, Ordering::Relaxed);
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, more: Option<&More>, reader: &mut Reader) -> f64 {
        match more {
            None => reader.sum_of_first(&self.whole) as f64,
            Some(more) => self.get_with(more, reader),
        }
    }

    #[inline(never)]
    fn get_with(&self, more: &More, reader: &mut Reader) -> f64 {
        // Acquire, and before the sum: what was past for another thread is so for this one.
        let past = more.past.load(Ordering::Acquire);
        // The reader may not know of a chunk that had in it some of what is past.
        let sum = if past == 0 { reader.sum_of_first(&self.whole) } else { self.sum() };
        sum.wrapping_sub(past) as f64 + more.fraction.get(reader)
    }

    /// Begins anew at zero.
    pub(super) fn reset(&self, more: &More) {
        more.past.fetch_max(self.sum(), Ordering::AcqRel);
        more.fraction.set(0.0);
    }

    fn sum(&self) -> u64 {
        Reader::new().sum_of_first(&self.whole)
    }
}
