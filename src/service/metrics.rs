//! The metrics that all services of a program share.

use crate::error::Result;
use crate::metrics::{Amount, Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramVec, Info};
use crate::registry::CollectorRegistry;

/// The metrics that all services of a program share, by the name of a service and their own.
///
/// | family | type | labels |
/// | --- | --- | --- |
/// | `service` | info | what [`set_info`](Self::set_info) is told |
/// | `service_gauge` | gauge | `service`, `name` |
/// | `service_counter` | counter | `service`, `name` |
/// | `cycle_duration_seconds` | histogram | `service` |
///
/// ```
/// use narthex::CollectorRegistry;
/// use narthex::service::ServiceMetrics;
///
/// let registry = CollectorRegistry::new();
/// let metrics = ServiceMetrics::register(&registry)?;
/// metrics.set_gauge("crawler", "queue_depth", 7.0);
/// metrics.inc_counter("crawler", "pages", 2_u8);
/// let pages = [("service", "crawler"), ("name", "pages")];
/// assert_eq!(registry.get_sample_value("service_counter_total", &pages), Some(2.0));
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServiceMetrics {
    info: Info,
    gauges: GaugeVec<2>,
    counters: CounterVec<2>,
    durations: HistogramVec<1>,
}

impl ServiceMetrics {
    /// Those of a registry: the ones that are there, or new ones.
    ///
    /// # Errors
    /// [`Error::is_duplicate`](crate::Error::is_duplicate) if one of the names is taken by
    /// something else.
    pub fn register(registry: &CollectorRegistry) -> Result<Self> {
        let labels = ["service", "name"];
        Ok(Self {
            info: Info::builder("service", "Facts about the program.").get_or_register(registry)?,
            gauges: Gauge::builder("service_gauge", "What services are at.")
                .labels(labels)
                .get_or_register(registry)?,
            counters: Counter::builder("service_counter", "What services have done.")
                .labels(labels)
                .get_or_register(registry)?,
            durations: Histogram::builder("cycle_duration_seconds", "How long cycles take.")
                .labels(["service"])
                .get_or_register(registry)?,
        })
    }

    /// Says what does not change while the program runs, such as its version.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`](crate::Error::is_invalid_label) if a name of a fact is not
    /// allowed.
    pub fn set_info<I, N, V>(&self, facts: I) -> Result
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.info.info(facts)
    }

    /// Sets a gauge of a service.
    pub fn set_gauge(&self, service: &str, name: &str, value: f64) {
        self.gauges.labels([service, name]).set(value);
    }

    /// Adds to a counter of a service.
    pub fn inc_counter(&self, service: &str, name: &str, amount: impl Amount) {
        self.counters.labels([service, name]).inc_by(amount);
    }

    pub(super) fn observe_duration(&self, service: &str, seconds: f64) {
        self.durations.labels([service]).observe(seconds);
    }
}
