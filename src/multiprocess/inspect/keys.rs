//! Keys of many files, each decoded once: of which series they are, and whether a scrape takes them.

use std::collections::{HashMap, HashSet};

use crate::model::{LabelNames, MetricName, Suffix};
use crate::multiprocess::key::{Key, LE};

/// What was learnt of keys, each decoded once, however many files it stands in.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) known: HashMap<Box<[u8]>, std::result::Result<Known, &'static str>>,
    pub(super) series: HashMap<(String, Vec<(String, String)>), usize>,
    pub(super) families: HashMap<String, usize>,
    pub(super) names: Vec<String>,
    // By family, and by labels without that of buckets.
    histograms: HashMap<(usize, Vec<(String, String)>), usize>,
    // The families whose type a file has told.
    pub(super) typed: HashSet<usize>,
}

#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) series: usize,
    pub(super) family: usize,
    // Only histograms mind.
    pub(super) bound: Bound,
}

/// What the label of buckets says, in a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    None,
    /// No number.
    Bad,
    /// The bound of a bucket, and which series has it.
    Of(usize, f64),
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
        let le = key.labels.get(LE).map(|bound| bound.trim().parse().unwrap_or(f64::NAN));
        let allowed = Suffix::between(&key.metric_name, &key.sample_name).is_some()
            && MetricName::new(&key.metric_name).is_ok()
            && LabelNames::new(key.labels.keys()).is_ok();
        if !allowed {
            return Err("name");
        }
        let families = self.families.len();
        let family = *self.families.entry(key.metric_name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            families
        });
        let others = key.labels.iter().filter(|(name, _)| *name != LE);
        let labels = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        let histogram = self.histograms.len();
        let histogram = *self.histograms.entry((family, labels)).or_insert(histogram);
        let series = self.series.len();
        let identity = (key.sample_name, key.labels.into_iter().collect());
        let series = *self.series.entry(identity).or_insert(series);
        let bound = match le {
            None => Bound::None,
            Some(le) if le.is_nan() => Bound::Bad,
            Some(le) => Bound::Of(histogram, le),
        };
        Ok(Known { series, family, bound })
    }
}
