//! Where values stand by their hashes: a table that is read while it is changed.
#![allow(unsafe_code)]

use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The fewest slots of a table.
const FEWEST: usize = 8;

/// So many slots are looked at before it is seen whether one of them was it.
const GROUP: usize = 4;

/// A slot whose value was taken away.
const GONE: u64 = 1 << 32;

/// The array of a table without places.
static NONE: [AtomicU64; 1 + GROUP] = {
    let mut none = [const { AtomicU64::new(0) }; 1 + GROUP];
    none[0] = AtomicU64::new(GROUP as u64);
    none
};

/// Places by hashes, in open addressing. Whoever looks holds a pin, and whoever
/// changes anything a lock.
///
/// A slot holds a place above half a hash, which is odd; it is empty if it is 0.
/// The first one of the array holds the number of the others, a multiple of a group's.
/// Slots are in the order of the hashes, so that a longer array is filled from its
/// beginning to its end.
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
        Self { array: AtomicPtr::new(none()) }
    }

    /// The array.
    #[inline(always)]
    fn array(&self) -> &[AtomicU64] {
        let array = self.array.load(Ordering::Acquire);
        // SAFETY: `replace` published an array that begins with its length, and that is not
        // freed while somebody has a pin or the lock.
        unsafe { slice::from_raw_parts(array, len_of(&*array)) }
    }

    /// The first place of this hash.
    #[inline(always)]
    pub(super) fn first(&self, hash: u64) -> Option<u32> {
        let array = self.array();
        let mut from = begin(hash, array.len() - 1);
        loop {
            // SAFETY: it is below the number of slots, which is a multiple of a group's, as it is.
            let group = unsafe { &*array.as_ptr().add(1 + from).cast::<[AtomicU64; GROUP]>() };
            // A group at a time, as it is hard to foretell which of them it will be.
            let mut found = 0;
            for slot in group.iter().rev() {
                let slot = slot.load(Ordering::Acquire);
                found = if slot as u32 == half(hash) { slot } else { found };
            }
            if found != 0 {
                return Some(place_in(found));
            }
            // A group is filled from its beginning on.
            if group[GROUP - 1].load(Ordering::Acquire) == 0 {
                return None;
            }
            from = if from + GROUP < array.len() - 1 { from + GROUP } else { 0 };
        }
    }

    /// What `is` makes of the first place of this hash that it makes anything of.
    pub(super) fn find<R>(&self, hash: u64, is: impl FnMut(u32) -> Option<R>) -> Option<R> {
        find_in(self.array(), hash, is).map(|(_, found)| found)
    }

    /// Adds a place, which must not be there; gives back what it has replaced.
    pub(super) fn insert(&self, load: &mut Load, hash: u64, place: u32) -> Option<OldArray> {
        let len = self.array().len() - 1;
        // A quarter stays empty, so that few searches go beyond their first group.
        let full = load.used + 1 > len - len / 4;
        let old = if full || self.is_none() { self.rebuild(load) } else { None };
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
        array[at].store(GONE, Ordering::Release);
        load.live -= 1;
        Some(found)
    }

    /// Takes away the places that `doomed` says yes to.
    pub(super) fn retain_not(&self, load: &mut Load, mut doomed: impl FnMut(u32) -> bool) {
        for slot in self.array().iter().skip(1) {
            if place_of(slot.load(Ordering::Relaxed)).is_some_and(&mut doomed) {
                slot.store(GONE, Ordering::Release);
                load.live -= 1;
            }
        }
    }

    /// Makes an array with room for half as many more.
    fn rebuild(&self, load: &mut Load) -> Option<OldArray> {
        let len = (2 * (load.live + 1)).next_multiple_of(GROUP).max(FEWEST);
        let head = [AtomicU64::new(len as u64)].into_iter();
        let array: Box<[_]> = head.chain((0..len).map(|_| AtomicU64::new(0))).collect();
        for old in self.array().iter().skip(1) {
            let old = old.load(Ordering::Relaxed);
            if place_of(old).is_some() {
                put(&array, old);
            }
        }
        load.used = load.live;
        self.replace(Box::into_raw(array).cast())
    }

    fn replace(&self, new: *mut AtomicU64) -> Option<OldArray> {
        // Release: whoever sees the array sees what stands in it.
        let old = self.array.swap(new, Ordering::AcqRel);
        NonNull::new(old).filter(|old| old.as_ptr() != none()).map(OldArray)
    }

    fn is_none(&self) -> bool {
        self.array.load(Ordering::Relaxed) == none()
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.replace(none());
    }
}

/// The array of a table without places, to which nobody writes.
const fn none() -> *mut AtomicU64 {
    (&raw const NONE).cast_mut().cast()
}

fn len_of(slots: &AtomicU64) -> usize {
    slots.load(Ordering::Relaxed) as usize + 1
}

/// Fills the first slot that is empty; there is one.
fn put(array: &[AtomicU64], new: u64) {
    let Some((_, slots)) = array.split_first() else { return };
    let mut at = begin(new, slots.len());
    while slots[at].load(Ordering::Relaxed) != 0 {
        at = next(at, slots.len());
    }
    // Release: whoever sees the place sees what stands there.
    slots[at].store(new, Ordering::Release);
}

/// What `is` makes of a place of this hash, and where in the array that stands.
fn find_in<R>(
    array: &[AtomicU64],
    hash: u64,
    mut is: impl FnMut(u32) -> Option<R>,
) -> Option<(usize, R)> {
    let mut at = begin(hash, array.len() - 1);
    loop {
        let slot = array[1 + at].load(Ordering::Acquire);
        if slot == 0 {
            return None;
        }
        if slot as u32 == half(hash) {
            if let Some(found) = place_of(slot).and_then(&mut is) {
                return Some((1 + at, found));
            }
        }
        at = next(at, array.len() - 1);
    }
}

/// What a slot keeps of a hash.
#[inline(always)]
fn half(hash: u64) -> u32 {
    hash as u32 | 1
}

/// Where the search for a hash begins, in so many slots.
#[inline(always)]
fn begin(hash: u64, slots: usize) -> usize {
    let product = u64::from(half(hash)) * slots as u64;
    (product >> 32) as usize & !(GROUP - 1)
}

#[inline(always)]
fn next(at: usize, slots: usize) -> usize {
    if at + 1 < slots { at + 1 } else { 0 }
}

fn slot(hash: u64, place: u32) -> u64 {
    u64::from(place) << 32 | u64::from(half(hash))
}

/// The place that a slot has; none if it is empty or its value was taken away.
#[inline(always)]
fn place_of(slot: u64) -> Option<u32> {
    (slot as u32 != 0).then(|| place_in(slot))
}

#[inline(always)]
fn place_in(slot: u64) -> u32 {
    (slot >> 32) as u32
}
