//! The lines of a histogram's buckets.

use super::page::{Line, Padded, Page};
use super::rows::Row;
use super::template::Template;
use crate::model::{Bounds, EscapingScheme, LabelNames, Suffix};

/// What is prepared for the buckets of a chunk's rows.
#[derive(Debug, Default)]
pub(super) struct BucketLines {
    template: Template,
    /// The place of `le` among the sorted labels.
    place: usize,
    // Of the row at hand: what its lines have before and behind the bound.
    before_le: Padded,
    behind_le: Padded,
    // The bounds back to back, and where each ends.
    bounds: Padded,
    ends: Vec<usize>,
}

impl BucketLines {
    /// Prepares the lines of a family with these label names.
    pub(super) fn prepare(&mut self, escaping: EscapingScheme, family: &str, names: &LabelNames) {
        let place = names.place("le").unwrap_or_else(|place| place);
        let with_le = names.sorted().take(place).chain(["le"]).chain(names.sorted().skip(place));
        self.template.prepare(escaping, family, Suffix::Bucket.as_str(), with_le);
        self.place = place;
        self.before_le.rewrite(|text| self.template.fill(text, 0, std::iter::empty()));
    }

    /// Prepares the bounds that the rows of a chunk share.
    pub(super) fn prepare_bounds(&mut self, bounds: &Bounds) {
        self.ends.clear();
        self.bounds.rewrite(|text| {
            for bound in bounds.texts() {
                text.push_str(bound);
                self.ends.push(text.len());
            }
        });
    }

    /// Prepares what the lines of one row have in common.
    pub(super) fn prepare_row(&mut self, row: &Row<'_>) {
        let Self { template, place, before_le, behind_le, .. } = self;
        let place = *place;
        if place > 0 {
            before_le.rewrite(|text| template.fill(text, 0, row.values().take(place)));
        }
        behind_le.rewrite(|text| template.fill(text, place + 1, row.values().skip(place)));
    }

    /// How long a line is at most, before its number.
    pub(super) fn longest(&self) -> usize {
        self.before_le.len() + self.bounds.len() + self.behind_le.len()
    }

    /// Where the bounds of the buckets stand in the text of all.
    pub(super) fn bounds(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut from = 0;
        self.ends.iter().map(move |&to| (std::mem::replace(&mut from, to), to))
    }

    /// Appends a line up to its number.
    #[inline(always)]
    pub(super) fn push(&self, line: &mut Line<'_>, (from, to): (usize, usize)) {
        line.push_padded(&self.before_le);
        line.push_part(self.bounds.with_blanks(), from, to - from);
        line.push_padded(&self.behind_le);
    }

    /// The same for a line that is too long.
    pub(super) fn fill(&self, out: &mut String, (from, to): (usize, usize)) {
        out.push_str(self.before_le.as_str());
        out.push_str(&self.bounds.as_str()[from..to]);
        out.push_str(self.behind_le.as_str());
    }

    /// Appends the lines of a row that has nothing behind its numbers; says how many it counts.
    #[inline(never)]
    pub(super) fn write_plain(&self, page: &mut Page<'_>, counts: &[f64]) -> f64 {
        let longest = self.longest();
        let mut total = 0.0;
        for (&count, bound) in counts.iter().zip(self.bounds()) {
            total += count;
            match page.line(longest) {
                Some(mut line) => {
                    self.push(&mut line, bound);
                    line.push_number(total);
                    line.end();
                }
                None => page.write_long(|text| self.fill(text, bound), total),
            }
        }
        total
    }
}
