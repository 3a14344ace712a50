//! Which file is damaged, how, and from where on.

use std::path::{Path, PathBuf};

use super::reader::Damage;

/// A shared file that could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedFile {
    path: PathBuf,
    damage: Damage,
}

impl DamagedFile {
    pub(crate) fn new(path: PathBuf, damage: Damage) -> Self {
        Self { path, damage }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong, in the word that the metric has for it.
    pub fn reason(&self) -> &'static str {
        self.damage.what.as_str()
    }

    /// The byte from which on it is of no use.
    pub fn offset(&self) -> u64 {
        self.damage.offset as u64
    }
}
