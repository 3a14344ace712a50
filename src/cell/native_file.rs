//! The home of observations by exponential size in a file that processes share.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use once_cell::race::OnceBox;

use super::directory::{Directory, Key};
use super::fork::{HoldOff, hold_off};
use super::lane::Patience;
use super::native_book::{Book, NativeReading};
use super::native_entry::{BUCKETS, FIRST, IS_SHORT, NativeName, SHORT};
use super::native_limits::NativeLimits;
use super::side::SideSlot;
use super::sync::{AtomicU64, Guard, Mutex, OnceCell};

/// How often the resolution is halved, in the lower bits of a word; then which table there is.
const TABLE: u32 = 4;
const HALVED: u64 = (1 << TABLE) - 1;

/// Where the buckets of a series have room.
pub(crate) trait NativeRows: Send + Sync {
    /// Whether its numbers are in a file.
    fn are_filed(&self) -> bool;

    /// An entry with these buckets, appended to the side file; none if there is no room.
    fn append(&self, is_short: bool, buckets: &[(NativeName, u64)]) -> Option<SideSlot>;
}

/// Observations that all threads of a process count in the same words of a file, one for each
/// bucket.
///
/// A bucket is found as in [`NativeCell`](super::native::NativeCell), and keeps its name: when
/// the resolution is halved or the zero bucket is widened, new ones are made for what comes. So
/// every count is that of the bucket that it says. What finds no room is in memory until there is.
pub(crate) struct SharedNative {
    word: AtomicU64,
    zero_threshold: AtomicU64,
    directory: Directory,
    filed: FiledSlots,
    rows: Box<dyn NativeRows>,
    inside: Mutex<Inside>,
}

struct Inside {
    book: Book,
    slots: Vec<Slot>,
    /// How many of them are in the file: the first ones.
    filed: usize,
    /// The slots that are found by what the resolution and the zero bucket are now.
    current: Vec<(Key, u32)>,
    first: Option<Arc<SideSlot>>,
    /// The entry that has room, and how many of its buckets are taken.
    last: Option<(Arc<SideSlot>, usize)>,
    patience: Patience,
}

struct Slot {
    name: NativeName,
    /// What it counts, if it is not in the file.
    waiting: u64,
}

impl SharedNative {
    /// With so many buckets of given bounds beside the others; it never begins anew, since what
    /// processes have counted together must not fall.
    ///
    /// The clock tells seconds since 1970.
    pub(crate) fn new(
        limits: NativeLimits,
        below: usize,
        clock: fn() -> f64,
        rows: Box<dyn NativeRows>,
    ) -> Arc<Self> {
        let limits = NativeLimits { min_reset_seconds: None, ..limits };
        let inside = Inside {
            book: Book::new(limits, below, clock),
            slots: Vec::new(),
            filed: 0,
            current: Vec::new(),
            first: None,
            last: None,
            patience: Patience::default(),
        };
        let native = Self {
            word: AtomicU64::new(0),
            zero_threshold: AtomicU64::new(0),
            directory: Directory::new(),
            filed: FiledSlots::default(),
            rows,
            inside: Mutex::new(inside),
        };
        native.publish(&mut native.inside.lock());
        Arc::new(native)
    }

    /// Adds `n` observations of `value`, which belongs into a bucket of given bounds.
    pub(crate) fn observe(&self, value: f64, n: u64, below: usize) {
        // Acquire: whoever sees how wide the zero bucket is sees the table that goes with it.
        let zero_threshold = f64::from_bits(self.zero_threshold.load(Ordering::Acquire));
        let word = self.word.load(Ordering::Acquire);
        let key = Key::of(value, (word & HALVED) as u32, zero_threshold, below);
        let place = self.directory.find((word >> TABLE) as usize, key);
        match place.and_then(|place| self.filed.get(number_of(place))) {
            Some(slot) => slot.add(n),
            None => self.observe_first(value, n, below),
        }
    }

