//! What few lines have behind their number: a timestamp, and an exemplar.

use super::quoted::push_label_name;
use crate::model::escape::push_escaped;
use crate::model::number::push_f64;
use crate::model::{EscapingScheme, ExemplarRef, Timestamp};

/// What a line has behind its number, and how that is written.
#[derive(Clone, Copy)]
pub(super) struct Extras<'a> {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) exemplar: Option<ExemplarRef<'a>>,
    /// Timestamps in seconds, not in milliseconds.
    pub(super) openmetrics: bool,
    pub(super) escaping: EscapingScheme,
}

impl Extras<'_> {
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.timestamp.is_none() && self.exemplar.is_none()
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
        if let Some(exemplar) = self.exemplar {
            self.push_exemplar(out, exemplar);
        }
        out.push('\n');
    }

    fn push_exemplar(&self, out: &mut String, exemplar: ExemplarRef<'_>) {
        out.push_str(" # {");
        for (place, (name, value)) in exemplar.labels().enumerate() {
            if place > 0 {
                out.push(',');
            }
            push_label_name(out, self.escaping, name);
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
}
