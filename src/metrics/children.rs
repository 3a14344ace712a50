//! The series of one metric, found by the values of their labels.

use std::hash::{BuildHasher, Hasher};
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use hashbrown::HashTable;
use parking_lot::RwLock;

use super::instrument::{Instrument, Schema, Series};
use super::label_text::CHUNK_TEXT;
use crate::model::{CHUNK_ROWS, Chunk, Desc, Family, Sealed};

/// All series of a labelled metric.
pub(super) struct Children<M: Instrument> {
    pub(super) schema: Arc<Schema<M>>,
    // Label values come from outside, so every process hashes them differently.
    hasher: foldhash::fast::RandomState,
    table: RwLock<Table<M>>,
}

struct Table<M> {
    by_values: HashTable<M>,
    // Ascending by place, which is the order of creation and of exposition.
    in_order: Vec<M>,
    next_place: u64,
}

// What may panic is done before the table is changed.
impl<M: Instrument> RefUnwindSafe for Children<M> {}

impl<M: Instrument> Children<M> {
    pub(super) fn new(schema: Arc<Schema<M>>) -> Self {
        Self {
            schema,
            hasher: foldhash::fast::RandomState::default(),
            table: RwLock::new(Table {
                by_values: HashTable::new(),
                in_order: Vec::new(),
                next_place: 0,
            }),
        }
    }

    /// The child of these values, in the order of declaration; made if it is new.
    pub(super) fn get_or_create(&self, values: &[&str]) -> M {
        let hash = self.hash(values);
        let find = |table: &Table<M>| {
            table.by_values.find(hash, |child| child.series().is_named(values)).cloned()
        };
        let _hold_off = self.schema.hold_off();
        if let Some(child) = find(&self.table.read()) {
            return child;
        }
        let mut table = self.table.write();
        if let Some(child) = find(&table) {
            return child;
        }
        let place = table.next_place;
        table.next_place += 1;
        let child = M::of(Arc::new(Series::new(&self.schema, values, place, hash)));
        table.by_values.insert_unique(hash, child.clone(), |child| child.series().hash);
        table.in_order.push(child.clone());
        child
    }

    pub(super) fn remove(&self, values: &[&str]) -> bool {
        let hash = self.hash(values);
        let child = {
            let _hold_off = self.schema.hold_off();
            let mut table = self.table.write();
            let found = table.by_values.find_entry(hash, |child| child.series().is_named(values));
            let Ok(entry) = found else { return false };
            let (child, _) = entry.remove();
            if let Ok(at) = table.find_place(child.series().place) {
                table.in_order.remove(at);
            }
            // Before the same values can make another child, which would find the same rows.
            child.series().retire();
            child
        };
        // What a child owns may be foreign, so it is dropped without the lock.
        drop(child);
        true
    }

    /// Removes the children that `doomed` picks by their raw values; says how many.
    pub(super) fn remove_if(&self, mut doomed: impl FnMut(&[&str]) -> bool) -> usize {
        // Asked of a copy, so that no lock is held while foreign code runs.
        let mut children = {
            let _hold_off = self.schema.hold_off();
            self.table.read().in_order.clone()
        };
        children.retain(|child| {
            let values = child.series().label_values();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            doomed(&values)
        });
        // By place, so that one that was made anew in the meantime stays.
        let is_doomed = |child: &M| {
            children.binary_search_by_key(&child.series().place, |c| c.series().place).is_ok()
        };
        let _hold_off = self.schema.hold_off();
        let mut table = self.table.write();
        let before = table.in_order.len();
        table.by_values.retain(|child| !is_doomed(child));
        table.in_order.retain(|child| {
            let doomed = is_doomed(child);
            if doomed {
                child.series().retire();
            }
            !doomed
        });
        before - table.in_order.len()
    }

    pub(super) fn clear(&self) {
        let children = {
            let _hold_off = self.schema.hold_off();
            let mut table = self.table.write();
            table.by_values.clear();
            let children = std::mem::take(&mut table.in_order);
            children.iter().for_each(|child| child.series().retire());
            children
        };
        drop(children);
    }

    pub(super) fn len(&self) -> usize {
        let _hold_off = self.schema.hold_off();
        self.table.read().in_order.len()
    }

    fn hash(&self, values: &[&str]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for value in values {
            // The length keeps ["ab", "c"] and ["a", "bc"] apart.
            hasher.write_usize(value.len());
            hasher.write(value.as_bytes());
        }
        hasher.finish()
    }
}

impl<M: Instrument> Table<M> {
    fn find_place(&self, place: u64) -> Result<usize, usize> {
        self.in_order.binary_search_by_key(&place, |child| child.series().place)
    }
}

impl<M: Instrument> Sealed for Children<M> {}

impl<M: Instrument> Family for Children<M> {
    fn desc(&self) -> &Desc {
        &self.schema.desc
    }

    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
        let mut columns = M::columns(&self.schema);
        columns.reserve_rows(CHUNK_TEXT);
        let mut rows: Vec<M> = Vec::with_capacity(CHUNK_ROWS);
        let mut next_place = 0;
        // A child that is removed and made anew meanwhile would be shown twice.
        let end = {
            let _hold_off = self.schema.hold_off();
            self.table.read().next_place
        };
        loop {
            rows.clear();
            let (mut count, mut text) = (0, 0);
            {
                let _hold_off = self.schema.hold_off();
                let table = self.table.read();
                let (Ok(from) | Err(from)) = table.find_place(next_place);
                for child in &table.in_order[from..] {
                    let (child_count, child_text) = M::extent(child.series());
                    count += child_count;
                    text += child_text;
                    let full = !rows.is_empty() && (count > CHUNK_ROWS || text > CHUNK_TEXT);
                    if full || child.series().place >= end {
                        break;
                    }
                    rows.push(child.clone());
                }
            }
            let Some(last) = rows.last() else { return };
            next_place = last.series().place + 1;
            M::show(&rows, &mut columns, each);
        }
    }
}
