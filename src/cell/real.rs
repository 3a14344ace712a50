//! A float that threads share.

use std::sync::atomic::{AtomicU64, Ordering};

/// A float in the bits of an atomic integer.
///
/// Relaxed: a number says nothing about any other memory. What a thread wrote
/// before it was joined is seen by whoever joined it, by the join.
#[derive(Debug, Default)]
pub struct Real(AtomicU64);

impl Real {
    pub(super) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn add(&self, amount: f64) {
        let mut bits = self.0.load(Ordering::Relaxed);
        loop {
            let sum = (f64::from_bits(bits) + amount).to_bits();
            match self.0.compare_exchange_weak(bits, sum, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => bits = now,
            }
        }
    }
}
