//! The files of a store, which its clones share.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
#[cfg(all(unix, not(loom)))]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use once_cell::sync::OnceCell;
use parking_lot::Mutex;

use super::file_kind::{FileKind, KINDS};
use super::identity::Identities;
use super::key::{Key, LE};
use super::natives::Natives;
use super::side::SideWriter;
use super::turn;
use super::unfiled::Unfiled;
use crate::cell::fork::hold_off;
use crate::cell::mapped::MappedFile;

/// The files of one store, each made when it is needed.
pub(super) struct Files {
    pub(super) identities: Arc<Identities>,
    pub(super) cells: [OnceCell<Arc<MappedFile>>; KINDS],
    pub(super) side: Arc<SideWriter>,
    pub(super) unfiled: Unfiled,
    pub(super) natives: Natives,
    /// How many facts and states no other process sees.
    pub(super) unsaid: AtomicU64,
    /// Whether there was no room for some of them when the process was forked.
    #[cfg(all(unix, not(loom)))]
    pub(super) is_adrift: AtomicBool,
}

/// Those of this process with their directories, which other processes know nothing of.
static ALL: Mutex<Vec<(PathBuf, Weak<Files>)>> = Mutex::new(Vec::new());

/// The files of all stores of this process.
#[cfg(all(unix, not(loom)))]
pub(super) fn all() -> Vec<Arc<Files>> {
    those(|_| true)
}

/// The files of the stores of this process in a directory; no others are kept from ending meanwhile.
pub(super) fn all_in(dir: &Path) -> Vec<Arc<Files>> {
    those(|of| of == dir)
}

fn those(wanted: impl Fn(&Path) -> bool) -> Vec<Arc<Files>> {
    let _hold_off = hold_off();
    let mut all = ALL.lock();
    all.retain(|(_, files)| files.strong_count() > 0);
    all.iter().filter(|(dir, _)| wanted(dir)).filter_map(|(_, files)| files.upgrade()).collect()
}

impl Files {
    pub(super) fn new(dir: PathBuf, identifier: Option<String>) -> Arc<Self> {
        let identities = Arc::new(Identities::new(dir.clone(), identifier));
        let files = Arc::new(Self {
            cells: Default::default(),
            side: Arc::new(SideWriter::new(identities.clone())),
            identities,
            unfiled: Unfiled::default(),
            natives: Natives::default(),
            unsaid: AtomicU64::new(0),
            #[cfg(all(unix, not(loom)))]
            is_adrift: AtomicBool::new(false),
        });
        let _hold_off = hold_off();
        ALL.lock().push((dir, Arc::downgrade(&files)));
        files
    }

    /// The file of a kind.
    pub(super) fn file(&self, kind: FileKind) -> io::Result<&Arc<MappedFile>> {
        self.cells[kind.place()].get_or_try_init(|| {
            self.identities.claim()?;
            turn::step();
            let path = self.identities.path(kind);
            match kind {
                FileKind::Gauge(_) => MappedFile::create(&path),
                _ => {
                    let side = self.side.clone();
                    let follow = move |row, first| side.follow(kind, row, first);
                    MappedFile::create_with_lanes(&path, Box::new(follow))
                }
            }
        })
    }

    /// Moves what is in memory since a `fork` into files, as far as there is room.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(super) fn land(&self) {
        use std::sync::atomic::Ordering;

        if !self.is_adrift.load(Ordering::Relaxed) || self.identities.claim().is_err() {
            return;
        }
        let cells = FileKind::all().map(|kind| match self.cells[kind.place()].get() {
            Some(file) if file.is_adrift() => file.land(&self.identities.path(kind)),
            _ => Ok(()),
        });
        let failed = cells.chain([self.side.land()]).filter(Result::is_err).count();
        self.is_adrift.store(failed > 0, Ordering::Relaxed);
    }

    /// Elsewhere memory cannot be mapped twice, and nothing moves without loss.
    #[cfg(any(not(target_os = "linux"), loom))]
    pub(super) fn land(&self) {}

    /// Whether this process may write to them.
    pub(super) fn is_own(&self) -> bool {
        self.identities.current().is_own()
    }

    /// Moves amounts of threads that have found no room for a row into rows, as far as there is room.
    pub(super) fn file_amounts(&self) {
        self.made().for_each(|(_, file)| file.file_amounts());
        self.natives.file_amounts();
    }

    /// How many series count in memory, wholly or in part: those of a process that was forked
    /// without room, those of threads that found no room for a row, and those that found none for
    /// a bucket.
    pub(super) fn short(&self) -> usize {
        let short = self.made().map(|(kind, file)| match file.is_adrift() {
            true => series_of(kind, &file.keys()),
            false => series_of(kind, &file.short_keys()),
        });
        short.sum::<usize>() + self.natives.short().len()
    }

    fn made(&self) -> impl Iterator<Item = (FileKind, &Arc<MappedFile>)> {
        FileKind::all().filter_map(|kind| Some((kind, self.cells[kind.place()].get()?)))
    }
}

/// How many series have these keys: a histogram and a summary have several.
fn series_of(kind: FileKind, keys: &[Box<[u8]>]) -> usize {
    let series = |key: &[u8]| {
        let Key { metric_name, mut labels, .. } = Key::parse(key)?;
        labels.remove(LE);
        Some((metric_name, labels))
    };
    match kind {
        FileKind::Summary | FileKind::Histogram => {
            keys.iter().filter_map(|key| series(key)).collect::<HashSet<_>>().len()
        }
        FileKind::Counter | FileKind::Gauge(_) => keys.len(),
    }
}
