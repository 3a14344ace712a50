//! The bare limits: what the machine can do at best.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::harness::{Candidate, Who};

/// Adds one to a number of the thread's own, which nobody else can read.
pub fn plain_add() -> Candidate<'static> {
    Candidate::looping(Who::Limit("plain u64"), |n| {
        let mut number = 0_u64;
        for _ in 0..n {
            *black_box(&mut number) += 1;
        }
    })
}

/// The same with a fraction.
pub fn plain_add_float(amount: f64) -> Candidate<'static> {
    Candidate::looping(Who::Limit("plain f64"), move |n| {
        let mut number = 0.0;
        for _ in 0..n {
            *black_box(&mut number) += black_box(amount);
        }
    })
}

/// A cell of the thread's own that is found anew each time.
pub fn thread_local_add() -> Candidate<'static> {
    thread_local! {
        static CELL: Cell<u64> = const { Cell::new(0) };
    }
    Candidate::new(Who::Limit("thread-local cell"), |_| {
        CELL.with(|cell| black_box(cell).set(cell.get() + 1));
    })
}

/// One atomic that all threads share.
pub fn fetch_add(number: &AtomicU64) -> Candidate<'_> {
    Candidate::new(Who::Limit("relaxed fetch_add"), move |_| {
        black_box(number).fetch_add(1, Ordering::Relaxed);
    })
    .shows(|done| number.load(Ordering::Relaxed) == done.all)
}

/// One fraction that all threads share.
pub fn exchange_float(bits: &AtomicU64, amount: f64) -> Candidate<'_> {
    Candidate::new(Who::Limit("f64 CAS"), move |_| {
        add_float(black_box(bits), black_box(amount));
    })
    .shows(move |done| f64::from_bits(bits.load(Ordering::Relaxed)) == done.all as f64 * amount)
}

/// Adds to a shared fraction.
pub fn add_float(bits: &AtomicU64, amount: f64) {
    let mut old = bits.load(Ordering::Relaxed);
    loop {
        let new = (f64::from_bits(old) + amount).to_bits();
        match bits.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(seen) => old = seen,
        }
    }
}
