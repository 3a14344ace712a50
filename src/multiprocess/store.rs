//! The files that this process writes into the shared directory.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use once_cell::sync::OnceCell;
use parking_lot::{Mutex, MutexGuard};

use super::directory::{canonical_dir, dir_from_env};
use super::file_kind::{FileKind, KINDS};
use super::fold::claim_named;
use super::listing::generation_of;
use super::owner::Owner;
use super::side::{self, SideWriter};
use super::unfiled::{Filed, Unfiled};
use super::unique::unique;
use crate::cell::mapped::MappedFile;
use crate::cell::shared::SharedCell;
use crate::error::{Error, ErrorKind, Result};

/// A directory that worker processes share, as one of them writes to it;
/// cheap to clone.
///
/// Files are created when the first metric of their kind is. After a `fork`
/// the child opens a store of its own, and makes its metrics with that: the one
/// that it inherited files nothing new, and what the child adds to inherited
/// metrics stands in the files of its parent, where it is no longer counted
/// once the parent has died and was folded.
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
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    identifier: String,
    process: u32,
    files: [OnceCell<Arc<MappedFile>>; KINDS],
    /// None inside if nobody needs to know whether the process lives: see [`Owner::claim`].
    owner: OnceCell<Option<Owner>>,
    /// Whether the identifier was given by hand, and may be another's or have been.
    is_named: bool,
    side: SideWriter,
    unfiled: Unfiled,
    /// How many facts and states no other process sees.
    unsaid: AtomicU64,
}

/// The stores of this process, which other processes know nothing of.
static STORES: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

/// How many series of this process wait for room in files of `dir`, after they were offered it.
pub(crate) fn unfiled_in(dir: &Path) -> usize {
    let stores: Vec<_> = {
        let mut stores = STORES.lock();
        stores.retain(|store| store.strong_count() > 0);
        stores.iter().filter_map(Weak::upgrade).filter(|store| store.dir == dir).collect()
    };
    stores.into_iter().map(|inner| MultiprocessStore { inner }.file_waiting()).sum()
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
        &self.inner.dir
    }

    /// What tells the files of this store from those of others: the number of
    /// the process, a dash, and letters that are drawn anew for every store.
    ///
    /// Gauges of the modes `all` and `liveall` show it as the label `pid`.
    pub fn identifier(&self) -> &str {
        &self.inner.identifier
    }

    /// How many series have not found room in a file, the disk being full for
    /// one. They count on in this process, but no other sees them, until they
    /// move into the file with all that they have counted: when the next
    /// series is made, when a [`MultiProcessCollector`](super::MultiProcessCollector)
    /// of this process is scraped, or by [`file_waiting`](Self::file_waiting).
    pub fn unfiled(&self) -> u64 {
        self.inner.unfiled.count() as u64 + self.inner.unsaid.load(Ordering::Relaxed)
    }

    /// Moves series that are [`unfiled`](Self::unfiled) into files, as far as
    /// there is room by now; says how many still wait.
    pub fn file_waiting(&self) -> usize {
        // A forked child and its parent would append over each other.
        if process::id() != self.inner.process {
            return self.inner.unfiled.count();
        }
        self.inner.unfiled.retry(|kind| self.file(kind))
    }

    /// The numbers of a series, in the file of its kind if there is room for all of them.
    pub(crate) fn cells(&self, kind: FileKind, keys: Vec<String>) -> Vec<SharedCell> {
        self.inner.unfiled.cells(kind, keys, |kind| match process::id() == self.inner.process {
            true => self.file(kind),
            // A forked child and its parent would append over each other.
            false => Err(io::ErrorKind::Unsupported.into()),
        })
    }

    /// Has somebody told when numbers that wait are in their file.
    pub(crate) fn when_filed(&self, who: Weak<dyn Filed>) {
        self.inner.unfiled.when_filed(who);
    }

    /// Lets the numbers of a series wait no more; false if they do not.
    pub(crate) fn forget_waiting(&self, cells: &[SharedCell]) -> bool {
        self.inner.unfiled.forget(cells)
    }

    /// The side file; none in a forked child, or if the identifier cannot be claimed.
    pub(crate) fn side(&self) -> Option<&SideWriter> {
        let is_own = process::id() == self.inner.process && self.claim().is_ok();
        is_own.then_some(&self.inner.side)
    }

    /// Keeps other threads from making or removing series, if there is a side file.
    pub(crate) fn lock_rows(&self) -> Option<MutexGuard<'_, ()>> {
        self.side().map(|side| side.rows.lock())
    }

    /// Counts facts or a state that found no room in the side file.
    pub(crate) fn note_unsaid(&self) {
        self.inner.unsaid.fetch_add(1, Ordering::Relaxed);
    }

    /// Claims the identifier, before the first file that bears it is there.
    fn claim(&self) -> io::Result<&Option<Owner>> {
        let Inner { dir, identifier, .. } = &*self.inner;
        self.inner.owner.get_or_try_init(|| match self.inner.is_named {
            true => claim_named(dir, identifier),
            false => Owner::claim(dir, identifier),
        })
    }

    /// The same, for an identifier that another process may have.
    fn claim_now(&self) -> Result {
        match self.claim() {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                let Inner { dir, identifier, .. } = &*self.inner;
                let dir = dir.display();
                let message =
                    format!("a process that lives has the identifier {identifier:?} in {dir}");
                Err(Error::duplicate(message, vec![identifier.clone()]))
            }
            // There may be room for the lock when there is something to write.
            _ => Ok(()),
        }
    }

    fn file(&self, kind: FileKind) -> io::Result<&Arc<MappedFile>> {
        self.inner.files[kind.place()].get_or_try_init(|| {
            self.claim()?;
            MappedFile::create(&self.inner.dir.join(kind.file_name(&self.inner.identifier)))
        })
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
        let process = process::id();
        let is_named = self.identifier.is_some();
        let identifier = match self.identifier {
            Some(identifier) => check_identifier(identifier)?,
            None => format!("{process}-{}", unique()),
        };
        let dir = canonical_dir(&self.dir)?;
        let side = dir.join(format!("{identifier}.{}", side::EXTENSION));
        let inner = Arc::new(Inner {
            dir,
            identifier,
            process,
            files: Default::default(),
            owner: OnceCell::new(),
            is_named,
            side: SideWriter::new(side),
            unfiled: Unfiled::default(),
            unsaid: AtomicU64::new(0),
        });
        let store = MultiprocessStore { inner };
        if is_named {
            store.claim_now()?;
        }
        STORES.lock().push(Arc::downgrade(&store.inner));
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
