//! Folds files of cells: the entries of many become those of one, by the rules of the merge.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use super::rows::{Rows, unreadable_key};
use super::slack;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key::Key;
use crate::multiprocess::listing::{Listing, Part, folded_identifier};
use crate::multiprocess::reader::{self, Damage, DamageKind, read};
use crate::multiprocess::side::{self, NativeSaid, Said};

/// What the next generation is made of.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    pub(super) files: Vec<(FileKind, Vec<u8>)>,
    /// The content of their side file, if there is something to say.
    pub(super) side: Option<Vec<u8>>,
    /// The dead, without those of whom a file cannot be read now.
    pub(super) absorbed: Vec<&'a str>,
    /// The names of files of which a part was lost, each with what is lost first.
    pub(super) damaged: BTreeMap<String, Damage>,
}

/// Folds the cells of the dead with those of the current generation.
pub(super) fn fold<'a>(listing: &Listing, dead: &[&'a str]) -> io::Result<Folded<'a>> {
    let mut files: BTreeMap<&str, Vec<(FileKind, &str)>> = BTreeMap::new();
    for file in &listing.owned {
        if let Part::Cells(kind) = file.part {
            files.entry(&file.identifier).or_default().push((kind, &file.name));
        }
    }
    let contents_of =
        |owner: &str| contents_of(listing, owner, files.get(owner).map_or(&[], Vec::as_slice));
    let mut absorbed = Vec::new();
    let mut contents = BTreeMap::new();
    let mut sides = Vec::new();
    let mut damaged = BTreeMap::new();
    for &owner in dead {
        match contents_of(owner) {
            Ok(Contents { lasting, side, damaged_live }) if !owner.contains(char::is_control) => {
                contents.extend(lasting);
                damaged.extend(damaged_live);
                sides.push((owner, side));
                absorbed.push(owner);
            }
            // It stays as it is, and counts.
            _ => {}
        }
    }
    let mut folded = Folded { files: Vec::new(), side: None, absorbed, damaged };
    if folded.absorbed.is_empty() {
        return Ok(folded);
    }
    let current = folded_identifier(listing.manifest.generation);
    let Contents { lasting, side, .. } = contents_of(&current)?;
    contents.extend(lasting);
    sides.push((&current, side));
    let damaged = sides.iter().filter_map(|(owner, side)| Some((side_name(owner), side.damage?)));
    folded.damaged.extend(damaged);

    let places = sides.iter().enumerate();
    let side_places: HashMap<&str, usize> = places.map(|(at, (owner, _))| (*owner, at)).collect();
    let mut kinds: Vec<Rows> = Vec::new();
    let mut went: HashMap<(usize, FileKind, u32), usize> = HashMap::new();
    let mut went_bare: HashSet<(FileKind, usize)> = HashSet::new();
    // By name, as files are merged: the folded one comes first.
    for (name, (kind, bytes)) in &contents {
        let place = kinds.iter().position(|rows| rows.kind() == *kind).unwrap_or_else(|| {
            kinds.push(Rows::new(*kind));
            kinds.len() - 1
        });
        let (mut entries, damage) = reader::entries(bytes);
        let owner = FileKind::parse(name).map_or("", |(_, owner)| owner);
        let side = side_places.get(owner).copied();
        let notes = side.and_then(|side| sides[side].1.said.rows.get(*kind));
        // What is counted by no exponential bucket.
        let mut bare = HashSet::new();
        for entry in &mut entries {
            let native = notes.and_then(|notes| notes.native(entry.offset));
            if entry.is_untouched() && native.is_some_and(NativeSaid::has_counts) {
                // Its buckets are to go where it goes.
                entry.value = 0.0;
            }
            match notes.and_then(|notes| notes.count(entry.offset)) {
                Some(count) if count > 0.0 || !entry.is_untouched() => entry.value = count,
                None if entry.value != 0.0 => {
                    bare.insert(entry.offset);
                }
                _ => {}
            }
        }
        let counted: Vec<_> = entries
            .into_iter()
            .filter(|entry| !entry.is_untouched())
            .filter(|entry| notes.is_none_or(|notes| !notes.is_removed(entry.offset)))
            .collect();
        let is_folded = owner == current;
        let unreadable = kinds[place].add(&counted, is_folded, |row, to| {
            if bare.contains(&row) {
                went_bare.insert((*kind, to));
            }
            if let (Some(side), Ok(row)) = (side, u32::try_from(row)) {
                went.insert((side, *kind, row), to);
            }
        });
        if let Some(damage) = unreadable.or(damage) {
            folded.damaged.insert(name.clone(), damage);
        }
    }
    let mut offsets = HashMap::new();
    for mut rows in kinds {
        let kind = rows.kind();
        slack::add(&mut rows, listing, &contents);
        let bytes = rows.render()?;
        let (entries, _) = reader::entries(&bytes);
        let places = entries.iter().map(|entry| u32::try_from(entry.offset).ok());
        offsets.insert(kind, places.collect::<Vec<_>>());
        folded.files.push((kind, bytes));
    }
    let row_of = |side, kind, row| {
        let to = *went.get(&(side, kind, row))?;
        *offsets.get(&kind)?.get(to)?
    };
    let bare: HashSet<(FileKind, u32)> = went_bare
        .into_iter()
        .filter_map(|(kind, to)| Some((kind, (*offsets.get(&kind)?.get(to)?)?)))
        .collect();
    let is_bare = |kind, row| bare.contains(&(kind, row));
    folded.side = side::fold::fold(sides.iter().map(|(_, side)| &side.said), row_of, is_bare);
    Ok(folded)
}

