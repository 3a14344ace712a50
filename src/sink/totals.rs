//! What was exported so far, as families: for sinks that hand on families.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collector::{Collector, Scrape};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{EscapingScheme, Family, MetricFamily, MetricType};
use crate::sink::snapshot::{Aggregate, SeriesKey, Snapshot};

/// The ends of the names of the families beside that of a name itself.
const LEAST: &str = "_window_min";
const GREATEST: &str = "_window_max";

/// Of each series all observations, and those of the window at the last export.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    prefix: String,
    series: BTreeMap<Arc<SeriesKey>, (Aggregate, Aggregate)>,
    /// Which recorded name has a name of families and samples, as it looks with underscores.
    taken: BTreeMap<String, String>,
    refused: u64,
}

impl Totals {
    /// With names that begin with this.
    pub(super) fn with_prefix(prefix: String) -> Self {
        Self { prefix, ..Self::default() }
    }

    /// How many observations were of series that cannot be told.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Adds what is new. Series that cannot be told are left out, and counted.
    pub(super) fn add(&mut self, snapshots: &[Snapshot]) {
        // Of those that are not exported, the window is over.
        self.series.values_mut().for_each(|(_, window)| *window = Aggregate::EMPTY);
        for snapshot in snapshots {
            if !self.series.contains_key(&snapshot.key) {
                if let Err(error) = self.admit(&snapshot.key) {
                    if self.refused == 0 {
                        log::warn!(target: "narthex", "what was recorded cannot be told: {error}");
                    }
                    self.refused += snapshot.new.count;
                    continue;
                }
            }
            let (total, window) = self.series.entry(snapshot.key.clone()).or_default();
            total.merge(&snapshot.new);
            *window = snapshot.window;
        }
    }

    /// Takes the names of a series.
    ///
    /// # Errors
    /// That no metric can have such a name or label, or another name has them.
    fn admit(&mut self, key: &SeriesKey) -> Result {
        if key.dimensions.iter().any(|(name, _)| name == "quantile") {
            let message =
                format!("{:?} has the dimension quantile, which is a summary's", key.name);
            return Err(Error::new(ErrorKind::InvalidLabel, message));
        }
        let mut families = Families::new(&self.prefix, &key.name)?;
        families.add(key, &Aggregate::EMPTY, &Aggregate::of(0.0))?;
        let claims = families.all().into_iter().flat_map(|family| family.desc().claims());
        let escaped = |name: String| EscapingScheme::Underscores.metric_name(&name).into_owned();
        let claims: Vec<_> = claims.map(escaped).collect();
        let owner_of = |claim: &String| self.taken.get(claim).filter(|owner| **owner != key.name);
        if let Some((claim, owner)) =
            claims.iter().find_map(|claim| owner_of(claim).map(|owner| (claim, owner)))
        {
            let message = format!("{:?} and {owner:?} would both be {claim:?}", key.name);
            return Err(Error::duplicate(message, vec![claim.clone()]));
        }
        self.taken.extend(claims.into_iter().map(|claim| (claim, key.name.clone())));
        Ok(())
    }
}

/// Those of one name.
struct Families {
    name: String,
    sums: MetricFamily,
    least: MetricFamily,
    greatest: MetricFamily,
}

impl Families {
    fn new(prefix: &str, name: &str) -> Result<Self> {
        let name = format!("{prefix}{name}");
        let gauge = |end, help| MetricFamily::new(format!("{name}{end}"), help, MetricType::Gauge);
        Ok(Self {
            sums: MetricFamily::new(name.clone(), "Recorded in windows.", MetricType::Summary)?,
            least: gauge(LEAST, "The least of the last window.")?,
            greatest: gauge(GREATEST, "The greatest of the last window.")?,
            name,
        })
    }

    fn all(&self) -> [&MetricFamily; 3] {
        [&self.sums, &self.least, &self.greatest]
    }

    fn add(&mut self, key: &SeriesKey, total: &Aggregate, window: &Aggregate) -> Result {
        let Self { name, sums, least, greatest } = self;
        let labels = || key.dimensions.iter().map(|(name, value)| (&**name, &**value));
        sums.add_sample(&format!("{name}_count"), labels(), total.count as f64)?;
        sums.add_sample(&format!("{name}_sum"), labels(), total.sum)?;
        if !window.is_empty() {
            least.add_sample(&format!("{name}{LEAST}"), labels(), window.min)?;
            greatest.add_sample(&format!("{name}{GREATEST}"), labels(), window.max)?;
        }
        Ok(())
    }
}

impl Collector for Totals {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let mut all = self.series.iter().peekable();
        while let Some((first, (total, window))) = all.next() {
            let mut families = Families::new(&self.prefix, &first.name)?;
            families.add(first, total, window)?;
            while let Some((key, (total, window))) = all.next_if(|(key, _)| key.name == first.name)
            {
                families.add(key, total, window)?;
            }
            for family in families.all() {
                scrape.family(family)?;
            }
        }
        Ok(())
    }
}
