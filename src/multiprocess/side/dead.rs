//! Closes what a side file says of a process that has died, though it left no lock to tell by.

use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::entry_kind::{FAMILIES, INFO, STATE};
use super::reader;
use super::said::state_of;
use crate::cell::side::CLOSED;

/// Takes facts, published families and states of live modes out of what readers show.
pub(crate) fn forget_live(path: &Path) -> io::Result<()> {
    let bytes = reader::read(path)?;
    let (entries, _) = reader::entries(&bytes);
    let live = entries.iter().filter(|entry| match entry.kind {
        INFO | FAMILIES => true,
        STATE => state_of(entry).is_some_and(|state| state.mode.is_live()),
        _ => false,
    });
    let mut file = OpenOptions::new().write(true).open(path)?;
    for place in live.filter_map(|entry| entry.last_word_at) {
        file.seek(SeekFrom::Start(place as u64))?;
        file.write_all(&CLOSED.to_le_bytes())?;
    }
    Ok(())
}
