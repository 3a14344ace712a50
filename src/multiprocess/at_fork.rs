//! What stores do around a `fork`: the child writes to files of its own, and begins at zero.

use std::io;

#[cfg(all(unix, not(loom)))]
pub(super) use self::unix::register;

/// Where there is no `fork`, there is nothing to do.
#[cfg(any(not(unix), loom))]
pub(super) fn register() -> io::Result<()> {
    Ok(())
}

#[cfg(all(unix, not(loom)))]
mod unix {
    use std::sync::atomic::Ordering;
    use std::sync::{Arc, Weak};

    use once_cell::sync::OnceCell;
    use parking_lot::Mutex;

    use super::super::file_kind::FileKind;
    use super::super::files::{Files, all};
    use super::super::held;
    use super::super::identity::Identity;
    use super::super::owner::{Owner, boot};
    use super::super::paths::Paths;
    use super::super::side::EXTENSION;
    use super::io;
    use crate::cell::LeftSlabs;
    use crate::cell::fork::{self, AtFork};

    /// Lets every child of this process have files of its own.
    pub(crate) fn register() -> io::Result<()> {
        static REGISTERED: OnceCell<()> = OnceCell::new();
        let register = || fork::register(&LeftSlabs).and_then(|()| fork::register(&Stores));
        REGISTERED.get_or_try_init(register).copied()
    }

    struct Stores;

    /// What is made in the parent for the child, of each store. The child
    /// keeps it until it forks itself, since it frees nothing in the handler.
    static PREPARED: Mutex<Vec<Prepared>> = Mutex::new(Vec::new());

    struct Prepared {
        store: Weak<Files>,
        next: Option<Box<Identity>>,
        side: Vec<u8>,
        paths: Paths,
    }

    impl AtFork for Stores {
        fn prepare(&self) {
            let stores = all();
            held::prepare_for_child(stores.len());
            boot();
            let mut prepared = PREPARED.lock();
            prepared.clear();
            prepared.extend(stores.iter().map(Prepared::of));
        }

        fn parent(&self) {
            PREPARED.lock().clear();
        }

        fn child(&self) {
            held::forget_in_child();
            PREPARED.lock().iter_mut().for_each(Prepared::leave_parent);
        }
    }

    impl Prepared {
        fn of(store: &Arc<Files>) -> Self {
            Self {
                store: Arc::downgrade(store),
                next: Some(store.identities.prepare()),
                side: store.side.prepare().unwrap_or_default(),
                paths: Paths::new(store.identities.dir()),
            }
        }

        fn leave_parent(&mut self) {
            let Self { store, next, side, paths } = self;
            let (Some(store), Some(next)) = (store.upgrade(), next.take()) else { return };
            let is_adrift = store.is_adrift.load(Ordering::Relaxed);
            let had_files = is_adrift || store.identities.current().is_claimed();
            store.identities.renew(next, |next| {
                let name = next.name();
                let claimed = had_files.then(|| Owner::claim_with(paths, boot(), name));
                let may_have = matches!(claimed, Some(Ok(_)));
                if let Some(Ok(owner)) = claimed {
                    next.own(owner);
                }
                // Where there is no room the numbers are in memory, and are counted as unfiled.
                let mut all_done = true;
                for kind in FileKind::all() {
                    let Some(file) = store.cells[kind.place()].get() else { continue };
                    paths.set(format_args!("{}", kind.named(name)));
                    all_done &= file.leave_parent(may_have.then(|| paths.both())).is_ok();
                }
                paths.set(format_args!("{name}.{EXTENSION}"));
                all_done &= store.side.leave_parent(may_have.then(|| paths.both()), side).is_ok();
                store.is_adrift.store(!all_done, Ordering::Relaxed);
            });
            store.unfiled.leave_parent();
            store.natives.leave_parent();
        }
    }
}
