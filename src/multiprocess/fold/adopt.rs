//! Gives the files of dead processes of other clients an identifier that will never be used again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::disk::{Disk, commit, if_there};
use super::figures::Scope;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::listing::{Listing, Part};
use crate::multiprocess::manifest::Manifest;
use crate::multiprocess::owner::{lock_path, numbering, process_exists};
use crate::multiprocess::unique::unique;

/// What identifiers that files are renamed to have behind the dash: it comes
/// after all letters, so that files are still merged in the order that they had.
pub(super) const LAST: char = '~';

/// Renames the files of the dead that left no lock; false if there are none.
///
/// A reader that lists the directory meanwhile could miss a file that changes
/// its name, so the manifest says when that begins and when it has ended.
pub(super) fn adopt(
    disk: &dyn Disk,
    listing: &Listing,
    manifest: &mut Manifest,
    scope: Scope,
) -> io::Result<bool> {
    let dead = orphans(listing, scope);
    let mut moved = false;
    for number in dead.iter().take(scope.processes) {
        let files = files_of(listing, number);
        if !files.is_empty() {
            if !manifest.is_moving() {
                manifest.moves += 1;
                commit(disk, &listing.dir, manifest)?;
            }
            moved = true;
            rename_files(disk, listing, number, &files)?;
        }
        if_there(disk.remove(&listing.dir.join(format!("{number}.dead"))))?;
    }
    if manifest.is_moving() {
        moved = true;
        manifest.moves += 1;
        commit(disk, &listing.dir, manifest)?;
    }
    Ok(moved)
}

fn rename_files(
    disk: &dyn Disk,
    listing: &Listing,
    number: &str,
    files: &[FileKind],
) -> io::Result<()> {
    let dir = &listing.dir;
    let identifier = format!("{number}-{LAST}{}", unique());
    // Nobody ever holds it, so whoever has this identifier is dead.
    disk.write(&lock_path(dir, &identifier), b"")?;
    let names: Vec<(PathBuf, PathBuf)> = files
        .iter()
        .map(|kind| (dir.join(kind.file_name(number)), dir.join(kind.file_name(&identifier))))
        .collect();
    for (old, new) in &names {
        if_there(disk.rename(old, new))?;
    }
    if process_exists(number) {
        // A new process of that number may have opened them before they were renamed.
        for (old, new) in &names {
            if !old.try_exists()? {
                if_there(disk.rename(new, old))?;
            }
        }
    }
    Ok(())
}

/// The numbers of processes that are dead and left no lock.
fn orphans(listing: &Listing, scope: Scope) -> BTreeSet<String> {
    let here = numbering();
    let is_told = |number: &str| {
        let mark = fs::read_to_string(listing.dir.join(format!("{number}.dead")));
        // Other machines and containers have other processes of that number.
        mark.is_ok_and(|told| told.is_empty() || told == here)
    };
    let files = listing.owned.iter().filter(|file| match file.part {
        Part::DeadMark => true,
        Part::Cells(_) => scope.local_numbers,
        _ => false,
    });
    let numbers: BTreeSet<_> = files.map(|file| &file.identifier).collect();
    let is_orphan = |number: &&String| {
        is_number(number)
            && !listing.owners.contains_key(*number)
            && !process_exists(number)
            && (scope.local_numbers || is_told(number))
    };
    numbers.into_iter().filter(is_orphan).cloned().collect()
}

fn files_of(listing: &Listing, number: &str) -> Vec<FileKind> {
    let files = listing.owned.iter().filter(|file| file.identifier == number);
    let kinds = files.filter_map(|file| match file.part {
        Part::Cells(kind) => Some(kind),
        _ => None,
    });
    kinds.collect()
}

fn is_number(identifier: &str) -> bool {
    !identifier.is_empty() && identifier.bytes().all(|byte| byte.is_ascii_digit())
}
