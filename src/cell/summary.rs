//! The home of a count and a sum.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Home;
#[cfg(feature = "multiprocess")]
use super::mapped::MappedCell;
use super::real::Real;

#[derive(Debug)]
pub enum SummaryCell {
    Memory {
        count: AtomicU64,
        sum: Real,
    },
    #[cfg(feature = "multiprocess")]
    Mapped {
        count: MappedCell,
        sum: MappedCell,
    },
}

impl SummaryCell {
    /// In memory, unless both numbers have a home elsewhere.
    pub(crate) fn at(count: Home, sum: Home) -> Self {
        match (count, sum) {
            #[cfg(feature = "multiprocess")]
            (Home::Mapped(count), Home::Mapped(sum)) => Self::Mapped { count, sum },
            _ => Self::Memory { count: AtomicU64::new(0), sum: Real::default() },
        }
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
