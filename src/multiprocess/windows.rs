//! The quantiles of summaries that several processes share: those of what was observed of late.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::native_sum::NativeSum;
use crate::cell::fork::hold_off;
use crate::cell::sketch::{Sketch, Window};

/// What was seen of summaries at earlier scrapes.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<AllSeen>);

#[derive(Debug, Default)]
struct AllSeen {
    by_series: HashMap<Series, Seen>,
    scrapes: u64,
}

/// A family, and names and values of labels.
type Series = (String, Vec<String>);

#[derive(Debug, Default)]
struct Seen {
    window: Window,
    /// The number of the scrape that met it last.
    last: u64,
}

impl Windows {
    /// Begins another scrape, and forgets what the last one did not meet.
    pub(crate) fn begin(&self) {
        let _hold_off = hold_off();
        let AllSeen { by_series, scrapes } = &mut *self.0.lock();
        by_series.retain(|_, seen| seen.last + 1 >= *scrapes);
        *scrapes += 1;
    }

    /// Appends the estimates of the quantiles of a series, at a time in seconds since 1970.
    pub(crate) fn estimate(
        &self,
        series: Series,
        now: f64,
        native: &NativeSum,
        into: &mut Vec<f64>,
    ) {
        let Some(objectives) = &native.objectives else { return };
        let sketch = Sketch::of(&native.reading());
        let _hold_off = hold_off();
        let AllSeen { by_series, scrapes } = &mut *self.0.lock();
        let seen = by_series.entry(series).or_default();
        seen.last = *scrapes;
        let (times, ranks) = ((now, objectives.window), objectives.ranks.values());
        seen.window.estimate(times, sketch, ranks, into);
    }
}
