//! Keys of many files, each decoded once: of which series they are, and whether a scrape takes them.

use std::collections::{HashMap, HashSet};

use crate::model::{LabelNames, MetricName, Suffix};
use crate::multiprocess::gathered::LE;
use crate::multiprocess::key::Key;

/// What was learnt of keys, each decoded once, however many files it stands in.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) known: HashMap<Box<[u8]>, std::result::Result<Known, &'static str>>,
    pub(super) series: HashMap<(String, Vec<(String, String)>), usize>,
    pub(super) families: HashMap<String, usize>,
    // The families whose type a file has told.
    pub(super) typed: HashSet<usize>,
}

#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) series: usize,
    pub(super) family: usize,
    // A bound of a bucket that is no number; only histograms mind.
    pub(super) bad_bound: bool,
}

impl Keys {
    pub(super) fn know(&mut self, key: &[u8]) -> std::result::Result<Known, &'static str> {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let known = Key::parse(key).ok_or("key").and_then(|key| self.meet(key));
        self.known.insert(key.into(), known);
        known
    }

    fn meet(&mut self, key: Key) -> std::result::Result<Known, &'static str> {
        let bad_bound = key
            .labels
            .get(LE)
            .is_some_and(|bound| bound.trim().parse().map_or(true, |bound: f64| bound.is_nan()));
        let allowed = Suffix::between(&key.metric_name, &key.sample_name).is_some()
            && MetricName::new(&key.metric_name).is_ok()
            && LabelNames::new(key.labels.keys()).is_ok();
        if !allowed {
            return Err("name");
        }
        let families = self.families.len();
        let family = *self.families.entry(key.metric_name).or_insert(families);
        let series = self.series.len();
        let identity = (key.sample_name, key.labels.into_iter().collect());
        let series = *self.series.entry(identity).or_insert(series);
        Ok(Known { series, family, bad_bound })
    }
}
