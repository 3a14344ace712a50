//! The files that this process writes into the shared directory.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use parking_lot::MutexGuard;

use super::at_fork;
use super::directory::{canonical_dir, dir_from_env};
use super::file_kind::FileKind;
use super::files::{self, Files};
use super::listing::generation_of;
use super::side::SideWriter;
use super::unfiled::{Filed, Removal};
use crate::cell::fork::hold_off;
use crate::cell::native_file::SharedNative;
use crate::cell::shared::SharedCell;
use crate::error::{Error, ErrorKind, Result};

/// A directory that worker processes share, as one of them writes to it;
/// cheap to clone.
///
/// Files are created when the first metric of their kind is.
///
/// # Forks
///
/// A child that is forked and goes on with the store and its metrics is a
/// process like any other: it writes to files of its own, under an
/// [`identifier`](Self::identifier) of its own, beginning at zero, and the
/// parent's stay as they are. Nothing is to be called for it, and an increment
/// does nothing for it. The child's series begin at the fork. Until it touches
/// a series, readers of ours leave it out; Python's shows a zero. Infos are the
/// child's as well, and so are the states of enums while it lives; exemplars
/// and what was [published](Self::publish) are not. Where there is no room for
/// the files of the child, it counts in memory, and its series are
/// [`unfiled`](Self::unfiled) until there is; other systems than Linux do not
/// move these later.
///
/// This is done by handlers that the C library runs in `fork`, and takes as
/// long as it takes to copy the files. They do not run, and a child counts
/// into the files of its parent until it ends, in a child that was made past
/// the C library, by a system call; or by a signal handler that interrupted
/// this library. Such a child files nothing new. `posix_spawn` and `vfork`
/// have no handlers and need none, as the child becomes another program.
/// [`Command`](std::process::Command) uses `fork` if it has to, with `pre_exec`
/// for one: the files of such a child are folded away with those of the dead.
///
/// A `fork` waits until no other thread is about to make or remove a series of
/// a store, to look for a child of a labelled metric in one, or to write an
/// exemplar or facts there; so the child finds none of their locks taken. Of
/// other locks, those of a registry or of metrics in memory among them, that
/// is not promised: if another thread holds one while the process forks, the
/// child finds it taken for ever. As always after a `fork` with threads, what
/// is safe in the child is to use handles that it has.
///
/// A store that was dropped, with all metrics that were made with it, counts
/// as a process that has died.
///
/// ```
/// use narthex::multiprocess::MultiprocessStore;
///
/// let dir = tempfile::tempdir()?;
/// let store = MultiprocessStore::open(dir.path())?;
/// assert!(store.identifier().starts_with(&format!("{}-", std::process::id())));
/// assert_eq!(store.unfiled(), 0);
/// assert!(MultiprocessStore::open(dir.path().join("missing")).unwrap_err().is_io());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MultiprocessStore {
    inner: Arc<Files>,
}

/// How many series of this process wait for room in files of `dir`, after they were offered it.
pub(crate) fn unfiled_in(dir: &Path) -> usize {
    let stores = files::all_in(dir).into_iter();
    stores.map(|inner| MultiprocessStore { inner }.file_waiting()).sum()
}

