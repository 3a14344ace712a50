//! What a side file says, decoded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::entry_kind::{
    COUNTS, EXEMPLAR, FAMILIES, INFO, NATIVE, QUANTILES, REMOVED, ROWS, STATE, TABLE, UNIT,
    in_table,
};
use super::exemplar;
use super::native::{NativeSaid, NativesSaid};
use super::publish::{self, Published};
use super::reader::{self, SideRow, SideRows};
use super::row_key::rows_of;
use super::starts::{Starts, StartsInOrder, next_of};
use crate::cell::mapped::UNTOUCHED;
use crate::model::Exemplar;
use crate::multiprocess::file_kind::{FileKind, KINDS};
use crate::multiprocess::key::Key;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::reader::{Damage, DamageKind};

/// The bytes that tell of a row in a table.
const ROW_LEN: usize = 16;

/// What a side file says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    /// Of the rows of each file.
    pub(crate) rows: ByKind,
    /// Families with their units.
    pub(crate) units: Vec<(String, String)>,
    /// Series of infos, each with its facts.
    pub(crate) infos: Vec<(Key, BTreeMap<String, String>)>,
    pub(crate) states: Vec<StateSaid>,
    pub(crate) families: Vec<Published>,
}

/// What is said of the rows of each file that anything is said of.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ByKind {
    // Ascending by the numbers of the kinds; hardly ever more than three.
    list: Vec<(FileKind, RowNotes)>,
}

/// What is said of the rows of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RowNotes {
    pub(super) removed: HashSet<u32>,
    pub(super) starts: Starts,
    // Ascending, each row once.
    pub(super) exemplars: Vec<(u32, Exemplar)>,
    // Likewise, by the first rows of series.
    pub(super) natives: Vec<(u32, NativeSaid)>,
    /// The numbers of rows that stand beside exponential buckets, as these have them: ascending.
    counts: Vec<(u32, f64)>,
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

impl ByKind {
    pub(crate) fn get(&self, kind: FileKind) -> Option<&RowNotes> {
        self.iter().find(|(have, _)| *have == kind).map(|(_, notes)| notes)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FileKind, &RowNotes)> {
        self.list.iter().map(|(kind, notes)| (*kind, notes))
    }

    /// Keeps rows together with those of other processes, which `known` are of.
    pub(super) fn share(&mut self, known: &mut [Option<Arc<[u32]>>; KINDS]) {
        for (kind, notes) in &mut self.list {
            notes.starts.share(&mut known[kind.place()]);
        }
    }

    pub(super) fn of(&mut self, kind: FileKind) -> &mut RowNotes {
        let place = match self.list.iter().position(|(have, _)| *have == kind) {
            Some(place) => place,
            None => {
                let place = self.list.partition_point(|(have, _)| have.place() < kind.place());
                self.list.insert(place, (kind, RowNotes::default()));
                place
            }
        };
        &mut self.list[place].1
    }
}

impl RowNotes {
    /// Whether a row counts no more.
    pub(crate) fn is_removed(&self, row: usize) -> bool {
        has(&self.removed, row)
    }

    /// What is said of rows that are asked for in their order.
    pub(crate) fn in_order(&self) -> NotesInOrder<'_> {
        NotesInOrder {
            removed: &self.removed,
            starts: self.starts.in_order(),
            exemplars: &self.exemplars,
            natives: &self.natives,
            counts: &self.counts,
        }
    }

    /// The exponential buckets of the series that begins with a row.
    pub(crate) fn native(&self, row: usize) -> Option<&NativeSaid> {
        let place = self.natives.binary_search_by_key(&row, |(at, _)| *at as usize).ok()?;
        Some(&self.natives[place].1)
    }

    /// The number of a row as the exponential buckets beside it have it.
    pub(crate) fn count(&self, row: usize) -> Option<f64> {
        let place = self.counts.binary_search_by_key(&row, |(at, _)| *at as usize).ok()?;
        Some(self.counts[place].1)
    }

    /// The exemplar of a row.
    pub(crate) fn exemplar(&self, row: usize) -> Option<&Exemplar> {
        let place = self.exemplars.binary_search_by_key(&row, |(at, _)| *at as usize).ok()?;
        Some(&self.exemplars[place].1)
    }
}

