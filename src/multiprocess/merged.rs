//! What the files of a directory come to, and what is remembered of them from one scrape to the next.

use std::io;
use std::path::Path;
use std::time::Instant;

use super::ahead::Ahead;
use super::crew::Crew;
use super::damaged_file::DamagedFile;
use super::disagreement::Disagreement;
use super::file_name::FileName;
use super::keys::Keys;
use super::listing::{Listing, Part};
use super::merge::{Joining, Merge, Refused};
use super::owner::Liveness;
use super::reader::{Damage, DamageKind};
use super::settle::Show;
use super::side::{KnownSides, Sides};
use super::walked::Walked;
use crate::model::MetricFamily;

/// What is remembered between scrapes; nothing that a file says is taken from
/// it without being compared with the bytes that the file has now.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    keys: Keys,
    sides: KnownSides,
    crew: Crew,
    ahead: Ahead,
    /// How many histograms were native in part.
    partly_native: usize,
}

/// What the files came to.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) families: Vec<MetricFamily>,
    pub(crate) refused: Refused,
    pub(crate) owners: Owners,
    pub(crate) damaged: Vec<DamagedFile>,
    pub(crate) disagreements: Vec<Disagreement>,
}

/// How many processes the directory knows.
#[derive(Debug)]
pub(crate) struct Owners {
    pub(crate) live: usize,
    pub(crate) dead: usize,
    /// Whether somebody has said of a process without a lock that it is dead.
    pub(crate) marked: bool,
    pub(crate) folds: u64,
}

impl Owners {
    fn of(listing: &Listing) -> Self {
        Self {
            live: listing.count(Liveness::Alive),
            dead: listing.count(Liveness::Dead),
            marked: listing.owned.iter().any(|file| file.part == Part::DeadMark),
            folds: listing.manifest.generation,
        }
    }
}

impl Merged {
    /// Merges what counts; fails with [`io::ErrorKind::TimedOut`] at the deadline.
    pub(crate) fn of(
        listing: &Listing,
        memory: &mut Memory,
        show: Show<'_>,
        deadline: Option<Instant>,
    ) -> io::Result<Self> {
        let known = memory.partly_native;
        let merged = Self::read(listing, memory, show, deadline)?;
        // A process may have begun to count after its side file was read, and before the others.
        match memory.partly_native > known {
            // If there is no time for that, the first look is as good.
            true => Ok(Self::read(listing, memory, show, deadline).unwrap_or(merged)),
            false => Ok(merged),
        }
    }

    fn read(
        listing: &Listing,
        memory: &mut Memory,
        show: Show<'_>,
        deadline: Option<Instant>,
    ) -> io::Result<Self> {
        let Memory { keys, sides: known, crew, ahead, partly_native } = memory;
        let (sides, of_sides) = Sides::read(listing.sides(), known, crew);
        sides.remember_in(known);
        let counted = listing.counted();
        keys.begin();
        let mut joining = Joining::AtOnce;
        let (merge, of_cells) = loop {
            let mut merge = Merge::new(joining);
            let mut damaged = Vec::new();
            ahead.for_each(&counted, keys, &sides, crew, |path, read, keys| {
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    // Part of the files would make counters go backwards.
                    return Err(io::Error::from(io::ErrorKind::TimedOut));
                }
                if let Some(damage) = merge_file(&mut merge, path, read, keys, &sides) {
                    damaged.push(DamagedFile::new(path.to_owned(), damage));
                }
                Ok(())
            })?;
            if !merge.disagreed() {
                break (merge, damaged);
            }
            joining = Joining::InTheEnd;
        };
        let (mut families, mut refused, disagreements, parts) =
            merge.finish(keys, show, &sides.units());
        *partly_native = parts;
        let (families_of_sides, refused_of_sides) = sides.families();
        families.extend(families_of_sides);
        refused.names += refused_of_sides;
        let of_sides = of_sides.into_iter().map(|(path, damage)| DamagedFile::new(path, damage));
        let damaged = of_sides.chain(of_cells).collect();
        Ok(Self { families, refused, owners: Owners::of(listing), damaged, disagreements })
    }
}

/// Adds the sound entries of a file.
fn merge_file<'s>(
    merge: &mut Merge<'s>,
    path: &Path,
    read: io::Result<&Walked>,
    keys: &Keys,
    sides: &'s Sides,
) -> Option<Damage> {
    let walked = match read {
        Ok(walked) => walked,
        // It was removed since the directory was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => return Some(Damage { offset: 0, what: DamageKind::Unreadable }),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let typed = match FileName::parse(&name) {
        Some(file) => merge.add_file(&name, &file, walked, sides.rows(&name), keys),
        None => walked.is_empty(),
    };
    walked.damage.or((!typed).then_some(Damage { offset: 0, what: DamageKind::Name }))
}
