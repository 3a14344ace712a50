//! The exemplar of a row, in the side file.

use super::entry_kind::EXEMPLAR;
use super::exemplar::encode_exemplar;
use super::row_key::rows_key;
use crate::cell::mapped::MappedCell;
use crate::cell::side::{NewEntry, SideSlot};
use crate::model::ExemplarRef;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::store::MultiprocessStore;

/// The bytes that most exemplars have room in.
const CAPACITY: usize = 192;

/// Where the exemplars of one row go.
#[derive(Clone, Debug)]
pub(crate) struct RowHome {
    store: MultiprocessStore,
    kind: FileKind,
    row: u32,
}

impl RowHome {
    pub(super) fn new(store: &MultiprocessStore, kind: FileKind, cell: &MappedCell) -> Self {
        Self { store: store.clone(), kind, row: cell.row() }
    }
}

/// The entry of one row's exemplar, with room to write one down in.
#[derive(Debug, Default)]
pub(super) struct RowExemplar {
    slot: Option<SideSlot>,
    bytes: Vec<u8>,
}

impl RowExemplar {
    /// Whether there is an exemplar that is not written down.
    pub(super) fn is_pending(&self) -> bool {
        self.slot.is_none() && !self.bytes.is_empty()
    }

    /// Keeps an exemplar until it is written down.
    pub(super) fn keep(&mut self, exemplar: ExemplarRef<'_>) {
        self.bytes.clear();
        self.bytes.reserve(CAPACITY);
        encode_exemplar(exemplar, &mut self.bytes);
    }

    /// Writes down what is kept, unless another thread appends.
    pub(super) fn write_down(&mut self, home: &RowHome) {
        let Some(side) = home.store.side() else { return };
        if self.slot.as_ref().is_some_and(|slot| slot.write(&self.bytes)) {
            return;
        }
        let key = rows_key(home.kind, &[home.row]);
        let value = Some(&*self.bytes);
        let new = NewEntry { kind: EXEMPLAR, key: &key, words: &[], value, capacity: CAPACITY };
        let larger = side.file().and_then(|file| file.try_append(&new));
        if let Some(larger) = larger {
            if let Some(small) = self.slot.replace(larger) {
                small.write(&[]);
            }
        }
    }

    /// Takes back what was written down.
    pub(super) fn forget(&mut self, home: &RowHome) {
        self.bytes.clear();
        if let (Some(slot), Some(_)) = (&self.slot, home.store.side()) {
            slot.write(&[]);
        }
    }
}
