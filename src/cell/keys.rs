//! Room for the keys of values: texts in parts, side by side, that stay where they are.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::{slice, str};

/// The first chunk has so many words, each that follows twice as many, up to the last size.
const FIRST: usize = 16;
const LAST: usize = 8 * 1024;

/// The head of a key without parts.
static EMPTY: u64 = 0;

/// What the head of a key says of its mark, beside the number of its parts.
const MARK: u32 = 1 << 31;

/// A text in parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'k> {
    /// The parts, one behind the other.
    pub(crate) text: &'k str,
    /// How long each of them is.
    pub(crate) lens: &'k [u32],
    /// Whatever else is to be known of it.
    pub(crate) marked: bool,
}

impl Key<'_> {
    /// Whether these are its parts.
    #[inline(always)]
    pub(crate) fn is_of<'p>(self, parts: impl Iterator<Item = &'p [u8]>) -> bool {
        let mut at = self.text.as_ptr();
        for (len, part) in self.lens.iter().zip(parts) {
            // SAFETY: the text has as many bytes as its parts are long.
            unsafe {
                if *len as usize != part.len() || !is_at(at, part) {
                    return false;
                }
                at = at.add(part.len());
            }
        }
        true
    }
}

/// Whether the bytes from here on are these. Most are few, and no call is made for them.
///
/// # Safety
/// There are as many.
#[inline(always)]
unsafe fn is_at(at: *const u8, part: &[u8]) -> bool {
    /// # Safety
    /// There are at least so many bytes, and no more than twice as many.
    #[inline(always)]
    unsafe fn ends_are<const N: usize>(at: *const u8, part: &[u8]) -> bool {
        // SAFETY: as the caller says; arrays of bytes can stand anywhere.
        let ends = |from: *const u8| unsafe {
            (from.cast::<[u8; N]>().read(), from.add(part.len() - N).cast::<[u8; N]>().read())
        };
        ends(at) == ends(part.as_ptr())
    }

    // SAFETY: the lengths are within the bounds.
    unsafe {
        match part.len() {
            8..=16 => ends_are::<8>(at, part),
            4..=7 => ends_are::<4>(at, part),
            2..=3 => ends_are::<2>(at, part),
            17..=32 => ends_are::<16>(at, part),
            1 => *at == part[0],
            0 => true,
            len => slice::from_raw_parts(at, len) == part,
        }
    }
}

/// A key that is being written.
#[derive(Debug, Default)]
pub(crate) struct KeyBuf {
    pub(crate) text: String,
    pub(crate) lens: Vec<u32>,
    pub(crate) marked: bool,
}

impl KeyBuf {
    pub(crate) fn as_key(&self) -> Key<'_> {
        Key { text: &self.text, lens: &self.lens, marked: self.marked }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.lens.clear();
        self.marked = false;
    }
}

/// Where a key stands: a head of two numbers, the lengths of its parts, and the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyAt(NonNull<u64>);

// SAFETY: nobody changes what stands there.
unsafe impl Send for KeyAt {}
// SAFETY: as above.
unsafe impl Sync for KeyAt {}

impl KeyAt {
    pub(super) fn empty() -> Self {
        Self(NonNull::from(&EMPTY))
    }

    /// The key.
    ///
    /// # Safety
    /// It was not given back, nor were the keys dropped, as long as it is looked at.
    #[inline]
    pub(super) unsafe fn get<'k>(self) -> Key<'k> {
        let head: *const u32 = self.0.as_ptr().cast();
        // SAFETY: `put` wrote the head, and behind it as much as that says.
        unsafe {
            let (len, parts) = (*head as usize, *head.add(1));
            let count = (parts & !MARK) as usize;
            let lens = slice::from_raw_parts(head.add(2), count);
            let text = slice::from_raw_parts(head.add(2 + count).cast(), len);
            Key { text: str::from_utf8_unchecked(text), lens, marked: parts & MARK != 0 }
        }
    }
}

/// Where keys are, and where there is room for more.
#[derive(Debug, Default)]
pub(super) struct Keys {
    chunks: Vec<NonNull<[MaybeUninit<u64>]>>,
    /// How many words of the last chunk are taken.
    taken: usize,
    /// Room that was used before, by how many words it has.
    vacant: BTreeMap<usize, Vec<KeyAt>>,
    written: KeyBuf,
}

// SAFETY: it owns its chunks.
unsafe impl Send for Keys {}

