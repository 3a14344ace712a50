//! The kinds of entries in a side file, and what their words are.

/// Rows of a series: when it began, and whether they still count.
pub(crate) const ROWS: u16 = 1;

/// The exemplar of one row.
pub(crate) const EXEMPLAR: u16 = 2;

/// The unit of a family.
pub(crate) const UNIT: u16 = 3;

/// The facts of one series of an info.
pub(crate) const INFO: u16 = 4;

/// The state of one series of an enum.
pub(crate) const STATE: u16 = 5;

/// The families that a collector has published.
pub(crate) const FAMILIES: u16 = 6;

/// The word of [`ROWS`] that says when the series began.
pub(super) const START: usize = 0;

/// The word of a [`STATE`] that says its place, and the one that says when it was set.
pub(super) const STATE_PLACE: usize = 0;
pub(super) const STATE_TIME: usize = 1;
