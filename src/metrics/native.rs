//! How a histogram has buckets that come into being by themselves: native histograms.

use std::time::Duration;

use crate::cell::exponential::{FINEST, last_place, schema_of, upper_bound};
use crate::cell::{MOST_BELOW, MOST_BUCKETS, NativeLimits, NativeReading};
use crate::error::{Error, ErrorKind, Result};
use crate::model::NativeHistogramRef;

/// What the zero bucket has at least, which is 2^-128.
const ZERO_THRESHOLD: f64 = 1.0 / (1_u128 << 127) as f64 / 2.0;

/// The buckets of a native histogram: how fine they are, and how many they may become.
///
/// Nobody has to know beforehand which values will come: a bucket is there as soon as there is
/// something in it, and each ends at the same multiple of the end of the one before.
///
/// So that no observed values can make a histogram large, each series has a limit. If its buckets
/// become more, it begins anew if [`min_reset_duration`](Self::min_reset_duration) is set and
/// over; or else its zero bucket takes the smallest one in, as far as
/// [`max_zero_threshold`](Self::max_zero_threshold) allows; or else its resolution is halved.
///
/// ```
/// use narthex::{Histogram, NativeOptions};
///
/// let latency = Histogram::builder("latency_seconds", "Of replies.")
///     .native(NativeOptions::new().growth_factor(1.05).max_buckets(100))
///     .build()?;
/// latency.observe(0.25);
/// let snapshot = latency.snapshot();
/// let native = snapshot.native().expect("a native histogram");
/// // 16 buckets from one power of two to the next: each is 1.044 times as wide as the one before.
/// assert_eq!((native.schema(), native.positive().collect()), (4, vec![(-32, 1.0)]));
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// Source: [native histograms, limiting the bucket count](https://prometheus.io/docs/specs/native_histograms/#limit-the-bucket-count).
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "options do nothing until a histogram is built with them"]
pub struct NativeOptions {
    resolution: Resolution,
    zero_threshold: f64,
    max_buckets: usize,
    min_reset_duration: Option<Duration>,
    max_zero_threshold: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Resolution {
    Factor(f64),
    Schema(i8),
}

impl Default for NativeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl NativeOptions {
    /// Each bucket at most 1.1 times as wide as the one before, at most 160 buckets, and nothing
    /// but a coarser resolution if these are not enough.
    pub fn new() -> Self {
        Self {
            resolution: Resolution::Factor(1.1),
            zero_threshold: ZERO_THRESHOLD,
            max_buckets: 160,
            min_reset_duration: None,
            max_zero_threshold: 0.0,
        }
    }

    /// By how much each bucket may be wider than the one before: more than 1.
    ///
    /// It is rounded down to one of 65536, 256, 16, 4, 2 and the roots of two that follow, the
    /// last of them the 256th, which is 1.0027.
    pub fn growth_factor(self, factor: f64) -> Self {
        Self { resolution: Resolution::Factor(factor), ..self }
    }

    /// The same as a number from -4 to 8: a power of two has 2^`schema` buckets.
    pub fn schema(self, schema: i8) -> Self {
        Self { resolution: Resolution::Schema(schema), ..self }
    }

    /// What is not farther from zero than this is in the zero bucket: 2^-128, unless it is set.
    pub fn zero_threshold(self, threshold: f64) -> Self {
        Self { zero_threshold: threshold, ..self }
    }

    /// How many buckets a series may have, the zero bucket not counted: 1 to 10000.
    pub fn max_buckets(self, buckets: usize) -> Self {
        Self { max_buckets: buckets, ..self }
    }

    /// How old the numbers of a series must be before they may be dropped for it to begin anew,
    /// with its first resolution and zero bucket; never, unless it is set, nor in files that
    /// processes share.
    pub fn min_reset_duration(self, duration: Duration) -> Self {
        Self { min_reset_duration: Some(duration), ..self }
    }

