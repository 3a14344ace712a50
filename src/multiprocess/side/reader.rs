//! Reads a side file with plain reads: sound entries, and what is wrong with the others.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

#[cfg(unix)]
use crate::cell::side::half_head;
use crate::cell::side::{CLOSED, ENTRY_HEAD, HALF_HEAD, HEAD, USED_AT, checksum, half_checksum};
use crate::multiprocess::reader::{Damage, DamageKind};

/// How often an entry is read again whose owner was writing to it.
const ATTEMPTS: usize = 16;

/// One entry, its key not decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SideRow<'a> {
    pub(crate) offset: usize,
    pub(crate) kind: u16,
    pub(crate) key: &'a [u8],
    words: &'a [u8],
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
    let mut bytes = Vec::new();
    let mut file = read_once(path, &mut bytes)?;
    mend(&mut file, &mut bytes)?;
    Ok(bytes)
}

/// The same in place of what `bytes` held, but with values that were half written meanwhile.
pub(super) fn read_once(path: &Path, bytes: &mut Vec<u8>) -> io::Result<File> {
    bytes.clear();
    // A named pipe would be waited for when it is opened.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut file = File::open(path)?;
    // The count of used bytes is read before them: what it counts was written before it.
    (&mut file).take(HEAD.len() as u64).read_to_end(bytes)?;
    if let Some(used) = used(bytes) {
        (&mut file).take((used - bytes.len()) as u64).read_to_end(bytes)?;
    }
    Ok(file)
}

/// Reads again what was half written when it was read.
pub(super) fn mend(file: &mut File, bytes: &mut [u8]) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let torn: Vec<_> = Layouts::of(bytes).filter(|entry| entry.value(bytes).is_err()).collect();
        if torn.is_empty() {
            break;
        }
        for Layout { offset, end, .. } in torn {
            let Some(entry) = bytes.get_mut(offset..end) else { continue };
            file.seek(SeekFrom::Start(offset as u64))?;
            file.read_exact(entry)?;
        }
    }
    Ok(())
}

/// The sound entries of the bytes that [`read`] gave, and what is wrong with the others.
pub(crate) fn entries(bytes: &[u8]) -> (Vec<SideRow<'_>>, Vec<Damage>) {
    let mut damages = Vec::new();
    let mut entries = Vec::new();
    let mut layouts = Layouts::of(bytes);
    for layout in &mut layouts {
        match (layout.value(bytes), layout.row(bytes)) {
            (Ok(value), Some(row)) => entries.push(SideRow { value, ..row }),
            _ => damages.push(Damage { offset: layout.offset, what: DamageKind::Value }),
        }
    }
    damages.extend(layouts.damage);
    (entries, damages)
}

/// Where the sound entries of these bytes stand.
#[cfg(unix)]
pub(super) fn layouts(bytes: &[u8]) -> Vec<Layout> {
    Layouts::of(bytes).collect()
}

/// Where the parts of an entry stand.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    offset: usize,
    pub(super) kind: u16,
    key_len: usize,
    words_at: usize,
    halves_at: usize,
    capacity: usize,
    end: usize,
}

/// The entries one by one, up to the damage.
struct Layouts<'a> {
    bytes: &'a [u8],
    at: usize,
    used: usize,
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
        Self { bytes, at: HEAD.len(), used, damage }
    }
}

impl Iterator for Layouts<'_> {
    type Item = Layout;

    fn next(&mut self) -> Option<Layout> {
        if self.at >= self.used || self.damage.is_some() {
            return None;
        }
        let layout = Layout::read(self.bytes, self.at, self.used);
        match layout {
            Some(layout) => self.at = layout.end,
            None => {
                let is_cut = self.bytes.len() < self.used;
                let what = if is_cut { DamageKind::Truncated } else { DamageKind::Entry };
                self.damage = Some(Damage { offset: self.at, what });
            }
        }
        layout
    }
}

