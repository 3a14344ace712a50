//! The slabs of a model: each of its threads says which one is its own.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::loom_sync::AtomicU64;
use super::places::{Fixed, Length};

/// The slabs of a model, the first of them shared.
const SLABS: usize = 3;

::loom::thread_local! {
    static OWN: Cell<usize> = Cell::new(0);
}

/// Makes a slab that of the calling thread; 0, which they begin with, is shared.
pub(crate) fn take_slab(slab: usize) {
    OWN.with(|own| own.set(slab));
}

/// The words of the looks of a model's threads, which tell which one is theirs.
static PINS: Mutex<Vec<&'static AtomicU64>> = Mutex::new(Vec::new());

::loom::thread_local! {
    static OWN_PINS: Cell<Option<&'static AtomicU64>> = Cell::new(None);
}

/// Begins a model whose threads have these words.
pub(crate) fn set_pins(words: &[&'static AtomicU64]) {
    *PINS.lock() = words.to_vec();
}

/// Makes a word that of the calling thread.
pub(crate) fn take_pins(word: &'static AtomicU64) {
    OWN_PINS.with(|own| own.set(Some(word)));
}

pub(super) fn own_pins() -> Option<&'static AtomicU64> {
    OWN_PINS.with(Cell::get)
}

pub(super) fn all_pins() -> impl Iterator<Item = &'static AtomicU64> {
    PINS.lock().clone().into_iter()
}

/// The cells of a block in each of the slabs.
type Slabs = Vec<Arc<[AtomicU64]>>;

::loom::lazy_static! {
    /// All blocks that a model has made, by the upper bits of their places.
    static ref BLOCKS: Mutex<Vec<Slabs>> = Mutex::new(Vec::new());
}

/// How many places each of them has.
const PLACES: usize = 64;

/// Some cells, in each of the slabs.
#[derive(Debug)]
pub(super) struct Block<L: Length> {
    slabs: Slabs,
    number: usize,
    len: L,
}

/// A cell at a place of a block.
pub(super) struct CellAt {
    cells: Arc<[AtomicU64]>,
    at: usize,
}

impl Deref for CellAt {
    type Target = AtomicU64;

    fn deref(&self) -> &AtomicU64 {
        &self.cells[self.at]
    }
}

fn cell_at(slab: usize, place: u32) -> CellAt {
    let (block, at) = (place as usize / PLACES - 1, place as usize % PLACES);
    CellAt { cells: BLOCKS.lock()[block][slab].clone(), at }
}

/// A slab, where the cells of many blocks are looked for.
#[derive(Clone, Copy)]
pub(super) struct Seat(usize);

impl Seat {
    pub(super) fn own() -> Option<Self> {
        Some(OWN.with(Cell::get)).filter(|own| *own != 0).map(Self)
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..SLABS).map(Self)
    }

    pub(super) fn cells<L: Length>(self, block: &Block<L>) -> Option<&[AtomicU64]> {
        Some(&block.slabs[self.0])
    }

    pub(super) fn at(self, place: u32) -> Option<CellAt> {
        Some(cell_at(self.0, place))
    }
}

/// The shared cells of a block.
#[derive(Debug)]
pub(super) struct SharedCells<const N: usize>(Arc<[AtomicU64]>);

impl<const N: usize> Deref for SharedCells<N> {
    type Target = [AtomicU64; N];

    fn deref(&self) -> &[AtomicU64; N] {
        self.0.first_chunk().expect("as many as the block has")
    }
}

#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    Own(&'a [AtomicU64]),
    Shared(&'a [AtomicU64]),
}

impl<'a> Cells<'a> {
    pub(super) fn all(self) -> &'a [AtomicU64] {
        let (Self::Own(cells) | Self::Shared(cells)) = self;
        cells
    }
}

impl<const N: usize> Block<Fixed<N>> {
    pub(super) fn keep_shared(&self) -> SharedCells<N> {
        SharedCells(self.slabs[0].clone())
    }
}

impl<L: Length> Block<L> {
    pub(super) fn new(len: L) -> Self {
        let cells = || (0..len.get()).map(|_| AtomicU64::new(0)).collect();
        let slabs: Slabs = (0..SLABS).map(|_| cells()).collect();
        let mut blocks = BLOCKS.lock();
        blocks.push(slabs.clone());
        // No place is zero.
        Self { slabs, number: blocks.len(), len }
    }

    pub(super) fn touch_as(&self, other: Cells<'_>) -> &[AtomicU64] {
        match other {
            Cells::Own(_) => self.touch().all(),
            Cells::Shared(_) => self.shared(),
        }
    }

    pub(super) fn place_of(&self, cell: usize) -> u32 {
        (self.number * PLACES + cell) as u32
    }

    pub(super) fn len(&self) -> usize {
        self.len.get()
    }

    pub(super) fn own(&self) -> Option<&[AtomicU64]> {
        match OWN.with(Cell::get) {
            0 => None,
            own => Some(&self.slabs[own]),
        }
    }

    pub(super) fn touch(&self) -> Cells<'_> {
        self.own().map_or_else(|| Cells::Shared(self.shared()), Cells::Own)
    }

    pub(super) fn shared(&self) -> &[AtomicU64] {
        &self.slabs[0]
    }
}

/// Reads blocks one after the other.
pub(super) struct Reader;

impl Reader {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn for_each<'b, L: Length>(
        &mut self,
        block: &'b Block<L>,
        mut each: impl FnMut(Cells<'b>),
    ) {
        each(Cells::Shared(block.shared()));
        block.slabs[1..].iter().for_each(|cells| each(Cells::Own(cells)));
    }

    pub(super) fn sum_of_first<L: Length>(&mut self, block: &Block<L>) -> u64 {
        let cells = block.slabs.iter().map(|cells| &cells[0]);
        cells.fold(0, |sum, cell| sum.wrapping_add(cell.load(Ordering::Relaxed)))
    }
}
