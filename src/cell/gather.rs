//! Gathers the texts of keys, side by side.
#![allow(unsafe_code)]

use super::keys::Key;
use super::short::copy_short;

/// What was gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) keys: usize,
    /// Whether any of them is marked.
    pub(crate) marked: bool,
}

/// Appends the texts of keys, and the lengths of their parts, as long as the text is no longer
/// than `most`; of one in any case, if there is no text before it.
#[inline]
pub(crate) fn gather<'k>(
    keys: impl Iterator<Item = Key<'k>>,
    most: usize,
    text: &mut String,
    lens: &mut Vec<u32>,
) -> Gathered {
    let mut gathered = Gathered::default();
    // SAFETY: only whole texts are appended.
    let mut text = Room::behind(unsafe { text.as_mut_vec() });
    let mut lens = Room::behind(lens);
    for key in keys {
        let count = key.count();
        lens.make_room(count);
        // SAFETY: there is room for as many.
        let len = unsafe {
            match key.short_lens() {
                Some(own) => lens.fill(own.iter().map(|&len| len.into())),
                None => lens.fill(key.lens()),
            }
        };
        if text.len + len > most && text.len > 0 {
            break;
        }
        text.make_room(len);
        // SAFETY: they are the lengths of its parts, and there is room for as many bytes.
        unsafe { copy_short(key.text_of(len).as_ptr(), text.at.add(text.len), len) };
        text.len += len;
        lens.len += count;
        gathered.keys += 1;
        gathered.marked |= key.is_marked();
    }
    gathered
}

/// Room for more of what a vector has, which it has when this is dropped.
struct Room<'v, T: Copy> {
    at: *mut T,
    len: usize,
    capacity: usize,
    vec: &'v mut Vec<T>,
}

impl<'v, T: Copy> Room<'v, T> {
    fn behind(vec: &'v mut Vec<T>) -> Self {
        Self { at: vec.as_mut_ptr(), len: vec.len(), capacity: vec.capacity(), vec }
    }

    /// Makes room for so many more.
    #[inline(always)]
    fn make_room(&mut self, more: usize) {
        if self.capacity - self.len < more {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, by: usize) {
        // SAFETY: so many are there.
        unsafe { self.vec.set_len(self.len) };
        self.vec.reserve(by);
        (self.at, self.capacity) = (self.vec.as_mut_ptr(), self.vec.capacity());
    }
}

impl Room<'_, u32> {
    /// Writes lengths behind what is there; says what they add up to.
    ///
    /// # Safety
    /// There is room for as many.
    #[inline(always)]
    unsafe fn fill(&mut self, lens: impl Iterator<Item = u32>) -> usize {
        let mut all = 0;
        for (place, len) in lens.enumerate() {
            // SAFETY: as the caller says.
            unsafe { self.at.add(self.len + place).write(len) };
            all += len as usize;
        }
        all
    }
}

impl<T: Copy> Drop for Room<'_, T> {
    fn drop(&mut self) {
        // SAFETY: so many are there.
        unsafe { self.vec.set_len(self.len) };
    }
}

#[cfg(test)]
mod tests {
    use std::ptr::NonNull;

    use super::*;
    use crate::cell::keys::KeyBuf;

    fn written(text: &str, lens: &[u32], marked: bool) -> Vec<u8> {
        let key = KeyBuf { text: text.to_owned(), lens: lens.to_owned(), marked };
        let mut bytes = vec![0; key.size().unwrap()];
        // SAFETY: it has as much room.
        unsafe { key.write_to(NonNull::new(bytes.as_mut_ptr()).unwrap()) };
        bytes
    }

    fn keys(written: &[Vec<u8>]) -> impl Iterator<Item = Key<'_>> + Clone {
        // SAFETY: they were written, and stay as they are.
        written.iter().map(|bytes| unsafe { Key::at(NonNull::from(&bytes[..]).cast()) })
    }

    #[test]
    fn texts_of_all_lengths_are_gathered() {
        let all = "abcdefghij".repeat(31);
        let written: Vec<_> = (0..300)
            .map(|len| written(&all[len % 7..][..len], &[len as u32, 0], len == 70))
            .collect();
        let (mut text, mut lens) = (String::new(), Vec::new());
        let gathered = gather(keys(&written), usize::MAX, &mut text, &mut lens);
        assert_eq!((gathered.keys, gathered.marked), (300, true));
        assert_eq!(text, (0..300).map(|len| &all[len % 7..][..len]).collect::<String>());
        assert_eq!(lens, (0..300).flat_map(|len| [len, 0]).collect::<Vec<_>>());
    }

    #[test]
    fn a_text_that_is_too_long_waits_unless_it_is_the_first() {
        let written = ["abc", "defg", "h"].map(|text| written(text, &[text.len() as u32], false));
        let mut gathered = (String::new(), Vec::new());
        let mut gather_from = |from: usize, most| {
            gather(keys(&written[from..]), most, &mut gathered.0, &mut gathered.1).keys
        };
        assert_eq!([gather_from(0, 2), gather_from(1, 6), gather_from(1, 8)], [1, 0, 2]);
        assert_eq!(gathered, ("abcdefgh".to_owned(), vec![3, 4, 1]));
    }
}
