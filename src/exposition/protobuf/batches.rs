//! The rows of a chunk, some at a time, their label values not escaped.

use crate::exposition::rows::Texts;
use crate::model::Chunk;
use crate::model::escape::unescape;

/// How many rows there are at a time.
const ROWS: usize = 512;

/// Label values that were unescaped; filled again, it keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Raw {
    text: String,
    lens: Vec<u32>,
}

/// Some rows of a chunk.
pub(super) struct Batch<'a> {
    /// The number of the first row.
    pub(super) first: usize,
    pub(super) rows: usize,
    /// The label values of all rows, row after row, and their lengths.
    pub(super) texts: Texts<'a>,
    pub(super) lens: &'a [u32],
}

/// Calls `each` with all rows of a chunk.
pub(super) fn for_each_batch(chunk: &Chunk<'_>, raw: &mut Raw, mut each: impl FnMut(&Batch<'_>)) {
    let (mut text, mut lens, width) = (chunk.label_text(), chunk.label_lens(), chunk.names().len());
    for first in (0..chunk.rows()).step_by(ROWS) {
        let rows = ROWS.min(chunk.rows() - first);
        let (here, behind) = lens.split_at_checked(rows * width).unwrap_or_default();
        let len = here.iter().map(|&len| len as usize).sum();
        let (text_here, text_behind) = text.split_at_checked(len).unwrap_or_default();
        (text, lens) = (text_behind, behind);
        if chunk.has_escapes() {
            raw.fill(text_here, here);
            each(&Batch { first, rows, texts: Texts::of(&raw.text), lens: &raw.lens });
        } else {
            each(&Batch { first, rows, texts: Texts::of(text_here), lens: here });
        }
    }
}

impl Raw {
    /// Takes label values, unescaped where they are not what they stand for.
    fn fill(&mut self, mut text: &str, lens: &[u32]) {
        self.text.clear();
        self.lens.clear();
        for &len in lens {
            let (value, behind) = text.split_at_checked(len as usize).unwrap_or_default();
            let from = self.text.len();
            self.text.push_str(&unescape(value));
            self.lens.push((self.text.len() - from) as u32);
            text = behind;
        }
    }
}
