//! The registry of the whole program.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use once_cell::sync::Lazy;

use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::metrics::{Built, Instrument, MetricBuilder};
use crate::model::Desc;
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
pub static REGISTRY: DefaultRegistry = DefaultRegistry(Lazy::new(|| {
    let registry = CollectorRegistry::builder().auto_describe(true).build();
    // An empty registry has no names to clash with.
    #[cfg(feature = "process")]
    let _ = registry.register(Arc::new(crate::collectors::ProcessCollector::new()));
    let _ = registry.register(Arc::new(crate::collectors::PlatformCollector::new()));
    registry
}));

/// The type of [`REGISTRY`]: a [`CollectorRegistry`] that is made when it is
/// first used.
pub struct DefaultRegistry(Lazy<CollectorRegistry>);

impl Deref for DefaultRegistry {
    type Target = CollectorRegistry;

    fn deref(&self) -> &CollectorRegistry {
        &self.0
    }
}

impl Collector for DefaultRegistry {
    fn describe(&self) -> Vec<Desc> {
        self.0.describe()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        self.0.collect(scrape)
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        Collector::refresh(&*self.0)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn reaches_registry(&self, registry: u64) -> bool {
        self.0.reaches_registry(registry)
    }
}

impl fmt::Debug for DefaultRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Registers what a builder makes in [`REGISTRY`].
pub trait RegisterDefault {
    /// What the builder makes.
    type Metric;

    /// Makes the metric and registers it in [`REGISTRY`].
    ///
    /// # Errors
    /// Those of [`MetricBuilder::register`].
    fn register_default(self) -> Result<Self::Metric>;

    /// The metric of this name in [`REGISTRY`] if it is just like this one,
    /// else a new one.
    ///
    /// # Errors
    /// Those of [`MetricBuilder::get_or_register`].
    fn get_or_register_default(self) -> Result<Self::Metric>;
}

impl<M: Instrument, T: Built<M>> RegisterDefault for MetricBuilder<M, T> {
    type Metric = T;

    fn register_default(self) -> Result<T> {
        self.register(&REGISTRY)
    }

    fn get_or_register_default(self) -> Result<T> {
        self.get_or_register(&REGISTRY)
    }
}
