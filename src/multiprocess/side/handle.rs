//! What metrics hold of the side file: rows, facts, states and exemplars.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::entry_kind::{INFO, ROWS, START, STATE, STATE_PLACE, STATE_TIME};
use super::row_exemplar::{RowExemplar, RowHome};
use super::row_key::rows_key;
use super::waiting::WaitingExemplar;
use super::writer::SideEntry;
use crate::cell::fork::hold_off;
use crate::cell::shared::SharedCell;
use crate::cell::side::NewEntry;
use crate::model::ExemplarRef;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::store::MultiprocessStore;

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
        rows: &[u32],
        start: f64,
    ) -> Option<Self> {
        if let [row] = rows {
            let entry = store.side()?.row(kind, *row, start.to_bits())?;
            return Some(Self { store: store.clone(), entry });
        }
        let key = rows_key(kind, rows);
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
        self.entry.set_word(START, start.to_bits());
    }

    /// Replaces the facts; false if there is no room.
    pub(crate) fn set_facts(&self, facts: &[(&str, &str)]) -> bool {
        let facts: serde_json::Map<String, serde_json::Value> =
            facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let json = serde_json::Value::from(facts).to_string();
        let _hold_off = hold_off();
        self.store.side().is_some_and(|side| side.write(&self.entry, json.as_bytes()))
    }

    /// Whether the series counts, and no other metric shares it.
    pub(crate) fn is_of_one(&self) -> bool {
        self.store.side().is_some_and(|side| side.is_of_one(&self.entry))
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
        f.debug_struct("SideHandle").field("word", &self.entry.word(0)).finish_non_exhaustive()
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
        self.0.entry.word(STATE_PLACE) as usize
    }

    /// Moves to a state at a time, in seconds since 1970.
    pub(crate) fn set(&self, place: usize, time: f64) {
        self.0.entry.set_word(STATE_TIME, time.to_bits());
        // Whoever sees the state sees its time, or a later one.
        self.0.entry.set_word(STATE_PLACE, place as u64);
    }

    pub(crate) fn retire(&self) -> bool {
        self.0.retire()
    }
}

/// Where the exemplars of one number go.
#[derive(Clone, Debug)]
pub(crate) enum ExemplarHome {
    Row(RowHome),
    /// That of a number that waits for its row.
    Waiting(Arc<WaitingExemplar>),
}

impl ExemplarHome {
    pub(crate) fn new(store: &MultiprocessStore, kind: FileKind, cell: &SharedCell) -> Self {
        match cell {
            SharedCell::Filed(cell) => Self::Row(RowHome::new(store, kind, cell)),
            SharedCell::Waiting(_) => Self::Waiting(WaitingExemplar::new(store, kind, cell)),
        }
    }
}

/// The exemplar of one number, as other processes are to see it.
#[derive(Debug, Default)]
pub(crate) struct SharedExemplar(RowExemplar);

impl SharedExemplar {
    /// Replaces the exemplar.
    ///
    /// Never waits for another thread: while one appends, the first exemplar
    /// of a row is left out.
    pub(crate) fn write(&mut self, home: &ExemplarHome, exemplar: ExemplarRef<'_>) {
        match home {
            ExemplarHome::Row(home) => {
                self.0.keep(exemplar);
                self.0.write_down(home);
            }
            ExemplarHome::Waiting(home) => home.write(exemplar),
        }
    }

    /// Forgets the exemplar.
    pub(crate) fn clear(&mut self, home: &ExemplarHome) {
        match home {
            ExemplarHome::Row(home) => self.0.forget(home),
            ExemplarHome::Waiting(home) => home.clear(),
        }
    }
}
