//! The home of a total that only grows.

use once_cell::race::OnceBox;

use super::Home;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;
use super::slab::Reader;
use super::tally::{More, Tally};

/// A total: in memory, or where its [`CounterAside`] says.
#[derive(Debug)]
pub enum CounterCell {
    Memory(Tally),
    #[cfg(feature = "multiprocess")]
    Mapped,
}

/// What few totals need: kept elsewhere, so that a total takes no more than a place.
#[derive(Debug, Default)]
pub(crate) struct CounterAside {
    #[cfg(feature = "multiprocess")]
    mapped: Option<SharedCell>,
    /// Made when the first fraction is added, or at the first reset.
    more: OnceBox<More>,
}

impl CounterCell {
    /// A total, and what it needs from the start.
    pub(crate) fn at(home: Home) -> (Self, Option<CounterAside>) {
        match home {
            Home::Memory => (Self::Memory(Tally::new()), None),
            #[cfg(feature = "multiprocess")]
            Home::Mapped(cell) => {
                (Self::Mapped, Some(CounterAside { mapped: Some(cell), ..CounterAside::default() }))
            }
        }
    }

    #[inline]
    pub(crate) fn inc<'a>(&self, aside: impl FnOnce() -> &'a CounterAside) {
        match self {
            Self::Memory(tally) => {
                let _ = aside;
                tally.inc();
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped => aside().add_mapped(1.0),
        }
    }

    /// Adds an amount that is not negative.
    #[inline]
    pub(crate) fn add<'a>(&self, amount: f64, aside: impl FnOnce() -> &'a CounterAside) {
        match self {
            Self::Memory(tally) => tally.add(amount, || aside().more()),
            #[cfg(feature = "multiprocess")]
            Self::Mapped => aside().add_mapped(amount),
        }
    }

    pub(crate) fn get(&self, aside: Option<&CounterAside>) -> f64 {
        self.read(aside, &mut Reader::new())
    }

    /// Appends what each of these has.
    pub(crate) fn get_all<'c>(
        cells: impl Iterator<Item = (&'c Self, Option<&'c CounterAside>)>,
        into: &mut Vec<f64>,
    ) {
        let mut reader = Reader::new();
        into.extend(cells.map(|(cell, aside)| cell.read(aside, &mut reader)));
    }

    #[inline]
    fn read(&self, aside: Option<&CounterAside>, reader: &mut Reader) -> f64 {
        match self {
            Self::Memory(tally) => tally.get(aside.and_then(|aside| aside.more.get()), reader),
            #[cfg(feature = "multiprocess")]
            Self::Mapped => {
                aside.and_then(|aside| aside.mapped.as_ref()).map_or(0.0, SharedCell::get)
            }
        }
    }

    pub(crate) fn reset(&self, aside: &CounterAside) {
        match self {
            Self::Memory(tally) => tally.reset(aside.more()),
            #[cfg(feature = "multiprocess")]
            Self::Mapped => aside.mapped.iter().for_each(SharedCell::reset),
        }
    }
}

impl CounterAside {
    fn more(&self) -> &More {
        self.more.get_or_init(|| Box::new(More::new()))
    }

    #[cfg(feature = "multiprocess")]
    #[inline]
    fn add_mapped(&self, amount: f64) {
        self.mapped.iter().for_each(|cell| cell.add(amount));
    }
}
