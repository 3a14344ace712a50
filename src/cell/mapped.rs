//! Numbers in a file that processes share: one process appends keyed cells, all of its threads write them.
#![allow(unsafe_code)]

use std::collections::HashMap;
#[cfg(target_os = "linux")]
use std::collections::HashSet;
use std::convert::identity;
use std::fmt;
use std::io;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::growing::Growing;

/// The bytes before the first entry: how many are in use, and padding.
const HEADER: [u8; 8] = [0; 8];

/// The bytes of an entry's value and timestamp.
const NUMBERS: usize = 16;

/// Both numbers of an entry that a forked child has inherited and not touched:
/// minus zero, which no amount that is added and no time gives.
pub(crate) const UNTOUCHED: u64 = (-0.0f64).to_bits();

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

    fn on(file: Growing) -> Arc<Self> {
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

    /// In a forked child: makes the file one of this process, with the same
    /// rows and nothing counted. An error leaves the numbers in memory.
    ///
    /// Without paths, or if there is no room, no other process sees them.
    #[cfg(unix)]
    pub(crate) fn leave_parent(&self, paths: Option<(&Path, &Path)>) -> io::Result<()> {
        let file = &mut self.entries.lock().file;
        let left = file.leave(paths.map(|(hidden, _)| hidden), None);
        for numbers in numbers(file) {
            file.store(numbers, UNTOUCHED);
            file.store(numbers + size_of::<u64>(), UNTOUCHED);
        }
        left?;
        paths.map_or(Ok(()), |(hidden, target)| file.publish_as(hidden, target))
    }

    /// Moves numbers that are in memory into a file, while others write to them.
    #[cfg(target_os = "linux")]
    pub(crate) fn land(&self, path: &Path) -> io::Result<()> {
        let file = &mut self.entries.lock().file;
        let values: HashSet<usize> = numbers(file).collect();
        file.land(path, |word, at, before, after| {
            // Of two times the later one stands; of two values that is not known, so what was
            // added to one is added to the other.
            if values.contains(&at) {
                add(word, f64::from_bits(after) - f64::from_bits(before));
            }
        })
    }

    /// Whether the numbers are in memory, where no other process sees them.
    pub(crate) fn is_adrift(&self) -> bool {
        self.entries.lock().file.is_adrift()
    }

    /// The keys that have entries.
    pub(crate) fn keys(&self) -> Vec<Box<[u8]>> {
        self.entries.lock().rows.keys().cloned().collect()
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

/// Where the numbers of all entries stand.
#[cfg(unix)]
fn numbers(file: &Growing) -> impl Iterator<Item = usize> {
    let mut at = HEADER.len();
    std::iter::from_fn(move || {
        if at >= file.used {
            return None;
        }
        // The length is the first half of a word. Somebody may have damaged the file of a
        // parent that has died since.
        let [a, b, c, d, ..] = file.load(at).to_ne_bytes();
        let len = usize::try_from(i32::from_ne_bytes([a, b, c, d])).ok()?;
        let unpadded = size_of::<i32>() + len;
        let numbers = at + unpadded + 8 - unpadded % 8;
        at = numbers + NUMBERS;
        (at <= file.used).then_some(numbers)
    })
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
    value: NonNull<u64>,
    timestamp: NonNull<u64>,
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
        shown(self.value().load(Ordering::Acquire), self.time())
    }

    pub(crate) fn set(&self, value: f64) {
        self.value().store(value.to_bits(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, amount: f64) {
        add(self.value(), amount);
    }

    /// Sets the number as of `timestamp`, in seconds since 1970.
    pub(crate) fn set_at(&self, value: f64, timestamp: f64) {
        self.time().store(timestamp.to_bits(), Ordering::Relaxed);
        // Whoever sees the value sees its timestamp, or a later one.
        self.value().store(value.to_bits(), Ordering::Release);
    }

    /// When the number was set, in seconds since 1970; 0.0 if that was never said.
    pub(crate) fn timestamp(&self) -> f64 {
        f64::from_bits(self.time().load(Ordering::Relaxed))
    }

    fn value(&self) -> &AtomicU64 {
        // SAFETY: `Growing::word` gave an aligned word of the mapping, `file` keeps it mapped,
        // and it is published, so that nothing but atomics touches it.
        unsafe { AtomicU64::from_ptr(self.value.as_ptr()) }
    }

    fn time(&self) -> &AtomicU64 {
        // SAFETY: as in `value`.
        unsafe { AtomicU64::from_ptr(self.timestamp.as_ptr()) }
    }
}

#[inline]
fn add(cell: &AtomicU64, amount: f64) {
    let mut old = cell.load(Ordering::Relaxed);
    loop {
        let new = (f64::from_bits(old) + amount).to_bits();
        match cell.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(current) => old = current,
        }
    }
}

/// The number that a value stands for.
pub(super) fn shown(value: u64, timestamp: &AtomicU64) -> f64 {
    match value == UNTOUCHED && timestamp.load(Ordering::Relaxed) == UNTOUCHED {
        true => 0.0,
        false => f64::from_bits(value),
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
