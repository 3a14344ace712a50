//! Atomics and locks of a model, with orders that a test can forget to see whether they matter.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;

use ::loom::cell::UnsafeCell;
use ::loom::model::Builder;
use ::loom::sync::atomic;
use ::loom::sync::{Mutex as LoomMutex, MutexGuard};

/// What a model leaves out, so that it must find the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Stores release nothing.
    NoRelease,
    /// Loads acquire nothing.
    NoAcquire,
    /// Bytes reach the file only after the count that counts them.
    LateBytes,
}

thread_local! {
    // All threads of a model run on the thread that explores it.
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
    static EXECUTIONS: Cell<u64> = const { Cell::new(0) };
}

/// Explores a model with a fault, or with none.
pub(crate) fn explore(fault: Option<Fault>, model: impl Fn() + Sync + Send + 'static) {
    FAULT.set(fault);
    run(Builder::new(), model);
}

/// Explores a model as far as threads are interrupted so many times at most.
pub(crate) fn explore_up_to(interruptions: usize, model: impl Fn() + Sync + Send + 'static) {
    FAULT.set(None);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(interruptions);
    run(builder, model);
}

fn run(builder: Builder, model: impl Fn() + Sync + Send + 'static) {
    builder.check(move || {
        EXECUTIONS.set(EXECUTIONS.get() + 1);
        model();
    });
    println!("{} executions", EXECUTIONS.take());
}

pub(super) fn has(fault: Fault) -> bool {
    FAULT.get() == Some(fault)
}

fn kept(order: Ordering) -> Ordering {
    match (order, FAULT.get()) {
        (Ordering::Release, Some(Fault::NoRelease)) => Ordering::Relaxed,
        (Ordering::Acquire, Some(Fault::NoAcquire)) => Ordering::Relaxed,
        (Ordering::AcqRel, Some(Fault::NoRelease)) => Ordering::Acquire,
        (Ordering::AcqRel, Some(Fault::NoAcquire)) => Ordering::Release,
        _ => order,
    }
}

pub(crate) fn fence(order: Ordering) {
    match kept(order) {
        Ordering::Relaxed => {}
        order => atomic::fence(order),
    }
}

pub(crate) fn pause(_: u32) {
    ::loom::thread::yield_now();
}

macro_rules! atomic {
    ($name:ident, $number:ty) => {
        #[derive(Debug)]
        pub(crate) struct $name(atomic::$name);

        impl $name {
            pub(crate) fn new(value: $number) -> Self {
                Self(atomic::$name::new(value))
            }

            pub(crate) fn load(&self, order: Ordering) -> $number {
                self.0.load(kept(order))
            }

            pub(crate) fn store(&self, value: $number, order: Ordering) {
                self.0.store(value, kept(order));
            }

            pub(crate) fn fetch_add(&self, value: $number, order: Ordering) -> $number {
                self.0.fetch_add(value, kept(order))
            }

            pub(crate) fn fetch_sub(&self, value: $number, order: Ordering) -> $number {
                self.0.fetch_sub(value, kept(order))
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);

impl AtomicU64 {
    pub(crate) fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(old, new, kept(success), kept(failure))
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange_weak(old, new, kept(success), kept(failure))
    }

    pub(crate) fn fetch_max(&self, value: u64, order: Ordering) -> u64 {
        self.0.fetch_max(value, kept(order))
    }

    pub(crate) fn fetch_or(&self, value: u64, order: Ordering) -> u64 {
        self.0.fetch_or(value, kept(order))
    }

    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        f: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        self.0.fetch_update(kept(set), kept(fetch), f)
    }
}

/// A lock that is never poisoned.
#[derive(Debug)]
pub(crate) struct Mutex<T>(LoomMutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(LoomMutex::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        Guard(self.0.lock().expect("a model ends with the first panic"))
    }

    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.0.try_lock().ok().map(Guard)
    }
}

pub(crate) struct Guard<'a, T>(MutexGuard<'a, T>);

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

const EMPTY: u32 = 0;
const FILLING: u32 = 1;
const FULL: u32 = 2;

/// A value that is set once; who sees that it is there sees it whole, and nobody else does.
#[derive(Debug)]
pub(crate) struct OnceCell<T> {
    state: atomic::AtomicU32,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is written once, by who has moved the state from `EMPTY` to
// `FILLING`, and is only read by who has seen `FULL`.
#[allow(unsafe_code)]
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}

impl<T> OnceCell<T> {
    pub(crate) fn new() -> Self {
        Self { state: atomic::AtomicU32::new(EMPTY), value: UnsafeCell::new(None) }
    }

    #[allow(unsafe_code)]
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        if self.state.compare_exchange(EMPTY, FILLING, acquire, relaxed).is_err() {
            return Err(value);
        }
        // SAFETY: nobody else writes, and nobody reads before the state says so.
        self.value.with_mut(|place| unsafe { *place = Some(value) });
        self.state.store(FULL, Ordering::Release);
        Ok(())
    }

    #[allow(unsafe_code)]
    pub(crate) fn get(&self) -> Option<&T> {
        if self.state.load(Ordering::Acquire) != FULL {
            return None;
        }
        // SAFETY: it was written before the state said so, and is never written again.
        self.value.with(|place| unsafe { (*place).as_ref() })
    }
}
