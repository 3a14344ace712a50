//! The keys of values: texts in parts, side by side.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::{slice, str};

use super::short::copy_short;

/// In the first byte of a key: it is marked.
const MARK: u8 = 1 << 7;

/// In the first byte of a key: the number of its parts and their lengths take four bytes each.
const LONG: u8 = 1 << 6;

/// The most parts of a key that is not long.
const MOST_PARTS: usize = LONG as usize - 1;

/// A text in parts: how many there are, how long each of them is, the parts.
///
/// In nearly all keys these numbers take a byte each.
#[derive(Clone, Copy)]
pub(crate) struct Key<'k>(NonNull<u8>, PhantomData<&'k u8>);

impl<'k> Key<'k> {
    /// What stands here.
    ///
    /// # Safety
    /// It was [written](KeyBuf::write_to), and stays as it is.
    #[inline(always)]
    pub(super) unsafe fn at(at: NonNull<u8>) -> Self {
        Self(at, PhantomData)
    }

    /// How many bytes it takes.
    pub(super) fn size(self) -> usize {
        self.head_size() + self.text().len()
    }

    /// The parts, one behind the other.
    #[inline]
    pub(crate) fn text(self) -> &'k str {
        let len = match self.short_lens() {
            Some(lens) => lens.iter().map(|&len| usize::from(len)).sum(),
            None => self.lens().map(|len| len as usize).sum(),
        };
        // SAFETY: as much was written behind the lengths as they say.
        unsafe { self.text_of(len) }
    }

    /// The same, by its length.
    ///
    /// # Safety
    /// It is what the lengths add up to.
    #[inline(always)]
    pub(super) unsafe fn text_of(self, len: usize) -> &'k str {
        // SAFETY: as the caller says, and it was a text.
        unsafe {
            let text = self.0.add(self.head_size()).as_ptr();
            str::from_utf8_unchecked(slice::from_raw_parts(text, len))
        }
    }

    /// How long each of them is, if a byte says so.
    #[inline]
    pub(crate) fn short_lens(self) -> Option<&'k [u8]> {
        // SAFETY: as many were written behind the first byte as that says.
        let lens = || unsafe { slice::from_raw_parts(self.0.add(1).as_ptr(), self.count()) };
        (self.first() & LONG == 0).then(lens)
    }

    /// How long each of them is.
    pub(crate) fn lens(self) -> impl Iterator<Item = u32> + Clone + 'k {
        (0..self.count()).map(move |place| match self.short_lens() {
            Some(lens) => u32::from(lens[place]),
            None => self.number(1 + place),
        })
    }

    /// Whatever else is to be known of it.
    #[inline]
    pub(crate) fn is_marked(self) -> bool {
        self.first() & MARK != 0
    }

    /// How many parts there are.
    #[inline]
    pub(super) fn count(self) -> usize {
        match self.first() & !MARK {
            LONG => self.number(0) as usize,
            count => usize::from(count),
        }
    }

    #[inline]
    fn head_size(self) -> usize {
        let each = if self.first() & LONG == 0 { 1 } else { size_of::<u32>() };
        1 + each * self.count() + if each == 1 { 0 } else { each }
    }

    #[inline(always)]
    fn first(self) -> u8 {
        // SAFETY: every key has a first byte.
        unsafe { self.0.read() }
    }

    /// One of the numbers of a long key.
    fn number(self, at: usize) -> u32 {
        // SAFETY: behind the first byte, a long key has as many as it is asked for.
        unsafe { self.0.add(1).cast::<u32>().add(at).read_unaligned() }
    }

    /// Whether it has these parts, and no mark.
    #[inline(always)]
    pub(crate) fn is_of<'p>(self, parts: impl ExactSizeIterator<Item = &'p [u8]>) -> bool {
        let count = parts.len();
        if usize::from(self.first()) != count || count > MOST_PARTS {
            return self.first() == LONG && self.is_long_of(parts);
        }
        // SAFETY: there are as many lengths, and the text has as many bytes as they say.
        let mut at = unsafe { self.0.add(1 + count) };
        for (place, part) in parts.enumerate() {
            // SAFETY: as above.
            let len = usize::from(unsafe { self.0.add(1 + place).read() });
            if len != part.len() {
                return false;
            }
            // SAFETY: as above.
            unsafe {
                if !begins_with(at, part) {
                    return false;
                }
                at = at.add(part.len());
            }
        }
        true
    }

    #[cold]
    fn is_long_of<'p>(self, parts: impl ExactSizeIterator<Item = &'p [u8]>) -> bool {
        let mut rest = self.text().as_bytes();
        self.count() == parts.len()
            && self.lens().zip(parts).all(|(len, part)| {
                let (own, behind) = rest.split_at(len as usize);
                rest = behind;
                own == part
            })
    }
}

