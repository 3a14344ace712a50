//! The home of observations by exponential size: buckets that come into being when they are needed.

use std::sync::atomic::Ordering;

use super::directory::{Directory, Key, TABLES};
use super::fork::{HoldOff, hold_off};
use super::native_book::{Book, CELLS, NativeReading};
use super::native_limits::NativeLimits;
use super::places::Fixed;
use super::sequence::{self, FREE_READS};
use super::slab::{Block, Seat};
use super::sync::{AtomicU64, Guard, Mutex, pause};

/// The cells of an owner beside its buckets: the state, two sums, and the word that it knows.
const HEAD: usize = 4;

/// In the word of a histogram: how often its resolution is halved, in as many bits as a shift
/// asks for, then which table it has, then its generation.
const TABLE: u32 = 5;
const GENERATION: u32 = 32;

/// Stands in the place of a generation while all who observe are to wait.
const QUIET: u64 = u32::MAX as u64;

/// The state and the two sums.
type Sequence = [AtomicU64; 3];

/// Observations that threads add to, each in cells of its own, a cell for each bucket.
///
/// A bucket has a slot, which is the same cell in every slab. A slot is made under a lock when
/// the first value comes that has none, and is found in the [`Directory`] without one. It keeps
/// the bucket that it was made for: if the resolution is halved or the zero bucket becomes wider,
/// whoever reads adds it to what contains its bucket now, and so it does not matter what a thread
/// knew of that when it observed.
///
/// A reset begins a new generation. The cells of a thread note which one they belong to, and those
/// of a past one count no more; before the thread adds to them again, it begins at zero. As that
/// is in a word with the resolution and the table, each thread takes the lock once when any of
/// these has changed.
#[derive(Debug)]
pub struct NativeCell {
    word: AtomicU64,
    zero_threshold: AtomicU64,
    head: Block<Fixed<HEAD>>,
    directory: Directory,
    book: Mutex<Book>,
}

impl NativeCell {
    /// With so many buckets of given bounds beside the others; that of +Inf is always there.
    ///
    /// The clock tells seconds since 1970.
    pub(super) fn new(limits: NativeLimits, below: usize, clock: fn() -> f64) -> Self {
        let book = Book::new(limits, below, clock);
        let cell = Self {
            word: AtomicU64::new(0),
            zero_threshold: AtomicU64::new(0),
            head: Block::new(Fixed),
            directory: Directory::new(),
            book: Mutex::new(book),
        };
        cell.publish(&mut cell.book.lock());
        cell
    }

    /// Adds an observation, where buckets with given bounds do not matter.
    // A function of its own, without calls but at its end: it has no registers to save.
    #[inline(never)]
    pub(super) fn observe_one(&self, value: f64) {
        if !self.add_at_once(value, 1, 0) {
            self.observe_exactly(value, 1, 0);
        }
    }

    /// Adds `n` observations of `value`, which belongs into a bucket of given bounds.
    #[inline(never)]
    pub(super) fn observe(&self, value: f64, n: u64, below: usize) {
        if !self.add_at_once(value, n, below) {
            self.observe_exactly(value, n, below);
        }
    }

    /// Adds to the bucket that the value's bits tell, if it is known by them.
    #[inline(always)]
    fn add_at_once(&self, value: f64, n: u64, below: usize) -> bool {
        // Acquire: with a word, what is said beside it.
        let word = self.word.load(Ordering::Acquire);
        self.add(word, Key::at_once(value, halved_of(word), below), value, n)
    }

    /// The same for all other values.
    #[inline(never)]
    fn observe_exactly(&self, value: f64, n: u64, below: usize) {
        let word = self.word.load(Ordering::Acquire);
        let zero_threshold = f64::from_bits(self.zero_threshold.load(Ordering::Relaxed));
        let key = Key::of(value, halved_of(word), zero_threshold, below);
        if !self.add(word, key, value, n) {
            self.observe_first(value, n, below);
        }
    }

    /// Adds to the cells of the calling thread, if they are there.
    #[inline(always)]
    fn add(&self, word: u64, key: Key, value: f64, n: u64) -> bool {
        let table = (word >> TABLE) as usize % TABLES;
        let Some(place) = self.directory.find(table, key) else { return false };
        let Some(seat) = Seat::own() else { return false };
        let Some((head, [known, ..])) = seat.cells(&self.head).and_then(split_head) else {
            return false;
        };
        if known.load(Ordering::Relaxed) != word {
            return false;
        }
        let Some(cell) = seat.at(place) else { return false };
        sequence::write(head, head[0].load(Ordering::Relaxed), Some(cell), value, n);
        true
    }

