//! Reads a side file with plain reads: sound entries, and what is wrong with the others.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

#[cfg(unix)]
use crate::cell::side::half_head;
use crate::cell::side::{CLOSED, ENTRY_HEAD, HALF_HEAD, HEAD, USED_AT, checksum, half_checksum};
use crate::multiprocess::reader::{Damage, DamageKind, Room, open, size_of_file};

/// Where the head of an entry has its checksum.
const SUM_AT: usize = 16;

/// How often an entry is read again whose owner was writing to it.
const ATTEMPTS: usize = 16;

/// One entry, its key not decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SideRow<'a> {
    pub(crate) offset: usize,
    pub(crate) kind: u16,
    pub(crate) key: &'a [u8],
    pub(super) words: &'a [u8],
    /// Where its last word stands, if it has words.
    pub(crate) last_word_at: Option<usize>,
    /// The value that was written last, if any was.
    pub(crate) value: Option<&'a [u8]>,
}

impl SideRow<'_> {
    /// One of its words, if it has so many.
    pub(crate) fn word(&self, place: usize) -> Option<u64> {
        self.words.chunks_exact(8).nth(place).map(|bytes| number(bytes, 0).unwrap_or(0))
    }

    /// Whether it has been closed: its last word says that it counts no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.words.chunks_exact(8).next_back().is_some_and(|last| last == CLOSED.to_le_bytes())
    }
}

/// The part of a side file that is in use.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut room = Room::default();
    let (mut file, bytes) = read_once(path, &mut room)?;
    mend(&mut file, bytes)?;
    Ok(bytes.to_owned())
}

/// The same into room that was used before, but with values that were half written meanwhile.
pub(super) fn read_once<'r>(path: &Path, room: &'r mut Room) -> io::Result<(File, &'r mut [u8])> {
    let (mut file, metadata) = open(path)?;
    let len = read_from(&mut file, |file, used| size_of_file(file, &metadata, used), room)?;
    Ok((file, room.first(len)))
}

/// Reads the part of an open file that [`read_once`] gives; says how long it is.
///
/// `size` says how much of it is there, and is in use.
pub(crate) fn read_from<F: Read>(
    file: &mut F,
    size: impl FnOnce(&F, usize) -> io::Result<usize>,
    room: &mut Room,
) -> io::Result<usize> {
    // The count of used bytes is read before them: what it counts was written before it.
    let len = room.fill(file, 0, HEAD.len())?;
    match used(room.first(len)) {
        Some(used) => {
            let size = size(file, used)?;
            room.fill(file, len, size.saturating_sub(len))
        }
        None => Ok(len),
    }
}

/// Reads again what was half written when it was read.
pub(crate) fn mend(file: &mut (impl Read + Seek), bytes: &mut [u8]) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let mut layouts = Layouts::of(bytes);
        let mut torn = Vec::new();
        while let Some(at) = layouts.next() {
            if layouts.shape.value(bytes, at).is_err() {
                torn.push((at, at + layouts.shape.size));
            }
        }
        if torn.is_empty() {
            break;
        }
        for (at, end) in torn {
            let Some(entry) = bytes.get_mut(at..end) else { continue };
            file.seek(SeekFrom::Start(at as u64))?;
            file.read_exact(entry)?;
        }
    }
    Ok(())
}

/// The sound entries of the bytes that [`read`] gave, and what is wrong with the others.
pub(crate) fn entries(bytes: &[u8]) -> (Vec<SideRow<'_>>, Vec<Damage>) {
    let mut rows = SideRows::of(bytes);
    (rows.by_ref().collect(), rows.damages())
}

/// The sound entries of the bytes that [`read`] gave, one by one.
pub(super) struct SideRows<'a> {
    layouts: Layouts<'a>,
    damages: Vec<Damage>,
}

impl<'a> SideRows<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { layouts: Layouts::of(bytes), damages: Vec::new() }
    }

    /// What is wrong with the others, as far as they were asked for.
    pub(super) fn damages(mut self) -> Vec<Damage> {
        self.damages.extend(self.layouts.damage);
        self.damages
    }
}

