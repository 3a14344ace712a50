//! The lock of whoever folds.

use std::io;
use std::path::Path;

#[cfg(unix)]
use super::held::{Held, Share, Wait};

#[cfg(unix)]
const NAME: &str = "fold.lock";

/// Lets nobody fold until what it gives is dropped.
#[cfg(unix)]
pub(crate) fn keep_still(dir: &Path) -> io::Result<Option<Held>> {
    match Held::at(&dir.join(NAME), Share::Readers, Wait::Long) {
        // Nobody has ever folded.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        done => done,
    }
}

#[cfg(not(unix))]
pub(crate) fn keep_still(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Lets nobody else fold; None if somebody does and is not to be waited for.
#[cfg(unix)]
pub(crate) fn begin(dir: &Path, wait: bool) -> io::Result<Option<Held>> {
    Held::at(&dir.join(NAME), Share::Alone, if wait { Wait::Long } else { Wait::No })
}

/// Without locks nobody is known to be dead.
#[cfg(not(unix))]
pub(crate) fn begin(_: &Path, _: bool) -> io::Result<Option<()>> {
    Ok(None)
}
