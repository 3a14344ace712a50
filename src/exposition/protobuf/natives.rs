//! Native histograms: what a histogram has beside its count, its sum and its buckets.
//!
//! [The specification](https://prometheus.io/docs/specs/native_histograms/#exposition-formats).

use super::extras::push_exemplar;
use super::short::whole;
use super::wire::{double, lengthy, push_double, push_message, push_number, push_varint, varint};
use crate::model::{BucketSpan, EscapingScheme, NativeBuckets, NativeHistogramRef};

/// The key of field 16 has two bytes.
const EXEMPLARS: [u8; 2] = [0x82, 0x01];

/// Whether no bucket has a part of an observation.
pub(super) fn counts_are_whole(native: &NativeHistogramRef<'_>) -> bool {
    let all = |side: NativeBuckets<'_>| side.counts().iter().all(|&count| whole(count).is_some());
    whole(native.zero_count()).is_some() && all(native.negative()) && all(native.positive())
}

/// Appends resolution and buckets, their counts as whole numbers or as floats.
pub(super) fn push_native(out: &mut Vec<u8>, native: &NativeHistogramRef<'_>, whole: bool) {
    push_number(out, varint(5), zigzag(native.schema().into()));
    push_double(out, double(6), native.zero_threshold());
    if whole {
        push_number(out, varint(7), native.zero_count() as u64);
    } else {
        push_double(out, double(8), native.zero_count());
    }
    push_side(out, [9, 10, 11], native.negative(), whole);
    push_side(out, [12, 13, 14], native.positive(), whole);
    let spans = native.negative().spans().len() + native.positive().spans().len();
    if spans == 0 && native.zero_threshold() == 0.0 && native.zero_count() == 0.0 {
        // Without a span nobody could tell that it is a native one.
        push_span(out, lengthy(12), BucketSpan::default());
    }
}

/// Appends the exemplars that have a timestamp, as all must have here.
pub(super) fn push_native_exemplars(
    out: &mut Vec<u8>,
    native: &NativeHistogramRef<'_>,
    escaping: EscapingScheme,
) {
    let [first, last] = EXEMPLARS;
    for exemplar in native.exemplars() {
        if exemplar.timestamp().is_some_and(|timestamp| timestamp.parts().is_some()) {
            out.push(first);
            push_exemplar(out, last, exemplar, escaping);
        }
    }
}

/// Appends buckets in fields of these numbers: spans, differences of counts, and counts.
fn push_side(
    out: &mut Vec<u8>,
    [spans, deltas, counts]: [u8; 3],
    side: NativeBuckets<'_>,
    whole: bool,
) {
    for &span in side.spans() {
        push_span(out, lengthy(spans), span);
    }
    if side.counts().is_empty() {
        return;
    }
    if whole {
        push_message(out, lengthy(deltas), |out| {
            let mut before = 0;
            for &count in side.counts() {
                let count = count as i64;
                push_varint(out, zigzag(count - before));
                before = count;
            }
        });
    } else {
        push_message(out, lengthy(counts), |out| {
            for count in side.counts() {
                out.extend_from_slice(&count.to_le_bytes());
            }
        });
    }
}

fn push_span(out: &mut Vec<u8>, key: u8, span: BucketSpan) {
    push_message(out, key, |out| {
        push_number(out, varint(1), zigzag(span.offset.into()));
        push_number(out, varint(2), span.length.into());
    });
}

/// A number with its sign as the lowest bit, so that those close to zero are short.
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}
