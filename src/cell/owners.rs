//! The slabs that there are, and whose they are.
//!
//! A thread takes one when it first writes, and gives it back when it ends, with all that is
//! in it, for the next one that begins.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use once_cell::race::OnceNonZeroUsize;
use parking_lot::Mutex;

use super::fork::hold_off;
use super::places::CHUNKS;

/// The slabs that there can be beside the shared one.
pub(super) const MOST_SLABS: usize = 256;

/// Every slab that was ever made, in the order of their making; the first is shared.
static SLABS: [AtomicPtr<Slab>; MOST_SLABS + 1] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MOST_SLABS + 1];

/// How many of them there are. Release: whoever sees the number sees the slabs.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// Slabs without an owner, the one that was left last on top.
static VACANT: Mutex<Vec<&'static Slab>> = Mutex::new(Vec::new());

/// Stands for the slab of a thread that has none: in this one, no chunk is ever made.
static NONE: Slab = Slab {
    number: 0,
    pins: AtomicU64::new(0),
    chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS + 1],
};

/// How many slabs get no new owner, as their threads were left behind by a `fork`, or ended
/// while they looked at something.
static LEFT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // Without a destructor, so that reaching it costs one instruction.
    static OWN: Cell<*const Slab> = const { Cell::new(&raw const NONE) };
    static LEASE: Lease = const { Lease(Cell::new(Claim::Open)) };
}

/// The cells of one owner: chunks of them, made when they are first touched.
pub(super) struct Slab {
    /// Its place among all of them; 0 is the shared one, and [`NONE`].
    pub(super) number: usize,
    /// What its owner looks at, as [`pins`](super::pins) has it.
    pins: AtomicU64,
    /// The first is never made, so that no block is in it.
    pub(super) chunks: [AtomicPtr<AtomicU64>; CHUNKS + 1],
}

impl Slab {
    /// Whether a look of its owner is under way, as [`pins`](super::pins) counts them.
    fn is_looked_from(&self) -> bool {
        self.pins.load(Ordering::Relaxed) as u32 > 0
    }
}

/// Gives the slab of a thread back when the thread ends.
struct Lease(Cell<Claim>);

#[derive(Clone, Copy)]
enum Claim {
    Open,
    Held(&'static Slab),
    /// There were too many threads when this one began to write.
    Refused,
}

impl Drop for Lease {
    fn drop(&mut self) {
        OWN.set(&NONE);
        if let Claim::Held(slab) = self.0.replace(Claim::Refused) {
            let _hold_off = hold_off();
            if slab.is_looked_from() {
                // What is destroyed after this still has to end its look.
                LEFT.fetch_add(1, Ordering::Relaxed);
            } else {
                VACANT.lock().push(slab);
            }
        }
    }
}

/// The slab of the calling thread, or one without chunks.
#[inline(always)]
pub(super) fn own() -> &'static Slab {
    // SAFETY: a slab is never freed.
    unsafe { &*OWN.get() }
}

/// The slab of the calling thread; none if it has to share one.
pub(super) fn own_slab() -> Option<&'static Slab> {
    let claimed = LEASE.try_with(|lease| {
        if let Claim::Open = lease.0.get() {
            lease.0.set(vacant_slab().map_or(Claim::Refused, Claim::Held));
        }
        match lease.0.get() {
            Claim::Held(slab) => Some(slab),
            _ => None,
        }
    });
    // An error: the thread is ending, and has given its slab back.
    let slab = claimed.ok().flatten();
    OWN.set(slab.unwrap_or(&NONE));
    slab
}

/// The word of the calling thread's looks; none if it has no slab.
#[inline]
pub(super) fn own_pins() -> Option<&'static AtomicU64> {
    let slab = own();
    if slab.number == 0 { first_pins() } else { Some(&slab.pins) }
}

#[cold]
fn first_pins() -> Option<&'static AtomicU64> {
    own_slab().map(|slab| &slab.pins)
}

/// The words of all threads.
pub(super) fn all_pins() -> impl Iterator<Item = &'static AtomicU64> {
    slabs().map(|slab| &slab.pins)
}

fn vacant_slab() -> Option<&'static Slab> {
    let _hold_off = hold_off();
    let mut vacant = VACANT.lock();
    vacant.pop().or_else(|| {
        // The shared one is the first, so it is not one of them.
        shared_slab_among(&mut vacant);
        (MADE.load(Ordering::Relaxed) <= most_slabs()).then(|| make_slab(&mut vacant))
    })
}

/// Twice as many as there are cores, so that a thread for each of them is never without.
fn most_slabs() -> usize {
    // Asking the system takes a while.
    static MOST: OnceNonZeroUsize = OnceNonZeroUsize::new();

    let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let cores = MOST.get_or_init(cores).get();
    ((2 * cores).max(16) + LEFT.load(Ordering::Relaxed)).min(MOST_SLABS)
}

/// The one that threads share.
pub(super) fn shared_slab() -> &'static Slab {
    let _hold_off = hold_off();
    shared_slab_among(&mut VACANT.lock())
}

fn shared_slab_among(makers: &mut Vec<&'static Slab>) -> &'static Slab {
    slabs().next().unwrap_or_else(|| make_slab(makers))
}

/// Makes a slab; the lock that `makers` comes from keeps others from doing so.
fn make_slab(makers: &mut Vec<&'static Slab>) -> &'static Slab {
    let made = MADE.load(Ordering::Relaxed);
    // So that giving it back does not allocate, when the thread ends.
    makers.reserve(made + 1);
    let slab: *mut Slab = zeroed(Layout::new::<Slab>()).cast();
    // SAFETY: nobody else knows of it; zeros are a number, too.
    unsafe { (*slab).number = made };
    SLABS[made].store(slab, Ordering::Release);
    MADE.store(made + 1, Ordering::Release);
    // SAFETY: zeros are null pointers and numbers, and it is never freed.
    unsafe { &*slab }
}

/// All of them, the shared one first.
pub(super) fn slabs() -> impl Iterator<Item = &'static Slab> {
    let made = MADE.load(Ordering::Acquire);
    // SAFETY: a slab is never freed.
    SLABS[..made].iter().filter_map(|slab| unsafe { slab.load(Ordering::Acquire).as_ref() })
}

pub(super) fn zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: neither a slab nor a chunk is empty.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    memory
}

/// In a forked child the threads that had slabs are gone, all but one.
///
/// Their slabs stay as they are: one of them may have been in the middle of an observation.
#[cfg(all(unix, feature = "multiprocess"))]
pub(crate) struct LeftSlabs;

#[cfg(all(unix, feature = "multiprocess"))]
impl super::fork::AtFork for LeftSlabs {
    fn prepare(&self) {}

    fn parent(&self) {}

    fn child(&self) {
        let vacant = VACANT.lock();
        let is_left = |slab: &&Slab| !vacant.iter().chain([&own()]).any(|own| ptr::eq(*own, *slab));
        let left = slabs().skip(1).filter(is_left).inspect(|slab| {
            // Whoever was looking is gone.
            slab.pins.store(0, Ordering::Relaxed);
        });
        LEFT.store(left.count(), Ordering::Relaxed);
    }
}
