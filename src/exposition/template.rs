//! The constant pieces of a series' line: everything but label values and numbers.

use std::mem;

use super::extras::Extras;
use super::page::{Block, Line, Page};
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

    /// How long all pieces are with label values of these lengths; nothing if they are no blocks.
    #[inline(always)]
    pub(super) fn longest(&self, lens: &[u32]) -> Option<usize> {
        let values: usize = lens.iter().map(|&len| len as usize).sum();
        (self.blocks.len() == self.ends.len()).then_some(self.text.len() + values)
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
        if extras.is_none() && self.write_plain_row(page, row.text.as_bytes(), row.lens, value) {
            return;
        }
        page.push_rare(|text| {
            self.fill(text, 0, row.values());
            push_f64(text, value);
            extras.push(text);
        });
    }

    /// The same with nothing behind the number, unless the line is too long for blocks.
    ///
    /// `text` begins with the label values of the row, which have these lengths.
    #[inline(always)]
    pub(super) fn write_plain_row(
        &self,
        page: &mut Page<'_>,
        text: &[u8],
        lens: &[u32],
        value: f64,
    ) -> bool {
        let longest = self.longest(lens);
        let Some(mut line) = longest.and_then(|longest| page.line(longest)) else { return false };
        self.push_pieces(&mut line, 0, text, lens);
        line.push_number(value);
        line.end();
        true
    }

    /// Appends the piece at `first`, and each of these label values with the piece behind it.
    ///
    /// Gives back the text behind them. All pieces must be blocks.
    #[inline(always)]
    pub(super) fn push_pieces<'t>(
        &self,
        line: &mut Line<'_>,
        first: usize,
        mut text: &'t [u8],
        lens: &[u32],
    ) -> &'t [u8] {
        let Some((head, behind)) = self.blocks.get(first..).and_then(<[_]>::split_first) else {
            return text;
        };
        line.push_block(head);
        for (piece, &len) in behind.iter().zip(lens) {
            line.push_part(text, len as usize);
            line.push_block(piece);
            text = text.get(len as usize..).unwrap_or_default();
        }
        text
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
