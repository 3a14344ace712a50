//! Numbers in a file that processes share: one process appends keyed cells, all of its threads write them.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use parking_lot::Mutex;

/// The size of a new file; it doubles whenever it is full.
const FIRST_CAPACITY: usize = 1 << 16;

/// The bytes before the first entry: how many are in use, and padding.
const HEADER: usize = 8;

/// The bytes of an entry's value and timestamp.
const NUMBERS: usize = 16;

/// A file of keyed cells that this process alone writes, and others may read at any time.
///
/// Its size never shrinks and a cell never moves, neither in the file nor in memory.
pub(crate) struct MappedFile {
    file: File,
    entries: Mutex<Entries>,
}

struct Entries {
    used: usize,
    capacity: usize,
    // In the order of the file, without gaps.
    segments: Vec<Segment>,
    /// Where the value of each key stands.
    values: HashMap<Box<[u8]>, usize>,
}

struct Segment {
    start: usize,
    map: MmapRaw,
}

impl MappedFile {
    /// Creates a file without entries, which readers see whole or not at all.
    ///
    /// Fails if there is a file of that name.
    pub(crate) fn create(path: &Path) -> io::Result<Arc<Self>> {
        let unpublished = Unpublished::create(path)?;
        let mapped = Self::on(unpublished.file.try_clone()?)?;
        unpublished.publish(path)?;
        Ok(Arc::new(mapped))
    }

    /// Lays an empty file of cells out on `file`.
    fn on(file: File) -> io::Result<Self> {
        allocate(&file, 0, FIRST_CAPACITY)?;
        let mut entries =
            Entries { used: HEADER, capacity: 0, segments: Vec::new(), values: HashMap::new() };
        entries.map_up_to(&file, FIRST_CAPACITY)?;
        entries.publish(HEADER);
        Ok(Self { file, entries: Mutex::new(entries) })
    }

    /// The cells of `keys`, appended with both numbers 0.0 where there is none.
    ///
    /// An error leaves the file as it was.
    pub(crate) fn cells(self: &Arc<Self>, keys: &[&[u8]]) -> io::Result<Vec<MappedCell>> {
        let mut entries = self.entries.lock();
        let new = keys.iter().filter(|key| !entries.values.contains_key(**key));
        let end = new.fold(entries.used, |end, key| end + head_of(key) + NUMBERS);
        // The rows of a series are there together or not at all.
        entries.grow_to(&self.file, end)?;
        let cells = keys.iter().map(|key| {
            let at = match entries.values.get(*key) {
                Some(&at) => at,
                None => entries.append(&self.file, key)?,
            };
            let (value, timestamp) = (entries.word(at), entries.word(at + size_of::<u64>()));
            Ok(MappedCell { _file: self.clone(), value, timestamp })
        });
        cells.collect()
    }

    /// The cell of one key.
    #[cfg(test)]
    pub(crate) fn cell(self: &Arc<Self>, key: &[u8]) -> io::Result<MappedCell> {
        self.cells(&[key]).map(|mut cells| cells.remove(0))
    }
}

impl Entries {
    fn append(&mut self, file: &File, key: &[u8]) -> io::Result<usize> {
        let head = head_of(key);
        let padding = head - size_of::<i32>() - key.len();
        let end = self.used + head + NUMBERS;
        let at = self.used + head;
        self.grow_to(file, end)?;

        let mut entry = Vec::with_capacity(end - self.used);
        entry.extend_from_slice(&(key.len() as i32).to_ne_bytes());
        entry.extend_from_slice(key);
        entry.resize(entry.len() + padding, b' ');
        entry.resize(entry.len() + NUMBERS, 0);
        self.write(self.used, &entry);
        self.publish(end);
        self.values.insert(key.into(), at);
        Ok(at)
    }

    /// Makes room for `end` bytes, without moving what is mapped.
    fn grow_to(&mut self, file: &File, end: usize) -> io::Result<()> {
        if i32::try_from(end).is_err() {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file has no more room"));
        }
        let mut capacity = self.capacity;
        while capacity < end {
            capacity *= 2;
        }
        if capacity == self.capacity {
            return Ok(());
        }
        allocate(file, self.capacity, capacity)?;
        self.map_up_to(file, capacity)
    }

    fn map_up_to(&mut self, file: &File, capacity: usize) -> io::Result<()> {
        let start = self.capacity;
        let map = MmapOptions::new().offset(start as u64).len(capacity - start).map_raw(file)?;
        self.segments.push(Segment { start, map });
        self.capacity = capacity;
        Ok(())
    }

