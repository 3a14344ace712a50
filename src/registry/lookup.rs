//! Finding one number in a registry: for tests, and for numbers that derive from others.

use super::{CollectorRegistry, FailurePolicy};
use crate::collector::Scrape;
use crate::model::{Family, Sample, Suffix};

impl CollectorRegistry {
    /// The first sample of that full name with exactly those labels.
    ///
    /// Made for tests, and for collectors that derive numbers from others: one
    /// that looks into its own registry is passed over. A `_created` sample is
    /// found where a series has a start time. Collectors that fail are passed
    /// over.
    #[doc(alias = "value")]
    pub fn get_sample_value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let created = name.strip_suffix(Suffix::Created.as_str());
        let mut found = None;
        let mut look = |family: &dyn Family| {
            if !name.starts_with(family.desc().name()) {
                return Ok(());
            }
            family.for_each_sample(&mut |sample| {
                if found.is_some() {
                    return;
                }
                if sample.is_named(name) && sample.labels().equals(labels) {
                    found = Some(sample.value());
                } else if created == Some(sample.family()) && is_series(family, sample, labels) {
                    found = sample.start();
                }
            });
            Ok(())
        };
        // An error cannot be told here, and what was found before it still holds.
        let scrape = &mut Scrape::new(&mut look);
        let _ = self.collect_by(FailurePolicy::Skip, scrape, &|_| true);
        found
    }
}

/// Whether a sample is of the series with exactly those labels.
fn is_series(family: &dyn Family, sample: &Sample<'_>, labels: &[(&str, &str)]) -> bool {
    // The label that the type adds to some samples is none of the series.
    let own = family.desc().metric_type().reserved_label();
    let shared = || sample.labels().iter().filter(|(name, _)| Some(*name) != own);
    shared().count() == labels.len()
        && shared()
            .all(|(name, value)| labels.iter().any(|(want, text)| *want == name && *text == value))
}
