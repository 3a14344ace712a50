//! Values in a side file, which a kill at any instant leaves whole: the old one or the new one.
#![allow(unsafe_code)]

#[cfg(all(target_os = "linux", not(loom)))]
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::growing::Growing;
use super::memory::{Piece, Word};
use super::sync::{AtomicU64, Mutex};

/// What a side file begins with: magic, version, and how many bytes are in use.
pub(crate) const HEAD: [u8; 16] = *b"narthex\0\x01\0\0\0\0\0\0\0";

/// Where the head says how many bytes are in use.
pub(crate) const USED_AT: usize = 12;

/// The bytes of an entry before its key.
pub(crate) const ENTRY_HEAD: usize = 24;

/// The bytes of a half before its value: sequence number, length, checksum.
pub(crate) const HALF_HEAD: usize = 24;

/// The last word of an entry that counts no more; nothing that damage leaves behind.
pub(crate) const CLOSED: u64 = u64::from_le_bytes(*b"removed\0");

/// What tells damage from what was written: every bit of the bytes changes it.
///
/// The bytes are taken as little-endian words, the last one filled up with zeros.
pub(crate) fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    let mut sum = seed ^ 0xcbf2_9ce4_8422_2325;
    let mut add = |word| {
        sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum ^= sum >> 32;
    };
    let mut rest = bytes;
    while let Some((word, others)) = rest.split_first_chunk() {
        add(*word);
        rest = others;
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        add(word);
    }
    sum ^ bytes.len() as u64
}

/// The checksum of a half: an old one that is half overwritten has none that fits.
pub(crate) fn half_checksum(sequence: u64, value: &[u8]) -> u64 {
    checksum(sequence.wrapping_mul(0xff51_afd7_ed55_8ccd), value)
}

/// A file of entries that this process alone writes, and others may read at any time.
pub(crate) struct SideFile {
    file: Mutex<Growing>,
}

/// An entry that is to be appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEntry<'a> {
    pub(crate) kind: u16,
    pub(crate) key: &'a [u8],
    pub(crate) words: &'a [u64],
    /// The first value, if there are to be values.
    pub(crate) value: Option<&'a [u8]>,
    /// How long values can be.
    pub(crate) capacity: usize,
}

impl SideFile {
    /// Creates a file without entries, which readers see whole or not at all.
    ///
    /// Fails if there is a file of that name.
    pub(crate) fn create(path: &Path) -> io::Result<Arc<Self>> {
        Growing::create(path, &HEAD, USED_AT, u32::to_le).map(Self::on)
    }

    pub(super) fn on(file: Growing) -> Arc<Self> {
        Arc::new(Self { file: Mutex::new(file) })
    }

    /// The bytes in use, while nobody writes any but by [`SideSlot::add`].
    #[cfg(all(unix, not(loom)))]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let file = self.file.lock();
        let mut bytes = Vec::with_capacity(file.used);
        // Entries are of whole words, any of which may grow just now.
        for at in (0..file.used).step_by(size_of::<u64>()) {
            bytes.extend_from_slice(&file.load(at).to_ne_bytes());
        }
        bytes
    }

    /// Moves what is in memory into a file.
    ///
    /// Who replaces a value just then may see that it was not. What is added to a word is not
    /// lost: `is_sum` tells by the kind of an entry and the place of a word which those are.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn land(&self, path: &Path, is_sum: impl Fn(u16, usize) -> bool) -> io::Result<()> {
        let mut file = self.file.lock();
        let sums = words_where(&file, is_sum);
        file.land(path, |word, at, before, after| {
            if sums.contains(&at) {
                add_to(word, u64::from_le(after).wrapping_sub(u64::from_le(before)));
            }
        })
    }

    /// Whether what it says is in memory, where no other process sees it.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn is_adrift(&self) -> bool {
        self.file.lock().is_adrift()
    }

    /// In a forked child: makes the file one of this process, with the bytes
    /// of `image`, which are as many. An error leaves them in memory.
    ///
    /// Without paths, or if there is no room, no other process sees them.
    #[cfg(all(unix, not(loom)))]
    pub(crate) fn leave_parent(
        &self,
        paths: Option<(&Path, &Path)>,
        image: &[u8],
    ) -> io::Result<()> {
        let mut file = self.file.lock();
        file.leave(paths.map(|(hidden, _)| hidden), Some(image), 0)?;
        paths.map_or(Ok(()), |(hidden, target)| file.publish_as(hidden, target))
    }

    /// Appends an entry.
    ///
    /// An error leaves the file as it was.
    pub(crate) fn append(self: &Arc<Self>, entry: &NewEntry<'_>) -> io::Result<SideSlot> {
        self.append_to(&mut self.file.lock(), entry)
    }

    /// The same; none if another thread is appending.
    pub(crate) fn try_append(self: &Arc<Self>, entry: &NewEntry<'_>) -> Option<SideSlot> {
        self.append_to(&mut *self.file.try_lock()?, entry).ok()
    }

    fn append_to(
        self: &Arc<Self>,
        file: &mut Growing,
        entry: &NewEntry<'_>,
    ) -> io::Result<SideSlot> {
        let (bytes, capacity) = encode(entry)?;
        let words_at = ENTRY_HEAD + entry.key.len().next_multiple_of(8);
        let at = file.append(&bytes)?;
        let words = (0..entry.words.len()).map(|place| file.word(at + words_at + place * 8));
        let words = words.collect();
        let halves_at = at + words_at + entry.words.len() * 8;
        let half = HALF_HEAD + capacity;
        let halves = entry.value.map(|_| {
            [0, 1].map(|place| file.pieces(halves_at + place * half, half).into_boxed_slice())
        });
        let writer = halves.map(|halves| Mutex::new(Writer { halves, sequence: 1 }));
        Ok(SideSlot { file: self.clone(), words, capacity, writer })
    }
}

