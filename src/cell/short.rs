//! Copies of texts that are short, as a rule: no call is made for them.
#![allow(unsafe_code)]

use std::ptr;

/// Appends a text that is short, as a rule.
#[inline]
pub(crate) fn push_short(to: &mut String, text: &str) {
    to.reserve(text.len());
    let len = to.len();
    // SAFETY: there is room for it, and it is a whole text.
    unsafe {
        let to = to.as_mut_vec();
        copy_short(text.as_ptr(), to.as_mut_ptr().add(len), text.len());
        to.set_len(len + text.len());
    }
}

/// Copies so many bytes. Most often they are few, and no call is made for them.
///
/// # Safety
/// There are as many, and room for them elsewhere.
#[inline(always)]
pub(super) unsafe fn copy_short(from: *const u8, to: *mut u8, len: usize) {
    /// # Safety
    /// There are at least so many bytes, and no more than twice as many.
    #[inline(always)]
    unsafe fn copy_ends<const N: usize>(from: *const u8, to: *mut u8, len: usize) {
        // SAFETY: as the caller says.
        unsafe {
            ptr::copy_nonoverlapping(from, to, N);
            ptr::copy_nonoverlapping(from.add(len - N), to.add(len - N), N);
        }
    }

    // SAFETY: as the caller says; the ends are as long as they have to be.
    unsafe {
        match len {
            8..=16 => copy_ends::<8>(from, to, len),
            17..=32 => copy_ends::<16>(from, to, len),
            33..=64 => copy_ends::<32>(from, to, len),
            4..=7 => copy_ends::<4>(from, to, len),
            2..=3 => copy_ends::<2>(from, to, len),
            _ => ptr::copy_nonoverlapping(from, to, len),
        }
    }
}
