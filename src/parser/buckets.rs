//! What the samples of one histogram must have in common.

/// What was read of one histogram so far.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    last: Option<(f64, f64)>,
    below_zero: bool,
    count: Option<f64>,
    sum: Option<f64>,
}

impl Buckets {
    /// A bucket of this bound with so many observations up to it.
    ///
    /// # Errors
    /// What was expected, if it does not follow the one before.
    pub(super) fn add(&mut self, bound: f64, count: f64) -> Result<(), &'static str> {
        match self.last {
            Some((last, _)) if bound <= last => return Err("a bucket bound above the last one"),
            Some((_, last)) if count < last => {
                return Err("as many as in the last bucket, or more");
            }
            _ => {}
        }
        self.below_zero |= bound < 0.0;
        self.last = Some((bound, count));
        Ok(())
    }

    pub(super) fn set_count(&mut self, count: f64) {
        self.count = Some(count);
    }

    pub(super) fn set_sum(&mut self, sum: f64) {
        self.sum = Some(sum);
    }

    /// Checks that there is a bucket for all observations, and that it has as many as are counted.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub(super) fn finish(&self) -> Result<(), Difference> {
        match (self.last, self.count) {
            (Some((f64::INFINITY, all)), Some(count)) if all != count => {
                Err(("a count that is that of the bucket +Inf", "another"))
            }
            (Some((f64::INFINITY, _)), _) => Ok(()),
            _ => Err(("a bucket with the bound +Inf", "none")),
        }
    }

    /// Checks also that there are count and sum or neither, and that a sum can be what it is.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub(super) fn finish_pairs(&self, gauge: bool) -> Result<(), Difference> {
        self.finish()?;
        match (self.count, self.sum) {
            (None, Some(_)) => Err(("a count beside the sum", "none")),
            (Some(_), None) => Err(("a sum beside the count", "none")),
            (_, Some(_)) if self.below_zero && !gauge => {
                Err(("no sum, as there are bounds below zero", "one"))
            }
            (_, Some(sum)) if sum < 0.0 && !self.below_zero => {
                Err(("a sum that is not below zero, as no bound is", "one below zero"))
            }
            _ => Ok(()),
        }
    }
}

/// What was expected of a histogram, and what was found.
pub(super) type Difference = (&'static str, &'static str);
