//! Gathers the entries of many files by family and series, in the order of the files.

use std::collections::HashMap;
use std::mem;

use super::disagreement::{About, Disagreement};
use super::file_name::FileName;
use super::gathered::{Gathered, Noted, Reading, Sum};
use super::keys::{InUse, Keys, Orders, Refusal};
use super::rule::{Dated, Rule};
use super::settle::{PID, Settled, Show, settle};
use super::side::RowNotes;
use super::walked::{Place, Walked};
use crate::model::{Desc, Family, MetricFamily, MetricType};

/// A merge under way.
#[derive(Debug)]
pub(crate) struct Merge<'s> {
    joining: Joining,
    disagreed: bool,
    // By the places that the keys have for series and families.
    noted: Vec<Noted<'s>>,
    families: Vec<Gathered>,
    // The families whose type is known, in the order in which it became known.
    order: Vec<usize>,
    pids: Vec<String>,
    /// What files without modes say is added up here, close together.
    sums: Vec<Sum>,
    /// By the places of keys: where it is.
    sum_places: Vec<u32>,
    in_use: InUse,
    orders: Orders,
    refused: Refused,
}

/// What a key has for a place that is added up nowhere.
const NOWHERE: u32 = u32::MAX;

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

impl<'s> Merge<'s> {
    pub(crate) fn new(joining: Joining) -> Self {
        Self {
            joining,
            disagreed: false,
            noted: Vec::new(),
            families: Vec::new(),
            order: Vec::new(),
            pids: Vec::new(),
            sums: Vec::new(),
            sum_places: Vec::new(),
            in_use: InUse::default(),
            orders: Orders::default(),
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
        name: &str,
        file: &FileName,
        walked: &Walked,
        notes: Option<&'s RowNotes>,
        keys: &Keys,
    ) -> bool {
        let mut typed = true;
        let pid = file.gauge.as_ref().map(|gauge| {
            self.pids.push(gauge.pid.clone());
            self.pids.len() - 1
        });
        self.orders.insert(name.to_owned(), walked.order());
        let (mut exemplars, mut natives) = (walked.exemplars(), walked.natives());
        for (entry, (key, mut said, start)) in walked.rows().enumerate() {
            let with_exemplar = next_at(&mut exemplars, entry);
            let with_native = next_at(&mut natives, entry);
            if said.is_untouched() {
                self.in_use.keep(key);
                continue;
            }
            said.was_folded = file.is_folded;
            let sum = self.sum_of(key).filter(|sum| {
                // Files that disagree about the type go the long way.
                pid.is_none() && file.metric_type == Some(sum.metric_type)
            });
            let series = match sum {
                Some(sum) => {
                    sum.add(said, start);
                    sum.series
                }
                None => match self.add_by_rule(file, pid, (key, keys), said, &mut typed) {
                    Some(series) => {
                        self.noted[series].began(start);
                        series
                    }
                    None => continue,
                },
            };
            if let Some(row) = with_exemplar {
                let exemplar = notes.and_then(|notes| notes.exemplar(row));
                self.noted[series].traced(exemplar);
            }
            if let Some(row) = with_native {
                self.noted[series].counted(notes.and_then(|notes| notes.native(row)));
            }
        }
        typed
    }

    /// The families, in the order in which they were first met, those of them that files disagree
    /// about, and how many histograms are native in part.
    pub(crate) fn finish(
        mut self,
        keys: &mut Keys,
        show: Show<'_>,
        units: &HashMap<&str, &str>,
    ) -> (Vec<MetricFamily>, Refused, Vec<Disagreement>, usize) {
        for reading in self.families.iter_mut().flat_map(|family| &mut family.readings) {
            if let Some(sum) = reading.sum.and_then(|sum| self.sums.get(sum)) {
                (reading.said, reading.entries) = (sum.said(), sum.entries);
                self.noted[reading.series].began(sum.start);
            }
        }
        let mut families = Vec::with_capacity(self.order.len());
        let mut disagreements = Vec::new();
        let mut all_partly_native = 0;
        for place in self.order {
            let gathered = &mut self.families[place];
            let Some(desc) = gathered.desc.take() else { continue };
            let desc = match units.get(desc.name()) {
                Some(unit) => desc.measured_in(unit),
                None => desc,
            };
            let (types_differ, modes_differ) = (gathered.types_differ, gathered.modes_differ);
            let Settled { family, buckets_differ, partly_native } = settle(
                desc,
                gathered,
                &keys.series,
                &self.noted,
                &self.pids,
                &mut keys.names,
                show,
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
            all_partly_native += partly_native;
        }
        keys.end(&self.in_use, self.orders);
        (families, self.refused, disagreements, all_partly_native)
    }

    /// Where what files say under this key is added up, if it is.
    #[inline]
    fn sum_of(&mut self, key: Place) -> Option<&mut Sum> {
        let place = self.sum_places.get(key as usize)?;
        self.sums.get_mut(*place as usize)
    }

    fn add_by_rule(
        &mut self,
        file: &FileName,
        pid: Option<usize>,
        (key, keys): (Place, &Keys),
        mut said: Dated,
        typed: &mut bool,
    ) -> Option<usize> {
        self.in_use.keep(key);
        let known = match keys.known(key) {
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
        let series = &keys.series[place];
        if place >= self.noted.len() {
            self.noted.resize_with(keys.series.len(), Noted::default);
        }
        if series.family >= self.families.len() {
            self.families.resize_with(keys.families.len(), Gathered::default);
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
            let name = keys.families[series.family].clone();
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
            && if apart { pid.is_none() } else { !keys.names.has(&series.labels, PID) };
        let slot = &mut self.noted[place].reading;
        match slot.and_then(|slot| family.readings.get_mut(slot)) {
            Some(reading) if joins => {
                if let Some(sum) = reading.sum.and_then(|sum| self.sums.get_mut(sum)) {
                    sum.add(said, f64::NAN);
                } else if !rule.ignores(said) {
                    reading.said = rule.join(Some(reading.said), said);
                    reading.entries += 1;
                }
            }
            _ if rule.ignores(said) => {}
            _ => {
                if joins {
                    *slot = Some(family.readings.len());
                }
                family.readings.push(Reading { series: place, pid, said, entries: 1, sum: None });
            }
        }
        let reading = slot.and_then(|slot| family.readings.get_mut(slot));
        if let (Some(reading), None, true) = (reading, pid, metric_type != MetricType::Gauge) {
            let sum = *reading.sum.get_or_insert_with(|| {
                self.sums.push(Sum::of(reading.said, reading.entries, metric_type, place));
                self.sums.len() - 1
            });
            self.sum_places.resize(self.sum_places.len().max(keys.len()), NOWHERE);
            self.sum_places[key as usize] = sum as u32;
        }
        Some(place)
    }
}

/// The row that is told for an entry, if one is.
#[inline]
fn next_at(left: &mut &[(usize, usize)], entry: usize) -> Option<usize> {
    let (&(at, row), rest) = left.split_first()?;
    if at != entry {
        return None;
    }
    *left = rest;
    Some(row)
}
