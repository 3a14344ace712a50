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
    /// How many scrapes had begun when one met it last.
    last: u64,
}

impl Windows {
    /// Begins another scrape, and says which one it is.
    pub(crate) fn begin(&self) -> u64 {
        let _hold_off = hold_off();
        let AllSeen { scrapes, .. } = &mut *self.0.lock();
        *scrapes += 1;
        *scrapes
    }

    /// Ends a scrape that has met all that there is, and forgets what nobody has met since it began.
    pub(crate) fn end(&self, scrape: u64) {
        let _hold_off = hold_off();
        self.0.lock().by_series.retain(|_, seen| seen.last >= scrape);
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
