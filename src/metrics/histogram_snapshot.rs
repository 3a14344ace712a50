//! What a histogram had observed, and what that estimates.

use super::native::NativeSnapshot;
use crate::model::Bounds;

/// What a histogram had observed at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSnapshot {
    pub(super) bounds: Bounds,
    pub(super) buckets: Vec<f64>,
    pub(super) sum: f64,
    pub(super) native: Option<NativeSnapshot>,
}

impl HistogramSnapshot {
    /// Upper bounds with how many observations were not above them.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64)> {
        self.bounds.values().iter().zip(&self.buckets).scan(0.0, |total, (bound, count)| {
            *total += count;
            Some((*bound, *total))
        })
    }

    /// How many observations there were.
    pub fn count(&self) -> f64 {
        self.buckets.iter().sum()
    }

    /// What they add up to.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The buckets of a native histogram, if it is one.
    pub fn native(&self) -> Option<&NativeSnapshot> {
        self.native.as_ref()
    }

    /// The value below which a share `q` of the observations lies, estimated
    /// as PromQL's `histogram_quantile` does: even within a bucket, and in a native one even
    /// among the logarithms.
    ///
    /// NaN without observations or for a `q` that is NaN; infinite for a `q`
    /// outside 0 to 1. [Its definition](https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile).
    ///
    /// ```
    /// use narthex::Histogram;
    ///
    /// let sizes = Histogram::builder("sizes", "Of things.").buckets([10.0, 20.0]).build()?;
    /// sizes.observe_n(15, 4);
    /// // The second of four, halfway from 10 to 20.
    /// assert_eq!(sizes.snapshot().quantile(0.5), 15.0);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn quantile(&self, q: f64) -> f64 {
        let count = self.count();
        if q.is_nan() || count == 0.0 {
            return f64::NAN;
        }
        if !(0.0..=1.0).contains(&q) {
            return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        if let Some(native) = &self.native {
            return native.quantile(q, count);
        }
        let rank = q * count;
        let mut before = 0.0;
        let mut lower = None;
        for (&upper, &inside) in self.bounds.values().iter().zip(&self.buckets) {
            if before + inside >= rank && inside > 0.0 {
                return match lower {
                    _ if upper.is_infinite() => lower.unwrap_or(f64::NAN),
                    None if upper <= 0.0 => upper,
                    _ => {
                        let from = lower.unwrap_or(0.0);
                        from + (upper - from) * ((rank - before) / inside)
                    }
                };
            }
            before += inside;
            lower = Some(upper);
        }
        f64::NAN
    }
}
