//! The collector that merges the files of all processes when it is scraped.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::damaged_file::DamagedFile;
use super::directory::{canonical_dir, dir_from_env};
use super::disagreement::Disagreement;
use super::fold::fold_some;
use super::listing::consistently;
use super::merge::Refused;
use super::merged::{Memory, Merged, Owners};
use super::settle::Show;
use super::store::{MultiprocessStore, unfiled_in};
use super::windows::Windows;
use crate::cell::fork::hold_off;
use crate::clock::now;
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Desc, EscapingScheme, Family, GaugeMetricFamily, MetricFamily, NO_LABELS};

const DAMAGED_FILES: &str = "narthex_multiprocess_damaged_files";
const SKIPPED_ENTRIES: &str = "narthex_multiprocess_skipped_entries";
const LIVE_PROCESSES: &str = "narthex_multiprocess_live_processes";
const DEAD_PROCESSES: &str = "narthex_multiprocess_dead_processes";
const FOLDS: &str = "narthex_multiprocess_folds";

/// The names of what the collector tells of itself, which no file can take.
const OWN: [&str; 5] = [DAMAGED_FILES, SKIPPED_ENTRIES, LIVE_PROCESSES, DEAD_PROCESSES, FOLDS];

/// Yields the merged metrics of all processes that share a directory.
///
/// Values are merged as Python's client does it: counters, summaries and
/// histograms are summed, gauges follow their [`GaugeMode`](super::GaugeMode).
/// What Python's files cannot say comes from the side files of processes that
/// use this library: the earliest start time of a series, its newest exemplar,
/// units, infos (with the label `pid` where processes disagree), enums by their
/// mode, and published families. Children that were removed are left out.
/// Files are taken in the order of their names, families and series in the
/// order in which they are met.
///
/// A process of ours that has died is known to be dead, whatever ended it: its
/// gauges of the modes `all` and `live…` are left out, and everything else it
/// counted stays. When more than a few have died, a scrape
/// [folds](Self::folding) their files. In a directory in which such processes
/// write, three gauges tell of them: `narthex_multiprocess_live_processes`,
/// `narthex_multiprocess_dead_processes` (those that are not folded yet) and
/// `narthex_multiprocess_folds`. While series of the scraping process itself
/// are [`unfiled`](MultiprocessStore::unfiled), they are counted in
/// `narthex_multiprocess_unfiled_series`.
///
/// A file that is damaged, or is no metrics file at all, costs the scrape
/// nothing but the entries behind the damage. While there is any, the scrape
/// has two more families:
/// `narthex_multiprocess_damaged_files`, by `reason` (`entry`, `header`,
/// `name`, `truncated`, `unreadable`, `value`), and
/// `narthex_multiprocess_skipped_entries`, by `reason` (`key`: not readable,
/// `name`: not allowed, `clash`: the name belongs to another family of the
/// scrape). [`damaged_files`](Self::damaged_files) says which files they are.
///
/// Files may say different things of a family, such as that it is a counter
/// and that it is a gauge. It is shown as Python's client would show it, and
/// [`disagreements`](Self::disagreements) tells of it, as does a line of the log.
///
/// What the files hold is not known beforehand, so it describes nothing. A
/// restricted view, such as a scrape with `name[]`, asks it all the same.
///
/// ```
/// use narthex::multiprocess::MultiProcessCollector;
/// use narthex::for_each_family;
///
/// let dir = tempfile::tempdir()?;
/// let merged = MultiProcessCollector::new(dir.path())?;
/// std::fs::write(dir.path().join("counter_1.db"), "no metrics")?;
/// let mut families = Vec::new();
/// for_each_family(&merged, &mut |family| {
///     families.push(family.desc().name().to_owned());
///     Ok(())
/// })?;
/// assert_eq!(families, ["narthex_multiprocess_damaged_files"]);
/// assert!(merged.damaged_files()[0].path().ends_with("counter_1.db"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MultiProcessCollector {
    title: String,
    dir: PathBuf,
    accumulate: bool,
    folding: bool,
    damaged: Mutex<Vec<DamagedFile>>,
    disagreements: Mutex<Vec<Disagreement>>,
    logged: Mutex<Vec<Disagreement>>,
    skipped: AtomicU64,
    cannot_fold: AtomicBool,
    memory: Mutex<Memory>,
    windows: Windows,
}

/// So many dead processes are not worth a fold.
const FEW: usize = 4;

