//! The home of a number that goes up and down.

use super::Home;
use super::level::Level;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;
use super::slab::Reader;

#[derive(Debug)]
pub(crate) enum GaugeCell {
    Memory(Level),
    #[cfg(feature = "multiprocess")]
    // Apart, so that a number in memory takes no more than it needs.
    Mapped(Box<SharedCell>),
}

impl GaugeCell {
    pub(crate) fn at(home: Home) -> Self {
        match home {
            Home::Memory => Self::Memory(Level::new()),
            #[cfg(feature = "multiprocess")]
            Home::Mapped(cell) => Self::Mapped(Box::new(cell)),
        }
    }

    /// Sets the value; where the home keeps when that was, as of `seconds`, if it is to be known.
    #[inline]
    pub(crate) fn set(&self, value: f64, seconds: impl FnOnce() -> Option<f64>) {
        match self {
            Self::Memory(level) => {
                let _ = seconds;
                level.set(value);
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.set(value, seconds()),
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
            Self::Memory(level) => level.get(reader),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(cell) => cell.get(),
        }
    }
}
