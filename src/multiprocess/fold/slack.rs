//! What a sum is raised by when it is folded for the first time, so that no reader sees it step back.
//!
//! Until then readers add the numbers of a series in the order of the files, as
//! Python's do, and round each time; from then on without regard to the order,
//! and they round once. The two may differ in the last digits. DESIGN.md has
//! the whole of it.

use std::collections::BTreeMap;

use super::rows::Rows;
use crate::multiprocess::exact::two_sum;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::listing::Listing;
use crate::multiprocess::reader::{Entries, read};

/// What adding in the order of the files has come to.
#[derive(Clone, Copy, Debug, Default)]
struct InOrder {
    terms: u32,
    sum: f64,
    magnitude: f64,
    is_rounded: bool,
}

/// Raises the sums that are new, as far as rounding can have raised what readers see.
///
/// `contents` has the files that are folded, by name; those of the living are read.
pub(super) fn add(
    rows: &mut Rows,
    listing: &Listing,
    contents: &BTreeMap<String, (FileKind, Vec<u8>)>,
) {
    let is_new = rows.new_sums();
    if matches!(rows.kind(), FileKind::Gauge(_)) || !is_new.contains(&true) {
        return;
    }
    let mut sums = vec![InOrder::default(); is_new.len()];
    for path in listing.counted() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if FileKind::parse(&name).map(|(kind, _)| kind) != Some(rows.kind()) {
            continue;
        }
        let live;
        let bytes = match contents.get(&*name) {
            Some((_, bytes)) => bytes,
            None => {
                live = read(&path).unwrap_or_default();
                &live
            }
        };
        for entry in Entries::of(bytes) {
            if let Some(place) = rows.find(entry.key).filter(|place| is_new[*place]) {
                sums[place].add(entry.value);
            }
        }
    }
    for (place, sum) in sums.iter().enumerate().filter(|(place, _)| is_new[*place]) {
        rows.raise(place, sum.slack());
    }
}

impl InOrder {
    fn add(&mut self, term: f64) {
        let (sum, lost) = two_sum(self.sum, term);
        self.terms += 1;
        self.sum = sum;
        self.magnitude += term.abs();
        self.is_rounded |= lost != 0.0;
    }

    /// Twice as much as the sum may be off: workers count on while it is folded.
    fn slack(&self) -> f64 {
        // Each addition is off by half of the last digit at most: by 2^-53 of what there is.
        let slack = f64::from(self.terms) * f64::EPSILON * self.magnitude;
        if self.is_rounded && slack.is_finite() { slack } else { 0.0 }
    }
}
