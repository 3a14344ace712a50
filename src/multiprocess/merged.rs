//! What the files of a directory come to, and what is remembered of them from one scrape to the next.

use std::io;
use std::path::Path;
use std::time::Instant;

use super::damaged_file::DamagedFile;
use super::disagreement::Disagreement;
use super::file_name::FileName;
use super::keys::Keys;
use super::listing::{Listing, Part};
use super::merge::{Joining, Merge, Refused};
use super::owner::Liveness;
use super::reader::{Damage, DamageKind, Entries, read_into};
use super::side::{KnownSides, Sides};
use crate::model::MetricFamily;

/// What is remembered between scrapes; nothing that a file says is taken from
/// it without being compared with the bytes that the file has now.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    keys: Keys,
    sides: KnownSides,
    /// Room for the bytes of a file.
    bytes: Vec<u8>,
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
        accumulate: bool,
        deadline: Option<Instant>,
    ) -> io::Result<Self> {
        let mut of_sides = Vec::new();
        let mut sides = Sides::default();
        for (path, is_alive) in listing.sides() {
            if let Some(damage) = sides.read(&path, is_alive, &mut memory.sides, &mut memory.bytes)
            {
                of_sides.push(DamagedFile::new(path, damage));
            }
        }
        sides.remember_in(&mut memory.sides);
        let counted = listing.counted();
        memory.keys.begin();
        let mut joining = Joining::AtOnce;
        let (merge, of_cells) = loop {
            let mut merge = Merge::new(&mut memory.keys, joining);
            let mut damaged = Vec::new();
            for path in &counted {
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    // Part of the files would make counters go backwards.
                    return Err(io::ErrorKind::TimedOut.into());
                }
                if let Some(damage) = merge_file(&mut merge, path, &sides, &mut memory.bytes) {
                    damaged.push(DamagedFile::new(path.clone(), damage));
                }
            }
            if !merge.disagreed() {
                break (merge, damaged);
            }
            joining = Joining::InTheEnd;
        };
        let (mut families, mut refused, disagreements) = merge.finish(accumulate, &sides.units());
        let (families_of_sides, refused_of_sides) = sides.families();
        families.extend(families_of_sides);
        refused.names += refused_of_sides;
        let mut damaged = of_sides;
        damaged.extend(of_cells);
        Ok(Self { families, refused, owners: Owners::of(listing), damaged, disagreements })
    }
}

/// Adds the sound entries of a file.
fn merge_file(
    merge: &mut Merge<'_>,
    path: &Path,
    sides: &Sides,
    bytes: &mut Vec<u8>,
) -> Option<Damage> {
    match read_into(path, bytes) {
        Ok(()) => {}
        // It was removed since the directory was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => return Some(Damage { offset: 0, what: DamageKind::Unreadable }),
    }
    let mut entries = Entries::of(bytes);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let typed = match FileName::parse(&name) {
        Some(file) => merge.add_file(&file, &mut entries, sides.rows(&name)),
        None => entries.by_ref().count() == 0,
    };
    entries.damage().or((!typed).then_some(Damage { offset: 0, what: DamageKind::Name }))
}
