//! Quantiles of what was observed of late, estimated from buckets of exponential size.
//!
//! The buckets and the estimate are those of DDSketch (Masson, Rim and Lee, VLDB 2019): all
//! values of a bucket are within a relative distance of the estimate, whatever their number.

use std::collections::VecDeque;

use super::exponential::{FINEST, bucket, last_place, upper_bound};
use super::native_book::NativeReading;

/// In so many parts a window moves on.
const PARTS: f64 = 10.0;

/// Observations by size, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sketch {
    schema: i32,
    counts: Vec<(Place, u64)>,
}

/// Where a bucket lies: below zero, at zero or above it, and there its index; below zero that is
/// negated, so that places ascend as values do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    side: i8,
    index: i32,
}

impl Sketch {
    /// What has been observed up to a moment.
    pub(crate) fn of(reading: &NativeReading) -> Self {
        let below = |&(index, count): &(i32, u64)| (Place { side: -1, index: -index }, count);
        let above = |&(index, count): &(i32, u64)| (Place { side: 1, index }, count);
        let zero = Some((Place { side: 0, index: 0 }, reading.zero_count));
        Self {
            schema: reading.schema,
            counts: (reading.negative.iter().rev().map(below))
                .chain(zero.filter(|(_, count)| *count > 0))
                .chain(reading.positive.iter().map(above))
                .collect(),
        }
    }

    /// What of this was observed after `earlier`, which was of the same observations.
    fn since(&self, earlier: &Self) -> Self {
        let mut counts = self.counts.clone();
        for &(place, count) in &earlier.counts {
            let place = place.at(earlier.schema, self.schema);
            if let Ok(found) = counts.binary_search_by_key(&place, |(place, _)| *place) {
                counts[found].1 = counts[found].1.saturating_sub(count);
            }
        }
        counts.retain(|(_, count)| *count > 0);
        Self { schema: self.schema, counts }
    }

    /// The value below which a share `rank` of the observations lies; NaN without any.
    fn quantile(&self, rank: f64) -> f64 {
        // Files may tell of more than can be counted.
        let all = self.counts.iter().fold(0, |all: u64, (_, count)| all.saturating_add(*count));
        let Some(behind) = all.checked_sub(1) else { return f64::NAN };
        let wanted = (rank * behind as f64) as u64;
        let mut before: u64 = 0;
        let holder = self.counts.iter().find(|(_, count)| {
            before = before.saturating_add(*count);
            before > wanted
        });
        holder.map_or(f64::NAN, |(place, _)| place.middle(self.schema))
    }
}

impl Place {
    /// The same among the buckets of a schema that is as fine or coarser.
    fn at(self, schema: i32, coarser: i32) -> Self {
        let side = i32::from(self.side);
        let index = side * bucket(last_place(side * self.index, schema), coarser);
        Self { index, ..self }
    }

    /// The value that no other of the bucket is far from, relative to that.
    fn middle(self, schema: i32) -> f64 {
        let side = i32::from(self.side);
        let end = |index| upper_bound(last_place(index, schema));
        let (lower, upper) = (end(side * self.index - 1), end(side * self.index));
        match self.side {
            0 => 0.0,
            _ if upper.is_infinite() => upper.copysign(self.side.into()),
            _ => (upper * (2.0 / (1.0 + upper / lower))).copysign(self.side.into()),
        }
    }
}

/// The coarsest schema whose buckets are that narrow, if one is: no value in one is farther from
/// the estimate than this share of it.
pub(crate) fn schema_within(error: f64) -> Option<i32> {
    (0..=FINEST).find(|&schema| {
        let growth = (-f64::from(schema)).exp2().exp2();
        (growth - 1.0) / (growth + 1.0) <= error
    })
}

/// What a summary has seen at some times of late.
#[derive(Debug, Default)]
pub(crate) struct Window {
    marks: VecDeque<(f64, Sketch)>,
}

impl Window {
    /// Of all that has been `seen` until now, the estimates of what was so in the last `seconds`.
    ///
    /// The window begins when somebody looked last before that, and is noted no more often than
    /// [`PARTS`] times: so it has at most a part more, as long as somebody looks.
    pub(crate) fn estimate(
        &mut self,
        (now, seconds): (f64, f64),
        seen: Sketch,
        ranks: &[f64],
        into: &mut Vec<f64>,
    ) {
        let begins = now - seconds;
        // A clock that was set back makes what is noted worthless.
        // Of a finer resolution than what is noted there is no difference to that.
        self.marks.retain(|(at, seen_then)| *at <= now && seen_then.schema >= seen.schema);
        while self.marks.get(1).is_some_and(|(at, _)| *at <= begins) {
            self.marks.pop_front();
        }
        let earlier = self.marks.front().filter(|(at, _)| *at <= begins);
        let of_late = earlier.map(|(_, earlier)| seen.since(earlier));
        let of_late = of_late.as_ref().unwrap_or(&seen);
        into.extend(ranks.iter().map(|&rank| of_late.quantile(rank)));
        if self.marks.back().is_none_or(|(at, _)| now - at >= seconds / PARTS) {
            self.marks.push_back((now, seen));
        }
    }
}
