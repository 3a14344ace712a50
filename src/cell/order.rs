//! The order in which values came to a shelf, and what is left of those that have gone.

use super::pins::Grace;
use super::records::Room;
use super::slots::{Load, OldArray};

/// What stands in the order instead of a value that was removed.
pub(super) const GONE: u32 = u32::MAX;

/// What only those know who change anything.
#[derive(Default)]
pub(super) struct Order {
    pub(super) load: Load,
    pub(super) room: Room,
    /// The values on the shelf, in the order in which they came.
    pub(super) order: Vec<u32>,
    gone: usize,
    /// How many walk along the order, in which nothing moves meanwhile.
    pub(super) walks: usize,
    pub(super) retired: Vec<Retired>,
}

/// What was taken away, and is to be freed after a while.
pub(super) struct Retired {
    grace: Grace,
    pub(super) values: Vec<u32>,
    _array: Option<OldArray>,
}

impl Order {
    /// Takes values out of the order.
    pub(super) fn forget(&mut self, is_gone: impl Fn(u32) -> bool) {
        for at in self.order.iter_mut().filter(|at| **at != GONE) {
            if is_gone(*at) {
                *at = GONE;
                self.gone += 1;
            }
        }
        self.tidy();
    }

    pub(super) fn tidy(&mut self) {
        if self.walks == 0 && self.gone > self.order.len() / 4 {
            self.order.retain(|at| *at != GONE);
            self.gone = 0;
        }
    }

    /// Frees values when all who may be looking at them have looked away.
    #[inline]
    pub(super) fn retire(&mut self, values: Vec<u32>, array: Option<OldArray>) {
        if !values.is_empty() || array.is_some() {
            self.retired.push(Retired { grace: Grace::begin(), values, _array: array });
        }
    }

    /// What nobody looks at any more.
    #[inline]
    pub(super) fn freed(&mut self) -> Vec<Retired> {
        if self.retired.is_empty() { Vec::new() } else { self.freed_of_some() }
    }

    fn freed_of_some(&mut self) -> Vec<Retired> {
        let mut freed = Vec::new();
        let mut at = 0;
        while let Some(retired) = self.retired.get_mut(at) {
            if retired.grace.is_over() {
                freed.push(self.retired.swap_remove(at));
            } else {
                at += 1;
            }
        }
        freed
    }
}
