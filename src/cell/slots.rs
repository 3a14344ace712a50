//! Where values stand by their hashes: a table that is read while it is changed.
#![allow(unsafe_code)]

use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The fewest slots of a table.
const FEWEST: usize = 8;

/// So many slots are looked at before it is seen whether one of them was it.
const GROUP: usize = 4;

/// What a slot has instead of a place after its value was taken away.
const GONE: u32 = u32::MAX;

/// Places by hashes, in open addressing. Whoever looks holds a pin, and whoever
/// changes anything a lock.
///
/// A slot holds half a hash and a place, counted from 1; it is empty if it is
/// 0. The first one of the array holds the number of the others, less 1.
#[derive(Debug)]
pub(super) struct Slots {
    array: AtomicPtr<AtomicU64>,
}

/// How full the table is, which only those know who change it.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) live: usize,
    /// Slots that are not empty.
    used: usize,
}

/// An array that was replaced, to be freed when nobody looks at it any more.
#[derive(Debug)]
pub(super) struct OldArray(NonNull<AtomicU64>);

// SAFETY: it owns the array.
unsafe impl Send for OldArray {}

impl Drop for OldArray {
    fn drop(&mut self) {
        // SAFETY: it came from a box of this length, and nobody looks at it any more.
        unsafe {
            let len = len_of(self.0.as_ref());
            drop(Box::from_raw(ptr::slice_from_raw_parts_mut(self.0.as_ptr(), len)));
        }
    }
}

impl Slots {
    pub(super) const fn new() -> Self {
        Self { array: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The array, empty if there is none yet.
    #[inline]
    fn array(&self) -> &[AtomicU64] {
        let array = self.array.load(Ordering::Acquire);
        // SAFETY: `replace` published an array that begins with its length, and that is not
        // freed while somebody has a pin or the lock.
        unsafe {
            match array.as_ref() {
                Some(mask) => slice::from_raw_parts(array, len_of(mask)),
                None => &[],
            }
        }
    }

    /// What `is` makes of the first place of this hash that it makes anything of.
    #[inline]
    pub(super) fn find<R>(&self, hash: u64, is: impl FnMut(u32) -> Option<R>) -> Option<R> {
        find_in(self.array(), hash, is).map(|(_, found)| found)
    }

    /// Adds a place, which must not be there; gives back what it has replaced.
    pub(super) fn insert(&self, load: &mut Load, hash: u64, place: u32) -> Option<OldArray> {
        let len = self.array().len().saturating_sub(1);
        // An eighth stays empty, so that every search comes to an end.
        let old = if load.used + 1 > len - len / 8 { self.rebuild(load) } else { None };
        load.live += 1;
        load.used += 1;
        put(self.array(), slot(hash, place));
        old
    }

    /// Takes away the first place of this hash that `is` makes anything of.
    pub(super) fn remove<R>(
        &self,
        load: &mut Load,
        hash: u64,
        is: impl FnMut(u32) -> Option<R>,
    ) -> Option<R> {
        let array = self.array();
        let (at, found) = find_in(array, hash, is)?;
        array[at].store(u64::from(GONE), Ordering::Release);
        load.live -= 1;
        Some(found)
    }

    /// Takes away the places that `doomed` says yes to.
    pub(super) fn retain_not(&self, load: &mut Load, mut doomed: impl FnMut(u32) -> bool) {
        for slot in self.array().iter().skip(1) {
            if place_of(slot.load(Ordering::Relaxed)).is_some_and(&mut doomed) {
                slot.store(u64::from(GONE), Ordering::Release);
                load.live -= 1;
            }
        }
    }

    /// Makes an array with room for as many again.
    fn rebuild(&self, load: &mut Load) -> Option<OldArray> {
        let len = ((load.live + 1) * 4 / 3 + 1).next_power_of_two().max(FEWEST);
        let mask = len - 1;
        let head = [AtomicU64::new(mask as u64)].into_iter();
        let array: Box<[_]> = head.chain((0..len).map(|_| AtomicU64::new(0))).collect();
        for old in self.array().iter().skip(1) {
            let old = old.load(Ordering::Relaxed);
            if place_of(old).is_some() {
                put(&array, old);
            }
        }
        load.used = load.live;
        self.replace(Some(array))
    }

    fn replace(&self, with: Option<Box<[AtomicU64]>>) -> Option<OldArray> {
        let new = with.map_or(ptr::null_mut(), |array| Box::into_raw(array).cast());
        // Release: whoever sees the array sees what stands in it.
        let old = self.array.swap(new, Ordering::AcqRel);
        NonNull::new(old).map(OldArray)
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.replace(None);
    }
}

fn len_of(mask: &AtomicU64) -> usize {
    mask.load(Ordering::Relaxed) as usize + 2
}

/// Fills the first slot that is empty; there is one.
fn put(array: &[AtomicU64], new: u64) {
    let Some((_, slots)) = array.split_first() else { return };
    let mask = slots.len() - 1;
    let mut at = begin(new, mask);
    while slots[at].load(Ordering::Relaxed) != 0 {
        at = (at + 1) & mask;
    }
    // Release: whoever sees the place sees what stands there.
    slots[at].store(new, Ordering::Release);
}

#[inline(always)]
fn find_in<R>(
    array: &[AtomicU64],
    hash: u64,
    mut is: impl FnMut(u32) -> Option<R>,
) -> Option<(usize, R)> {
    let (_, slots) = array.split_first()?;
    let mask = slots.len() - 1;
    let mut from = begin(hash, mask);
    loop {
        // A group at a time, as it is hard to foretell which of them it will be.
        let group = slots.get(from..)?.first_chunk::<GROUP>()?;
        let mut alike = 0_u32;
        for (at, slot) in group.iter().enumerate() {
            let found = slot.load(Ordering::Acquire);
            alike |= u32::from((found ^ hash) >> 32 == 0) << at;
        }
        while alike > 0 {
            let at = alike.trailing_zeros() as usize % GROUP;
            if let Some(found) = place_of(group[at].load(Ordering::Acquire)).and_then(&mut is) {
                return Some((from + at + 1, found));
            }
            alike &= alike - 1;
        }
        // A group is filled from its beginning on.
        if group[GROUP - 1].load(Ordering::Acquire) == 0 {
            return None;
        }
        from = (from + GROUP) & mask;
    }
}

/// Where the search for a hash begins: where its upper half says, which slots keep.
#[inline]
fn begin(hash: u64, mask: usize) -> usize {
    (hash >> 32) as usize & mask & !(GROUP - 1)
}

fn slot(hash: u64, place: u32) -> u64 {
    hash >> 32 << 32 | u64::from(place + 1)
}

#[inline]
fn place_of(slot: u64) -> Option<u32> {
    let counted = slot as u32;
    (counted != GONE).then(|| counted.checked_sub(1)).flatten()
}
