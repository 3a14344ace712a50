//! Values by their hashes, of which one is found without a lock, a count or an allocation.
//!
//! A [`Shelf`] keeps them in the order in which they came. Whoever looks one up
//! is [lent](Lent) it: a pin keeps it from being freed. [`Kept`] owns one, and
//! the shelf does as long as it is not removed. What is removed is dropped when
//! nobody owns it and all who may have been lent it have looked away.
#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::RefUnwindSafe;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use parking_lot::{Mutex, MutexGuard};

use super::fork::{HoldOff, hold_off};
pub(crate) use super::kept::Kept;
use super::kept::SHELF;
use super::keys::{Key, KeyBuf};
use super::lent::{Hold, Lent};
use super::order::{GONE, Order, Retired};
use super::pins::{Pin, prepare};
pub(crate) use super::records::Counted;
use super::records::{RecordAt, Records};
use super::slots::Slots;

/// How many values are looked at together.
const STEP: usize = 64;

/// Values, and what they have in common.
pub(crate) struct Shelf<T, C> {
    common: C,
    slots: Slots,
    records: Records<T>,
    state: Mutex<Order>,
}

/// What tells a value from others: its key.
pub(crate) trait Named: Copy {
    fn hash(&self) -> u64;

    /// Whether it has this key.
    fn is(&self, key: Key<'_>) -> bool;

    fn write(&self, key: &mut KeyBuf);
}

/// What wraps a [`Kept`], and does nothing else with it.
pub(crate) trait Wraps {
    type Value: Counted + Send + Sync;
    type Common: Send + Sync;

    fn wrap(kept: Kept<Self::Value, Self::Common>) -> Self;

    fn kept(&self) -> &Kept<Self::Value, Self::Common>;
}

impl<T: Counted, C> Shelf<T, C> {
    fn of(common: C) -> Self {
        prepare();
        let (slots, records, state) = (Slots::new(), Records::new(), Mutex::default());
        Self { common, slots, records, state }
    }

    /// A shelf that has one value only, where nobody finds it.
    pub(super) fn of_one(common: C, value: T) -> Arc<Self> {
        let mut shelf = Self::of(common);
        shelf.records.put_alone(value);
        Arc::new(shelf)
    }

    /// Where that value is.
    pub(super) fn alone(&self) -> RecordAt<T> {
        self.records.alone()
    }

    /// What all values have in common.
    pub(crate) fn common(&self) -> &C {
        &self.common
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().0.load.live
    }

    // Whoever forks waits for those who change anything.
    fn lock(&self) -> (MutexGuard<'_, Order>, HoldOff) {
        let hold_off = hold_off();
        (self.state.lock(), hold_off)
    }

    /// # Safety
    /// Somebody owns the value, which is on this shelf.
    unsafe fn own(self: &Arc<Self>, record: RecordAt<T>) -> Kept<T, C> {
        // SAFETY: as the caller says.
        unsafe { Kept::of(record, self) }
    }

    /// # Safety
    /// The value was removed from the shelf, and all who may have been lent it have looked away.
    unsafe fn disown(&self, record: RecordAt<T>) {
        // Release: as of other owners.
        // SAFETY: the record is there as long as the shelf.
        if unsafe { record.value() }.owners().fetch_sub(SHELF, Ordering::Release) == SHELF {
            // SAFETY: nobody owns it.
            unsafe { self.give_up(record) };
        }
    }

    /// # Safety
    /// Nobody owns the value or looks at it any more.
    pub(super) unsafe fn give_up(&self, record: RecordAt<T>) {
        // Acquire: what others did with it comes before.
        fence(Ordering::Acquire);
        // SAFETY: as the caller says.
        unsafe { record.empty() };
        let (mut state, _hold_off) = self.lock();
        // SAFETY: as above.
        unsafe { state.room.give_back(record) };
    }
}

// Whatever panics does so before anything is changed, or when all is changed.
impl<T, C> RefUnwindSafe for Shelf<T, C> {}

impl<T: Counted + Send + Sync, C: Send + Sync> Shelf<T, C> {
    pub(crate) fn new(common: C) -> Arc<Self> {
        Arc::new(Self::of(common))
    }