    /// What this process has observed so far, but the sum.
    pub(super) fn read(&self, into: &mut NativeReading) {
        let (_hold_off, inside) = self.lock();
        into.begin(&inside.book);
        for (number, (slot, count)) in inside.slots.iter().zip(into.counts()).enumerate() {
            *count = self.filed.get(number).map_or(slot.waiting, FiledSlot::get);
        }
        into.end(&inside.book);
    }

    /// Moves what is in memory into the file, as far as there is room.
    pub(crate) fn file_amounts(&self) {
        let (_hold_off, mut inside) = self.lock();
        self.file(&mut inside);
    }

    /// Whether a part of it is in memory alone, and its other numbers are not.
    pub(crate) fn is_short(&self) -> bool {
        let (_hold_off, inside) = self.lock();
        inside.is_short() && self.rows.are_filed()
    }

    /// In a forked child: forgets what the parent has counted in memory.
    #[cfg(all(unix, not(loom)))]
    pub(crate) fn leave_parent(&self) {
        let mut inside = self.inside.lock();
        inside.slots.iter_mut().for_each(|slot| slot.waiting = 0);
        if let Some(first) = &inside.first {
            first.set_word(SHORT, 0);
        }
    }

    /// Adds observations of a value whose bucket is new, or has found no room yet.
    #[cold]
    #[inline(never)]
    fn observe_first(&self, value: f64, n: u64, below: usize) {
        let (_hold_off, mut inside) = self.lock();
        let number = self.slot_of(&mut inside, value, below);
        if inside.filed <= number && !inside.patience.is_asked() {
            self.file(&mut inside);
        }
        match self.filed.get(number) {
            Some(slot) => slot.add(n),
            None => {
                // Before it is missing in the file.
                inside.say_short();
                let slot = &mut inside.slots[number];
                slot.waiting = slot.waiting.wrapping_add(n);
            }
        }
    }

    /// The number of the slot of a value, made if there is none.
    fn slot_of(&self, inside: &mut Inside, value: f64, below: usize) -> usize {
        if inside.book.make_room(value) {
            // What there is keeps its names, which are others from now on.
            inside.current.clear();
            self.publish(inside);
        }
        let name = inside.book.name_of(value, below);
        let found = inside.slots.iter().position(|slot| slot.name == name);
        let number = found.unwrap_or_else(|| {
            let number = inside.slots.len();
            inside.book.push_slot(value, below, place_of(number));
            inside.slots.push(Slot { name, waiting: 0 });
            number
        });
        let (key, table) = (inside.book.key_of(value, below), inside.book.table);
        if !inside.current.iter().any(|(have, _)| *have == key) {
            inside.current.push((key, place_of(number)));
            if self.directory.add(table, inside.book.keys, key, place_of(number)) {
                inside.book.keys += 1;
            } else {
                self.publish(inside);
            }
        }
        number
    }

    /// Moves slots into the file, as far as there is room.
    fn file(&self, inside: &mut Inside) {
        while inside.filed < inside.slots.len() {
            let Some((entry, places)) = inside.take_room(&*self.rows) else {
                return inside.patience.learn(false);
            };
            for place in places {
                inside.slots[inside.filed].waiting = 0;
                let (entry, count) = (entry.clone(), FIRST + 2 * place + 1);
                self.filed.put(inside.filed, FiledSlot { entry, count });
                inside.filed += 1;
            }
        }
        inside.patience.learn(true);
        inside.say_whole();
    }

    /// Lets those who observe find the slots by what is said of them now.
    fn publish(&self, inside: &mut Inside) {
        let Inside { book, current, .. } = inside;
        (book.table, book.keys) = self.directory.fill(current);
        let word = (book.table as u64) << TABLE | u64::from(book.halved());
        self.word.store(word, Ordering::Release);
        // Release: as `observe` wants it.
        self.zero_threshold.store(book.zero_threshold.to_bits(), Ordering::Release);
    }

    fn lock(&self) -> (HoldOff, Guard<'_, Inside>) {
        let hold_off = hold_off();
        (hold_off, self.inside.lock())
    }
}

