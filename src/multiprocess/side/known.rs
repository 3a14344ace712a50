//! What side files said when they were read last, for as long as not a byte of them changes.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::sync::Arc;

use foldhash::quality::RandomState;
use parking_lot::Mutex;

use super::EXTENSION;
use super::reader;
use super::said::Said;
use crate::multiprocess::file_kind::KINDS;
use crate::multiprocess::reader::{Damage, Room};

/// What side files said, by their identifiers.
#[derive(Debug, Default)]
pub(crate) struct KnownSides {
    hasher: RandomState,
    by_identifier: HashMap<String, Known>,
    /// Rows that the file of each kind of some process has.
    rows: Mutex<[Option<Arc<[u32]>>; KINDS]>,
}

/// What the side file of a process says.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) said: Arc<Said>,
    pub(super) damage: Option<Damage>,
    is_alive: bool,
    len: usize,
    sum: u64,
}

/// Whose side file it is, by its name.
pub(super) fn identifier_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let identifier = name.strip_suffix(EXTENSION).and_then(|name| name.strip_suffix('.'));
    identifier.unwrap_or_default().to_owned()
}

impl KnownSides {
    pub(super) fn remember(&mut self, identifier: String, known: Known) {
        self.by_identifier.insert(identifier, known);
    }

    /// Another memory of the same checksums, which remembers nothing yet.
    pub(super) fn emptied(&self) -> Self {
        let rows = Mutex::new(self.rows.lock().clone());
        Self { hasher: self.hasher.clone(), by_identifier: HashMap::new(), rows }
    }

    /// What the side file at `path` says; its bytes go into `room`.
    pub(super) fn read(&self, path: &Path, is_alive: bool, room: &mut Room) -> io::Result<Known> {
        let (mut file, bytes) = reader::read_once(path, room)?;
        let mut sum = self.hasher.hash_one(&*bytes);
        let known = self.by_identifier.get(&identifier_of(path));
        let same = known.filter(|known| {
            known.sum == sum && known.len == bytes.len() && known.is_alive == is_alive
        });
        if let Some(known) = same {
            return Ok(known.clone());
        }
        let (mut said, mut damages) = Said::of(bytes);
        if !damages.is_empty() {
            reader::mend(&mut file, bytes)?;
            // A torn value is never what was read last.
            sum = self.hasher.hash_one(&*bytes);
            (said, damages) = Said::of(bytes);
        }
        if !is_alive {
            said.keep_lasting();
        }
        said.rows.share(&mut self.rows.lock());
        Ok(Known {
            said: Arc::new(said),
            damage: damages.into_iter().min_by_key(|damage| damage.offset),
            is_alive,
            len: bytes.len(),
            sum,
        })
    }
}
