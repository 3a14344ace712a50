//! What the samples of one histogram must have in common.

use super::cursor::Cursor;
use super::error::ParseError;
use super::number::{Placed, shown};

/// What was read of one histogram so far.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// The bound of the last bucket, and how many observations are up to it.
    last: Option<(Placed, f64)>,
    below_zero: bool,
    count: Option<Placed>,
    sum: Option<Placed>,
}

impl Buckets {
    /// A bucket of this bound with so many observations up to it, which do not become fewer if it
    /// `ascends`.
    ///
    /// # Errors
    /// If it does not follow the one before.
    pub(super) fn add(
        &mut self,
        cursor: &Cursor<'_>,
        bound: Placed,
        count: Placed,
        ascends: bool,
    ) -> Result<(), ParseError> {
        match self.last {
            Some((last, _)) if bound.number <= last.number => {
                let expected = format!("a bucket bound above the last one, {}", shown(last.number));
                return Err(cursor.error_finding(bound.at, expected, shown(bound.number)));
            }
            Some((_, below)) if ascends && count.number < below => {
                let expected = format!("as many as in the last bucket, {}, or more", shown(below));
                return Err(cursor.error_finding(count.at, expected, shown(count.number)));
            }
            _ => {}
        }
        self.below_zero |= bound.number < 0.0;
        self.last = Some((bound, count.number));
        Ok(())
    }

    pub(super) fn set_count(&mut self, count: Placed) {
        self.count = Some(count);
    }

    pub(super) fn set_sum(&mut self, sum: Placed) {
        self.sum = Some(sum);
    }

    /// Checks that there is a bucket for all observations, and that it has as many as are counted.
    ///
    /// # Errors
    /// If not: where the number stands that is wrong, or `at` if there is none.
    pub(super) fn finish(&self, cursor: &Cursor<'_>, at: usize) -> Result<(), ParseError> {
        let Some((last, all)) = self.last else {
            let at = self.count.or(self.sum).map_or(at, |number| number.at);
            return Err(none(cursor, at, "a bucket with the bound +Inf"));
        };
        if last.number != f64::INFINITY {
            let expected = "the bound +Inf of the last bucket";
            return Err(cursor.error_finding(last.at, expected, shown(last.number)));
        }
        match self.count {
            Some(count) if count.number != all && !(count.number.is_nan() && all.is_nan()) => {
                let expected = format!("a count of {}, as the bucket +Inf has", shown(all));
                Err(cursor.error_finding(count.at, expected, shown(count.number)))
            }
            _ => Ok(()),
        }
    }

    /// Whether anything was read.
    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none() && self.count.is_none() && self.sum.is_none()
    }

    /// Checks that a native histogram counts as many observations as these buckets.
    ///
    /// # Errors
    /// If not.
    pub(super) fn agree(&self, cursor: &Cursor<'_>, native: Placed) -> Result<(), ParseError> {
        match self.last {
            Some((_, all)) if all != native.number => {
                let expected = format!("a count of {}, as the bucket +Inf has", shown(all));
                Err(cursor.error_finding(native.at, expected, shown(native.number)))
            }
            _ => Ok(()),
        }
    }

    /// Checks also that there are count and sum or neither, and that a sum can be what it is.
    ///
    /// # Errors
    /// As above.
    pub(super) fn finish_pairs(
        &self,
        cursor: &Cursor<'_>,
        at: usize,
        gauge: bool,
    ) -> Result<(), ParseError> {
        self.finish(cursor, at)?;
        match (self.count, self.sum) {
            (None, Some(sum)) => Err(none(cursor, sum.at, "a count beside the sum")),
            (Some(count), None) => Err(none(cursor, count.at, "a sum beside the count")),
            (_, Some(sum)) if self.below_zero && !gauge => {
                let expected = "no sum, as there are bounds below zero";
                Err(cursor.error_finding(sum.at, expected, shown(sum.number)))
            }
            (_, Some(sum)) if sum.number < 0.0 && !self.below_zero => {
                let expected = "a sum that is not below zero, as no bound is";
                Err(cursor.error_finding(sum.at, expected, shown(sum.number)))
            }
            _ => Ok(()),
        }
    }
}

fn none(cursor: &Cursor<'_>, at: usize, expected: &'static str) -> ParseError {
    cursor.error_finding(at, expected, "none".to_owned())
}
