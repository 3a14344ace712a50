//! Tell numbers that live elsewhere, read at the time of a scrape: an exporter.
//!
//! `cargo run --example custom_collector`

use std::path::PathBuf;
use std::sync::Arc;

use narthex::model::{Desc, GaugeMetricFamily, MetricType};
use narthex::{Collector, CollectorRegistry, Error, FailurePolicy, Result, Scrape, exposition};

/// How many files a directory holds, and how large they are together.
struct DirectoryCollector {
    path: PathBuf,
}

impl Collector for DirectoryCollector {
    // Names that are told beforehand are checked when the collector is registered.
    fn describe(&self) -> Vec<Desc> {
        [("directory_files", "Files in it."), ("directory_bytes", "Size of its files.")]
            .into_iter()
            .filter_map(|(name, help)| Desc::new(name, help, MetricType::Gauge).ok())
            .collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let shown = self.path.display().to_string();
        let unreadable =
            |error| Error::collector(format!("cannot read {shown}")).with_source(error);
        let (mut files, mut bytes) = (0.0, 0.0);
        for entry in std::fs::read_dir(&self.path).map_err(unreadable)? {
            let metadata = entry.and_then(|entry| entry.metadata()).map_err(unreadable)?;
            if metadata.is_file() {
                files += 1.0;
                bytes += metadata.len() as f64;
            }
        }
        let mut family =
            GaugeMetricFamily::new("directory_files", "Files in it.")?.with_labels(["path"])?;
        family.add_metric([&shown], files)?;
        scrape.family(&family)?;
        let mut family = GaugeMetricFamily::new("directory_bytes", "Size of its files.")?
            .with_labels(["path"])?;
        family.add_metric([&shown], bytes)?;
        scrape.family(&family)
    }
}

fn main() -> Result {
    // One collector that fails costs its own families, not the scrape.
    let registry =
        CollectorRegistry::builder().on_failure(FailurePolicy::Skip).self_metrics(true).build();
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let id = registry.register(Arc::new(DirectoryCollector { path: here }))?;

    print!("{}", exposition::text::encode(&registry)?);

    registry.unregister(id)?;
    registry.register(Arc::new(DirectoryCollector { path: "/no/such/directory".into() }))?;
    let text = exposition::text::encode(&registry)?;
    assert!(text.contains("narthex_collector_failures_total{collector=\"directory_files\"} 1.0\n"));
    Ok(())
}