/// The bytes of an entry, and the capacity of its halves.
pub(crate) fn encode(entry: &NewEntry<'_>) -> io::Result<(Vec<u8>, usize)> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "an entry is too large");
    let value = entry.value.unwrap_or_default();
    let capacity = match entry.value {
        Some(value) => entry.capacity.max(value.len()).max(1).next_multiple_of(8),
        None => 0,
    };
    let halves = if capacity == 0 { 0 } else { 2 * (HALF_HEAD + capacity) };
    let size = ENTRY_HEAD + entry.key.len().next_multiple_of(8) + entry.words.len() * 8 + halves;
    let number = |number: usize| u32::try_from(number).map_err(|_| too_large());
    let words = u16::try_from(entry.words.len()).map_err(|_| too_large())?;

    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&number(size)?.to_le_bytes());
    bytes.extend_from_slice(&entry.kind.to_le_bytes());
    bytes.extend_from_slice(&words.to_le_bytes());
    bytes.extend_from_slice(&number(entry.key.len())?.to_le_bytes());
    bytes.extend_from_slice(&number(capacity)?.to_le_bytes());
    let sum = checksum(checksum(0, &bytes), entry.key);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(entry.key);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    for word in entry.words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    if capacity > 0 {
        // The first value has the sequence number 1 and so stands in the second half.
        bytes.resize(bytes.len() + HALF_HEAD + capacity, 0);
        bytes.extend_from_slice(&half_head(1, value));
        bytes.extend_from_slice(value);
        bytes.resize(size, 0);
    }
    Ok((bytes, capacity))
}

pub(crate) fn half_head(sequence: u64, value: &[u8]) -> [u8; HALF_HEAD] {
    let mut head = [0; HALF_HEAD];
    let words = [sequence, value.len() as u64, half_checksum(sequence, value)];
    for (to, word) in head.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    head
}

/// An entry of a [`SideFile`]: words that are written at once, and a value in two halves.
pub(crate) struct SideSlot {
    // Keeps what is below mapped.
    file: Arc<SideFile>,
    words: Box<[Word]>,
    capacity: usize,
    writer: Option<Mutex<Writer>>,
}

struct Writer {
    halves: [Box<[Piece]>; 2],
    /// That of the half that is valid.
    sequence: u64,
}

// SAFETY: what the pointers lead to stays mapped as long as the file that the slot owns a
// share of, from whichever thread it is reached; words are only touched as atomics, and the
// halves only by who holds the lock of the writer.
unsafe impl Send for SideSlot {}
// SAFETY: as for `Send`.
unsafe impl Sync for SideSlot {}

impl SideSlot {
    /// How many words it has.
    pub(crate) fn words(&self) -> usize {
        self.words.len()
    }

    /// Says that it counts no more, which is what its last word is for.
    pub(crate) fn close(&self) {
        if let Some(last) = self.words.len().checked_sub(1) {
            self.set_word(last, CLOSED);
        }
    }

    /// One of its words; 0 if it has not so many.
    pub(crate) fn word(&self, place: usize) -> u64 {
        self.at(place).map_or(0, |word| u64::from_le(word.load(Ordering::Acquire)))
    }

    pub(crate) fn set_word(&self, place: usize, value: u64) {
        if let Some(word) = self.at(place) {
            word.store(value.to_le(), Ordering::Release);
        }
    }

    /// How many bytes of its file are in use.
    pub(crate) fn file_len(&self) -> u64 {
        self.file.file.lock().used as u64
    }

    /// Replaces the value; false if it is too long, and the old one stays.
    ///
    /// Waits for a thread that is writing, which takes no longer than copying.
    pub(crate) fn write(&self, value: &[u8]) -> bool {
        self.writer.as_ref().is_some_and(|writer| self.write_as(&mut writer.lock(), value))
    }

    fn write_as(&self, writer: &mut Writer, value: &[u8]) -> bool {
        if value.len() > self.capacity {
            return false;
        }
        let sequence = writer.sequence + 1;
        // The other half stays as it is, so that a kill in here costs the new value alone.
        let half = &writer.halves[(sequence % 2) as usize];
        copy(half, &[&half_head(sequence, value), value]);
        writer.sequence = sequence;
        true
    }

