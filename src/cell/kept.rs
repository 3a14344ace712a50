//! Who owns a value of a shelf.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::keys::Key;
use super::records::{Counted, RecordAt};
use super::shelf::Shelf;

/// An owner of a value and of all that it has in common with others.
///
/// All who own a value own the shelf together, so that another one is counted once.
pub(crate) struct Kept<T: Counted, C> {
    record: RecordAt<T>,
    /// Its [`address`].
    shelf: NonNull<Shelf<T, C>>,
}

/// In the number of owners: the shelf is one of them. The others count double.
pub(super) const SHELF: u32 = 1;
const OWNER: u32 = 2;

/// More owners than there can be, unless they are forgotten and not dropped.
const TOO_MANY: u32 = u32::MAX / 2;

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

    /// Of a value that somebody owns, or is lent.
    ///
    /// # Safety
    /// It is on this shelf.
    pub(super) unsafe fn of(record: RecordAt<T>, shelf: &Arc<Shelf<T, C>>) -> Self {
        // SAFETY: as the caller says.
        unsafe { Self::another(record, address(shelf)) }
    }

    /// One that is not counted yet, or was and is forgotten.
    ///
    /// # Safety
    /// The value is on this shelf. It is dropped only if it was counted.
    #[inline(always)]
    pub(super) unsafe fn uncounted(record: RecordAt<T>, shelf: &Arc<Shelf<T, C>>) -> Self {
        Self { record, shelf: address(shelf) }
    }

    /// # Safety
    /// As above; it is the [`address`] of the shelf.
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

// Whatever panics does so before anything is changed, or when all is changed.
impl<T: Counted, C> UnwindSafe for Kept<T, C> {}
impl<T: Counted, C> RefUnwindSafe for Kept<T, C> {}

/// Where a shelf is, as its `Arc` has it.
#[inline(always)]
fn address<T, C>(shelf: &Arc<Shelf<T, C>>) -> NonNull<Shelf<T, C>> {
    // SAFETY: it is there.
    unsafe { NonNull::new_unchecked(Arc::as_ptr(shelf).cast_mut()) }
}
