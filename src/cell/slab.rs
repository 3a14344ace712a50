//! Cells that a thread has for itself: it alone writes them, anybody reads them.
//!
//! A [`Block`] is a few neighbouring cells, in the same place of every slab. A
//! thread owns a slab and so adds with a plain load and store; whoever reads
//! sums over the slabs. A thread that ends leaves its slab with all that is in
//! it to the next one that begins. There are [`MOST_SLABS`] at most: threads
//! beyond that, and those that are about to end, share one whose cells take
//! locked instructions.
#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
#[cfg(all(target_arch = "x86_64", not(miri)))]
use std::arch::asm;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use std::hint::assert_unchecked;
use std::mem::MaybeUninit;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::fork::hold_off;
use super::owners::{MOST_SLABS, Slab, own, own_slab, shared_slab, slabs, zeroed};
use super::places::{CHUNK_CELLS, CHUNKS, Fixed, Length, Places};

/// The bits that tell which slabs have a chunk.
const BITS: usize = u64::BITS as usize;

/// Which slabs have a chunk, for each chunk: one bit for those whose numbers differ by 64,
/// set before the chunk is there. Whoever reads need not ask all slabs for each number.
static TOUCHED: [AtomicU64; CHUNKS + 1] = [const { AtomicU64::new(0) }; CHUNKS + 1];

static PLACES: Mutex<Places> = Mutex::new(Places::new());

