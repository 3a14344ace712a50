//! Room for the keys of values: texts in parts, side by side, that stay where they are.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::{slice, str};

/// The first chunk has so many words, each that follows twice as many, up to the last size.
const FIRST: usize = 16;
const LAST: usize = 8 * 1024;

/// The numbers of a head: the length of the text, and how many parts it has.
const HEAD: usize = 2;

/// What the head says beside the number of parts, if the key is marked.
const MARK: u32 = 1 << 31;

/// The head of a key without parts.
static EMPTY: u64 = 0;

/// A text in parts: its length and how many parts it has, how long each of them is, the parts.
#[derive(Clone, Copy)]
pub(crate) struct Key<'k>(NonNull<u32>, PhantomData<&'k u32>);

impl<'k> Key<'k> {
    /// The parts, one behind the other.
    #[inline]
    pub(crate) fn text(self) -> &'k str {
        // SAFETY: `put` wrote as much behind the lengths as the head says, and it was a text.
        unsafe {
            let text = self.0.add(HEAD + self.count()).cast().as_ptr();
            str::from_utf8_unchecked(slice::from_raw_parts(text, self.head(0) as usize))
        }
    }

    /// How long each of them is.
    #[inline]
    pub(crate) fn lens(self) -> &'k [u32] {
        // SAFETY: `put` wrote as many behind the head as that says.
        unsafe { slice::from_raw_parts(self.0.add(HEAD).as_ptr(), self.count()) }
    }

    /// Whatever else is to be known of it.
    #[inline]
    pub(crate) fn is_marked(self) -> bool {
        self.head(1) & MARK != 0
    }

    #[inline]
    fn count(self) -> usize {
        (self.head(1) & !MARK) as usize
    }

    #[inline]
    fn head(self, at: usize) -> u32 {
        // SAFETY: there is a head.
        unsafe { self.0.add(at).read() }
    }

    /// Whether it has these parts, and no mark.
    #[inline(always)]
    pub(crate) fn is_of<'p>(self, parts: impl ExactSizeIterator<Item = &'p [u8]>) -> bool {
        let count = parts.len();
        if self.head(1) as usize != count {
            return false;
        }
        // SAFETY: there are as many lengths, and the text has as many bytes as they say.
        let mut at = unsafe { self.0.add(HEAD + count).cast::<u8>() };
        for (place, part) in parts.enumerate() {
            if self.head(HEAD + place) as usize != part.len() {
                return false;
            }
            // SAFETY: as above.
            let own = unsafe { slice::from_raw_parts(at.as_ptr(), part.len()) };
            if !are_alike(own, part) {
                return false;
            }
            // SAFETY: as above.
            at = unsafe { at.add(part.len()) };
        }
        true
    }
}

/// Whether two texts of one length are the same. Most are short, and no call is made for them.
#[inline(always)]
fn are_alike(one: &[u8], other: &[u8]) -> bool {
    if let (Some(one), Some(other)) = (Ends::of(one), Ends::of(other)) {
        return one == other;
    }
    match (one.split_first_chunk::<16>(), other.split_first_chunk::<16>()) {
        (Some(first), Some(other_first)) if one.len() <= 32 => {
            first.0 == other_first.0 && one.last_chunk::<16>() == other.last_chunk()
        }
        _ => one == other,
    }
}

/// The ends of a short text; they and its length are all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends(pub(crate) u64, pub(crate) u64);

impl Ends {
    /// None if the text has more than 16 bytes.
    #[inline(always)]
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        Some(if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            if text.len() > 16 {
                return None;
            }
            Self(u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            Self(u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
        } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            Self(u16::from_le_bytes(*first).into(), u16::from_le_bytes(*last).into())
        } else {
            Self(text.first().copied().unwrap_or_default().into(), 0)
        })
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
    fn clear(&mut self) {
        self.text.clear();
        self.lens.clear();
        self.marked = false;
    }
}

/// Where a key stands.
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
        Key(self.0.cast(), PhantomData)
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
        let KeyBuf { text, lens, marked } = &self.written;
        if lens.is_empty() {
            return Some(KeyAt::empty());
        }
        let parts = u32::try_from(lens.len()).ok().filter(|parts| parts & MARK == 0)?;
        let head = [u32::try_from(text.len()).ok()?, if *marked { parts | MARK } else { parts }];
        let words = words_of(lens.len(), text.len());
        let used = self.vacant.get_mut(&words).and_then(Vec::pop);
        let key = used.unwrap_or_else(|| take(&mut self.chunks, &mut self.taken, words));
        let to: *mut u32 = key.0.as_ptr().cast();
        // SAFETY: it is room for so many words, which nobody else knows of.
        unsafe {
            to.cast::<[u32; 2]>().write(head);
            ptr::copy_nonoverlapping(lens.as_ptr(), to.add(HEAD), lens.len());
            ptr::copy_nonoverlapping(text.as_ptr(), to.add(HEAD + lens.len()).cast(), text.len());
        }
        Some(key)
    }

    /// Takes room back.
    ///
    /// # Safety
    /// The key came from here, and nobody looks at it any more.
    pub(super) unsafe fn give_back(&mut self, key: KeyAt) {
        // SAFETY: as the caller says.
        let (parts, bytes) = unsafe { (key.get().count(), key.get().text().len()) };
        if parts > 0 {
            self.vacant.entry(words_of(parts, bytes)).or_default().push(key);
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
            assert_eq!(key.text(), "ü".repeat(n * 37 % 200));
            assert_eq!((key.lens(), key.is_marked()), (&[2, n as u32][..], n % 3 == 0));
        }
    }

    #[test]
    fn a_key_without_parts_takes_no_room() {
        let mut keys = Keys::default();
        let key = keys.put(|_| {}).unwrap();
        // SAFETY: it was not given back.
        assert!(unsafe { key.get() }.lens().is_empty() && keys.chunks.is_empty());
        // SAFETY: it is not used again.
        unsafe { keys.give_back(key) };
        assert!(keys.vacant.is_empty());
    }
}
