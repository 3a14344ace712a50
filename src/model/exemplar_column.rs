//! The exemplars of a chunk: their texts in one buffer.

use super::exemplar::ExemplarRef;
use super::timestamp::Timestamp;

/// Exemplars of a chunk: their texts in one buffer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExemplarColumn {
    pub(super) entries: Vec<ExemplarEntry>,
    text: String,
    lens: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ExemplarEntry {
    pub(super) slot: usize,
    value: f64,
    timestamp: Option<Timestamp>,
    text_end: usize,
    lens_end: usize,
}

impl ExemplarColumn {
    pub(crate) fn push(&mut self, slot: usize, exemplar: ExemplarRef<'_>) {
        if self.entries.last().is_some_and(|last| last.slot >= slot) {
            self.reorder(slot, exemplar);
            return;
        }
        self.text.push_str(exemplar.text);
        self.lens.extend_from_slice(exemplar.lens);
        self.entries.push(ExemplarEntry {
            slot,
            value: exemplar.value,
            timestamp: exemplar.timestamp,
            text_end: self.text.len(),
            lens_end: self.lens.len(),
        });
    }

    /// Room for so many exemplars of one label each, while there are none.
    pub(super) fn reserve(&mut self, count: usize, text_bytes: usize) {
        if self.entries.is_empty() {
            self.entries.reserve(count);
            self.lens.reserve(2 * count);
            self.text.reserve(text_bytes);
        }
    }

    /// The rare case: a histogram was given exemplars in another order than that of its buckets.
    fn reorder(&mut self, slot: usize, exemplar: ExemplarRef<'_>) {
        let old = std::mem::take(self);
        let all = (0..old.entries.len()).map(|place| old.get(place));
        let (before, after): (Vec<_>, Vec<_>) =
            all.filter(|(have, _)| *have != slot).partition(|(have, _)| *have < slot);
        for (slot, exemplar) in before.into_iter().chain([(slot, exemplar)]).chain(after) {
            self.push(slot, exemplar);
        }
    }

    pub(super) fn get(&self, place: usize) -> (usize, ExemplarRef<'_>) {
        let entry = self.entries[place];
        let (text_at, lens_at) = match place.checked_sub(1) {
            Some(before) => (self.entries[before].text_end, self.entries[before].lens_end),
            None => (0, 0),
        };
        let exemplar = ExemplarRef {
            text: &self.text[text_at..entry.text_end],
            lens: &self.lens[lens_at..entry.lens_end],
            value: entry.value,
            timestamp: entry.timestamp,
        };
        (entry.slot, exemplar)
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.lens.clear();
    }
}