impl RowNotes {
    /// Takes exponential buckets, and the numbers of rows beside them from these.
    fn count_by(&mut self, natives: NativesSaid, are_beside_others: bool) {
        self.natives = natives.settle();
        let beside = self.natives.iter().filter(|_| are_beside_others);
        self.counts = beside.flat_map(|(_, said)| said.of_rows()).collect();
        self.counts.sort_by_key(|(row, _)| *row);
        self.counts.dedup_by_key(|(row, _)| *row);
    }
}

/// What is said of the rows that were not asked for yet.
#[derive(Debug)]
pub(crate) struct NotesInOrder<'a> {
    removed: &'a HashSet<u32>,
    starts: StartsInOrder<'a>,
    exemplars: &'a [(u32, Exemplar)],
    natives: &'a [(u32, NativeSaid)],
    counts: &'a [(u32, f64)],
}

impl NotesInOrder<'_> {
    /// Whether a row counts no more.
    pub(crate) fn is_removed(&self, row: usize) -> bool {
        has(self.removed, row)
    }

    /// When the series of a row began, if that row is the one that says so.
    #[inline]
    pub(crate) fn start(&mut self, row: usize) -> Option<f64> {
        self.starts.start(row)
    }

    #[inline]
    pub(crate) fn has_exemplar(&mut self, row: usize) -> bool {
        next_of(&mut self.exemplars, row).is_some()
    }

    /// The exponential buckets of the series that begins with a row.
    #[inline]
    pub(crate) fn native(&mut self, row: usize) -> Option<&NativeSaid> {
        next_of(&mut self.natives, row)
    }

    /// The number of a row as the exponential buckets beside it have it.
    #[inline]
    pub(crate) fn count(&mut self, row: usize) -> Option<f64> {
        next_of(&mut self.counts, row).copied()
    }
}

fn has(rows: &HashSet<u32>, row: usize) -> bool {
    !rows.is_empty() && u32::try_from(row).is_ok_and(|row| rows.contains(&row))
}

impl Said {
    /// What the side file at `path` says, and what is wrong with it.
    pub(crate) fn read(path: &Path) -> io::Result<(Self, Vec<Damage>)> {
        Ok(Self::of(&reader::read(path)?))
    }

    /// What the bytes of a side file say; what makes no sense is left out and becomes damage.
    pub(crate) fn of(bytes: &[u8]) -> (Self, Vec<Damage>) {
        let mut said = Self::default();
        let mut infos = Latest::default();
        let mut families = Latest::default();
        let mut natives: HashMap<FileKind, NativesSaid> = HashMap::new();
        let mut senseless = Vec::new();
        let mut entries = SideRows::of(bytes);
        for entry in &mut entries {
            let sound = match entry.kind {
                ROWS => said.add_rows(&entry),
                TABLE => said.add_table(&entry, bytes.len() / ROW_LEN),
                EXEMPLAR => said.add_exemplar(&entry),
                UNIT => serde_json::from_slice(entry.key).map(|unit| said.units.push(unit)).ok(),
                INFO => infos.add(&entry),
                STATE => said.add_state(&entry),
                FAMILIES => families.add(&entry),
                NATIVE => rows_of(entry.key).and_then(|(kind, rows)| {
                    natives.entry(kind).or_default().add(&entry, rows, bytes.len())
                }),
                QUANTILES => rows_of(entry.key).and_then(|(kind, rows)| {
                    natives.entry(kind).or_default().add_objectives(&entry, rows)
                }),
                // A later version says more than is understood here.
                _ => Some(()),
            };
            if sound.is_none() {
                senseless.push(Damage { offset: entry.offset, what: DamageKind::Value });
            }
        }
        for entry in infos.open() {
            let facts = entry.value.and_then(|facts| serde_json::from_slice(facts).ok());
            match (Key::parse(entry.key), facts) {
                (Some(key), Some(facts)) => said.infos.push((key, facts)),
                _ => senseless.push(Damage { offset: entry.offset, what: DamageKind::Value }),
            }
        }
        for entry in families.open() {
            match entry.value.and_then(publish::decode) {
                Some(families) => said.families.extend(families),
                None => senseless.push(Damage { offset: entry.offset, what: DamageKind::Value }),
            }
        }
        said.settle_rows(bytes);
        let mut damages = entries.damages();
        if damages.iter().all(|damage| damage.what == DamageKind::Value) {
            natives.into_iter().for_each(|(kind, natives)| {
                said.rows.of(kind).count_by(natives, kind == FileKind::Histogram);
            });
        }
        damages.extend(senseless);
        (said, damages)
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
        let notes = self.rows.of(kind);
        if entry.is_closed() {
            notes.removed.insert(first);
            notes.removed.extend(rows);
        } else {
            notes.starts.push(first, start);
        }
        Some(())
    }

