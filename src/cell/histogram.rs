//! The home of observations by size.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Home;
#[cfg(feature = "multiprocess")]
use super::mapped::MappedCell;
use super::real::Real;

/// A count for each bucket, and the sum; the count of all is the sum of the buckets.
#[derive(Debug)]
pub(crate) enum HistogramCell {
    Memory {
        buckets: Box<[AtomicU64]>,
        sum: Real,
    },
    #[cfg(feature = "multiprocess")]
    Mapped {
        buckets: Box<[MappedCell]>,
        sum: MappedCell,
    },
}

impl HistogramCell {
    /// In memory, unless all numbers have a home elsewhere.
    pub(crate) fn at(sum: Home, buckets: Vec<Home>) -> Self {
        let count = buckets.len();
        #[cfg(feature = "multiprocess")]
        if let (Home::Mapped(sum), Some(buckets)) = (&sum, all_mapped(buckets)) {
            return Self::Mapped { buckets, sum: sum.clone() };
        }
        #[cfg(not(feature = "multiprocess"))]
        let Home::Memory = sum;
        Self::Memory {
            buckets: (0..count).map(|_| AtomicU64::new(0)).collect(),
            sum: Real::default(),
        }
    }

    /// Adds `n` observations of `value`, which belongs into `bucket`.
    pub(crate) fn observe(&self, bucket: usize, value: f64, n: u64) {
        match self {
            Self::Memory { buckets, sum } => {
                sum.add(value * n as f64);
                buckets[bucket].fetch_add(n, Ordering::Relaxed);
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped { buckets, sum } => {
                sum.add(value * n as f64);
                buckets[bucket].add(n as f64);
            }
        }
    }

    /// Appends the count of each bucket, not cumulative; returns the sum.
    pub(crate) fn read(&self, into: &mut Vec<f64>) -> f64 {
        match self {
            Self::Memory { buckets, sum } => {
                into.extend(buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed) as f64));
                sum.get()
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped { buckets, sum } => {
                into.extend(buckets.iter().map(MappedCell::get));
                sum.get()
            }
        }
    }
}

#[cfg(feature = "multiprocess")]
fn all_mapped(homes: Vec<Home>) -> Option<Box<[MappedCell]>> {
    let mapped = homes.into_iter().map(|home| match home {
        Home::Mapped(cell) => Some(cell),
        Home::Memory => None,
    });
    mapped.collect()
}
