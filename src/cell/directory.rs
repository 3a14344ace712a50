//! Where the cells of a native histogram's buckets are, found without a lock.

use std::sync::atomic::Ordering;

use once_cell::race::OnceBox;

use super::exponential::{FINEST, bucket, is_extreme, place, place_of_normal};
use super::sync::AtomicU64;

/// How many tables there can be, each four times as long as the one before.
const TABLES: usize = 8;

/// How many entries the first of them has.
const FIRST: usize = if cfg!(loom) { 4 } else { 32 };

/// An entry is a key, and in its lower bits a place of the slabs, which is never zero.
const PLACE: u32 = 28;

/// The lower bits of a key say in which bucket with given bounds the value is.
const BELOW: u32 = 10;

/// How many of these there can be.
pub(crate) const MOST_BELOW: usize = 1 << BELOW;

/// Then come the side of zero, and the bucket up to here; then how often the finest resolution
/// is halved.
const BUCKET: u32 = BELOW + 1;
const HALVED: u32 = 32;

/// Stand in the place of a resolution.
const ZERO: u64 = 13 << HALVED;
const NAN: u64 = 14 << HALVED;

/// What tells apart observations that are counted in different cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u64);

impl Key {
    /// That of a value, by how often the finest resolution is halved and the zero threshold.
    pub(super) fn of(value: f64, halved: u32, zero_threshold: f64, below: usize) -> Self {
        if value.is_nan() {
            Self::nan(below)
        } else if is_extreme(value) && value.abs() > zero_threshold {
            Self::at(value, place(value), halved, below)
        } else {
            Self::of_normal(value, halved, zero_threshold, below)
        }
    }

    /// That of a value that is not [extreme](is_extreme), unless the zero bucket has it.
    #[inline]
    pub(super) fn of_normal(value: f64, halved: u32, zero_threshold: f64, below: usize) -> Self {
        if value.abs() <= zero_threshold {
            Self::zero(below)
        } else {
            Self::at(value, place_of_normal(value), halved, below)
        }
    }

    #[inline]
    fn at(value: f64, place: i32, halved: u32, below: usize) -> Self {
        Self::bucket(value.is_sign_negative(), bucket(place, FINEST - halved as i32), halved, below)
    }

    pub(super) fn zero(below: usize) -> Self {
        Self(ZERO | below as u64)
    }

    pub(super) fn nan(below: usize) -> Self {
        Self(NAN | below as u64)
    }

    #[inline]
    pub(super) fn bucket(is_negative: bool, bucket: i32, halved: u32, below: usize) -> Self {
        let bucket = u64::from((bucket << BUCKET) as u32);
        Self(u64::from(halved) << HALVED | bucket | u64::from(is_negative) << BELOW | below as u64)
    }
}

/// The places of cells by their keys.
///
/// One thread changes it at a time. Whoever looks meanwhile finds what is right, or nothing.
#[derive(Debug)]
pub(super) struct Directory {
    tables: [OnceBox<Table>; TABLES],
}

#[derive(Debug)]
struct Table {
    entries: Box<[AtomicU64]>,
    /// How much of a hash does not say where to begin.
    shift: u32,
}

impl Directory {
    pub(super) fn new() -> Self {
        Self { tables: [const { OnceBox::new() }; TABLES] }
    }

    /// The place of a key in one of the tables.
    #[inline]
    pub(super) fn find(&self, table: usize, key: Key) -> Option<u32> {
        let table = self.tables[table % TABLES].get()?;
        let mut at = table.first(key);
        loop {
            // Acquire: whoever sees the place sees the zeros that its cells begin with.
            let entry = table.entries.get(at)?.load(Ordering::Acquire);
            if entry >> PLACE == key.0 {
                return Some(entry as u32 & ((1 << PLACE) - 1));
            }
            if entry == 0 {
                return None;
            }
            at = table.next(at);
        }
    }

    /// Adds a key that is not there to a table with so many; false if that has no room.
    pub(super) fn add(&self, table: usize, keys: usize, key: Key, place: u32) -> bool {
        let Some(table) = self.tables[table % TABLES].get() else { return false };
        // At most half of it is taken, so that whoever looks soon comes to an end.
        if 2 * (keys + 1) > table.entries.len() {
            return false;
        }
        let mut at = table.first(key);
        while table.entries[at].load(Ordering::Relaxed) != 0 {
            at = table.next(at);
        }
        table.entries[at].store(key.0 << PLACE | u64::from(place), Ordering::Release);
        true
    }

    /// Makes these all keys that there are; says in which table, and how many.
    pub(super) fn fill(&self, keys: &[(Key, u32)]) -> (usize, usize) {
        let fits = |table: &usize| 2 * (keys.len() + 1) <= FIRST << (2 * table);
        let number = (0..TABLES).find(fits).unwrap_or(TABLES - 1);
        let table = self.tables[number].get_or_init(|| Box::new(Table::new(FIRST << (2 * number))));
        table.entries.iter().for_each(|entry| entry.store(0, Ordering::Relaxed));
        let mut added = 0;
        for &(key, place) in keys {
            if self.find(number, key).is_none() && self.add(number, added, key, place) {
                added += 1;
            }
        }
        (number, added)
    }
}

impl Table {
    fn new(len: usize) -> Self {
        let entries = (0..len).map(|_| AtomicU64::new(0)).collect();
        Self { entries, shift: u64::BITS - len.ilog2() }
    }

    /// Where a key stands, if there is room.
    #[inline]
    fn first(&self, key: Key) -> usize {
        // Neighbours come to stand far from each other, whatever values are observed.
        (key.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        // Their number is a power of two.
        (at + 1) & (self.entries.len() - 1)
    }
}
