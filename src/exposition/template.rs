//! The constant pieces of a series' line: everything but label values and numbers.

use super::extras::Extras;
use super::page::{Block, Page};
use super::quoted::{push_label_name, push_metric_name};
use super::rows::Row;
use crate::model::EscapingScheme;
use crate::model::number::push_f64;

/// A line up to its number, as the pieces between which the label values go.
///
/// `name{a="`, `",b="` and `"} `: one piece more than there are labels.
#[derive(Debug, Default)]
pub(super) struct Template {
    text: String,
    // Where each piece ends in `text`.
    ends: Vec<usize>,
    // All pieces, if none is too long: the first one, and those behind a label value.
    head: Option<Block>,
    behind: Vec<Block>,
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
        let Self { text, ends, .. } = self;
        text.clear();
        ends.clear();
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
        self.cut_into_blocks();
    }

    fn cut_into_blocks(&mut self) {
        self.behind.clear();
        self.head = Block::new(self.piece(0));
        for place in 1..self.ends.len() {
            match Block::new(self.piece(place)) {
                Some(block) => self.behind.push(block),
                None => self.head = None,
            }
        }
    }

    /// Appends a line with the label values of a row.
    #[inline]
    pub(super) fn write_row(
        &self,
        page: &mut Page<'_>,
        row: &Row<'_>,
        value: f64,
        extras: &Extras<'_>,
    ) {
        if extras.is_none() {
            return self.write_plain_row(page, row, value);
        }
        page.push_rare(|text| {
            self.fill(text, 0, row.values());
            push_f64(text, value);
            extras.push(text);
        });
    }

    /// The same with nothing behind the number.
    #[inline(always)]
    pub(super) fn write_plain_row(&self, page: &mut Page<'_>, row: &Row<'_>, value: f64) {
        let (Some(head), Some(mut line)) = (&self.head, page.line(self.text.len() + row.len))
        else {
            return page.write_long(|text| self.fill(text, 0, row.values()), value);
        };
        line.push_block(head);
        let mut at = row.at;
        for (behind, &len) in self.behind.iter().zip(row.lens) {
            line.push_part(row.text, at, len as usize);
            line.push_block(behind);
            at += len as usize;
        }
        line.push_number(value);
        line.end();
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
        &self.text[from..self.ends[place]]
    }
}