impl<'a> Iterator for SideRows<'a> {
    type Item = SideRow<'a>;

    #[inline]
    fn next(&mut self) -> Option<SideRow<'a>> {
        loop {
            let offset = self.layouts.next()?;
            let row = self.layouts.shape.row(self.layouts.bytes, offset);
            if row.is_some() {
                return row;
            }
            self.damages.push(Damage { offset, what: DamageKind::Value });
        }
    }
}

/// The sound entries of these bytes, as they can be changed.
#[cfg(unix)]
pub(super) fn placed(bytes: &[u8]) -> Vec<Placed> {
    let mut layouts = Layouts::of(bytes);
    let mut placed = Vec::new();
    while let Some(at) = layouts.next() {
        placed.push(Placed { at, shape: layouts.shape });
    }
    placed
}

/// The places of entries one by one, up to the damage.
struct Layouts<'a> {
    bytes: &'a [u8],
    at: usize,
    used: usize,
    /// That of the entry whose place was told last.
    shape: Shape,
    damage: Option<Damage>,
}

impl<'a> Layouts<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let (used, damage) = match used(bytes) {
            Some(used) => (used, None),
            None if bytes.len() < HEAD.len() => (0, Some(DamageKind::Truncated)),
            None => (0, Some(DamageKind::Header)),
        };
        let damage = damage.map(|what| Damage { offset: 0, what });
        Self { bytes, at: HEAD.len(), used, shape: Shape::default(), damage }
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.at >= self.used || self.damage.is_some() {
            return None;
        }
        let at = self.at;
        if !self.is_sound() {
            let is_cut = self.bytes.len() < self.used;
            let what = if is_cut { DamageKind::Truncated } else { DamageKind::Entry };
            self.damage = Some(Damage { offset: at, what });
            return None;
        }
        self.at += self.shape.size;
        Some(at)
    }

    /// Whether there is a sound entry at the place that is next.
    #[inline]
    fn is_sound(&mut self) -> bool {
        let Some(rest) = self.bytes.get(self.at..usize::min(self.used, self.bytes.len())) else {
            return false;
        };
        let Some((head, rest)) = rest.split_first_chunk() else { return false };
        // Most entries look like the one before.
        if self.shape.size == 0 || *head != self.shape.head {
            match Shape::of(*head) {
                Some(shape) => self.shape = shape,
                None => return false,
            }
        }
        let Some((sum, rest)) = rest.split_first_chunk() else { return false };
        let Some(key) = rest.get(..self.shape.key_len) else { return false };
        rest.len() >= self.shape.size - ENTRY_HEAD
            && u64::from_le_bytes(*sum) == checksum(self.shape.head_sum, key)
    }
}

/// Where the parts of an entry stand, counted from its first byte.
#[derive(Clone, Copy, Default)]
struct Shape {
    /// What says so.
    head: [u8; SUM_AT],
    head_sum: u64,
    kind: u16,
    key_len: usize,
    words_at: usize,
    halves_at: usize,
    capacity: usize,
    size: usize,
}

impl Shape {
    fn of(head: [u8; SUM_AT]) -> Option<Self> {
        let (kind, words) = (half_number(&head, 4)?, half_number(&head, 6)?);
        let [size, key_len, capacity] =
            [0, 8, 12].map(|place| quarter(&head, place).unwrap_or(u32::MAX) as usize);
        let words_at = ENTRY_HEAD.checked_add(key_len.checked_next_multiple_of(8)?)?;
        let halves_at = words_at.checked_add(usize::from(words) * 8)?;
        let halves = match capacity {
            0 => 0,
            _ => capacity.checked_add(HALF_HEAD)?.checked_mul(2)?,
        };
        let sound = capacity % 8 == 0 && halves_at.checked_add(halves)? == size;
        let head_sum = checksum(0, &head);
        sound.then_some(Self { head, head_sum, kind, key_len, words_at, halves_at, capacity, size })
    }

