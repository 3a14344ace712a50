//! What metrics hold of the side file: rows, facts, states and exemplars.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::entry_kind::{EXEMPLAR, INFO, ROWS, START, STATE, STATE_PLACE, STATE_TIME};
use super::exemplar::encode_exemplar;
use super::row_key::rows_key;
use super::writer::SideEntry;
use crate::cell::fork::hold_off;
use crate::cell::mapped::Rows;
use crate::cell::side::{NewEntry, SideSlot};
use crate::model::ExemplarRef;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::store::MultiprocessStore;

/// The bytes that most exemplars have room in.
const EXEMPLAR_CAPACITY: usize = 192;

/// What a series holds of the side file.
pub(crate) struct SideHandle {
    store: MultiprocessStore,
    entry: Arc<SideEntry>,
}

impl SideHandle {
    fn open(store: &MultiprocessStore, new: &NewEntry<'_>) -> Option<Self> {
        let entry = store.side()?.entry(new, 1)?;
        Some(Self { store: store.clone(), entry })
    }

    /// The rows of a series, which began at `start`; 0.0 if that is of no interest.
    pub(crate) fn rows(
        store: &MultiprocessStore,
        kind: FileKind,
        rows: &Rows,
        start: f64,
    ) -> Option<Self> {
        let key = rows_key(kind, rows.list());
        let words = [start.to_bits(), 0];
        Self::open(
            store,
            &NewEntry { kind: ROWS, key: &key, words: &words, value: None, capacity: 0 },
        )
    }

    /// The facts of a series of an info, none if it is new.
    pub(crate) fn facts(
        store: &MultiprocessStore,
        name: &str,
        sample: &str,
        labels: &[(&str, &str)],
        help: &str,
    ) -> Option<Self> {
        let key = key::write(name, sample, labels, help);
        let (key, value) = (key.as_bytes(), Some(&b"{}"[..]));
        Self::open(store, &NewEntry { kind: INFO, key, words: &[0], value, capacity: 128 })
    }

    /// Sets when the series began.
    pub(crate) fn set_start(&self, start: f64) {
        self.entry.slot.read().set_word(START, start.to_bits());
    }

    /// Replaces the facts; false if there is no room.
    pub(crate) fn set_facts(&self, facts: &[(&str, &str)]) -> bool {
        let facts: serde_json::Map<String, serde_json::Value> =
            facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let json = serde_json::Value::from(facts).to_string();
        let _hold_off = hold_off();
        self.store.side().is_some_and(|side| side.write(&self.entry, json.as_bytes()))
    }

    /// Says that the series is no more, unless another metric shares it.
    pub(crate) fn retire(&self) -> bool {
        self.store.side().is_some_and(|side| side.retire(&self.entry))
    }
}

impl Drop for SideHandle {
    fn drop(&mut self) {
        let _hold_off = hold_off();
        if let Some(side) = self.store.side() {
            side.let_go(&self.entry);
        }
    }
}

impl fmt::Debug for SideHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SideHandle").field("slot", &*self.entry.slot.read()).finish_non_exhaustive()
    }
}

/// The state of a series of an enum, in the side file.
#[derive(Debug)]
pub struct StateHome(SideHandle);

impl StateHome {
    /// In the first state; `key` tells of the series, its mode and its states.
    pub(crate) fn new(
        store: &MultiprocessStore,
        name: &str,
        labels: &[(&str, &str)],
        help: &str,
        mode: GaugeMode,
        states: &[Box<str>],
    ) -> Option<Self> {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let states: Vec<&str> = states.iter().map(AsRef::as_ref).collect();
        let key = serde_json::to_vec(&(name, labels, help, mode.as_str(), states)).ok()?;
        let words = [0; 3];
        let new = NewEntry { kind: STATE, key: &key, words: &words, value: None, capacity: 0 };
        SideHandle::open(store, &new).map(Self)
    }

    /// The place of the state.
    pub(crate) fn get(&self) -> usize {
        self.0.entry.slot.read().word(STATE_PLACE) as usize
    }

    /// Moves to a state at a time, in seconds since 1970.
    pub(crate) fn set(&self, place: usize, time: f64) {
        let slot = self.0.entry.slot.read();
        slot.set_word(STATE_TIME, time.to_bits());
        // Whoever sees the state sees its time, or a later one.
        slot.set_word(STATE_PLACE, place as u64);
    }

    pub(crate) fn retire(&self) -> bool {
        self.0.retire()
    }
}

/// Where the exemplars of one row go.
#[derive(Clone, Debug)]
pub(crate) struct ExemplarHome {
    store: MultiprocessStore,
    kind: FileKind,
    row: u32,
}

impl ExemplarHome {
    pub(crate) fn new(store: &MultiprocessStore, kind: FileKind, row: u32) -> Self {
        Self { store: store.clone(), kind, row }
    }
}

/// The entry of one row's exemplar, with room to write one down in.
#[derive(Debug, Default)]
pub(crate) struct SharedExemplar {
    slot: Option<SideSlot>,
    bytes: Vec<u8>,
}

impl SharedExemplar {
    /// Replaces the exemplar.
    ///
    /// Never waits for another thread: while one appends, the first exemplar
    /// of a row is left out.
    pub(crate) fn write(&mut self, home: &ExemplarHome, exemplar: ExemplarRef<'_>) {
        self.bytes.clear();
        self.bytes.reserve(EXEMPLAR_CAPACITY);
        encode_exemplar(exemplar, &mut self.bytes);
        let Some(side) = home.store.side() else { return };
        if self.slot.as_ref().is_some_and(|slot| slot.write(&self.bytes)) {
            return;
        }
        let key = rows_key(home.kind, &[home.row]);
        let value = Some(&*self.bytes);
        let new =
            NewEntry { kind: EXEMPLAR, key: &key, words: &[], value, capacity: EXEMPLAR_CAPACITY };
        let larger = side.file().and_then(|file| file.try_append(&new));
        if let Some(larger) = larger {
            if let Some(small) = self.slot.replace(larger) {
                small.write(&[]);
            }
        }
    }

    /// Forgets the exemplar.
    pub(crate) fn clear(&self, home: &ExemplarHome) {
        if let (Some(slot), Some(_)) = (&self.slot, home.store.side()) {
            slot.write(&[]);
        }
    }
}