    /// The value of this name, or else a new one.
    #[inline(always)]
    pub(crate) fn get_or_insert<'s, W: Wraps<Value = T, Common = C>>(
        self: &'s Arc<Self>,
        name: impl Named,
        make: impl FnOnce(&C) -> T,
    ) -> Lent<'s, W> {
        let (record, hold) = self.find_or_insert(name, make);
        // SAFETY: it is held.
        Lent::new(unsafe { self.borrow(record) }, hold)
    }

    /// What is found, and by what it is held: both in registers, whoever looks.
    fn find_or_insert(
        self: &Arc<Self>,
        name: impl Named,
        make: impl FnOnce(&C) -> T,
    ) -> (RecordAt<T>, Hold) {
        let hash = name.hash();
        let Some(pin) = Pin::new() else { return self.keep_or_insert(hash, name, make) };
        if let Some(place) = self.slots.first(hash) {
            // SAFETY: the pin keeps what the slots have.
            unsafe {
                let first = self.records.get(place);
                if name.is(first.key()) {
                    return (first, Hold::by_pin(pin));
                }
                if let Some(other) = self.named_among(hash, name) {
                    return (other, Hold::by_pin(pin));
                }
            }
        }
        (self.insert(hash, name, make), Hold::by_pin(pin))
    }

    /// The same, for one who holds no pin, and so owns what is found.
    #[cold]
    #[inline(never)]
    fn keep_or_insert(
        self: &Arc<Self>,
        hash: u64,
        name: impl Named,
        make: impl FnOnce(&C) -> T,
    ) -> (RecordAt<T>, Hold) {
        let (kept, freed) = {
            let mut locked = self.lock();
            let (record, freed) = self.insert_unless_there(&mut locked.0, hash, name, make);
            // SAFETY: the shelf owns it as long as the lock is there.
            (ManuallyDrop::new(unsafe { self.own(record) }), freed)
        };
        self.free(freed);
        (kept.record(), Hold::owned())
    }

    /// The value of this name, which is on the shelf afterwards.
    #[cold]
    #[inline(never)]
    fn insert(&self, hash: u64, name: impl Named, make: impl FnOnce(&C) -> T) -> RecordAt<T> {
        let mut locked = self.lock();
        let (record, freed) = self.insert_unless_there(&mut locked.0, hash, name, make);
        drop(locked);
        self.free(freed);
        record
    }

    fn insert_unless_there(
        &self,
        state: &mut Order,
        hash: u64,
        name: impl Named,
        make: impl FnOnce(&C) -> T,
    ) -> (RecordAt<T>, Vec<Retired>) {
        // SAFETY: the lock keeps what the slots have.
        if let Some(record) = unsafe { self.named_among(hash, name) } {
            return (record, Vec::new());
        }
        let value = make(&self.common);
        let put = self.records.put(&mut state.room, value, |key| name.write(key));
        let Some(place) = put else { handle_alloc_error(Layout::new::<T>()) };
        let array = self.slots.insert(&mut state.load, hash, place);
        state.order.push(place);
        state.retire(Vec::new(), array);
        // SAFETY: it was just put.
        (unsafe { self.records.get(place) }, state.freed())
    }

    /// Removes the value of this name, after `retire` has seen it.
    pub(crate) fn remove(&self, name: impl Named, retire: impl FnOnce(&T)) -> bool {
        let (mut state, hold_off) = self.lock();
        let named = |place| {
            // SAFETY: the lock keeps what the slots have.
            let record = unsafe { self.records.get(place) };
            // SAFETY: as above.
            name.is(unsafe { record.key() }).then_some((place, record))
        };
        let removed = self.slots.remove(&mut state.load, name.hash(), named);
        let Some((place, record)) = removed else { return false };
        // SAFETY: the shelf owns it until all have looked away.
        retire(unsafe { record.value() });
        state.forget(|at| at == place);
        state.retire(vec![place], None);
        let freed = state.freed();
        drop((state, hold_off));
        self.free(freed);
        true
    }

    /// Removes the values that `doomed` picks, after `retire` has seen them; says how many.
    pub(crate) fn remove_if<W: Wraps<Value = T, Common = C> + Clone>(
        self: &Arc<Self>,
        mut doomed: impl FnMut(&W) -> bool,
        mut retire: impl FnMut(&T),
    ) -> usize {
        // Kept meanwhile, so that nothing else gets their places.
        let mut picked: Vec<W> = Vec::new();
        self.walk().step(|values: &[W]| {
            picked.extend(values.iter().filter(|value| doomed(value)).cloned());
            values.len()
        });
        if picked.is_empty() {
            return 0;
        }
        let (mut state, hold_off) = self.lock();
        let places = picked.iter().map(|kept| state.room.place(kept.kept().record()));
        let mut places: Vec<_> = places.zip(&picked).collect();
        places.sort_unstable_by_key(|(place, _)| *place);
        let mut removed = Vec::new();
        self.slots.retain_not(&mut state.load, |at| {
            let found = places.binary_search_by_key(&Some(at), |(place, _)| *place);
            let Ok(found) = found else { return false };
            retire(places[found].1.kept());
            removed.push(at);
            true
        });
        // Others may have removed some of them.
        removed.sort_unstable();
        state.forget(|at| removed.binary_search(&at).is_ok());
        let count = removed.len();
        state.retire(removed, None);
        let freed = state.freed();
        drop((state, hold_off));
        self.free(freed);
        count
    }

    /// Goes along the values in the order in which they came, up to the last one there is now.
    pub(crate) fn walk<W: Wraps<Value = T, Common = C>>(self: &Arc<Self>) -> Walk<'_, W> {
        let (mut state, hold_off) = self.lock();
        state.walks += 1;
        let walk = Walk { shelf: self, at: 0, end: state.order.len() };
        let freed = state.freed();
        drop((state, hold_off));
        self.free(freed);
        walk
    }

    /// The record of this name among those of its hash.
    ///
    /// # Safety
    /// No value that the slots have is freed meanwhile.
    #[cold]
    #[inline(never)]
    unsafe fn named_among(&self, hash: u64, name: impl Named) -> Option<RecordAt<T>> {
        self.slots.find(hash, |place| {
            // SAFETY: a value was put there before its place was published, and is not freed.
            let record = unsafe { self.records.get(place) };
            // SAFETY: as above.
            name.is(unsafe { record.key() }).then_some(record)
        })
    }

    /// # Safety
    /// The value is not freed, nor the shelf, as long as it is borrowed.
    #[inline]
    pub(super) unsafe fn borrow<W: Wraps<Value = T, Common = C>>(
        self: &Arc<Self>,
        record: RecordAt<T>,
    ) -> ManuallyDrop<W> {
        // SAFETY: it is not dropped.
        ManuallyDrop::new(W::wrap(unsafe { Kept::uncounted(record, self) }))
    }

    /// Gives up values that nobody looks at any more.
    fn free(&self, retired: Vec<Retired>) {
        for place in retired.iter().flat_map(|retired| &retired.values) {
            // SAFETY: the shelf has owned it.
            unsafe { self.disown(self.records.get(*place)) };
        }
    }
}

