//! Looks into shared files without merging them: what each holds, wastes, and where it is damaged.
//!
//! Nothing is written, and a directory that processes are writing to may be
//! looked at. This is for tools and tests; a scrape is the business of
//! [`MultiProcessCollector`](super::MultiProcessCollector).
//!
//! ```
//! use narthex::Counter;
//! use narthex::multiprocess::{MultiprocessStore, inspect};
//!
//! let dir = tempfile::tempdir()?;
//! let store = MultiprocessStore::open(dir.path())?;
//! let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).store(&store).build()?;
//! jobs.labels(["mail"]).inc_by(3);
//! std::fs::write(dir.path().join("counter_x.db"), [64, 0, 0, 0])?;
//!
//! let report = inspect::inspect_dir(dir.path())?;
//! let [sound, damaged] = report.files() else { panic!() };
//! assert_eq!(sound.pid(), Some(std::process::id()));
//! assert_eq!((sound.kind().unwrap().as_str(), sound.entries(), sound.series()), ("counter", 1, 1));
//! assert_eq!(damaged.damage().unwrap().reason(), "truncated");
//!
//! let contents = inspect::inspect_file(sound.path())?;
//! let entry = &contents.entries()[0];
//! assert_eq!(entry.sample_name(), Some("jobs_total"));
//! assert_eq!(entry.labels().collect::<Vec<_>>(), [("queue", "mail")]);
//! assert_eq!(entry.value(), 3.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disagreements;
mod keys;
mod report;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

pub use self::disagreements::DisagreementReport;
use self::disagreements::Told;
use self::keys::{Bound, Keys};
pub use self::report::{DirReport, EntryReport, FileContents, FileReport, OtherFile, SkippedEntry};
use super::damaged_file::DamagedFile;
use super::directory::canonical_dir;
use super::file_kind::FileKind;
use super::file_name::FileName;
use super::key::Key;
use super::listing::{Listing, consistently};
pub use super::owner::Liveness;
use super::owner::liveness;
use super::reader::{self, Damage, DamageKind, Entry};
use super::side::{EXTENSION, Said};
use crate::error::{Error, Result};
use crate::model::MetricType;

/// Looks into every file of a directory.
///
/// # Errors
/// [`Error::is_io`] if the directory cannot be read; of a file that cannot be
/// read, [`FileReport::damage`] says so.
pub fn inspect_dir(dir: impl AsRef<Path>) -> Result<DirReport> {
    inspect_dir_with(dir, |_, _| {})
}

/// The same, and calls `progress` before each file, with how many are done and
/// how many there are.
///
/// # Errors
/// Those of [`inspect_dir`].
pub fn inspect_dir_with(
    dir: impl AsRef<Path>,
    mut progress: impl FnMut(usize, usize),
) -> Result<DirReport> {
    let dir = canonical_dir(dir.as_ref())?;
    consistently(&dir, |listing| inspect_listed(&dir, listing, &mut progress)).map_err(|error| {
        Error::io(format!("the files in {} cannot be listed", dir.display()), error)
    })
}

/// Looks into one file, whatever its name, and at each of its entries.
///
/// # Errors
/// [`Error::is_io`] if it cannot be read.
pub fn inspect_file(path: impl AsRef<Path>) -> Result<FileContents> {
    let path = path.as_ref();
    let mut entries = Vec::new();
    // Whoever closes a lock file that is its own drops the lock.
    let is_lock = path.extension() == Some(OsStr::new("lock"));
    let report = match is_lock {
        true => Err(io::Error::new(io::ErrorKind::InvalidInput, "a lock has no entries")),
        false => {
            let mut look = Look::new(path.parent().unwrap_or(Path::new("")));
            look.inspect(path, Some(&mut entries))
        }
    };
    let report = report
        .map_err(|error| Error::io(format!("{} cannot be read", path.display()), error))?
        .with_liveness(|owner| liveness(path.parent().unwrap_or(Path::new("")), owner));
    Ok(FileContents { report, entries })
}

