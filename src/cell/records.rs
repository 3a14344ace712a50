//! Room for values with their keys, which stay where they are, in chunks that are never moved.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use once_cell::race::OnceBox;

use super::keys::{Key, KeyBuf};

/// A place says in its upper bits which chunk it is in, and in the others which word of it.
const IN_CHUNK: u32 = 25;
const CHUNKS: usize = 1 << (u32::BITS - IN_CHUNK);

/// Each of the first four chunks has so many words; of each four that follow, each has twice as
/// many, up to as many as a place can tell apart.
const FEW: usize = 32;
const MOST: usize = 1 << IN_CHUNK;

/// What chunks are made of.
#[repr(align(8))]
struct Word(#[expect(dead_code)] [u8; 8]);

/// What can be shared: it has room for the number of those who own it, which begins at one.
pub(crate) trait Counted {
    fn owners(&self) -> &AtomicU32;
}

/// A value that is shared. Its key stands behind it.
#[repr(transparent)]
struct Record<T>(UnsafeCell<MaybeUninit<T>>);

/// Where a record is.
pub(super) struct RecordAt<T>(NonNull<Record<T>>);

/// Records by their places.
pub(super) struct Records<T> {
    chunks: OnceBox<[AtomicPtr<Word>; CHUNKS]>,
    alone: Alone<T>,
}

/// Finds records that were put before it was made, without asking anew where the chunks are.
#[derive(Clone, Copy)]
pub(super) struct Finder<'r>(Option<&'r [AtomicPtr<Word>; CHUNKS]>);

/// The record of a value without a key, which takes no memory of its own.
#[repr(C)]
struct Alone<T> {
    record: Record<T>,
    key: u8,
}

/// Where there is room for more, which only those know who change anything.
#[derive(Default)]
pub(super) struct Room {
    chunks: Vec<NonNull<[MaybeUninit<Word>]>>,
    /// How many words of the last chunk are taken.
    taken: usize,
    /// Places that were used before, by how many words they have.
    vacant: BTreeMap<usize, Vec<u32>>,
    written: KeyBuf,
}

// SAFETY: what stands in a record is shared and sent as the value itself is.
unsafe impl<T: Send + Sync> Send for Records<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Records<T> {}
// SAFETY: it owns its chunks.
unsafe impl Send for Room {}

impl<T> Clone for RecordAt<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RecordAt<T> {}

impl<T> RecordAt<T> {
    /// The record of a value that was put, by the [address](Self::value_at) of that.
    ///
    /// # Safety
    /// It is such an address.
    #[inline(always)]
    pub(super) unsafe fn of(value: *mut T) -> Self {
        // SAFETY: as the caller says.
        Self(unsafe { NonNull::new_unchecked(value) }.cast())
    }

    /// Where the value stands.
    pub(super) fn value_at(self) -> *mut T {
        self.0.cast().as_ptr()
    }

    /// The value.
    ///
    /// # Safety
    /// A value was put there, it is not dropped, and the records are there as long as it is
    /// looked at. So it is with all that follow.
    #[inline(always)]
    pub(super) unsafe fn value<'r>(self) -> &'r T {
        // SAFETY: it was put there, and nobody changes it.
        unsafe { (*self.0.as_ref().0.get()).assume_init_ref() }
    }

    /// The key of the value, which stays there when the value is dropped.
    ///
    /// # Safety
    /// As above.
    #[inline(always)]
    pub(super) unsafe fn key<'r>(self) -> Key<'r> {
        // SAFETY: it was written there.
        unsafe { Key::at(self.behind()) }
    }

    /// Drops the value.
    ///
    /// # Safety
    /// As above, and nobody owns it or looks at it any more.
    pub(super) unsafe fn empty(self) {
        // SAFETY: nobody looks.
        unsafe { (*self.0.as_ref().0.get()).assume_init_drop() };
    }

    /// # Safety
    /// There is room for the record, and for the key behind it.
    #[inline(always)]
    unsafe fn behind(self) -> NonNull<u8> {
        // SAFETY: as the caller says.
        unsafe { self.0.add(1).cast() }
    }
}

impl Finder<'_> {
    /// The record of a place.
    ///
    /// # Safety
    /// The place is that of a record that was [put](Records::put) with these records, before
    /// this was made.
    #[inline(always)]
    pub(super) unsafe fn get<T>(self, place: u32) -> RecordAt<T> {
        let (chunk, at) = ((place >> IN_CHUNK) as usize, place as usize & ((1 << IN_CHUNK) - 1));
        // SAFETY: its chunk is there, and is freed with what changes the records.
        unsafe {
            let chunk = self.0.unwrap_unchecked()[chunk].load(Ordering::Acquire);
            RecordAt(NonNull::new_unchecked(chunk.add(at)).cast())
        }
    }
}

impl<T> Records<T> {
    pub(super) fn new() -> Self {
        let record = Record(UnsafeCell::new(MaybeUninit::uninit()));
        Self { chunks: OnceBox::new(), alone: Alone { record, key: 0 } }
    }

    /// The record of a place.
    ///
    /// # Safety
    /// The place is that of a record that was [put](Self::put).
    #[inline(always)]
    pub(super) unsafe fn get(&self, place: u32) -> RecordAt<T> {
        // SAFETY: as the caller says.
        unsafe { self.finder().get(place) }
    }