    /// Copies `bytes` to the part of the file that is not published yet.
    fn write(&self, at: usize, mut bytes: &[u8]) {
        assert!(at >= self.used && at + bytes.len() <= self.capacity);
        let mut at = at;
        while !bytes.is_empty() {
            let (to, room) = self.locate(at);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            // SAFETY: `to` has `room` mapped bytes behind it and `now` is no longer. Nothing
            // refers to these bytes: they are not published, so no cell lies in them, and
            // `&self` under the lock is the only way to here.
            unsafe { std::ptr::copy_nonoverlapping(now.as_ptr(), to.as_ptr(), now.len()) };
            at += now.len();
            bytes = rest;
        }
    }

    /// Tells readers how many bytes are in use, after these bytes were written.
    fn publish(&mut self, used: usize) {
        let (header, _) = self.locate(0);
        // SAFETY: the first four bytes of the file are mapped, aligned as the mapping begins
        // on a page, and only ever written here.
        let header = unsafe { AtomicI32::from_ptr(header.as_ptr().cast()) };
        header.store(used as i32, Ordering::Release);
        self.used = used;
    }

    /// The aligned eight bytes at `at`, which is inside the file.
    fn word(&self, at: usize) -> NonNull<u64> {
        // Segments begin and end on multiples of eight, so a word never straddles two.
        assert!(at % align_of::<AtomicU64>() == 0);
        self.locate(at).0.cast()
    }

    /// The mapped byte at `at`, and how many are mapped from there on.
    fn locate(&self, at: usize) -> (NonNull<u8>, usize) {
        assert!(at < self.capacity);
        let place = self.segments.partition_point(|segment| segment.start <= at) - 1;
        let Segment { start, map } = &self.segments[place];
        let byte = map.as_mut_ptr().wrapping_add(at - start);
        (NonNull::new(byte).expect("a mapping is not at address 0"), start + map.len() - at)
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
    _file: Arc<MappedFile>,
    value: NonNull<u64>,
    timestamp: NonNull<u64>,
}

// SAFETY: the words stay mapped as long as the file that the cell owns a share of, from
// whichever thread they are reached, and are only touched as atomics.
unsafe impl Send for MappedCell {}
// SAFETY: as for `Send`.
unsafe impl Sync for MappedCell {}

impl MappedCell {
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

    /// When the number was set, in seconds since 1970; 0.0 if that was never said.
    pub(crate) fn timestamp(&self) -> f64 {
        f64::from_bits(self.time().load(Ordering::Relaxed))
    }

    fn value(&self) -> &AtomicU64 {
        // SAFETY: `Entries::word` gave an aligned word of the mapping, `_file` keeps it mapped,
        // and it is published, so that nothing but atomics touches it.
        unsafe { AtomicU64::from_ptr(self.value.as_ptr()) }
    }

    fn time(&self) -> &AtomicU64 {
        // SAFETY: as in `value`.
        unsafe { AtomicU64::from_ptr(self.timestamp.as_ptr()) }
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

/// A file under a name that no reader looks at; removed unless it is published.
struct Unpublished {
    file: File,
    path: PathBuf,
}

impl Unpublished {
    fn create(target: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{:016x}", RandomState::new().hash_one(target)));
        let path = target.with_file_name(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { file, path })
    }

    /// Gives the file its name, unless that is taken.
    fn publish(&self, target: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                // Not every file system has links.
                if target.try_exists()? {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(&self.path, target)
            }
            done => done,
        }
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        // Renamed or not, nobody misses it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes `file` longer, with space on the disk for every byte: a full disk is an
/// error here, and would be a fatal signal at the first write to a mapped hole.
fn allocate(file: &File, from: usize, to: usize) -> io::Result<()> {
    let (from, to) = (from as u64, to as u64);
    let allocated = reserve(file, from, to).and_then(|reserved| match reserved {
        true => file.set_len(to),
        false => fill(file, from, to),
    });
    if allocated.is_err() {
        let _ = file.set_len(from);
    }
    allocated
}

/// Asks the file system for the space; false if it cannot say.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
))]
fn reserve(file: &File, from: u64, to: u64) -> io::Result<bool> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::{Errno, retry_on_intr};

    const UNABLE: [Errno; 4] = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];

    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), from, to - from)) {
        Ok(()) => Ok(true),
        Err(error) if UNABLE.contains(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
)))]
fn reserve(_: &File, _: u64, _: u64) -> io::Result<bool> {
    Ok(false)
}

fn fill(mut file: &File, from: u64, to: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};

    file.seek(SeekFrom::Start(from))?;
    io::copy(&mut io::repeat(0).take(to - from), &mut file).map(|_| ())
}

#[cfg(test)]
#[path = "mapped_tests.rs"]
mod tests;
