//! Gathers the texts of keys, side by side.
#![allow(unsafe_code)]

use std::ptr;

use super::keys::Key;

/// What was gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) keys: usize,
    /// Whether any of them is marked.
    pub(crate) marked: bool,
}

/// Appends the texts of keys, and the lengths of their parts, as long as the text is no longer
/// than `most`; of the first one in any case, if there is no text before it.
#[inline]
pub(crate) fn gather<'k>(
    keys: impl Iterator<Item = Key<'k>>,
    most: usize,
    text: &mut String,
    lens: &mut Vec<u32>,
) -> Gathered {
    let mut gathered = Gathered::default();
    let mut is_empty = text.is_empty();
    // SAFETY: only whole texts are appended.
    let text = unsafe { text.as_mut_vec() };
    for key in keys {
        if text.len() + key.text.len() > most && !is_empty {
            break;
        }
        is_empty = false;
        push(text, key.text.as_bytes());
        push(lens, key.lens);
        gathered.keys += 1;
        gathered.marked |= key.marked;
    }
    gathered
}

/// Appends what most often are a few bytes, for which no call is made.
#[inline(always)]
fn push<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.reserve(from.len());
    // SAFETY: there is room for as many behind what is there, and then they are there.
    unsafe {
        copy(from.as_ptr().cast(), to.as_mut_ptr().add(to.len()).cast(), size_of_val(from));
        to.set_len(to.len() + from.len());
    }
}

/// Copies so many bytes.
///
/// # Safety
/// There are as many, and room for them elsewhere.
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    /// # Safety
    /// There are at least so many bytes, and no more than twice as many.
    #[inline(always)]
    unsafe fn copy_ends<const N: usize>(from: *const u8, to: *mut u8, len: usize) {
        // SAFETY: as the caller says; arrays of bytes can stand anywhere.
        unsafe {
            let (first, last) =
                (from.cast::<[u8; N]>().read(), from.add(len - N).cast::<[u8; N]>().read());
            to.cast::<[u8; N]>().write(first);
            to.add(len - N).cast::<[u8; N]>().write(last);
        }
    }

    // SAFETY: as the caller says; the ends are as long as they have to be.
    unsafe {
        match len {
            16..=32 => copy_ends::<16>(from, to, len),
            8..=15 => copy_ends::<8>(from, to, len),
            33..=64 => copy_ends::<32>(from, to, len),
            4..=7 => copy_ends::<4>(from, to, len),
            _ => ptr::copy_nonoverlapping(from, to, len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_all_lengths_are_gathered() {
        let all = "abcdefghij".repeat(20);
        let keys: Vec<_> = (0..200).map(|len| (&all[len % 7..][..len], [len as u32, 7])).collect();
        let keys = keys.iter().map(|(text, lens)| Key { text, lens, marked: lens[0] == 70 });
        let (mut text, mut lens) = (String::new(), Vec::new());
        let gathered = gather(keys.clone(), usize::MAX, &mut text, &mut lens);
        assert_eq!((gathered.keys, gathered.marked), (200, true));
        assert_eq!(text, keys.clone().map(|key| key.text).collect::<String>());
        assert_eq!(lens, keys.flat_map(|key| key.lens.to_vec()).collect::<Vec<_>>());
    }

    #[test]
    fn a_text_that_is_too_long_waits_unless_it_is_the_first() {
        let keys = ["abc", "defg", "h"].map(|text| Key { text, lens: &[0], marked: false });
        let mut gathered = (String::new(), Vec::new());
        let mut gather_from = |from: usize, most| {
            gather(keys[from..].iter().copied(), most, &mut gathered.0, &mut gathered.1).keys
        };
        assert_eq!([gather_from(0, 2), gather_from(1, 6), gather_from(1, 8)], [1, 0, 2]);
        assert_eq!(gathered, ("abcdefgh".to_owned(), vec![0; 3]));
    }
}
