//! The home of a number that goes up and down.

use super::Home;
use super::level::Level;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;

#[derive(Debug)]
pub(crate) enum GaugeCell {
    Memory(Level),
    #[cfg(feature = "multiprocess")]
    Mapped(SharedCell),
}

impl GaugeCell {
    pub(crate) fn at(home: Home) -> Self {
        match home {
            Home::Memory => Self::Memory(Level::new()),
            #[cfg(feature = "multiprocess")]
            Home::Mapped(cell) => Self::Mapped(cell),
        }
    }

    #[inline]
    pub(crate) fn set(&self, value: f64) {
        match self {
            Self::Memory(level) => level.set(value),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.set(value),
        }
    }

    /// Sets the value and when that was, where the home keeps it.
    pub(crate) fn set_at(&self, value: f64, seconds: impl FnOnce() -> f64) {
        match self {
            Self::Memory(level) => {
                let _ = seconds;
                level.set(value);
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.set_at(value, seconds()),
        }
    }

    #[inline]
    pub(crate) fn add(&self, amount: f64) {
        match self {
            Self::Memory(level) => level.add(amount),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.add(amount),
        }
    }

    pub(crate) fn get(&self) -> f64 {
        match self {
            Self::Memory(level) => level.get(),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.get(),
        }
    }
}