/// How many dead processes one scrape folds at most.
const FOLDED_AT_ONCE: usize = 1024;

impl MultiProcessCollector {
    /// Merges the files of a directory that exists.
    ///
    /// # Errors
    /// [`Error::is_io`] if it does not.
    pub fn new(dir: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::over(canonical_dir(dir.as_ref())?))
    }

    /// Merges the files of the directory of `store`.
    pub fn of(store: &MultiprocessStore) -> Self {
        Self::over(store.dir().to_owned())
    }

    /// Merges the files of the directory that `PROMETHEUS_MULTIPROC_DIR`
    /// names, or else `prometheus_multiproc_dir`; none if neither is set.
    ///
    /// # Errors
    /// [`Error::is_io`] if the directory does not exist.
    pub fn from_env() -> Result<Option<Self>> {
        dir_from_env().map(Self::new).transpose()
    }

    fn over(dir: PathBuf) -> Self {
        Self {
            title: format!("shared files in {}", dir.display()),
            dir,
            accumulate: true,
            folding: true,
            damaged: Mutex::default(),
            disagreements: Mutex::default(),
            logged: Mutex::default(),
            skipped: AtomicU64::new(0),
            cannot_fold: AtomicBool::new(false),
            memory: Mutex::default(),
            windows: Windows::default(),
        }
    }

    /// The same, but with buckets as the files hold them: not cumulative, and
    /// without a count. This is for writing merged numbers to a file again.
    #[must_use]
    pub fn without_accumulation(self) -> Self {
        Self { accumulate: false, ..self }
    }

    /// Whether a scrape folds the files of dead processes, as
    /// [`compact`](super::compact) does, when there are more than a few of
    /// them. On by default.
    #[must_use]
    pub fn folding(self, folding: bool) -> Self {
        Self { folding, ..self }
    }

    /// Says that a Python process merges the directory, too. It is exact only
    /// while no fold is under way, so this switches [`folding`](Self::folding) off.
    #[must_use]
    pub fn read_by_python(self, read_by_python: bool) -> Self {
        Self { folding: self.folding && !read_by_python, ..self }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The files that the last scrape could not read to their ends.
    pub fn damaged_files(&self) -> Vec<DamagedFile> {
        let _hold_off = hold_off();
        self.damaged.lock().clone()
    }

    /// The families of which files said different things in the last scrape.
    pub fn disagreements(&self) -> Vec<Disagreement> {
        self.disagreements.lock().clone()
    }

    /// How many entries of files the last scrape left out.
    pub fn skipped_entries(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    fn merge(&self, deadline: Option<Instant>) -> Result<Merged> {
        // Whoever scrapes at the same time does without.
        let mut memory = self.swap_memory(Memory::default());
        let scrape = self.windows.begin();
        let show = Show { accumulate: self.accumulate, windows: &self.windows, now: now() };
        let merged =
            consistently(&self.dir, |listing| Merged::of(listing, &mut memory, show, deadline));
        self.swap_memory(memory);
        if merged.is_ok() {
            self.windows.end(scrape);
        }
        merged.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Error::new(
                ErrorKind::TimedOut,
                format!("there was no time to read all files in {}", self.dir.display()),
            ),
            _ => Error::io(format!("the files in {} cannot be listed", self.dir.display()), error),
        })
    }

    fn swap_memory(&self, memory: Memory) -> Memory {
        let _hold_off = hold_off();
        mem::replace(&mut *self.memory.lock(), memory)
    }

    /// Keeps which files are damaged, and logs those that were not before.
    fn note(&self, damaged: Vec<DamagedFile>) {
        let before = self.damaged_files();
        {
            let _hold_off = hold_off();
            self.damaged.lock().clone_from(&damaged);
        }
        for file in damaged.iter().filter(|file| !before.contains(file)) {
            log::warn!(
                "{} is damaged from byte {} on: {}",
                file.path().display(),
                file.offset(),
                file.reason()
            );
        }
    }

    /// Keeps what files disagree about, and logs what they did the last time, too:
    /// a histogram whose buckets are being written seems to have others for a moment.
    fn note_disagreements(&self, disagreements: Vec<Disagreement>) {
        let before = mem::replace(&mut *self.disagreements.lock(), disagreements.clone());
        let mut logged = self.logged.lock();
        logged.retain(|have| disagreements.contains(have));
        for lasting in disagreements.into_iter().filter(|have| before.contains(have)) {
            if !logged.contains(&lasting) {
                let (dir, about, family) = (self.dir.display(), lasting.about(), lasting.family());
                log::warn!("files in {dir} disagree about the {about} of {family}");
                logged.push(lasting);
            }
        }
    }

    /// Folds the dead if there are enough of them; a scrape does not fail for it.
    fn fold(&self, owners: &Owners) {
        if !self.folding || owners.dead <= FEW && !owners.marked {
            return;
        }
        let failed = fold_some(&self.dir, FOLDED_AT_ONCE).err();
        let is_new =
            failed.is_some() && !self.cannot_fold.swap(failed.is_some(), Ordering::Relaxed);
        if let (Some(error), true) = (failed, is_new) {
            log::warn!("{error}");
        }
    }

    /// The families that tell of damage, if there is any.
    fn report(
        &self,
        refused: Refused,
        clashing: u64,
        owners: &Owners,
    ) -> Result<Vec<GaugeMetricFamily>> {
        let mut files: BTreeMap<&str, u64> = BTreeMap::new();
        for file in &self.damaged_files() {
            *files.entry(file.reason()).or_default() += 1;
        }
        let entries = [("clash", clashing), ("key", refused.keys), ("name", refused.names)];
        let entries = entries.into_iter().filter(|(_, count)| *count > 0).collect();
        let mut families = Vec::new();
        for (name, help, counts) in [
            (DAMAGED_FILES, "Shared files that could not be read to their ends.", files),
            (SKIPPED_ENTRIES, "Entries of shared files that were left out.", entries),
        ] {
            if counts.is_empty() {
                continue;
            }
            let mut family = GaugeMetricFamily::new(name, help)?.with_labels(["reason"])?;
            for (reason, count) in counts {
                family.add_metric([reason], count as f64)?;
            }
            families.push(family);
        }
        let unfiled = unfiled_in(&self.dir);
        if unfiled > 0 {
            let mut family = GaugeMetricFamily::new(
                "narthex_multiprocess_unfiled_series",
                "Series of this process that no other sees, for want of room in a file.",
            )?;
            family.add_metric(NO_LABELS, unfiled as f64)?;
            families.push(family);
        }
        // A directory in which only Python's client writes is shown as that client shows it.
        if owners.live + owners.dead > 0 || owners.folds > 0 {
            for (name, help, value) in [
                (
                    LIVE_PROCESSES,
                    "Processes that hold a lock and live; those of Python's client hold none.",
                    owners.live as u64,
                ),
                (
                    DEAD_PROCESSES,
                    "Processes that held a lock, have died, and are not folded yet.",
                    owners.dead as u64,
                ),
                (FOLDS, "How often files of dead processes were folded.", owners.folds),
            ] {
                let mut family = GaugeMetricFamily::new(name, help)?;
                family.add_metric(NO_LABELS, value as f64)?;
                families.push(family);
            }
        }
        Ok(families)
    }
}

