//! When the series of rows began, in half the memory that it takes to say so.

/// Times of this century are multiples of this part of a second.
const TICKS: f64 = (1 << 22) as f64;

/// The rows that a start is known of, ascending, each row once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Starts {
    /// The first one that was told.
    base: f64,
    /// Rows with their starts, in ticks after that.
    near: Vec<(u32, u32)>,
    /// Those that cannot be told so.
    far: Vec<(u32, f64)>,
}

/// The starts of rows that were not asked for yet.
#[derive(Debug)]
pub(crate) struct StartsInOrder<'a> {
    base: f64,
    near: &'a [(u32, u32)],
    far: &'a [(u32, f64)],
}

impl Starts {
    /// Makes room for so many, if there are none.
    pub(super) fn reserve(&mut self, room: usize) {
        if self.near.is_empty() {
            self.near.reserve(room);
        }
    }

    /// Adds a start in seconds since 1970, unless it is no time.
    #[inline]
    pub(super) fn push(&mut self, row: u32, start: f64) {
        if !(start.is_finite() && start > 0.0) {
            return;
        }
        if self.near.is_empty() && self.far.is_empty() {
            self.base = start;
        }
        let ticks = ((start - self.base) * TICKS) as u32;
        if self.base + f64::from(ticks) / TICKS == start {
            self.near.push((row, ticks));
        } else {
            self.far.push((row, start));
        }
    }

    /// Brings them into the order of rows; of several starts of one the earliest stays.
    pub(super) fn settle(&mut self) {
        if !self.near.is_sorted_by(|a, b| a.0 < b.0) {
            self.near.sort_unstable();
            self.near.dedup_by_key(|(row, _)| *row);
        }
        self.near.shrink_to_fit();
        self.far.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        self.far.dedup_by_key(|(row, _)| *row);
    }

    pub(super) fn in_order(&self) -> StartsInOrder<'_> {
        StartsInOrder { base: self.base, near: &self.near, far: &self.far }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        let near = self.near.iter().map(|&(row, ticks)| (row, later(self.base, ticks)));
        near.chain(self.far.iter().copied())
    }
}

impl StartsInOrder<'_> {
    /// When the series of a row began, if that row is the one that says so.
    #[inline]
    pub(crate) fn start(&mut self, row: usize) -> Option<f64> {
        let near = next_of(&mut self.near, row).map(|ticks| later(self.base, *ticks));
        if self.far.is_empty() {
            return near;
        }
        match (near, next_of(&mut self.far, row).copied()) {
            (Some(near), Some(far)) => Some(near.min(far)),
            (near, far) => near.or(far),
        }
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
        let mut in_order = starts.in_order();
        assert_eq!([8, 16, 40].map(|row| in_order.start(row)), [Some(99.0), None, Some(90.0)]);
    }
}