    /// What was observed so far.
    pub(super) fn read(&self, into: &mut NativeReading) {
        let (_hold_off, mut book) = self.lock();
        if book.reset_if_due() {
            self.publish(&mut book);
        }
        into.begin(&book);
        for seat in Seat::all() {
            if let Some((head, [known, ..])) = seat.cells(&self.head).and_then(split_head) {
                // It is written under the lock.
                if known.load(Ordering::Relaxed) >> GENERATION == book.generation {
                    into.sum += self.read_seat(&book, seat, head, &mut into.slots);
                }
            }
        }
        into.end(&book);
    }

    /// Appends the count of each of the buckets with given bounds; returns the sum.
    pub(super) fn read_given(&self, into: &mut Vec<f64>) -> f64 {
        let mut reading = NativeReading::default();
        self.read(&mut reading);
        into.extend(reading.below.iter().map(|count| *count as f64));
        reading.sum
    }

    /// Adds what one owner has in its cells; returns its sum.
    fn read_seat(&self, book: &Book, seat: Seat, head: &Sequence, into: &mut [(u64, u64)]) -> f64 {
        let mut read = || {
            sequence::read(head, || {
                let mut total: u64 = 0;
                for ((_, inside), slot) in into.iter_mut().zip(&book.slots) {
                    // Acquire: as the sequence wants it. Without a cell, nothing is in it that
                    // the state may count.
                    *inside = seat.at(slot.place).map_or(0, |cell| cell.load(Ordering::Acquire));
                    total = total.wrapping_add(*inside);
                }
                total
            })
        };
        let mut tries = 0;
        let sum = loop {
            if let Some(sum) = read() {
                break sum;
            }
            tries += 1;
            if tries == FREE_READS {
                self.word.store(word_of(book, QUIET), Ordering::Relaxed);
            }
            pause(tries);
        };
        if tries >= FREE_READS {
            self.word.store(word_of(book, book.generation), Ordering::Release);
        }
        for (total, inside) in into {
            *total = total.wrapping_add(*inside);
        }
        sum
    }

    /// Adds observations of a value that has no slot yet, or in cells that are new or shared.
    #[cold]
    #[inline(never)]
    fn observe_first(&self, value: f64, n: u64, below: usize) {
        let (_hold_off, mut book) = self.lock();
        let slot = self.slot_of(&mut book, value, below);
        let owner = self.head.touch();
        let Some((head, [known, ..])) = split_head(owner.all()) else { return };
        if known.load(Ordering::Relaxed) >> GENERATION != book.generation {
            let buckets = book.cells.iter().flat_map(|block| block.touch_as(owner));
            buckets.chain(head).for_each(|cell| cell.store(0, Ordering::Relaxed));
        }
        known.store(word_of(&book, book.generation), Ordering::Relaxed);
        // Whoever shares cells waits for the lock.
        let cell = book.cells[slot / CELLS].touch_as(owner).get(slot % CELLS);
        sequence::write(head, head[0].load(Ordering::Relaxed), cell, value, n);
    }

    /// The number of the slot of a value, made if there is none.
    fn slot_of(&self, book: &mut Book, value: f64, below: usize) -> usize {
        if book.make_room(value) {
            self.publish(book);
        }
        let slot = book.slot_of(value, below);
        let (key, place) = (book.key_of(value, below), book.slots[slot].place);
        if self.directory.find(book.table, key).is_none() {
            if self.directory.add(book.table, book.keys, key, place) {
                book.keys += 1;
            } else {
                self.publish(book);
            }
        }
        slot
    }

    /// Lets those who observe find the slots by what is said of them now.
    fn publish(&self, book: &mut Book) {
        (book.table, book.keys) = self.directory.fill(&book.all_keys());
        self.zero_threshold.store(book.zero_threshold.to_bits(), Ordering::Relaxed);
        // Release: whoever sees the word sees what is said beside it.
        self.word.store(word_of(book, book.generation), Ordering::Release);
    }

    fn lock(&self) -> (HoldOff, Guard<'_, Book>) {
        let hold_off = hold_off();
        (hold_off, self.book.lock())
    }
}

/// The cells of an owner that a [`sequence`] has, and the word that it knows.
#[inline]
fn split_head(cells: &[AtomicU64]) -> Option<(&Sequence, &[AtomicU64])> {
    cells.split_first_chunk()
}

fn word_of(book: &Book, generation: u64) -> u64 {
    generation << GENERATION | (book.table as u64) << TABLE | u64::from(book.halved())
}

#[inline(always)]
fn halved_of(word: u64) -> u32 {
    word as u32 % (1 << TABLE)
}
