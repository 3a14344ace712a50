//! Where the cells of a native histogram's buckets are, found without a lock.

use std::sync::atomic::Ordering;

use once_cell::race::OnceBox;

use super::exponential::{FINEST, RAW_SIGN, bucket, last_place, place, raw_place, upper_bound};
use super::sync::AtomicU64;

/// How many tables there can be, each four times as long as the one before.
pub(super) const TABLES: usize = 8;

/// How many entries the first of them has.
const FIRST: usize = if cfg!(loom) { 4 } else { 32 };

/// An entry is a key, and in its lower bits a place of the slabs, which is never zero.
const PLACE: u32 = 28;

/// The lower bits of a key are a bucket at its resolution: as the resolution is halved, they
/// move to the right, and with them a bit that is always set. So no two resolutions have one in
/// common.
const SET: u32 = 1 << (BUCKET - 1);
const BUCKET: u32 = 22;

/// Then comes the bucket with given bounds.
const BELOW: u32 = 10;

/// How many of these there can be.
pub(crate) const MOST_BELOW: usize = 1 << BELOW;

/// Above all that: how a bucket is told of whose values are not known by their raw place alone,
/// and what is in no such bucket.
const EXACT: u64 = 1 << (BUCKET + BELOW);
const ZERO: u64 = 2 << (BUCKET + BELOW);
const NAN: u64 = 3 << (BUCKET + BELOW);

/// The sign of a bucket that is told of exactly, and what makes all of their places positive
/// without moving a bound of a resolution.
const EXACT_SIGN: i32 = 1 << 20;
const EXACT_FROM: i32 = 1280 << FINEST;

/// Within these places, raw places are those of no extreme values.
const PLAIN: i32 = 1000 << FINEST;

/// No value that is greater than this has the raw key of zero.
const LEAST_PLAIN: f64 = f64::from_bits(23 << (f64::MANTISSA_DIGITS - 1));

/// What tells apart observations that are counted in different cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u64);

impl Key {
    /// What most values have for a key, by how often the finest resolution is halved; those that
    /// have another one find nothing by this.
    #[inline(always)]
    pub(super) fn at_once(value: f64, halved: u32, below: usize) -> Self {
        // Rounded down, it is one less than the bucket.
        let place = raw_place(value) + (SET | ((1 << FINEST) - 1));
        Self(u64::from(place.wrapping_shr(halved)) | (below as u64) << BUCKET)
    }

    /// That of a value, by how often the finest resolution is halved and the zero threshold.
    pub(super) fn of(value: f64, halved: u32, zero_threshold: f64, below: usize) -> Self {
        if value.is_nan() {
            Self::nan(below)
        } else if value.abs() > zero_threshold {
            let bucket = bucket(place(value), FINEST - halved as i32);
            Self::bucket(value < 0.0, bucket, halved, zero_threshold, below)
        } else if value.to_bits() == 0 {
            Self::positive_zero(halved, zero_threshold, below)
        } else {
            Self::zero(below)
        }
    }

    /// That of zero itself, unless it has a sign: it is observed more often than all else that
    /// is in the zero bucket.
    pub(super) fn positive_zero(halved: u32, zero_threshold: f64, below: usize) -> Self {
        if zero_threshold >= LEAST_PLAIN {
            Self::at_once(0.0, halved, below)
        } else {
            Self::zero(below)
        }
    }

    pub(super) fn zero(below: usize) -> Self {
        Self(ZERO | (below as u64) << BUCKET)
    }

    pub(super) fn nan(below: usize) -> Self {
        Self(NAN | (below as u64) << BUCKET)
    }

    /// That of all values of a bucket which are not in the zero bucket.
    pub(super) fn bucket(
        is_negative: bool,
        bucket: i32,
        halved: u32,
        zero_threshold: f64,
        below: usize,
    ) -> Self {
        let end = |bucket| last_place(bucket, FINEST - halved as i32);
        let is_plain = end(bucket - 1) >= -PLAIN
            && end(bucket) <= PLAIN
            && upper_bound(end(bucket - 1)) >= zero_threshold;
        let (flag, from, sign) = if is_plain {
            // That of the value 1 in a raw place, and what is added to that.
            (0, (f64::MAX_EXP << FINEST) - (1 << halved), RAW_SIGN as i32)
        } else {
            (EXACT, EXACT_FROM, EXACT_SIGN)
        };
        let from = SET as i32 + from + if is_negative { sign } else { 0 };
        let bucket = (from + end(bucket)) >> halved;
        Self(flag | bucket as u64 | (below as u64) << BUCKET)
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
    #[inline(always)]
    pub(super) fn find(&self, table: usize, key: Key) -> Option<u32> {
        self.tables.get(table)?.get()?.find(key)
    }

    /// Adds a key that is not there to a table with so many; false if that has no room.
    pub(super) fn add(&self, table: usize, keys: usize, key: Key, place: u32) -> bool {
        let table = self.tables.get(table).and_then(OnceBox::get);
        table.is_some_and(|table| table.add(keys, key, place))
    }

    /// Makes these all keys that there are; says in which table, and how many.
    pub(super) fn fill(&self, keys: &[(Key, u32)]) -> (usize, usize) {
        let fits = |table: &usize| 2 * (keys.len() + 1) <= FIRST << (2 * table);
        let number = (0..TABLES).find(fits).unwrap_or(TABLES - 1);
        let table = self.tables[number].get_or_init(|| Box::new(Table::new(FIRST << (2 * number))));
        table.entries.iter().for_each(|entry| entry.store(0, Ordering::Relaxed));
        let mut added = 0;
        for &(key, place) in keys {
            if table.find(key).is_none() && table.add(added, key, place) {
                added += 1;
            }
        }
        (number, added)
    }
}

impl Table {
    fn new(len: usize) -> Self {
        let entries = (0..len).map(|_| AtomicU64::new(0)).collect();
        Self { entries, shift: u32::BITS - len.ilog2() }
    }

