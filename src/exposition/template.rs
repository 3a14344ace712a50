//! The constant pieces of a series' line: everything but label values and numbers.

use crate::model::EscapingScheme;
use crate::model::escape::{label_needs_quotes, metric_needs_quotes, push_escaped};

/// A line up to its number, as the pieces between which the label values go.
///
/// `name{a="`, `",b="` and `"} `: one piece more than there are labels.
#[derive(Debug, Default)]
pub(super) struct Template {
    text: String,
    // Where each piece ends in `text`.
    ends: Vec<usize>,
}

impl Template {
    /// Prepares the lines of the sample `family` + `suffix` with these label names.
    pub(super) fn prepare<'n>(
        &mut self,
        escaping: EscapingScheme,
        family: &str,
        suffix: &str,
        labels: impl Iterator<Item = &'n str>,
    ) {
        self.text.clear();
        self.ends.clear();
        self.text.push('{');
        let quoted = push_metric_name(&mut self.text, escaping, family, suffix);
        if !quoted {
            self.text.remove(0);
        }
        let mut before = if quoted { "," } else { "{" };
        for label in labels {
            self.text.push_str(before);
            push_label_name(&mut self.text, escaping, label);
            self.text.push_str("=\"");
            self.ends.push(self.text.len());
            before = "\",";
        }
        self.text.push_str(match (self.ends.is_empty(), quoted) {
            (false, _) => "\"} ",
            (true, true) => "} ",
            (true, false) => " ",
        });
        self.ends.push(self.text.len());
    }

    /// The piece before the label value at `place`, or behind the last one.
    pub(super) fn piece(&self, place: usize) -> &str {
        let from = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[from..self.ends[place]]
    }

    /// Appends the pieces from `first` on, with a value before each but the first.
    pub(super) fn fill<'v>(
        &self,
        out: &mut String,
        first: usize,
        values: impl Iterator<Item = &'v str>,
    ) {
        out.push_str(self.piece(first));
        for (value, place) in values.zip(first + 1..) {
            out.push_str(value);
            out.push_str(self.piece(place));
        }
    }
}

/// Appends the name of a family or a sample, in quotes if it needs them; says whether it does.
pub(super) fn push_metric_name(
    out: &mut String,
    escaping: EscapingScheme,
    family: &str,
    suffix: &str,
) -> bool {
    // A suffix makes no legal name of an illegal one, nor the reverse.
    let quoted = escaping == EscapingScheme::AllowUtf8 && metric_needs_quotes(family);
    if quoted {
        out.push('"');
        push_escaped(out, family);
        out.push_str(suffix);
        out.push('"');
    } else {
        escaping.push_metric_name(out, family, suffix);
    }
    quoted
}

/// Appends a label name, in quotes if it needs them.
pub(super) fn push_label_name(out: &mut String, escaping: EscapingScheme, label: &str) {
    if escaping == EscapingScheme::AllowUtf8 && label_needs_quotes(label) {
        out.push('"');
        push_escaped(out, label);
        out.push('"');
    } else {
        escaping.push_label_name(out, label);
    }
}