impl Keys {
    /// Keeps a key; none if its text is too long.
    pub(super) fn put(&mut self, write: impl FnOnce(&mut KeyBuf)) -> Option<KeyAt> {
        self.written.clear();
        write(&mut self.written);
        let Key { text, lens, marked } = self.written.as_key();
        if lens.is_empty() {
            return Some(KeyAt::empty());
        }
        let parts = u32::try_from(lens.len()).ok().filter(|parts| parts & MARK == 0)?;
        let head = [u32::try_from(text.len()).ok()?, if marked { parts | MARK } else { parts }];
        let words = words_of(lens.len(), text.len());
        let used = self.vacant.get_mut(&words).and_then(Vec::pop);
        let key = used.unwrap_or_else(|| take(&mut self.chunks, &mut self.taken, words));
        let to: *mut u32 = key.0.as_ptr().cast();
        // SAFETY: it is room for so many words, which nobody else knows of.
        unsafe {
            to.cast::<[u32; 2]>().write(head);
            ptr::copy_nonoverlapping(lens.as_ptr(), to.add(2), lens.len());
            ptr::copy_nonoverlapping(text.as_ptr(), to.add(2 + lens.len()).cast(), text.len());
        }
        Some(key)
    }

    /// Takes room back.
    ///
    /// # Safety
    /// The key came from here, and nobody looks at it any more.
    pub(super) unsafe fn give_back(&mut self, key: KeyAt) {
        // SAFETY: as the caller says.
        let Key { text, lens, .. } = unsafe { key.get() };
        if !lens.is_empty() {
            self.vacant.entry(words_of(lens.len(), text.len())).or_default().push(key);
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        for chunk in &self.chunks {
            // SAFETY: it came from a box.
            unsafe { drop(Box::from_raw(chunk.as_ptr())) };
        }
    }
}

/// Room for so many words in the last chunk, or in a new one.
fn take(chunks: &mut Vec<NonNull<[MaybeUninit<u64>]>>, taken: &mut usize, words: usize) -> KeyAt {
    let last = chunks.last().copied().filter(|last| last.len() - *taken >= words);
    let chunk = last.unwrap_or_else(|| {
        let before = chunks.last().map_or(0, |chunk| chunk.len());
        let size = (2 * before).clamp(FIRST, LAST).max(words);
        let chunk = NonNull::from(Box::leak(Box::new_uninit_slice(size)));
        chunks.push(chunk);
        *taken = 0;
        chunk
    });
    let at = *taken;
    *taken += words;
    // SAFETY: so many words of the chunk are left.
    KeyAt(unsafe { chunk.cast::<u64>().add(at) })
}

fn words_of(parts: usize, bytes: usize) -> usize {
    1 + (parts * size_of::<u32>() + bytes).div_ceil(size_of::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(keys: &mut Keys, n: usize) -> KeyAt {
        let put = keys.put(|key| {
            key.text.extend(std::iter::repeat_n('ü', n * 37 % 200));
            key.lens.extend([2, n as u32]);
            key.marked = n % 3 == 0;
        });
        put.unwrap()
    }

    #[test]
    fn a_key_stays_as_it_was_put_and_room_is_used_again() {
        let mut keys = Keys::default();
        let held: Vec<_> = (0..500).map(|n| (put(&mut keys, n), n)).collect();
        let (odd, mut held): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, n)| n % 2 == 1);
        for (key, _) in odd {
            // SAFETY: it is not used again.
            unsafe { keys.give_back(key) };
        }
        let chunks = keys.chunks.len();
        // As many as were given back, of the same lengths.
        held.extend((1..500).step_by(2).map(|n| (put(&mut keys, n), n)));
        assert_eq!(keys.chunks.len(), chunks);
        for (key, n) in held {
            // SAFETY: it was not given back.
            let key = unsafe { key.get() };
            assert_eq!(key.text, "ü".repeat(n * 37 % 200));
            assert_eq!((key.lens, key.marked), (&[2, n as u32][..], n % 3 == 0));
        }
    }

    #[test]
    fn a_key_without_parts_takes_no_room() {
        let mut keys = Keys::default();
        let key = keys.put(|_| {}).unwrap();
        // SAFETY: it was not given back.
        assert!(unsafe { key.get() }.lens.is_empty() && keys.chunks.is_empty());
        // SAFETY: it is not used again.
        unsafe { keys.give_back(key) };
        assert!(keys.vacant.is_empty());
    }
}
