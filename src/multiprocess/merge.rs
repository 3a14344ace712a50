//! Gathers the entries of many files by family and series, in the order of the files.

use std::collections::HashMap;
use std::sync::Arc;

use super::file_name::FileName;
use super::gathered::{Gathered, LE, Reading, Series};
use super::key::Key;
use super::labels::{Labels, NameLists};
use super::mode::GaugeMode;
use super::reader::Entry;
use super::settle::settle;
use super::side::RowNotes;
use crate::model::{Desc, MetricFamily, MetricName, MetricType, Suffix};

/// A merge under way.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    // A key is decoded once, however many files it stands in.
    keys: HashMap<Box<[u8]>, std::result::Result<Known, Refusal>>,
    series: Vec<Series>,
    by_identity: HashMap<Identity, usize>,
    families: Vec<Gathered>,
    by_name: HashMap<String, usize>,
    // The families whose type is known, in the order in which it became known.
    order: Vec<usize>,
    pids: Vec<String>,
    names: NameLists,
    refused: Refused,
}

/// How many entries were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The key is not the JSON that it should be.
    pub(crate) keys: u64,
    /// A name, or the bound of a bucket, is not allowed.
    pub(crate) names: u64,
}

#[derive(Clone, Copy, Debug)]
enum Refusal {
    Key,
    Name,
}

#[derive(Clone, Debug)]
struct Known {
    series: usize,
    help: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    family: usize,
    suffix: Suffix,
    labels: Labels,
}

impl Merge {
    /// Adds the entries of a file, with what its owner's side file says of
    /// them; files come sorted by name.
    ///
    /// False if the name of the file does not say the type of a family that
    /// only it has told of.
    pub(crate) fn add_file(
        &mut self,
        file: &FileName,
        entries: &[Entry<'_>],
        notes: Option<&RowNotes>,
    ) -> bool {
        let mut typed = true;
        let pid = file.gauge.as_ref().map(|gauge| {
            self.pids.push(gauge.pid.clone());
            self.pids.len() - 1
        });
        let mut in_order = notes.map(RowNotes::in_order);
        for entry in entries {
            if notes.is_some_and(|notes| notes.is_removed(entry.offset)) {
                continue;
            }
            let known = match self.known(entry.key) {
                Ok(known) => known,
                Err(Refusal::Key) => {
                    self.refused.keys += 1;
                    continue;
                }
                Err(Refusal::Name) => {
                    self.refused.names += 1;
                    continue;
                }
            };
            let series = &self.series[known.series];
            let family = &mut self.families[series.family];
            let metric_type = family.desc.as_ref().map(Desc::metric_type).or(file.metric_type);
            let Some(metric_type) = metric_type else {
                typed = false;
                continue;
            };
            if metric_type == MetricType::Histogram && series.le.is_some_and(f64::is_nan) {
                self.refused.names += 1;
                continue;
            }
            if family.desc.is_none() {
                let name = family.name.clone();
                family.desc = Some(Desc::from_full_name(name, known.help, metric_type, None));
                self.order.push(series.family);
            }
            if let Some(notes) = &mut in_order {
                self.series[known.series]
                    .note(notes.start(entry.offset), notes.exemplar(entry.offset));
            }
            let mut timestamp = 0.0;
            if let Some(gauge) = &file.gauge {
                family.mode = gauge.mode;
                timestamp = entry.timestamp;
            }
            family.readings.push(Reading {
                series: known.series,
                pid,
                value: entry.value,
                timestamp,
            });
        }
        typed
    }

    /// The families, in the order in which they were first met.
    ///
    /// With `accumulate`, buckets are cumulative and have a count.
    pub(crate) fn finish(
        mut self,
        accumulate: bool,
        units: &HashMap<&str, &str>,
    ) -> (Vec<MetricFamily>, Refused) {
        let mut families = Vec::with_capacity(self.order.len());
        for place in self.order {
            let gathered = &mut self.families[place];
            let Some(desc) = gathered.desc.take() else { continue };
            let desc = match units.get(desc.name()) {
                Some(unit) => desc.measured_in(unit),
                None => desc,
            };
            families.push(settle(
                desc,
                gathered,
                &self.series,
                &self.pids,
                &mut self.names,
                accumulate,
            ));
        }
        (families, self.refused)
    }

    fn known(&mut self, key: &[u8]) -> std::result::Result<Known, Refusal> {
        if let Some(known) = self.keys.get(key) {
            return known.clone();
        }
        let known = Key::parse(key).ok_or(Refusal::Key).and_then(|parsed| self.meet(parsed));
        self.keys.insert(key.into(), known.clone());
        known
    }

    fn meet(&mut self, key: Key) -> std::result::Result<Known, Refusal> {
        let suffix = Suffix::between(&key.metric_name, &key.sample_name).ok_or(Refusal::Name)?;
        let name = MetricName::new(&key.metric_name).map_err(|_| Refusal::Name)?;
        let le = key.labels.get(LE).map(|bound| bound.trim().parse().unwrap_or(f64::NAN));
        let labels = self.names.labels(key.labels).map_err(|_| Refusal::Name)?;
        let families = &mut self.families;
        let family = *self.by_name.entry(key.metric_name).or_insert_with(|| {
            families.push(Gathered {
                name,
                desc: None,
                mode: GaugeMode::default(),
                readings: Vec::new(),
            });
            families.len() - 1
        });
        let all = &mut self.series;
        let identity = Identity { family, suffix, labels };
        let series = *self.by_identity.entry(identity).or_insert_with_key(|identity| {
            all.push(Series::new(family, suffix, identity.labels.clone(), le));
            all.len() - 1
        });
        Ok(Known { series, help: key.help.into() })
    }
}
