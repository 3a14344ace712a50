//! Finds series again: sets of names and label values.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use super::labels::Label;
use crate::model::LabelNames;

/// Cannot stand in UTF-8, so it ends whatever text stands before it.
const END: u8 = 0xff;

/// Keys, each with its number; cleared, it keeps its memory as long as it is used.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// All keys, back to back.
    bytes: Vec<u8>,
    table: HashTable<Entry>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    from: usize,
    to: usize,
    number: usize,
}

impl Keys {
    /// The number of the key that `write` appends, and whether it is new.
    #[inline]
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> (usize, bool) {
        let Self { bytes, table, hasher } = self;
        let from = bytes.len();
        write(bytes);
        let (to, number) = (bytes.len(), table.len());
        let key = &bytes[from..];
        let slot = table.entry(
            hasher.hash_one(key),
            |other| bytes[other.from..other.to] == *key,
            |other| hasher.hash_one(&bytes[other.from..other.to]),
        );
        match slot {
            Slot::Occupied(other) => {
                let number = other.get().number;
                bytes.truncate(from);
                (number, false)
            }
            Slot::Vacant(slot) => {
                slot.insert(Entry { from, to, number });
                (number, true)
            }
        }
    }

    /// Forgets all keys.
    pub(super) fn clear(&mut self) {
        // To clear a table takes as long as it has room: a large one must not be cleared often.
        if self.table.capacity() > 64 + 8 * self.table.len() {
            self.table = HashTable::new();
        }
        self.table.clear();
        self.bytes.clear();
    }
}

/// Appends the labels of a series, without the one of that name, in an order that does not
/// depend on how they were written.
#[inline]
pub(super) fn push_labels(
    out: &mut Vec<u8>,
    names: &LabelNames,
    labels: &[Label<'_>],
    without: Option<&str>,
) {
    let sorted = names.declared_at().iter().map(|&place| &labels[place]);
    for label in sorted.filter(|label| without.is_none_or(|name| label.name != name)) {
        out.extend_from_slice(label.name.as_bytes());
        out.push(END);
        out.extend_from_slice(label.value.as_bytes());
        out.push(END);
    }
}