/// A file by its name: its kind, and its bytes.
pub(super) type Content = (String, (FileKind, Vec<u8>));

/// What the files of an owner hold.
#[derive(Debug)]
struct Contents {
    /// Those that outlive their process.
    lasting: Vec<Content>,
    side: SideOf,
    /// The names of the others, as far as they are damaged.
    damaged_live: Vec<(String, Damage)>,
}

fn contents_of(listing: &Listing, owner: &str, files: &[(FileKind, &str)]) -> io::Result<Contents> {
    let side = SideOf::read(&listing.dir.join(side_name(owner)))?;
    let mut contents = Contents { lasting: Vec::new(), side, damaged_live: Vec::new() };
    for &(kind, name) in files {
        let bytes = read(&listing.dir.join(name));
        if kind.outlives_its_process() {
            contents.lasting.push((name.to_owned(), (kind, bytes?)));
        } else if let Some(damage) = bytes.as_deref().map_or_else(unless_gone, damage_of) {
            contents.damaged_live.push((name.to_owned(), damage));
        }
    }
    Ok(contents)
}

/// What is wrong with a file that cannot be read: nothing if somebody has removed it.
fn unless_gone(error: &io::Error) -> Option<Damage> {
    let is_gone = error.kind() == io::ErrorKind::NotFound;
    (!is_gone).then_some(Damage { offset: 0, what: DamageKind::Unreadable })
}

fn damage_of(bytes: &[u8]) -> Option<Damage> {
    let (entries, damage) = reader::entries(bytes);
    let unreadable = entries.iter().find(|entry| Key::parse(entry.key).is_none());
    unreadable.map(unreadable_key).or(damage)
}

fn side_name(owner: &str) -> String {
    format!("{owner}.{}", side::EXTENSION)
}

/// What the side file of an owner says, which is nothing if there is none.
#[derive(Debug, Default)]
struct SideOf {
    said: Said,
    damage: Option<Damage>,
}

impl SideOf {
    fn read(path: &Path) -> io::Result<Self> {
        match Said::read(path) {
            Ok((said, damages)) => {
                let damage = damages.into_iter().min_by_key(|damage| damage.offset);
                Ok(Self { said, damage })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }
}
