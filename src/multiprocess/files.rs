//! The files of a store, which its clones share.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use once_cell::sync::OnceCell;
use parking_lot::Mutex;

use super::file_kind::{FileKind, KINDS};
use super::identity::Identities;
use super::key::Key;
use super::side::SideWriter;
use super::unfiled::Unfiled;
use crate::cell::fork::hold_off;
use crate::cell::mapped::MappedFile;

/// The files of one store, each made when it is needed.
pub(super) struct Files {
    pub(super) identities: Arc<Identities>,
    pub(super) cells: [OnceCell<Arc<MappedFile>>; KINDS],
    pub(super) side: SideWriter,
    pub(super) unfiled: Unfiled,
    /// How many facts and states no other process sees.
    pub(super) unsaid: AtomicU64,
}

/// Those of this process, which other processes know nothing of.
static ALL: Mutex<Vec<Weak<Files>>> = Mutex::new(Vec::new());

/// The files of all stores of this process.
pub(super) fn all() -> Vec<Arc<Files>> {
    let _hold_off = hold_off();
    let mut all = ALL.lock();
    all.retain(|files| files.strong_count() > 0);
    all.iter().filter_map(Weak::upgrade).collect()
}

impl Files {
    pub(super) fn new(dir: PathBuf, identifier: Option<String>) -> Arc<Self> {
        let identities = Arc::new(Identities::new(dir, identifier));
        let files = Arc::new(Self {
            cells: Default::default(),
            side: SideWriter::new(identities.clone()),
            identities,
            unfiled: Unfiled::default(),
            unsaid: AtomicU64::new(0),
        });
        let _hold_off = hold_off();
        ALL.lock().push(Arc::downgrade(&files));
        files
    }

    /// The file of a kind.
    pub(super) fn file(&self, kind: FileKind) -> io::Result<&Arc<MappedFile>> {
        self.cells[kind.place()].get_or_try_init(|| {
            self.identities.claim()?;
            MappedFile::create(&self.identities.path(kind))
        })
    }

    /// Whether this process may write to them.
    pub(super) fn is_own(&self) -> bool {
        self.identities.current().is_own()
    }

    /// How many series count in memory since the process was forked.
    pub(super) fn adrift(&self) -> usize {
        let files =
            FileKind::all().filter_map(|kind| Some((kind, self.cells[kind.place()].get()?)));
        let adrift = files.filter(|(_, file)| file.is_adrift());
        adrift.map(|(kind, file)| series_of(kind, &file.keys())).sum()
    }
}

/// How many series have these keys: a histogram and a summary have one sum each.
fn series_of(kind: FileKind, keys: &[Box<[u8]>]) -> usize {
    let is_sum = |key: &[u8]| Key::parse(key).is_some_and(|key| key.sample_name.ends_with("_sum"));
    match kind {
        FileKind::Summary | FileKind::Histogram => keys.iter().filter(|key| is_sum(key)).count(),
        FileKind::Counter | FileKind::Gauge(_) => keys.len(),
    }
}
