//! Numbers in a file that processes share: one process appends keyed cells, all of its threads write them.
#![allow(unsafe_code)]

use std::collections::HashMap;
#[cfg(all(target_os = "linux", not(loom)))]
use std::collections::HashSet;
use std::convert::identity;
use std::fmt;
use std::io;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use super::float::add_among_all;
use super::growing::Growing;
use super::lane::{Lane, Wanted, may_split};
use super::memory::Word;
use super::sync::{AtomicU64, Mutex};

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
    /// If numbers are only added to, so that each thread can do so in a row of its own:
    /// who is told of the rows that come to the first one of a key.
    follow: Option<Box<Follow>>,
    entries: Mutex<Entries>,
    /// Whether there may be amounts that found no place in any row.
    is_short: AtomicBool,
}

/// Notes that a row, the first argument, counts no more if another does not, the second one;
/// false if there is no room for that.
pub(crate) type Follow = dyn Fn(u32, u32) -> bool + Send + Sync;

struct Entries {
    file: Growing,
    rows: HashMap<Box<[u8]>, Known>,
    /// The bytes of one more row for each lane, for the threads that find no room for one
    /// of their own. There always is room for them, once there are several threads.
    promised: usize,
    has_several_writers: bool,
    /// Whose file it is: of a `fork` that went past the C library nobody hears.
    process: u32,
}

/// What is known of a key.
struct Known {
    /// Where its entries stand, the first one first.
    rows: Vec<u32>,
    /// Those of them that nobody has noted to follow the first one.
    loose: Vec<u32>,
    lane: Weak<Lane>,
    is_promised: bool,
}

impl MappedFile {
    /// Creates a file without entries, which readers see whole or not at all.
    ///
    /// Fails if there is a file of that name.
    pub(crate) fn create(path: &Path) -> io::Result<Arc<Self>> {
        Growing::create(path, &HEADER, 0, identity).map(|file| Self::on(file, None))
    }

    /// The same for numbers that readers add up if they stand under one key, and
    /// that nobody sets: so each thread adds in a row of its own.
    pub(crate) fn create_with_lanes(path: &Path, follow: Box<Follow>) -> io::Result<Arc<Self>> {
        Growing::create(path, &HEADER, 0, identity).map(|file| Self::on(file, Some(follow)))
    }

    pub(super) fn on(file: Growing, follow: Option<Box<Follow>>) -> Arc<Self> {
        let entries = Entries {
            file,
            rows: HashMap::new(),
            promised: 0,
            has_several_writers: false,
            process: process::id(),
        };
        Arc::new(Self { follow, entries: Mutex::new(entries), is_short: AtomicBool::new(false) })
    }

    /// The cells of `keys`, appended with both numbers 0.0 where there is none.
    ///
    /// An error leaves the file as it was.
    pub(crate) fn cells(self: &Arc<Self>, keys: &[&[u8]]) -> io::Result<Vec<MappedCell>> {
        let mut entries = self.entries.lock();
        let new = keys.iter().filter(|key| !entries.rows.contains_key(**key));
        let len = new.map(|key| head_of(key) + NUMBERS).sum();
        // The rows of a series are there together or not at all.
        if len > 0 {
            let promised = if entries.has_several_writers { len } else { 0 };
            entries.reserve(len + promised)?;
        }
        let cells = keys.iter().map(|key| {
            if !entries.rows.contains_key(*key) {
                entries.begin(key, self.follow.is_some() && may_split(key))?;
            }
            self.cell_of(&mut entries, key).ok_or_else(|| io::ErrorKind::NotFound.into())
        });
        cells.collect()
    }

    /// The cell of a key, if it has an entry.
    pub(crate) fn known(self: &Arc<Self>, key: &[u8]) -> Option<MappedCell> {
        self.cell_of(&mut self.entries.lock(), key)
    }

