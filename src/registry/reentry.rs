//! Keeps a collector that looks into its own registry from being asked for ever.

use std::cell::RefCell;

use super::CollectorId;

thread_local! {
    // The collectors that this thread is asking, innermost last.
    static ASKED: RefCell<Vec<(u64, CollectorId)>> = const { RefCell::new(Vec::new()) };
}

/// A collector being asked on this thread, until it is dropped.
pub(super) struct Visit(());

impl Visit {
    /// Nothing, if the thread is asking that collector already.
    pub(super) fn enter(registry: u64, collector: CollectorId) -> Option<Self> {
        ASKED.with_borrow_mut(|asked| {
            let visited = asked.contains(&(registry, collector));
            (!visited).then(|| {
                asked.push((registry, collector));
                Self(())
            })
        })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        ASKED.with_borrow_mut(Vec::pop);
    }
}
