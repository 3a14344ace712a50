//! What is known of a native histogram's buckets, and what is done when they become too many.

use super::directory::Key;
use super::exponential::{COARSEST, FINEST, bucket, last_place, place, upper_bound};
#[cfg(feature = "multiprocess")]
use super::native_entry::{NativeName, NativePlace};
use super::native_limits::NativeLimits;
use super::places::Fixed;
use super::slab::Block;

/// How many cells are taken from the slabs at a time.
pub(super) const CELLS: usize = 16;

/// Of so many slots for each bucket that is allowed, none are made by widening the zero bucket,
/// which could go on for as long as values become greater.
const WIDENED: usize = 4;

/// What a histogram had observed at one moment.
#[derive(Debug, Default)]
pub(crate) struct NativeReading {
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    /// Buckets with their counts, ascending; without those that have none.
    pub(crate) negative: Vec<(i32, u64)>,
    pub(crate) positive: Vec<(i32, u64)>,
    /// How many there were of each of the buckets with given bounds.
    pub(crate) below: Vec<u64>,
    pub(crate) sum: f64,
    /// Since when, in seconds since 1970.
    pub(crate) started: f64,
    /// What each slot has in all slabs, and in one of them.
    pub(super) slots: Vec<(u64, u64)>,
}

/// Where a value is counted, whatever its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Nan,
    Negative,
    Zero,
    Positive,
}

/// A cell in every slab.
#[derive(Debug)]
pub(super) struct Slot {
    side: Side,
    /// The last place of the bucket that it was made for.
    last: i32,
    /// Its bucket with given bounds.
    below: u32,
    /// Where its cell is.
    pub(super) place: u32,
}

/// All slots of a histogram.
#[derive(Debug)]
pub(super) struct Book {
    limits: NativeLimits,
    clock: fn() -> f64,
    /// How many buckets with given bounds there are.
    below: usize,
    pub(super) started: f64,
    /// Whether it is to begin anew as soon as it may.
    is_reset_due: bool,
    schema: i32,
    pub(super) zero_threshold: f64,
    /// What is not behind this place belongs to the zero bucket, since that was widened.
    last_zero: i32,
    pub(super) generation: u64,
    /// As many as were needed in this generation; more were in another one, perhaps.
    pub(super) slots: Vec<Slot>,
    pub(super) cells: Vec<Block<Fixed<CELLS>>>,
    /// Which table of the directory is in use, and how many keys are in it.
    pub(super) table: usize,
    pub(super) keys: usize,
}

impl Book {
    pub(super) fn new(limits: NativeLimits, below: usize, clock: fn() -> f64) -> Self {
        Self {
            limits,
            clock,
            below,
            started: clock(),
            is_reset_due: false,
            schema: limits.schema,
            zero_threshold: limits.zero_threshold,
            last_zero: i32::MIN,
            // Zero is that of cells that nobody has written to.
            generation: 1,
            slots: Vec::new(),
            cells: Vec::new(),
            table: 0,
            keys: 0,
        }
    }

    /// How often the finest resolution is halved.
    pub(super) fn halved(&self) -> u32 {
        (FINEST - self.schema) as u32
    }

    pub(super) fn key_of(&self, value: f64, below: usize) -> Key {
        Key::of(value, self.halved(), self.zero_threshold, below)
    }

    /// The keys by which slots are found now, with their places.
    pub(super) fn all_keys(&self) -> Vec<(Key, u32)> {
        let mut keys = Vec::with_capacity(self.slots.len() + 1);
        let (halved, zero_threshold) = (self.halved(), self.zero_threshold);
        for slot in &self.slots {
            let below = slot.below as usize;
            let key = match self.bucket_of(slot) {
                (Side::Nan, _) => Key::nan(below),
                (Side::Zero, _) => {
                    keys.push((Key::positive_zero(halved, zero_threshold, below), slot.place));
                    Key::zero(below)
                }
                (side, bucket) => {
                    Key::bucket(side == Side::Negative, bucket, halved, zero_threshold, below)
                }
            };
            keys.push((key, slot.place));
        }
        keys
    }

    /// The number of a value's slot, made if there is none.
    pub(super) fn slot_of(&mut self, value: f64, below: usize) -> usize {
        let bucket = self.bucket(value);
        let is_it = |slot: &Slot| slot.below == below as u32 && self.bucket_of(slot) == bucket;
        if let Some(slot) = self.slots.iter().position(is_it) {
            return slot;
        }
        let number = self.slots.len();
        if number / CELLS == self.cells.len() {
            self.cells.push(Block::new(Fixed));
        }
        let place = self.cells[number / CELLS].place_of(number % CELLS);
        self.push_slot(value, below, place);
        number
    }

    /// Adds a slot for a value, whose cell is there.
    pub(super) fn push_slot(&mut self, value: f64, below: usize, place: u32) {
        let (side, bucket) = self.bucket(value);
        let (last, below) = (last_place(bucket, self.schema), below as u32);
        self.slots.push(Slot { side, last, below, place });
    }

