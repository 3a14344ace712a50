//! Exponential buckets of several processes, added up and brought to one resolution.

use std::collections::BTreeMap;

use super::side::{NativeSaid, Objectives, join_limits};
use crate::cell::exponential::{COARSEST, bucket, last_place, place, upper_bound};
use crate::cell::native_entry::NativePlace;
use crate::cell::{NativeLimits, NativeReading};

/// The buckets of one series, of several resolutions and with several zero buckets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NativeSum {
    pub(crate) limits: NativeLimits,
    /// By the row of the bucket of given bounds, and by the exponential one.
    pub(crate) counts: BTreeMap<(u32, NativePlace), u64>,
    /// The quantiles that are estimated of a summary: those that were met first.
    pub(crate) objectives: Option<Objectives>,
}

/// What all buckets are brought to.
struct Common {
    schema: i32,
    zero_threshold: f64,
    /// The last place that lies within the zero bucket.
    zone: i32,
}

impl NativeSum {
    pub(crate) fn new(limits: NativeLimits) -> Self {
        Self { limits, counts: BTreeMap::new(), objectives: None }
    }

    /// Adds what a side file says; `row_of` tells which row one of its rows stands for.
    pub(crate) fn add(&mut self, said: &NativeSaid, row_of: impl Fn(u32) -> Option<u32>) {
        self.limits = join_limits(self.limits, said.limits);
        for &(row, place, count) in &said.counts {
            if let (Some(row), 1..) = (row_of(row), count) {
                let sum = self.counts.entry((row, place)).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        if self.objectives.is_none() {
            self.objectives.clone_from(&said.objectives);
        }
    }

    /// Adds another one.
    pub(crate) fn join(&mut self, other: &Self) {
        self.limits = join_limits(self.limits, other.limits);
        if self.objectives.is_none() {
            self.objectives.clone_from(&other.objectives);
        }
        for (&at, &count) in &other.counts {
            let sum = self.counts.entry(at).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// How many observations it has, NaN among them.
    pub(crate) fn total(&self) -> f64 {
        self.counts.values().map(|count| *count as f64).sum()
    }

    /// The same at one resolution and with one zero bucket: the coarsest and the widest that
    /// there is, or those that it takes to have no more buckets than there may be.
    pub(crate) fn reduced(&self) -> Self {
        let common = self.common();
        let Common { schema, zero_threshold, .. } = common;
        let mut reduced = Self::new(NativeLimits { schema, zero_threshold, ..self.limits });
        for (&(row, place), &count) in &self.counts {
            let sum = reduced.counts.entry((row, common.place(place))).or_default();
            *sum = sum.saturating_add(count);
        }
        reduced
    }

    /// What is shown of it, but the sum.
    pub(crate) fn reading(&self) -> NativeReading {
        let Self { limits, counts, .. } = self.reduced();
        let mut buckets: BTreeMap<NativePlace, u64> = BTreeMap::new();
        for ((_, place), count) in counts {
            let sum = buckets.entry(place).or_default();
            *sum = sum.saturating_add(count);
        }
        let mut reading = NativeReading::default();
        (reading.schema, reading.zero_threshold) = (limits.schema, limits.zero_threshold);
        for (place, count) in buckets {
            match place {
                NativePlace::Positive { index, .. } => reading.positive.push((index, count)),
                NativePlace::Negative { index, .. } => reading.negative.push((index, count)),
                NativePlace::Zero | NativePlace::ZeroUpTo { .. } => reading.zero_count = count,
                NativePlace::Nan => {}
            }
        }
        reading
    }

    fn common(&self) -> Common {
        let places = || self.counts.keys().map(|(_, place)| *place);
        let schemas = places().filter_map(|place| match place {
            NativePlace::Positive { schema, .. } | NativePlace::Negative { schema, .. } => {
                Some(schema)
            }
            _ => None,
        });
        let widened = places().filter_map(|place| match place {
            NativePlace::ZeroUpTo { .. } => place.last().map(upper_bound),
            _ => None,
        });
        let mut common = Common::new(schemas.fold(self.limits.schema, i32::min), {
            widened.filter(|end| end.is_finite()).fold(self.limits.zero_threshold, f64::max)
        });
        loop {
            // Those nearest to zero first.
            let mut buckets: Vec<(i32, bool)> = places()
                .filter_map(|place| match common.place(place) {
                    NativePlace::Positive { index, .. } => Some((index, true)),
                    NativePlace::Negative { index, .. } => Some((index, false)),
                    _ => None,
                })
                .collect();
            buckets.sort_unstable();
            buckets.dedup();
            let mut nearest = buckets.as_slice();
            while let (Some(&(index, _)), true) =
                (nearest.first(), nearest.len() > self.limits.max_buckets)
            {
                let end = last_place(index, common.schema);
                if upper_bound(end) > self.limits.max_zero_threshold {
                    break;
                }
                common = Common { zero_threshold: upper_bound(end), zone: end, ..common };
                nearest = &nearest[nearest.partition_point(|(have, _)| *have <= index)..];
            }
            if nearest.len() <= self.limits.max_buckets || common.schema == COARSEST {
                return common;
            }
            common.schema -= 1;
        }
    }
}

impl Common {
    fn new(schema: i32, zero_threshold: f64) -> Self {
        let end = place(zero_threshold);
        let is_bound = upper_bound(end) <= zero_threshold;
        Self { schema, zero_threshold, zone: if is_bound { end } else { end - 1 } }
    }

    /// What a bucket belongs to.
    fn place(&self, place: NativePlace) -> NativePlace {
        let schema = self.schema;
        match place {
            NativePlace::Nan => NativePlace::Nan,
            NativePlace::Zero | NativePlace::ZeroUpTo { .. } => NativePlace::Zero,
            NativePlace::Positive { .. } | NativePlace::Negative { .. } => {
                let Some(last) = place.last().filter(|last| *last > self.zone) else {
                    return NativePlace::Zero;
                };
                let index = bucket(last, schema);
                match place {
                    NativePlace::Negative { .. } => NativePlace::Negative { schema, index },
                    _ => NativePlace::Positive { schema, index },
                }
            }
        }
    }
}
