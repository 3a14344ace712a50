//! Empties a shared directory, before a pool of processes starts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::directory::canonical_dir;
use super::fold_lock;
use super::listing::Listing;
use super::manifest::Manifest;
use super::owner::Liveness;
use crate::error::{Error, ErrorKind, Result};

/// Removes what former processes have written into a shared directory, so that
/// nothing that they counted counts any more. Files of other kinds stay.
///
/// It is for a pool that starts: what its predecessor has left would count
/// like its own. Returns how many files were removed.
///
/// ```
/// use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore, clear};
/// use narthex::{Counter, exposition};
///
/// let dir = tempfile::tempdir()?;
/// let store = MultiprocessStore::open(dir.path())?;
/// let jobs = Counter::builder("jobs", "Jobs done.").store(&store).build()?;
/// # #[cfg(unix)]
/// assert!(clear(dir.path()).unwrap_err().is_invalid_value()); // its owner lives
/// drop((jobs, store));
/// std::fs::write(dir.path().join("notes.txt"), "kept")?;
/// clear(dir.path())?;
/// assert_eq!(exposition::text::encode(&MultiProcessCollector::new(dir.path())?)?, "");
/// assert!(dir.path().join("notes.txt").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::is_invalid_value`] if a process that lives writes there, of those
/// that hold a lock; nothing is removed then. [`Error::is_io`] if the directory
/// cannot be read, or a file not be removed.
pub fn clear(dir: impl AsRef<Path>) -> Result<usize> {
    let dir = canonical_dir(dir.as_ref())?;
    let cannot = |error| Error::io(format!("{} cannot be emptied", dir.display()), error);
    let _still = fold_lock::begin(&dir, true).map_err(cannot)?;
    // Whatever the manifest says, it goes with the rest.
    let manifest = Manifest::read(&dir).unwrap_or_default();
    let listing = Listing::read(&dir, manifest).map_err(cannot)?;
    let alive = listing.owners.iter().find(|(_, liveness)| **liveness == Liveness::Alive);
    if let Some((identifier, _)) = alive {
        return Err(Error::new(
            ErrorKind::InvalidValue,
            format!("{} cannot be emptied: {identifier} lives and writes there", dir.display()),
        ));
    }
    let mut removed = 0;
    for path in files(&listing) {
        match fs::remove_file(&path) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(error)),
        }
    }
    Ok(removed)
}

/// All files of the mode; the manifest last, as it says which of the others count.
fn files(listing: &Listing) -> Vec<PathBuf> {
    let mut files: Vec<_> = listing.owned.iter().map(|file| listing.dir.join(&file.name)).collect();
    files.extend(listing.others.iter().cloned());
    files.push(Manifest::path(&listing.dir));
    files
}