    #[inline(always)]
    fn find(&self, key: Key) -> Option<u32> {
        let mut at = self.first(key);
        loop {
            // Acquire: whoever sees the place sees the zeros that its cells begin with.
            let entry = self.entries.get(at)?.load(Ordering::Acquire);
            // Without the key, nothing is left but the place.
            let place = entry ^ key.0 << PLACE;
            if place < 1 << PLACE {
                return Some(place as u32);
            }
            if entry == 0 {
                return None;
            }
            at = self.next(at);
        }
    }

    fn add(&self, keys: usize, key: Key, place: u32) -> bool {
        // At most half of it is taken, so that whoever looks soon comes to an end.
        if 2 * (keys + 1) > self.entries.len() {
            return false;
        }
        let mut at = self.first(key);
        while self.entries[at].load(Ordering::Relaxed) != 0 {
            at = self.next(at);
        }
        self.entries[at].store(key.0 << PLACE | u64::from(place), Ordering::Release);
        true
    }

    /// Where a key stands, if there is room.
    #[inline(always)]
    fn first(&self, key: Key) -> usize {
        // By the golden ratio neighbours come to stand as far from each other as can be, so that
        // those that follow one another are hardly ever in each other's way.
        ((key.0 as u32).wrapping_mul(0x9e37_79b9) >> self.shift) as usize
    }

    #[inline(always)]
    fn next(&self, at: usize) -> usize {
        // Their number is a power of two.
        (at + 1) & (self.entries.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::exponential::COARSEST;
    use super::*;

    /// Values around bounds, and all kinds of extreme ones.
    fn values() -> Vec<f64> {
        let ends = [0.0, f64::from_bits(1), f64::MAX, f64::INFINITY];
        let nan = [0x7ff0_0000_0000_0001, 0x7ff8_0000_0000_0000, 0x7fff_ffff_ffff_ffff];
        let places = (-1074 << FINEST..=1024 << FINEST).step_by(51);
        let around = places.map(upper_bound).flat_map(|end| [end.next_down(), end, end.next_up()]);
        let all = around.chain(ends).chain(nan.map(f64::from_bits));
        all.flat_map(|value| [value, -value]).collect()
    }

    /// Where a value belongs: its side and its bucket.
    fn bucket_of(value: f64, halved: u32, zero_threshold: f64) -> (&'static str, i32) {
        match () {
            () if value.is_nan() => ("NaN", 0),
            () if value.abs() <= zero_threshold => ("zero", 0),
            () => {
                let bucket = bucket(place(value), FINEST - halved as i32);
                (if value < 0.0 { "negative" } else { "positive" }, bucket)
            }
        }
    }

    #[test]
    fn a_key_is_that_of_one_bucket_and_what_is_found_at_once_is_right() {
        let values = values();
        for zero_threshold in [0.0, 1e-320, 2_f64.powi(-128), 0.0101] {
            let mut known = HashMap::new();
            for halved in 0..=(FINEST - COARSEST) as u32 {
                let bucket_of = |value| (halved, bucket_of(value, halved, zero_threshold));
                for &value in &values {
                    let key = Key::of(value, halved, zero_threshold, 3);
                    // Zero and NaN are the same at every resolution.
                    let (halved, bucket) = bucket_of(value);
                    let is_bucket = !["zero", "NaN"].contains(&bucket.0);
                    let bucket = (if is_bucket { halved } else { 0 }, bucket);
                    assert_eq!(*known.entry(key.0).or_insert(bucket), bucket, "{value:e}");
                }
                let mut at_once = 0;
                for &value in &values {
                    let key = Key::at_once(value, halved, 3);
                    if let Some((_, bucket)) = known.get(&key.0) {
                        assert_eq!(*bucket, bucket_of(value).1, "{value:e}, {halved}");
                        at_once += 1;
                    }
                }
                // Half of all that are above the zero bucket, at least.
                assert!(at_once > values.len() / 4, "{at_once} of {}", values.len());
            }
        }
    }
}