    /// What a value is counted as, as long as the schema and the zero bucket are what they are.
    #[cfg(feature = "multiprocess")]
    pub(super) fn name_of(&self, value: f64, below: usize) -> NativeName {
        let schema = self.schema;
        let place = match self.bucket(value) {
            (Side::Nan, _) => NativePlace::Nan,
            (Side::Negative, index) => NativePlace::Negative { schema, index },
            (Side::Positive, index) => NativePlace::Positive { schema, index },
            (Side::Zero, _) if self.last_zero == i32::MIN => NativePlace::Zero,
            (Side::Zero, _) => NativePlace::ZeroUpTo { schema: FINEST, index: self.last_zero },
        };
        NativeName { place, below: below as u16 }
    }

    /// Begins anew if that is due and the time has come.
    pub(super) fn reset_if_due(&mut self) -> bool {
        self.is_reset_due && self.reset_if_allowed()
    }

    /// Sees to it that the bucket of a value may be there; says whether anything has changed.
    ///
    /// Its steps are those of the [specification](https://prometheus.io/docs/specs/native_histograms/#limit-the-bucket-count).
    pub(super) fn make_room(&mut self, value: f64) -> bool {
        let mut has_changed = self.reset_if_due();
        while let Some(nearest) = self.nearest_if_too_many(value) {
            if self.reset_if_allowed() {
                return true;
            }
            self.is_reset_due = self.limits.min_reset_seconds.is_some();
            let widened = upper_bound(last_place(nearest, self.schema));
            let may_widen = self.slots.len() < WIDENED * self.limits.max_buckets;
            if may_widen && widened <= self.limits.max_zero_threshold {
                self.zero_threshold = widened;
                self.last_zero = last_place(nearest, self.schema);
            } else if self.schema > COARSEST {
                self.schema -= 1;
            } else {
                break;
            }
            has_changed = true;
        }
        has_changed
    }

    /// With the bucket of a value, if that is new, there are more than may be: which is the
    /// nearest to zero.
    fn nearest_if_too_many(&self, value: f64) -> Option<i32> {
        let is_counted = |(side, _): &(Side, i32)| [Side::Negative, Side::Positive].contains(side);
        let mut buckets: Vec<_> =
            self.slots.iter().map(|slot| self.bucket_of(slot)).filter(is_counted).collect();
        let bucket = Some(self.bucket(value)).filter(is_counted)?;
        if buckets.contains(&bucket) {
            return None;
        }
        buckets.push(bucket);
        buckets.sort_unstable();
        buckets.dedup();
        let nearest = buckets.iter().map(|(_, bucket)| *bucket).min();
        nearest.filter(|_| buckets.len() > self.limits.max_buckets)
    }

    fn reset_if_allowed(&mut self) -> bool {
        let now = (self.clock)();
        let is_allowed =
            self.limits.min_reset_seconds.is_some_and(|least| now - self.started >= least);
        if is_allowed {
            self.started = now;
            self.is_reset_due = false;
            self.schema = self.limits.schema;
            self.zero_threshold = self.limits.zero_threshold;
            self.last_zero = i32::MIN;
            self.generation += 1;
            self.slots.clear();
        }
        is_allowed
    }

    /// Where a value belongs now.
    fn bucket(&self, value: f64) -> (Side, i32) {
        if value.is_nan() {
            (Side::Nan, 0)
        } else if value.abs() <= self.zero_threshold {
            (Side::Zero, 0)
        } else {
            let side = if value < 0.0 { Side::Negative } else { Side::Positive };
            (side, bucket(place(value), self.schema))
        }
    }

    /// Where all of a slot belongs now.
    fn bucket_of(&self, slot: &Slot) -> (Side, i32) {
        match slot.side {
            Side::Positive | Side::Negative if slot.last > self.last_zero => {
                (slot.side, bucket(slot.last, self.schema))
            }
            Side::Nan => (Side::Nan, 0),
            _ => (Side::Zero, 0),
        }
    }
}

impl NativeReading {
    /// Begins to add up what each slot has.
    pub(super) fn begin(&mut self, book: &Book) {
        self.schema = book.schema;
        self.zero_threshold = book.zero_threshold;
        self.zero_count = 0;
        self.negative.clear();
        self.positive.clear();
        self.below.clear();
        self.below.resize(book.below, 0);
        self.sum = 0.0;
        self.started = book.started;
        self.slots.clear();
        self.slots.resize(book.slots.len(), (0, 0));
    }

    /// What each slot has, for whoever reads them all at once.
    #[cfg(feature = "multiprocess")]
    pub(super) fn counts(&mut self) -> impl Iterator<Item = &mut u64> {
        self.slots.iter_mut().map(|(count, _)| count)
    }

    /// Adds what each slot has to the buckets of now.
    pub(super) fn end(&mut self, book: &Book) {
        for (slot, (count, _)) in book.slots.iter().zip(&self.slots) {
            if let Some(below) = self.below.get_mut(slot.below as usize) {
                *below = below.saturating_add(*count);
            }
            match book.bucket_of(slot) {
                _ if *count == 0 => {}
                (Side::Nan, _) => {}
                (Side::Zero, _) => self.zero_count = self.zero_count.saturating_add(*count),
                (Side::Negative, bucket) => self.negative.push((bucket, *count)),
                (Side::Positive, bucket) => self.positive.push((bucket, *count)),
            }
        }
        for buckets in [&mut self.negative, &mut self.positive] {
            buckets.sort_unstable();
            buckets.dedup_by(|next, bucket| {
                let is_same = next.0 == bucket.0;
                if is_same {
                    bucket.1 = bucket.1.saturating_add(next.1);
                }
                is_same
            });
        }
    }
}