impl Layout {
    /// That of the entry at `at`, if it is sound and ends within `end`.
    fn read(bytes: &[u8], at: usize, end: usize) -> Option<Self> {
        let head = bytes.get(at..at.checked_add(ENTRY_HEAD)?)?;
        let (kind, words) = (half_number(head, 4)?, half_number(head, 6)?);
        let [size, key_len, capacity] =
            [0, 8, 12].map(|place| quarter(head, place).unwrap_or(u32::MAX) as usize);
        let key_at = at + ENTRY_HEAD;
        let words_at = key_at.checked_add(key_len.checked_next_multiple_of(8)?)?;
        let halves_at = words_at.checked_add(usize::from(words) * 8)?;
        let halves = match capacity {
            0 => 0,
            _ => capacity.checked_add(HALF_HEAD)?.checked_mul(2)?,
        };
        let entry_end = halves_at.checked_add(halves)?;
        let key = bytes.get(key_at..key_at.checked_add(key_len)?)?;
        let sound = number(head, 16)? == checksum(checksum(0, &head[..16]), key)
            && capacity % 8 == 0
            && entry_end == at.checked_add(size)?
            && entry_end <= end
            && entry_end <= bytes.len();
        sound.then_some(Self {
            offset: at,
            kind,
            key_len,
            words_at,
            halves_at,
            capacity,
            end: entry_end,
        })
    }

    fn row<'a>(&self, bytes: &'a [u8]) -> Option<SideRow<'a>> {
        let key_at = self.offset + ENTRY_HEAD;
        Some(SideRow {
            offset: self.offset,
            kind: self.kind,
            key: bytes.get(key_at..key_at + self.key_len)?,
            words: bytes.get(self.words_at..self.halves_at)?,
            last_word_at: (self.words_at < self.halves_at).then(|| self.halves_at - 8),
            value: None,
        })
    }

    /// Whether a word is not 0.
    #[cfg(unix)]
    pub(super) fn has_word(&self, bytes: &[u8], place: usize) -> bool {
        self.row(bytes).and_then(|row| row.word(place)).is_some_and(|word| word != 0)
    }

    /// Writes one of its words; the last one of an entry that counts no more stays.
    #[cfg(unix)]
    pub(super) fn set_word(&self, bytes: &mut [u8], place: usize, word: u64) {
        let is_closed = self.row(bytes).is_some_and(|row| row.is_closed());
        let at = self.words_at + place * 8;
        if let (false, true, Some(to)) = (is_closed, at < self.halves_at, bytes.get_mut(at..at + 8))
        {
            to.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// Writes a value over the one that was written last; that of its number.
    #[cfg(unix)]
    pub(super) fn replace_value(&self, bytes: &mut [u8], value: &[u8]) {
        let size = HALF_HEAD + self.capacity;
        let halves = [0, 1].map(|place| self.halves_at + place * size);
        let sequence = |at: usize| Some((whole(bytes.get(at..at + size)?)?.0, at));
        let newest = halves.into_iter().filter_map(sequence).max();
        let Some((sequence, at)) = newest.filter(|_| value.len() <= self.capacity) else { return };
        if let Some(half) = bytes.get_mut(at..at + HALF_HEAD + value.len()) {
            let (head, room) = half.split_at_mut(HALF_HEAD);
            head.copy_from_slice(&half_head(sequence, value));
            room.copy_from_slice(value);
        }
    }

    /// The value that was written last; an error if none of the halves is whole.
    fn value<'a>(&self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, ()> {
        if self.capacity == 0 {
            return Ok(None);
        }
        let size = HALF_HEAD + self.capacity;
        let halves = [0, 1].map(|place| {
            let at = self.halves_at + place * size;
            bytes.get(at..at + size).and_then(whole)
        });
        let newest = halves.into_iter().flatten().max_by_key(|(sequence, _)| *sequence);
        newest.map(|(_, value)| Some(value)).ok_or(())
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
