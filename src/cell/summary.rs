//! The home of a count and a sum.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Home;
#[cfg(feature = "multiprocess")]
use super::all_mapped;
use super::real::Real;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;

#[derive(Debug)]
pub enum SummaryCell {
    Memory {
        count: AtomicU64,
        sum: Real,
    },
    #[cfg(feature = "multiprocess")]
    Mapped {
        count: SharedCell,
        sum: SharedCell,
    },
}

impl SummaryCell {
    /// In the homes of the count and the sum, or in memory.
    pub(crate) fn at(homes: Vec<Home>) -> Self {
        #[cfg(feature = "multiprocess")]
        if let Some(Ok([count, sum])) = all_mapped(homes).map(<[SharedCell; 2]>::try_from) {
            return Self::Mapped { count, sum };
        }
        #[cfg(not(feature = "multiprocess"))]
        drop(homes);
        Self::Memory { count: AtomicU64::new(0), sum: Real::default() }
    }

    pub(crate) fn observe(&self, value: f64) {
        match self {
            Self::Memory { count, sum } => {
                sum.add(value);
                count.fetch_add(1, Ordering::Relaxed);
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped { count, sum } => {
                sum.add(value);
                count.add(1.0);
            }
        }
    }

    pub(crate) fn count(&self) -> f64 {
        match self {
            Self::Memory { count, .. } => count.load(Ordering::Relaxed) as f64,
            #[cfg(feature = "multiprocess")]
            Self::Mapped { count, .. } => count.get(),
        }
    }

    pub(crate) fn sum(&self) -> f64 {
        match self {
            Self::Memory { sum, .. } => sum.get(),
            #[cfg(feature = "multiprocess")]
            Self::Mapped { sum, .. } => sum.get(),
        }
    }
}
