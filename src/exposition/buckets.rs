//! The lines that differ in one label, `le` or `quantile`.

use super::page::{Block, Numbers, Page, Scratch, fits};
use super::rows::Row;
use super::template::{Template, push_pieces};
use crate::model::{EscapingScheme, LabelNames, Suffix};

/// What is prepared for the buckets of a chunk's rows, or their quantiles.
#[derive(Debug, Default)]
pub(super) struct BucketLines {
    template: Template,
    /// The place of that label among the sorted ones.
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
    /// Prepares the lines of a family with these label names beside the one that it adds.
    pub(super) fn prepare(
        &mut self,
        escaping: EscapingScheme,
        family: &str,
        suffix: Suffix,
        names: &LabelNames,
        own: &str,
    ) {
        let place = names.place(own).unwrap_or_else(|place| place);
        let with_own = names.sorted().take(place).chain([own]).chain(names.sorted().skip(place));
        self.template.prepare(escaping, family, suffix.as_str(), with_own);
        self.place = place;
    }

    /// Prepares the values of that label, which the rows of a chunk share.
    pub(super) fn prepare_bounds(&mut self, bounds: &[Box<str>]) {
        self.bounds.clear();
        self.bounds.extend(bounds.iter().map_while(|bound| Block::new(bound.as_bytes())));
        let all = self.bounds.len() == bounds.len();
        self.longest_bound = bounds.iter().map(|bound| bound.len()).max().filter(|_| all);
    }

    /// Appends the lines of a row that has nothing behind its numbers; says if they were not too
    /// long for blocks.
    #[inline(never)]
    pub(super) fn write_plain(
        &mut self,
        page: &mut Page<'_>,
        row: &Row<'_>,
        values: &[f64],
        mut number: impl FnMut(f64) -> f64,
    ) -> Option<()> {
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

        let slots = values.chunks(Numbers::COUNT).zip(bounds.chunks(Numbers::COUNT));
        for (values, bounds) in slots {
            let mut numbers = numbers.write(values, &mut number);
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
        Some(())
    }

    /// Appends a line up to its number.
    pub(super) fn fill(&self, out: &mut String, row: &Row<'_>, bound: &str) {
        self.template.fill(out, 0, row.values().take(self.place));
        out.push_str(bound);
        self.template.fill(out, self.place + 1, row.values().skip(self.place));
    }
}
