//! Cells that a thread has for itself: it alone writes them, anybody reads them.
//!
//! A [`Block`] is a few neighbouring cells, in the same place of every slab. A
//! thread owns a slab and so adds with a plain load and store; whoever reads
//! sums over the slabs. A thread that ends leaves its slab with all that is in
//! it to the next one that begins. There are [`MOST_SLABS`] at most: threads
//! beyond that, and those that are about to end, share one whose cells take
//! locked instructions.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
#[cfg(all(target_arch = "x86_64", not(miri)))]
use std::arch::asm;
use std::cell::Cell;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use std::hint::assert_unchecked;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use once_cell::race::OnceNonZeroUsize;
use parking_lot::Mutex;

use super::fork::hold_off;
use super::places::{CHUNK_CELLS, CHUNKS, Fixed, Length, Places};

/// The bits that tell which slabs have a chunk.
const BITS: usize = u64::BITS as usize;

/// The slabs that there can be beside the shared one.
const MOST_SLABS: usize = 256;

/// Every slab that was ever made, in the order of their making; the first is shared.
static SLABS: [AtomicPtr<Slab>; MOST_SLABS + 1] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MOST_SLABS + 1];

/// How many of them there are. Release: whoever sees the number sees the slabs.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// Which slabs have a chunk, for each chunk: one bit for those whose numbers differ by 64,
/// set before the chunk is there. Whoever reads need not ask all slabs for each number.
static TOUCHED: [AtomicU64; CHUNKS + 1] = [const { AtomicU64::new(0) }; CHUNKS + 1];

/// Slabs without an owner, the one that was left last on top.
static VACANT: Mutex<Vec<&'static Slab>> = Mutex::new(Vec::new());

static PLACES: Mutex<Places> = Mutex::new(Places::new());

/// Stands for the slab of a thread that has none: in this one, no chunk is ever made.
static NONE: Slab = Slab {
    number: 0,
    pins: AtomicU64::new(0),
    chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS + 1],
};

/// How many slabs nobody will ever write to, as their threads were left behind by a `fork`.
static LEFT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // Without a destructor, so that reaching it costs one instruction.
    static OWN: Cell<&'static Slab> = const { Cell::new(&NONE) };
    static LEASE: Lease = const { Lease(Cell::new(Claim::Open)) };
}

/// The cells of one owner: chunks of them, made when they are first touched.
struct Slab {
    /// Its place among all of them; 0 is the shared one, and [`NONE`].
    number: usize,
    /// What its owner looks at, as [`pins`](super::pins) has it.
    pins: AtomicU64,
    /// The first is never made, so that no block is in it.
    chunks: [AtomicPtr<AtomicU64>; CHUNKS + 1],
}

/// Some neighbouring cells, in the same place of every slab; all zero at first.
///
/// Its place is given to nobody else before it is dropped, and all is zero again then.
#[derive(Debug)]
pub(super) struct Block<L: Length> {
    /// Which chunk they are in.
    chunk: NonZeroU32,
    /// Where in the chunk.
    at: u32,
    len: L,
}

