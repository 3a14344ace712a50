//! Rows of samples as columns: what formats read.

use super::bounds::Bounds;
use super::desc::{Desc, MetricType, Suffix};
use super::exemplar::ExemplarRef;
use super::exemplar_column::ExemplarColumn;
use super::labels::LabelNames;
use super::native_column::{NativeColumn, NativeHistogramRef};
use super::quantiles::Quantiles;
use super::sample::{Sample, SampleLabels};
use super::timestamp::Timestamp;

/// How many rows a chunk of live metrics holds at most.
pub(crate) const CHUNK_ROWS: usize = 128;

/// How much text its label values have; with longer ones it holds fewer rows.
pub(crate) const CHUNK_TEXT: usize = 8 * 1024;

/// Where the `_sum` of a histogram stands among its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SumPlace {
    /// Nowhere: with a negative bound it need not grow.
    Absent,
    /// Before the buckets, as merged files have it.
    First,
    /// Behind the count.
    Last,
}

/// The numbers of a chunk, a column for each part.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Values<'a> {
    /// One number a row.
    Floats {
        /// What the samples' name ends with.
        suffix: Suffix,
        /// A number for each row.
        values: &'a [f64],
    },
    /// One histogram a row.
    Histograms {
        /// The upper bounds that all rows share.
        bounds: &'a Bounds,
        /// Row after row, a count for each bound; not cumulative.
        buckets: &'a [f64],
        /// A sum for each row; with [`SumPlace::Absent`] only if one is known, for formats that
        /// show any.
        sums: &'a [f64],
        /// Where the sum stands.
        sum_place: SumPlace,
    },
    /// One count and one sum a row, and estimates of the same quantiles.
    Summaries {
        /// The quantiles that all rows share; none is the usual case.
        quantiles: &'a Quantiles,
        /// Row after row, an estimate for each quantile.
        estimates: &'a [f64],
        /// A count for each row.
        counts: &'a [f64],
        /// A sum for each row.
        sums: &'a [f64],
    },
}

impl Values<'_> {
    /// Whether these are start times that stand for themselves.
    #[cfg(feature = "openmetrics2")]
    pub(crate) fn is_start(&self) -> bool {
        matches!(self, Self::Floats { suffix: Suffix::Created, .. })
    }
}

/// Some rows of a family: their labels, and their numbers in columns.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    pub(super) names: &'a LabelNames,
    pub(super) text: &'a str,
    pub(super) lens: &'a [u32],
    pub(super) escaped: bool,
    pub(super) rows: usize,
    pub(super) values: Values<'a>,
    pub(super) starts: &'a [f64],
    pub(super) timestamps: &'a [(u32, Timestamp)],
    pub(super) exemplars: &'a ExemplarColumn,
    pub(super) natives: &'a NativeColumn,
}

impl<'a> Chunk<'a> {
    /// The names of the rows' labels.
    pub fn names(&self) -> &'a LabelNames {
        self.names
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether any label value differs from its raw form.
    pub fn has_escapes(&self) -> bool {
        self.escaped
    }

