//! Numbers in a file that processes share: one process appends keyed cells, all of its threads write them.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::convert::identity;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::growing::Growing;
use super::memory::Word;
use super::sync::{AtomicU64, Mutex};

/// The bytes before the first entry: how many are in use, and padding.
const HEADER: [u8; 8] = [0; 8];

/// The bytes of an entry's value and timestamp.
const NUMBERS: usize = 16;

/// A file of keyed cells that this process alone writes, and others may read at any time.
///
/// Its size never shrinks and a cell never moves, neither in the file nor in memory.
pub(crate) struct MappedFile {
    entries: Mutex<Entries>,
}

struct Entries {
    file: Growing,
    /// Where the entry of each key stands.
    rows: HashMap<Box<[u8]>, usize>,
}

impl MappedFile {
    /// Creates a file without entries, which readers see whole or not at all.
    ///
    /// Fails if there is a file of that name.
    pub(crate) fn create(path: &Path) -> io::Result<Arc<Self>> {
        Growing::create(path, &HEADER, 0, identity).map(Self::on)
    }

    pub(super) fn on(file: Growing) -> Arc<Self> {
        Arc::new(Self { entries: Mutex::new(Entries { file, rows: HashMap::new() }) })
    }

    /// The cells of `keys`, appended with both numbers 0.0 where there is none.
    ///
    /// An error leaves the file as it was.
    pub(crate) fn cells(self: &Arc<Self>, keys: &[&[u8]]) -> io::Result<Vec<MappedCell>> {
        let mut entries = self.entries.lock();
        let new = keys.iter().filter(|key| !entries.rows.contains_key(**key));
        let len = new.map(|key| head_of(key) + NUMBERS).sum();
        // The rows of a series are there together or not at all.
        entries.file.reserve(len)?;
        let cells = keys.iter().map(|key| {
            let row = match entries.rows.get(*key) {
                Some(&row) => row,
                None => entries.append(key)?,
            };
            Ok(self.cell_at(&entries, row, key))
        });
        cells.collect()
    }

    /// The cell of a key, if it has an entry.
    pub(crate) fn known(self: &Arc<Self>, key: &[u8]) -> Option<MappedCell> {
        let entries = self.entries.lock();
        let row = *entries.rows.get(key)?;
        Some(self.cell_at(&entries, row, key))
    }

    fn cell_at(self: &Arc<Self>, entries: &Entries, row: usize, key: &[u8]) -> MappedCell {
        let at = row + head_of(key);
        let (value, timestamp) = (entries.file.word(at), entries.file.word(at + size_of::<u64>()));
        MappedCell { file: self.clone(), row: row as u32, value, timestamp }
    }

    /// The cell of one key.
    #[cfg(test)]
    pub(crate) fn cell(self: &Arc<Self>, key: &[u8]) -> io::Result<MappedCell> {
        self.cells(&[key]).map(|mut cells| cells.remove(0))
    }
}

impl Entries {
    fn append(&mut self, key: &[u8]) -> io::Result<usize> {
        let head = head_of(key);
        let mut entry = Vec::with_capacity(head + NUMBERS);
        entry.extend_from_slice(&(key.len() as i32).to_ne_bytes());
        entry.extend_from_slice(key);
        entry.resize(head, b' ');
        entry.resize(head + NUMBERS, 0);
        let row = self.file.append(&entry)?;
        self.rows.insert(key.into(), row);
        Ok(row)
    }

    /// The key of the entry at `row`, which is one of a cell.
    fn key(&self, row: usize) -> Option<Vec<u8>> {
        // SAFETY: the length and the key of an entry are not written after it is appended.
        let len = unsafe { self.file.read(row, size_of::<i32>()) }?;
        let len = i32::from_ne_bytes(len.try_into().ok()?);
        // SAFETY: as above.
        unsafe { self.file.read(row + size_of::<i32>(), usize::try_from(len).ok()?) }
    }
}

