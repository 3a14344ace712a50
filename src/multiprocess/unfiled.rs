//! Series that have found no room in a file, and wait for it.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::file_kind::{FileKind, KINDS};
use crate::cell::mapped::{MappedCell, MappedFile};
use crate::cell::shared::{SharedCell, WaitingCell};

/// Who has something to say of numbers once they are in their file.
pub(crate) trait Filed: Send + Sync {
    /// Says it, if they are; false if there is still something to say.
    fn filed(&self) -> bool;
}

/// A series that was removed, and that other processes still see; its store does not end before.
pub(crate) trait Removal: Send {
    /// Takes it out of what they see; false if there is no room to say so.
    fn is_done(&mut self) -> bool;
}

/// The series of a store that no other process sees yet, and those that it still does.
#[derive(Default)]
pub(crate) struct Unfiled {
    queue: Mutex<Queue>,
    untold: Mutex<Vec<Weak<dyn Filed>>>,
    removals: Mutex<Vec<Box<dyn Removal>>>,
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
        let moved = queue.retry(&file);
        let cells = queue.cells(kind, keys, file(kind).ok());
        drop(queue);
        if moved {
            self.tell();
        }
        cells
    }

    /// Moves series into their files, as far as there is room; says how many still wait.
    pub(crate) fn retry<'a>(
        &self,
        file: impl Fn(FileKind) -> io::Result<&'a Arc<MappedFile>>,
    ) -> usize {
        let waiting = {
            let mut queue = self.queue.lock();
            queue.retry(&file);
            queue.waiting.len()
        };
        self.tell();
        waiting + self.removals.lock().len()
    }

    /// Has somebody told when numbers that wait are in their file.
    pub(crate) fn when_filed(&self, who: Weak<dyn Filed>) {
        let mut untold = self.untold.lock();
        if untold.len() == untold.capacity() {
            untold.retain(|who| who.strong_count() > 0);
        }
        untold.push(who);
    }

    /// Removes a series, as soon as there is room to say so.
    ///
    /// This and the next one are called while nobody else makes or removes series.
    pub(crate) fn remove(&self, mut removal: Box<dyn Removal>) {
        if !removal.is_done() {
            self.removals.lock().push(removal);
        }
    }

    pub(crate) fn has_removals(&self) -> bool {
        !self.removals.lock().is_empty()
    }

    /// Removes what there is room for by now.
    pub(crate) fn retry_removals(&self) {
        let mut removals = mem::take(&mut *self.removals.lock());
        removals.retain_mut(|removal| !removal.is_done());
        self.removals.lock().append(&mut removals);
    }

    fn tell(&self) {
        let mut untold = mem::take(&mut *self.untold.lock());
        untold.retain(|who| who.upgrade().is_some_and(|who| !who.filed()));
        self.untold.lock().append(&mut untold);
    }

    /// Lets the series of these numbers wait no more; false if it does not.
    pub(crate) fn forget(&self, cells: &[SharedCell]) -> bool {
        let ours = || {
            cells.iter().filter_map(|cell| match cell {
                SharedCell::Waiting(cell) => Some(Arc::as_ptr(cell)),
                SharedCell::Filed(_) => None,
            })
        };
        let Queue { waiting, by_key } = &mut *self.queue.lock();
        let is_it = |series: &Waiting| series.cells.iter().map(Weak::as_ptr).eq(ours());
        let Some(place) = waiting.iter().position(is_it) else { return false };
        // One that another series has, too, waits on with that: it is referred to by the
        // other series, by this one, and by its key.
        waiting.remove(place).leave_if(by_key, |cell| cell.weak_count() <= 2);
        true
    }

    /// In a forked child: forgets what its parent has counted.
    #[cfg(all(unix, not(loom)))]
    pub(crate) fn leave_parent(&self) {
        let queue = self.queue.lock();
        let cells = queue.by_key.iter().flat_map(HashMap::values).filter_map(Weak::upgrade);
        cells.for_each(|cell| cell.leave_parent());
    }

    pub(crate) fn count(&self) -> usize {
        let queue = self.queue.lock();
        let is_held = |series: &&Waiting| series.cells.iter().all(|cell| cell.strong_count() > 0);
        queue.waiting.iter().filter(is_held).count() + self.removals.lock().len()
    }
}

impl Queue {
    fn cells(
        &mut self,
        kind: FileKind,
        keys: Vec<String>,
        file: Option<&Arc<MappedFile>>,
    ) -> Vec<SharedCell> {
        let by_key = &self.by_key[kind.place()];
        let waits = |key: &String| by_key.get(key).is_some_and(|cell| cell.strong_count() > 0);
        if !keys.iter().any(waits) {
            let bytes: Vec<_> = keys.iter().map(String::as_bytes).collect();
            if let Some(Ok(cells)) = file.map(|file| file.cells(&bytes)) {
                return cells.into_iter().map(SharedCell::Filed).collect();
            }
        }
        self.keep(kind, keys, |key| file?.known(key.as_bytes()))
    }

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
        if !series.cells.is_empty() {
            self.waiting.push(series);
        }
        cells
    }

    /// Moves what there is room for; true if that is something.
    fn retry<'a>(&mut self, file: &impl Fn(FileKind) -> io::Result<&'a Arc<MappedFile>>) -> bool {
        let Self { waiting, by_key } = self;
        let mut is_full = [false; KINDS];
        let mut moved = false;
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
                    moved = true;
                    false
                }
                Err(_) => {
                    *full = true;
                    true
                }
            }
        });
        moved
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
