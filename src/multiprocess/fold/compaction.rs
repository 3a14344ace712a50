//! Who folds: a program or an operator that asks for it, and scrapes.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::RealDisk;
use super::figures::{Compacted, Scope};
use super::protocol::fold;
use crate::error::{Error, Result};
use crate::multiprocess::directory::canonical_dir;
use crate::multiprocess::fold_lock;
use crate::multiprocess::listing;
use crate::multiprocess::manifest::Manifest;

/// Every scrape reads the manifest, so that a long list of the dead costs each of them.
const LISTED: usize = 64;

/// Folds the files of dead processes into one file for each type and mode.
///
/// It is [`Compaction`] with nothing chosen.
///
/// ```
/// use narthex::multiprocess::{MultiprocessStore, compact};
/// use narthex::Counter;
///
/// let dir = tempfile::tempdir()?;
/// for _ in 0..3 {
///     let store = MultiprocessStore::open(dir.path())?;
///     Counter::builder("jobs", "Jobs done.").store(&store).build()?.inc();
///     // The store ends here, as with a process.
/// }
/// # #[cfg(unix)] {
/// assert_eq!(compact(dir.path())?.processes(), 3);
/// let mut files: Vec<_> = std::fs::read_dir(dir.path())?.map(|file| file.unwrap().file_name()).collect();
/// files.sort();
/// assert_eq!(files, ["0-f1.narthex", "counter_0-f1.db", "fold.lock", "fold.manifest"]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`Compaction::run`].
pub fn compact(dir: impl AsRef<Path>) -> Result<Compacted> {
    Compaction::new(dir)?.run()
}

/// Folding in a shared directory, with what is to hold for it.
///
/// Of the processes that are known to be dead, counters, summaries, histograms
/// and lasting gauges become one file for each type and mode; their gauges of
/// the modes `all` and `live…` are gone. Whoever merges the directory with
/// narthex meanwhile sees every number exactly once, and a kill at any instant
/// loses and doubles nothing: the next fold finishes what was begun. Python's
/// reader knows nothing of folds, and is right only while none is under way.
#[derive(Clone, Debug)]
#[must_use]
pub struct Compaction {
    dir: PathBuf,
    local_numbers: bool,
}

impl Compaction {
    /// Folding in a directory that exists.
    ///
    /// # Errors
    /// [`Error::is_io`] if it does not.
    pub fn new(dir: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { dir: canonical_dir(dir.as_ref())?, local_numbers: false })
    }

    /// Asserts that the processes without a lock, which are those of other
    /// clients, have their numbers from where this process has its own: the
    /// same machine and no container in between.
    ///
    /// Then those whose number no process has are dead. Otherwise only those
    /// are that [`mark_process_dead`](crate::multiprocess::mark_process_dead) was told of.
    pub fn local_numbers(mut self, are_local: bool) -> Self {
        self.local_numbers = are_local;
        self
    }

    /// Folds, when others who fold have done.
    ///
    /// # Errors
    /// [`Error::is_io`] if a file cannot be read, written or removed, or the
    /// manifest makes no sense. The numbers are then what they were.
    pub fn run(&self) -> Result<Compacted> {
        self.fold().map(Option::unwrap_or_default).map_err(|error| cannot_fold(&self.dir, error))
    }

    fn fold(&self) -> io::Result<Option<Compacted>> {
        // Nothing is left in a directory that is none of ours, not even a lock.
        Manifest::read(&self.dir)?;
        if !listing::has_files(&self.dir)? {
            return Ok(None);
        }
        let scope =
            Scope { local_numbers: self.local_numbers, processes: usize::MAX, listed: LISTED };
        let lock = fold_lock::begin(&self.dir, true)?;
        lock.map_or(Ok(None), |_lock| fold(&self.dir, &RealDisk, scope))
    }
}

/// Folds some processes, unless somebody else is folding.
pub(crate) fn fold_some(dir: &Path, processes: usize) -> Result<Option<Compacted>> {
    let scope = Scope { local_numbers: false, processes, listed: LISTED };
    fold_lock::begin(dir, false)
        .and_then(|lock| lock.map_or(Ok(None), |_lock| fold(dir, &RealDisk, scope)))
        .map_err(|error| cannot_fold(dir, error))
}

fn cannot_fold(dir: &Path, error: io::Error) -> Error {
    let why = match error.kind() {
        io::ErrorKind::InvalidData => ": its fold.manifest makes no sense",
        _ => "",
    };
    Error::io(format!("the files in {} cannot be folded{why}", dir.display()), error)
}

#[cfg(all(test, unix))]
#[path = "compaction_tests.rs"]
mod tests;