fn inspect_listed(
    dir: &Path,
    listing: &Listing,
    progress: &mut dyn FnMut(usize, usize),
) -> io::Result<DirReport> {
    let is_current = |path: &PathBuf| match identifier(&file_name(path)) {
        Some(identifier) => is_read(path) && listing.is_current(&identifier),
        None => is_read(path),
    };
    let (read, others): (Vec<_>, Vec<_>) = list(dir)?.into_iter().partition(is_current);
    let mut look = Look::new(dir);
    let counted: HashSet<PathBuf> = listing.counted().into_iter().collect();
    let mut files = Vec::with_capacity(read.len());
    for (done, path) in read.iter().enumerate() {
        progress(done, read.len());
        look.is_counted = counted.contains(path);
        let report = match look.inspect(path, None) {
            // It was removed since the directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => unreadable(path, look.is_counted),
            Ok(report) => report,
        };
        let lives = |owner: &str| listing.owners.get(owner).copied();
        files.push(report.with_liveness(|owner| lives(owner).unwrap_or(Liveness::Unknown)));
    }
    let sides: HashSet<PathBuf> = listing.sides().into_iter().map(|(path, _)| path).collect();
    let others = others.into_iter().filter_map(|path| {
        let metadata = fs::symlink_metadata(&path).ok()?;
        let damage = if sides.contains(&path) { damage_of_side(&path) } else { None };
        Some(OtherFile { allocated: allocated(&metadata), damage, path })
    });
    let Look { keys, told, .. } = look;
    let disagreements = told.finish();
    Ok(DirReport { files, others: others.collect(), series: keys.series.len(), disagreements })
}

/// What is wrong with a side file.
fn damage_of_side(path: &Path) -> Option<DamagedFile> {
    let damage = match Said::read(path) {
        Ok((_, damages)) => damages.into_iter().min_by_key(|damage| damage.offset)?,
        // It was removed since the directory was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => Damage { offset: 0, what: DamageKind::Unreadable },
    };
    Some(DamagedFile::new(path.to_owned(), damage))
}

/// A look into one file after another.
struct Look<'a> {
    dir: &'a Path,
    keys: Keys,
    told: Told,
    /// What side files say, by their identifiers.
    sides: HashMap<String, Said>,
    /// Whether a scrape takes the file.
    is_counted: bool,
}

impl<'a> Look<'a> {
    fn new(dir: &'a Path) -> Self {
        let (keys, told, sides) = (Keys::default(), Told::default(), HashMap::new());
        Self { dir, keys, told, sides, is_counted: true }
    }

