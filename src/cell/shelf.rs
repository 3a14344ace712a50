//! Values by their hashes, of which one is found without a lock, a count or an allocation.
//!
//! A [`Shelf`] keeps them in the order in which they came. Whoever looks one up
//! is [lent](Lent) it: a pin keeps it from being freed. [`Kept`] owns one, and
//! the shelf does as long as it is not removed. What is removed is dropped when
//! nobody owns it and all who may have been lent it have looked away.
#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use parking_lot::{Mutex, MutexGuard};

use super::fork::{HoldOff, hold_off};
use super::keys::{Key, KeyBuf};
use super::lent::{Hold, Lent};
use super::order::{GONE, Order, Retired};
use super::pins::{Pin, prepare};
pub(crate) use super::records::Counted;
use super::records::{RecordAt, Records};
use super::slots::Slots;

/// Values, and what they have in common.
pub(crate) struct Shelf<T, C> {
    common: C,
    pub(super) slots: Slots,
    pub(super) records: Records<T>,
    state: Mutex<Order>,
}

/// An owner of a value and of all that it has in common with others.
///
/// All who own a value own the shelf together, so that another one is counted once.
pub(crate) struct Kept<T: Counted, C> {
    record: RecordAt<T>,
    /// Its [`address`].
    shelf: NonNull<Shelf<T, C>>,
}

/// The state of a shelf; whoever forks waits for those who have it.
pub(super) struct Locked<'s> {
    // Unlocked before a fork is held off no more.
    state: MutexGuard<'s, Order>,
    _hold_off: HoldOff,
}

impl Deref for Locked<'_> {
    type Target = Order;

    fn deref(&self) -> &Order {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Order {
        &mut self.state
    }
}

/// In the number of owners: the shelf is one of them. The others count double.
const SHELF: u32 = 1;
const OWNER: u32 = 2;

/// More owners than there can be, unless they are forgotten and not dropped.
const TOO_MANY: u32 = u32::MAX / 2;

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

// SAFETY: it shares a value and what it has in common, and may drop both.
unsafe impl<T: Counted + Send + Sync, C: Send + Sync> Send for Kept<T, C> {}
// SAFETY: as above.
unsafe impl<T: Counted + Send + Sync, C: Send + Sync> Sync for Kept<T, C> {}

impl<T: Counted, C> Deref for Kept<T, C> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it owns the value, or somebody does for as long as it is lent.
        unsafe { self.record.value() }
    }
}

impl<T: Counted, C> Kept<T, C> {
    /// A value on a shelf of its own, where nobody finds it.
    pub(crate) fn alone(common: C, make: impl FnOnce(&C) -> T) -> Self {
        let value = make(&common);
        value.owners().store(OWNER, Ordering::Relaxed);
        let shelf = Shelf::of_one(common, value);
        let record = shelf.alone();
        Self { record, shelf: address(&ManuallyDrop::new(shelf)) }
    }

    /// Its key.
    #[inline]
    pub(crate) fn key(&self) -> Key<'_> {
        // SAFETY: as of the value.
        unsafe { self.record.key() }
    }

    /// What it has in common with others on the shelf.
    #[inline]
    pub(crate) fn common(&self) -> &C {
        // SAFETY: as of the value.
        unsafe { self.shelf.as_ref() }.common()
    }

    #[inline(always)]
    pub(super) fn record(&self) -> RecordAt<T> {
        self.record
    }

    /// One that is not counted yet, or was and is forgotten.
    ///
    /// # Safety
    /// The value is on this shelf. It is dropped only if it was counted.
    #[inline(always)]
    pub(super) unsafe fn uncounted(record: RecordAt<T>, shelf: &Arc<Shelf<T, C>>) -> Self {
        Self { record, shelf: address(shelf) }
    }

    /// Of a value that somebody owns, or is lent.
    ///
    /// # Safety
    /// The value is on this shelf, whose [`address`] it is.
    unsafe fn another(record: RecordAt<T>, shelf: NonNull<Shelf<T, C>>) -> Self {
        // Relaxed: as with any count of owners, another is there already.
        // SAFETY: as the caller says.
        let before = unsafe { record.value() }.owners().fetch_add(OWNER, Ordering::Relaxed);
        match before {
            // SAFETY: as the caller says.
            ..OWNER => unsafe { Arc::increment_strong_count(shelf.as_ptr()) },
            OWNER..TOO_MANY => {}
            _ => process::abort(),
        }
        Self { record, shelf }
    }

    /// Drops the value, if the shelf does not own it, and then the shelf.
    ///
    /// # Safety
    /// There were so many owners, and this was the last one beside the shelf.
    #[cold]
    #[inline(never)]
    unsafe fn drop_last(&mut self, before: u32) {
        // SAFETY: it is owned until the end of this.
        let shelf = unsafe { Arc::from_raw(self.shelf.as_ptr()) };
        if before == OWNER {
            // SAFETY: the shelf has not disowned it while somebody looked.
            unsafe { shelf.give_up(self.record) };
        }
    }
}

