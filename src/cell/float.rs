//! Floats in the bits of atomic integers.

use std::sync::atomic::Ordering;

use super::sync::AtomicU64;

/// Adds to a number that others may add to at the same time.
#[inline]
pub(super) fn add_among_all(number: &AtomicU64, amount: f64) {
    let add = |bits| Some((f64::from_bits(bits) + amount).to_bits());
    let _ = number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
}