    /// The numbers.
    pub fn values(&self) -> Values<'a> {
        self.values
    }

    /// The escaped label values of all rows back to back, in the order of exposition.
    pub fn label_text(&self) -> &'a str {
        self.text
    }

    /// The length of each label value in [`label_text`](Self::label_text).
    pub fn label_lens(&self) -> &'a [u32] {
        self.lens
    }

    /// When each row began, in seconds since 1970; NaN where unknown, empty if all are.
    pub fn starts(&self) -> &'a [f64] {
        self.starts
    }

    /// Rows with a timestamp, ascending.
    pub fn timestamps(&self) -> &'a [(u32, Timestamp)] {
        self.timestamps
    }

    /// Exemplars with their slots, ascending: the row, or for histograms the
    /// index of the bucket in its column.
    pub fn exemplars(&self) -> impl Iterator<Item = (usize, ExemplarRef<'a>)> + use<'a> {
        let column = self.exemplars;
        (0..column.entries.len()).map(|place| column.get(place))
    }

    /// Rows that are native histograms as well, ascending.
    ///
    /// Such a row is one of [`Values::Histograms`], which has count and sum; if its only bound is
    /// +Inf, it has no buckets but these.
    pub fn natives(&self) -> impl Iterator<Item = (usize, NativeHistogramRef<'a>)> + use<'a> {
        self.natives.iter()
    }

    /// The same rows, without saying when they began.
    pub(crate) fn without_starts(&self) -> Self {
        Self { starts: &[], ..*self }
    }

    pub(crate) fn start(&self, row: usize) -> Option<f64> {
        self.starts.get(row).copied().filter(|start| !start.is_nan())
    }

    pub(crate) fn timestamp(&self, row: usize) -> Option<Timestamp> {
        let place = self.timestamps.binary_search_by_key(&row, |(at, _)| *at as usize).ok()?;
        Some(self.timestamps[place].1)
    }

    pub(crate) fn exemplar(&self, slot: usize) -> Option<ExemplarRef<'a>> {
        let entries = &self.exemplars.entries;
        let place = entries.binary_search_by_key(&slot, |entry| entry.slot).ok()?;
        Some(self.exemplars.get(place).1)
    }

    pub(crate) fn native(&self, row: usize) -> Option<NativeHistogramRef<'a>> {
        self.natives.of_row(row)
    }

    pub(crate) fn for_each_sample(&self, desc: &Desc, each: &mut dyn FnMut(&Sample<'_>)) {
        let width = self.names.len();
        let mut text_at = 0;
        for row in 0..self.rows {
            let lens = &self.lens[row * width..][..width];
            let len: usize = lens.iter().map(|&len| len as usize).sum();
            let labels = SampleLabels::new(
                self.names,
                &self.text[text_at..text_at + len],
                lens,
                self.escaped,
            );
            text_at += len;
            let sample = Sample {
                family: desc.name(),
                suffix: Suffix::None,
                labels,
                value: 0.0,
                timestamp: self.timestamp(row),
                exemplar: None,
                start: self.start(row),
                native: None,
            };
            self.row_samples(row, sample, desc.metric_type(), each);
        }
    }

    fn row_samples(
        &self,
        row: usize,
        sample: Sample<'_>,
        metric_type: MetricType,
        each: &mut dyn FnMut(&Sample<'_>),
    ) {
        match self.values {
            Values::Floats { suffix, values } => {
                each(&Sample {
                    suffix,
                    value: values[row],
                    exemplar: self.exemplar(row),
                    ..sample
                });
            }
            Values::Summaries { quantiles, estimates, counts, sums } => {
                let width = quantiles.values().len();
                let estimates = estimates.iter().skip(row * width);
                for (quantile, &value) in quantiles.texts().iter().zip(estimates) {
                    let labels = sample.labels.with_extra("quantile", quantile);
                    each(&Sample { labels, value, ..sample });
                }
                each(&Sample { suffix: Suffix::Count, value: counts[row], ..sample });
                each(&Sample { suffix: Suffix::Sum, value: sums[row], ..sample });
            }
            Values::Histograms { bounds, buckets, sums, sum_place } => {
                let (count_suffix, sum_suffix) = histogram_suffixes(metric_type);
                let sum = |each: &mut dyn FnMut(&Sample<'_>)| {
                    each(&Sample { suffix: sum_suffix, value: sums[row], ..sample });
                };
                if sum_place == SumPlace::First {
                    sum(each);
                }
                let width = bounds.values().len();
                let mut total = 0.0;
                for (place, le) in bounds.texts().iter().enumerate() {
                    let slot = row * width + place;
                    total += buckets[slot];
                    each(&Sample {
                        suffix: Suffix::Bucket,
                        labels: sample.labels.with_extra("le", le),
                        value: total,
                        exemplar: self.exemplar(slot),
                        ..sample
                    });
                }
                let native = self.natives.of_row(row);
                each(&Sample { suffix: count_suffix, value: total, native, ..sample });
                if sum_place == SumPlace::Last {
                    sum(each);
                }
            }
        }
    }
}

/// The names of count and sum, which differ between histograms and gauge histograms.
pub(crate) fn histogram_suffixes(metric_type: MetricType) -> (Suffix, Suffix) {
    match metric_type {
        MetricType::GaugeHistogram => (Suffix::GCount, Suffix::GSum),
        _ => (Suffix::Count, Suffix::Sum),
    }
}
