//! Where the exponential buckets of a series live that has its numbers in shared files.

use std::sync::Arc;

use super::home::Homes;
use crate::cell::NativeLimits;
use crate::cell::mapped::MappedCell;
use crate::cell::native_entry::words;
use crate::cell::native_file::{NativeRows, SharedNative};
use crate::cell::shared::SharedCell;
use crate::cell::side::SideSlot;
use crate::clock::now;
use crate::multiprocess::{FileKind, MultiprocessStore};

/// What an entry of buckets says of its series.
struct NativeHome {
    store: MultiprocessStore,
    file: FileKind,
    cells: Vec<SharedCell>,
    limits: NativeLimits,
}

impl Homes<'_> {
    /// The exponential buckets of the series, beside so many of given bounds; none if its numbers
    /// are not shared.
    ///
    /// They belong to the first rows of these of its numbers.
    pub(super) fn native(
        &self,
        numbers: std::ops::Range<usize>,
        limits: NativeLimits,
        below: usize,
    ) -> Option<Arc<SharedNative>> {
        let (store, file) = (self.store?, self.file?);
        let cells = self.cells.get(numbers)?.to_vec();
        let home = NativeHome { store: store.clone(), file, cells, limits };
        let native = SharedNative::new(limits, below, now, Box::new(home));
        store.watch(&native);
        Some(native)
    }
}

impl NativeHome {
    fn rows(&self) -> Option<Vec<u32>> {
        self.cells.iter().map(|cell| cell.filed().map(MappedCell::row)).collect()
    }
}

impl NativeRows for NativeHome {
    fn are_filed(&self) -> bool {
        self.cells.iter().all(|cell| cell.filed().is_some())
    }

    fn append(&self, is_short: bool) -> Option<SideSlot> {
        let rows = self.rows()?;
        self.store.side()?.append_buckets(self.file, &rows, &words(&self.limits, is_short))
    }
}
