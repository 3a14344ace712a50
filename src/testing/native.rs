//! Native buckets as tests compare and show them, however they stand in runs.

use std::fmt;

use crate::model::{Exemplar, NativeHistogramRef, format_f64};

/// The native histogram of a series at one time.
#[derive(Clone, Debug)]
pub(super) struct Native {
    schema: i8,
    zero_threshold: f64,
    zero_count: f64,
    negative: Buckets,
    positive: Buckets,
    pub(super) exemplars: Vec<Exemplar>,
}

/// The indexes of buckets that something fell into, and how much.
type Buckets = Vec<(i32, f64)>;

impl Native {
    pub(super) fn of(native: NativeHistogramRef<'_>) -> Self {
        Self {
            schema: native.schema(),
            zero_threshold: native.zero_threshold(),
            zero_count: native.zero_count(),
            negative: native.negative().filled().collect(),
            positive: native.positive().filled().collect(),
            exemplars: native.exemplars().map(|exemplar| exemplar.to_owned()).collect(),
        }
    }

    /// Whether the buckets are the same; exemplars are not looked at.
    pub(super) fn has_buckets_of(&self, other: &Self) -> bool {
        self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && self.zero_count == other.zero_count
            && self.negative == other.negative
            && self.positive == other.positive
    }
}

impl fmt::Display for Native {
    /// The buckets by their indexes: runs of them are hard to compare by eye.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threshold, zeros) = (format_f64(self.zero_threshold), format_f64(self.zero_count));
        write!(f, "{{schema:{},zero_threshold:{threshold},zero_count:{zeros}", self.schema)?;
        for (side, buckets) in [("negative", &self.negative), ("positive", &self.positive)] {
            let bucket = |&(index, count): &(i32, f64)| format!("{index}:{}", format_f64(count));
            let buckets = buckets.iter().map(bucket).collect::<Vec<_>>().join(",");
            if !buckets.is_empty() {
                write!(f, ",{side}:[{buckets}]")?;
            }
        }
        f.write_str("}")
    }
}
