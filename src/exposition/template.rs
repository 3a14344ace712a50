//! The constant pieces of a series' line: everything but label values and numbers.

use super::page::{Padded, Page};
use super::rows::Row;
use crate::model::EscapingScheme;
use crate::model::escape::{label_needs_quotes, metric_needs_quotes, push_escaped};

/// A line up to its number, as the pieces between which the label values go.
///
/// `name{a="`, `",b="` and `"} `: one piece more than there are labels.
#[derive(Debug, Default)]
pub(super) struct Template {
    text: Padded,
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
        let Self { text, ends } = self;
        ends.clear();
        text.rewrite(|text| {
            text.push('{');
            let quoted = push_metric_name(text, escaping, family, suffix);
            if !quoted {
                text.remove(0);
            }
            let mut before = if quoted { "," } else { "{" };
            for label in labels {
                text.push_str(before);
                push_label_name(text, escaping, label);
                text.push_str("=\"");
                ends.push(text.len());
                before = "\",";
            }
            text.push_str(match (ends.is_empty(), quoted) {
                (false, _) => "\"} ",
                (true, true) => "} ",
                (true, false) => " ",
            });
            ends.push(text.len());
        });
    }

    /// Appends the first piece: all of the line's head if there are no labels.
    #[inline]
    pub(super) fn push_head(&self, page: &mut Page<'_>) {
        page.push_part(self.text.text(), 0, self.ends[0]);
    }

    /// Appends the pieces with the label values of a row between them.
    #[inline]
    pub(super) fn push_line(&self, page: &mut Page<'_>, row: &Row<'_>) {
        self.push_head(page);
        let mut at = 0;
        for (ends, &len) in self.ends.windows(2).zip(row.lens) {
            let len = len as usize;
            page.push_part(row.text, at, len);
            page.push_part(self.text.text(), ends[0], ends[1] - ends[0]);
            at += len;
        }
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

    /// The piece before the label value at `place`, or behind the last one.
    fn piece(&self, place: usize) -> &str {
        let from = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text.text()[from..self.ends[place]]
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
