//! The directory that processes share.

use std::path::{Path, PathBuf};
use std::{env, io};

use crate::error::{Error, Result};

/// The directory that the environment names, if it does.
pub(crate) fn dir_from_env() -> Option<PathBuf> {
    ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"]
        .into_iter()
        .find_map(env::var_os)
        .filter(|dir| !dir.is_empty())
        .map(Into::into)
}

/// The one spelling of a directory that must exist.
pub(crate) fn canonical_dir(dir: &Path) -> Result<PathBuf> {
    let canonical = dir.canonicalize().and_then(|canonical| match canonical.is_dir() {
        true => Ok(canonical),
        false => Err(io::ErrorKind::NotADirectory.into()),
    });
    canonical.map_err(|error| {
        Error::io(format!("{} is no directory that processes can share", dir.display()), error)
    })
}
