//! The series of the last collection, so that those that ended are known.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// What tells that a series has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// A sample that is stale.
    Sample,
    /// A native histogram whose sum is.
    Histogram,
    /// Nothing: who sets timestamps says what there is at which time.
    None,
}

/// The series that were collected last, by their labels.
#[derive(Debug, Default)]
pub(super) struct Known {
    series: HashMap<Box<[u8]>, Seen, RandomState>,
    collection: u64,
}

/// What is known of a series.
#[derive(Debug)]
pub(super) struct Seen {
    collection: u64,
    pub(super) marker: Marker,
    /// The type of its family in metadata.
    pub(super) metric_type: i32,
    /// The time of the last exemplar that was sent, in milliseconds: older ones are refused.
    pub(super) last_exemplar: i64,
}

/// Ends a name, and a value: no byte of a text in UTF-8.
const END: u8 = 0xff;

/// Appends a label to what a series is known by.
pub(super) fn push_label(key: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, value] {
        key.extend_from_slice(part.as_bytes());
        key.push(END);
    }
}

/// The labels of a series.
pub(super) fn labels(key: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut parts = key.split(|&byte| byte == END).map(|part| {
        // They were texts.
        std::str::from_utf8(part).unwrap_or_default()
    });
    std::iter::from_fn(move || {
        let name = parts.next().filter(|name| !name.is_empty())?;
        Some((name, parts.next()?))
    })
}

impl Known {
    /// Begins a collection.
    pub(super) fn begin(&mut self) {
        self.collection += 1;
    }

    /// Notes a series of this collection.
    pub(super) fn see(&mut self, key: &[u8], marker: Marker, metric_type: i32) -> &mut Seen {
        let collection = self.collection;
        let seen = self.series.entry_ref(key).or_insert_with(|| {
            let last_exemplar = i64::MIN;
            Seen { collection, marker, metric_type, last_exemplar }
        });
        (seen.collection, seen.marker, seen.metric_type) = (collection, marker, metric_type);
        seen
    }

    /// Forgets the series that this collection does not have, and tells of each.
    pub(super) fn end<E>(
        &mut self,
        mut ended: impl FnMut(&[(&str, &str)], &Seen) -> Result<(), E>,
    ) -> Result<(), E> {
        let collection = self.collection;
        let mut told = Ok(());
        self.series.retain(|key, seen| {
            let is_here = seen.collection == collection;
            if !is_here && seen.marker != Marker::None && told.is_ok() {
                told = ended(&labels(key).collect::<Vec<_>>(), seen);
            }
            is_here
        });
        told
    }
}
