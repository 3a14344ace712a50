//! What was exported so far, as families: for sinks that hand on families.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::model::{MetricFamily, MetricType};
use crate::sink::snapshot::{Aggregate, SeriesKey, Snapshot};

/// What a family says, and the ends of the names of those beside it.
const LEAST: &str = "_window_min";
const GREATEST: &str = "_window_max";

/// Of each series all observations, and those of the window at the last export.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    series: BTreeMap<Arc<SeriesKey>, (Aggregate, Aggregate)>,
}

impl Totals {
    /// Adds what is new.
    ///
    /// # Errors
    /// A name, or a dimension's, that no metric can have; nothing is added then.
    pub(super) fn add(&mut self, snapshots: &[Snapshot]) -> Result {
        for snapshot in snapshots.iter().filter(|snapshot| !self.series.contains_key(&snapshot.key))
        {
            let mut families = Families::new(&snapshot.key)?;
            families.add(&snapshot.key, &snapshot.new, &snapshot.window)?;
        }
        // Of those that are not exported, the window is over.
        self.series.values_mut().for_each(|(_, window)| *window = Aggregate::EMPTY);
        for snapshot in snapshots {
            let (total, window) = self.series.entry(snapshot.key.clone()).or_default();
            total.merge(&snapshot.new);
            *window = snapshot.window;
        }
        Ok(())
    }
}

/// Those of one name.
struct Families {
    all: MetricFamily,
    least: MetricFamily,
    greatest: MetricFamily,
}

impl Families {
    fn new(SeriesKey { name, .. }: &SeriesKey) -> Result<Self> {
        let gauge = |end, help| MetricFamily::new(format!("{name}{end}"), help, MetricType::Gauge);
        Ok(Self {
            all: MetricFamily::new(name.clone(), "Recorded in windows.", MetricType::Summary)?,
            least: gauge(LEAST, "The least of the last window.")?,
            greatest: gauge(GREATEST, "The greatest of the last window.")?,
        })
    }

    fn add(&mut self, key: &SeriesKey, total: &Aggregate, window: &Aggregate) -> Result {
        let SeriesKey { name, dimensions } = key;
        let labels = || dimensions.iter().map(|(name, value)| (&**name, &**value));
        self.all.add_sample(&format!("{name}_count"), labels(), total.count as f64)?;
        self.all.add_sample(&format!("{name}_sum"), labels(), total.sum)?;
        if !window.is_empty() {
            self.least.add_sample(&format!("{name}{LEAST}"), labels(), window.min)?;
            self.greatest.add_sample(&format!("{name}{GREATEST}"), labels(), window.max)?;
        }
        Ok(())
    }
}

impl Collector for Totals {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let mut all = self.series.iter().peekable();
        while let Some((first, (total, window))) = all.next() {
            let mut families = Families::new(first)?;
            families.add(first, total, window)?;
            while let Some((key, (total, window))) = all.next_if(|(key, _)| key.name == first.name)
            {
                families.add(key, total, window)?;
            }
            for family in [&families.all, &families.least, &families.greatest] {
                scrape.family(family)?;
            }
        }
        Ok(())
    }
}
