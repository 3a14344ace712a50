//! When the series of rows began, in a quarter of the memory that it takes to say so.

use std::sync::Arc;

/// Times of this century are multiples of this part of a second.
const TICKS: f64 = (1 << 22) as f64;

/// The rows that a start is known of, ascending, each row once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Starts {
    /// The first one that was told.
    base: f64,
    /// The rows whose starts are told in ticks, unless others have the same.
    own: Vec<u32>,
    /// These rows, if others have the same.
    shared: Option<Arc<[u32]>>,
    /// The starts of these rows, in ticks after the first one.
    ticks: Vec<u32>,
    /// Those that cannot be told so.
    far: Vec<(u32, f64)>,
}

/// The starts of rows that were not asked for yet.
#[derive(Debug)]
pub(crate) struct StartsInOrder<'a> {
    base: f64,
    near: &'a [u32],
    ticks: &'a [u32],
    far: &'a [(u32, f64)],
}

impl Starts {
    /// Makes room for so many, if there are none.
    pub(super) fn reserve(&mut self, room: usize) {
        if self.ticks.is_empty() {
            self.own.reserve(room);
            self.ticks.reserve(room);
        }
    }

    /// Adds a start in seconds since 1970, unless it is no time.
    #[inline]
    pub(super) fn push(&mut self, row: u32, start: f64) {
        if !(start.is_finite() && start > 0.0) {
            return;
        }
        if self.ticks.is_empty() && self.far.is_empty() {
            self.base = start;
        }
        let ticks = ((start - self.base) * TICKS) as u32;
        if self.base + f64::from(ticks) / TICKS == start {
            if let Some(shared) = self.shared.take() {
                self.own = shared.to_vec();
            }
            self.own.push(row);
            self.ticks.push(ticks);
        } else {
            self.far.push((row, start));
        }
    }

    /// Brings them into the order of rows; of several starts of one the earliest stays.
    pub(super) fn settle(&mut self) {
        if !self.near().is_sorted_by(|a, b| a < b) {
            let mut near: Vec<_> =
                self.near().iter().copied().zip(self.ticks.iter().copied()).collect();
            near.sort_unstable();
            near.dedup_by_key(|(row, _)| *row);
            self.shared = None;
            (self.own, self.ticks) = near.into_iter().unzip();
        }
        self.own.shrink_to_fit();
        self.ticks.shrink_to_fit();
        self.far.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        self.far.dedup_by_key(|(row, _)| *row);
    }

    /// Keeps its rows together with others that have the same, which `known` is of.
    pub(super) fn share(&mut self, known: &mut Option<Arc<[u32]>>) {
        if known.as_deref() != Some(self.near()) {
            *known = Some(self.near().into());
        }
        self.shared.clone_from(known);
        self.own = Vec::new();
    }

    pub(super) fn in_order(&self) -> StartsInOrder<'_> {
        StartsInOrder { base: self.base, near: self.near(), ticks: &self.ticks, far: &self.far }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        let near = self.near().iter().zip(&self.ticks);
        let near = near.map(|(&row, &ticks)| (row, later(self.base, ticks)));
        near.chain(self.far.iter().copied())
    }

    fn near(&self) -> &[u32] {
        self.shared.as_deref().unwrap_or(&self.own)
    }
}

impl PartialEq for Starts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl StartsInOrder<'_> {
    /// When the series of a row began, if that row is the one that says so.
    #[inline]
    pub(crate) fn start(&mut self, row: usize) -> Option<f64> {
        let near = self.near_start(row);
        if self.far.is_empty() {
            return near;
        }
        match (near, next_of(&mut self.far, row).copied()) {
            (Some(near), Some(far)) => Some(near.min(far)),
            (near, far) => near.or(far),
        }
    }

    #[inline]
    fn near_start(&mut self, row: usize) -> Option<f64> {
        while let (Some((&at, rows)), Some((&ticks, rest))) =
            (self.near.split_first(), self.ticks.split_first())
        {
            if at as usize > row {
                return None;
            }
            (self.near, self.ticks) = (rows, rest);
            if at as usize == row {
                return Some(later(self.base, ticks));
            }
        }
        None
    }
}

fn later(base: f64, ticks: u32) -> f64 {
    base + f64::from(ticks) / TICKS
}

/// What is said of a row, after which those before it are done with.
#[inline]
pub(super) fn next_of<'a, T>(left: &mut &'a [(u32, T)], row: usize) -> Option<&'a T> {
    while let Some(((at, said), rest)) = left.split_first() {
        if *at as usize > row {
            return None;
        }
        *left = rest;
        if *at as usize == row {
            return Some(said);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_given_back_as_it_was() {
        // Microseconds, as clocks have them; years apart; before the first one; no times.
        let told = [
            (8, 1.7e9 + 0.123_456),
            (40, 1.7e9 + 0.123_457),
            (72, 1.7e9 + 900.000_001),
            (104, 1.7e9 + 2000.5),
            (136, 1.8e9),
            (168, 1.6e9 + 0.1),
            (200, 5e-324),
            (232, 1e300),
        ];
        let mut starts = Starts::default();
        for (row, start) in told {
            starts.push(row, start);
        }
        for start in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            starts.push(264, start);
        }
        starts.settle();
        let mut in_order = starts.in_order();
        for row in (8..=264).step_by(16) {
            let expected = told.iter().find(|(at, _)| *at as usize == row).map(|(_, start)| *start);
            assert_eq!(in_order.start(row), expected, "{row}");
        }
        let mut all: Vec<_> = starts.iter().collect();
        all.sort_by_key(|(row, _)| *row);
        assert_eq!(all, told);
    }

    #[test]
    fn of_several_starts_of_a_row_the_earliest_counts() {
        let mut starts = Starts::default();
        for (row, start) in [(40, 100.5), (8, 100.0), (8, 101.0), (8, 99.0), (40, 90.0), (8, 99.5)]
        {
            starts.push(row, start);
        }
        starts.settle();
        let mut twin = starts.clone();
        let mut known = None;
        starts.share(&mut known);
        twin.share(&mut known);
        assert!(starts.shared.is_some() && starts == twin);
        let mut in_order = starts.in_order();
        assert_eq!([8, 16, 40].map(|row| in_order.start(row)), [Some(99.0), None, Some(90.0)]);
    }
}
