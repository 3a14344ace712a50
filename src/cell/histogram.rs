//! The home of observations by size.

use super::Home;
#[cfg(feature = "multiprocess")]
use super::all_mapped;
use super::observations::Observations;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;
use super::slab::Reader;

/// A count for each bucket, and the sum; the count of all is the sum of the buckets.
#[derive(Debug)]
pub enum HistogramCell {
    Memory(Observations),
    #[cfg(feature = "multiprocess")]
    // Apart, so that numbers in memory take no more than they need.
    Mapped(Box<MappedHistogram>),
}

#[cfg(feature = "multiprocess")]
#[derive(Debug)]
pub struct MappedHistogram {
    buckets: Box<[SharedCell]>,
    sum: SharedCell,
}

impl HistogramCell {
    /// In the homes of the sum and the buckets, or in memory.
    pub(crate) fn at(homes: Vec<Home>) -> Self {
        let buckets = homes.len() - 1;
        #[cfg(feature = "multiprocess")]
        if let Some(mut cells) = all_mapped(homes) {
            let sum = cells.remove(0);
            return Self::Mapped(Box::new(MappedHistogram { buckets: cells.into(), sum }));
        }
        Self::Memory(Observations::new(buckets))
    }

    /// Adds `n` observations of `value`, which belongs into `bucket`.
    #[inline]
    pub(crate) fn observe(&self, bucket: usize, value: f64, n: u64) {
        match self {
            Self::Memory(observations) => observations.observe(bucket, value, n),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => mapped.observe(bucket, value, n),
        }
    }

    /// Appends the count of each bucket, not cumulative; returns the sum.
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
                into.extend(mapped.buckets.iter().map(SharedCell::get));
                mapped.sum.get()
            }
        }
    }
}

#[cfg(feature = "multiprocess")]
impl MappedHistogram {
    #[inline(never)]
    fn observe(&self, bucket: usize, value: f64, n: u64) {
        self.sum.add(value * n as f64);
        self.buckets[bucket].add(n as f64);
    }
}
