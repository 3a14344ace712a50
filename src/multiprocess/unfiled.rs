//! Series that have found no room in a file, and wait for it.

use std::io;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::file_kind::{FileKind, KINDS};
use crate::cell::mapped::MappedFile;
use crate::cell::shared::{SharedCell, WaitingCell};

/// The series of a store that no other process sees yet.
#[derive(Debug, Default)]
pub(crate) struct Unfiled {
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    kind: FileKind,
    keys: Vec<String>,
    cells: Vec<Weak<WaitingCell>>,
}

impl Unfiled {
    /// The numbers of a series, in memory until there is room for all of them.
    pub(crate) fn keep(&self, kind: FileKind, keys: Vec<String>) -> Vec<SharedCell> {
        let cells: Vec<_> = keys.iter().map(|_| Arc::new(WaitingCell::new())).collect();
        let weak = cells.iter().map(Arc::downgrade).collect();
        self.waiting.lock().push(Waiting { kind, keys, cells: weak });
        cells.into_iter().map(SharedCell::Waiting).collect()
    }

    /// Moves series into their files, as far as there is room; says how many still wait.
    pub(crate) fn retry<'a>(
        &self,
        file: impl Fn(FileKind) -> io::Result<&'a Arc<MappedFile>>,
    ) -> usize {
        let mut is_full = [false; KINDS];
        let mut waiting = self.waiting.lock();
        waiting.retain(|series| {
            let full = &mut is_full[series.kind.place()];
            if *full {
                return true;
            }
            let Some(cells) = series.cells.iter().map(Weak::upgrade).collect::<Option<Vec<_>>>()
            else {
                // The series is gone.
                return false;
            };
            let keys: Vec<_> = series.keys.iter().map(String::as_bytes).collect();
            match file(series.kind).and_then(|file| file.cells(&keys)) {
                Ok(filed) => {
                    cells.iter().zip(filed).for_each(|(cell, filed)| cell.move_to(filed));
                    false
                }
                Err(_) => {
                    *full = true;
                    true
                }
            }
        });
        waiting.len()
    }

    /// Lets the series of these numbers wait no more; false if it does not.
    pub(crate) fn forget(&self, cells: &[SharedCell]) -> bool {
        let Some(SharedCell::Waiting(first)) = cells.first() else { return false };
        let mut waiting = self.waiting.lock();
        let before = waiting.len();
        let is_it = |cell: &Weak<WaitingCell>| std::ptr::eq(cell.as_ptr(), Arc::as_ptr(first));
        waiting.retain(|series| !series.cells.first().is_some_and(is_it));
        waiting.len() < before
    }

    pub(crate) fn count(&self) -> usize {
        let waiting = self.waiting.lock();
        let is_held = |series: &&Waiting| series.cells.iter().all(|cell| cell.strong_count() > 0);
        waiting.iter().filter(is_held).count()
    }
}