impl MultiprocessStore {
    /// Opens a directory that exists.
    ///
    /// # Errors
    /// [`Error::is_io`] if it does not.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Self::builder(dir).open()
    }

    /// A store with settings of its own.
    pub fn builder(dir: impl AsRef<Path>) -> StoreBuilder {
        StoreBuilder { dir: dir.as_ref().to_owned(), identifier: None }
    }

    /// Opens the directory that `PROMETHEUS_MULTIPROC_DIR` names, or else
    /// `prometheus_multiproc_dir`; none if neither is set.
    ///
    /// # Errors
    /// [`Error::is_io`] if the directory does not exist.
    pub fn from_env() -> Result<Option<Self>> {
        dir_from_env().map(Self::open).transpose()
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.inner.identities.dir()
    }

    /// What tells the files of this store from those of others: the number of
    /// the process, a dash, and letters that are drawn anew for every store, and
    /// in every forked child. If it was given by hand, a child has it with a
    /// dash and letters.
    ///
    /// Gauges of the modes `all` and `liveall` show it as the label `pid`.
    pub fn identifier(&self) -> &str {
        self.inner.identities.current().name()
    }

    /// How many series have not found room in a file, the disk being full for
    /// one, wholly or for what some threads have added. They count on in this
    /// process, but no other sees that, until it moves into the file: when the
    /// next series is made, when a [`MultiProcessCollector`](super::MultiProcessCollector)
    /// of this process is scraped, or by [`file_waiting`](Self::file_waiting).
    /// Series that were removed, and that others still see for want of room to
    /// say so, are among them.
    pub fn unfiled(&self) -> u64 {
        let _hold_off = hold_off();
        let waiting = self.inner.unfiled.count() + self.inner.short();
        waiting as u64 + self.inner.unsaid.load(Ordering::Relaxed)
    }

    /// Moves series that are [`unfiled`](Self::unfiled) into files, as far as
    /// there is room by now; says how many still wait.
    pub fn file_waiting(&self) -> usize {
        let _hold_off = hold_off();
        let Files { unfiled, .. } = &*self.inner;
        // A process that was forked past the C library would append over its parent's.
        if !self.inner.is_own() {
            return unfiled.count();
        }
        self.inner.land();
        if unfiled.has_removals() {
            let _rows = self.lock_rows();
            unfiled.retry_removals();
        }
        let waiting = unfiled.retry(|kind| self.inner.file(kind));
        self.inner.file_amounts();
        waiting + self.inner.short()
    }

    /// The numbers of a series, in the file of its kind if there is room for all of them.
    pub(crate) fn cells(&self, kind: FileKind, keys: Vec<String>) -> Vec<SharedCell> {
        let _hold_off = hold_off();
        let is_own = self.inner.is_own();
        if is_own {
            self.inner.land();
            self.inner.file_amounts();
        }
        self.inner.unfiled.cells(kind, keys, |kind| match is_own {
            true => self.inner.file(kind),
            false => Err(io::ErrorKind::Unsupported.into()),
        })
    }

    /// Has the buckets of a series moved into the side file as soon as there is room.
    pub(crate) fn watch(&self, native: &Arc<SharedNative>) {
        let _hold_off = hold_off();
        self.inner.natives.add(native);
    }

    /// Has somebody told when numbers that wait are in their file.
    pub(crate) fn when_filed(&self, who: Weak<dyn Filed>) {
        let _hold_off = hold_off();
        self.inner.unfiled.when_filed(who);
    }

    /// Lets the numbers of a series wait no more; false if they do not.
    pub(crate) fn forget_waiting(&self, cells: &[SharedCell]) -> bool {
        let _hold_off = hold_off();
        self.inner.unfiled.forget(cells)
    }

    /// Removes a series, as soon as there is room to say so; under the lock of the rows.
    pub(crate) fn remove(&self, removal: Box<dyn Removal>) {
        self.inner.unfiled.retry_removals();
        self.inner.unfiled.remove(removal);
    }

    /// The side file; none if the identifier cannot be claimed.
    ///
    /// Whoever writes to it holds off a `fork` until it is done.
    pub(crate) fn side(&self) -> Option<&SideWriter> {
        let is_own = self.inner.is_own() && self.inner.identities.claim().is_ok();
        is_own.then_some(&*self.inner.side)
    }

    /// Keeps other threads from making or removing series, if there is a side file.
    pub(crate) fn lock_rows(&self) -> Option<MutexGuard<'_, ()>> {
        self.side().map(|side| side.rows.lock())
    }

    /// Counts facts or a state that found no room in the side file.
    pub(crate) fn note_unsaid(&self) {
        self.inner.unsaid.fetch_add(1, Ordering::Relaxed);
    }

    /// Claims an identifier that was given by hand, which another process may have.
    fn claim_now(&self) -> Result {
        match self.inner.identities.claim() {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                let (identifier, dir) = (self.identifier(), self.dir().display());
                let message =
                    format!("a process that lives has the identifier {identifier:?} in {dir}");
                Err(Error::duplicate(message, vec![identifier.to_owned()]))
            }
            // There may be room for the lock when there is something to write.
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for MultiprocessStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiprocessStore")
            .field("dir", &self.dir())
            .field("identifier", &self.identifier())
            .field("unfiled", &self.unfiled())
            .finish_non_exhaustive()
    }
}

/// Settings of a [`MultiprocessStore`].
#[derive(Clone, Debug)]
#[must_use]
pub struct StoreBuilder {
    dir: PathBuf,
    identifier: Option<String>,
}

impl StoreBuilder {
    /// Sets the identifier, for processes whose numbers say little, as in
    /// containers. No two processes can have the same at one time.
    ///
    /// A process that comes back under the identifier of one that has died
    /// begins files of its own: what its predecessor has counted is set aside
    /// under a name with random letters, and folded with what other dead
    /// processes have left. If a process without a lock, such as one of
    /// Python's, has written files under the identifier, numbers of their
    /// kinds are [`unfiled`](MultiprocessStore::unfiled), and nothing of it is
    /// ever folded.
    ///
    /// ```
    /// use narthex::multiprocess::MultiprocessStore;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = MultiprocessStore::builder(dir.path()).identifier("web-3").open()?;
    /// assert_eq!(store.identifier(), "web-3");
    /// # #[cfg(unix)] {
    /// let error = MultiprocessStore::builder(dir.path()).identifier("web-3").open().unwrap_err();
    /// assert_eq!(error.duplicates(), ["web-3"]);
    /// # }
    /// let refused = MultiprocessStore::builder(dir.path()).identifier("web_3").open();
    /// assert!(refused.unwrap_err().is_invalid_value());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn identifier(mut self, identifier: impl Into<String>) -> Self {
        self.identifier = Some(identifier.into());
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`Error::is_io`] if the directory does not exist; [`Error::is_duplicate`]
    /// if a process that lives, or another store of this one, has the identifier;
    /// [`Error::is_invalid_value`] if the identifier is empty, or has a control
    /// character or one of `_`, `.`, `/`, `\`, which would change what the names
    /// of files mean, or if it is `fold` or that of folded files, such as `0-f1`.
    pub fn open(self) -> Result<MultiprocessStore> {
        let identifier = self.identifier.map(check_identifier).transpose()?;
        let dir = canonical_dir(&self.dir)?;
        at_fork::register()
            .map_err(|error| Error::io("forks of this process cannot be watched", error))?;
        let is_named = identifier.is_some();
        let store = MultiprocessStore { inner: Files::new(dir, identifier) };
        if is_named {
            store.claim_now()?;
        }
        Ok(store)
    }
}

fn check_identifier(identifier: String) -> Result<String> {
    let bad = identifier.chars().find(|c| matches!(c, '_' | '.' | '/' | '\\') || c.is_control());
    match bad {
        Some(bad) => Err(Error::new(
            ErrorKind::InvalidValue,
            format!("identifier {identifier:?} has the character {bad:?}"),
        )),
        None if identifier.is_empty() => {
            Err(Error::new(ErrorKind::InvalidValue, "an identifier cannot be empty"))
        }
        None if identifier == "fold" || generation_of(&identifier).is_some() => Err(Error::new(
            ErrorKind::InvalidValue,
            format!("identifier {identifier:?} is that of folded files"),
        )),
        None => Ok(identifier),
    }
}
