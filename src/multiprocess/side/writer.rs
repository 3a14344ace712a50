//! Writes the side file of this process: entries that metrics hold on to.

use std::collections::HashMap;
#[cfg(unix)]
use std::io;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(unix)]
use std::time::SystemTime;

use once_cell::sync::OnceCell;
use parking_lot::{Mutex, RwLock};

use super::entry_kind::UNIT;
#[cfg(unix)]
use super::inherit;
use crate::cell::side::{NewEntry, SideFile, SideSlot};
use crate::multiprocess::identity::Identities;

/// The side file of a store, made when there is something to say.
pub(crate) struct SideWriter {
    identities: Arc<Identities>,
    file: OnceCell<Arc<SideFile>>,
    entries: Mutex<HashMap<EntryKey, Arc<SideEntry>>>,
    /// Held while a series finds its rows, and while one is removed.
    pub(crate) rows: Mutex<()>,
}

type EntryKey = (u16, Arc<[u8]>);

/// An entry, which is replaced by a larger one when a value outgrows it.
pub(super) struct SideEntry {
    key: EntryKey,
    /// How many handles there are; changes under the lock of the entries.
    users: AtomicUsize,
    pub(super) slot: RwLock<SideSlot>,
}

impl SideWriter {
    pub(crate) fn new(identities: Arc<Identities>) -> Self {
        let (file, entries) = (OnceCell::new(), Mutex::default());
        Self { identities, file, entries, rows: Mutex::new(()) }
    }

    /// Before a `fork`: what the file of the child is to hold, if there is one.
    #[cfg(unix)]
    pub(crate) fn prepare(&self) -> Option<Vec<u8>> {
        Some(inherit::inherited(self.file.get()?.bytes(), SystemTime::now()))
    }

    /// In a forked child: makes the file one of this process. An error leaves
    /// what it says in memory, where no other process sees it.
    #[cfg(unix)]
    pub(crate) fn leave_parent(
        &self,
        paths: Option<(&Path, &Path)>,
        image: &[u8],
    ) -> io::Result<()> {
        self.file.get().map_or(Ok(()), |file| file.leave_parent(paths, image))
    }

    /// Moves what is in memory since a `fork` into a file, if there is room.
    #[cfg(target_os = "linux")]
    pub(crate) fn land(&self) -> io::Result<()> {
        match self.file.get() {
            Some(file) if file.is_adrift() => file.land(&self.identities.side_path()),
            _ => Ok(()),
        }
    }

    pub(super) fn file(&self) -> Option<&Arc<SideFile>> {
        self.file.get_or_try_init(|| SideFile::create(&self.identities.side_path())).ok()
    }

    /// Says the unit of a family, unless that was said.
    pub(crate) fn say_unit(&self, family: &str, unit: &str) {
        let key = serde_json::json!([family, unit]).to_string();
        let key = key.as_bytes();
        let _ = self.entry(&NewEntry { kind: UNIT, key, words: &[], value: None, capacity: 0 }, 0);
    }

    /// Replaces the value of an entry, which is made if there is none.
    pub(crate) fn put(&self, kind: u16, key: &[u8], value: &[u8]) -> bool {
        let new = NewEntry { kind, key, words: &[0], value: Some(value), capacity: value.len() };
        self.entry(&new, 0).is_some_and(|entry| self.write(&entry, value))
    }

    /// The entry of a key for some more users, appended if there is none.
    pub(super) fn entry(&self, new: &NewEntry<'_>, users: usize) -> Option<Arc<SideEntry>> {
        let file = self.file()?;
        let mut entries = self.entries.lock();
        let key = (new.kind, Arc::from(new.key));
        if let Some(entry) = entries.get(&key) {
            entry.users.fetch_add(users, Ordering::Relaxed);
            return Some(entry.clone());
        }
        let slot = RwLock::new(file.append(new).ok()?);
        let entry = Arc::new(SideEntry { key: key.clone(), users: users.into(), slot });
        entries.insert(key, entry.clone());
        Some(entry)
    }

    /// Replaces the value of an entry; false if there is no room.
    pub(super) fn write(&self, entry: &SideEntry, value: &[u8]) -> bool {
        if entry.slot.read().write(value) {
            return true;
        }
        let Some(file) = self.file() else { return false };
        let mut slot = entry.slot.write();
        let words: Vec<_> = (0..slot.words()).map(|place| slot.word(place)).collect();
        let larger = NewEntry {
            kind: entry.key.0,
            key: &entry.key.1,
            words: &words,
            value: Some(value),
            capacity: value.len() * 2,
        };
        let Ok(larger) = file.append(&larger) else { return false };
        // The last one of a key counts, so that readers go without neither at any time.
        std::mem::replace(&mut *slot, larger).close();
        true
    }

    /// Takes an entry back, unless others use it; says whether it was.
    pub(super) fn retire(&self, entry: &Arc<SideEntry>) -> bool {
        let mut entries = self.entries.lock();
        let is_own = entries.get(&entry.key).is_some_and(|own| Arc::ptr_eq(own, entry));
        if !is_own || entry.users.load(Ordering::Relaxed) > 1 {
            return false;
        }
        entry.slot.read().close();
        entries.remove(&entry.key);
        true
    }

    /// One user less.
    pub(super) fn let_go(&self, entry: &SideEntry) {
        let _entries = self.entries.lock();
        entry.users.fetch_sub(1, Ordering::Relaxed);
    }
}
