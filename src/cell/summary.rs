//! The home of a count and a sum.

use super::Home;
#[cfg(feature = "multiprocess")]
use super::all_mapped;
use super::observations::Observations;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;
use super::slab::Reader;

#[derive(Debug)]
pub enum SummaryCell {
    Memory(Observations),
    #[cfg(feature = "multiprocess")]
    // Apart, so that numbers in memory take no more than they need.
    Mapped(Box<MappedSummary>),
}

#[cfg(feature = "multiprocess")]
#[derive(Debug)]
pub struct MappedSummary {
    count: SharedCell,
    sum: SharedCell,
}

impl SummaryCell {
    /// In the homes of the count and the sum, or in memory.
    pub(crate) fn at(homes: Vec<Home>) -> Self {
        #[cfg(feature = "multiprocess")]
        if let Some(Ok([count, sum])) = all_mapped(homes).map(<[SharedCell; 2]>::try_from) {
            return Self::Mapped(Box::new(MappedSummary { count, sum }));
        }
        #[cfg(not(feature = "multiprocess"))]
        drop(homes);
        Self::Memory(Observations::new(1))
    }

    #[inline]
    pub(crate) fn observe(&self, value: f64) {
        match self {
            Self::Memory(observations) => observations.observe(0, value, 1),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => {
                mapped.sum.add(value);
                mapped.count.add(1.0);
            }
        }
    }

    /// Appends the count; returns the sum.
    pub(crate) fn read(&self, into: &mut Vec<f64>) -> f64 {
        self.read_by(&mut Reader::new(), into)
    }

    /// Appends the counts of each of these, and its sum.
    pub(crate) fn read_all<'c>(
        cells: impl Iterator<Item = &'c Self>,
        counts: &mut Vec<f64>,
        sums: &mut Vec<f64>,
    ) {
        let mut reader = Reader::new();
        sums.extend(cells.map(|cell| cell.read_by(&mut reader, counts)));
    }

    fn read_by(&self, reader: &mut Reader, into: &mut Vec<f64>) -> f64 {
        match self {
            Self::Memory(observations) => observations.read(reader, into),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => {
                into.push(mapped.count.get());
                mapped.sum.get()
            }
        }
    }
}
