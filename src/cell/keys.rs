//! The keys of values: texts in parts, side by side.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::{slice, str};

/// The numbers of a head: the length of the text, and how many parts it has.
const HEAD: usize = 2;

/// What the head says beside the number of parts, if the key is marked.
const MARK: u32 = 1 << 31;

/// A text in parts: its length and how many parts it has, how long each of them is, the parts.
#[derive(Clone, Copy)]
pub(crate) struct Key<'k>(NonNull<u32>, PhantomData<&'k u32>);

impl<'k> Key<'k> {
    /// What stands here.
    ///
    /// # Safety
    /// It was [written](KeyBuf::write_to), and stays as it is.
    #[inline(always)]
    pub(super) unsafe fn at(at: NonNull<u32>) -> Self {
        Self(at, PhantomData)
    }

    /// How many bytes it takes.
    pub(super) fn size(self) -> usize {
        size_of(self.count(), self.head(0) as usize)
    }

    /// The parts, one behind the other.
    #[inline]
    pub(crate) fn text(self) -> &'k str {
        // SAFETY: as much was written behind the lengths as the head says, and it was a text.
        unsafe {
            let text = self.0.add(HEAD + self.count()).cast().as_ptr();
            str::from_utf8_unchecked(slice::from_raw_parts(text, self.head(0) as usize))
        }
    }

    /// How long each of them is.
    #[inline]
    pub(crate) fn lens(self) -> &'k [u32] {
        // SAFETY: as many were written behind the head as that says.
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
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.lens.clear();
        self.marked = false;
    }

    /// How many bytes it takes as a [`Key`]; none if its text is too long.
    pub(super) fn size(&self) -> Option<usize> {
        u32::try_from(self.lens.len()).ok().filter(|parts| parts & MARK == 0)?;
        u32::try_from(self.text.len()).ok()?;
        Some(size_of(self.lens.len(), self.text.len()))
    }

    /// # Safety
    /// There is room for as many bytes as it has, which nobody looks at.
    pub(super) unsafe fn write_to(&self, to: NonNull<u32>) {
        let (text, lens) = (self.text.as_bytes(), &*self.lens);
        let parts = lens.len() as u32;
        let head = [text.len() as u32, if self.marked { parts | MARK } else { parts }];
        // SAFETY: as the caller says.
        unsafe {
            to.cast::<[u32; HEAD]>().write(head);
            to.add(HEAD).copy_from_nonoverlapping(NonNull::from(lens).cast(), lens.len());
            let to = to.add(HEAD + lens.len()).cast::<u8>();
            to.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        }
    }
}

fn size_of(parts: usize, bytes: usize) -> usize {
    (HEAD + parts) * std::mem::size_of::<u32>() + bytes
}
