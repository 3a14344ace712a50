//! A number in memory that is set, and added to from many threads.

use std::sync::atomic::Ordering;

use super::float::add_among_all;
use super::slab::{Block, Cells, Reader};
use super::sync::{AtomicU64, fence};

/// Says that somebody has added to the number since it was set.
const ADDED_TO: u64 = 1;

/// The first generation. What no thread has noted yet is zero, which is no generation.
const FIRST: u64 = 2;

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
    /// The generation, times two, and [`ADDED_TO`]. It is seldom written: the bases stand elsewhere.
    word: AtomicU64,
    /// A thread's cells are the word that its amount belongs to, and the amount.
    /// The shared ones are the bases of even and odd generations.
    cells: Block,
}

impl Level {
    pub(super) fn new() -> Self {
        let level = Self { word: AtomicU64::new(FIRST), cells: Block::new(2) };
        level.cells.shared();
        level
    }

    #[inline]
    pub(super) fn set(&self, value: f64) {
        let word = self.word.load(Ordering::Acquire);
        if word & ADDED_TO == 0 {
            self.base(word).store(value.to_bits(), Ordering::Relaxed);
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
            sum = 0.0;
            reader.for_each(&self.cells, |cells| match cells {
                // They come first.
                Cells::Shared(bases) => {
                    sum = f64::from_bits(bases[place_of_base(word)].load(Ordering::Relaxed));
                }
                // Acquire: who sees the note sees an amount that belongs to it. Only a word
                // that says `ADDED_TO` is ever noted.
                Cells::Own([noted, added]) if noted.load(Ordering::Acquire) == word => {
                    sum += f64::from_bits(added.load(Ordering::Relaxed));
                }
                Cells::Own(_) => {}
            });
            // Pairs with the release of an amount: one of a later generation shows it here.
            fence(Ordering::Acquire);
            if self.word.load(Ordering::Relaxed) == word {
                break;
            }
        }
        sum
    }

    #[cold]
    fn set_anew(&self, word: u64, value: f64) {
        let next = (word | ADDED_TO) + 1;
        self.base(next).store(value.to_bits(), Ordering::Relaxed);
        // If this fails, another thread has begun that generation: then it was set to one of
        // the two values, or to both of them one after the other.
        let _ = self.word.compare_exchange(word, next, Ordering::Release, Ordering::Relaxed);
    }

    #[cold]
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

    #[inline]
    fn base(&self, word: u64) -> &AtomicU64 {
        let cells = self.cells.shared();
        &cells[place_of_base(word)]
    }
}

fn place_of_base(word: u64) -> usize {
    (word >> 1) as usize % 2
}
