//! Writes the side file of this process: entries that metrics hold on to.

use std::collections::HashMap;
#[cfg(all(unix, not(loom)))]
use std::io;
#[cfg(all(unix, not(loom)))]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(all(unix, not(loom)))]
use std::time::SystemTime;

use once_cell::sync::OnceCell;
use parking_lot::{Mutex, RwLock};

use super::entry_kind::{
    COUNTS, NATIVE, QUANTILES, REMOVED, ROWS, START, TABLE, TABLE_ROWS, UNIT, in_table, table_word,
};
#[cfg(all(unix, not(loom)))]
use super::inherit;
use super::native::Objectives;
use super::row_key::rows_key;
use crate::cell::NativeLimits;
#[cfg(all(target_os = "linux", not(loom)))]
use crate::cell::native_entry;
use crate::cell::side::{NewEntry, SideFile, SideSlot};
use crate::multiprocess::file_kind::{FileKind, KINDS};
use crate::multiprocess::identity::Identities;

/// The side file of a store, made when there is something to say.
pub(crate) struct SideWriter {
    identities: Arc<Identities>,
    file: OnceCell<Arc<SideFile>>,
    entries: Mutex<Entries>,
    /// Held while a series finds its rows, and while one is removed.
    pub(crate) rows: Mutex<()>,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<EntryKey, Arc<SideEntry>>,
    /// For each kind of file the table that has room, and how many of its rows are taken.
    tables: [Option<Table>; KINDS],
}

type Table = (Arc<SideSlot>, usize);

type EntryKey = (u16, Arc<[u8]>);

/// What is said of one thing.
pub(super) struct SideEntry {
    key: EntryKey,
    /// How many handles there are; changes under the lock of the entries.
    users: AtomicUsize,
    slot: RwLock<Slot>,
}

enum Slot {
    /// An entry, which is replaced by a larger one when a value outgrows it.
    Whole(SideSlot),
    /// A row of a table, which begins with a word of it.
    InTable(Arc<SideSlot>, usize),
}

impl SideEntry {
    /// One of its words.
    pub(super) fn word(&self, place: usize) -> u64 {
        match &*self.slot.read() {
            Slot::Whole(slot) => slot.word(place),
            Slot::InTable(table, begin) => table.word(begin + place),
        }
    }

    pub(super) fn set_word(&self, place: usize, value: u64) {
        match &*self.slot.read() {
            Slot::Whole(slot) => slot.set_word(place, value),
            Slot::InTable(table, begin) => table.set_word(begin + place, value),
        }
    }

    /// Says that it counts no more.
    fn close(&self) {
        match &*self.slot.read() {
            Slot::Whole(slot) => slot.close(),
            Slot::InTable(table, begin) => {
                let (row, _) = in_table(table.word(begin + 1));
                table.set_word(begin + 1, table_word(row, REMOVED));
            }
        }
    }
}

impl SideWriter {
    pub(crate) fn new(identities: Arc<Identities>) -> Self {
        let (file, entries) = (OnceCell::new(), Mutex::default());
        Self { identities, file, entries, rows: Mutex::new(()) }
    }

    /// Before a `fork`: what the file of the child is to hold, if there is one.
    #[cfg(all(unix, not(loom)))]
    pub(crate) fn prepare(&self) -> Option<Vec<u8>> {
        Some(inherit::inherited(self.file.get()?.bytes(), SystemTime::now()))
    }

    /// In a forked child: makes the file one of this process. An error leaves
    /// what it says in memory, where no other process sees it.
    #[cfg(all(unix, not(loom)))]
    pub(crate) fn leave_parent(
        &self,
        paths: Option<(&Path, &Path)>,
        image: &[u8],
    ) -> io::Result<()> {
        self.file.get().map_or(Ok(()), |file| file.leave_parent(paths, image))
    }

    /// Moves what is in memory since a `fork` into a file, if there is room.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn land(&self) -> io::Result<()> {
        match self.file.get() {
            Some(file) if file.is_adrift() => file
                .land(&self.identities.side_path(), |kind, word| {
                    kind == NATIVE && native_entry::is_count(word)
                }),
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
        let key = (new.kind, Arc::from(new.key));
        self.entries.lock().entry(key, users, |_| file.append(new).ok().map(Slot::Whole))
    }

