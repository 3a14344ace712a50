//! The registry of the whole program.

use once_cell::sync::Lazy;

use crate::error::Result;
use crate::metrics::{Built, Instrument, MetricBuilder};
use crate::registry::CollectorRegistry;

/// The registry of the whole program.
///
/// Libraries register here what every program wants to know of them; the
/// feature `process` adds the operating system's numbers of the process, and
/// every program tells its platform.
///
/// ```
/// use narthex::{Counter, REGISTRY, RegisterDefault};
///
/// let jobs = Counter::builder("jobs", "Jobs done.").register_default()?;
/// jobs.inc();
/// assert_eq!(REGISTRY.get_sample_value("jobs_total", &[]), Some(1.0));
/// # Ok::<(), narthex::Error>(())
/// ```
pub static REGISTRY: Lazy<CollectorRegistry> = Lazy::new(|| {
    let registry = CollectorRegistry::builder().auto_describe(true).build();
    // An empty registry has no names to clash with.
    #[cfg(feature = "process")]
    let _ = registry.register(std::sync::Arc::new(crate::collectors::ProcessCollector::new()));
    let _ = registry.register(std::sync::Arc::new(crate::collectors::PlatformCollector::new()));
    registry
});

/// Registers what a builder makes in [`REGISTRY`].
pub trait RegisterDefault {
    /// What the builder makes.
    type Metric;

    /// Makes the metric and registers it in [`REGISTRY`].
    ///
    /// # Errors
    /// Those of [`MetricBuilder::register`].
    fn register_default(self) -> Result<Self::Metric>;
}

impl<M: Instrument, T: Built<M>> RegisterDefault for MetricBuilder<M, T> {
    type Metric = T;

    fn register_default(self) -> Result<T> {
        self.register(&REGISTRY)
    }
}
