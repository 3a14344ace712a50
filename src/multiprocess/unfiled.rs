//! Series that have found no room in a file, and wait for it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::file_kind::{FileKind, KINDS};
use crate::cell::mapped::{MappedCell, MappedFile};
use crate::cell::shared::{SharedCell, WaitingCell};

/// The series of a store that no other process sees yet.
#[derive(Debug, Default)]
pub(crate) struct Unfiled {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    // Equal keys are one number, in memory as in a file: two of them would move
    // into one row, and the later would write over the earlier.
    by_key: [HashMap<String, Weak<WaitingCell>>; KINDS],
}

/// The numbers of a series, but those that have a row because another series has.
#[derive(Debug)]
struct Waiting {
    kind: FileKind,
    keys: Vec<String>,
    cells: Vec<Weak<WaitingCell>>,
}

impl Unfiled {
    /// The numbers of a series: in their file if there is room for all of
    /// them, and in memory until there is.
    ///
    /// Without a file they wait until one is offered to [`retry`](Self::retry).
    pub(crate) fn cells<'a>(
        &self,
        kind: FileKind,
        keys: Vec<String>,
        file: impl Fn(FileKind) -> io::Result<&'a Arc<MappedFile>>,
    ) -> Vec<SharedCell> {
        // Held throughout, so that nobody files a key between the looks for it.
        let mut queue = self.queue.lock();
        queue.retry(&file);
        let file = file(kind).ok();
        let by_key = &queue.by_key[kind.place()];
        let waits = |key: &String| by_key.get(key).is_some_and(|cell| cell.strong_count() > 0);
        if !keys.iter().any(waits) {
            let bytes: Vec<_> = keys.iter().map(String::as_bytes).collect();
            if let Some(Ok(cells)) = file.map(|file| file.cells(&bytes)) {
                return cells.into_iter().map(SharedCell::Filed).collect();
            }
        }
        queue.keep(kind, keys, |key| file?.known(key.as_bytes()))
    }

    /// Moves series into their files, as far as there is room; says how many still wait.
    pub(crate) fn retry<'a>(
        &self,
        file: impl Fn(FileKind) -> io::Result<&'a Arc<MappedFile>>,
    ) -> usize {
        let mut queue = self.queue.lock();
        queue.retry(&file);
        queue.waiting.len()
    }

    /// Lets the series of these numbers wait no more; false if it does not.
    pub(crate) fn forget(&self, cells: &[SharedCell]) -> bool {
        let is_ours = |cell: &Weak<WaitingCell>| {
            cells.iter().any(|ours| match ours {
                SharedCell::Waiting(ours) => std::ptr::eq(cell.as_ptr(), Arc::as_ptr(ours)),
                SharedCell::Filed(_) => false,
            })
        };
        let Queue { waiting, by_key } = &mut *self.queue.lock();
        let before = waiting.len();
        waiting.retain(|series| {
            let is_it = series.cells.iter().all(is_ours);
            if is_it {
                series.leave(by_key);
            }
            !is_it
        });
        waiting.len() < before
    }

    /// In a forked child: forgets what its parent has counted.
    #[cfg(unix)]
    pub(crate) fn leave_parent(&self) {
        let queue = self.queue.lock();
        let cells = queue.by_key.iter().flat_map(HashMap::values).filter_map(Weak::upgrade);
        cells.for_each(|cell| cell.leave_parent());
    }

    pub(crate) fn count(&self) -> usize {
        let queue = self.queue.lock();
        let is_held = |series: &&Waiting| series.cells.iter().all(|cell| cell.strong_count() > 0);
        queue.waiting.iter().filter(is_held).count()
    }
}

impl Queue {
    fn keep(
        &mut self,
        kind: FileKind,
        keys: Vec<String>,
        filed: impl Fn(&str) -> Option<MappedCell>,
    ) -> Vec<SharedCell> {
        let by_key = &mut self.by_key[kind.place()];
        let mut series = Waiting { kind, keys: Vec::new(), cells: Vec::new() };
        let mut cells = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(filed) = filed(&key) {
                cells.push(SharedCell::Filed(filed));
                continue;
            }
            let shared = by_key.get(&key).and_then(Weak::upgrade);
            let cell = shared.unwrap_or_else(|| {
                let cell = Arc::new(WaitingCell::new());
                by_key.insert(key.clone(), Arc::downgrade(&cell));
                cell
            });
            series.keys.push(key);
            series.cells.push(Arc::downgrade(&cell));
            cells.push(SharedCell::Waiting(cell));
        }
        self.waiting.push(series);
        cells
    }

    fn retry<'a>(&mut self, file: &impl Fn(FileKind) -> io::Result<&'a Arc<MappedFile>>) {
        let Self { waiting, by_key } = self;
        let mut is_full = [false; KINDS];
        waiting.retain(|series| {
            let full = &mut is_full[series.kind.place()];
            if *full {
                return true;
            }
            let Some(cells) = series.cells.iter().map(Weak::upgrade).collect::<Option<Vec<_>>>()
            else {
                // The series is gone; a number that it shared waits with another.
                series.leave_if(by_key, |cell| cell.strong_count() == 0);
                return false;
            };
            let keys: Vec<_> = series.keys.iter().map(String::as_bytes).collect();
            match file(series.kind).and_then(|file| file.cells(&keys)) {
                Ok(filed) => {
                    cells.iter().zip(filed).for_each(|(cell, filed)| cell.move_to(filed));
                    series.leave(by_key);
                    false
                }
                Err(_) => {
                    *full = true;
                    true
                }
            }
        });
    }
}

impl Waiting {
    /// Makes nobody find its numbers any more.
    fn leave(&self, by_key: &mut [HashMap<String, Weak<WaitingCell>>; KINDS]) {
        self.leave_if(by_key, |_| true);
    }

    fn leave_if(
        &self,
        by_key: &mut [HashMap<String, Weak<WaitingCell>>; KINDS],
        is_left: impl Fn(&Weak<WaitingCell>) -> bool,
    ) {
        let by_key = &mut by_key[self.kind.place()];
        for key in &self.keys {
            if by_key.get(key).is_some_and(&is_left) {
                by_key.remove(key);
            }
        }
    }
}