    fn cell_of(self: &Arc<Self>, entries: &mut Entries, key: &[u8]) -> Option<MappedCell> {
        let Entries { file, rows, .. } = entries;
        let known = rows.get_mut(key)?;
        let row = *known.rows.first()?;
        let value_at = |row: u32| row as usize + head_of(key);
        let lane = (self.follow.is_some() && may_split(key)).then(|| {
            known.lane.upgrade().unwrap_or_else(|| {
                let rows = known.rows.iter().map(|&row| file.word(value_at(row)));
                let lane = Arc::new(Lane::on(rows));
                known.lane = Arc::downgrade(&lane);
                lane
            })
        });
        let at = value_at(row);
        let (value, timestamp) = (file.word(at), file.word(at + size_of::<u64>()));
        Some(MappedCell { lane, file: self.clone(), row, value, timestamp })
    }

    /// In a forked child: makes the file one of this process, with the same
    /// rows and nothing counted. An error leaves the numbers in memory.
    ///
    /// Without paths, or if there is no room, no other process sees them.
    #[cfg(all(unix, not(loom)))]
    pub(crate) fn leave_parent(&self, paths: Option<(&Path, &Path)>) -> io::Result<()> {
        let Entries { file, rows, promised, process, .. } = &mut *self.entries.lock();
        *process = process::id();
        rows.values().filter_map(|known| known.lane.upgrade()).for_each(|lane| lane.leave_parent());
        let left = file.leave(paths.map(|(hidden, _)| hidden), None, *promised);
        for numbers in numbers(file) {
            file.store(numbers, UNTOUCHED);
            file.store(numbers + size_of::<u64>(), UNTOUCHED);
        }
        left?;
        paths.map_or(Ok(()), |(hidden, target)| file.publish_as(hidden, target))
    }

