//! Sums of floating-point numbers that do not depend on the order of their terms.

/// A sum as it is rounded, and what rounding took away from it.
///
/// The latter is of no use if the former is not finite.
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    // Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B.
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// A sum without any rounding.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExactSum {
    /// Numbers whose bits do not overlap, those of the least weight first.
    parts: Vec<f64>,
    /// The sum with rounding, which tells when the parts make no sense.
    rounded: f64,
}

impl ExactSum {
    pub(crate) fn add(&mut self, term: f64) {
        self.rounded += term;
        self.add_exactly(term);
    }

    /// Numbers that add up to the sum: the one that comes nearest to it first,
    /// then the one that comes nearest to the rest, and so on.
    pub(crate) fn parts(&self) -> Vec<f64> {
        if !self.rounded.is_finite() {
            return vec![self.rounded];
        }
        let mut rest = self.clone();
        let mut parts = Vec::new();
        loop {
            let part = rest.nearest();
            if !part.is_finite() {
                // Close to the greatest number, parts can be greater than that.
                return vec![self.rounded];
            }
            parts.push(part);
            rest.add_exactly(-part);
            if rest.parts.is_empty() {
                return parts;
            }
        }
    }

    /// The number that comes nearest; of two, the one with an even last digit.
    fn nearest(&self) -> f64 {
        let mut parts = self.parts.iter().rev();
        let (mut sum, mut lost) = (0.0, 0.0);
        for part in parts.by_ref() {
            (sum, lost) = two_sum(sum, *part);
            if lost != 0.0 {
                break;
            }
        }
        // What was lost may be half of the last digit, and there is more of its kind.
        let more = parts.next().is_some_and(|next| (*next > 0.0) == (lost > 0.0));
        let (further, beyond) = two_sum(sum, 2.0 * lost);
        if more && beyond == 0.0 { further } else { sum }
    }

    fn add_exactly(&mut self, term: f64) {
        // Shewchuk, Adaptive precision floating-point arithmetic, theorem 10.
        let mut carried = term;
        self.parts.retain_mut(|part| {
            (carried, *part) = two_sum(carried, *part);
            *part != 0.0
        });
        if carried != 0.0 {
            self.parts.push(carried);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(terms: &[f64]) -> Vec<f64> {
        let mut sum = ExactSum::default();
        terms.iter().for_each(|term| sum.add(*term));
        sum.parts()
    }

    #[test]
    fn what_rounding_takes_away_is_kept() {
        // 2^53 + 1 is no double.
        assert_eq!(two_sum(9007199254740992.0, 1.0), (9007199254740992.0, 1.0));
        assert_eq!(parts(&[9007199254740992.0, 1.0]), [9007199254740992.0, 1.0]);
        assert_eq!(parts(&[1e100, 1.0, -1e100]), [1.0]);
        assert_eq!(parts(&[0.5, 0.25]), [0.75]);
        assert_eq!(parts(&[]), [0.0]);
        assert!(parts(&[-0.0])[0].is_sign_positive());
        assert_eq!(parts(&[f64::INFINITY, 1.0]), [f64::INFINITY]);
        assert!(parts(&[f64::INFINITY, f64::NEG_INFINITY])[0].is_nan());
        assert_eq!(parts(&[f64::MAX, f64::MAX]), [f64::INFINITY]);
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(
            mut terms in proptest::collection::vec(-1e12..1e12_f64, 0..40),
        ) {
            let sum = parts(&terms);
            terms.sort_by(f64::total_cmp);
            prop_assert_eq!(&parts(&terms), &sum);
            // And what was added up already can be added up again.
            prop_assert_eq!(&parts(&sum), &sum);
            // Whole numbers of thousandths, added as whole numbers.
            let thousandths: Vec<_> = terms.iter().map(|term| term.trunc()).collect();
            let whole: i128 = thousandths.iter().map(|term| *term as i128).sum();
            prop_assert_eq!(parts(&thousandths), [whole as f64]);
        }
    }
}
