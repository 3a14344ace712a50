//! The exemplars of a native histogram: a few, of values far from each other.

use std::cmp::Ordering;

use parking_lot::Mutex;

use super::exemplar::KeptExemplar;
use crate::model::Columns;

/// How many are kept.
const MOST: usize = 10;

/// After so many seconds, an exemplar goes before others do.
const LIFE: f64 = 300.0;

/// Some exemplars of one histogram.
///
/// While there is no room for another one, the oldest goes if it is too old, or else the older of
/// the two that are closest to each other on a logarithmic scale.
#[derive(Debug, Default)]
pub(super) struct NativeExemplars(Mutex<Vec<Entry>>);

#[derive(Debug, Default)]
struct Entry {
    value: f64,
    seconds: f64,
    exemplar: KeptExemplar,
}

impl NativeExemplars {
    /// Keeps an exemplar whose labels were checked.
    ///
    /// While another thread reads or writes them, this one goes without: exemplars are samples,
    /// and an observation never waits.
    pub(super) fn store(&self, labels: &[(&str, &str)], value: f64, seconds: f64) {
        let Some(mut entries) = self.0.try_lock() else { return };
        let mut entry = if entries.len() < MOST {
            entries.reserve_exact(MOST);
            Entry::default()
        } else {
            let place = replaced(&entries, value, seconds);
            entries.remove(place)
        };
        (entry.value, entry.seconds) = (value, seconds);
        entry.exemplar.replace(labels, value, seconds);
        let place = entries.partition_point(|entry| entry.value.total_cmp(&value).is_lt());
        entries.insert(place, entry);
    }

    /// Appends them to the last native histogram, the least value first.
    pub(super) fn record(&self, columns: &mut Columns) {
        for entry in self.0.lock().iter() {
            columns.push_native_exemplar(entry.exemplar.as_ref());
        }
    }
}

/// Which of the entries, the least value first, goes for one more.
fn replaced(entries: &[Entry], value: f64, seconds: f64) -> usize {
    let age = |place: &usize| entries[*place].seconds;
    let older = |a: &usize, b: &usize| age(a).total_cmp(&age(b));
    let oldest = (0..entries.len()).min_by(older).unwrap_or(0);
    if seconds - age(&oldest) > LIFE {
        return oldest;
    }
    let above = entries.partition_point(|entry| entry.value.total_cmp(&value).is_lt());
    let pairs = (1..entries.len()).map(|place| {
        let older = if older(&place, &(place - 1)) == Ordering::Less { place } else { place - 1 };
        (distance(entries[place - 1].value, entries[place].value), older)
    });
    let neighbours = [above.checked_sub(1), Some(above)].into_iter().flatten();
    let neighbours = neighbours.filter_map(|place| Some((entries.get(place)?, place)));
    let with_new = neighbours.map(|(entry, place)| (distance(entry.value, value), place));
    pairs.chain(with_new).min_by(|(a, _), (b, _)| a.total_cmp(b)).map_or(oldest, |(_, place)| place)
}

/// How far two values are from each other on a logarithmic scale.
fn distance(a: f64, b: f64) -> f64 {
    if a == b {
        0.0
    } else if a.signum() == b.signum() {
        (a.abs().ln() - b.abs().ln()).abs()
    } else {
        f64::INFINITY
    }
}