    /// The entry at a place, unless its value is damaged.
    #[inline]
    fn row<'a>(&self, bytes: &'a [u8], at: usize) -> Option<SideRow<'a>> {
        let entry = bytes.get(at..at + self.size)?;
        Some(SideRow {
            offset: at,
            kind: self.kind,
            key: entry.get(ENTRY_HEAD..ENTRY_HEAD + self.key_len)?,
            words: entry.get(self.words_at..self.halves_at)?,
            last_word_at: (self.words_at < self.halves_at).then(|| at + self.halves_at - 8),
            value: self.value(bytes, at).ok()?,
        })
    }

    /// The value that was written last; an error if none of the halves is whole.
    #[inline]
    fn value<'a>(&self, bytes: &'a [u8], at: usize) -> Result<Option<&'a [u8]>, ()> {
        if self.capacity == 0 {
            return Ok(None);
        }
        let size = HALF_HEAD + self.capacity;
        let halves = [0, 1].map(|place| {
            let at = at + self.halves_at + place * size;
            bytes.get(at..at + size).and_then(whole)
        });
        let newest = halves.into_iter().flatten().max_by_key(|(sequence, _)| *sequence);
        newest.map(|(_, value)| Some(value)).ok_or(())
    }
}

/// An entry at its place.
#[cfg(unix)]
pub(super) struct Placed {
    at: usize,
    shape: Shape,
}

#[cfg(unix)]
impl Placed {
    pub(super) fn kind(&self) -> u16 {
        self.shape.kind
    }

    /// Whether a word is not 0.
    pub(super) fn has_word(&self, bytes: &[u8], place: usize) -> bool {
        self.row(bytes).and_then(|row| row.word(place)).is_some_and(|word| word != 0)
    }

    /// Writes one of its words; the last one of an entry that counts no more stays.
    pub(super) fn set_word(&self, bytes: &mut [u8], place: usize, word: u64) {
        let is_closed = self.row(bytes).is_some_and(|row| row.is_closed());
        let at = self.shape.words_at + place * 8;
        let is_there = at < self.shape.halves_at;
        let to = bytes.get_mut(self.at + at..self.at + at + 8);
        if let (false, true, Some(to)) = (is_closed, is_there, to) {
            to.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// Writes a value over the one that was written last; that of its number.
    pub(super) fn replace_value(&self, bytes: &mut [u8], value: &[u8]) {
        let Shape { halves_at, capacity, .. } = self.shape;
        let size = HALF_HEAD + capacity;
        let halves = [0, 1].map(|place| self.at + halves_at + place * size);
        let sequence = |at: usize| Some((whole(bytes.get(at..at + size)?)?.0, at));
        let newest = halves.into_iter().filter_map(sequence).max();
        let Some((sequence, at)) = newest.filter(|_| value.len() <= capacity) else { return };
        if let Some(half) = bytes.get_mut(at..at + HALF_HEAD + value.len()) {
            let (head, room) = half.split_at_mut(HALF_HEAD);
            head.copy_from_slice(&half_head(sequence, value));
            room.copy_from_slice(value);
        }
    }

    fn row<'a>(&self, bytes: &'a [u8]) -> Option<SideRow<'a>> {
        self.shape.row(bytes, self.at)
    }
}

/// The sequence number and the value of a half, if it is not half written.
fn whole(half: &[u8]) -> Option<(u64, &[u8])> {
    let (head, room) = half.split_at_checked(HALF_HEAD)?;
    let (sequence, len, sum) = (number(head, 0)?, number(head, 8)?, number(head, 16)?);
    let value = room.get(..usize::try_from(len).ok()?)?;
    (sequence != 0 && half_checksum(sequence, value) == sum).then_some((sequence, value))
}

/// How many bytes are in use, if the head is that of a side file.
fn used(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..HEAD.len())?;
    let used = quarter(head, USED_AT)? as usize;
    (head[..USED_AT] == HEAD[..USED_AT] && used >= HEAD.len()).then_some(used)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn quarter(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn half_number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
