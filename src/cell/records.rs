//! Room for values that stay where they are, in chunks that are never moved.
#![allow(unsafe_code)]

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use once_cell::race::OnceBox;

use super::keys::{Key, KeyAt};

/// A place says in its upper bits which chunk it is in.
const IN_CHUNK: u32 = 25;
const CHUNKS: usize = 1 << (u32::BITS - IN_CHUNK);

/// The first chunk has one record, the next four so many; of each four that
/// follow, each has twice as many.
const FEW: usize = 8;

/// Room for a value that is shared, with the number of those who own it.
pub(super) struct Record<T> {
    pub(super) owners: AtomicU32,
    place: u32,
    key: Cell<KeyAt>,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// Records by their places. The first one costs no memory of its own.
pub(super) struct Records<T> {
    first: Record<T>,
    chunks: OnceBox<[AtomicPtr<Record<T>>; CHUNKS]>,
}

// SAFETY: what stands in a record is shared and sent as the value itself is.
unsafe impl<T: Send + Sync> Send for Record<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Record<T> {}

impl<T> Record<T> {
    fn at(place: u32) -> Self {
        let value = UnsafeCell::new(MaybeUninit::uninit());
        Self { owners: AtomicU32::new(0), place, key: Cell::new(KeyAt::empty()), value }
    }

    pub(super) fn place(&self) -> u32 {
        self.place
    }

    /// The key of the value.
    ///
    /// # Safety
    /// A value was put there, and is not dropped as long as its key is looked at.
    #[inline]
    pub(super) unsafe fn key(&self) -> Key<'_> {
        // SAFETY: it was put there with the value.
        unsafe { self.key.get().get() }
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
    pub(super) unsafe fn put(&self, key: KeyAt, value: T) {
        self.key.set(key);
        // SAFETY: nobody looks.
        unsafe { (*self.value.get()).write(value) };
        self.owners.store(1, Ordering::Relaxed);
    }

    /// Drops the value, and gives back its key.
    ///
    /// # Safety
    /// It is there, and nobody owns it or looks at it any more.
    pub(super) unsafe fn empty(&self) -> KeyAt {
        // SAFETY: nobody looks.
        unsafe { (*self.value.get()).assume_init_drop() };
        self.key.replace(KeyAt::empty())
    }
}

impl<T> Records<T> {
    pub(super) fn new() -> Self {
        Self { first: Record::at(0), chunks: OnceBox::new() }
    }

    /// The record of a place.
    ///
    /// # Safety
    /// The place was given by [`next`](Self::next).
    #[inline]
    pub(super) unsafe fn get(&self, place: u32) -> &Record<T> {
        let (chunk, at) = parts_of(place);
        match self.chunks.get() {
            Some(chunks) if chunk > 0 => {
                let records = chunks[chunk].load(Ordering::Acquire);
                // SAFETY: a chunk has the records of all places in it, and is freed with `self`.
                unsafe { &*records.add(at) }
            }
            _ => &self.first,
        }
    }

    /// The place behind this one, whose record was made; none if there are no more.
    /// One thread asks at a time.
    pub(super) fn next(&self, before: Option<u32>) -> Option<u32> {
        let Some(before) = before else { return Some(0) };
        let (chunk, at) = parts_of(before);
        if at + 1 < len_of(chunk) {
            return Some(before + 1);
        }
        let chunk = chunk + 1;
        let none = || Box::new([const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS]);
        let chunk_at = self.chunks.get_or_init(none).get(chunk)?;
        let len = u32::try_from(len_of(chunk)).ok().filter(|len| *len <= 1 << IN_CHUNK)?;
        let first = (chunk as u32) << IN_CHUNK;
        let records: Box<[Record<T>]> = (first..first + len).map(Record::at).collect();
        // Release: whoever sees the chunk sees its records.
        chunk_at.store(Box::into_raw(records).cast(), Ordering::Release);
        Some(first)
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

/// The chunk of a place, and where it is in the chunk.
#[inline]
fn parts_of(place: u32) -> (usize, usize) {
    ((place >> IN_CHUNK) as usize, place as usize & ((1 << IN_CHUNK) - 1))
}

fn len_of(chunk: usize) -> usize {
    chunk.checked_sub(1).map_or(1, |chunk| FEW << (chunk / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_record_of_its_own_that_stays_where_it_is() {
        let records = Records::<u32>::new();
        let mut seen = Vec::new();
        let mut place = None;
        for number in 0..5000 {
            place = records.next(place);
            // SAFETY: it was just given, and nobody else looks.
            let record = unsafe { records.get(place.unwrap()) };
            // SAFETY: as above.
            unsafe { record.put(KeyAt::empty(), number) };
            seen.push((place.unwrap(), ptr::from_ref(record)));
        }
        for (number, (place, at)) in seen.into_iter().enumerate() {
            // SAFETY: it was given above.
            let record = unsafe { records.get(place) };
            // SAFETY: a value was put there.
            assert_eq!((record.place(), unsafe { *record.value() }), (place, number as u32));
            assert!(ptr::eq(record, at));
        }
    }
}
