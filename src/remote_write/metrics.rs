//! What became of samples, as metrics.

use std::fmt;
use std::sync::Arc;

use super::queue::Queue;
use super::stats::RemoteWriteStats;
use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::model::{CounterMetricFamily, Desc, GaugeMetricFamily, MetricType, NO_LABELS};

/// A collector of what became of samples, made by
/// [`RemoteWrite::metrics`](super::RemoteWrite::metrics).
///
/// There are `narthex_remote_write_samples_total`, `…_samples_refused_total`,
/// `…_samples_dropped_total`, `…_samples_retried_total` and `…_collections_failed_total`, and now
/// `…_queue_samples` and `…_queue_bytes`.
#[derive(Clone)]
pub struct RemoteWriteMetrics {
    pub(super) queue: Arc<Queue>,
}

impl RemoteWriteMetrics {
    /// What became of the samples so far.
    pub fn stats(&self) -> RemoteWriteStats {
        self.queue.stats()
    }
}

type Value = fn(RemoteWriteStats) -> f64;

const COUNTERS: [(&str, &str, Value); 5] = [
    ("narthex_remote_write_samples", "Samples that the receiver took.", |stats| {
        stats.sent_samples as f64
    }),
    ("narthex_remote_write_samples_refused", "Samples refused for good.", |stats| {
        stats.refused_samples as f64
    }),
    ("narthex_remote_write_samples_dropped", "Samples that found no room.", |stats| {
        stats.dropped_samples as f64
    }),
    ("narthex_remote_write_samples_retried", "Samples sent once more.", |stats| {
        stats.retried_samples as f64
    }),
    ("narthex_remote_write_collections_failed", "Collections that failed.", |stats| {
        stats.failed_collections as f64
    }),
];

const GAUGES: [(&str, &str, Value); 2] = [
    ("narthex_remote_write_queue_samples", "Samples that wait to be sent.", |stats| {
        stats.queued_samples as f64
    }),
    ("narthex_remote_write_queue_bytes", "Bytes that wait to be sent.", |stats| {
        stats.queued_bytes as f64
    }),
];

impl Collector for RemoteWriteMetrics {
    fn describe(&self) -> Vec<Desc> {
        let counters =
            COUNTERS.iter().map(|(name, help, _)| Desc::new(name, *help, MetricType::Counter));
        let gauges = GAUGES.iter().map(|(name, help, _)| Desc::new(name, *help, MetricType::Gauge));
        counters.chain(gauges).flatten().collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let stats = self.queue.stats();
        for (name, help, value) in COUNTERS {
            let mut family = CounterMetricFamily::new(name, help)?;
            family.add_metric(NO_LABELS, value(stats))?;
            scrape.family(&family)?;
        }
        for (name, help, value) in GAUGES {
            let mut family = GaugeMetricFamily::new(name, help)?;
            family.add_metric(NO_LABELS, value(stats))?;
            scrape.family(&family)?;
        }
        Ok(())
    }
}

impl fmt::Debug for RemoteWriteMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteWriteMetrics").field(&self.queue.stats()).finish()
    }
}
