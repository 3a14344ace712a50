//! A collector that is asked seldom, because asking it is expensive.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::Result;
use crate::model::{Desc, Family, MetricFamily};

/// Tells what another collector told, as long as that is not too old.
///
/// A scrape that finds it too old asks anew; scrapes that come meanwhile get
/// the old families. If asking fails, that scrape fails by the registry's
/// policy and the next one asks again.
///
/// ```
/// use narthex::collectors::CachedCollector;
/// use narthex::model::{GaugeMetricFamily, NO_LABELS};
/// use narthex::{CollectorRegistry, collector_fn};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
///
/// static ASKED: AtomicU32 = AtomicU32::new(0);
/// let slow = collector_fn(|scrape| {
///     let mut rows = GaugeMetricFamily::new("table_rows", "Counted the hard way.")?;
///     rows.add_metric(NO_LABELS, f64::from(ASKED.fetch_add(1, Ordering::Relaxed)))?;
///     scrape.family(&rows)
/// });
/// let registry = CollectorRegistry::new();
/// registry.register(Arc::new(CachedCollector::new(slow, Duration::from_secs(3600))))?;
/// assert_eq!(registry.get_sample_value("table_rows", &[]), Some(0.0));
/// assert_eq!(registry.get_sample_value("table_rows", &[]), Some(0.0));
/// assert_eq!(ASKED.load(Ordering::Relaxed), 1);
/// # Ok::<(), narthex::Error>(())
/// ```
pub struct CachedCollector<C> {
    collector: C,
    max_age: Duration,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    families: Option<Arc<[MetricFamily]>>,
    asked: Option<Instant>,
    asking: bool,
    // Counts how often what was told, or is being told, was to be forgotten.
    invalidated: u64,
}

impl Kept {
    fn are_fresh(&self, max_age: Duration) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < max_age)
    }
}

impl<C: Collector> CachedCollector<C> {
    /// Asks `collector` when what it told is older than `max_age`.
    pub fn new(collector: C, max_age: Duration) -> Self {
        Self { collector, max_age, kept: Mutex::default() }
    }

    /// Forgets what was told; the next scrape asks anew.
    pub fn invalidate(&self) {
        let mut kept = self.kept.lock();
        kept.asked = None;
        kept.invalidated += 1;
    }

    /// The families to tell without asking, if there are such.
    fn kept(&self) -> Option<Arc<[MetricFamily]>> {
        let mut kept = self.kept.lock();
        if kept.are_fresh(self.max_age) || kept.asking && kept.families.is_some() {
            return kept.families.clone();
        }
        kept.asking = true;
        None
    }

    fn ask(&self, scrape: &Scrape<'_>) -> Result<Arc<[MetricFamily]>> {
        let _asking = Asking(&self.kept);
        let (asked, invalidated) = (Instant::now(), self.kept.lock().invalidated);
        let mut families = Vec::new();
        let mut record = |family: &dyn Family| {
            families.push(MetricFamily::copy_of(family));
            Ok(())
        };
        let inner = Scrape::new(&mut record).with_deadline(scrape.deadline());
        self.collector.collect(&mut inner.with_path(scrape.path()))?;
        let families: Arc<[MetricFamily]> = families.into();
        let mut kept = self.kept.lock();
        if kept.invalidated == invalidated {
            kept.families = Some(families.clone());
            kept.asked = Some(asked);
        }
        Ok(families)
    }
}

impl<C: Collector> Collector for CachedCollector<C> {
    fn describe(&self) -> Vec<Desc> {
        self.collector.describe()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let families = match self.kept() {
            Some(families) => families,
            None => self.ask(scrape)?,
        };
        families.iter().try_for_each(|family| scrape.family(family))
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        // What is told anyway need not be awaited again.
        let fresh = self.kept.lock().are_fresh(self.max_age);
        if fresh { None } else { self.collector.refresh() }
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

impl<C> fmt::Debug for CachedCollector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCollector").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

/// Says that nobody asks any more, also when the collector panicked.
struct Asking<'a>(&'a Mutex<Kept>);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.lock().asking = false;
    }
}
