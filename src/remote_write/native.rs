//! Native histograms as messages.

use super::message::{Count, Histogram, RESET_HINT_GAUGE, STALE, Span, ZeroCount};
use crate::model::{NativeBuckets, NativeHistogramRef};

/// What a native histogram has beside its buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) timestamp: i64,
    pub(super) start_timestamp: i64,
    /// Whether it may go down.
    pub(super) is_gauge: bool,
}

/// A native histogram; its counts are whole numbers, or all of them floats.
pub(super) fn histogram(native: &NativeHistogramRef<'_>, totals: Totals) -> Histogram {
    let (negative, positive) = (native.negative(), native.positive());
    let mut counts = [totals.count, native.zero_count()]
        .into_iter()
        .chain(negative.counts().iter().copied())
        .chain(positive.counts().iter().copied());
    let is_whole = counts.all(is_whole);
    let (count, zero_count) = match is_whole {
        true => {
            let zero = ZeroCount::Whole(native.zero_count() as u64);
            (Count::Whole(totals.count as u64), zero)
        }
        false => (Count::Float(totals.count), ZeroCount::Float(native.zero_count())),
    };
    let (negative_deltas, negative_counts) = numbers(negative, is_whole);
    let (positive_deltas, positive_counts) = numbers(positive, is_whole);
    Histogram {
        count: Some(count),
        sum: totals.sum,
        schema: native.schema().into(),
        zero_threshold: native.zero_threshold(),
        zero_count: Some(zero_count),
        negative_spans: spans(negative),
        negative_deltas,
        negative_counts,
        positive_spans: spans(positive),
        positive_deltas,
        positive_counts,
        reset_hint: if totals.is_gauge { RESET_HINT_GAUGE } else { 0 },
        timestamp: totals.timestamp,
        start_timestamp: totals.start_timestamp,
    }
}

/// The stale marker of a native histogram.
pub(super) fn stale(timestamp: i64) -> Histogram {
    Histogram {
        count: Some(Count::Whole(0)),
        sum: f64::from_bits(STALE),
        zero_count: Some(ZeroCount::Whole(0)),
        timestamp,
        ..Histogram::default()
    }
}

/// Whether a count is a whole number that a float holds exactly.
fn is_whole(count: f64) -> bool {
    (0.0..=9_007_199_254_740_992.0).contains(&count) && count.fract() == 0.0
}

fn spans(buckets: NativeBuckets<'_>) -> Vec<Span> {
    let spans = buckets.spans().iter();
    spans.map(|span| Span { offset: span.offset, length: span.length }).collect()
}

/// The counts of buckets: the differences of whole ones, or floats.
fn numbers(buckets: NativeBuckets<'_>, is_whole: bool) -> (Vec<i64>, Vec<f64>) {
    if !is_whole {
        return (Vec::new(), buckets.counts().to_vec());
    }
    let mut before = 0;
    let deltas = buckets.counts().iter().map(|&count| {
        let count = count as i64;
        count - std::mem::replace(&mut before, count)
    });
    (deltas.collect(), Vec::new())
}
