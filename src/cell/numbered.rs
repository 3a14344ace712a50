//! Values of a shelf that are found by number, without looking for their keys.
#![allow(unsafe_code)]

use std::mem;
use std::panic::RefUnwindSafe;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;

use super::fork::hold_off;
use super::lent::{Hold, Lent};
use super::records::RecordAt;
use super::shelf::{Counted, Kept, Shelf, Wraps};

/// A slot for each value that there can be, filled when it is first asked for.
///
/// What it lends is lent as long as it lives. So a slot is filled once: a value that was
/// removed from the shelf is kept, unseen, and its slot is given up.
pub(crate) struct Numbered<T: Counted, C> {
    slots: Box<[AtomicPtr<T>]>,
    shelf: Arc<Shelf<T, C>>,
    given_up: Mutex<Vec<Kept<T, C>>>,
}

// Nothing panics while it is changed.
impl<T: Counted, C> RefUnwindSafe for Numbered<T, C> {}

/// What a slot holds that was given up: no value is there.
fn gone<T>() -> *mut T {
    ptr::without_provenance_mut(1)
}

fn is_value<T>(value: *mut T) -> bool {
    value.addr() > 1
}

impl<T: Counted + Send + Sync, C: Send + Sync> Numbered<T, C> {
    /// So many slots for values of this shelf.
    pub(crate) fn new(shelf: &Arc<Shelf<T, C>>, slots: usize) -> Self {
        let slots = (0..slots).map(|_| AtomicPtr::default()).collect();
        Self { slots, shelf: shelf.clone(), given_up: Mutex::default() }
    }

    /// The value of a slot that is filled and was not given up.
    #[inline(always)]
    pub(crate) fn get<W: Wraps<Value = T, Common = C>>(
        &self,
        number: usize,
    ) -> Option<Lent<'_, W>> {
        // Acquire: whoever sees the value sees what stands there.
        let value = self.slots.get(number)?.load(Ordering::Acquire);
        // SAFETY: the slot, or the list of those given up, owns it until this is dropped.
        is_value(value).then(|| unsafe {
            Lent::new(self.shelf.borrow(RecordAt::of(value)), Hold::by_lender())
        })
    }

    /// Keeps a value that came from the shelf.
    ///
    /// If it is removed from there at this moment, the slot is given up, before
    /// or after: whoever removes does that without asking whether it is filled.
    pub(crate) fn fill(&self, number: usize, kept: &Kept<T, C>) {
        let Some(slot) = self.slots.get(number) else { return };
        let kept = kept.clone();
        let filled = slot.compare_exchange(
            ptr::null_mut(),
            kept.record().value_at(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        // Another thread may have been faster, with the same value.
        if filled.is_ok() {
            mem::forget(kept);
        }
    }

    /// To be called once the value is gone from the shelf.
    pub(crate) fn give_up(&self, number: usize) {
        let Some(slot) = self.slots.get(number) else { return };
        let _hold_off = hold_off();
        let mut given_up = self.given_up.lock();
        // Acquire: as of whoever gets it.
        let value = slot.swap(gone(), Ordering::Acquire);
        if is_value(value) {
            // SAFETY: the slot owned it.
            given_up.push(unsafe { Kept::uncounted(RecordAt::of(value), &self.shelf) });
        }
    }
}

impl<T: Counted, C> Drop for Numbered<T, C> {
    fn drop(&mut self) {
        for slot in &mut self.slots {
            let value = *slot.get_mut();
            if is_value(value) {
                // SAFETY: the slot owned it, and lends nothing any more.
                drop(unsafe { Kept::uncounted(RecordAt::of(value), &self.shelf) });
            }
        }
    }
}