    fn inspect(
        &mut self,
        path: &Path,
        mut details: Option<&mut Vec<EntryReport>>,
    ) -> io::Result<FileReport> {
        let bytes = reader::read(path)?;
        let metadata = fs::metadata(path)?;
        let (entries, damage) = reader::entries(&bytes);
        let name = file_name(path);
        let parsed = FileName::parse(&name);
        let kind = parsed.as_ref().and_then(|name| name.metric_type);
        let owner = FileKind::parse(&name);
        let notes = owner.and_then(|(kind, owner)| {
            let (dir, sides) = (self.dir, &mut self.sides);
            let said = sides.entry(owner.to_owned()).or_insert_with(|| {
                // A side file that cannot be read says nothing, as to a scrape.
                Said::read(&dir.join(format!("{owner}.{EXTENSION}"))).unwrap_or_default().0
            });
            said.rows.get(kind)
        });
        let mut removed = 0;
        let mut counted = Vec::new();
        let keys = &mut self.keys;

        let mut used = usize::min(reader::HEADER, bytes.len());
        let mut misnamed = parsed.is_none() && !entries.is_empty();
        let mut series = HashSet::new();
        let mut skipped = Vec::new();
        for entry in &entries {
            let offset = used as u64;
            used += length(entry);
            let mut known = keys.know(entry.key);
            if kind == Some(MetricType::Histogram)
                && known.is_ok_and(|known| known.bound == Bound::Bad)
            {
                known = Err("name");
            }
            let is_removed = notes.is_some_and(|notes| notes.is_removed(entry.offset));
            removed += usize::from(is_removed);
            match known {
                Ok(known) => {
                    series.insert(known.series);
                    if !is_removed {
                        counted.push(known);
                    }
                    match kind {
                        Some(_) => _ = keys.typed.insert(known.family),
                        None => misnamed |= !keys.typed.contains(&known.family),
                    }
                }
                Err(reason) => skipped.push(SkippedEntry { offset, reason }),
            }
            if let Some(details) = &mut details {
                details.push(EntryReport {
                    offset,
                    text: String::from_utf8_lossy(entry.key).into_owned(),
                    key: Key::parse(entry.key),
                    value: entry.value,
                    timestamp: entry.timestamp,
                    skipped: known.err(),
                    is_removed,
                });
            }
        }
        if let Some(parsed) = parsed.as_ref().filter(|_| self.is_counted) {
            self.told.add(path, parsed, &counted, keys);
        }
        let misnamed = misnamed.then_some(Damage { offset: 0, what: DamageKind::Name });
        Ok(FileReport {
            kind,
            mode: parsed.and_then(|name| name.gauge).map(|gauge| gauge.mode),
            identifier: identifier(&name),
            liveness: None,
            length: metadata.len(),
            allocated: allocated(&metadata),
            used: used as u64,
            entries: entries.len(),
            series: series.len(),
            removed,
            is_counted: self.is_counted,
            skipped,
            damage: damage.or(misnamed).map(|damage| DamagedFile::new(path.to_owned(), damage)),
            path: path.to_owned(),
        })
    }
}

fn unreadable(path: &Path, is_counted: bool) -> FileReport {
    let metadata = fs::metadata(path).ok();
    let name = file_name(path);
    let parsed = FileName::parse(&name);
    let damage = Damage { offset: 0, what: DamageKind::Unreadable };
    FileReport {
        kind: parsed.as_ref().and_then(|name| name.metric_type),
        mode: parsed.and_then(|name| name.gauge).map(|gauge| gauge.mode),
        identifier: identifier(&name),
        liveness: None,
        length: metadata.as_ref().map_or(0, Metadata::len),
        allocated: metadata.as_ref().map_or(0, allocated),
        used: 0,
        entries: 0,
        series: 0,
        removed: 0,
        is_counted,
        skipped: Vec::new(),
        damage: Some(DamagedFile::new(path.to_owned(), damage)),
        path: path.to_owned(),
    }
}

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Everything in a directory that is no directory, sorted.
fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        // A directory that ends as a file of metrics does is damage, as for a scrape.
        if is_read(&path) || !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a scrape reads a file of that name.
fn is_read(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension() == Some(OsStr::new("db"))
}

/// Whose a file is: its name without the kind, the mode and the ending.
fn identifier(name: &str) -> Option<String> {
    let (kind, rest) = name.strip_suffix(".db")?.split_once('_')?;
    let identifier = match MetricType::parse(kind)? {
        MetricType::Gauge => rest.split_once('_')?.1,
        _ => rest,
    };
    Some(identifier.to_owned())
}

/// The bytes of an entry in the file.
fn length(entry: &Entry<'_>) -> usize {
    let head = size_of::<i32>() + entry.key.len();
    head + (8 - head % 8) + reader::NUMBERS
}

#[cfg(unix)]
fn allocated(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;

    // Blocks of `stat` have 512 bytes, whatever those of the file system have.
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn allocated(metadata: &Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_owner() {
        let owner = |name: &str| identifier(name);
        assert_eq!(owner("counter_12.db").as_deref(), Some("12"));
        assert_eq!(owner("gauge_livesum_12-k3.db").as_deref(), Some("12-k3"));
        assert_eq!(owner("histogram_a_b.db").as_deref(), Some("a_b"));
        assert_eq!(owner("gauge_all.db"), None);
        assert_eq!(owner("sqlite_1.db"), None);
        assert_eq!(owner("counter_12"), None);
    }
}
