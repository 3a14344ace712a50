//! The children of closed labels, each at the place of its number.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A slot for each child that there can be, filled when it is first asked for.
///
/// What it lends is lent as long as it lives, so a slot is filled once. A child
/// that was removed stays in it, unseen, and its slot is used no more.
pub(super) struct Slots<M>(Arc<[Slot<M>]>);

struct Slot<M> {
    child: OnceLock<M>,
    given_up: AtomicBool,
}

impl<M: Clone> Slots<M> {
    pub(super) fn new(count: usize) -> Self {
        let slot = || Slot { child: OnceLock::new(), given_up: AtomicBool::new(false) };
        Self(std::iter::repeat_with(slot).take(count).collect())
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&M> {
        let slot = self.0.get(index)?;
        let child = slot.child.get()?;
        (!slot.given_up.load(Ordering::Relaxed)).then_some(child)
    }

    /// Keeps a child that came from the other children.
    ///
    /// If it is removed from there at this moment, the slot is given up, before
    /// or after: whoever removes does that without asking whether it is filled.
    pub(super) fn fill(&self, index: usize, child: &M) {
        if let Some(slot) = self.0.get(index) {
            // Another thread may have been faster, with the same child.
            let _ = slot.child.set(child.clone());
        }
    }

    /// To be called once the child is gone from the other children.
    pub(super) fn give_up(&self, index: usize) {
        if let Some(slot) = self.0.get(index) {
            slot.given_up.store(true, Ordering::Relaxed);
        }
    }
}

impl<M> Clone for Slots<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_lends_what_it_was_filled_with_first() {
        let slots = Slots::new(2);
        assert_eq!(slots.get(1), None);
        slots.fill(1, &"child");
        slots.fill(1, &"late");
        assert_eq!((slots.get(0), slots.get(1), slots.get(2)), (None, Some(&"child"), None));
        slots.fill(2, &"nowhere");
        slots.give_up(2);
    }

    #[test]
    fn a_slot_that_was_given_up_lends_nothing_any_more() {
        let slots = Slots::new(2);
        slots.fill(0, &"child");
        slots.give_up(0);
        assert_eq!(slots.get(0), None);
        // A child that was removed before the thread that had asked for it could fill the slot.
        slots.give_up(1);
        slots.fill(1, &"child");
        assert_eq!(slots.get(1), None);
    }
}
