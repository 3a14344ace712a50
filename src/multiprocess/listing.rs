//! What stands in the shared directory, and which of it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::crew::Crew;
use super::file_kind::FileKind;
use super::fold_lock::keep_still;
use super::manifest::Manifest;
use super::owner::{Liveness, liveness};
use super::side::EXTENSION;
use super::turn;

/// What the identifiers of folded files begin with; no process has number 0.
const FOLDED: &str = "0-f";

/// The identifier of the folded files of a generation.
pub(crate) fn folded_identifier(generation: u64) -> String {
    format!("{FOLDED}{generation}")
}

/// The generation of folded files with this identifier.
pub(crate) fn generation_of(identifier: &str) -> Option<u64> {
    identifier.strip_prefix(FOLDED)?.parse().ok()
}

/// What a file is to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Cells(FileKind),
    /// What cells cannot say.
    Side,
    Lock,
    /// Somebody says that the process is dead.
    DeadMark,
    /// A file that its process had not published yet, or one that is left of folding.
    Hidden,
}

/// A file that belongs to somebody.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) name: String,
    pub(crate) identifier: String,
    pub(crate) part: Part,
}

/// The directory at one moment, together with what the manifest said just before.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    /// All files that belong to somebody, sorted by name.
    pub(crate) owned: Vec<Owned>,
    /// Names of `.db` files that say of nobody, sorted.
    pub(crate) others: Vec<PathBuf>,
    /// The owners that left a lock.
    pub(crate) owners: BTreeMap<String, Liveness>,
}

impl Listing {
    pub(crate) fn read(dir: &Path, manifest: Manifest) -> io::Result<Self> {
        let (owned, others) = files_of(dir)?;
        turn::step();
        let locks = owned.iter().filter(|file| file.part == Part::Lock);
        let mut owners: Vec<_> =
            locks.map(|lock| (lock.identifier.clone(), Liveness::Unknown)).collect();
        Crew::default()
            .for_each(&mut owners, |(identifier, is), _| *is = liveness(dir, identifier));
        let owners = owners.into_iter().collect();
        let mut listing = Self { dir: dir.to_owned(), manifest, owned, others, owners };
        if listing.count(Liveness::Dead) > 0 {
            // Whoever was found dead may have made files after they were looked for, and now
            // cannot any more. Who has come in between is as good as alive.
            turn::step();
            (listing.owned, listing.others) = files_of(dir)?;
            for lock in listing.owned.iter().filter(|file| file.part == Part::Lock) {
                listing.owners.entry(lock.identifier.clone()).or_insert(Liveness::Alive);
            }
        }
        Ok(listing)
    }

    /// The files of cells that are to be merged, sorted by name.
    pub(crate) fn counted(&self) -> Vec<PathBuf> {
        let owned = self.owned.iter().filter(|file| self.counts(file));
        let mut files: Vec<_> = owned.map(|file| self.dir.join(&file.name)).collect();
        files.extend(self.others.iter().cloned());
        files.sort();
        files
    }

    /// The side files that are to be read, sorted by name, and whether their owners may live.
    pub(crate) fn sides(&self) -> Vec<(PathBuf, bool)> {
        let sides = self.owned.iter().filter(|file| file.part == Part::Side);
        let current = sides.filter(|file| self.is_current(&file.identifier));
        let is_alive = |file: &Owned| self.owners.get(&file.identifier) != Some(&Liveness::Dead);
        current.map(|file| (self.dir.join(&file.name), is_alive(file))).collect()
    }

    /// The identifiers whose owner is known to be dead, and which nothing has absorbed yet.
    pub(crate) fn dead(&self) -> BTreeSet<&str> {
        let dead = self.owners.iter().filter(|(identifier, alive)| {
            **alive == Liveness::Dead && !self.manifest.absorbed.contains(*identifier)
        });
        dead.map(|(identifier, _)| identifier.as_str()).collect()
    }

    pub(crate) fn count(&self, liveness: Liveness) -> usize {
        let absorbed = &self.manifest.absorbed;
        let owners = self.owners.iter().filter(|(owner, _)| !absorbed.contains(*owner));
        owners.filter(|(_, alive)| **alive == liveness).count()
    }

    /// Whether the file belongs to the current folded generation, or to nobody who was absorbed.
    pub(crate) fn is_current(&self, identifier: &str) -> bool {
        match generation_of(identifier) {
            Some(generation) => generation == self.manifest.generation,
            None => !self.manifest.absorbed.contains(identifier),
        }
    }

    fn counts(&self, file: &Owned) -> bool {
        let Part::Cells(kind) = file.part else { return false };
        let is_dead = self.owners.get(&file.identifier) == Some(&Liveness::Dead);
        self.is_current(&file.identifier) && (kind.outlives_its_process() || !is_dead)
    }
}

