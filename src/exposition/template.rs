//! The constant pieces of a series' line: everything but label values and numbers.

use std::mem;

use super::extras::Extras;
use super::page::{Block, Line, Number, Page};
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
        let pieces = (0..self.ends.len()).map(|place| self.piece(place));
        blocks.extend(pieces.map_while(|piece| Block::new(piece.as_bytes())));
        self.blocks = blocks;
    }

    /// All pieces, if none is too long for a block.
    #[inline]
    pub(super) fn blocks(&self) -> Option<&[Block]> {
        Some(self.blocks.as_slice()).filter(|blocks| blocks.len() == self.ends.len())
    }

    /// Appends a line with the label values of a row.
    pub(super) fn write_row(
        &self,
        page: &mut Page<'_>,
        row: &Row<'_>,
        value: f64,
        extras: &Extras<'_>,
    ) {
        if let Some(text) = row.row_text.filter(|_| extras.is_none()) {
            let (rows, _) = self.write_plain(page, text.bytes(), row.lens, &[Number::new(value)]);
            if rows == 1 {
                return;
            }
        }
        page.push_rare(|text| {
            self.fill(text, 0, row.values());
            push_f64(text, value);
            extras.push(text);
        });
    }

    /// Appends lines with nothing behind their number, until one is too long for blocks or text
    /// runs out; says how many, and how long the label values in them are together.
    #[inline(never)]
    pub(super) fn write_plain(
        &self,
        page: &mut Page<'_>,
        mut text: &[u8],
        mut lens: &[u32],
        numbers: &[Number],
    ) -> (usize, usize) {
        let Some(blocks) = self.blocks() else { return (0, 0) };
        let (mut left, all) = (numbers.iter(), text.len());
        page.push_lines(|mut line| {
            let (row_lens, lens_left) = lens.split_at_checked(blocks.len().saturating_sub(1))?;
            let row_text = RowText::new(text)?;
            let number = left.as_slice().first()?;
            let end = push_pieces(&mut line, blocks, row_text, 0, row_lens);
            let len = line.end(number).filter(|_| row_text.has(end))?;
            left.next();
            (lens, text) = (lens_left, text.get(end..)?);
            Some(len)
        });
        (numbers.len() - left.len(), all - text.len())
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

/// Appends the first of these pieces, and each of these label values with the piece behind it.
///
/// The values begin at `at`; says where they end.
#[inline(always)]
pub(super) fn push_pieces(
    line: &mut Line<'_>,
    blocks: &[Block],
    text: RowText<'_>,
    mut at: usize,
    lens: &[u32],
) -> usize {
    let Some((head, behind)) = blocks.split_first() else { return at };
    line.push_block(head);
    for (piece, &len) in behind.iter().zip(lens) {
        line.push_part(text, at, len as usize);
        line.push_block(piece);
        at += len as usize;
    }
    at
}
