//! Goes along the values of a shelf, and removes those that are picked.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::slice;
use std::sync::Arc;

use super::order::GONE;
use super::pins::Pin;
use super::shelf::{Counted, Shelf, Wraps};

/// How many values are looked at together.
const STEP: usize = 64;

/// A walk along the values of a shelf.
pub(crate) struct Walk<'s, W: Wraps> {
    shelf: &'s Arc<Shelf<W::Value, W::Common>>,
    at: usize,
    end: usize,
}

impl<T: Counted + Send + Sync, C: Send + Sync> Shelf<T, C> {
    /// Goes along the values in the order in which they came, up to the last one there is now.
    pub(crate) fn walk<W: Wraps<Value = T, Common = C>>(self: &Arc<Self>) -> Walk<'_, W> {
        let mut state = self.lock();
        state.walks += 1;
        let walk = Walk { shelf: self, at: 0, end: state.order.len() };
        let freed = state.freed();
        drop(state);
        self.free(freed);
        walk
    }

    /// Removes the values that `doomed` picks, after `retire` has seen them; says how many.
    pub(crate) fn remove_if<W: Wraps<Value = T, Common = C> + Clone>(
        self: &Arc<Self>,
        mut doomed: impl FnMut(&W) -> bool,
        mut retire: impl FnMut(&T),
    ) -> usize {
        // Kept meanwhile, so that nothing else gets their places.
        let mut picked: Vec<W> = Vec::new();
        self.walk().step(usize::MAX, |values: &[W]| {
            picked.extend(values.iter().filter(|value| doomed(value)).cloned());
            values.len()
        });
        if picked.is_empty() {
            return 0;
        }
        let mut state = self.lock();
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
        drop(state);
        self.free(freed);
        count
    }
}

impl<W: Wraps> Walk<'_, W> {
    /// Goes on by so many values at most, some at a time, until `take` takes fewer than it was
    /// given, to come back to the others then; false if it has come to the end.
    pub(crate) fn step(&mut self, most: usize, mut take: impl FnMut(&[W]) -> usize) -> bool {
        let pin = Pin::new();
        let end = self.end.min(self.at.saturating_add(most));
        let finder = self.shelf.records.finder();
        let mut places = [GONE; STEP];
        let mut lent = [const { MaybeUninit::<ManuallyDrop<W>>::uninit() }; STEP];
        let mut owned = Vec::new();
        while self.at < end {
            let count = usize::min(STEP, end - self.at);
            {
                let state = self.shelf.lock();
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
                    let record = finder.get(*place);
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
        self.at < self.end
    }
}

impl<W: Wraps> Drop for Walk<'_, W> {
    fn drop(&mut self) {
        let mut state = self.shelf.lock();
        state.walks -= 1;
        state.tidy();
    }
}
