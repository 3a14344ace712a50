//! What a handler tells of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::model::{
    CounterMetricFamily, Desc, GaugeMetricFamily, MetricType, NO_LABELS, SummaryMetricFamily,
};

const REQUESTS: &str = "narthex_metric_handler_requests";
const IN_FLIGHT: &str = "narthex_metric_handler_requests_in_flight";
const DURATION: &str = "narthex_metric_handler_request_duration_seconds";
const SHARED: &str = "narthex_metric_handler_shared_scrapes";

/// The requests of a handler, as a collector: by status, under way, and how long they took.
///
/// | family | what it is |
/// | --- | --- |
/// | counter `narthex_metric_handler_requests` | requests that were answered, by the status `code` |
/// | gauge `narthex_metric_handler_requests_in_flight` | requests that are not answered yet, with the scrape that tells it |
/// | summary `narthex_metric_handler_request_duration_seconds` | how long answers took to be ready |
/// | counter `narthex_metric_handler_shared_scrapes` | scrapes that were answered with the collection of another |
///
/// ```
/// use std::sync::Arc;
///
/// use narthex::CollectorRegistry;
/// use narthex::http::{MetricsHandler, Request};
///
/// let registry = CollectorRegistry::new();
/// let handler = MetricsHandler::new(&registry);
/// registry.register(Arc::new(handler.metrics()))?;
/// handler.respond(&Request::new("GET", "/nowhere"));
///
/// let value = |name, labels: &[_]| registry.get_sample_value(name, labels);
/// let missing = [("code", "404")];
/// assert_eq!(value("narthex_metric_handler_requests_total", &missing), Some(1.0));
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct HandlerMetrics {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Clone, Default)]
struct Counts {
    by_code: BTreeMap<u16, u64>,
    in_flight: u64,
    took: Duration,
    shared: u64,
}

impl HandlerMetrics {
    pub(super) fn begin(&self) -> Request {
        self.counts.lock().in_flight += 1;
        Request { metrics: self.clone(), begun: Instant::now() }
    }

    pub(super) fn note_shared(&self, scrapes: u64) {
        self.counts.lock().shared += scrapes;
    }
}

/// A request that is under way until it is dropped.
pub(super) struct Request {
    metrics: HandlerMetrics,
    begun: Instant,
}

impl Request {
    pub(super) fn answered(self, code: u16) {
        let took = self.begun.elapsed();
        let mut counts = self.metrics.counts.lock();
        *counts.by_code.entry(code).or_default() += 1;
        counts.took += took;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.metrics.counts.lock().in_flight -= 1;
    }
}

impl Collector for HandlerMetrics {
    fn describe(&self) -> Vec<Desc> {
        let all = [
            (REQUESTS, MetricType::Counter),
            (IN_FLIGHT, MetricType::Gauge),
            (DURATION, MetricType::Summary),
            (SHARED, MetricType::Counter),
        ];
        all.into_iter().filter_map(|(name, kind)| Desc::new(name, "", kind).ok()).collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let Counts { by_code, in_flight, took, shared } = self.counts.lock().clone();
        let mut requests = CounterMetricFamily::new(REQUESTS, "Requests that were answered.")?
            .with_labels(["code"])?;
        for (code, count) in &by_code {
            requests.add_metric([&*code.to_string()], *count as f64)?;
        }
        scrape.family(&requests)?;
        let mut gauge = GaugeMetricFamily::new(IN_FLIGHT, "Requests that are not answered yet.")?;
        gauge.add_metric(NO_LABELS, in_flight as f64)?;
        scrape.family(&gauge)?;
        let mut duration =
            SummaryMetricFamily::new(DURATION, "How long answers took to be ready.")?;
        duration.add_metric(NO_LABELS, by_code.values().sum::<u64>() as f64, took.as_secs_f64())?;
        scrape.family(&duration)?;
        let mut of_others =
            CounterMetricFamily::new(SHARED, "Scrapes answered with the collection of another.")?;
        of_others.add_metric(NO_LABELS, shared as f64)?;
        scrape.family(&of_others)
    }

    fn name(&self) -> &str {
        "narthex::http::HandlerMetrics"
    }
}

impl fmt::Debug for HandlerMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerMetrics").finish_non_exhaustive()
    }
}
