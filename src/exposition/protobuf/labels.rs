//! The labels of a metric: their names, which all rows share, and the values of one.

use super::wire::{lengthy, push_label, push_text};
use crate::exposition::page::{Block, Line};
use crate::exposition::rows::RowText;
use crate::model::{EscapingScheme, LabelNames};

/// How long a part of a metric may be for its length to take one byte.
const SHORT: usize = 0x7f;

/// What the labels of all rows have in common.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// The names as they are written, back to back, and where each ends.
    names: String,
    ends: Vec<usize>,
    /// Each label up to its value, if no name is too long.
    blocks: Vec<Block>,
    /// The label that is prepared.
    label: Vec<u8>,
}

impl Labels {
    /// Prepares labels of these names.
    pub(super) fn prepare(&mut self, escaping: EscapingScheme, names: &LabelNames) {
        let Self { names: written, ends, blocks, label } = self;
        written.clear();
        ends.clear();
        blocks.clear();
        for name in names.sorted() {
            let from = written.len();
            escaping.push_label_name(written, name);
            ends.push(written.len());
            label.clear();
            label.extend([lengthy(1), 0]);
            push_text(label, lengthy(1), &written[from..]);
            label.extend([lengthy(2), 0]);
            blocks.extend(Block::new(label));
        }
    }

    /// How many there are.
    pub(super) fn width(&self) -> usize {
        self.ends.len()
    }

    /// How long they are with values of these lengths, if they can be written in blocks.
    #[inline(always)]
    pub(super) fn short_len(&self, lens: &[u32]) -> Option<usize> {
        let (mut total, mut longest) = (0, 0);
        for (block, &len) in self.blocks.iter().zip(lens) {
            let len = block.len() + len as usize;
            longest = longest.max(len);
            total += len;
        }
        (longest <= SHORT && self.blocks.len() == self.ends.len()).then_some(total)
    }

    /// Appends labels whose length is known; their values begin where the text does.
    ///
    /// Says where they end in it.
    #[inline(always)]
    pub(super) fn push_short(&self, line: &mut Line<'_>, text: RowText<'_>, lens: &[u32]) -> usize {
        let mut at = 0;
        for (block, &len) in self.blocks.iter().zip(lens) {
            let len = len as usize;
            line.push_patched(block, (block.len() - 2 + len) as u8, len as u8);
            line.push_part(text, at, len);
            at += len;
        }
        at
    }

    /// Appends labels of any length.
    pub(super) fn push<'v>(&self, out: &mut Vec<u8>, values: impl Iterator<Item = &'v str>) {
        let mut from = 0;
        for (&to, value) in self.ends.iter().zip(values) {
            push_label(out, &self.names[from..to], value);
            from = to;
        }
    }
}
