//! The files that this process writes into the shared directory.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use once_cell::sync::OnceCell;

use super::directory::{canonical_dir, dir_from_env};
use super::file_kind::{FileKind, KINDS};
use super::key;
use super::owner::Owner;
use super::unique::unique;
use crate::cell::mapped::{MappedCell, MappedFile};
use crate::error::{Error, ErrorKind, Result};

/// A directory that worker processes share, as one of them writes to it;
/// cheap to clone.
///
/// Files are created when the first metric of their kind is. After a `fork`
/// the child opens a store of its own: the one that it inherited files
/// nothing that it did not hold before.
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
    /// Whether the identifier was given by hand, and may have been another's.
    is_named: bool,
    unfiled: AtomicU64,
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

    /// How many numbers have not found room in a file, the disk being full for
    /// one. They count on in this process, but no other sees them.
    pub fn unfiled(&self) -> u64 {
        self.inner.unfiled.load(Ordering::Relaxed)
    }

    /// The cell of a series, in the file of its kind.
    ///
    /// None if it cannot be filed, which is counted; the caller keeps the number elsewhere.
    pub(crate) fn cell(
        &self,
        kind: FileKind,
        metric_name: &str,
        sample_name: &str,
        labels: &[(&str, &str)],
        help: &str,
    ) -> Option<MappedCell> {
        let key = key::write(metric_name, sample_name, labels, help);
        // A forked child and its parent would append over each other.
        let cell = (process::id() == self.inner.process)
            .then(|| self.file(kind).and_then(|file| file.cell(key.as_bytes())).ok())
            .flatten();
        if cell.is_none() {
            self.inner.unfiled.fetch_add(1, Ordering::Relaxed);
        }
        cell
    }

    fn file(&self, kind: FileKind) -> std::io::Result<&Arc<MappedFile>> {
        let Inner { dir, identifier, .. } = &*self.inner;
        self.inner.files[kind.place()].get_or_try_init(|| {
            self.inner.owner.get_or_try_init(|| match self.inner.is_named {
                true => Ok(None),
                false => Owner::claim(dir, identifier),
            })?;
            MappedFile::create(&dir.join(kind.file_name(identifier)))
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
    /// containers. No other process may have it, and none may have had it
    /// since the directory was emptied: numbers of kinds whose file exists
    /// already are [`unfiled`](MultiprocessStore::unfiled).
    ///
    /// ```
    /// use narthex::multiprocess::MultiprocessStore;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = MultiprocessStore::builder(dir.path()).identifier("web-3").open()?;
    /// assert_eq!(store.identifier(), "web-3");
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
    /// [`Error::is_io`] if the directory does not exist;
    /// [`Error::is_invalid_value`] if the identifier is empty, or has a control
    /// character or one of `_`, `.`, `/`, `\`, which would change what the names
    /// of files mean.
    pub fn open(self) -> Result<MultiprocessStore> {
        let process = process::id();
        let is_named = self.identifier.is_some();
        let identifier = match self.identifier {
            Some(identifier) => check_identifier(identifier)?,
            None => format!("{process}-{}", unique()),
        };
        Ok(MultiprocessStore {
            inner: Arc::new(Inner {
                dir: canonical_dir(&self.dir)?,
                identifier,
                process,
                files: Default::default(),
                owner: OnceCell::new(),
                is_named,
                unfiled: AtomicU64::new(0),
            }),
        })
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
        None => Ok(identifier),
    }
}