impl Collector for MultiProcessCollector {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let Merged { families, refused, owners, damaged, disagreements } =
            self.merge(scrape.deadline())?;
        self.note(damaged);
        self.note_disagreements(disagreements);
        let mut clashing = 0;
        let mut taken = HashSet::from(OWN.map(str::to_owned));
        for family in &families {
            // Processes that disagree about a name do not cost the rest.
            let claims = claims(family.desc());
            if claims.iter().any(|name| taken.contains(name)) {
                clashing += count_rows(family);
                continue;
            }
            taken.extend(claims);
            match scrape.family(family) {
                Err(error) if error.is_duplicate() => clashing += count_rows(family),
                done => done?,
            }
        }
        self.skipped.store(refused.keys + refused.names + clashing, Ordering::Relaxed);
        for family in self.report(refused, clashing, &owners)? {
            scrape.family(&family)?;
        }
        if scrape.deadline().is_none_or(|deadline| Instant::now() < deadline) {
            self.fold(&owners);
        }
        Ok(())
    }

    fn name(&self) -> &str {
        &self.title
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        vec![SharedDirectory::Merges(self.dir.clone())]
    }
}

/// The names that a family takes, as every scraper can meet them.
fn claims(desc: &Desc) -> Vec<String> {
    let escaped = |name: String| EscapingScheme::Underscores.metric_name(&name).into_owned();
    desc.claims().into_iter().map(escaped).collect()
}

fn count_rows(family: &MetricFamily) -> u64 {
    let mut rows = 0;
    family.for_each_chunk(&mut |chunk| rows += chunk.rows() as u64);
    rows
}
