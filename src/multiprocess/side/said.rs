//! What a side file says, decoded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use foldhash::fast::RandomState;

use super::entry_kind::{EXEMPLAR, FAMILIES, INFO, ROWS, STATE, UNIT};
use super::exemplar;
use super::publish::{self, Published};
use super::reader::{self, SideRow};
use super::row_key::rows_of;
use crate::cell::mapped::UNTOUCHED;
use crate::model::Exemplar;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key::Key;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::reader::{Damage, DamageKind};

/// What a side file says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    /// Of the rows of each file.
    pub(crate) rows: HashMap<FileKind, RowNotes, RandomState>,
    /// Families with their units.
    pub(crate) units: Vec<(String, String)>,
    /// Series of infos, each with its facts.
    pub(crate) infos: Vec<(Key, BTreeMap<String, String>)>,
    pub(crate) states: Vec<StateSaid>,
    pub(crate) families: Vec<Published>,
}

/// What is said of the rows of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RowNotes {
    pub(super) removed: HashSet<u32>,
    // Ascending, each row once.
    pub(super) starts: Vec<(u32, f64)>,
    pub(super) exemplars: Vec<(u32, Exemplar)>,
}

/// The state of one series of an enum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateSaid {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) help: String,
    pub(crate) mode: GaugeMode,
    pub(crate) states: Vec<String>,
    /// Its place among the states.
    pub(crate) place: usize,
    /// When it was set, in seconds since 1970; 0.0 if it never was.
    pub(crate) time: f64,
}

impl RowNotes {
    /// Whether a row counts no more.
    pub(crate) fn is_removed(&self, row: usize) -> bool {
        !self.removed.is_empty() && u32::try_from(row).is_ok_and(|row| self.removed.contains(&row))
    }

    /// What is said of rows that are asked for in their order.
    pub(crate) fn in_order(&self) -> NotesInOrder<'_> {
        NotesInOrder { starts: &self.starts, exemplars: &self.exemplars }
    }
}

/// What is said of the rows that were not asked for yet.
#[derive(Debug)]
pub(crate) struct NotesInOrder<'a> {
    starts: &'a [(u32, f64)],
    exemplars: &'a [(u32, Exemplar)],
}

impl<'a> NotesInOrder<'a> {
    /// When the series of a row began, if that row is the one that says so.
    pub(crate) fn start(&mut self, row: usize) -> Option<f64> {
        next_of(&mut self.starts, row).copied()
    }

    pub(crate) fn exemplar(&mut self, row: usize) -> Option<&'a Exemplar> {
        next_of(&mut self.exemplars, row)
    }
}

/// What is said of a row, after which those before it are done with.
fn next_of<'a, T>(left: &mut &'a [(u32, T)], row: usize) -> Option<&'a T> {
    while let Some(((at, said), rest)) = left.split_first() {
        if *at as usize > row {
            return None;
        }
        *left = rest;
        if *at as usize == row {
            return Some(said);
        }
    }
    None
}

impl Said {
    /// What the side file at `path` says, and what is wrong with it.
    pub(crate) fn read(path: &Path) -> io::Result<(Self, Vec<Damage>)> {
        let bytes = reader::read(path)?;
        let (entries, mut damages) = reader::entries(&bytes);
        let said = Self::of(&entries, &mut damages);
        Ok((said, damages))
    }

