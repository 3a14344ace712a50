//! Entries of one shared file that belong together: those of one series.

use std::sync::Arc;

use super::mapped::{MappedCell, MappedFile};

/// The first entry of each number of a series.
pub(crate) struct Rows {
    file: Arc<MappedFile>,
    rows: Box<[u32]>,
}

impl Rows {
    /// The entries of these cells; none if they are not all in one file.
    pub(crate) fn of(cells: &[MappedCell]) -> Option<Self> {
        let file = cells.first()?.file().clone();
        let same = cells.iter().all(|cell| Arc::ptr_eq(cell.file(), &file));
        same.then(|| Self { file, rows: cells.iter().map(MappedCell::row).collect() })
    }

    /// Where they stand in the file.
    pub(crate) fn list(&self) -> &[u32] {
        &self.rows
    }

    /// Forgets whose they are, as [`MappedFile::disown`] does.
    pub(crate) fn disown(&self) -> Vec<(u32, u32)> {
        self.file.disown(&self.rows)
    }
}