    /// Finds many of them.
    #[inline(always)]
    pub(super) fn finder(&self) -> Finder<'_> {
        Finder(self.chunks.get())
    }

    /// Puts a value there with a key, and says where; none if there is no place for it. One
    /// thread does at a time.
    pub(super) fn put(
        &self,
        room: &mut Room,
        value: T,
        write: impl FnOnce(&mut KeyBuf),
    ) -> Option<u32> {
        const { assert!(align_of::<Record<T>>() <= align_of::<Word>()) };
        room.written.clear();
        write(&mut room.written);
        let words = (size_of::<Record<T>>() + room.written.size()?).div_ceil(size_of::<Word>());
        let used = room.vacant.get_mut(&words).and_then(Vec::pop);
        let place = used.or_else(|| room.take(words, &self.chunks))?;
        // SAFETY: it is room for so many words, which nobody else knows of.
        unsafe {
            let record: RecordAt<T> = self.get(place);
            record.0.cast().write(value);
            room.written.write_to(record.behind());
        }
        Some(place)
    }

    /// Puts a value without a key there.
    pub(super) fn put_alone(&mut self, value: T) {
        *self.alone.record.0.get_mut() = MaybeUninit::new(value);
    }

    /// Where a value without a key is.
    pub(super) fn alone(&self) -> RecordAt<T> {
        RecordAt(NonNull::from(&self.alone).cast())
    }
}

impl Room {
    /// Takes back the room of a record.
    ///
    /// # Safety
    /// It was put with this, its value was dropped, and nobody looks at it any more.
    pub(super) unsafe fn give_back<T>(&mut self, record: RecordAt<T>) {
        let Some(place) = self.place(record) else { return };
        // SAFETY: as the caller says.
        let key = unsafe { record.key() };
        let words = (size_of::<Record<T>>() + key.size()).div_ceil(size_of::<Word>());
        self.vacant.entry(words).or_default().push(place);
    }

    /// Where a record is; none if it is in no chunk.
    pub(super) fn place<T>(&self, record: RecordAt<T>) -> Option<u32> {
        let address = record.0.addr().get();
        self.chunks.iter().enumerate().rev().find_map(|(number, chunk)| {
            let at = address.checked_sub(chunk.addr().get())? / size_of::<Word>();
            (at < chunk.len()).then_some((number as u32) << IN_CHUNK | at as u32)
        })
    }

    /// Room for so many words in the last chunk, or in a new one.
    fn take(&mut self, words: usize, chunks: &OnceBox<[AtomicPtr<Word>; CHUNKS]>) -> Option<u32> {
        let left = self.chunks.last().map_or(0, |last| last.len() - self.taken);
        if left < words {
            let none = || Box::new([const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS]);
            let number = self.chunks.len();
            let chunk_at = chunks.get_or_init(none).get(number)?;
            let doublings = (number / 4).min((MOST / FEW).ilog2() as usize);
            let len = words.max(FEW << doublings);
            if len > MOST {
                return None;
            }
            let chunk = NonNull::from(Box::leak(Box::new_uninit_slice(len)));
            // Release: whoever sees a place in it sees the chunk.
            chunk_at.store(chunk.cast().as_ptr(), Ordering::Release);
            self.chunks.push(chunk);
            self.taken = 0;
        }
        let chunk = self.chunks.len() as u32 - 1;
        let place = chunk << IN_CHUNK | self.taken as u32;
        self.taken += words;
        Some(place)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for chunk in &self.chunks {
            // SAFETY: it came from a box; values were dropped by those who own them.
            unsafe { drop(Box::from_raw(chunk.as_ptr())) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(records: &Records<u32>, room: &mut Room, n: u32) -> RecordAt<u32> {
        let put = records.put(room, n, |key| {
            key.text.extend(std::iter::repeat_n('ü', n as usize * 37 % 200));
            key.lens.extend([0, key.text.len() as u32]);
            key.marked = n % 3 == 0;
        });
        // SAFETY: it was put.
        unsafe { records.get(put.unwrap()) }
    }

    #[test]
    fn a_record_stays_as_it_was_put_and_room_is_used_again() {
        let (records, mut room) = (Records::new(), Room::default());
        let held: Vec<_> = (0..500).map(|n| (put(&records, &mut room, n), n)).collect();
        let (odd, mut held): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, n)| n % 2 == 1);
        for (record, _) in odd {
            // SAFETY: it is not used again, and a number needs no drop.
            unsafe { room.give_back(record) };
        }
        let chunks = room.chunks.len();
        // As many as were given back, of the same lengths.
        held.extend((1..500).step_by(2).map(|n| (put(&records, &mut room, n), n)));
        assert_eq!(room.chunks.len(), chunks);
        for (record, n) in held {
            // SAFETY: it was put, and not given back.
            let (value, key) = unsafe { (record.value(), record.key()) };
            assert_eq!(*value, n);
            let len = n * 37 % 200 * 2;
            assert_eq!(key.text(), "ü".repeat(n as usize * 37 % 200));
            assert_eq!((key.lens().collect(), key.is_marked()), (vec![0, len], n % 3 == 0));
            let place = room.place(record).unwrap();
            // SAFETY: as above.
            assert_eq!(unsafe { records.get(place) }.0, record.0);
        }
    }

    #[test]
    fn a_value_alone_has_an_empty_key_and_takes_no_room() {
        let (mut records, mut room) = (Records::new(), Room::default());
        records.put_alone(7);
        let record = records.alone();
        // SAFETY: it was put.
        let (value, key) = unsafe { (record.value(), record.key()) };
        assert_eq!((*value, key.text(), key.lens().count()), (7, "", 0));
        // SAFETY: it is not used again.
        unsafe { room.give_back(record) };
        assert!(room.vacant.is_empty());
    }
}
