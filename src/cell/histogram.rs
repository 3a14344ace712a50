//! The home of observations by size.

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

/// A count for each bucket, and the sum; the count of all is the sum of the buckets.
#[derive(Debug)]
pub enum HistogramCell {
    Memory(Observations),
    // Apart, so that others in memory take no more than they need.
    Native(Box<NativeCell>),
    /// The same with buckets of given bounds beside.
    Split(Box<NativeCell>),
    #[cfg(feature = "multiprocess")]
    Mapped(Box<MappedHistogram>),
}

#[cfg(feature = "multiprocess")]
#[derive(Debug)]
pub struct MappedHistogram {
    buckets: Box<[SharedCell]>,
    sum: SharedCell,
    /// Its buckets of exponential size, if it has them.
    native: Option<Arc<SharedNative>>,
}

impl HistogramCell {
    /// In the homes of the sum and the buckets, or in memory.
    pub(crate) fn at(homes: Vec<Home>) -> Self {
        let buckets = homes.len() - 1;
        #[cfg(feature = "multiprocess")]
        if let Some(mut cells) = all_mapped(homes) {
            let sum = cells.remove(0);
            let buckets = cells.into();
            return Self::Mapped(Box::new(MappedHistogram { buckets, sum, native: None }));
        }
        Self::Memory(Observations::new(buckets))
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

    /// In memory, with buckets of exponential size beside so many others.
    pub(crate) fn native(limits: NativeLimits, buckets: usize, clock: fn() -> f64) -> Self {
        let cell = Box::new(NativeCell::new(limits, buckets, clock));
        if buckets > 1 { Self::Split(cell) } else { Self::Native(cell) }
    }

    /// Adds `n` observations of `value`, which belongs into a bucket of given bounds, if it has
    /// those alone, in memory, and the bucket is known; false if it does nothing.
    #[inline]
    pub(crate) fn observe_at_once(
        &self,
        bucket: impl FnOnce() -> Option<usize>,
        value: f64,
        n: u64,
    ) -> bool {
        let Self::Memory(observations) = self else { return false };
        let Some(bucket) = bucket() else { return false };
        observations.observe(bucket, value, n);
        true
    }

    /// Adds one observation if it has buckets of exponential size alone.
    #[inline]
    pub(crate) fn observe_natively(&self, value: f64) -> bool {
        let Self::Native(native) = self else { return false };
        native.observe_one(value);
        true
    }

    /// The same, wherever its numbers are. A bucket of given bounds is asked for only if there
    /// are some.
    #[inline]
    pub(crate) fn observe(&self, bucket: impl Fn() -> usize, value: f64, n: u64) {
        match self {
            Self::Native(native) => native.observe(value, n, 0),
            Self::Split(native) => native.observe(value, n, bucket()),
            Self::Memory(observations) => observations.observe(bucket(), value, n),
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => mapped.observe(bucket(), value, n),
        }
    }

    /// Appends the count of each bucket, not cumulative; returns the sum.
    pub(crate) fn read(&self, into: &mut Vec<f64>) -> f64 {
        self.read_by(&mut Reader::new(), into)
    }

    /// Reads buckets of exponential size and all others, if it is a native histogram.
    pub(crate) fn read_native<'r>(&self, into: &'r mut NativeReading) -> Option<&'r NativeReading> {
        match self {
            Self::Native(native) | Self::Split(native) => {
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

    /// Forgets all observations, while no thread observes. Native histograms are left alone.
    #[cfg(feature = "catalog")]
    pub(crate) fn clear(&self) {
        match self {
            Self::Memory(observations) => observations.clear(),
            Self::Native(_) | Self::Split(_) => {}
            #[cfg(feature = "multiprocess")]
            Self::Mapped(mapped) => {
                mapped.sum.reset();
                mapped.buckets.iter().for_each(SharedCell::reset);
            }
        }
    }

    fn read_by(&self, reader: &mut Reader, into: &mut Vec<f64>) -> f64 {
        match self {
            Self::Memory(observations) => observations.read(reader, into),
            Self::Native(native) | Self::Split(native) => native.read_given(into),
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
    fn observe(&self, bucket: usize, value: f64, n: u64) {
        self.sum.add(value * n as f64);
        // Before the others, which readers take from these.
        if let Some(native) = &self.native {
            native.observe(value, n, bucket);
        }
        self.buckets[bucket].add(n as f64);
    }
}
