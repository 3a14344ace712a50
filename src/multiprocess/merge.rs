//! Gathers the entries of many files by family and series, in the order of the files.

use std::collections::HashMap;
use std::mem;

use super::disagreement::{About, Disagreement};
use super::file_name::FileName;
use super::gathered::{Gathered, Noted, Reading};
use super::keys::{Keys, Refusal};
use super::reader::HEADER;
use super::rule::{Dated, Rule};
use super::settle::{PID, settle};
use super::side::RowNotes;
use super::walked::{Place, Walked};
use crate::model::{Desc, Family, MetricFamily, MetricType};

/// A merge under way.
#[derive(Debug)]
pub(crate) struct Merge<'k, 's> {
    keys: &'k mut Keys,
    joining: Joining,
    disagreed: bool,
    // By the places that the keys have for series and families.
    noted: Vec<Noted<'s>>,
    families: Vec<Gathered>,
    // The families whose type is known, in the order in which it became known.
    order: Vec<usize>,
    pids: Vec<String>,
    /// By the places of keys: where what they say in files without modes is added up.
    sums: Vec<Option<Sum>>,
    refused: Refused,
}

/// A reading of a family.
#[derive(Clone, Copy, Debug)]
struct Sum {
    metric_type: MetricType,
    family: usize,
    reading: usize,
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

impl<'k, 's> Merge<'k, 's> {
    pub(crate) fn new(keys: &'k mut Keys, joining: Joining) -> Self {
        Self {
            keys,
            joining,
            disagreed: false,
            noted: Vec::new(),
            families: Vec::new(),
            order: Vec::new(),
            pids: Vec::new(),
            sums: Vec::new(),
            refused: Refused::default(),
        }
    }

    /// The keys that were met.
    pub(crate) fn keys(&mut self) -> &mut Keys {
        self.keys
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
        name: &str,
        file: &FileName,
        walked: &Walked,
        notes: Option<&'s RowNotes>,
    ) -> bool {
        let mut typed = true;
        let pid = file.gauge.as_ref().map(|gauge| {
            self.pids.push(gauge.pid.clone());
            self.pids.len() - 1
        });
        self.keys.remember(name, walked.order());
        match notes {
            None => {
                for (key, said) in walked.rows() {
                    if said.is_untouched() {
                        self.keys.keep(key);
                    } else {
                        self.add(file, pid, key, said, &mut typed);
                    }
                }
            }
            Some(notes) => {
                let mut in_order = notes.in_order();
                let mut at = HEADER;
                for (key, said) in walked.rows() {
                    let row = at;
                    at += self.keys.entry_len(key);
                    if notes.is_removed(row) || said.is_untouched() {
                        self.keys.keep(key);
                    } else if let Some(series) = self.add(file, pid, key, said, &mut typed) {
                        self.noted[series].note(in_order.start(row), in_order.exemplar(row));
                    }
                }
            }
        }
        typed
    }

    /// The families, in the order in which they were first met, and those of
    /// them that files disagree about.
    ///
    /// With `accumulate`, buckets are cumulative and have a count.
    pub(crate) fn finish(
        mut self,
        accumulate: bool,
        units: &HashMap<&str, &str>,
    ) -> (Vec<MetricFamily>, Refused, Vec<Disagreement>) {
        let mut families = Vec::with_capacity(self.order.len());
        let mut disagreements = Vec::new();
        for place in self.order {
            let gathered = &mut self.families[place];
            let Some(desc) = gathered.desc.take() else { continue };
            let desc = match units.get(desc.name()) {
                Some(unit) => desc.measured_in(unit),
                None => desc,
            };
            let (types_differ, modes_differ) = (gathered.types_differ, gathered.modes_differ);
            let (family, buckets_differ) = settle(
                desc,
                gathered,
                &self.keys.series,
                &self.noted,
                &self.pids,
                &mut self.keys.names,
                accumulate,
            );
            let differences = [
                (types_differ, About::Type),
                (modes_differ, About::Mode),
                (buckets_differ, About::Buckets),
            ];
            for (_, about) in differences.into_iter().filter(|(differs, _)| *differs) {
                disagreements.push(Disagreement::new(family.desc().name(), about));
            }
            families.push(family);
        }
        (families, self.refused, disagreements)
    }

    /// Adds an entry, and says of which series it is, if it counts.
    #[inline]
    fn add(
        &mut self,
        file: &FileName,
        pid: Option<usize>,
        key: Place,
        mut said: Dated,
        typed: &mut bool,
    ) -> Option<usize> {
        said.was_folded = file.is_folded;
        if pid.is_none() {
            if let Some(series) = self.add_to_sum(file, key, said) {
                return Some(series);
            }
        }
        self.add_by_rule(file, pid, key, said, typed)
    }

    /// Adds to what the files before have said under this key, if that is a sum.
    #[inline]
    fn add_to_sum(&mut self, file: &FileName, key: Place, said: Dated) -> Option<usize> {
        let sum = (*self.sums.get(key as usize)?)?;
        // Files that disagree about the type go the long way.
        if file.metric_type != Some(sum.metric_type) {
            return None;
        }
        let reading = self.families.get_mut(sum.family)?.readings.get_mut(sum.reading)?;
        reading.said = reading.said.plus(said);
        reading.entries += 1;
        Some(reading.series)
    }

    fn add_by_rule(
        &mut self,
        file: &FileName,
        pid: Option<usize>,
        key: Place,
        mut said: Dated,
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
        let (place, help) = (known.series, known.help.clone());
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
            family.desc = Some(Desc::from_full_name(name, help, metric_type, None));
            self.order.push(series.family);
        }
        family.types_differ |= file.metric_type.is_some_and(|told| told != metric_type);
        let timestamp = mem::take(&mut said.timestamp);
        if let Some(gauge) = &file.gauge {
            self.disagreed |= self.joining == Joining::AtOnce
                && family.mode != gauge.mode
                && !family.readings.is_empty();
            family.modes_differ |= family.has_mode && family.mode != gauge.mode;
            family.has_mode = true;
            family.mode = gauge.mode;
            said.timestamp = timestamp;
        }
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
                    reading.entries += 1;
                }
            }
            _ if rule.ignores(said) => {}
            _ => {
                if joins {
                    *slot = Some(family.readings.len());
                }
                family.readings.push(Reading { series: place, pid, said, entries: 1 });
            }
        }
        if let (Some(reading), None, true) = (*slot, pid, metric_type != MetricType::Gauge) {
            let sum = Sum { metric_type, family: series.family, reading };
            self.sums.resize(self.sums.len().max(self.keys.len()), None);
            self.sums[key as usize] = Some(sum);
        }
        Some(place)
    }
}