/// Some neighbouring cells, in the same place of every slab; all zero at first.
///
/// Its place is given to nobody else before it is dropped, and all is zero again then.
#[derive(Debug)]
pub(super) struct Block<L: Length> {
    /// Where the first of them is in a slab: in which chunk, and where in that.
    place: NonZeroU32,
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
        // The first chunk is never made, so that no place is zero.
        let place = NonZeroU32::MIN.saturating_add(first + CHUNK_CELLS as u32 - 1);
        Self { place, len }
    }

    /// How many cells they are.
    pub(super) fn len(&self) -> usize {
        self.len.get()
    }

    /// The cells of the calling thread, if it has written to their chunk before.
    #[inline]
    pub(super) fn own(&self) -> Option<&[AtomicU64]> {
        self.cells_of(own())
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
        let cells = slabs().next().and_then(|shared| self.cells_of(shared));
        cells.unwrap_or_else(|| self.make_in(shared_slab()))
    }

    /// The cells of the slab that also has those of another block, made if they are not there.
    pub(super) fn touch_as(&self, other: Cells<'_>) -> &[AtomicU64] {
        match other {
            Cells::Own(_) => self.touch().all(),
            Cells::Shared(_) => self.shared(),
        }
    }

    /// Says where one of them is, for [`Seat::at`].
    pub(super) fn place_of(&self, cell: usize) -> u32 {
        self.place.get() + cell as u32
    }

    #[inline]
    fn chunk(&self) -> usize {
        self.place.get() as usize / CHUNK_CELLS
    }

    #[inline]
    fn at(&self) -> usize {
        self.place.get() as usize % CHUNK_CELLS
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
            let first = in_register(chunk.add(self.at()));
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

#[inline]
fn cell_at(slab: &'static Slab, place: u32) -> Option<&'static AtomicU64> {
    // Acquire: whoever sees the chunk sees its zeros.
    let chunk = slab.chunks.get(place as usize / CHUNK_CELLS)?.load(Ordering::Acquire);
    // SAFETY: a chunk that is there is never freed, and is at least as long as this.
    NonNull::new(chunk)
        .map(|chunk| unsafe { in_register(chunk.add(place as usize % CHUNK_CELLS)).as_ref() })
}

/// A slab, where the cells of many blocks are looked for.
#[derive(Clone, Copy)]
pub(super) struct Seat(&'static Slab);

impl Seat {
    /// That of the calling thread, unless it has to share one.
    #[inline]
    pub(super) fn own() -> Option<Self> {
        // Where there is none, it stands for one without cells.
        Some(Self(own()))
    }

    /// Those of all who may have cells.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        slabs().map(Self)
    }

    /// Its cells of a block, if they are there.
    #[inline]
    pub(super) fn cells<L: Length>(self, block: &Block<L>) -> Option<&[AtomicU64]> {
        block.cells_of(self.0)
    }

    /// Its cell at a place of a block, if it is there.
    #[inline]
    pub(super) fn at(self, place: u32) -> Option<&'static AtomicU64> {
        cell_at(self.0, place)
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
        Reader::new().for_each(self, |cells| {
            cells.all().iter().for_each(|cell| cell.store(0, Ordering::Relaxed))
        });
        let _hold_off = hold_off();
        // The lock hands the zeros on to the next who is given the place.
        PLACES.lock().give_back(self.place.get() - CHUNK_CELLS as u32, self.len.get());
    }
}

/// Reads blocks one after the other: which slabs have a chunk is asked once for those
/// in a row that are in it, or in the one before it.
///
/// What a thread writes into a chunk that it had not touched when the reader came there is
/// not seen, as if all of it came later; so a reader is not kept for long.
pub(super) struct Reader {
    /// Of two, as a number may have cells in two chunks, between which its neighbours go
    /// back and forth.
    seen: [Seen; 2],
    /// Which of them was asked last.
    last: usize,
    /// A chunk by its number that one slab only has, as most often one does, or none: no chunk
    /// in the beginning, as the first one is never made.
    only: (usize, *const AtomicU64),
}

/// A chunk that nobody has touched.
static UNTOUCHED: [AtomicU64; CHUNK_CELLS] = [const { AtomicU64::new(0) }; CHUNK_CELLS];

/// A chunk in the slabs that have it.
struct Seen {
    number: usize,
    has_shared: bool,
    slabs: usize,
    /// The chunk in each of these slabs, the shared one first, always in the same order.
    chunks: [MaybeUninit<*const AtomicU64>; MOST_SLABS + 1],
}

impl Reader {
    #[inline]
    pub(super) fn new() -> Self {
        Self { seen: [Seen::nothing(), Seen::nothing()], last: 0, only: (0, ptr::null()) }
    }

    /// Calls `each` with the cells of every slab that has them.
    #[inline]
    pub(super) fn for_each<'b, L: Length>(
        &mut self,
        block: &'b Block<L>,
        mut each: impl FnMut(Cells<'b>),
    ) {
        let seen = self.see(block);
        let mut is_shared = seen.has_shared;
        for chunk in &seen.chunks[..seen.slabs] {
            // SAFETY: a chunk is never freed, and all cells of a block are in the one it is in.
            let cells = unsafe {
                let first = chunk.assume_init().add(block.at());
                slice::from_raw_parts(first, block.len.get())
            };
            each(if is_shared { Cells::Shared(cells) } else { Cells::Own(cells) });
            is_shared = false;
        }
    }

    /// Adds up the first cells of a block.
    #[inline(always)]
    pub(super) fn sum_of_first<L: Length>(&mut self, block: &Block<L>) -> u64 {
        let (number, chunk) = self.only;
        if number == block.chunk() {
            // SAFETY: as above, and a block has at least one cell.
            return unsafe { &*chunk.add(block.at()) }.load(Ordering::Relaxed);
        }
        self.sum_among(block)
    }

    #[inline(never)]
    fn sum_among<L: Length>(&mut self, block: &Block<L>) -> u64 {
        let seen = self.see(block);
        // SAFETY: a chunk is never freed, and so many are there.
        let mut chunks = seen.chunks[..seen.slabs].iter().map(|at| unsafe { at.assume_init() });
        if seen.slabs < 2 {
            let only = chunks.next().unwrap_or(UNTOUCHED.as_ptr());
            self.only = (block.chunk(), only);
            return self.sum_of_first(block);
        }
        chunks.fold(0_u64, |sum, chunk| {
            // SAFETY: as above.
            let cell = unsafe { &*chunk.add(block.at()) };
            sum.wrapping_add(cell.load(Ordering::Relaxed))
        })
    }

    #[inline(always)]
    fn see<L: Length>(&mut self, block: &Block<L>) -> &Seen {
        if self.seen[self.last].number != block.chunk() {
            self.last ^= 1;
            if self.seen[self.last].number != block.chunk() {
                self.seen[self.last].find(block.chunk());
            }
        }
        &self.seen[self.last]
    }
}

impl Seen {
    /// No chunk: the first one is never made.
    #[inline]
    fn nothing() -> Self {
        let chunks = [const { MaybeUninit::uninit() }; MOST_SLABS + 1];
        Self { number: 0, has_shared: false, slabs: 0, chunks }
    }

    #[cold]
    fn find(&mut self, chunk: usize) {
        (self.number, self.has_shared, self.slabs) = (chunk, false, 0);
        // Acquire, and before their number: whoever has set a bit was made before.
        let mut touched = TOUCHED[chunk].load(Ordering::Acquire);
        while touched > 0 {
            let first = touched.trailing_zeros() as usize;
            touched &= touched - 1;
            for slab in slabs().skip(first).step_by(BITS) {
                // Acquire: whoever sees the chunk sees its zeros.
                let cells = slab.chunks[chunk].load(Ordering::Acquire);
                if !cells.is_null() {
                    self.has_shared |= slab.number == 0;
                    self.chunks[self.slabs] = MaybeUninit::new(cells.cast_const());
                    self.slabs += 1;
                }
            }
        }
    }
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
