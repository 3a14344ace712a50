//! Room for values that stay where they are, in chunks that are never moved.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use once_cell::race::OnceBox;

/// The records of the first chunk; of each four that follow, as many more.
const FIRST: usize = 8;

/// So many chunks have room for 2^27 records.
const CHUNKS: usize = 96;

/// Room for a value that is shared, with the number of those who own it.
pub(super) struct Record<T> {
    pub(super) owners: AtomicU32,
    index: u32,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// Records by their indices. The first one costs no memory of its own.
pub(super) struct Records<T> {
    first: Record<T>,
    chunks: OnceBox<[AtomicPtr<Record<T>>; CHUNKS]>,
}

// SAFETY: what stands in a record is shared and sent as the value itself is.
unsafe impl<T: Send + Sync> Send for Record<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Record<T> {}

impl<T> Record<T> {
    fn at(index: u32) -> Self {
        let value = UnsafeCell::new(MaybeUninit::uninit());
        Self { owners: AtomicU32::new(0), index, value }
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }

    /// The value.
    ///
    /// # Safety
    /// It was put there, and is not dropped as long as it is looked at.
    #[inline]
    pub(super) unsafe fn value(&self) -> &T {
        // SAFETY: it was put there, and nobody changes it.
        unsafe { (*self.value.get()).assume_init_ref() }
    }

    /// Puts a value there that one owns.
    ///
    /// # Safety
    /// None is there, and nobody else looks.
    pub(super) unsafe fn put(&self, value: T) {
        // SAFETY: nobody looks.
        unsafe { (*self.value.get()).write(value) };
        self.owners.store(1, Ordering::Relaxed);
    }

    /// Drops the value.
    ///
    /// # Safety
    /// It is there, and nobody owns it or looks at it any more.
    pub(super) unsafe fn empty(&self) {
        // SAFETY: nobody looks.
        unsafe { (*self.value.get()).assume_init_drop() };
    }
}

impl<T> Records<T> {
    pub(super) fn new() -> Self {
        Self { first: Record::at(0), chunks: OnceBox::new() }
    }

    /// The record of an index; its chunk was made.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Record<T>> {
        let Some((chunk, at)) = place(index) else { return Some(&self.first) };
        let records = self.chunks.get()?.get(chunk)?.load(Ordering::Acquire);
        // SAFETY: a chunk has the records of all of its places, and is freed with `self`.
        unsafe { records.add(at).as_ref().filter(|_| !records.is_null()) }
    }

    /// The record of an index, which is at most the next after those that were made;
    /// none if there are too many. One thread does so at a time.
    pub(super) fn make(&self, index: u32) -> Option<&Record<T>> {
        if let Some((chunk, at)) = place(index) {
            let none = || Box::new([const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS]);
            let chunk_at = self.chunks.get_or_init(none).get(chunk)?;
            if at == 0 && chunk_at.load(Ordering::Relaxed).is_null() {
                let end = index.checked_add(len_of(chunk) as u32)?;
                let records: Box<[Record<T>]> = (index..end).map(Record::at).collect();
                // Release: whoever sees the chunk sees its records.
                chunk_at.store(Box::into_raw(records).cast(), Ordering::Release);
            }
        }
        self.get(index)
    }
}

impl<T> Drop for Records<T> {
    fn drop(&mut self) {
        let chunks = self.chunks.get().map(|chunks| chunks.iter().enumerate());
        for (chunk, records) in chunks.into_iter().flatten() {
            if let Some(records) = NonNull::new(records.load(Ordering::Acquire)) {
                let records = ptr::slice_from_raw_parts_mut(records.as_ptr(), len_of(chunk));
                // SAFETY: it came from a box of this length; values were dropped by those who own them.
                unsafe { drop(Box::from_raw(records)) };
            }
        }
    }
}

/// The chunk of an index, and the place in it; none for the first index.
#[inline]
fn place(index: u32) -> Option<(usize, usize)> {
    // As the digits of a floating-point number have it: the upper ones tell the chunk.
    let number = (index as usize).checked_sub(1)? + 4 * FIRST;
    let power = number.ilog2() as usize;
    let step = power - 2;
    let quarter = number >> step & 3;
    Some((4 * (power - (4 * FIRST).ilog2() as usize) + quarter, number & ((1 << step) - 1)))
}

fn len_of(chunk: usize) -> usize {
    FIRST << (chunk / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        assert_eq!(place(0), None);
        let (mut chunk, mut at) = (0, 0);
        for index in 1..200_000 {
            assert_eq!(place(index), Some((chunk, at)), "{index}");
            at += 1;
            if at == len_of(chunk) {
                (chunk, at) = (chunk + 1, 0);
            }
        }
    }
}
