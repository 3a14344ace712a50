//! A number in memory that is set, and added to from many threads.

use std::sync::atomic::Ordering;

use super::float::add_among_all;
use super::places::Fixed;
use super::slab::{Block, Cells, Reader, SharedCells};
use super::sync::{AtomicU64, fence};

/// Says that somebody has added to the number since it was set.
const ADDED_TO: u64 = 1;

/// One generation. They are counted where the lowest bit of their number says how many bytes
/// before its base there are.
const GENERATION: u64 = 8;

/// The first generation. What no thread has noted yet is zero, which is no generation.
const FIRST: u64 = GENERATION;

/// How often a reader begins anew before it takes what it got: only threads that
/// set and add without a pause could keep it from ever being done.
const MOST_READS: usize = 1000;

/// A base that was set, and what each thread has added since.
///
/// Setting begins a new generation if the number was added to. Each thread
/// notes beside its amount which generation it belongs to, so an amount of a
/// past one counts no more, and what was set is read back as it is. If setting
/// and adding overlap in time, either may come last.
#[derive(Debug)]
pub(crate) struct Level {
    /// The generation and [`ADDED_TO`]. It is seldom written: the bases stand elsewhere.
    word: AtomicU64,
    /// Those of even and odd generations.
    bases: SharedCells<2>,
    /// A thread's are the word that its amount belongs to, and the amount.
    cells: Block<Fixed<2>>,
}

impl Level {
    pub(super) fn new() -> Self {
        let cells = Block::new(Fixed);
        Self { word: AtomicU64::new(FIRST), bases: cells.keep_shared(), cells }
    }

    #[inline]
    pub(super) fn set(&self, value: f64) {
        // Before the word, whose load keeps whatever follows behind it.
        let bases: &[_; 2] = &self.bases;
        let word = self.word.load(Ordering::Acquire);
        if word & ADDED_TO == 0 {
            bases[place(word)].store(value.to_bits(), Ordering::Relaxed);
        } else {
            self.set_anew(word, value);
        }
    }

    /// Adds to the number; whether it ever falls is up to the amounts.
    #[inline]
    pub(super) fn add(&self, amount: f64) {
        let word = self.word.load(Ordering::Acquire);
        match self.cells.own() {
            // Only a word that says `ADDED_TO` is ever noted.
            Some([noted, added]) if noted.load(Ordering::Relaxed) == word => {
                let sum = f64::from_bits(added.load(Ordering::Relaxed)) + amount;
                // Release: who sees an amount of a new generation can see that it has begun.
                added.store(sum.to_bits(), Ordering::Release);
            }
            _ => self.add_first(amount),
        }
    }

    pub(super) fn get(&self, reader: &mut Reader) -> f64 {
        let mut sum = 0.0;
        for _ in 0..MOST_READS {
            // Acquire: with the generation its base is seen, and which threads noted it.
            let word = self.word.load(Ordering::Acquire);
            sum = f64::from_bits(self.base(word).load(Ordering::Relaxed));
            if word & ADDED_TO != 0 {
                reader.for_each(&self.cells, |cells| {
                    let Cells::Own([noted, added]) = cells else { return };
                    // Acquire: who sees the note sees an amount that belongs to it.
                    if noted.load(Ordering::Acquire) == word {
                        sum += f64::from_bits(added.load(Ordering::Relaxed));
                    }
                });
            }
            // Pairs with the release of an amount: one of a later generation shows it here.
            fence(Ordering::Acquire);
            if self.word.load(Ordering::Relaxed) == word {
                break;
            }
        }
        sum
    }

    #[cold]
    #[inline(never)]
    fn set_anew(&self, word: u64, value: f64) {
        let next = (word & !ADDED_TO).wrapping_add(GENERATION);
        self.base(next).store(value.to_bits(), Ordering::Relaxed);
        // If this fails, another thread has begun that generation: then it was set to one of
        // the two values, or to both of them one after the other.
        let _ = self.word.compare_exchange(word, next, Ordering::Release, Ordering::Relaxed);
    }

    #[cold]
    #[inline(never)]
    fn add_first(&self, amount: f64) {
        let [noted, added] = match self.cells.touch() {
            Cells::Own([noted, added]) => [noted, added],
            _ => return self.add_to_base(amount),
        };
        let word = self.word.fetch_or(ADDED_TO, Ordering::AcqRel) | ADDED_TO;
        let is_first = noted.load(Ordering::Relaxed) != word;
        let before = if is_first { 0.0 } else { f64::from_bits(added.load(Ordering::Relaxed)) };
        added.store((before + amount).to_bits(), Ordering::Release);
        noted.store(word, Ordering::Release);
    }

    /// Adds as a thread without cells of its own does.
    fn add_to_base(&self, amount: f64) {
        add_among_all(self.base(self.word.load(Ordering::Acquire)), amount);
    }

    fn base(&self, word: u64) -> &AtomicU64 {
        &self.bases[place(word)]
    }
}

/// Which of the bases is that of a generation.
#[inline]
fn place(word: u64) -> usize {
    (word / GENERATION) as usize % 2
}
