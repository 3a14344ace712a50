//! Removes what counts no more.

use std::ffi::OsString;
use std::fs;
use std::io;

use super::disk::{Disk, if_there};
use super::figures::Compacted;
use crate::multiprocess::listing::{Listing, Owned, Part, generation_of};
use crate::multiprocess::owner::Liveness;

/// Removes the files of whom the manifest says that they were absorbed, folded
/// files of other generations, and what the dead had not published yet.
pub(super) fn sweep(disk: &dyn Disk, listing: &Listing) -> io::Result<Compacted> {
    let mut swept = Compacted::default();
    // A file of cells without its lock would count as that of somebody unknown.
    let (locks, others): (Vec<_>, Vec<_>) =
        listing.owned.iter().partition(|file| file.part == Part::Lock);
    for file in others.into_iter().chain(locks).filter(|file| is_waste(listing, file)) {
        let path = listing.dir.join(&file.name);
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if listing.manifest.damaged.contains(&file.name) {
            let mut aside = OsString::from(&path);
            aside.push(".damaged");
            if_there(disk.rename(&path, aside.as_ref()))?;
        } else if if_there(disk.remove(&path))? {
            swept.removed_files += 1;
            swept.freed_bytes += bytes;
        }
    }
    Ok(swept)
}

fn is_waste(listing: &Listing, file: &Owned) -> bool {
    match file.part {
        Part::Cells(_) | Part::Side | Part::Lock => !listing.is_current(&file.identifier),
        Part::DeadMark => false,
        Part::Hidden => {
            generation_of(&file.identifier).is_some()
                || !listing.is_current(&file.identifier)
                || listing.owners.get(&file.identifier) == Some(&Liveness::Dead)
                || is_abandoned_lock(listing, file)
        }
    }
}

/// Whether it was to become a lock, and nobody holds it.
#[cfg(unix)]
fn is_abandoned_lock(listing: &Listing, file: &Owned) -> bool {
    let is_lock = file.name.starts_with(&format!(".{}.lock.", file.identifier));
    let is_locked = || crate::multiprocess::held::is_locked(&listing.dir.join(&file.name));
    is_lock && is_locked().is_ok_and(|locked| !locked)
}

#[cfg(not(unix))]
fn is_abandoned_lock(_: &Listing, _: &Owned) -> bool {
    false
}
