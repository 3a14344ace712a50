//! The slabs of a model: each of its threads says which one is its own.

use std::cell::Cell;

use super::loom_sync::AtomicU64;

/// The slabs of a model, the first of them shared.
const SLABS: usize = 3;

::loom::thread_local! {
    static OWN: Cell<usize> = Cell::new(0);
}

/// Makes a slab that of the calling thread; 0, which they begin with, is shared.
pub(crate) fn take_slab(slab: usize) {
    OWN.with(|own| own.set(slab));
}

/// Some cells, in each of the slabs.
#[derive(Debug)]
pub(super) struct Block {
    slabs: Vec<Vec<AtomicU64>>,
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

impl Block {
    pub(super) fn new(len: usize) -> Self {
        let cells = || (0..len.max(1)).map(|_| AtomicU64::new(0)).collect();
        Self { slabs: (0..SLABS).map(|_| cells()).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.slabs[0].len()
    }

    pub(super) fn own(&self) -> Option<&[AtomicU64]> {
        match OWN.with(Cell::get) {
            0 => None,
            own => Some(&self.slabs[own]),
        }
    }

    pub(super) fn own_first(&self) -> Option<&AtomicU64> {
        self.own()?.first()
    }

    pub(super) fn touch(&self) -> Cells<'_> {
        self.own().map_or_else(|| Cells::Shared(self.shared()), Cells::Own)
    }

    pub(super) fn shared(&self) -> &[AtomicU64] {
        &self.slabs[0]
    }

    pub(super) fn for_each(&self, mut each: impl FnMut(Cells<'_>)) {
        each(Cells::Shared(self.shared()));
        self.slabs[1..].iter().for_each(|cells| each(Cells::Own(cells)));
    }
}
