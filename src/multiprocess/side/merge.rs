//! Makes families of what the side files of all processes say.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::known::{Known, KnownSides, identifier_of};
use super::said::{RowNotes, Said, StateSaid};
use crate::error::Result;
use crate::model::{Desc, MetricFamily, MetricName, MetricType, Suffix};
use crate::multiprocess::crew::Crew;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key::Key;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::reader::{Damage, DamageKind};
use crate::multiprocess::settle::PID;

/// The side files of a directory, sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Sides {
    /// Identifiers with what they say.
    list: Vec<(String, Known)>,
    by_identifier: HashMap<String, usize>,
}

impl Sides {
    /// Reads side files that come sorted by name, each with whether its owner
    /// may live; says which are damaged.
    ///
    /// Of a process that is not alive only what lasts is kept.
    pub(crate) fn read(
        files: Vec<(PathBuf, bool)>,
        known: &KnownSides,
        crew: &mut Crew,
    ) -> (Self, Vec<(PathBuf, Damage)>) {
        let mut sides = Self::default();
        let mut damaged = Vec::new();
        let mut files: Vec<_> =
            files.into_iter().map(|(path, alive)| (path, alive, None)).collect();
        crew.for_each(&mut files, |(path, is_alive, read), room| {
            *read = Some(known.read(path, *is_alive, room));
        });
        for (path, _, read) in files {
            let known = match read {
                Some(Ok(known)) => known,
                // It was removed since the directory was listed.
                Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => continue,
                _ => {
                    damaged.push((path, Damage { offset: 0, what: DamageKind::Unreadable }));
                    continue;
                }
            };
            let identifier = identifier_of(&path);
            sides.by_identifier.insert(identifier.clone(), sides.list.len());
            if let Some(damage) = known.damage {
                damaged.push((path, damage));
            }
            sides.list.push((identifier, known));
        }
        (sides, damaged)
    }

    /// Leaves what was read in a memory from which the next scrape can take it.
    pub(crate) fn remember_in(&self, memory: &mut KnownSides) {
        *memory = memory.emptied();
        for (identifier, known) in &self.list {
            memory.remember(identifier.clone(), known.clone());
        }
    }

    fn said(&self) -> impl Iterator<Item = (&String, &Said)> {
        self.list.iter().map(|(identifier, known)| (identifier, &*known.said))
    }

    /// What is said of the rows of a file of that name.
    pub(crate) fn rows(&self, file_name: &str) -> Option<&RowNotes> {
        let (kind, identifier) = FileKind::parse(file_name)?;
        let (_, known) = self.list.get(*self.by_identifier.get(identifier)?)?;
        known.said.rows.get(kind)
    }

    /// The unit of each family that has one; of several the first one.
    pub(crate) fn units(&self) -> HashMap<&str, &str> {
        let mut units = HashMap::new();
        for (name, unit) in self.said().flat_map(|(_, said)| &said.units) {
            let stem = name.strip_suffix(unit.as_str());
            if !unit.is_empty() && stem.is_some_and(|stem| stem.ends_with('_')) {
                units.entry(name.as_str()).or_insert(unit.as_str());
            }
        }
        units
    }

    /// The families that only side files tell of, and how many samples are not allowed.
    pub(crate) fn families(&self) -> (Vec<MetricFamily>, u64) {
        let mut families = Families::default();
        self.add_infos(&mut families);
        self.add_states(&mut families);
        for (identifier, said) in self.said() {
            for published in &said.families {
                let Some(family) = families.get(&published.desc) else { continue };
                let refused = published.add_to(family, (PID, identifier));
                families.refused += refused;
            }
        }
        (families.list, families.refused)
    }

    /// Facts that all processes agree on are shown once, others with the label `pid`.
    fn add_infos(&self, families: &mut Families) {
        let mut series = Grouped::default();
        for (identifier, said) in self.said() {
            for (key, facts) in &said.infos {
                series.add((&key.metric_name, &key.labels), (identifier, key, facts));
            }
        }
        for ((name, labels), told) in series.groups {
            let Some((_, Key { help, .. }, first)) = told.first() else { continue };
            let alike = told.iter().all(|(_, _, facts)| facts == first);
            let shown = if alike { &told[..1] } else { &told[..] };
            for (identifier, _, facts) in shown {
                let mut all: BTreeMap<&str, &str> = pairs(labels).collect();
                all.extend(pairs(facts));
                if !alike {
                    all.insert(PID, identifier);
                }
                families.add(name, help, MetricType::Info, Suffix::Info, &all, 1.0);
            }
        }
    }

