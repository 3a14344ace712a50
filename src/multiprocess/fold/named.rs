//! Identifiers that are given by hand: one process at a time has one, and whoever comes back under
//! it leaves the files of its predecessor to the folds.

use std::fs;
use std::io;
use std::path::Path;

use super::adopt::LAST;
use super::disk::{Disk, RealDisk, commit, if_there, replace};
use super::sweep;
use crate::multiprocess::fold_lock;
use crate::multiprocess::listing::{Listing, Part};
use crate::multiprocess::manifest::Manifest;
use crate::multiprocess::owner::{Liveness, Owner, cannot_lock, liveness, lock_path};
use crate::multiprocess::side::EXTENSION;
use crate::multiprocess::unique::unique;

/// Claims the identifier, before the first file that bears it is there.
///
/// None where files cannot be locked, and if files of that name are somebody
/// else's: then nobody will know that the owner is dead.
/// [`io::ErrorKind::ResourceBusy`] if a process that lives has the identifier.
pub(crate) fn claim_named(dir: &Path, identifier: &str) -> io::Result<Option<Owner>> {
    // Nobody folds meanwhile, and nobody claims the same.
    let _still = match fold_lock::begin(dir, true) {
        Err(error) if cannot_lock(&error) => return Ok(None),
        still => still?,
    };
    if liveness(dir, identifier) == Liveness::Alive {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    match make_way(&RealDisk, dir, identifier) {
        Ok(true) => Owner::claim(dir, identifier),
        Ok(false) => Ok(None),
        // Without a manifest that makes sense nobody can say what counts.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
    }
}

/// Leaves no file that bears the identifier, under the lock of who folds; false
/// if there are some that hold no lock, as Python's.
pub(super) fn make_way(disk: &dyn Disk, dir: &Path, identifier: &str) -> io::Result<bool> {
    let mut listing = Listing::read(dir, Manifest::read(dir)?)?;
    sweep::sweep(disk, &listing)?;
    if listing.manifest.absorbed.remove(identifier) {
        // What was folded under this name is gone; what it names from now on counts.
        commit(disk, dir, &listing.manifest)?;
        listing = Listing::read(dir, listing.manifest)?;
    }
    let is_locked = listing.owners.contains_key(identifier);
    let own = listing.owned.iter().filter(|file| file.identifier == identifier);
    let cells = own.filter_map(|file| match file.part {
        Part::Cells(kind) => Some((&file.name, kind)),
        _ => None,
    });
    let cells: Vec<_> = cells.collect();
    if !is_locked && !cells.is_empty() {
        return Ok(false);
    }

    let mut manifest = listing.manifest.clone();
    let side = dir.join(format!("{identifier}.{EXTENSION}"));
    if !cells.is_empty() || side.try_exists()? {
        // As when files of Python's are adopted: a reader could miss one that is renamed.
        if !manifest.is_moving() {
            manifest.moves += 1;
            commit(disk, dir, &manifest)?;
        }
        let aside = next_aside(&listing, identifier);
        // Nobody ever holds it, so whoever has this identifier is dead.
        disk.write(&lock_path(dir, &aside), b"")?;
        // Copied, so that whatever is renamed when this is killed has its side file.
        match fs::read(&side) {
            Ok(bytes) => replace(disk, &dir.join(format!("{aside}.{EXTENSION}")), &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for (name, kind) in cells {
            if_there(disk.rename(&dir.join(name), &dir.join(kind.file_name(&aside))))?;
        }
    }
    if_there(disk.remove(&side))?;
    if manifest.is_moving() {
        manifest.moves += 1;
        commit(disk, dir, &manifest)?;
    }
    Ok(true)
}

/// Where the files are renamed to: names that come right before theirs, and
/// behind those of earlier predecessors, so that files are merged in the order that they had.
fn next_aside(listing: &Listing, identifier: &str) -> String {
    let prefix = format!("{identifier}-{LAST}");
    let before = listing.owned.iter().filter_map(|file| {
        let (number, _) = file.identifier.strip_prefix(&prefix)?.split_once('-')?;
        number.parse::<u32>().ok()
    });
    let number = before.max().map_or(0, |before| before.saturating_add(1));
    format!("{prefix}{number:06}-{}", unique())
}

#[cfg(all(test, unix))]
#[path = "named_tests.rs"]
mod tests;
