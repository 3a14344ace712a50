//! What the heap gives out: counted while somebody asks, by the process's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

/// What was asked of the heap meanwhile, by all threads.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// How often something was allocated or made larger.
    pub allocations: u64,
    /// How many more bytes are in use than before.
    pub bytes: i64,
}

/// Counts what `f` takes of the heap.
pub fn taken_by<R>(f: impl FnOnce() -> R) -> (R, Taken) {
    let before = (ALLOCATIONS.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
    ASKED.store(true, Ordering::SeqCst);
    let result = f();
    ASKED.store(false, Ordering::SeqCst);
    let taken = Taken {
        allocations: ALLOCATIONS.load(Ordering::SeqCst) - before.0,
        bytes: BYTES.load(Ordering::SeqCst) - before.1,
    };
    (result, taken)
}

fn note(allocations: u64, bytes: i64) {
    if ASKED.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(allocations, Ordering::Relaxed);
        BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

struct Counting;

#[global_allocator]
static HEAP: Counting = Counting;

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: the caller's promises are those that the system wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}