    /// How far the zero bucket may be widened: not at all, unless it is set.
    pub fn max_zero_threshold(self, threshold: f64) -> Self {
        Self { max_zero_threshold: threshold, ..self }
    }

    /// What the cells of a series are told, beside so many buckets with given bounds.
    pub(super) fn limits(&self, given: usize) -> Result<NativeLimits> {
        let schema = match self.resolution {
            Resolution::Factor(factor) if factor > 1.0 && factor.is_finite() => schema_of(factor),
            Resolution::Factor(factor) => {
                return refuse(format!("buckets grow by a factor above 1, not {factor}"));
            }
            Resolution::Schema(schema @ -4..=8) => i32::from(schema),
            Resolution::Schema(schema) => {
                return refuse(format!("a native histogram's schema is -4 to 8, not {schema}"));
            }
        };
        for (threshold, what) in [
            (self.zero_threshold, "zero threshold"),
            (self.max_zero_threshold, "widest zero bucket"),
        ] {
            if !(threshold >= 0.0 && threshold.is_finite()) {
                return refuse(format!("the {what} is a finite amount from 0 on, not {threshold}"));
            }
        }
        if !(1..=MOST_BUCKETS).contains(&self.max_buckets) {
            let (most, not) = (MOST_BUCKETS, self.max_buckets);
            return refuse(format!("a native histogram may have 1 to {most} buckets, not {not}"));
        }
        if given > MOST_BELOW {
            let most = MOST_BELOW;
            return refuse(format!(
                "beside those of a native histogram there are {most} buckets at most, not {given}"
            ));
        }
        Ok(NativeLimits {
            schema,
            zero_threshold: self.zero_threshold,
            max_buckets: self.max_buckets,
            min_reset_seconds: self.min_reset_duration.map(|duration| duration.as_secs_f64()),
            max_zero_threshold: self.max_zero_threshold,
        })
    }
}

fn refuse<T>(message: String) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidValue, message))
}

/// The native buckets of a histogram at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeSnapshot {
    schema: i8,
    zero_threshold: f64,
    zero_count: f64,
    negative: Vec<(i32, f64)>,
    positive: Vec<(i32, f64)>,
}

impl NativeSnapshot {
    pub(super) fn of(reading: &NativeReading) -> Self {
        let owned = |buckets: &[(i32, u64)]| {
            buckets.iter().map(|(index, count)| (*index, *count as f64)).collect()
        };
        Self {
            schema: reading.schema as i8,
            zero_threshold: reading.zero_threshold,
            zero_count: reading.zero_count as f64,
            negative: owned(&reading.negative),
            positive: owned(&reading.positive),
        }
    }

    /// The resolution, -4 to 8: a power of two is divided into 2^schema buckets.
    pub fn schema(&self) -> i8 {
        self.schema
    }

    /// What is not farther from zero than this is in the zero bucket.
    pub fn zero_threshold(&self) -> f64 {
        self.zero_threshold
    }

    /// How many observations the zero bucket has.
    pub fn zero_count(&self) -> f64 {
        self.zero_count
    }

    /// The buckets below zero that have observations, those nearest to it first: their indexes
    /// and counts.
    pub fn negative(&self) -> impl Iterator<Item = (i32, f64)> {
        self.negative.iter().copied()
    }

    /// The buckets above zero that have observations, ascending: their indexes and counts.
    pub fn positive(&self) -> impl Iterator<Item = (i32, f64)> {
        self.positive.iter().copied()
    }

