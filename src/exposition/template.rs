//! The constant pieces of a series' line: everything but label values and numbers.

use std::mem;

use super::extras::Extras;
use super::page::{Block, Line, Page};
use super::quoted::{push_label_name, push_metric_name};
use super::rows::{Row, RowText};
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
    // All pieces, if none is too long.
    blocks: Vec<Block>,
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
        let mut blocks = mem::take(&mut self.blocks);
        blocks.clear();
        blocks.extend((0..self.ends.len()).map_while(|place| Block::new(self.piece(place))));
        self.blocks = blocks;
    }

    /// Whether all pieces are blocks.
    #[inline(always)]
    pub(super) fn is_in_blocks(&self) -> bool {
        self.blocks.len() == self.ends.len()
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
        if let Some(text) = row.row_text.filter(|_| extras.is_none() && self.is_in_blocks()) {
            if self.write_plain_row(page, text, row.lens, value).is_some() {
                return;
            }
        }
        page.push_rare(|text| {
            self.fill(text, 0, row.values());
            push_f64(text, value);
            extras.push(text);
        });
    }

    /// The same with nothing behind the number, unless the line is too long for blocks.
    ///
    /// The label values of the row have these lengths; says how long they are together. All
    /// pieces must be blocks.
    #[inline(always)]
    pub(super) fn write_plain_row(
        &self,
        page: &mut Page<'_>,
        text: RowText<'_>,
        lens: &[u32],
        value: f64,
    ) -> Option<usize> {
        let mut line = page.line()?;
        let end = self.push_pieces(&mut line, 0, text, 0, lens);
        let len = line.end(value).filter(|_| text.has(end))?;
        page.keep(len);
        Some(end)
    }

    /// Appends the piece at `first`, and each of these label values with the piece behind it.
    ///
    /// The values begin at `at`; says where they end. All pieces must be blocks.
    #[inline(always)]
    pub(super) fn push_pieces(
        &self,
        line: &mut Line<'_>,
        first: usize,
        text: RowText<'_>,
        mut at: usize,
        lens: &[u32],
    ) -> usize {
        let Some((head, behind)) = self.blocks.get(first..).and_then(<[_]>::split_first) else {
            return at;
        };
        line.push_block(head);
        for (piece, &len) in behind.iter().zip(lens) {
            line.push_part(text, at, len as usize);
            line.push_block(piece);
            at += len as usize;
        }
        at
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