    /// Moves numbers that are in memory into a file, while others write to them.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn land(&self, path: &Path) -> io::Result<()> {
        let file = &mut self.entries.lock().file;
        let values: HashSet<usize> = numbers(file).collect();
        file.land(path, |word, at, before, after| {
            // Of two times the later one stands; of two values that is not known, so what was
            // added to one is added to the other.
            if values.contains(&at) {
                add_among_all(word, f64::from_bits(after) - f64::from_bits(before));
            }
        })
    }

    /// One more row under the key of that at `row`.
    fn append_to(&self, row: u32, wanted: Wanted) -> io::Result<Word> {
        let mut entries = self.entries.lock();
        if entries.process != process::id() {
            // This process and its parent would append over each other.
            return Err(io::ErrorKind::Unsupported.into());
        }
        let appended = entries.append_to(row, wanted, self.follow.as_deref());
        if appended.is_err() && wanted == Wanted::ForAll {
            self.is_short.store(true, Ordering::Relaxed);
        }
        appended
    }

    /// Moves amounts that are in memory into rows, as far as there is room.
    pub(crate) fn file_amounts(&self) {
        // Before the try, which says so again if there still is no room.
        if self.is_short.swap(false, Ordering::Relaxed) {
            for (row, lane) in self.lanes().into_values() {
                lane.file_amount(|wanted| self.append_to(row, wanted));
            }
        }
    }

    /// The keys of numbers of which a part is in memory, where no other process sees it.
    pub(crate) fn short_keys(&self) -> Vec<Box<[u8]>> {
        if !self.is_short.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let lanes = self.lanes().into_iter();
        lanes.filter(|(_, (_, lane))| lane.is_short()).map(|(key, _)| key).collect()
    }

    /// What is added to under each key, and the first row of that.
    fn lanes(&self) -> HashMap<Box<[u8]>, (u32, Arc<Lane>)> {
        let entries = self.entries.lock();
        let lanes = entries.rows.iter().filter_map(|(key, known)| {
            Some((key.clone(), (*known.rows.first()?, known.lane.upgrade()?)))
        });
        lanes.collect()
    }

    /// Forgets whose some first rows are: their keys get new entries when they are asked for
    /// again, and no thread gets another row of these.
    ///
    /// Says which rows of their keys nobody has noted to follow them, each with that one.
    pub(super) fn disown(&self, rows: &[u32]) -> Vec<(u32, u32)> {
        let mut entries = self.entries.lock();
        rows.iter().flat_map(|&first| entries.disown(first)).collect()
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
    /// Makes room for so many more bytes, beside those that are promised.
    fn reserve(&mut self, len: usize) -> io::Result<()> {
        let promised = if self.has_several_writers { self.promised } else { 0 };
        self.file.reserve(len.saturating_add(promised)).map(|_| ())
    }

    /// Appends the first entry of a key.
    fn begin(&mut self, key: &[u8], is_promised: bool) -> io::Result<()> {
        let (rows, loose) = (vec![self.append(key)?], Vec::new());
        self.rows.insert(key.into(), Known { rows, loose, lane: Weak::new(), is_promised });
        if is_promised {
            self.promised += head_of(key) + NUMBERS;
        }
        Ok(())
    }

    /// Appends one more entry of the key that has one at `row`.
    fn append_to(
        &mut self,
        first: u32,
        wanted: Wanted,
        follow: Option<&Follow>,
    ) -> io::Result<Word> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let key = self.key(first as usize).ok_or_else(missing)?;
        let len = head_of(&key) + NUMBERS;
        let known = self.rows.get(&*key);
        known.filter(|known| known.rows.first() == Some(&first)).ok_or_else(missing)?;
        self.has_several_writers = true;
        if wanted == Wanted::ForOne {
            self.reserve(len)?;
        }
        let row = self.append(&key)?;
        if let Some(known) = self.rows.get_mut(&*key) {
            known.rows.push(row);
            // Before anything is counted in it.
            if !follow.is_some_and(|follow| follow(row, first)) {
                known.loose.push(row);
            }
            if wanted == Wanted::ForAll && std::mem::take(&mut known.is_promised) {
                self.promised -= len;
            }
        }
        Ok(self.file.word(row as usize + head_of(&key)))
    }

    fn disown(&mut self, first: u32) -> Vec<(u32, u32)> {
        let Some(key) = self.key(first as usize) else { return Vec::new() };
        let is_first = |known: &Known| known.rows.first() == Some(&first);
        if !self.rows.get(&*key).is_some_and(is_first) {
            return Vec::new();
        }
        let known = self.rows.remove(&*key);
        if known.as_ref().is_some_and(|known| known.is_promised) {
            self.promised -= head_of(&key) + NUMBERS;
        }
        let loose = known.map(|known| known.loose).unwrap_or_default();
        loose.into_iter().map(|row| (row, first)).collect()
    }

    fn append(&mut self, key: &[u8]) -> io::Result<u32> {
        let head = head_of(key);
        let mut entry = Vec::with_capacity(head + NUMBERS);
        entry.extend_from_slice(&(key.len() as i32).to_ne_bytes());
        entry.extend_from_slice(key);
        entry.resize(head, b' ');
        entry.resize(head + NUMBERS, 0);
        self.file.append(&entry).map(|row| row as u32)
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
#[cfg(all(unix, not(loom)))]
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

/// The bytes of an entry before its numbers: the length of the key, the key, and 1 to 8 of padding.
fn head_of(key: &[u8]) -> usize {
    let unpadded = size_of::<i32>() + key.len();
    unpadded + 8 - unpadded % 8
}

/// One number of a [`MappedFile`], and the time it was set at; keeps the file mapped.
#[derive(Clone)]
pub(crate) struct MappedCell {
    /// Where it is added to, if not here.
    lane: Option<Arc<Lane>>,
    // Keeps the words mapped.
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

    pub(super) fn file(&self) -> &Arc<MappedFile> {
        &self.file
    }

    pub(crate) fn get(&self) -> f64 {
        match &self.lane {
            Some(lane) => lane.get(),
            None => shown(self.value().load(Ordering::Acquire), self.time()),
        }
    }

    /// Begins anew at zero.
    pub(crate) fn reset(&self) {
        match &self.lane {
            Some(lane) => lane.reset(),
            None => self.set(0.0),
        }
    }

    pub(crate) fn set(&self, value: f64) {
        self.value().store(value.to_bits(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, amount: f64) {
        match &self.lane {
            Some(lane) => lane.add(amount, |wanted| self.file.append_to(self.row, wanted)),
            None => add_among_all(self.value(), amount),
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
