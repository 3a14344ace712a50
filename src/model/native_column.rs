//! The native histograms of a chunk: their buckets in common buffers.

use std::fmt;

use super::exemplar::ExemplarRef;
use super::exemplar_column::ExemplarColumn;
use super::native::{BucketSpan, NativeBuckets, NativeHistogram, Side};

/// Native histograms of some rows of a chunk, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NativeColumn {
    entries: Vec<NativeEntry>,
    spans: Vec<BucketSpan>,
    counts: Vec<f64>,
    exemplars: ExemplarColumn,
}

/// Of one row, and where its parts end.
#[derive(Clone, Copy, Debug, PartialEq)]
struct NativeEntry {
    row: usize,
    schema: i8,
    zero_threshold: f64,
    zero_count: f64,
    negative: End,
    positive: End,
    exemplars_end: usize,
}

/// Where the buckets of one side end in the common buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct End {
    spans: usize,
    counts: usize,
}

impl NativeColumn {
    /// Appends the histogram of a row behind all that have one.
    pub(crate) fn push(&mut self, row: usize, histogram: &NativeHistogram) {
        let negative = self.push_side(&histogram.negative);
        let positive = self.push_side(&histogram.positive);
        self.entries.push(NativeEntry {
            row,
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            zero_count: histogram.zero_count,
            negative,
            positive,
            exemplars_end: self.exemplars.entries.len(),
        });
        for exemplar in &histogram.exemplars {
            self.push_exemplar(exemplar.as_ref());
        }
    }

    fn push_side(&mut self, side: &Side) -> End {
        self.spans.extend_from_slice(&side.spans);
        self.counts.extend_from_slice(&side.counts);
        End { spans: self.spans.len(), counts: self.counts.len() }
    }

    /// Appends an exemplar to the last histogram.
    pub(crate) fn push_exemplar(&mut self, exemplar: ExemplarRef<'_>) {
        self.exemplars.push(self.exemplars.entries.len(), exemplar);
        if let Some(last) = self.entries.last_mut() {
            last.exemplars_end = self.exemplars.entries.len();
        }
    }

    /// The last row that has one.
    pub(crate) fn last_row(&self) -> Option<usize> {
        self.entries.last().map(|entry| entry.row)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.spans.clear();
        self.counts.clear();
        self.exemplars.clear();
    }

    /// All histograms with their rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, NativeHistogramRef<'_>)> {
        self.entries
            .iter()
            .enumerate()
            .map(|(place, entry)| (entry.row, NativeHistogramRef { column: self, place }))
    }

    pub(super) fn of_row(&self, row: usize) -> Option<NativeHistogramRef<'_>> {
        let place = self.entries.binary_search_by_key(&row, |entry| entry.row).ok()?;
        Some(NativeHistogramRef { column: self, place })
    }

    fn negative(&self, place: usize) -> NativeBuckets<'_> {
        let from = match place.checked_sub(1) {
            Some(before) => self.entries[before].positive,
            None => End::default(),
        };
        self.between(from, self.entries[place].negative)
    }

    fn positive(&self, place: usize) -> NativeBuckets<'_> {
        self.between(self.entries[place].negative, self.entries[place].positive)
    }

    fn exemplars(&self, place: usize) -> impl Iterator<Item = ExemplarRef<'_>> {
        let from = match place.checked_sub(1) {
            Some(before) => self.entries[before].exemplars_end,
            None => 0,
        };
        (from..self.entries[place].exemplars_end).map(|place| self.exemplars.get(place).1)
    }

    fn between(&self, from: End, to: End) -> NativeBuckets<'_> {
        NativeBuckets {
            spans: &self.spans[from.spans..to.spans],
            counts: &self.counts[from.counts..to.counts],
        }
    }
}

/// A native histogram as formats read it, beside the count and the sum of its row.
#[derive(Clone, Copy)]
pub struct NativeHistogramRef<'a> {
    column: &'a NativeColumn,
    place: usize,
}

impl<'a> NativeHistogramRef<'a> {
    /// The resolution, -4 to 8: a power of two is divided into 2^schema buckets.
    pub fn schema(&self) -> i8 {
        self.column.entries[self.place].schema
    }

    /// What is not farther from zero than this is in the zero bucket.
    pub fn zero_threshold(&self) -> f64 {
        self.column.entries[self.place].zero_threshold
    }

    /// How many observations the zero bucket has.
    pub fn zero_count(&self) -> f64 {
        self.column.entries[self.place].zero_count
    }

    /// The buckets below zero, as if their observations were above it.
    pub fn negative(&self) -> NativeBuckets<'a> {
        self.column.negative(self.place)
    }

    /// The buckets above zero.
    pub fn positive(&self) -> NativeBuckets<'a> {
        self.column.positive(self.place)
    }

    /// The exemplars, in the order in which they were given.
    pub fn exemplars(&self) -> impl Iterator<Item = ExemplarRef<'a>> + use<'a> {
        self.column.exemplars(self.place)
    }

    /// A copy that can be kept.
    pub fn to_owned(&self) -> NativeHistogram {
        let owned = |buckets: NativeBuckets<'_>| Side {
            spans: buckets.spans.to_owned(),
            counts: buckets.counts.to_owned(),
        };
        NativeHistogram {
            schema: self.schema(),
            zero_threshold: self.zero_threshold(),
            zero_count: self.zero_count(),
            negative: owned(self.negative()),
            positive: owned(self.positive()),
            exemplars: self.exemplars().map(|exemplar| exemplar.to_owned()).collect(),
        }
    }
}

impl PartialEq for NativeHistogramRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.schema() == other.schema()
            && self.zero_threshold().to_bits() == other.zero_threshold().to_bits()
            && self.zero_count() == other.zero_count()
            && self.negative() == other.negative()
            && self.positive() == other.positive()
            && self.exemplars().eq(other.exemplars())
    }
}

impl fmt::Debug for NativeHistogramRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeHistogram")
            .field("schema", &self.schema())
            .field("zero_threshold", &self.zero_threshold())
            .field("zero_count", &self.zero_count())
            .field("negative", &self.negative())
            .field("positive", &self.positive())
            .field("exemplars", &self.exemplars().collect::<Vec<_>>())
            .finish()
    }
}
