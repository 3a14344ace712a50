//! Native histograms: buckets of exponential width, of which only those in use are told.

use super::exemplar::Exemplar;
use crate::error::{Error, ErrorKind, Result};

/// A run of neighbouring buckets.
///
/// The first offset is the index of a bucket; each further one says how many buckets without
/// observations lie between the run before and this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketSpan {
    /// How far it lies behind the run before, or the first one behind bucket 0.
    pub offset: i32,
    /// How many buckets it has.
    pub length: u32,
}

/// The resolutions that native histograms have.
pub(crate) const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

/// The buckets of a native histogram on one side of zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NativeBuckets<'a> {
    pub(super) spans: &'a [BucketSpan],
    pub(super) counts: &'a [f64],
}

impl<'a> NativeBuckets<'a> {
    /// Runs of neighbouring buckets, ascending.
    pub fn spans(&self) -> &'a [BucketSpan] {
        self.spans
    }

    /// How many observations each bucket of all runs has; not cumulative.
    pub fn counts(&self) -> &'a [f64] {
        self.counts
    }

    /// Each bucket's index and how many observations it has.
    ///
    /// Of resolution *n*, the bucket of index *i* ends with 2^(*i*·2^-*n*) and begins behind the
    /// end of the one before. [`NativeSnapshot::buckets`](crate::NativeSnapshot::buckets) has these
    /// bounds as floats.
    pub fn iter(&self) -> impl Iterator<Item = (i32, f64)> + use<'a> {
        let mut next = 0_i32;
        let indexes = self.spans.iter().flat_map(move |span| {
            let first = next.saturating_add(span.offset);
            next = first.saturating_add_unsigned(span.length);
            first..next
        });
        indexes.zip(self.counts.iter().copied())
    }

    /// Those that something fell into.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (i32, f64)> + use<'a> {
        self.iter().filter(|(_, count)| *count != 0.0)
    }
}

/// The buckets of a native histogram, for a custom collector.
///
/// Count and sum are those of the series that it is added to, see
/// [`HistogramMetricFamily::add_native`](super::HistogramMetricFamily::add_native).
///
/// ```
/// use narthex::model::NativeHistogram;
///
/// // Of resolution 0, bucket 1 has what is above 1 and up to 2, bucket 4 what is above 8.
/// let buckets = NativeHistogram::new(0)?
///     .zero(0.001, 2.0)?
///     .positive([(1, 3.0), (4, 1.0)])?;
/// assert!(NativeHistogram::new(9).unwrap_err().is_invalid_value());
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// Source: [native histograms](https://prometheus.io/docs/specs/native_histograms/#data-model).
#[derive(Clone, Debug, PartialEq)]
pub struct NativeHistogram {
    pub(super) schema: i8,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: f64,
    pub(super) negative: Side,
    pub(super) positive: Side,
    pub(super) exemplars: Vec<Exemplar>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Side {
    pub(super) spans: Vec<BucketSpan>,
    pub(super) counts: Vec<f64>,
}

/// Up to so many buckets without observations are told, as a run of their own is longer.
pub(super) const FILLED_GAP: i64 = 2;

impl NativeHistogram {
    /// One without observations, whose zero bucket has nothing but zero.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the resolution is not one of -4 to 8.
    pub fn new(schema: i8) -> Result<Self> {
        if !SCHEMAS.contains(&schema) {
            return Err(invalid(format!("a native histogram's schema is -4 to 8, not {schema}")));
        }
        Ok(Self {
            schema,
            zero_threshold: 0.0,
            zero_count: 0.0,
            negative: Side::default(),
            positive: Side::default(),
            exemplars: Vec::new(),
        })
    }

    /// The same with so many observations that are not farther from zero than `threshold`.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the threshold is below zero or not finite, or the count is
    /// NaN.
    pub fn zero(self, threshold: f64, count: f64) -> Result<Self> {
        if !(threshold >= 0.0 && threshold.is_finite()) {
            return Err(invalid(format!(
                "a native histogram's zero threshold is a finite amount from 0 on, not {threshold}"
            )));
        }
        check_count(count)?;
        Ok(Self { zero_threshold: threshold, zero_count: count, ..self })
    }

