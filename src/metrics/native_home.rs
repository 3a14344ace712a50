//! Where the exponential buckets of a series live that has its numbers in shared files.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::home::Homes;
use crate::cell::NativeLimits;
use crate::cell::mapped::MappedCell;
use crate::cell::native_entry::{NativeName, words};
use crate::cell::native_file::{NativeRows, SharedNative};
use crate::cell::shared::SharedCell;
use crate::cell::side::SideSlot;
use crate::clock::now;
use crate::multiprocess::{FileKind, MultiprocessStore, Objectives};

/// What an entry of buckets says of its series.
struct NativeHome {
    store: MultiprocessStore,
    file: FileKind,
    cells: Vec<SharedCell>,
    limits: NativeLimits,
    /// The quantiles that are estimated from the buckets, and whether they are told.
    objectives: Option<Objectives>,
    are_told: AtomicBool,
}

impl Homes<'_> {
    /// The exponential buckets of the series, beside so many of given bounds; none if its numbers
    /// are not shared.
    ///
    /// They belong to the first rows of these of its numbers.
    pub(super) fn native(
        &self,
        numbers: Range<usize>,
        limits: NativeLimits,
        below: usize,
        objectives: Option<Objectives>,
    ) -> Option<Arc<SharedNative>> {
        let (store, file) = (self.store?, self.file?);
        let cells = self.cells.get(numbers)?.to_vec();
        let (store, are_told) = (store.clone(), AtomicBool::new(objectives.is_none()));
        let home = NativeHome { store: store.clone(), file, cells, limits, objectives, are_told };
        // Without observations, too, there are quantiles. If there is no room, they come later.
        home.tell_objectives();
        let native = SharedNative::new(limits, below, now, Box::new(home));
        store.watch(&native);
        Some(native)
    }
}

impl NativeHome {
    fn rows(&self) -> Option<Vec<u32>> {
        self.cells.iter().map(|cell| cell.filed().map(MappedCell::row)).collect()
    }

    /// Says which quantiles there are; none if there is no room.
    fn tell_objectives(&self) -> Option<()> {
        if let (Some(objectives), false) = (&self.objectives, self.are_told.load(Ordering::Relaxed))
        {
            let side = self.store.side()?;
            side.append_objectives(self.file, &self.rows()?, &self.limits, objectives)?;
            self.are_told.store(true, Ordering::Relaxed);
        }
        Some(())
    }
}

impl NativeRows for NativeHome {
    fn are_filed(&self) -> bool {
        self.cells.iter().all(|cell| cell.filed().is_some())
    }

    fn append(&self, is_short: bool, buckets: &[(NativeName, u64)]) -> Option<SideSlot> {
        let rows = self.rows()?;
        self.tell_objectives()?;
        let words = words(&self.limits, is_short, buckets.iter().copied());
        self.store.side()?.append_buckets(self.file, &rows, &words)
    }
}
