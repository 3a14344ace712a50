//! A count of observations and two sums, of which one is valid: a reader sees no half of one.

use std::ops::Deref;
use std::sync::atomic::Ordering;

use super::sync::AtomicU64;

/// In a state: which of the sums is that of the observations that it counts. The other one
/// is that with the observation after them, as soon as that is in its bucket.
const SECOND: u64 = 1;

/// In the state of shared cells: somebody is writing to them.
pub(super) const LOCKED: u64 = 2;

/// In a state: one observation. They are counted above the flags.
const ONE: u64 = 4;

/// How often a reader begins anew before it asks writers to go elsewhere.
pub(super) const FREE_READS: u32 = if cfg!(loom) { 1 } else { 100 };

/// Adds to a state, the sums behind it and a bucket, whose only writer is the calling thread.
///
/// Each store releases what was before it: whoever sees the bucket sees the sum, and whoever
/// sees either of the next observation sees the state of this one.
#[inline]
pub(super) fn write(
    [place, sums @ ..]: &[AtomicU64; 3],
    state: u64,
    bucket: Option<impl Deref<Target = AtomicU64>>,
    value: f64,
    n: u64,
) {
    let next = state.wrapping_add(n.wrapping_mul(ONE)) ^ SECOND;
    let sum = f64::from_bits(sum_of(state, sums).load(Ordering::Relaxed)) + value * n as f64;
    sum_of(next, sums).store(sum.to_bits(), Ordering::Release);
    if let Some(bucket) = bucket {
        bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
    }
    place.store(next, Ordering::Release);
}

/// The sum of the observations that a state counts.
#[inline]
fn sum_of(state: u64, sums: &[AtomicU64]) -> &AtomicU64 {
    &sums[(state & SECOND) as usize]
}

/// Reads the buckets of one owner, which acquire what their stores have released, and how many
/// are in them; returns the sum that belongs to them. None if it has completed an observation
/// meanwhile.
pub(super) fn read(
    [place, sums @ ..]: &[AtomicU64; 3],
    buckets: impl FnOnce() -> u64,
) -> Option<f64> {
    let begun = place.load(Ordering::Acquire);
    let inside = buckets();
    // One more is in its bucket than the state counts: with its value, the sum is the other one.
    let is_within = inside.wrapping_mul(ONE) != begun & !(ONE - 1);
    let sum = sum_of(begun ^ u64::from(is_within), sums).load(Ordering::Acquire);
    ((place.load(Ordering::Relaxed) ^ begun) & !LOCKED == 0).then(|| f64::from_bits(sum))
}
