//! Keeps what threads look at from being freed under them; a look costs two plain stores.
//!
//! A thread that looks says so in a word of its own, which is the [`Pin`].
//! Whoever has taken something away waits for the looks that had begun before
//! ([`Grace`]): it makes every running thread pass a memory barrier, so that a
//! look that it does not see afterwards cannot have seen the thing either.
//! That is the asymmetric form of epoch-based reclamation.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering;
#[cfg(all(target_os = "linux", not(any(miri, loom))))]
use std::sync::atomic::{AtomicBool, compiler_fence};

use super::owners::{all_pins, own_pins};
use super::sync::{AtomicU64, fence};

/// The looks that have ended are counted above those that are under way.
const ENDED: u64 = 1 << 32;

/// Whether looks may leave the barrier to those who wait for them.
#[cfg(all(target_os = "linux", not(any(miri, loom))))]
static ASYMMETRIC: AtomicBool = AtomicBool::new(false);

/// A look of the calling thread, under way until it is dropped.
#[derive(Debug)]
pub(super) struct Pin {
    word: &'static AtomicU64,
    _stays_on_its_thread: PhantomData<*const ()>,
}

impl Pin {
    /// None if the thread has no word of its own, or has forgotten to end too many looks.
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let word = own_pins()?;
        let before = word.load(Ordering::Relaxed);
        if before as u32 == u32::MAX {
            return None;
        }
        // Only its thread writes to it.
        word.store(before.wrapping_add(1), Ordering::Relaxed);
        light_barrier();
        Some(Self { word, _stays_on_its_thread: PhantomData })
    }

    /// Itself as an address, which is none of the first few.
    #[inline(always)]
    pub(super) fn into_word(self) -> *const AtomicU64 {
        ManuallyDrop::new(self).word
    }

    /// The pin that became this word.
    ///
    /// # Safety
    /// One did, on this thread, and is not made of it twice.
    #[inline(always)]
    pub(super) unsafe fn from_word(word: *const AtomicU64) -> Self {
        // SAFETY: as the caller says.
        Self { word: unsafe { &*word }, _stays_on_its_thread: PhantomData }
    }
}

impl Drop for Pin {
    #[inline]
    fn drop(&mut self) {
        let left = self.word.load(Ordering::Relaxed).wrapping_sub(1);
        let ended = if is_under_way(left) { left } else { left.wrapping_add(ENDED) };
        // Release: what was looked at is not freed before this is seen.
        self.word.store(ended, Ordering::Release);
    }
}

fn is_under_way(word: u64) -> bool {
    word as u32 > 0
}

/// What must end before something that was taken away can be freed.
#[derive(Debug)]
pub(super) struct Grace {
    passed: bool,
    /// Looks that were under way, by their words.
    looks: Vec<(&'static AtomicU64, u64)>,
}

impl Grace {
    /// Begins when something has been taken away.
    pub(super) fn begin() -> Self {
        let mut grace = Self { passed: false, looks: Vec::new() };
        grace.pass();
        grace
    }

    /// Whether everything that was taken away before can be freed.
    pub(super) fn is_over(&mut self) -> bool {
        self.pass();
        // Acquire: what was done while looking comes before what is done now.
        self.looks.retain(|(word, then)| {
            let now = word.load(Ordering::Acquire);
            is_under_way(now) && now / ENDED == then / ENDED
        });
        self.passed && self.looks.is_empty()
    }

    /// Notes the looks that are under way, once there was a barrier.
    fn pass(&mut self) {
        if !self.passed && heavy_barrier() {
            self.passed = true;
            let looks = all_pins().map(|word| (word, word.load(Ordering::Acquire)));
            self.looks = looks.filter(|(_, word)| is_under_way(*word)).collect();
        }
    }
}

/// Chooses the barriers, before anybody looks.
#[cfg(all(target_os = "linux", not(any(miri, loom))))]
pub(super) fn prepare() {
    use rustix::thread::{MembarrierCommand, membarrier};

    if !ASYMMETRIC.load(Ordering::Relaxed)
        && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
    {
        ASYMMETRIC.store(true, Ordering::Relaxed);
    }
}

#[cfg(all(target_os = "linux", not(any(miri, loom))))]
#[inline]
fn light_barrier() {
    if ASYMMETRIC.load(Ordering::Relaxed) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// False if there could be none.
#[cfg(all(target_os = "linux", not(any(miri, loom))))]
fn heavy_barrier() -> bool {
    use rustix::thread::{MembarrierCommand, membarrier};

    fence(Ordering::SeqCst);
    !ASYMMETRIC.load(Ordering::Relaxed) || membarrier(MembarrierCommand::PrivateExpedited).is_ok()
}

/// Elsewhere both sides have the same barrier.
#[cfg(not(all(target_os = "linux", not(any(miri, loom)))))]
pub(super) fn prepare() {}

#[cfg(not(all(target_os = "linux", not(any(miri, loom)))))]
#[inline]
fn light_barrier() {
    fence(Ordering::SeqCst);
}

#[cfg(not(all(target_os = "linux", not(any(miri, loom)))))]
fn heavy_barrier() -> bool {
    fence(Ordering::SeqCst);
    true
}
