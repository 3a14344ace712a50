//! What few lines have behind their number: a timestamp, a start time, and an exemplar.

use super::quoted::push_label_name;
use crate::model::escape::push_escaped;
use crate::model::number::{push_f64, push_repr};
use crate::model::{EscapingScheme, ExemplarRef, Timestamp};

/// What a line has behind its number, and how that is written.
#[derive(Clone, Copy)]
pub(super) struct Extras<'a> {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) start: Option<f64>,
    pub(super) exemplar: Option<ExemplarRef<'a>>,
    /// Timestamps in seconds, not in milliseconds.
    pub(super) openmetrics: bool,
    pub(super) escaping: EscapingScheme,
}

impl Extras<'_> {
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.timestamp.is_none() && self.start.is_none() && self.exemplar.is_none()
    }

    /// Appends them, and the end of the line.
    pub(super) fn push(&self, out: &mut String) {
        if let Some(timestamp) = self.timestamp {
            out.push(' ');
            if self.openmetrics {
                timestamp.push_openmetrics(out);
            } else {
                timestamp.push_text(out);
            }
        }
        if let Some(start) = self.start {
            push_start(out, start);
        }
        if let Some(exemplar) = self.exemplar {
            push_exemplar(out, self.escaping, exemplar);
        }
        out.push('\n');
    }
}

/// Appends when a series began, as OpenMetrics 2.0 has it.
pub(super) fn push_start(out: &mut String, start: f64) {
    out.push_str(" st@");
    push_repr(out, start);
}

/// Appends an exemplar.
pub(super) fn push_exemplar(out: &mut String, escaping: EscapingScheme, exemplar: ExemplarRef<'_>) {
    out.push_str(" # {");
    for (place, (name, value)) in exemplar.labels().enumerate() {
        if place > 0 {
            out.push(',');
        }
        push_label_name(out, escaping, name);
        out.push_str("=\"");
        push_escaped(out, value);
        out.push('"');
    }
    out.push_str("} ");
    push_f64(out, exemplar.value());
    if let Some(timestamp) = exemplar.timestamp() {
        out.push(' ');
        timestamp.push_openmetrics(out);
    }
}