/// A walk along the values of a shelf.
pub(crate) struct Walk<'s, W: Wraps> {
    shelf: &'s Arc<Shelf<W::Value, W::Common>>,
    at: usize,
    end: usize,
}

impl<W: Wraps> Walk<'_, W> {
    /// Goes on, some values at a time, until `take` takes fewer than it was given, to come
    /// back to the others then; false if it has come to the end.
    pub(crate) fn step(&mut self, mut take: impl FnMut(&[W]) -> usize) -> bool {
        let pin = Pin::new();
        let mut places = [GONE; STEP];
        let mut lent = [const { MaybeUninit::<ManuallyDrop<W>>::uninit() }; STEP];
        let mut owned = Vec::new();
        while self.at < self.end {
            let count = usize::min(STEP, self.end - self.at);
            {
                let (state, _hold_off) = self.shelf.lock();
                places[..count].copy_from_slice(&state.order[self.at..][..count]);
                if pin.is_none() {
                    let places = places[..count].iter().filter(|place| **place != GONE);
                    // SAFETY: the places were given.
                    let records = places.map(|place| unsafe { self.shelf.records.get(*place) });
                    // SAFETY: the shelf owns it as long as the lock is there.
                    owned.extend(records.map(|record| unsafe { self.shelf.own(record) }));
                }
            }
            let there = places[..count].iter().enumerate().filter(|(_, place)| **place != GONE);
            let mut values = 0;
            for (lent, (_, place)) in lent.iter_mut().zip(there.clone()) {
                // SAFETY: the pin was there before the place was read, or else it is owned.
                lent.write(unsafe {
                    let record = self.shelf.records.get(*place);
                    self.shelf.borrow(record)
                });
                values += 1;
            }
            // SAFETY: so many were written, and what wraps them has the same form.
            let taken = take(unsafe { slice::from_raw_parts(lent.as_ptr().cast(), values) });
            if taken < values {
                let mut left = there.skip(taken);
                self.at += left.next().map_or(count, |(at, _)| at);
                return true;
            }
            self.at += count;
            owned.clear();
        }
        false
    }
}

impl<W: Wraps> Drop for Walk<'_, W> {
    fn drop(&mut self) {
        let (mut state, _hold_off) = self.shelf.lock();
        state.walks -= 1;
        state.tidy();
    }
}

impl<T, C> Drop for Shelf<T, C> {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let retired = state.retired.iter().flat_map(|retired| &retired.values);
        for place in state.order.iter().chain(retired).filter(|place| **place != GONE) {
            // SAFETY: whoever else owns a value owns the shelf.
            unsafe { self.records.get(*place).empty() };
        }
    }
}