impl Inside {
    fn is_short(&self) -> bool {
        self.filed < self.slots.len()
    }

    /// Says that some of it is in memory alone.
    fn say_short(&self) {
        if let Some(first) = &self.first {
            first.set_word(SHORT, IS_SHORT);
        }
    }

    /// Says that all of it is in the file, if it was said that it is not.
    fn say_whole(&self) {
        if let Some(first) = self.first.as_ref().filter(|first| first.word(SHORT) == IS_SHORT) {
            // Who reads just now may have read how long the file is before it was so long.
            first.set_word(SHORT, first.file_len());
        }
    }

    /// Gives the next slots room in the file: an entry that names them, and their places in it.
    fn take_room(&mut self, rows: &dyn NativeRows) -> Option<(Arc<SideSlot>, Range<usize>)> {
        let slots = &self.slots[self.filed..];
        if let (Some((entry, taken)), [Slot { name, waiting: 0 }, ..]) = (&mut self.last, slots) {
            if *taken < BUCKETS {
                entry.set_word(FIRST + 2 * *taken, name.to_word());
                *taken += 1;
                return Some((entry.clone(), *taken - 1..*taken));
            }
        }
        // What waits comes with its entry: whoever sees that sees it whole.
        let (now, later) = slots.split_at(slots.len().min(BUCKETS));
        let now: Vec<_> = now.iter().map(|slot| (slot.name, slot.waiting)).collect();
        let is_short = self.first.is_none() && later.iter().any(|slot| slot.waiting > 0);
        let entry = Arc::new(rows.append(is_short, &now)?);
        self.first.get_or_insert_with(|| entry.clone());
        self.last = Some((entry.clone(), now.len()));
        Some((entry, 0..now.len()))
    }
}

/// What the directory has for a slot, which is never zero.
fn place_of(number: usize) -> u32 {
    number as u32 + 1
}

fn number_of(place: u32) -> usize {
    place as usize - 1
}

/// The word of a bucket in the file.
struct FiledSlot {
    entry: Arc<SideSlot>,
    count: usize,
}

impl FiledSlot {
    fn add(&self, n: u64) {
        self.entry.add(self.count, n);
    }

    fn get(&self) -> u64 {
        self.entry.word(self.count)
    }
}

/// Slots that are found by their numbers without a lock, in chunks of which each has twice as
/// many as the one before.
#[derive(Default)]
struct FiledSlots([OnceBox<Chunk>; CHUNKS]);

type Chunk = Box<[OnceCell<FiledSlot>]>;

const CHUNKS: usize = 20;

impl FiledSlots {
    fn get(&self, number: usize) -> Option<&FiledSlot> {
        let (chunk, at) = chunk_of(number);
        self.0.get(chunk)?.get()?.get(at)?.get()
    }

    /// One thread does at a time.
    fn put(&self, number: usize, slot: FiledSlot) {
        let (chunk, at) = chunk_of(number);
        let new = || Box::new((0..BUCKETS << chunk).map(|_| OnceCell::new()).collect());
        if let Some(place) = self.0.get(chunk).and_then(|chunk| chunk.get_or_init(new).get(at)) {
            let _ = place.set(slot);
        }
    }
}

fn chunk_of(number: usize) -> (usize, usize) {
    let chunk = (number / BUCKETS + 1).ilog2() as usize;
    (chunk, number - BUCKETS * ((1 << chunk) - 1))
}

impl fmt::Debug for SharedNative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedNative").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let places: Vec<_> = (0..1000).map(chunk_of).collect();
        assert_eq!(places[..2], [(0, 0), (0, 1)]);
        assert_eq!(
            [places[15], places[16], places[47], places[48]],
            [(0, 15), (1, 0), (1, 31), (2, 0)]
        );
        assert!(places.is_sorted_by(|a, b| a < b));
        assert!(places.iter().all(|(chunk, at)| *at < BUCKETS << chunk));
    }
}