/// Whether a text stands here. Most are short, and no call is made for them.
///
/// # Safety
/// There are as many bytes as it has.
#[inline(always)]
unsafe fn begins_with(own: NonNull<u8>, text: &[u8]) -> bool {
    /// Whether the first and the last bytes are alike, which are all if there are no more than
    /// twice as many.
    ///
    /// # Safety
    /// There are at least as many at both.
    #[inline(always)]
    unsafe fn are_alike<N: Copy + PartialEq>(one: *const u8, other: *const u8, len: usize) -> bool {
        // SAFETY: as the caller says.
        let read = |at: *const u8| unsafe { at.cast::<N>().read_unaligned() };
        let last = len - size_of::<N>();
        // SAFETY: as the caller says.
        read(one) == read(other) && unsafe { read(one.add(last)) == read(other.add(last)) }
    }

    let (own, other, len) = (own.as_ptr(), text.as_ptr(), text.len());
    // SAFETY: both have so many bytes.
    unsafe {
        if len >= 8 {
            if len <= 16 {
                are_alike::<u64>(own, other, len)
            } else if len <= 32 {
                are_alike::<u128>(own, other, len)
            } else {
                slice::from_raw_parts(own, len) == text
            }
        } else if len >= 4 {
            are_alike::<u32>(own, other, len)
        } else if len >= 2 {
            are_alike::<u16>(own, other, len)
        } else {
            len == 0 || *own == *other
        }
    }
}

/// The ends of a short text; they and its length are all of it.
#[derive(Clone, Copy)]
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
    /// The parts, one behind the other.
    pub(crate) text: String,
    /// How long each of them is; they add up to the text.
    pub(crate) lens: Vec<u32>,
    pub(crate) marked: bool,
}

impl KeyBuf {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.lens.clear();
        self.marked = false;
    }

    /// Makes room for so many more parts, and so many bytes of them.
    pub(crate) fn reserve(&mut self, parts: usize, bytes: usize) {
        self.lens.reserve(parts);
        self.text.reserve(bytes);
    }

    /// Appends a part, which `write` appends to the text; says whether it makes the key marked.
    #[inline]
    pub(crate) fn push_part(&mut self, write: impl FnOnce(&mut String) -> bool) {
        let from = self.text.len();
        self.marked |= write(&mut self.text);
        self.lens.push((self.text.len() - from) as u32);
    }

    /// How many bytes it takes as a [`Key`]; none if it is too long for one.
    pub(super) fn size(&self) -> Option<usize> {
        u32::try_from(self.lens.len()).ok()?;
        u32::try_from(self.text.len()).ok()?;
        let lens = self.lens.len();
        let head = if self.is_short() { lens } else { (1 + lens) * size_of::<u32>() };
        Some(1 + head + self.text.len())
    }

    /// Whether each of the numbers fits into a byte.
    fn is_short(&self) -> bool {
        self.lens.len() <= MOST_PARTS && self.lens.iter().all(|&len| len <= u8::MAX.into())
    }

    /// # Safety
    /// There is room for as many bytes as it has, which nobody looks at, and its lengths add up
    /// to its text.
    pub(super) unsafe fn write_to(&self, to: NonNull<u8>) {
        /// # Safety
        /// There is room for it.
        unsafe fn write<const N: usize>(to: &mut NonNull<u8>, bytes: [u8; N]) {
            // SAFETY: as the caller says.
            unsafe {
                to.cast().write(bytes);
                *to = to.add(N);
            }
        }

        let (mut to, parts, text) = (to, self.lens.len() as u32, self.text.as_bytes());
        let mark = if self.marked { MARK } else { 0 };
        // SAFETY: as the caller says.
        unsafe {
            if self.is_short() {
                write(&mut to, [mark | parts as u8]);
                self.lens.iter().for_each(|&len| write(&mut to, [len as u8]));
            } else {
                write(&mut to, [mark | LONG]);
                write(&mut to, parts.to_ne_bytes());
                self.lens.iter().for_each(|len| write(&mut to, len.to_ne_bytes()));
            }
            copy_short(text.as_ptr(), to.as_ptr(), text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: &[&str], marked: bool) {
        let lens: Vec<u32> = parts.iter().map(|part| part.len() as u32).collect();
        let buf = KeyBuf { text: parts.concat(), lens: lens.clone(), marked };
        let mut written = vec![0_u8; buf.size().unwrap()];
        // SAFETY: it is as much room as it takes.
        let key = unsafe {
            let to = NonNull::from(&mut written[..]).cast();
            buf.write_to(to);
            Key::at(to)
        };
        assert_eq!((key.text(), key.is_marked()), (&*parts.concat(), marked));
        assert_eq!(key.lens().collect::<Vec<_>>(), lens);
        assert_eq!(key.size(), written.len());
        let is_of = |parts: &[&str]| key.is_of(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(is_of(parts), !marked);
        let mut others: Vec<&str> = parts.to_vec();
        others.push("");
        assert!(!is_of(&others));
        for place in 0..parts.len() {
            let other = format!("{}x", parts[place]);
            others = parts.to_vec();
            others[place] = &other;
            assert!(!is_of(&others), "{others:?}");
            if !parts[place].is_empty() {
                let other = format!("{}~", &parts[place][1..]);
                others[place] = &other;
                assert!(!is_of(&others), "{others:?}");
            }
        }
    }

    #[test]
    fn a_key_says_what_was_written() {
        check(&[], false);
        let long = "a".repeat(256);
        for len in [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 100, 255, 256] {
            check(&[&long[..len]], false);
            check(&["GET", &long[..len], "200"], false);
            check(&["GET", "", &long[..len]], true);
        }
        // As many as a byte can say, and more.
        for count in [62, 63, 64, 300] {
            check(&vec!["b"; count], false);
        }
    }
}
