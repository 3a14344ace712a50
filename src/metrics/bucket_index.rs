//! Which bucket a value belongs into.

/// The most cells of a table: 32 KiB for a metric, which all of its series share.
const MOST_CELLS: usize = 2048;

/// Finds buckets by the leading bits of values.
///
/// The bits of a positive float, taken as an integer, are in the order of the
/// floats. A few of the leading ones tell almost all: the table has the first
/// bucket that values with these bits can belong into, and so few values share
/// a cell that it is this one or the next.
#[derive(Clone, Debug, Default)]
pub(super) struct BucketIndex {
    /// The upper bounds, the last one +Inf.
    bounds: Box<[f64]>,
    /// How many bits are left out at the end.
    shift: u32,
    /// The least values of the first and of the last cell.
    ends: [f64; 2],
    /// The leading bits of the first one.
    first: u64,
    /// Empty if there are bounds that no table tells apart.
    table: Box<[Cell]>,
}

/// What values with the same leading bits have in common.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// The first bucket that they can belong into.
    bucket: usize,
    /// Its upper bound: what is greater belongs into the next.
    bound: f64,
}

impl BucketIndex {
    /// For upper bounds that are ascending and end with +Inf.
    pub(super) fn new(bounds: &[f64]) -> Self {
        let mut index = Self { bounds: bounds.into(), ..Self::default() };
        let finite = bounds.len().saturating_sub(1);
        let is_positive = bounds.first().is_some_and(|&bound| bound > 0.0);
        if !is_positive || finite == 0 {
            return index;
        }
        // As few bits as tell all bounds apart.
        let leading =
            |shift: u32| bounds[..finite].iter().map(move |&bound| bound.to_bits() >> shift);
        let apart = |shift: &u32| leading(*shift).zip(leading(*shift).skip(1)).all(|(a, b)| a < b);
        let Some(shift) = (0..=f64::MANTISSA_DIGITS - 1).rev().find(apart) else { return index };
        let (first, last) = (bounds[0].to_bits() >> shift, bounds[finite - 1].to_bits() >> shift);
        // One cell more, for what is greater than all bounds.
        let cells = usize::try_from(last - first + 2).unwrap_or(usize::MAX);
        if cells > MOST_CELLS {
            return index;
        }
        let mut bucket = 0;
        let table = (first..=last + 1).map(|cell| {
            bucket += leading(shift).skip(bucket).take_while(|&bound| bound < cell).count();
            Cell { bucket, bound: bounds[bucket] }
        });
        index.table = table.collect();
        index.ends = [first, last + 1].map(|cell| f64::from_bits(cell << shift));
        (index.shift, index.first) = (shift, first);
        index
    }

    /// The place of the first bucket whose upper bound is not less than `value`.
    #[inline]
    pub(super) fn find(&self, value: f64) -> usize {
        self.find_at_once(value).unwrap_or_else(|| self.search(value))
    }

    /// The same, if the table knows it.
    #[inline]
    pub(super) fn find_at_once(&self, value: f64) -> Option<usize> {
        let [lowest, highest] = self.ends;
        // In this order, NaN becomes the highest; each of both is one instruction.
        let within = if value < highest { value } else { highest };
        let within = if within > lowest { within } else { lowest };
        let cell = (within.to_bits() >> self.shift).wrapping_sub(self.first);
        let cell = self.table.get(cell as usize)?;
        Some(cell.bucket + usize::from(value > cell.bound))
    }

    #[cold]
    #[inline(never)]
    fn search(&self, value: f64) -> usize {
        let last = self.bounds.len() - 1;
        if value.is_nan() {
            last
        } else {
            self.bounds[..last].partition_point(|bound| *bound < value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the index says is what looking through all bounds says.
    fn check(bounds: &[f64], has_table: bool) {
        let index = BucketIndex::new(bounds);
        assert_eq!(!index.table.is_empty(), has_table, "{bounds:?}");
        let around = bounds.iter().flat_map(|&bound| [bound.next_down(), bound, bound.next_up()]);
        let between = bounds.windows(2).map(|pair| pair[0] + (pair[1] - pair[0]) / 2.0);
        let others = [0.0, -0.0, 5e-324, -5e-324, 1e308, f64::INFINITY, f64::NEG_INFINITY, -1.0];
        for value in around.chain(between).chain(others).filter(|value| !value.is_nan()) {
            let place = bounds.iter().position(|&bound| value <= bound).unwrap();
            assert_eq!(index.find(value), place, "{value:e} in {bounds:?}");
        }
        for nan in [f64::NAN, -f64::NAN] {
            assert_eq!(index.find(nan), bounds.len() - 1);
        }
    }

    fn with_infinity(bounds: impl IntoIterator<Item = f64>) -> Vec<f64> {
        bounds.into_iter().chain([f64::INFINITY]).collect()
    }

    #[test]
    fn every_value_finds_its_bucket() {
        let default = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0];
        check(&with_infinity(default), true);
        check(&with_infinity((0..30).map(|n| 0.005 * 1.5_f64.powi(n))), true);
        check(&with_infinity((0..100).map(|n| f64::from(n) + 1.0)), true);
        check(&with_infinity([1.0]), true);
        check(&with_infinity([1e-300, 1.0, 1e300]), true);
        check(&with_infinity([5e-324, f64::MIN_POSITIVE]), true);
        check(&with_infinity([f64::MAX.next_down(), f64::MAX]), true);
    }

    #[test]
    fn bounds_that_no_table_tells_apart_are_searched() {
        check(&with_infinity([-1.0, 0.0, 1.0]), false);
        check(&with_infinity([0.0, 1.0]), false);
        check(&with_infinity([1.0, 1.0_f64.next_up(), 2.0]), false);
        check(&with_infinity((1..5000).map(f64::from)), false);
    }
}
