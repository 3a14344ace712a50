//! What a manager tells of itself.

use std::sync::atomic::Ordering;

use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::model::{CounterMetricFamily, GaugeMetricFamily, NO_LABELS};
use crate::window::manager::MetricsManager;

/// Registered, it tells how its sinks fare:
///
/// | family | type | labels | what it is |
/// | --- | --- | --- | --- |
/// | `narthex_sink_exports` | counter | `sink` | exports that were taken |
/// | `narthex_sink_failures` | counter | `sink` | exports that were not; what was in them comes again |
/// | `narthex_sink_dropped_observations` | counter | `sink` | observations that the sink did not take while there was room for them |
/// | `narthex_window_refused_observations` | counter | | observations of series that were too many |
/// | `narthex_window_series` | gauge | | series that are kept |
impl Collector for MetricsManager {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let (name, help) = ("narthex_sink_exports", "Exports that the sink took.");
        let mut exports = CounterMetricFamily::new(name, help)?.with_labels(["sink"])?;
        let (name, help) = ("narthex_sink_failures", "Exports that the sink did not take.");
        let mut failures = CounterMetricFamily::new(name, help)?.with_labels(["sink"])?;
        let name = "narthex_sink_dropped_observations";
        let help = "Observations that the sink did not take while there was room for them.";
        let mut dropped = CounterMetricFamily::new(name, help)?.with_labels(["sink"])?;
        for (place, outlet) in self.inner.outlets.iter().enumerate() {
            let count = outlet.exports.load(Ordering::Relaxed);
            exports.add_metric([&outlet.name], count as f64)?;
            let count = outlet.failures.load(Ordering::Relaxed);
            failures.add_metric([&outlet.name], count as f64)?;
            dropped.add_metric([&outlet.name], self.inner.series.dropped(place) as f64)?;
        }
        scrape.family(&exports)?;
        scrape.family(&failures)?;
        scrape.family(&dropped)?;
        let name = "narthex_window_refused_observations";
        let help = "Observations of series that were too many.";
        let mut refused = CounterMetricFamily::new(name, help)?;
        refused.add_metric(NO_LABELS, self.refused() as f64)?;
        scrape.family(&refused)?;
        let help = "Series that are kept.";
        let mut series = GaugeMetricFamily::new("narthex_window_series", help)?;
        series.add_metric(NO_LABELS, self.inner.series.len() as f64)?;
        scrape.family(&series)
    }

    fn name(&self) -> &str {
        "windows"
    }
}
