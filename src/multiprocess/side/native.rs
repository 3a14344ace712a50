//! What a side file says of exponential buckets, decoded.

use std::collections::HashMap;

use super::reader::SideRow;
use crate::cell::NativeLimits;
use crate::cell::native_entry::{
    FIRST, IS_SHORT, NativeName, NativePlace, SHORT, limits_of, words,
};
use crate::model::Quantiles;

/// The exponential buckets of one series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NativeSaid {
    pub(crate) limits: NativeLimits,
    /// The rows of the buckets of given bounds, each with how many observations it has.
    pub(super) rows: Vec<u32>,
    /// Of how many observations it is known in which row and in which bucket they are.
    pub(crate) counts: Vec<(u32, NativePlace, u64)>,
    /// The quantiles that are estimated from them.
    pub(crate) objectives: Option<Objectives>,
}

/// The quantiles of a summary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Objectives {
    pub(crate) ranks: Quantiles,
    /// For how many seconds an observation counts.
    pub(crate) window: f64,
}

impl Objectives {
    /// The words of the entry that tells of them.
    pub(crate) fn words(&self, limits: &NativeLimits) -> Vec<u64> {
        let ranks = self.ranks.values().iter().map(|rank| rank.to_bits());
        let limits = words(limits, false, []);
        limits[..SHORT]
            .iter()
            .copied()
            .chain([self.window.to_bits()])
            .chain(ranks)
            .chain([0])
            .collect()
    }

    /// What an entry tells of them.
    fn of(entry: &SideRow<'_>) -> Option<Self> {
        let count = entry.words.len() / 8;
        let numbers: Option<Vec<f64>> =
            (SHORT..count - 1).map(|place| entry.word(place).map(f64::from_bits)).collect();
        let numbers = numbers?;
        let (&window, ranks) = numbers.split_first()?;
        let ranks = Quantiles::new(ranks.iter().copied()).ok()?;
        (window > 0.0 && window.is_finite()).then_some(Self { ranks, window })
    }
}

/// What the entries of a file say of the buckets of series, by the first rows of these; none of
/// a series of which something is missing.
#[derive(Debug, Default)]
pub(super) struct NativesSaid {
    list: Vec<(u32, Option<NativeSaid>)>,
}

impl NativesSaid {
    /// Adds an entry of a file of which so many bytes were read; none if it makes no sense.
    pub(super) fn add(
        &mut self,
        entry: &SideRow<'_>,
        mut rows: impl Iterator<Item = u32>,
        file_len: usize,
    ) -> Option<()> {
        let first = rows.next()?;
        let said = NativeSaid::of(entry, first, rows.collect());
        let is_sound = said.is_some();
        let is_whole =
            entry.word(SHORT).is_some_and(|word| word != IS_SHORT && word <= file_len as u64);
        self.list.push((first, said.filter(|_| is_whole)));
        is_sound.then_some(())
    }

    /// Adds an entry that tells of quantiles; none if it makes no sense.
    pub(super) fn add_objectives(
        &mut self,
        entry: &SideRow<'_>,
        mut rows: impl Iterator<Item = u32>,
    ) -> Option<()> {
        let first = rows.next()?;
        let limits = limits_of([entry.word(0)?, entry.word(1)?, entry.word(2)?])?;
        let objectives = Some(Objectives::of(entry)?);
        let said = NativeSaid { limits, rows: Vec::new(), counts: Vec::new(), objectives };
        self.list.push((first, Some(said)));
        Some(())
    }

    /// The series of which nothing is missing, in the order of their first rows.
    pub(super) fn settle(mut self) -> Vec<(u32, NativeSaid)> {
        self.list.sort_by_key(|(row, _)| *row);
        self.list.dedup_by(|(row, next), (have, said)| {
            let is_same = row == have;
            if is_same {
                *said = said.take().zip(next.take()).map(|(said, next)| said.with(next));
            }
            is_same
        });
        self.list.into_iter().filter_map(|(row, said)| Some((row, said?))).collect()
    }
}

impl NativeSaid {
    fn of(entry: &SideRow<'_>, first: u32, rows: Vec<u32>) -> Option<Self> {
        let limits = limits_of([entry.word(0)?, entry.word(1)?, entry.word(2)?])?;
        let mut counts = Vec::new();
        let mut words = entry
            .words
            .chunks_exact(8)
            .skip(FIRST)
            .map(|word| word.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        while let (Some(name), Some(count)) = (words.next(), words.next()) {
            if name == 0 {
                continue;
            }
            let NativeName { place, below } = NativeName::of_word(name)?;
            let row = match (rows.get(usize::from(below)), below) {
                (Some(row), _) => *row,
                (None, 0) => first,
                _ => return None,
            };
            counts.push((row, place, count));
        }
        Some(Self { limits, rows, counts, objectives: None })
    }

    /// Both, which are of one series.
    fn with(mut self, other: Self) -> Self {
        self.limits = join_limits(self.limits, other.limits);
        self.rows.extend(other.rows);
        self.counts.extend(other.counts);
        self.objectives = self.objectives.or(other.objectives);
        self
    }

    /// Whether anything was observed.
    pub(crate) fn has_counts(&self) -> bool {
        self.counts.iter().any(|(_, _, count)| *count > 0)
    }

    /// How many observations each of its rows has.
    pub(super) fn of_rows(&self) -> HashMap<u32, f64> {
        let mut counts: HashMap<u32, f64> = self.rows.iter().map(|row| (*row, 0.0)).collect();
        for (row, _, count) in &self.counts {
            if let Some(have) = counts.get_mut(row) {
                *have += *count as f64;
            }
        }
        counts
    }
}

/// What holds for two series that are added up: of each number the greater one, but the coarser
/// resolution.
pub(crate) fn join_limits(one: NativeLimits, other: NativeLimits) -> NativeLimits {
    NativeLimits {
        schema: one.schema.min(other.schema),
        zero_threshold: one.zero_threshold.max(other.zero_threshold),
        max_buckets: one.max_buckets.max(other.max_buckets),
        min_reset_seconds: None,
        max_zero_threshold: one.max_zero_threshold.max(other.max_zero_threshold),
    }
}
