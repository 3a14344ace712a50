//! How many amounts changed nothing, because they were not allowed.

use std::sync::atomic::{AtomicU64, Ordering};

static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Counts an amount that changed nothing.
#[cold]
pub(crate) fn note_refused_observation() {
    REFUSED.fetch_add(1, Ordering::Relaxed);
}

/// How many amounts changed nothing since the program began.
pub(crate) fn refused_observations() -> u64 {
    REFUSED.load(Ordering::Relaxed)
}