/// The shared cells of a block, for as long as the block is there.
#[derive(Debug)]
pub(super) struct SharedCells<const N: usize>(&'static [AtomicU64; N]);

impl<const N: usize> Deref for SharedCells<N> {
    type Target = [AtomicU64; N];

    #[inline]
    fn deref(&self) -> &[AtomicU64; N] {
        self.0
    }
}

/// The cells of one slab.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    /// One thread writes to these, and no other.
    Own(&'a [AtomicU64]),
    Shared(&'a [AtomicU64]),
}

impl<'a> Cells<'a> {
    pub(super) fn all(self) -> &'a [AtomicU64] {
        let (Self::Own(cells) | Self::Shared(cells)) = self;
        cells
    }
}

impl<L: Length> Block<L> {
    /// So many cells, at least one.
    pub(super) fn new(len: L) -> Self {
        let _hold_off = hold_off();
        let Some(first) = PLACES.lock().take(len.get()) else {
            handle_alloc_error(Layout::new::<Slab>());
        };
        let (chunk, at) = (first as usize / CHUNK_CELLS, first as usize % CHUNK_CELLS);
        Self { chunk: NonZeroU32::MIN.saturating_add(chunk as u32), at: at as u32, len }
    }

    /// How many cells they are.
    pub(super) fn len(&self) -> usize {
        self.len.get()
    }

    /// The cells of the calling thread, if it has written to their chunk before.
    #[inline]
    pub(super) fn own(&self) -> Option<&[AtomicU64]> {
        self.cells_of(OWN.get())
    }

    /// The cells that the calling thread writes to, made if they are not there.
    #[cold]
    pub(super) fn touch(&self) -> Cells<'_> {
        match own_slab() {
            Some(slab) => Cells::Own(self.make_in(slab)),
            None => Cells::Shared(self.shared()),
        }
    }

    /// The cells that belong to no thread.
    #[inline]
    pub(super) fn shared(&self) -> &[AtomicU64] {
        self.find_shared()
    }

    #[inline]
    fn find_shared(&self) -> &'static [AtomicU64] {
        // SAFETY: a slab is never freed.
        let slab = unsafe { SLABS[0].load(Ordering::Acquire).as_ref() };
        slab.and_then(|slab| self.cells_of(slab)).unwrap_or_else(|| self.make_in(shared_slab()))
    }

    /// Calls `each` with the cells of every slab that has them, the shared one first,
    /// always in the same order.
    pub(super) fn for_each(&self, mut each: impl FnMut(Cells<'_>)) {
        // Acquire, and before their number: whoever has set a bit was made before.
        let mut touched = TOUCHED[self.chunk()].load(Ordering::Acquire);
        let made = MADE.load(Ordering::Acquire);
        while touched > 0 {
            let first = touched.trailing_zeros() as usize;
            touched &= touched - 1;
            for (number, slab) in SLABS[..made].iter().enumerate().skip(first).step_by(BITS) {
                // SAFETY: a slab is never freed.
                let slab = unsafe { slab.load(Ordering::Acquire).as_ref() };
                match (number, slab.and_then(|slab| self.cells_of(slab))) {
                    (0, Some(cells)) => each(Cells::Shared(cells)),
                    (_, Some(cells)) => each(Cells::Own(cells)),
                    (_, None) => {}
                }
            }
        }
    }

    #[inline]
    fn chunk(&self) -> usize {
        self.chunk.get() as usize
    }

    #[inline]
    fn cells_of(&self, slab: &'static Slab) -> Option<&'static [AtomicU64]> {
        // SAFETY: `Places` gives places in so many chunks, of which the first is the second here.
        let chunk = unsafe { slab.chunks.get_unchecked(self.chunk()) };
        // Acquire: whoever sees the chunk sees its zeros.
        let chunk = NonNull::new(chunk.load(Ordering::Acquire))?;
        // SAFETY: a chunk that is there is never freed. `Places` gave a place so that
        // all cells of the block are in this chunk, or in one that was made to its measure.
        Some(unsafe {
            let first = in_register(chunk.add(self.at as usize));
            slice::from_raw_parts(first.as_ptr(), self.len.get())
        })
    }

    fn make_in(&self, slab: &'static Slab) -> &'static [AtomicU64] {
        let chunk = &slab.chunks[self.chunk()];
        if chunk.load(Ordering::Acquire).is_null() {
            // Before the chunk is there: whoever is told of a number in it finds the bit.
            TOUCHED[self.chunk()].fetch_or(1 << (slab.number % BITS), Ordering::Release);
            let cells = self.len.get().next_multiple_of(CHUNK_CELLS);
            let layout = Layout::array::<AtomicU64>(cells);
            let layout = layout.unwrap_or_else(|_| handle_alloc_error(Layout::new::<Slab>()));
            let made: *mut AtomicU64 = zeroed(layout).cast();
            let others =
                chunk.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Relaxed);
            if others.is_err() {
                // SAFETY: it was allocated above with this layout, and nobody has seen it.
                unsafe { drop(Vec::from_raw_parts(made, 0, cells)) };
            }
        }
        self.cells_of(slab).unwrap_or_default()
    }
}

impl<const N: usize> Block<Fixed<N>> {
    /// The cells that belong to no thread, to be kept beside the block.
    pub(super) fn keep_shared(&self) -> SharedCells<N> {
        let cells = self.find_shared();
        // SAFETY: the block has so many.
        SharedCells(unsafe { &*cells.as_ptr().cast() })
    }
}

impl<L: Length> Drop for Block<L> {
    fn drop(&mut self) {
        // The last who could write to them is gone: whoever shares them shares the block.
        self.for_each(|cells| cells.all().iter().for_each(|cell| cell.store(0, Ordering::Relaxed)));
        let _hold_off = hold_off();
        // The lock hands the zeros on to the next who is given the place.
        let first = (self.chunk() - 1) * CHUNK_CELLS + self.at as usize;
        PLACES.lock().give_back(first as u32, self.len.get());
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
            VACANT.lock().push(slab);
        }
    }
}

/// The slab of the calling thread; none if it has to share one.
fn own_slab() -> Option<&'static Slab> {
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
    let slab = OWN.get();
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

fn shared_slab() -> &'static Slab {
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

fn slabs() -> impl Iterator<Item = &'static Slab> {
    let made = MADE.load(Ordering::Acquire);
    // SAFETY: a slab is never freed.
    SLABS[..made].iter().filter_map(|slab| unsafe { slab.load(Ordering::Acquire).as_ref() })
}

fn zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: neither a slab nor a chunk is empty.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    memory
}

/// The same address, complete in a register before it is used.
///
/// Only then do Intel's processors hand a number that was just stored on to the next
/// load at once, and an increment takes a third of the time.
#[inline(always)]
#[allow(clippy::pointers_in_nomem_asm_block)] // Nothing is done through it.
fn in_register(cell: NonNull<AtomicU64>) -> NonNull<AtomicU64> {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let mut cell = cell.as_ptr();
        // SAFETY: it does nothing, and so the address is what it was.
        unsafe {
            asm!("/* {0} */", inout(reg) cell, options(pure, nomem, nostack, preserves_flags));
            assert_unchecked(!cell.is_null());
            NonNull::new_unchecked(cell)
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        cell
    }
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
        let is_left =
            |slab: &&Slab| !vacant.iter().chain([&OWN.get()]).any(|own| ptr::eq(*own, *slab));
        let left = slabs().skip(1).filter(is_left).inspect(|slab| {
            // Whoever was looking is gone.
            slab.pins.store(0, Ordering::Relaxed);
        });
        LEFT.store(left.count(), Ordering::Relaxed);
    }
}
