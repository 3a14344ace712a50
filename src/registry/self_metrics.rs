//! What a registry tells of itself.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::cell::refused_observations;
use crate::collector::Scrape;
use crate::error::Result;
use crate::model::{CounterMetricFamily, Desc, GaugeMetricFamily, MetricType, NO_LABELS};

/// The numbers of the last scrape, and the failures of all.
#[derive(Default)]
pub(super) struct SelfMetrics {
    bytes: AtomicU64,
    duration_nanos: AtomicU64,
    collectors: Mutex<BTreeMap<Arc<str>, PerCollector>>,
}

#[derive(Clone, Copy, Default)]
struct PerCollector {
    last: Duration,
    failures: u64,
}

/// What one scrape counted so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) collectors: usize,
    pub(super) families: usize,
    pub(super) series: usize,
}

impl SelfMetrics {
    pub(super) fn note_bytes(&self, bytes: usize) {
        self.bytes.store(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn note_scrape(&self, took: Duration) {
        self.duration_nanos.store(took.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(super) fn note_collector(&self, title: &Arc<str>, took: Duration, failed: bool) {
        let mut collectors = self.collectors.lock();
        // Looked up first, so that only the first scrape allocates.
        let noted = match collectors.get_mut(title) {
            Some(noted) => noted,
            None => collectors.entry(title.clone()).or_default(),
        };
        noted.last = took;
        noted.failures += u64::from(failed);
    }

    pub(super) fn note_failure(&self, title: &Arc<str>) {
        self.collectors.lock().entry(title.clone()).or_default().failures += 1;
    }

    pub(super) fn forget(&self, title: &str) {
        self.collectors.lock().remove(title);
    }

    /// The names that these families take in the registry.
    pub(super) fn names() -> Vec<String> {
        let gauges = [
            "narthex_collector_duration_seconds",
            "narthex_registry_collectors",
            "narthex_registry_families",
            "narthex_registry_series",
            "narthex_scrape_bytes",
            "narthex_scrape_duration_seconds",
        ];
        let counters = ["narthex_collector_failures", "narthex_refused_observations"];
        let gauges = gauges.map(|name| Desc::new(name, "", MetricType::Gauge));
        let counters = counters.map(|name| Desc::new(name, "", MetricType::Counter));
        gauges.into_iter().chain(counters).flatten().flat_map(|desc| desc.claims()).collect()
    }

    /// Tells of this scrape and of the collectors of these titles: one that was
    /// unregistered while it was asked may have been noted after that.
    pub(super) fn collect(
        &self,
        counts: Counts,
        titles: &HashSet<Arc<str>>,
        scrape: &mut Scrape<'_>,
    ) -> Result {
        let seconds =
            Duration::from_nanos(self.duration_nanos.load(Ordering::Relaxed)).as_secs_f64();
        let bytes = self.bytes.load(Ordering::Relaxed) as f64;
        for (name, help, value) in [
            (
                "narthex_registry_collectors",
                "Collectors asked in this scrape.",
                counts.collectors as f64,
            ),
            ("narthex_registry_families", "Families in this scrape.", counts.families as f64),
            ("narthex_registry_series", "Series in this scrape.", counts.series as f64),
            ("narthex_scrape_bytes", "Size of the last exposition, before compression.", bytes),
            ("narthex_scrape_duration_seconds", "How long the last scrape collected.", seconds),
        ] {
            let mut family = GaugeMetricFamily::new(name, help)?;
            family.add_metric(NO_LABELS, value)?;
            scrape.family(&family)?;
        }
        let mut durations = GaugeMetricFamily::new(
            "narthex_collector_duration_seconds",
            "How long each collector took in the last scrape.",
        )?
        .with_labels(["collector"])?;
        let mut failures = CounterMetricFamily::new(
            "narthex_collector_failures",
            "Scrapes that a collector failed.",
        )?
        .with_labels(["collector"])?;
        let noted = self.collectors.lock();
        for (title, noted) in noted.iter().filter(|(title, _)| titles.contains(*title)) {
            durations.add_metric([title], noted.last.as_secs_f64())?;
            failures.add_metric([title], noted.failures as f64)?;
        }
        drop(noted);
        scrape.family(&durations)?;
        scrape.family(&failures)?;
        let mut refused = CounterMetricFamily::new(
            "narthex_refused_observations",
            "Amounts that changed nothing, because they were not allowed.",
        )?;
        refused.add_metric(NO_LABELS, refused_observations() as f64)?;
        scrape.family(&refused)
    }
}
