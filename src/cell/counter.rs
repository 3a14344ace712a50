//! The home of a total that only grows.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Home;
use super::real::Real;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;

// 2^32 increments of this size still fit into the whole lane.
const WHOLE_LIMIT: f64 = 4_294_967_296.0;

/// A total: whole amounts and fractional ones in lanes of their own, so that
/// each lane only grows and so does their sum.
#[derive(Debug)]
pub(crate) enum CounterCell {
    Memory {
        whole: AtomicU64,
        fraction: Real,
    },
    #[cfg(feature = "multiprocess")]
    Mapped(SharedCell),
}

impl CounterCell {
    pub(crate) fn at(home: Home) -> Self {
        match home {
            Home::Memory => Self::Memory { whole: AtomicU64::new(0), fraction: Real::default() },
            #[cfg(feature = "multiprocess")]
            Home::Mapped(cell) => Self::Mapped(cell),
        }
    }

    pub(crate) fn inc(&self) {
        match self {
            Self::Memory { whole, .. } => {
                whole.fetch_add(1, Ordering::Relaxed);
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.add(1.0),
        }
    }

    /// Adds an amount that is not negative.
    pub(crate) fn add(&self, amount: f64) {
        match self {
            Self::Memory { whole, fraction } => {
                if amount < WHOLE_LIMIT && amount.trunc() == amount {
                    whole.fetch_add(amount as u64, Ordering::Relaxed);
                } else {
                    fraction.add(amount);
                }
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.add(amount),
        }
    }

    pub(crate) fn get(&self) -> f64 {
        match self {
            Self::Memory { whole, fraction } => {
                whole.load(Ordering::Relaxed) as f64 + fraction.get()
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.get(),
        }
    }

    pub(crate) fn reset(&self) {
        match self {
            Self::Memory { whole, fraction } => {
                whole.store(0, Ordering::Relaxed);
                fraction.set(0.0);
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.set(0.0),
        }
    }
}
