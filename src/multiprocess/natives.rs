//! The native histograms and quantiles of a store, whose buckets may wait for room in its side file.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::cell::native_file::SharedNative;

/// Those that are there.
#[derive(Default)]
pub(super) struct Natives(Mutex<Vec<Weak<SharedNative>>>);

impl Natives {
    pub(super) fn add(&self, native: &Arc<SharedNative>) {
        let mut natives = self.0.lock();
        if natives.len() == natives.capacity() {
            natives.retain(|native| native.strong_count() > 0);
        }
        natives.push(Arc::downgrade(native));
    }

    /// Moves what is in memory into the file, as far as there is room.
    pub(super) fn file_amounts(&self) {
        for native in self.short() {
            native.file_amounts();
        }
    }

    /// Those of which a part is in memory alone, though their other numbers are in files.
    pub(super) fn short(&self) -> Vec<Arc<SharedNative>> {
        let all: Vec<_> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        all.into_iter().filter(|native| native.is_short()).collect()
    }

    /// In a forked child: forgets what the parent has counted in memory.
    #[cfg(all(unix, not(loom)))]
    pub(super) fn leave_parent(&self) {
        self.0.lock().iter().filter_map(Weak::upgrade).for_each(|native| native.leave_parent());
    }
}
