//! A registration that ends with a scope.

use super::{CollectorId, CollectorRegistry};

/// Keeps a collector registered until it is dropped.
///
/// ```
/// use narthex::{CollectorRegistry, Counter};
/// use std::sync::Arc;
///
/// let registry = CollectorRegistry::new();
/// let counter = Counter::builder("jobs", "Done.").build()?;
/// let guard = registry.register_guarded(Arc::new(counter))?;
/// assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(0.0));
/// drop(guard);
/// assert_eq!(registry.get_sample_value("jobs_total", &[]), None);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the collector is unregistered as soon as the guard is dropped"]
pub struct RegistrationGuard {
    registry: CollectorRegistry,
    id: CollectorId,
    armed: bool,
}

impl RegistrationGuard {
    pub(super) fn new(registry: CollectorRegistry, id: CollectorId) -> Self {
        Self { registry, id, armed: true }
    }

    /// The registration that it guards.
    pub fn id(&self) -> CollectorId {
        self.id
    }

    /// Leaves the collector registered for good.
    pub fn keep(mut self) -> CollectorId {
        self.armed = false;
        self.id
    }
}

impl Drop for RegistrationGuard {
    fn drop(&mut self) {
        if self.armed {
            // It may have been taken out by its number already.
            let _ = self.registry.unregister(self.id);
        }
    }
}
