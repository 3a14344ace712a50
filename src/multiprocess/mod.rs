//! Metrics of several processes: each writes files into a directory that they share, and a scrape merges them.
//!
//! The files are those of Python's client, to the byte, so that either client
//! merges what the other has counted. Each process opens a [`MultiprocessStore`];
//! whichever of them is scraped registers a [`MultiProcessCollector`]:
//!
//! ```
//! use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
//!
//! let dir = tempfile::tempdir()?;
//! let store = MultiprocessStore::open(dir.path())?;
//! let merged = MultiProcessCollector::of(&store);
//! assert_eq!(merged.dir(), store.dir());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The directory must be emptied before the pool of processes starts, as a
//! number that a former pool has left there counts like any other.

mod collector;
mod dead;
mod file_name;
mod key;
mod labels;
mod merge;
mod mode;
mod reader;
#[cfg(test)]
mod replay_tests;
mod settle;
pub(crate) mod store;

use std::path::{Path, PathBuf};
use std::{env, io};

pub use self::collector::{DamagedFile, MultiProcessCollector};
pub use self::dead::mark_process_dead;
pub use self::mode::GaugeMode;
pub use self::store::{MultiprocessStore, StoreBuilder};
use crate::error::{Error, Result};

/// The directory that the environment names, if it does.
fn dir_from_env() -> Option<PathBuf> {
    ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"]
        .into_iter()
        .find_map(env::var_os)
        .filter(|dir| !dir.is_empty())
        .map(Into::into)
}

/// The one spelling of a directory that must exist.
fn canonical_dir(dir: &Path) -> Result<PathBuf> {
    let canonical = dir.canonicalize().and_then(|canonical| match canonical.is_dir() {
        true => Ok(canonical),
        false => Err(io::ErrorKind::NotADirectory.into()),
    });
    canonical.map_err(|error| {
        Error::io(format!("{} is no directory that processes can share", dir.display()), error)
    })
}
