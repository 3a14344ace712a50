//! Atomics and locks: the machine's, or loom's where the cells are checked as a model.

#[cfg(not(loom))]
mod chosen {
    use std::hint;
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};
    use std::thread;

    #[cfg(feature = "multiprocess")]
    pub(crate) use once_cell::sync::OnceCell;
    pub(crate) use parking_lot::{Mutex, MutexGuard as Guard};

    /// Lets others go on, after so many tries to.
    pub(crate) fn pause(tries: u32) {
        if tries % 64 == 0 { thread::yield_now() } else { hint::spin_loop() }
    }
}

#[cfg(loom)]
mod chosen {
    #[cfg(feature = "multiprocess")]
    pub(crate) use crate::cell::loom_sync::OnceCell;
    pub(crate) use crate::cell::loom_sync::{AtomicU32, AtomicU64, Guard, Mutex, fence, pause};
}

#[cfg(feature = "multiprocess")]
pub(super) use self::chosen::OnceCell;
pub(super) use self::chosen::{AtomicU32, AtomicU64, Guard, Mutex, fence, pause};