    /// All buckets that have observations, ascending: their bounds and counts.
    ///
    /// ```
    /// use narthex::{Histogram, NativeOptions};
    ///
    /// let changes = Histogram::builder("change_celsius", "Of temperature.")
    ///     .native(NativeOptions::new().schema(0))
    ///     .build()?;
    /// for change in [-3.0, 0.0, 1.5, 2.0] {
    ///     changes.observe(change);
    /// }
    /// let snapshot = changes.snapshot();
    /// let native = snapshot.native().expect("a native histogram");
    /// let zero = native.zero_threshold();
    /// let buckets: Vec<_> = native.buckets().collect();
    /// assert_eq!(buckets, [(-4.0, -2.0, 1.0), (-zero, zero, 1.0), (1.0, 2.0, 2.0)]);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let end = |index| bucket_end(index, i32::from(self.schema));
        let bounds = move |index: i32| (end(index.saturating_sub(1)), end(index));
        let negative = self.negative.iter().rev().map(move |&(index, count)| {
            let (near, far) = bounds(index);
            (-far, -near, count)
        });
        let zero = (-self.zero_threshold, self.zero_threshold, self.zero_count);
        let positive = self.positive.iter().map(move |&(index, count)| {
            let (near, far) = bounds(index);
            (near, far, count)
        });
        negative.chain(Some(zero).filter(|(_, _, count)| *count > 0.0)).chain(positive)
    }

    /// The value below which a share of so many observations lies, a share that is 0 to 1.
    pub(super) fn quantile(&self, q: f64, count: f64) -> f64 {
        let rank = q * count;
        let mut before = 0.0;
        for (lower, upper, inside) in self.buckets() {
            if before + inside < rank {
                before += inside;
                continue;
            }
            let fraction = (rank - before) / inside;
            if lower <= 0.0 && upper >= 0.0 {
                // Of what is on one side only, the zero bucket has nothing of the other.
                let lower =
                    if self.negative.is_empty() && !self.positive.is_empty() { 0.0 } else { lower };
                let upper =
                    if self.positive.is_empty() && !self.negative.is_empty() { 0.0 } else { upper };
                return lower + (upper - lower) * fraction;
            }
            let (from, to) = (lower.abs().log2(), upper.abs().log2());
            return (from + (to - from) * fraction).exp2().copysign(lower);
        }
        // The rest are NaN.
        f64::NAN
    }
}

/// Where a bucket ends; those that no finite number falls into end with infinity, or zero.
fn bucket_end(index: i32, schema: i32) -> f64 {
    // What was read may have indexes that are no places any more.
    let (least, most) = (last_index(i32::MIN, schema), last_index(i32::MAX, schema));
    upper_bound(last_place(index.clamp(least, most), schema))
}

/// The index of the bucket that ends with a place, or before it.
fn last_index(place: i32, schema: i32) -> i32 {
    place >> (FINEST - schema)
}

impl From<NativeHistogramRef<'_>> for NativeSnapshot {
    /// What a parser read, or a collector told: so its buckets have bounds.
    ///
    /// ```
    /// use narthex::model::{Family, HistogramMetricFamily, NO_LABELS, NativeHistogram};
    /// use narthex::NativeSnapshot;
    ///
    /// let buckets = NativeHistogram::new(0)?.negative([(1, 1.0)])?.positive([(3, 2.0)])?;
    /// let mut changes = HistogramMetricFamily::new("change_celsius", "Of temperature.")?;
    /// changes.add_native(NO_LABELS, 3.0, 9.5, &buckets)?;
    /// changes.for_each_chunk(&mut |chunk| {
    ///     for (_, native) in chunk.natives() {
    ///         let buckets: Vec<_> = NativeSnapshot::from(native).buckets().collect();
    ///         assert_eq!(buckets, [(-2.0, -1.0, 1.0), (4.0, 8.0, 2.0)]);
    ///     }
    /// });
    /// # Ok::<(), narthex::Error>(())
    /// ```
    fn from(native: NativeHistogramRef<'_>) -> Self {
        Self {
            schema: native.schema(),
            zero_threshold: native.zero_threshold(),
            zero_count: native.zero_count(),
            negative: native.negative().filled().collect(),
            positive: native.positive().filled().collect(),
        }
    }
}