    /// The same with these buckets above zero: their indexes, ascending, and counts.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the indexes do not ascend or a count is NaN.
    pub fn positive(self, buckets: impl IntoIterator<Item = (i32, f64)>) -> Result<Self> {
        Ok(Self { positive: Side::of(buckets)?, ..self })
    }

    /// The same with these buckets below zero, as if their observations were above it.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the indexes do not ascend or a count is NaN.
    pub fn negative(self, buckets: impl IntoIterator<Item = (i32, f64)>) -> Result<Self> {
        Ok(Self { negative: Side::of(buckets)?, ..self })
    }

    /// The same with these buckets above zero, in runs as formats write them.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if there are not as many counts as buckets, an index is out of
    /// bounds, an offset but the first is below zero, or a count is NaN.
    pub fn positive_spans(self, spans: Vec<BucketSpan>, counts: Vec<f64>) -> Result<Self> {
        Ok(Self { positive: Side::of_spans(spans, counts)?, ..self })
    }

    /// The same with these buckets below zero, in runs as formats write them.
    ///
    /// # Errors
    /// As [`positive_spans`](Self::positive_spans).
    pub fn negative_spans(self, spans: Vec<BucketSpan>, counts: Vec<f64>) -> Result<Self> {
        Ok(Self { negative: Side::of_spans(spans, counts)?, ..self })
    }

    /// The same with one more exemplar.
    #[must_use]
    pub fn exemplar(mut self, exemplar: Exemplar) -> Self {
        self.exemplars.push(exemplar);
        self
    }
}

impl Side {
    fn of(buckets: impl IntoIterator<Item = (i32, f64)>) -> Result<Self> {
        let mut side = Self::default();
        let mut next: Option<i64> = None;
        for (index, count) in buckets {
            check_count(count)?;
            let gap = i64::from(index) - next.unwrap_or(0);
            match (next, side.spans.last_mut()) {
                (Some(next), _) if gap < 0 => {
                    return Err(invalid(format!(
                        "bucket {index} of a native histogram stands behind {}",
                        next - 1
                    )));
                }
                (Some(_), Some(span)) if gap <= FILLED_GAP => {
                    span.length += gap as u32 + 1;
                    side.counts.extend((0..gap).map(|_| 0.0));
                }
                _ => {
                    let offset = i32::try_from(gap).map_err(|_| {
                        invalid(format!("bucket {index} of a native histogram is too far away"))
                    })?;
                    side.spans.push(BucketSpan { offset, length: 1 });
                }
            }
            side.counts.push(count);
            next = Some(i64::from(index) + 1);
        }
        Ok(side)
    }

    fn of_spans(spans: Vec<BucketSpan>, counts: Vec<f64>) -> Result<Self> {
        let mut next = 0_i64;
        let mut buckets = 0_u64;
        for (place, span) in spans.iter().enumerate() {
            if place > 0 && span.offset < 0 {
                return Err(invalid(format!(
                    "span {place} of a native histogram's buckets has the offset {}",
                    span.offset
                )));
            }
            next += i64::from(span.offset) + i64::from(span.length);
            buckets += u64::from(span.length);
            if i32::try_from(next).is_err() {
                return Err(invalid(format!(
                    "span {place} of a native histogram's buckets is too far away"
                )));
            }
        }
        if buckets != counts.len() as u64 {
            return Err(invalid(format!(
                "the spans of a native histogram have {buckets} buckets, and there are {} counts",
                counts.len()
            )));
        }
        counts.iter().try_for_each(|&count| check_count(count))?;
        Ok(Self { spans, counts })
    }
}

fn check_count(count: f64) -> Result {
    match count.is_nan() {
        true => Err(invalid("a native histogram's bucket has NaN observations".to_owned())),
        false => Ok(()),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}
