//! Exemplars of numbers that wait for room in a file.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::row_exemplar::{RowExemplar, RowHome};
use crate::cell::shared::SharedCell;
use crate::model::ExemplarRef;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::store::MultiprocessStore;
use crate::multiprocess::unfiled::Filed;

/// The last exemplar of a number, which is written down when the number has moved into its file.
pub(crate) struct WaitingExemplar {
    store: MultiprocessStore,
    kind: FileKind,
    cell: SharedCell,
    last: Mutex<RowExemplar>,
}

impl WaitingExemplar {
    pub(super) fn new(store: &MultiprocessStore, kind: FileKind, cell: &SharedCell) -> Arc<Self> {
        let (store, cell) = (store.clone(), cell.clone());
        let new = Arc::new(Self { store, kind, cell, last: Mutex::default() });
        let who: Weak<Self> = Arc::downgrade(&new);
        new.store.when_filed(who);
        new
    }

    /// Never waits: while the one before is being written down, this one is left out.
    pub(super) fn write(&self, exemplar: ExemplarRef<'_>) {
        let Some(mut last) = self.last.try_lock() else { return };
        last.keep(exemplar);
        if let Some(home) = self.home() {
            last.write_down(&home);
        }
    }

    pub(super) fn clear(&self) {
        let mut last = self.last.lock();
        match self.home() {
            Some(home) => last.forget(&home),
            None => *last = RowExemplar::default(),
        }
    }

    fn home(&self) -> Option<RowHome> {
        self.cell.filed().map(|cell| RowHome::new(&self.store, self.kind, cell))
    }
}

impl Filed for WaitingExemplar {
    fn filed(&self) -> bool {
        let Some(home) = self.home() else { return false };
        let mut last = self.last.lock();
        if last.is_pending() {
            last.write_down(&home);
        }
        !last.is_pending()
    }
}

impl fmt::Debug for WaitingExemplar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingExemplar").field("kind", &self.kind).finish_non_exhaustive()
    }
}