/// Whether there is any file that belongs to somebody.
pub(crate) fn has_files(dir: &Path) -> io::Result<bool> {
    files_of(dir).map(|(owned, _)| !owned.is_empty())
}

/// The files that belong to somebody, and the names of `.db` files that do not, both sorted.
fn files_of(dir: &Path) -> io::Result<(Vec<Owned>, Vec<PathBuf>)> {
    let mut owned = Vec::new();
    let mut others = Vec::new();
    turn::step();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default();
        match name.to_str().and_then(|name| Some((name, owner_of(name)?))) {
            Some((name, (identifier, part))) => {
                owned.push(Owned { name: name.to_owned(), identifier: identifier.to_owned(), part })
            }
            None if name.as_encoded_bytes().starts_with(b".") => {}
            None if path.extension().is_some_and(|extension| extension == "db") => {
                others.push(path);
            }
            None => {}
        }
    }
    owned.sort_by(|a, b| a.name.cmp(&b.name));
    others.sort();
    Ok((owned, others))
}

/// Reads something of the directory while nobody folds away what is read.
///
/// `read` may run several times; what it gave when the manifest stayed the
/// same is right.
pub(crate) fn consistently<T, E: From<io::Error>>(
    dir: &Path,
    mut read: impl FnMut(&Listing) -> Result<T, E>,
) -> Result<T, E> {
    /// Folds are rare; if there are more of them than this, they are made to wait.
    const TRIES: usize = 4;

    for _ in 0..TRIES {
        if let Some(got) = attempt(dir, &mut || {}, &mut read)? {
            return Ok(got);
        }
    }
    let _still = keep_still(dir)?;
    read(&Listing::read(dir, manifest_or_newest(dir)?)?)
}

/// Reads once; None if somebody folded meanwhile. Whatever happens in a pause, the rest is right.
pub(crate) fn attempt<T, E: From<io::Error>>(
    dir: &Path,
    pause: &mut dyn FnMut(),
    read: &mut dyn FnMut(&Listing) -> Result<T, E>,
) -> Result<Option<T>, E> {
    let manifest = manifest_or_newest(dir)?;
    if manifest.is_moving() {
        return Ok(None);
    }
    pause();
    let listing = Listing::read(dir, manifest)?;
    let got = read(&listing)?;
    pause();
    Ok((manifest_or_newest(dir)? == listing.manifest).then_some(got))
}

/// The manifest, or if it is damaged the newest generation of folded files.
pub(crate) fn manifest_or_newest(dir: &Path) -> io::Result<Manifest> {
    match Manifest::read(dir) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let mut generation = 0;
            for file in fs::read_dir(dir)? {
                let name = file?.file_name();
                let folded = name.to_str().and_then(FileKind::parse);
                let found = folded.and_then(|(_, identifier)| generation_of(identifier));
                generation = generation.max(found.unwrap_or_default());
            }
            Ok(Manifest { generation, ..Manifest::default() })
        }
        done => done,
    }
}

/// Whose file it is by its name, and what it is to them.
fn owner_of(name: &str) -> Option<(&str, Part)> {
    if let Some(hidden) = name.strip_prefix('.') {
        // `.<name>.<letters>`
        let (name, _) = hidden.rsplit_once('.')?;
        let (identifier, _) = owner_of(name)?;
        return Some((identifier, Part::Hidden));
    }
    if let Some((kind, identifier)) = FileKind::parse(name) {
        return Some((identifier, Part::Cells(kind)));
    }
    let (identifier, extension) = name.rsplit_once('.')?;
    let part = match extension {
        EXTENSION => Part::Side,
        "lock" if identifier != "fold" => Part::Lock,
        "dead" => Part::DeadMark,
        _ => return None,
    };
    Some((identifier, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_files_they_are() {
        assert_eq!(owner_of("counter_12-x.db"), Some(("12-x", Part::Cells(FileKind::Counter))));
        assert_eq!(owner_of("12-x.lock"), Some(("12-x", Part::Lock)));
        assert_eq!(owner_of("uwsgi.2.narthex"), Some(("uwsgi.2", Part::Side)));
        assert_eq!(owner_of("12.dead"), Some(("12", Part::DeadMark)));
        assert_eq!(owner_of(".counter_12-x.db.0f"), Some(("12-x", Part::Hidden)));
        assert_eq!(owner_of(".12-x.lock.0f"), Some(("12-x", Part::Hidden)));
        for name in ["fold.lock", "fold.manifest", "counter_12-x.db.damaged", ".12", "x.db", "x"] {
            assert_eq!(owner_of(name), None, "{name}");
        }
        assert_eq!(generation_of(&folded_identifier(12)), Some(12));
        assert_eq!(generation_of("0-f"), None);
    }
}