/// Entries of one file that belong together: those of one series.
pub(crate) struct Rows {
    file: Arc<MappedFile>,
    rows: Box<[u32]>,
}

impl Rows {
    /// The entries of these cells; none if they are not all in one file.
    pub(crate) fn of(cells: &[MappedCell]) -> Option<Self> {
        let file = cells.first()?.file.clone();
        let same = cells.iter().all(|cell| Arc::ptr_eq(&cell.file, &file));
        same.then(|| Self { file, rows: cells.iter().map(MappedCell::row).collect() })
    }

    /// Where they stand in the file.
    pub(crate) fn list(&self) -> &[u32] {
        &self.rows
    }

    /// Forgets whose they are: their keys get new entries when they are asked for again.
    pub(crate) fn disown(&self) {
        let mut entries = self.file.entries.lock();
        for &row in &self.rows {
            let Some(key) = entries.key(row as usize) else { continue };
            if entries.rows.get(&*key) == Some(&(row as usize)) {
                entries.rows.remove(&*key);
            }
        }
    }
}

/// The bytes of an entry before its numbers: the length of the key, the key, and 1 to 8 of padding.
fn head_of(key: &[u8]) -> usize {
    let unpadded = size_of::<i32>() + key.len();
    unpadded + 8 - unpadded % 8
}

/// One number of a [`MappedFile`], and the time it was set at; keeps the file mapped.
#[derive(Clone)]
pub struct MappedCell {
    // Keeps the words below mapped.
    file: Arc<MappedFile>,
    row: u32,
    value: Word,
    timestamp: Word,
}

// SAFETY: the words stay mapped as long as the file that the cell owns a share of, from
// whichever thread they are reached, and are only touched as atomics.
unsafe impl Send for MappedCell {}
// SAFETY: as for `Send`.
unsafe impl Sync for MappedCell {}

impl MappedCell {
    /// Where its entry stands in the file.
    pub(crate) fn row(&self) -> u32 {
        self.row
    }

    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.value().load(Ordering::Acquire))
    }

    pub(crate) fn set(&self, value: f64) {
        self.value().store(value.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn add(&self, amount: f64) {
        let cell = self.value();
        let mut old = cell.load(Ordering::Relaxed);
        loop {
            let new = (f64::from_bits(old) + amount).to_bits();
            match cell.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(current) => old = current,
            }
        }
    }

    /// Sets the number as of `timestamp`, in seconds since 1970.
    pub(crate) fn set_at(&self, value: f64, timestamp: f64) {
        self.time().store(timestamp.to_bits(), Ordering::Relaxed);
        // Whoever sees the value sees its timestamp, or a later one.
        self.value().store(value.to_bits(), Ordering::Release);
    }

    /// Changes the timestamp, unless somebody has set another one.
    pub(super) fn correct_time(&self, old: f64, new: f64) {
        let (old, new, order) = (old.to_bits(), new.to_bits(), Ordering::Relaxed);
        if old != new {
            // Whoever has set another one has set the number with it.
            let _ = self.time().compare_exchange(old, new, order, order);
        }
    }

    /// When the number was set, in seconds since 1970; 0.0 if that was never said.
    pub(crate) fn timestamp(&self) -> f64 {
        f64::from_bits(self.time().load(Ordering::Relaxed))
    }

    fn value(&self) -> &AtomicU64 {
        // SAFETY: `Growing::word` gave an aligned word of the mapping, `file` keeps it mapped,
        // and it is published, so that nothing but atomics touches it.
        unsafe { self.value.atomic() }
    }

    fn time(&self) -> &AtomicU64 {
        // SAFETY: as in `value`.
        unsafe { self.timestamp.atomic() }
    }
}

impl fmt::Debug for MappedCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedCell")
            .field("value", &self.get())
            .field("timestamp", &self.timestamp())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "mapped_tests.rs"]
mod tests;
