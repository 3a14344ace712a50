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

/// Many rows of one file, each of which is all that its series has.
pub(crate) const TABLE: u16 = 7;

/// Buckets of exponential size, of one series of a native histogram or of a summary with quantiles.
pub(crate) const NATIVE: u16 = 8;

/// Which quantiles a series of a summary has.
pub(crate) const QUANTILES: u16 = 9;

/// How many rows a [`TABLE`] has room for; a word more keeps it from being taken for removed.
pub(super) const TABLE_ROWS: usize = 127;

/// Of a row in a [`TABLE`]: that it counts, and that it does no more. What is greater is the
/// place of another row, with which it goes; anything else is no row.
pub(super) const COUNTS: u32 = 1;
pub(super) const REMOVED: u32 = 2;

/// The word of a row in a [`TABLE`] that says where it stands, and whether it counts.
pub(super) fn table_word(row: u32, state: u32) -> u64 {
    u64::from(row) | u64::from(state) << 32
}

/// The row and the state in such a word.
pub(super) fn in_table(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

/// The word of [`ROWS`], and the first of a row in a [`TABLE`], that says when the series began.
pub(super) const START: usize = 0;

/// The word of a [`STATE`] that says its place, and the one that says when it was set.
pub(super) const STATE_PLACE: usize = 0;
pub(super) const STATE_TIME: usize = 1;
