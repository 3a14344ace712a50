//! What makes the answers to two scrapes the same.

use crate::exposition::{ContentCoding, Encoding};

/// What an answer depends on, but for the time.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ScrapeKey {
    pub(super) route: usize,
    pub(super) names: Vec<String>,
    pub(super) encoding: Encoding,
    pub(super) coding: ContentCoding,
    /// A collection with a deadline may end early for its sake.
    pub(super) has_deadline: bool,
}
