//! The lines of a histogram's buckets.

use super::page::{Block, Numbers, Page, Scratch, fits};
use super::rows::Row;
use super::template::{Template, push_pieces};
use crate::model::{Bounds, EscapingScheme, LabelNames, Suffix};

/// What is prepared for the buckets of a chunk's rows.
#[derive(Debug, Default)]
pub(super) struct BucketLines {
    template: Template,
    /// The place of `le` among the sorted labels.
    place: usize,
    /// All bounds, if none is too long, and how long the longest is.
    bounds: Vec<Block>,
    longest_bound: Option<usize>,
    // Of the row at hand: what its lines have before and behind the bound.
    before_le: Scratch,
    behind_le: Scratch,
    numbers: Numbers,
}

impl BucketLines {
    /// Prepares the lines of a family with these label names.
    pub(super) fn prepare(&mut self, escaping: EscapingScheme, family: &str, names: &LabelNames) {
        let place = names.place("le").unwrap_or_else(|place| place);
        let with_le = names.sorted().take(place).chain(["le"]).chain(names.sorted().skip(place));
        self.template.prepare(escaping, family, Suffix::Bucket.as_str(), with_le);
        self.place = place;
    }

    /// Prepares the bounds that the rows of a chunk share.
    pub(super) fn prepare_bounds(&mut self, bounds: &Bounds) {
        self.bounds.clear();
        let texts = bounds.texts().iter();
        self.bounds.extend(texts.map_while(|bound| Block::new(bound.as_bytes())));
        let all = self.bounds.len() == bounds.texts().len();
        self.longest_bound = bounds.texts().iter().map(|bound| bound.len()).max().filter(|_| all);
    }

    /// Appends the lines of a row that has nothing behind its numbers, and says how many it
    /// counts, unless they are too long for blocks.
    #[inline(never)]
    pub(super) fn write_plain(
        &mut self,
        page: &mut Page<'_>,
        row: &Row<'_>,
        counts: &[f64],
    ) -> Option<f64> {
        let Self { template, place, bounds, longest_bound, before_le, behind_le, numbers } = self;
        let (blocks, longest_bound) = (template.blocks()?, (*longest_bound)?);
        let (blocks_before, blocks_behind) = blocks.split_at_checked(*place + 1)?;
        let (lens_before, lens_behind) = row.lens.split_at_checked(*place)?;
        let (text, mut at) = (row.row_text?, 0);
        before_le.write(|line| at = push_pieces(line, blocks_before, text, at, lens_before));
        behind_le.write(|line| at = push_pieces(line, blocks_behind, text, at, lens_behind));
        if !text.has(at) || !fits(before_le.len() + longest_bound + behind_le.len()) {
            return None;
        }

        let mut total = 0.0;
        let slots = counts.chunks(Numbers::COUNT).zip(bounds.chunks(Numbers::COUNT));
        for (counts, bounds) in slots {
            let mut numbers = numbers.write(counts, |count| {
                total += count;
                total
            });
            let mut bounds = bounds.iter();
            page.push_lines(|mut line| {
                let (number, left) = numbers.split_first()?;
                let bound = bounds.next()?;
                numbers = left;
                line.push_scratch(before_le);
                line.push_block(bound);
                line.push_scratch(behind_le);
                line.end(number)
            });
        }
        Some(total)
    }

    /// Appends a line up to its number.
    pub(super) fn fill(&self, out: &mut String, row: &Row<'_>, bound: &str) {
        self.template.fill(out, 0, row.values().take(self.place));
        out.push_str(bound);
        self.template.fill(out, self.place + 1, row.values().skip(self.place));
    }
}
