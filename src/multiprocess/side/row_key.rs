//! The keys of entries that are about rows: the kind of their file, and where in it they stand.

use crate::multiprocess::file_kind::FileKind;

/// The kind of a file and places in it, as keys have them.
pub(super) fn rows_key(kind: FileKind, rows: &[u32]) -> Vec<u8> {
    let mut key = Vec::with_capacity(4 + 4 * rows.len());
    key.extend_from_slice(&(kind.place() as u32).to_le_bytes());
    for row in rows {
        key.extend_from_slice(&row.to_le_bytes());
    }
    key
}

/// The kind and the rows in a key.
pub(super) fn rows_of(key: &[u8]) -> Option<(FileKind, impl Iterator<Item = u32>)> {
    let (kind, rows) = key.split_first_chunk()?;
    let kind = FileKind::at(u32::from_le_bytes(*kind))?;
    let rows = rows.chunks_exact(4).filter_map(|row| Some(u32::from_le_bytes(*row.first_chunk()?)));
    Some((kind, rows))
}
