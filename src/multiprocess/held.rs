//! Locks on files that the kernel drops with the process that holds them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::turn;
use crate::cell::fork::hold_off;

/// How often a lock that another thread of this process holds is asked for again.
const PAUSE: Duration = Duration::from_millis(2);

/// The files that this process has locked or is about to, with its number: a
/// forked child has the table and not the locks.
///
/// A process that closes any descriptor of a file drops its lock on it, so no
/// file of the table is opened a second time.
static HELD: RwLock<Option<HashMap<Node, u32>>> = RwLock::new(None);

/// What a file is, whatever its name.
type Node = (u64, u64);

/// A lock on a whole file, held until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Held {
    file: Mutex<Option<File>>,
    node: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// As long as it takes.
    Long,
    /// Not at all.
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Alone,
    /// With others that only read.
    Readers,
}

impl Held {
    /// Locks a file that this process has just created.
    pub(crate) fn on_new(file: File) -> io::Result<Self> {
        let node = node(&file.metadata()?);
        let _hold_off = hold_off();
        let mut held = HELD.write();
        retry_on_intr(|| fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive))?;
        held.get_or_insert_default().insert(node, process::id());
        Ok(Self { file: Mutex::new(Some(file)), node })
    }

    /// Locks the file at `path`; [`Share::Alone`] creates it.
    ///
    /// None if another has the lock and is not to be waited for.
    pub(crate) fn at(path: &Path, share: Share, wait: Wait) -> io::Result<Option<Self>> {
        loop {
            let Some(mut lock) = Self::open(path, share, wait)? else { return Ok(None) };
            let operation = match (share, wait) {
                (Share::Alone, Wait::Long) => FlockOperation::LockExclusive,
                (Share::Alone, Wait::No) => FlockOperation::NonBlockingLockExclusive,
                (Share::Readers, Wait::Long) => FlockOperation::LockShared,
                (Share::Readers, Wait::No) => FlockOperation::NonBlockingLockShared,
            };
            let Some(file) = lock.file.get_mut() else { return Ok(None) };
            match retry_on_intr(|| fcntl_lock(&*file, operation)) {
                Ok(()) => {}
                Err(Errno::ACCESS | Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            // The directory may have been emptied in between.
            match fs::metadata(path) {
                Ok(metadata) if node(&metadata) == lock.node => return Ok(Some(lock)),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }

    /// Opens a file that no other thread of this process has open, and enters it in the table.
    fn open(path: &Path, share: Share, wait: Wait) -> io::Result<Option<Self>> {
        loop {
            {
                let _hold_off = hold_off();
                let mut table = HELD.write();
                let table = table.get_or_insert_default();
                if !is_held(table, path)? {
                    let mut options = OpenOptions::new();
                    options.read(true).write(share == Share::Alone).create(share == Share::Alone);
                    let file = options.open(path)?;
                    let node = node(&file.metadata()?);
                    table.insert(node, process::id());
                    return Ok(Some(Self { file: Mutex::new(Some(file)), node }));
                }
            }
            if wait == Wait::No {
                return Ok(None);
            }
            turn::pause(PAUSE);
        }
    }

    /// Writes to the file that is locked.
    pub(crate) fn with_file(&self, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        self.file.lock().as_ref().map_or(Ok(()), write)
    }

    /// In a forked child, which does not hold it: closes the file.
    pub(crate) fn let_go(&self) {
        self.file.lock().take();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _hold_off = hold_off();
        let mut table = HELD.write();
        // A forked child may have inherited it, and not the lock.
        if let (Some(table), Some(_)) = (&mut *table, self.file.get_mut()) {
            table.remove(&self.node);
        }
        // While nobody else can open it: closing drops every lock of this process.
        *self.file.get_mut() = None;
    }
}

/// Before a `fork`: makes room for so many locks of the child.
pub(crate) fn prepare_for_child(locks: usize) {
    HELD.write().get_or_insert_default().reserve(locks);
}

/// In a forked child: it holds nothing.
pub(crate) fn forget_in_child() {
    if let Some(table) = &mut *HELD.write() {
        table.clear();
    }
}

/// Whether any process has the file at `path` locked.
pub(crate) fn is_locked(path: &Path) -> io::Result<bool> {
    let _hold_off = hold_off();
    // Nobody locks the file while it is open here.
    let table = HELD.read();
    if let Some(table) = &*table {
        if is_held(table, path)? {
            return Ok(true);
        }
    }
    let file = File::open(path)?;
    let lock = Flock::from(FlockType::WriteLock);
    Ok(retry_on_intr(|| fcntl_getlk(&file, &lock))?.is_some())
}

fn is_held(table: &HashMap<Node, u32>, path: &Path) -> io::Result<bool> {
    let own = process::id();
    if table.values().all(|owner| *owner != own) {
        return Ok(false);
    }
    match fs::metadata(path) {
        Ok(metadata) => Ok(table.get(&node(&metadata)) == Some(&own)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn node(metadata: &fs::Metadata) -> Node {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_lasts_until_it_is_dropped_however_often_it_is_asked_about() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let held = Held::on_new(File::create_new(&path).unwrap()).unwrap();
        for _ in 0..3 {
            assert!(is_locked(&path).unwrap());
        }
        assert!(Held::at(&path, Share::Alone, Wait::No).unwrap().is_none());
        drop(held);
        assert!(!is_locked(&path).unwrap());
        let again = Held::at(&path, Share::Alone, Wait::Long).unwrap();
        assert!(again.is_some() && is_locked(&path).unwrap());
    }

    #[test]
    fn threads_of_one_process_exclude_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fold.lock");
        let inside = Mutex::new(());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _held = Held::at(&path, Share::Alone, Wait::Long).unwrap().unwrap();
                        let alone = inside.try_lock();
                        assert!(alone.is_some());
                    }
                });
            }
        });
    }
}
