//! Facts about the program that every scrape opens with.

use std::sync::Arc;

use crate::error::Result;
use crate::model::{InfoMetricFamily, LabelNames, NO_LABELS};

/// The family `target` with its one sample.
#[derive(Clone)]
pub(super) struct TargetInfo {
    facts: Arc<[(String, String)]>,
    family: Arc<InfoMetricFamily>,
}

impl TargetInfo {
    pub(super) const FAMILY: &str = "target";
    pub(super) const SAMPLE: &str = "target_info";
    /// The names that it takes in a registry.
    pub(super) const NAMES: [&str; 2] = [Self::FAMILY, Self::SAMPLE];

    /// Nothing, if there are no facts.
    pub(super) fn new<I, N, V>(facts: I) -> Result<Option<Self>>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut facts: Vec<_> = facts
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()))
            .collect();
        if facts.is_empty() {
            return Ok(None);
        }
        LabelNames::new(facts.iter().map(|(name, _)| name))?;
        facts.sort();
        let mut family = InfoMetricFamily::new(Self::FAMILY, "Target metadata")?;
        family.add_metric(NO_LABELS, facts.iter().map(|(n, v)| (n, v)))?;
        Ok(Some(Self { facts: facts.into(), family: Arc::new(family) }))
    }

    pub(super) fn facts(&self) -> &[(String, String)] {
        &self.facts
    }

    pub(super) fn family(&self) -> &InfoMetricFamily {
        &self.family
    }
}
