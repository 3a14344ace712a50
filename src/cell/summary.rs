//! The home of a count and a sum.

#[cfg(feature = "multiprocess")]
use std::sync::Arc;

use super::Home;
#[cfg(feature = "multiprocess")]
use super::all_mapped;
use super::native::NativeCell;
use super::native_book::NativeReading;
#[cfg(feature = "multiprocess")]
use super::native_file::SharedNative;
use super::native_limits::NativeLimits;
use super::observations::Observations;
#[cfg(feature = "multiprocess")]
use super::shared::SharedCell;
use super::slab::Reader;

#[derive(Debug)]
pub enum SummaryCell {
    Memory(Observations),
    // Apart, so that others in memory take no more than they need.
    Sketch(Box<NativeCell>),
    #[cfg(feature = "multiprocess")]
    Mapped(Box<MappedSummary>),
}

#[cfg(feature = "multiprocess")]
#[derive(Debug)]
pub struct MappedSummary {
    count: SharedCell,
    sum: SharedCell,
    /// Its buckets of exponential size, if it has them.
    native: Option<Arc<SharedNative>>,
}

impl SummaryCell {
    /// In the homes of the count and the sum, or in memory.
    pub(crate) fn at(homes: Vec<Home>) -> Self {
        #[cfg(feature = "multiprocess")]
        if let Some(Ok([count, sum])) = all_mapped(homes).map(<[SharedCell; 2]>::try_from) {
            return Self::Mapped(Box::new(MappedSummary { count, sum, native: None }));
        }
        #[cfg(not(feature = "multiprocess"))]
        drop(homes);
        Self::Memory(Observations::new(1))
    }

    /// The same with buckets of exponential size.
    #[cfg(feature = "multiprocess")]
    pub(crate) fn shared(homes: Vec<Home>, native: Option<Arc<SharedNative>>) -> Self {
        let mut cell = Self::at(homes);
        if let Self::Mapped(mapped) = &mut cell {
            mapped.native = native;
        }
        cell
    }

    /// In memory, with buckets of exponential size.
    pub(crate) fn sketch(limits: NativeLimits, clock: fn() -> f64) -> Self {
        Self::Sketch(Box::new(NativeCell::new(limits, 1, clock)))
    }

    #[inline]
    pub(crate) fn observe(&self, value: f64) {
        match self {
            Self::Memory(observations) => observations.observe(0, value, 1),
            Self::Sketch(native) => native.observe(value, 1, 0),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => {
                mapped.sum.add(value);
                if let Some(native) = &mapped.native {
                    native.observe(value, 1, 0);
                }
                mapped.count.add(1.0);
            }
        }
    }

    /// Appends the count; returns the sum.
    pub(crate) fn read(&self, into: &mut Vec<f64>) -> f64 {
        self.read_by(&mut Reader::new(), into)
    }

    /// Reads the buckets of exponential size, and count and sum, if it has them.
    pub(crate) fn read_sketch<'r>(&self, into: &'r mut NativeReading) -> Option<&'r NativeReading> {
        match self {
            Self::Sketch(native) => {
                native.read(into);
                Some(into)
            }
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => {
                mapped.native.as_ref()?.read(into);
                into.sum = mapped.sum.get();
                Some(into)
            }
            Self::Memory(_) => None,
        }
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

    /// Forgets all observations, while no thread observes. Those for quantiles are left alone.
    #[cfg(feature = "catalog")]
    pub(crate) fn clear(&self) {
        match self {
            Self::Memory(observations) => observations.clear(),
            Self::Sketch(_) => {}
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => {
                mapped.sum.reset();
                mapped.count.reset();
            }
        }
    }

    fn read_by(&self, reader: &mut Reader, into: &mut Vec<f64>) -> f64 {
        match self {
            Self::Memory(observations) => observations.read(reader, into),
            Self::Sketch(native) => native.read_given(into),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => {
                into.push(mapped.count.get());
                mapped.sum.get()
            }
        }
    }
}