    /// Decodes entries; what makes no sense is left out and becomes damage.
    pub(crate) fn of(entries: &[SideRow<'_>], damages: &mut Vec<Damage>) -> Self {
        let mut said = Self::default();
        let mut infos = Latest::default();
        let mut families = Latest::default();
        for entry in entries {
            let sound = match entry.kind {
                ROWS => said.add_rows(entry),
                EXEMPLAR => said.add_exemplar(entry),
                UNIT => serde_json::from_slice(entry.key).map(|unit| said.units.push(unit)).ok(),
                INFO => infos.add(entry),
                STATE => said.add_state(entry),
                FAMILIES => families.add(entry),
                // A later version says more than is understood here.
                _ => Some(()),
            };
            if sound.is_none() {
                damages.push(Damage { offset: entry.offset, what: DamageKind::Value });
            }
        }
        for entry in infos.open() {
            let facts = entry.value.and_then(|facts| serde_json::from_slice(facts).ok());
            match (Key::parse(entry.key), facts) {
                (Some(key), Some(facts)) => said.infos.push((key, facts)),
                _ => damages.push(Damage { offset: entry.offset, what: DamageKind::Value }),
            }
        }
        for entry in families.open() {
            match entry.value.and_then(publish::decode) {
                Some(families) => said.families.extend(families),
                None => damages.push(Damage { offset: entry.offset, what: DamageKind::Value }),
            }
        }
        said.settle_rows(entries);
        said
    }

    /// Leaves what outlives the process.
    pub(crate) fn keep_lasting(&mut self) {
        self.infos.clear();
        self.families.clear();
        self.states.retain(|state| !state.mode.is_live() && state.mode != GaugeMode::All);
    }

    fn add_rows(&mut self, entry: &SideRow<'_>) -> Option<()> {
        let (kind, mut rows) = rows_of(entry.key)?;
        let first = rows.next()?;
        let start = f64::from_bits(entry.word(0)?);
        let notes = self.rows.entry(kind).or_default();
        if entry.is_closed() {
            notes.removed.insert(first);
            notes.removed.extend(rows);
        } else if start.is_finite() && start > 0.0 {
            notes.starts.push((first, start));
        }
        Some(())
    }

    fn add_exemplar(&mut self, entry: &SideRow<'_>) -> Option<()> {
        let (kind, mut rows) = rows_of(entry.key)?;
        let row = rows.next()?;
        let value = entry.value?;
        if !value.is_empty() {
            let exemplar = exemplar::decode(value)?;
            self.rows.entry(kind).or_default().exemplars.push((row, exemplar));
        }
        Some(())
    }

    fn add_state(&mut self, entry: &SideRow<'_>) -> Option<()> {
        let state = state_of(entry)?;
        // What a forked child has inherited ends with it.
        let lasts = !state.mode.is_live() && state.mode != GaugeMode::All;
        let is_inherited = state.time.to_bits() == UNTOUCHED;
        if !(entry.is_closed() || lasts && is_inherited) {
            self.states.push(state);
        }
        Some(())
    }

    /// Sorts what is said of rows, and keeps those that an open entry has too:
    /// two metrics of one name may share a row.
    fn settle_rows(&mut self, entries: &[SideRow<'_>]) {
        let none_removed = self.rows.values().all(|notes| notes.removed.is_empty());
        let entries = if none_removed { &[] } else { entries };
        for entry in entries.iter().filter(|entry| entry.kind == ROWS && !entry.is_closed()) {
            let Some((kind, rows)) = rows_of(entry.key) else { continue };
            let Some(notes) = self.rows.get_mut(&kind) else { continue };
            if !notes.removed.is_empty() {
                for row in rows {
                    notes.removed.remove(&row);
                }
            }
        }
        for notes in self.rows.values_mut() {
            // Of several the earliest start stands first, and the newest exemplar.
            notes.starts.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            notes.starts.dedup_by_key(|(row, _)| *row);
            let time = |exemplar: &Exemplar| time_of(exemplar);
            notes.exemplars.sort_by(|a, b| a.0.cmp(&b.0).then(time(&b.1).total_cmp(&time(&a.1))));
            notes.exemplars.dedup_by_key(|(row, _)| *row);
        }
    }
}

/// What an entry says of an enum.
pub(super) fn state_of(entry: &SideRow<'_>) -> Option<StateSaid> {
    let (name, labels, help, mode, states): (_, _, _, String, Vec<String>) =
        serde_json::from_slice(entry.key).ok()?;
    let mode = GaugeMode::parse(&mode)?;
    let place = usize::try_from(entry.word(0)?).ok().filter(|place| *place < states.len())?;
    let time = f64::from_bits(entry.word(1)?);
    Some(StateSaid { name, labels, help, mode, states, place, time })
}

/// When an exemplar was taken, in seconds since 1970; before all others if it does not say.
pub(crate) fn time_of(exemplar: &Exemplar) -> f64 {
    exemplar.as_ref().timestamp().map_or(f64::NEG_INFINITY, |time| time.as_seconds())
}

/// Of the entries of each key, the last one that is open.
#[derive(Default)]
struct Latest<'a> {
    keys: Vec<&'a [u8]>,
    entries: HashMap<&'a [u8], SideRow<'a>>,
}

impl<'a> Latest<'a> {
    fn add(&mut self, entry: &SideRow<'a>) -> Option<()> {
        if !entry.is_closed() && self.entries.insert(entry.key, *entry).is_none() {
            self.keys.push(entry.key);
        }
        Some(())
    }

    fn open(&self) -> impl Iterator<Item = &SideRow<'a>> {
        self.keys.iter().filter_map(|key| self.entries.get(key))
    }
}
