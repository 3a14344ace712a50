//! How fine a native histogram is, and what keeps it small.

/// The most buckets that a limit may allow.
pub(crate) const MOST_BUCKETS: usize = 10_000;

/// How a native histogram begins, and what keeps it small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NativeLimits {
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    /// How many buckets there may be, without the zero bucket.
    pub(crate) max_buckets: usize,
    /// After how many seconds it may begin anew.
    pub(crate) min_reset_seconds: Option<f64>,
    /// How far the zero bucket may be widened.
    pub(crate) max_zero_threshold: f64,
}
