//! The order of the steps of a fold, which is what makes it safe to be killed between any two.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::disk::{Disk, commit, replace};
use super::figures::{Compacted, Scope};
use super::{adopt, cells, sweep};
use crate::multiprocess::damaged_file::DamagedFile;
use crate::multiprocess::listing::{Listing, folded_identifier};
use crate::multiprocess::manifest::Manifest;
use crate::multiprocess::side::EXTENSION;

/// Folds what it may, under the lock.
pub(super) fn fold(dir: &Path, disk: &dyn Disk, scope: Scope) -> io::Result<Option<Compacted>> {
    let mut manifest = Manifest::read(dir)?;
    let mut listing = Listing::read(dir, manifest.clone())?;
    let mut done = sweep::sweep(disk, &listing)?;
    let struck = strike_absorbed(disk, dir, &mut manifest, scope)?;
    if adopt::adopt(disk, &listing, &mut manifest, scope)? || struck {
        listing = Listing::read(dir, manifest.clone())?;
    }
    let dead: Vec<&str> = listing.dead().into_iter().take(scope.processes).collect();
    let folded = cells::fold(&listing, &dead)?;
    done.generation = manifest.generation;
    if folded.absorbed.is_empty() {
        return Ok(Some(done));
    }

    let next = folded_identifier(manifest.generation + 1);
    for (kind, bytes) in &folded.files {
        replace(disk, &dir.join(kind.file_name(&next)), bytes)?;
    }
    if let Some(bytes) = &folded.side {
        replace(disk, &dir.join(format!("{next}.{EXTENSION}")), bytes)?;
    }
    disk.sync_dir(dir)?;
    done.generation += 1;
    done.processes = folded.absorbed.len();
    let damaged = folded.damaged.iter().map(|(name, at)| DamagedFile::new(dir.join(name), *at));
    done.damaged_files = damaged.collect();
    let absorbed: BTreeSet<String> =
        folded.absorbed.iter().map(|owner| owner.to_string()).collect();
    listing.manifest = Manifest {
        generation: done.generation,
        moves: manifest.moves,
        absorbed,
        damaged: folded.damaged.into_keys().collect(),
    };
    commit(disk, dir, &listing.manifest)?;
    for file in &done.damaged_files {
        log::warn!(
            "{} is damaged from byte {} on: {}; the rest is folded, and the file kept as *.damaged",
            file.path().display(),
            file.offset(),
            file.reason()
        );
    }
    let swept = sweep::sweep(disk, &listing)?;
    done.removed_files += swept.removed_files;
    done.freed_bytes += swept.freed_bytes;
    strike_absorbed(disk, dir, &mut listing.manifest, scope)?;
    Ok(Some(done))
}

/// Strikes those from a long list whose files were removed; says whether it did.
fn strike_absorbed(
    disk: &dyn Disk,
    dir: &Path,
    manifest: &mut Manifest,
    scope: Scope,
) -> io::Result<bool> {
    if manifest.absorbed.len() <= scope.listed {
        return Ok(false);
    }
    // Before the manifest says less: else a loss of power might bring some of the files back.
    disk.sync_dir(dir)?;
    manifest.absorbed.clear();
    manifest.damaged.clear();
    commit(disk, dir, manifest)?;
    Ok(true)
}

#[cfg(all(test, unix))]
#[path = "model_tests.rs"]
mod model_tests;
#[cfg(all(test, unix))]
#[path = "overtaking_tests.rs"]
mod overtaking_tests;
#[cfg(all(test, unix))]
#[path = "protocol_tests.rs"]
mod tests;
