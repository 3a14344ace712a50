//! The sink whose numbers a registry shows.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::sink::export::{Sink, SinkFuture, done};
use crate::sink::snapshot::Snapshot;
use crate::sink::totals::Totals;

/// Shows what was exported in a registry; clones are the same sink.
///
/// A name is a summary without quantiles, whose count and sum are those of all observations, and two
/// gauges, `NAME_window_min` and `NAME_window_max`, as they were at the last export. Dimensions are
/// labels. Series stay for as long as the sink. What no metric can be called, and what would take a
/// name of another one that was recorded, is left out and [counted](Self::refused); names that other
/// metrics of the registry have would fail the scrape, as twice the same name does: a
/// [prefix](Self::with_prefix) keeps them apart.
///
/// ```
/// use std::sync::Arc;
///
/// use narthex::CollectorRegistry;
/// use narthex::sink::RegistrySink;
/// use narthex::window::{MetricsLevel, MetricsManager};
///
/// let registry = CollectorRegistry::new();
/// let sink = RegistrySink::new();
/// registry.register(Arc::new(sink.clone()))?;
/// let manager = MetricsManager::builder().level(MetricsLevel::Detailed).sink(sink).build()?;
/// manager.put("batch_rows", 5.0, &[("table", "carts")]);
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// manager.flush().await?;
/// # Ok::<(), narthex::Error>(())
/// # })?;
/// assert_eq!(registry.get_sample_value("batch_rows_sum", &[("table", "carts")]), Some(5.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RegistrySink {
    totals: Arc<Mutex<Totals>>,
}

impl RegistrySink {
    /// One that was given nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, for names that begin with `prefix`, such as `recorded_`.
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Self { totals: Arc::new(Mutex::new(Totals::with_prefix(prefix.into()))) }
    }

    /// How many observations were of series that cannot be shown.
    pub fn refused(&self) -> u64 {
        self.totals.lock().refused()
    }
}

impl Sink for RegistrySink {
    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        self.totals.lock().add(snapshots);
        done(Ok(()))
    }

    fn name(&self) -> &str {
        "registry"
    }
}

impl Collector for RegistrySink {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        // Copied, as a scrape may take its time.
        let totals = self.totals.lock().clone();
        totals.collect(scrape)
    }

    fn name(&self) -> &str {
        "registry sink"
    }
}
