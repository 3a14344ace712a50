//! The buckets of histograms that are given none, by their unit.

use crate::metrics::DEFAULT_BUCKETS;

/// The upper bounds of a histogram in milliseconds that is given none; +Inf follows.
///
/// ```
/// use narthex::catalog::MILLISECOND_BUCKETS;
///
/// assert_eq!((MILLISECOND_BUCKETS[0], MILLISECOND_BUCKETS[13]), (0.5, 10_000.0));
/// ```
#[doc(alias = "DEFAULT_HISTOGRAM_BUCKETS_MS")]
pub const MILLISECOND_BUCKETS: [f64; 14] =
    [0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0];

/// The upper bounds of a histogram in bytes that is given none, from a megabyte to 100 gigabytes;
/// +Inf follows.
///
/// ```
/// use narthex::catalog::BYTE_BUCKETS;
///
/// assert_eq!((BYTE_BUCKETS[0], BYTE_BUCKETS[8]), (1e6, 1e11));
/// ```
#[doc(alias = "DEFAULT_HISTOGRAM_BUCKETS_BYTES")]
pub const BYTE_BUCKETS: [f64; 9] = [1e6, 1e7, 1e8, 5e8, 1e9, 5e9, 1e10, 5e10, 1e11];

/// What a histogram of that unit has if it is given none.
pub(super) const fn default_buckets(unit: &str) -> Option<&'static [f64]> {
    match unit.as_bytes() {
        b"milliseconds" | b"ms" => Some(&MILLISECOND_BUCKETS),
        b"seconds" | b"s" => Some(&DEFAULT_BUCKETS),
        b"bytes" => Some(&BYTE_BUCKETS),
        _ => None,
    }
}