    fn add_table(&mut self, entry: &SideRow<'_>, room: usize) -> Option<()> {
        let (kind, _) = rows_of(entry.key)?;
        let notes = self.rows.of(kind);
        notes.starts.reserve(room);
        for (start, row, state) in table_rows(entry) {
            match state {
                COUNTS => notes.starts.push(row, start),
                REMOVED => {
                    notes.removed.insert(row);
                }
                _ => {}
            }
        }
        Some(())
    }

    fn add_exemplar(&mut self, entry: &SideRow<'_>) -> Option<()> {
        let (kind, mut rows) = rows_of(entry.key)?;
        let row = rows.next()?;
        let value = entry.value?;
        if !value.is_empty() {
            let exemplar = exemplar::decode(value)?;
            self.rows.of(kind).exemplars.push((row, exemplar));
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
    /// two metrics of one name may share a row. With those that are removed go others.
    fn settle_rows(&mut self, bytes: &[u8]) {
        if self.rows.iter().any(|(_, notes)| !notes.removed.is_empty()) {
            let mut following = Vec::new();
            for entry in SideRows::of(bytes).filter(|entry| !entry.is_closed()) {
                let Some((kind, rows)) = rows_of(entry.key) else { continue };
                let removed = &mut self.rows.of(kind).removed;
                match entry.kind {
                    ROWS => rows.for_each(|row| {
                        removed.remove(&row);
                    }),
                    TABLE => table_rows(&entry).for_each(|(_, row, state)| match state {
                        COUNTS => {
                            removed.remove(&row);
                        }
                        first if first > REMOVED => following.push((kind, row, first)),
                        _ => {}
                    }),
                    _ => {}
                }
            }
            for (kind, row, first) in following {
                let removed = &mut self.rows.of(kind).removed;
                if removed.contains(&first) {
                    removed.insert(row);
                }
            }
        }
        for (_, notes) in &mut self.rows.list {
            notes.starts.settle();
            // Of several the newest stands first.
            let time = |exemplar: &Exemplar| time_of(exemplar);
            notes.exemplars.sort_by(|a, b| a.0.cmp(&b.0).then(time(&b.1).total_cmp(&time(&a.1))));
            notes.exemplars.dedup_by_key(|(row, _)| *row);
        }
    }
}

/// The rows of a table: the start of each, where it stands, and whether it counts.
fn table_rows(entry: &SideRow<'_>) -> impl Iterator<Item = (f64, u32, u32)> {
    entry.words.chunks_exact(ROW_LEN).filter_map(|words| {
        let (start, word) = words.split_first_chunk()?;
        let (row, state) = in_table(u64::from_le_bytes(*word.first_chunk()?));
        Some((f64::from_le_bytes(*start), row, state))
    })
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
