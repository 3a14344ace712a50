//! What was found in shared files, as getters.

use std::path::{Path, PathBuf};

use super::disagreements::DisagreementReport;
use crate::model::MetricType;
use crate::multiprocess::damaged_file::DamagedFile;
use crate::multiprocess::key::Key;
use crate::multiprocess::listing::generation_of;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::owner::Liveness;

/// What a directory of shared files holds.
#[derive(Clone, Debug)]
pub struct DirReport {
    pub(super) files: Vec<FileReport>,
    pub(super) others: Vec<OtherFile>,
    pub(super) series: usize,
    pub(super) disagreements: Vec<DisagreementReport>,
}

impl DirReport {
    /// The files that count, sorted by name, and those gauges of the dead that
    /// do no longer.
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// Everything else that lies there, sorted by name: locks, side files, what
    /// a fold has yet to remove, what a process left behind that was killed
    /// while it created a file.
    pub fn other_files(&self) -> &[OtherFile] {
        &self.others
    }

    /// How many series there are, each counted once, however many files have it.
    ///
    /// A bucket of a histogram is a series, as it is to Prometheus. The label
    /// `pid` of gauges is not looked at: it is added when files are merged.
    pub fn series(&self) -> usize {
        self.series
    }

    /// What is wrong with files: first of [those with entries](Self::files),
    /// then with side files.
    pub fn damaged_files(&self) -> impl Iterator<Item = &DamagedFile> {
        let others = self.others.iter().filter_map(OtherFile::damage);
        self.files.iter().filter_map(FileReport::damage).chain(others)
    }

    /// The families of which files say different things.
    pub fn disagreements(&self) -> &[DisagreementReport] {
        &self.disagreements
    }
}

/// What one shared file holds.
#[derive(Clone, Debug)]
pub struct FileReport {
    pub(super) path: PathBuf,
    pub(super) kind: Option<MetricType>,
    pub(super) mode: Option<GaugeMode>,
    pub(super) identifier: Option<String>,
    pub(super) liveness: Option<Liveness>,
    pub(super) length: u64,
    pub(super) allocated: u64,
    pub(super) used: u64,
    pub(super) entries: usize,
    pub(super) series: usize,
    pub(super) removed: usize,
    pub(super) is_counted: bool,
    pub(super) skipped: Vec<SkippedEntry>,
    pub(super) damage: Option<DamagedFile>,
}

impl FileReport {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The type of its metrics, if its name tells.
    pub fn kind(&self) -> Option<MetricType> {
        self.kind
    }

    /// How its values are merged, if they are those of gauges.
    pub fn mode(&self) -> Option<GaugeMode> {
        self.mode
    }

    /// Whose it is, as its name tells.
    pub fn identifier(&self) -> Option<&str> {
        self.identifier.as_deref()
    }

    /// The number of the process, if the identifier is one or begins with one
    /// and a dash.
    pub fn pid(&self) -> Option<u32> {
        let identifier = self.identifier()?;
        let pid = identifier.split_once('-').map_or(identifier, |(pid, _)| pid);
        pid.parse().ok().filter(|pid| *pid != 0)
    }

    /// Whether its owner lives; none if its name tells of no owner, or the file
    /// is [folded](Self::is_folded).
    ///
    /// Gauges of the modes `all` and `live…` of the dead do not count.
    pub fn liveness(&self) -> Option<Liveness> {
        self.liveness
    }

    /// Whether it holds what [`compact`](crate::multiprocess::compact) made of
    /// the files of dead processes.
    pub fn is_folded(&self) -> bool {
        self.identifier().is_some_and(|identifier| generation_of(identifier).is_some())
    }

    pub(super) fn with_liveness(self, liveness: impl FnOnce(&str) -> Liveness) -> Self {
        let owner = self.identifier().filter(|_| !self.is_folded());
        let liveness = owner.map(liveness);
        let goes = self.mode.is_some_and(|mode| mode == GaugeMode::All || mode.is_live());
        let is_gone = goes && liveness == Some(Liveness::Dead);
        Self { liveness, is_counted: self.is_counted && !is_gone, ..self }
    }