impl<T: Counted, C> Clone for Kept<T, C> {
    fn clone(&self) -> Self {
        // SAFETY: who clones it owns it or is lent it.
        unsafe { Self::another(self.record, self.shelf) }
    }
}

impl<T: Counted, C> Drop for Kept<T, C> {
    fn drop(&mut self) {
        // Release: what this one did with it comes before it is dropped.
        // SAFETY: this one owns it, and all who do own the shelf.
        let before = unsafe { self.record.value() }.owners().fetch_sub(OWNER, Ordering::Release);
        if before < 2 * OWNER {
            // SAFETY: nobody else of them is left.
            unsafe { self.drop_last(before) };
        }
    }
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
        self.lock().load.live
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        let hold_off = hold_off();
        Locked { state: self.state.lock(), _hold_off: hold_off }
    }

    /// # Safety
    /// Somebody owns the value, which is on this shelf.
    pub(super) unsafe fn own(self: &Arc<Self>, record: RecordAt<T>) -> Kept<T, C> {
        // SAFETY: as the caller says.
        unsafe { Kept::another(record, address(self)) }
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
        let mut state = self.lock();
        // SAFETY: as above.
        unsafe { state.room.give_back(record) };
    }
}

// Whatever panics does so before anything is changed, or when all is changed.
impl<T: Counted, C> UnwindSafe for Kept<T, C> {}
impl<T: Counted, C> RefUnwindSafe for Kept<T, C> {}
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
            let (record, freed) = self.insert_unless_there(&mut locked, hash, name, make);
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
        let (record, freed) = self.insert_unless_there(&mut locked, hash, name, make);
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
        let mut state = self.lock();
        let named = |place| {
            // SAFETY: the lock keeps what the slots have.
            let record = unsafe { self.records.get(place) };
            // SAFETY: as above.
            name.is(unsafe { record.key() }).then_some((place, record))
        };
        let hash = name.hash();
        let Some((place, record)) = self.slots.find(hash, named) else { return false };
        // SAFETY: the shelf owns it until all have looked away.
        retire(unsafe { record.value() });
        self.slots.remove(&mut state.load, hash, |at| (at == place).then_some(()));
        state.forget(|at| at == place);
        state.retire(vec![place], None);
        let freed = state.freed();
        drop(state);
        self.free(freed);
        true
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
    #[inline]
    pub(super) fn free(&self, retired: Vec<Retired>) {
        if !retired.is_empty() {
            self.free_some(retired);
        }
    }

    #[inline(never)]
    fn free_some(&self, retired: Vec<Retired>) {
        for place in retired.iter().flat_map(|retired| &retired.values) {
            // SAFETY: the shelf has owned it.
            unsafe { self.disown(self.records.get(*place)) };
        }
    }
}

/// Where a shelf is, as its `Arc` has it.
#[inline(always)]
fn address<T, C>(shelf: &Arc<Shelf<T, C>>) -> NonNull<Shelf<T, C>> {
    // SAFETY: it is there.
    unsafe { NonNull::new_unchecked(Arc::as_ptr(shelf).cast_mut()) }
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
