//! Gathers the entries of many files by family and series, in the order of the files.

use std::collections::HashMap;

use super::file_name::FileName;
use super::gathered::{Gathered, Noted, Reading};
use super::keys::{Keys, NOWHERE, Refusal};
use super::reader::{Entries, Entry};
use super::rule::{Dated, Rule};
use super::settle::{PID, settle};
use super::side::RowNotes;
use crate::model::{Desc, MetricFamily, MetricType};

/// A merge under way.
#[derive(Debug)]
pub(crate) struct Merge<'k> {
    keys: &'k mut Keys,
    joining: Joining,
    disagreed: bool,
    // By the places that the keys have for series and families.
    noted: Vec<Noted>,
    families: Vec<Gathered>,
    // The families whose type is known, in the order in which it became known.
    order: Vec<usize>,
    pids: Vec<String>,
    refused: Refused,
}

/// Whether readings of one series are joined at once, or kept until the mode of
/// every gauge is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    AtOnce,
    InTheEnd,
}

/// How many entries were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The key is not the JSON that it should be.
    pub(crate) keys: u64,
    /// A name, or the bound of a bucket, is not allowed.
    pub(crate) names: u64,
}

impl<'k> Merge<'k> {
    pub(crate) fn new(keys: &'k mut Keys, joining: Joining) -> Self {
        Self {
            keys,
            joining,
            disagreed: false,
            noted: Vec::new(),
            families: Vec::new(),
            order: Vec::new(),
            pids: Vec::new(),
            refused: Refused::default(),
        }
    }

    /// Whether files disagree about the mode of a gauge whose readings were
    /// joined already, so that the merge has to be done again, joining in the end.
    pub(crate) fn disagreed(&self) -> bool {
        self.disagreed
    }

    /// Adds the entries of a file, with what its owner's side file says of
    /// them; files come sorted by name.
    ///
    /// False if the name of the file does not say the type of a family that
    /// only it has told of.
    pub(crate) fn add_file(
        &mut self,
        file: &FileName,
        entries: &mut Entries<'_>,
        notes: Option<&RowNotes>,
    ) -> bool {
        let mut typed = true;
        let pid = file.gauge.as_ref().map(|gauge| {
            self.pids.push(gauge.pid.clone());
            self.pids.len() - 1
        });
        let mut in_order = notes.map(RowNotes::in_order);
        let mut key = NOWHERE;
        for entry in entries {
            let is_removed = notes.is_some_and(|notes| notes.is_removed(entry.offset));
            if is_removed || entry.is_untouched() {
                continue;
            }
            key = self.keys.find(entry.key, key);
            let Some(series) = self.add(file, pid, key, &entry, &mut typed) else { continue };
            if let Some(notes) = &mut in_order {
                self.noted[series].note(notes.start(entry.offset), notes.exemplar(entry.offset));
            }
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
                &self.keys.series,
                &self.noted,
                &self.pids,
                &mut self.keys.names,
                accumulate,
            ));
        }
        (families, self.refused)
    }

    /// Adds an entry, and says of which series it is, if it counts.
    fn add(
        &mut self,
        file: &FileName,
        pid: Option<usize>,
        key: usize,
        entry: &Entry<'_>,
        typed: &mut bool,
    ) -> Option<usize> {
        let known = match self.keys.known(key) {
            Ok(known) => known,
            Err(refusal) => {
                match refusal {
                    Refusal::Key => self.refused.keys += 1,
                    Refusal::Name => self.refused.names += 1,
                }
                return None;
            }
        };
        let place = known.series;
        let series = &self.keys.series[place];
        if place >= self.noted.len() {
            self.noted.resize_with(self.keys.series.len(), Noted::default);
        }
        if series.family >= self.families.len() {
            self.families.resize_with(self.keys.families.len(), Gathered::default);
        }
        let family = &mut self.families[series.family];
        let metric_type = family.desc.as_ref().map(Desc::metric_type).or(file.metric_type);
        let Some(metric_type) = metric_type else {
            *typed = false;
            return None;
        };
        if metric_type == MetricType::Histogram && series.le.is_some_and(f64::is_nan) {
            self.refused.names += 1;
            return None;
        }
        if family.desc.is_none() {
            let name = self.keys.families[series.family].clone();
            family.desc = Some(Desc::from_full_name(name, known.help.clone(), metric_type, None));
            self.order.push(series.family);
        }
        let mut timestamp = 0.0;
        if let Some(gauge) = &file.gauge {
            self.disagreed |= self.joining == Joining::AtOnce
                && family.mode != gauge.mode
                && !family.readings.is_empty();
            family.mode = gauge.mode;
            timestamp = entry.timestamp;
        }
        let said = Dated { value: entry.value, timestamp };
        let rule = Rule::of(metric_type, family.mode);
        let apart = Rule::tells_processes(metric_type, family.mode);
        // A label `pid` of its own goes, so that several series become one.
        let joins = self.joining == Joining::AtOnce
            && if apart { pid.is_none() } else { !self.keys.names.has(&series.labels, PID) };
        let slot = &mut self.noted[place].reading;
        match slot.and_then(|slot| family.readings.get_mut(slot)) {
            Some(reading) if joins => {
                if !rule.ignores(said) {
                    reading.said = rule.join(Some(reading.said), said);
                }
            }
            _ if rule.ignores(said) => {}
            _ => {
                if joins {
                    *slot = Some(family.readings.len());
                }
                family.readings.push(Reading { series: place, pid, said });
            }
        }
        Some(place)
    }
}