    /// What is said of the only row of a series, for one more user.
    pub(super) fn row(&self, kind: FileKind, row: u32, start: u64) -> Option<Arc<SideEntry>> {
        let file = self.file()?;
        let key = rows_key(kind, &[row]);
        self.entries.lock().entry((ROWS, Arc::from(key)), 1, |tables| {
            let (table, begin) = take_row(&mut tables[kind.place()], kind, file)?;
            table.set_word(begin + START, start);
            table.set_word(begin + 1, table_word(row, COUNTS));
            Some(Slot::InTable(table, begin))
        })
    }

    /// An entry for buckets of the series that has these rows; none if there is no room.
    pub(crate) fn append_buckets(
        &self,
        kind: FileKind,
        rows: &[u32],
        words: &[u64],
    ) -> Option<SideSlot> {
        let key = rows_key(kind, rows);
        let new = NewEntry { kind: NATIVE, key: &key, words, value: None, capacity: 0 };
        self.file()?.append(&new).ok()
    }

    /// Says which quantiles the series has that has these rows; none if there is no room.
    pub(crate) fn append_objectives(
        &self,
        kind: FileKind,
        rows: &[u32],
        limits: &NativeLimits,
        objectives: &Objectives,
    ) -> Option<SideSlot> {
        let (key, words) = (rows_key(kind, rows), objectives.words(limits));
        let new = NewEntry { kind: QUANTILES, key: &key, words: &words, value: None, capacity: 0 };
        self.file()?.append(&new).ok()
    }

    /// Says that a row counts no more if another does not; false if there is no room.
    pub(crate) fn follow(&self, kind: FileKind, row: u32, first: u32) -> bool {
        let Some(file) = self.file() else { return false };
        let taken = take_row(&mut self.entries.lock().tables[kind.place()], kind, file);
        let Some((table, begin)) = taken else { return false };
        table.set_word(begin + 1, table_word(row, first));
        true
    }

    /// Replaces the value of an entry; false if there is no room.
    pub(super) fn write(&self, entry: &SideEntry, value: &[u8]) -> bool {
        if let Slot::Whole(slot) = &*entry.slot.read() {
            if slot.write(value) {
                return true;
            }
        }
        let Some(file) = self.file() else { return false };
        let Slot::Whole(slot) = &mut *entry.slot.write() else { return false };
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
        std::mem::replace(slot, larger).close();
        true
    }

    /// Takes an entry back, unless others use it; says whether it was.
    pub(super) fn retire(&self, entry: &Arc<SideEntry>) -> bool {
        let mut entries = self.entries.lock();
        let may_go = entries.is_of_one(entry);
        if may_go {
            entry.close();
            entries.by_key.remove(&entry.key);
        }
        may_go
    }

    /// Whether an entry counts, and one alone uses it.
    pub(super) fn is_of_one(&self, entry: &Arc<SideEntry>) -> bool {
        self.entries.lock().is_of_one(entry)
    }

    /// One user less.
    pub(super) fn let_go(&self, entry: &SideEntry) {
        let _entries = self.entries.lock();
        entry.users.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entries {
    fn is_of_one(&self, entry: &Arc<SideEntry>) -> bool {
        let own = self.by_key.get(&entry.key);
        own.is_some_and(|own| Arc::ptr_eq(own, entry)) && entry.users.load(Ordering::Relaxed) <= 1
    }

    /// The entry of a key for some more users, made if there is none.
    fn entry(
        &mut self,
        key: EntryKey,
        users: usize,
        make: impl FnOnce(&mut [Option<Table>; KINDS]) -> Option<Slot>,
    ) -> Option<Arc<SideEntry>> {
        if let Some(entry) = self.by_key.get(&key) {
            entry.users.fetch_add(users, Ordering::Relaxed);
            return Some(entry.clone());
        }
        let slot = RwLock::new(make(&mut self.tables)?);
        let entry = Arc::new(SideEntry { key: key.clone(), users: users.into(), slot });
        self.by_key.insert(key, entry.clone());
        Some(entry)
    }
}

/// The next row of a table that has room, which is appended if there is none; and where it begins.
fn take_row(
    table: &mut Option<Table>,
    kind: FileKind,
    file: &Arc<SideFile>,
) -> Option<(Arc<SideSlot>, usize)> {
    if table.as_ref().is_none_or(|(_, taken)| *taken == TABLE_ROWS) {
        let (key, words) = (rows_key(kind, &[]), [0; 2 * TABLE_ROWS + 1]);
        let new = NewEntry { kind: TABLE, key: &key, words: &words, value: None, capacity: 0 };
        *table = Some((Arc::new(file.append(&new).ok()?), 0));
    }
    let (table, taken) = table.as_mut()?;
    let begin = 2 * *taken;
    *taken += 1;
    Some((table.clone(), begin))
}
