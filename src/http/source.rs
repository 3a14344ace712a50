//! Any collector as a registry, which is what can be restricted to names.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::Result;
use crate::registry::CollectorRegistry;

/// A registry of one collector, which is asked whatever the names are.
pub(super) fn registry_of(collector: Arc<dyn Collector>) -> Result<CollectorRegistry> {
    let registry = CollectorRegistry::builder().collectors_without_names(true).build();
    registry.register(Arc::new(Unnamed { collector }))?;
    Ok(registry)
}

/// A collector that describes nothing: what a view of a registry describes
/// would be wrong as soon as something else is registered there.
struct Unnamed {
    collector: Arc<dyn Collector>,
}

impl Collector for Unnamed {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        self.collector.collect(scrape)
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        self.collector.refresh()
    }

    fn name(&self) -> &str {
        self.collector.name()
    }

    fn reaches_registry(&self, registry: u64) -> bool {
        self.collector.reaches_registry(registry)
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        self.collector.shared_directories()
    }
}
