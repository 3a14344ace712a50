//! What a fold may take on, and what it has done.

use crate::multiprocess::damaged_file::DamagedFile;

/// What a fold has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    pub(super) generation: u64,
    pub(super) processes: usize,
    pub(super) removed_files: usize,
    pub(super) freed_bytes: u64,
    pub(super) damaged_files: Vec<DamagedFile>,
}

impl Compacted {
    /// How many folds have changed the directory so far.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many dead processes were folded; several stores of one process count each.
    pub fn processes(&self) -> usize {
        self.processes
    }

    /// How many files were removed, with those that an earlier fold had left.
    pub fn removed_files(&self) -> usize {
        self.removed_files
    }

    /// How many bytes long they were.
    pub fn freed_bytes(&self) -> u64 {
        self.freed_bytes
    }

    /// The files that were damaged, under the names that they had: what is
    /// sound in them was folded, unless it went with its process, and each is
    /// kept with `.damaged` behind its name.
    ///
    /// The reasons are those of the metric of damaged files, and `key` for an
    /// entry whose key cannot be read.
    pub fn damaged_files(&self) -> &[DamagedFile] {
        &self.damaged_files
    }
}

/// What a fold may take on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) local_numbers: bool,
    /// How many dead processes at most.
    pub(super) processes: usize,
    /// So many may stay in the manifest until the next fold.
    pub(super) listed: usize,
}