    /// Adds to one of its words, as other threads do.
    pub(crate) fn add(&self, place: usize, n: u64) {
        if let Some(word) = self.at(place) {
            add_to(word, n);
        }
    }

    fn at(&self, place: usize) -> Option<&AtomicU64> {
        let word = self.words.get(place)?;
        // SAFETY: `Growing::word` gave an aligned word of the mapping, `file` keeps it mapped,
        // and it is published, so that nothing but atomics touches it.
        Some(unsafe { word.atomic() })
    }
}

/// Adds to a word of a file, as other threads do.
fn add_to(word: &AtomicU64, n: u64) {
    if cfg!(target_endian = "little") {
        word.fetch_add(n, Ordering::Relaxed);
    } else {
        let sum = |have| Some(u64::from_le(have).wrapping_add(n).to_le());
        let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }
}

/// Where those words of all entries stand that are wanted by kind and place.
#[cfg(all(target_os = "linux", not(loom)))]
fn words_where(file: &Growing, is_wanted: impl Fn(u16, usize) -> bool) -> HashSet<usize> {
    let (mut wanted, mut at) = (HashSet::new(), HEAD.len());
    while file.used - at >= ENTRY_HEAD {
        let [a, b, c, d, kind @ .., w, x] = file.load(at).to_ne_bytes();
        let [e, f, g, h, ..] = file.load(at + 8).to_ne_bytes();
        let [size, key_len] = [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes);
        let (kind, words) = (u16::from_le_bytes(kind), u16::from_le_bytes([w, x]).into());
        let (size, len) = (size as usize, file.used - at);
        // Somebody may have damaged the file of a parent that has died since.
        if size < ENTRY_HEAD || size > len || size % size_of::<u64>() != 0 {
            break;
        }
        if let Some(key_len) = (key_len as usize).checked_next_multiple_of(size_of::<u64>()) {
            let places = (0..words).filter(|place| is_wanted(kind, *place));
            let words_at = at.saturating_add(ENTRY_HEAD).saturating_add(key_len);
            wanted.extend(places.map(|place| words_at.saturating_add(8 * place)));
        }
        at += size;
    }
    wanted
}

/// Copies parts back to back into pieces that are as long or longer; `&mut Writer` holds them.
fn copy(pieces: &[Piece], parts: &[&[u8]]) {
    let mut pieces = pieces.iter().cloned();
    let mut room = pieces.next();
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            let Some(piece) = room else { return };
            let (to, behind) = {
                let len = piece.len().min(rest.len());
                piece.split_at(len)
            };
            let (now, later) = rest.split_at(to.len());
            // SAFETY: the piece is mapped; nothing in this process refers to the halves but
            // the writer, which is locked.
            unsafe { to.write(now) };
            rest = later;
            room = if behind.len() > 0 { Some(behind) } else { pieces.next() };
        }
    }
}

impl fmt::Debug for SideSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = (0..self.words.len()).map(|place| self.word(place)).collect();
        f.debug_struct("SideSlot").field("words", &words).finish_non_exhaustive()
    }
}

#[cfg(all(test, target_os = "linux", not(any(loom, miri))))]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn what_is_added_while_memory_becomes_a_file_is_counted_once() {
        const KIND: u16 = 8;
        const SUM: usize = 1;

        let dir = tempfile::tempdir().unwrap();
        for round in 0..300 {
            let path = |name: &str| dir.path().join(format!("{round}-{name}"));
            let file = SideFile::create(&path("parent")).unwrap();
            let new = NewEntry { kind: KIND, key: b"k", words: &[0; 3], value: None, capacity: 0 };
            let slot = file.append(&new).unwrap();
            // As in a forked child that may make no file.
            assert!(file.leave_parent(None, &file.bytes()).is_err() && file.is_adrift());
            let is_done = AtomicBool::new(false);
            let begun = AtomicU64::new(0);
            let added: u64 = thread::scope(|scope| {
                let add = || {
                    let mut added = 0;
                    while !is_done.load(Ordering::Relaxed) {
                        slot.add(SUM, 1);
                        added += 1;
                        begun.fetch_add(1, Ordering::Relaxed);
                    }
                    added
                };
                let adding = [(); 2].map(|()| scope.spawn(add));
                while begun.load(Ordering::Relaxed) < 100 {
                    thread::yield_now();
                }
                let landed = file.land(&path("own"), |kind, at| kind == KIND && at == SUM);
                is_done.store(true, Ordering::Relaxed);
                landed.unwrap();
                adding.into_iter().map(|adding| adding.join().unwrap()).sum()
            });
            assert_eq!(slot.word(SUM), added, "round {round}");
            // Behind the heads of the file and of the entry, the key, and a word.
            let at = HEAD.len() + ENTRY_HEAD + 8 + 8 * SUM;
            assert_eq!(fs::read(path("own")).unwrap()[at..at + 8], added.to_le_bytes());
            fs::remove_file(path("own")).unwrap();
            fs::remove_file(path("parent")).unwrap();
        }
    }
}