    fn add_states(&self, families: &mut Families) {
        let mut series = Grouped::default();
        for (identifier, said) in self.said() {
            for state in &said.states {
                series.add((&state.name, &state.labels), (identifier.as_str(), state));
            }
        }
        for ((_, labels), told) in series.groups {
            let Some((_, first)) = told.first() else { continue };
            let mut states: Vec<&str> = Vec::new();
            for state in told.iter().flat_map(|(_, said)| &said.states) {
                if !states.contains(&state.as_str()) {
                    states.push(state);
                }
            }
            for (pid, set) in settle_states(first.mode, &told, &states) {
                let mut all: BTreeMap<&str, &str> = pairs(labels).collect();
                all.extend(pid.map(|pid| (PID, pid)));
                for state in &states {
                    all.insert(&first.name, state);
                    let value = f64::from(set.contains(state));
                    let (name, help) = (&first.name, &first.help);
                    families.add(name, help, MetricType::StateSet, Suffix::None, &all, value);
                }
            }
        }
    }
}

/// Which states are set, once or for each process.
fn settle_states<'a>(
    mode: GaugeMode,
    told: &[(&'a str, &'a StateSaid)],
    states: &[&'a str],
) -> Vec<(Option<&'a str>, Vec<&'a str>)> {
    let set = |said: &'a StateSaid| said.states.get(said.place).map(String::as_str);
    let all = told.iter().filter_map(|(_, said)| set(said));
    let place = |state: &&str| states.iter().position(|have| have == state);
    let one: Option<&str> = match mode {
        GaugeMode::All | GaugeMode::LiveAll => {
            let mut each: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
            for (identifier, said) in told {
                let pid = Some(*identifier);
                each.retain(|(have, _)| *have != pid);
                each.push((pid, set(said).into_iter().collect()));
            }
            return each;
        }
        GaugeMode::Sum | GaugeMode::LiveSum => return vec![(None, all.collect())],
        GaugeMode::Min | GaugeMode::LiveMin => all.min_by_key(place),
        GaugeMode::Max | GaugeMode::LiveMax => all.max_by_key(place),
        GaugeMode::MostRecent | GaugeMode::LiveMostRecent => {
            // Of those that were set at one time, the first one.
            let newest = told.iter().rev().max_by(|a, b| a.1.time.total_cmp(&b.1.time));
            newest.and_then(|(_, said)| set(said))
        }
    };
    vec![(None, one.into_iter().collect())]
}

fn pairs(labels: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// What is told of each series, in the order in which series are met.
struct Grouped<'a, T> {
    groups: Vec<(Identity<'a>, Vec<T>)>,
    places: HashMap<Identity<'a>, usize>,
}

/// The family and the labels of a series.
type Identity<'a> = (&'a String, &'a BTreeMap<String, String>);

impl<T> Default for Grouped<'_, T> {
    fn default() -> Self {
        Self { groups: Vec::new(), places: HashMap::new() }
    }
}

impl<'a, T> Grouped<'a, T> {
    fn add(&mut self, series: Identity<'a>, told: T) {
        let place = *self.places.entry(series).or_insert_with(|| {
            self.groups.push((series, Vec::new()));
            self.groups.len() - 1
        });
        self.groups[place].1.push(told);
    }
}

/// Families that are being made, in the order in which they are met.
#[derive(Default)]
struct Families {
    list: Vec<MetricFamily>,
    places: HashMap<String, usize>,
    refused: u64,
}

impl Families {
    /// The family of that name; none, which is counted, if it has another type or unit.
    fn get(&mut self, desc: &Desc) -> Option<&mut MetricFamily> {
        use crate::model::Family;

        let place = *self.places.entry(desc.name().to_owned()).or_insert_with(|| {
            self.list.push(MetricFamily::of(desc.clone()));
            self.list.len() - 1
        });
        let family = self.list.get_mut(place)?;
        let have = family.desc();
        if have.metric_type() != desc.metric_type() || have.unit() != desc.unit() {
            self.refused += 1;
            return None;
        }
        Some(family)
    }

    fn add(
        &mut self,
        name: &str,
        help: &str,
        metric_type: MetricType,
        suffix: Suffix,
        labels: &BTreeMap<&str, &str>,
        value: f64,
    ) {
        let added = (|| -> Result {
            let desc =
                Desc::from_full_name(MetricName::new(name)?, Arc::from(help), metric_type, None);
            if let Some(family) = self.get(&desc) {
                let sample = format!("{name}{}", suffix.as_str());
                family.add_sample(&sample, labels, value)?;
            }
            Ok(())
        })();
        self.refused += u64::from(added.is_err());
    }
}
