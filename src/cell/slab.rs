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
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use once_cell::race::OnceNonZeroUsize;
use parking_lot::Mutex;

use super::fork::hold_off;
use super::places::{CHUNK_CELLS, CHUNKS, Places};

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
static TOUCHED: [AtomicU64; CHUNKS] = [const { AtomicU64::new(0) }; CHUNKS];

/// Slabs without an owner, the one that was left last on top.
static VACANT: Mutex<Vec<&'static Slab>> = Mutex::new(Vec::new());

static PLACES: Mutex<Places> = Mutex::new(Places::new());

thread_local! {
    // Without a destructor, so that reaching it costs one instruction.
    static OWN: Cell<Option<&'static Slab>> = const { Cell::new(None) };
    static LEASE: Lease = const { Lease(Cell::new(Claim::Open)) };
}

/// The cells of one owner: chunks of them, made when they are first touched.
struct Slab {
    /// Its place among all of them; 0 is the shared one.
    number: usize,
    /// What its owner looks at, as [`pins`](super::pins) has it.
    pins: AtomicU64,
    chunks: [AtomicPtr<AtomicU64>; CHUNKS],
}

/// Some neighbouring cells, in the same place of every slab; all zero at first.
///
/// Its place is given to nobody else before it is dropped, and all is zero again then.
#[derive(Debug)]
pub(super) struct Block {
    first: u32,
    len: u32,
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

impl Block {
    /// So many cells, at least one.
    pub(super) fn new(len: usize) -> Self {
        let len = len.max(1);
        let _hold_off = hold_off();
        let Some(first) = PLACES.lock().take(len) else {
            handle_alloc_error(Layout::new::<Slab>());
        };
        Self { first, len: len as u32 }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// The cells of the calling thread, if it has written to their chunk before.
    #[inline]
    pub(super) fn own(&self) -> Option<&[AtomicU64]> {
        self.cells_of(OWN.get()?)
    }

    /// The first of them.
    #[inline]
    pub(super) fn own_first(&self) -> Option<&AtomicU64> {
        let first = self.first_of(OWN.get()?);
        // SAFETY: a chunk that is there is never freed, and a block has at least one cell in it.
        unsafe { first.as_ref() }
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
        // SAFETY: a slab is never freed.
        let slab = unsafe { SLABS[0].load(Ordering::Acquire).as_ref() };
        slab.and_then(|slab| self.cells_of(slab)).unwrap_or_else(|| self.make_in(shared_slab()))
    }

    #[inline]
    fn chunk(&self) -> usize {
        self.first as usize / CHUNK_CELLS % CHUNKS
    }

    #[inline]
    fn in_chunk(&self) -> usize {
        self.first as usize % CHUNK_CELLS
    }

    #[inline]
    fn cells_of(&self, slab: &'static Slab) -> Option<&[AtomicU64]> {
        let first = self.first_of(slab);
        // SAFETY: a chunk that is there is never freed. `Places` gave a place so that
        // all cells of the block are in this chunk, or in one that was made to its measure.
        (!first.is_null()).then(|| unsafe { slice::from_raw_parts(first, self.len as usize) })
    }

    #[inline]
    fn first_of(&self, slab: &'static Slab) -> *const AtomicU64 {
        // Acquire: whoever sees the chunk sees its zeros.
        let chunk = slab.chunks[self.chunk()].load(Ordering::Acquire);
        if chunk.is_null() { chunk } else { chunk.wrapping_add(self.in_chunk()) }
    }

    fn make_in(&self, slab: &'static Slab) -> &[AtomicU64] {
        let chunk = &slab.chunks[self.chunk()];
        if chunk.load(Ordering::Acquire).is_null() {
            // Before the chunk is there: whoever is told of a number in it finds the bit.
            TOUCHED[self.chunk()].fetch_or(1 << (slab.number % BITS), Ordering::Release);
            let cells = (self.len as usize).next_multiple_of(CHUNK_CELLS);
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

impl Drop for Block {
    fn drop(&mut self) {
        // The last who could write to them is gone: whoever shares them shares the block.
        Reader::new().for_each(self, |cells| {
            cells.all().iter().for_each(|cell| cell.store(0, Ordering::Relaxed))
        });
        let _hold_off = hold_off();
        // The lock hands the zeros on to the next who is given the place.
        PLACES.lock().give_back(self.first, self.len as usize);
    }
}

/// Reads blocks one after the other: which slabs have a chunk is asked once for those
/// in a row that are in it.
///
/// What a thread writes into a chunk that it had not touched when the reader came there is
/// not seen, as if all of it came later; so a reader is not kept for long.
pub(super) struct Reader {
    chunk: usize,
    has_shared: bool,
    slabs: usize,
    /// The chunk in each of these slabs, the shared one first, always in the same order.
    chunks: [MaybeUninit<*const AtomicU64>; MOST_SLABS + 1],
}

impl Reader {
    #[inline]
    pub(super) fn new() -> Self {
        let chunks = [const { MaybeUninit::uninit() }; MOST_SLABS + 1];
        Self { chunk: usize::MAX, has_shared: false, slabs: 0, chunks }
    }

    /// Calls `each` with the cells of every slab that has them.
    #[inline]
    pub(super) fn for_each<'b>(&mut self, block: &'b Block, mut each: impl FnMut(Cells<'b>)) {
        self.go_to(block);
        let mut is_shared = self.has_shared;
        for chunk in &self.chunks[..self.slabs] {
            // SAFETY: a chunk is never freed, and all cells of a block are in the one it is in.
            let cells = unsafe {
                let first = chunk.assume_init().add(block.in_chunk());
                slice::from_raw_parts(first, block.len as usize)
            };
            each(if is_shared { Cells::Shared(cells) } else { Cells::Own(cells) });
            is_shared = false;
        }
    }

    /// Adds up the first cells of a block.
    #[inline]
    pub(super) fn sum_of_first(&mut self, block: &Block) -> u64 {
        self.go_to(block);
        let read = |chunk: &MaybeUninit<*const AtomicU64>| {
            // SAFETY: as above, and a block has at least one cell.
            let cell = unsafe { &*chunk.assume_init().add(block.in_chunk()) };
            cell.load(Ordering::Relaxed)
        };
        match &self.chunks[..self.slabs] {
            // Most often there is one, for which no loop is begun.
            [chunk] => read(chunk),
            chunks => chunks.iter().fold(0, |sum, chunk| sum.wrapping_add(read(chunk))),
        }
    }

    #[inline]
    fn go_to(&mut self, block: &Block) {
        if self.chunk != block.chunk() {
            self.find(block.chunk());
        }
    }

    #[cold]
    fn find(&mut self, chunk: usize) {
        (self.chunk, self.has_shared, self.slabs) = (chunk, false, 0);
        // Acquire, and before their number: whoever has set a bit was made before.
        let mut touched = TOUCHED[chunk].load(Ordering::Acquire);
        let made = MADE.load(Ordering::Acquire);
        while touched > 0 {
            let first = touched.trailing_zeros() as usize;
            touched &= touched - 1;
            for (number, slab) in SLABS[..made].iter().enumerate().skip(first).step_by(BITS) {
                // SAFETY: a slab is never freed.
                let slab = unsafe { slab.load(Ordering::Acquire).as_ref() };
                // Acquire: whoever sees the chunk sees its zeros.
                let cells =
                    slab.map(|slab| slab.chunks[chunk].load(Ordering::Acquire).cast_const());
                if let Some(cells) = cells.filter(|cells| !cells.is_null()) {
                    self.has_shared |= number == 0;
                    self.chunks[self.slabs] = MaybeUninit::new(cells);
                    self.slabs += 1;
                }
            }
        }
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
        OWN.set(None);
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
    OWN.set(slab);
    slab
}

/// The word of the calling thread's looks; none if it has no slab.
#[inline]
pub(super) fn own_pins() -> Option<&'static AtomicU64> {
    match OWN.get() {
        Some(slab) => Some(&slab.pins),
        None => first_pins(),
    }
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
    (2 * cores).clamp(16, MOST_SLABS)
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

/// In a forked child the threads that had slabs are gone, all but one.
#[cfg(all(unix, feature = "multiprocess"))]
pub(crate) struct LeftSlabs;

#[cfg(all(unix, feature = "multiprocess"))]
impl super::fork::AtFork for LeftSlabs {
    fn prepare(&self) {}

    fn parent(&self) {}

    fn child(&self) {
        let mut vacant = VACANT.lock();
        let own = OWN.get().map(ptr::from_ref);
        for slab in slabs().skip(1).filter(|slab| Some(ptr::from_ref(*slab)) != own) {
            // Whoever was looking is gone.
            slab.pins.store(0, Ordering::Relaxed);
            if !vacant.iter().any(|vacant| ptr::eq(*vacant, slab)) {
                // There is room for all of them.
                vacant.push(slab);
            }
        }
    }
}
