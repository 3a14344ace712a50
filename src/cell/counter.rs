//! The home of a total that only grows.

use super::Home;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;
use super::slab::Reader;
use super::tally::Tally;

/// A total.
#[derive(Debug)]
pub(crate) enum CounterCell {
    Memory(Tally),
    #[cfg(feature = "multiprocess")]
    // Apart, so that a number in memory takes no more than it needs.
    Mapped(Box<SharedCell>),
}

impl CounterCell {
    pub(crate) fn at(home: Home) -> Self {
        match home {
            Home::Memory => Self::Memory(Tally::new()),
            #[cfg(feature = "multiprocess")]
            Home::Mapped(cell) => Self::Mapped(Box::new(cell)),
        }
    }

    #[inline]
    pub(crate) fn inc(&self) {
        match self {
            Self::Memory(tally) => tally.inc(),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.add(1.0),
        }
    }

    /// Adds an amount that is not negative.
    #[inline]
    pub(crate) fn add(&self, amount: f64) {
        match self {
            Self::Memory(tally) => tally.add(amount),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.add(amount),
        }
    }

    pub(crate) fn get(&self) -> f64 {
        self.read(&mut Reader::new())
    }

    /// Appends what each of these has.
    pub(crate) fn get_all<'c>(cells: impl Iterator<Item = &'c Self>, into: &mut Vec<f64>) {
        let mut reader = Reader::new();
        into.extend(cells.map(|cell| cell.read(&mut reader)));
    }

    #[inline]
    fn read(&self, reader: &mut Reader) -> f64 {
        match self {
            Self::Memory(tally) => tally.get(reader),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.get(),
        }
    }

    pub(crate) fn reset(&self) {
        match self {
            Self::Memory(tally) => tally.reset(),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.reset(),
        }
    }
}