    /// Its length in bytes, holes included.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes that it takes from the disk, or from memory on tmpfs.
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// The bytes of its header and of its entries, as far as they can be read.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// The bytes that it takes and does not use.
    pub fn waste(&self) -> u64 {
        self.allocated.saturating_sub(self.used)
    }

    /// How many entries can be read, those that are [skipped](Self::skipped) included.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// How many series these entries are of.
    pub fn series(&self) -> usize {
        self.series
    }

    /// How many entries are of children that their process has removed, and
    /// count no more.
    pub fn removed(&self) -> usize {
        self.removed
    }

    /// Whether a scrape takes the file, which it does unless it is one of
    /// gauges of the modes `all` and `live…` of a dead process.
    pub fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// How many entries can be read and count no more: those that are
    /// [removed](Self::removed), or all if the file is not
    /// [counted](Self::is_counted).
    pub fn idle(&self) -> usize {
        if self.is_counted { self.removed } else { self.entries }
    }

    /// The entries that every scrape leaves out.
    pub fn skipped(&self) -> &[SkippedEntry] {
        &self.skipped
    }

    /// What is wrong with the file, and from which byte on.
    pub fn damage(&self) -> Option<&DamagedFile> {
        self.damage.as_ref()
    }
}

/// An entry that every scrape leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkippedEntry {
    pub(super) offset: u64,
    pub(super) reason: &'static str,
}

impl SkippedEntry {
    /// The byte of the file at which the entry begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Why: `key` if its key cannot be read, `name` if a name in it is not allowed.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

/// A file beside those that a scrape reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherFile {
    pub(super) path: PathBuf,
    pub(super) allocated: u64,
    pub(super) damage: Option<DamagedFile>,
}

impl OtherFile {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes that it takes from the disk.
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// What is wrong with it, if it is a side file, and from which byte on.
    pub fn damage(&self) -> Option<&DamagedFile> {
        self.damage.as_ref()
    }
}

/// One file with its entries.
#[derive(Clone, Debug)]
pub struct FileContents {
    pub(super) report: FileReport,
    pub(super) entries: Vec<EntryReport>,
}

impl FileContents {
    /// What the file holds, in figures.
    pub fn report(&self) -> &FileReport {
        &self.report
    }

    /// Its entries, in the order of the file.
    pub fn entries(&self) -> &[EntryReport] {
        &self.entries
    }
}

/// One entry of a file.
#[derive(Clone, Debug)]
pub struct EntryReport {
    pub(super) offset: u64,
    pub(super) text: String,
    pub(super) key: Option<Key>,
    pub(super) value: f64,
    pub(super) timestamp: f64,
    pub(super) skipped: Option<&'static str>,
    pub(super) is_removed: bool,
}

impl EntryReport {
    /// The byte of the file at which it begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Its key as it stands in the file; bytes that are no UTF-8 are replaced.
    pub fn key(&self) -> &str {
        &self.text
    }

    /// The name of the family, if the key can be read.
    pub fn metric_name(&self) -> Option<&str> {
        self.key.as_ref().map(|key| &*key.metric_name)
    }

    /// The name of the sample, if the key can be read.
    pub fn sample_name(&self) -> Option<&str> {
        self.key.as_ref().map(|key| &*key.sample_name)
    }

    /// The labels, sorted by name; none if the key cannot be read.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.key.iter().flat_map(|key| &key.labels);
        labels.map(|(name, value)| (&**name, &**value))
    }

    /// The help text, if the key can be read.
    pub fn help(&self) -> Option<&str> {
        self.key.as_ref().map(|key| &*key.help)
    }

    /// The value. That of a bucket counts what this bucket alone has met.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// When the value was set, in seconds since 1970, if the file tells: that
    /// is so for gauges of the modes `mostrecent` and `livemostrecent`.
    pub fn timestamp(&self) -> Option<f64> {
        (self.timestamp != 0.0).then_some(self.timestamp)
    }

    /// Whether it is of a child that its process has removed.
    pub fn is_removed(&self) -> bool {
        self.is_removed
    }

    /// Why every scrape leaves it out, if so; the words are those of
    /// [`SkippedEntry::reason`].
    pub fn skipped(&self) -> Option<&'static str> {
        self.skipped
    }
}
