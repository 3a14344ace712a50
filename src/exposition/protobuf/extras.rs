//! What only some metrics have: exemplars and points in time.

use super::wire::{double, lengthy, push_double, push_label, push_message, push_number, varint};
use crate::model::{EscapingScheme, ExemplarRef, TimeParts, Timestamp};

/// Appends an exemplar as a field of this key.
pub(super) fn push_exemplar(
    out: &mut Vec<u8>,
    key: u8,
    exemplar: ExemplarRef<'_>,
    escaping: EscapingScheme,
) {
    push_message(out, key, |out| {
        for (name, value) in exemplar.labels() {
            push_label(out, &escaping.label_name(name), value);
        }
        push_double(out, double(2), exemplar.value());
        if let Some(time) = exemplar.timestamp().and_then(Timestamp::parts) {
            push_time(out, lengthy(3), time);
        }
    });
}

/// Appends when a series began, if that is known and within what can be said.
pub(super) fn push_start(out: &mut Vec<u8>, key: u8, start: Option<f64>) {
    if let Some(time) = start.and_then(TimeParts::of_seconds) {
        push_time(out, key, time);
    }
}

/// Appends when a metric was measured, if that is known.
pub(super) fn push_timestamp(out: &mut Vec<u8>, timestamp: Option<Timestamp>) {
    if let Some(timestamp) = timestamp {
        push_number(out, varint(6), timestamp.to_millis() as u64);
    }
}

fn push_time(out: &mut Vec<u8>, key: u8, time: TimeParts) {
    push_message(out, key, |out| {
        if time.seconds != 0 {
            push_number(out, varint(1), time.seconds as u64);
        }
        if time.nanos != 0 {
            push_number(out, varint(2), time.nanos.into());
        }
    });
}
