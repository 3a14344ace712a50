//! The homes of the numbers of a new series, and what is said of them beside the numbers.

#[cfg(not(feature = "multiprocess"))]
use std::marker::PhantomData;
#[cfg(feature = "multiprocess")]
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "multiprocess")]
use std::sync::{Arc, Weak};

#[cfg(feature = "multiprocess")]
use once_cell::sync::OnceCell;

use super::exemplar::ExemplarSlot;
use crate::cell::Home;
#[cfg(feature = "multiprocess")]
use crate::cell::lane::IN_ONE_ROW;
#[cfg(feature = "multiprocess")]
use crate::cell::rows::Rows;
#[cfg(feature = "multiprocess")]
use crate::cell::shared::SharedCell;
use crate::model::Suffix;
#[cfg(feature = "multiprocess")]
use crate::model::{Desc, LabelNames};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{
    ExemplarHome, FileKind, Filed, MultiprocessStore, Removal, SideHandle, cell_key,
};

/// What the sample of a number is named, and the label that the type adds.
pub(super) type Number<'a> = (Suffix, Option<(&'a str, &'a str)>);

/// Finds homes for the numbers of one new series.
#[cfg(not(feature = "multiprocess"))]
#[derive(Debug)]
pub struct Homes<'a>(pub(super) PhantomData<&'a str>);

/// Finds homes for the numbers of one new series.
#[cfg(feature = "multiprocess")]
#[derive(Debug)]
pub struct Homes<'a> {
    pub(super) desc: &'a Desc,
    pub(super) names: &'a LabelNames,
    /// The values of its labels, in the order of declaration.
    pub(super) values: &'a [&'a str],
    pub(super) store: Option<&'a MultiprocessStore>,
    /// The file that such metrics have.
    pub(super) file: Option<FileKind>,
    /// Whether there are exponential buckets beside those of given bounds.
    pub(super) is_native: bool,
    pub(super) cells: Vec<SharedCell>,
}

#[cfg(not(feature = "multiprocess"))]
impl Homes<'_> {
    pub(super) fn of(&mut self, numbers: &[Number<'_>]) -> Vec<Home> {
        numbers.iter().map(|_| Home::Memory).collect()
    }

    pub(super) fn home(&mut self, _: Suffix) -> Home {
        Home::Memory
    }

    pub(super) fn exemplar(&self, _: &Home) -> ExemplarSlot {
        ExemplarSlot::default()
    }

    pub(super) fn are_shared(&self) -> bool {
        false
    }
}

#[cfg(feature = "multiprocess")]
impl<'a> Homes<'a> {
    /// Where the numbers are to live, all of those that the series has.
    pub(super) fn of(&mut self, numbers: &[Number<'_>]) -> Vec<Home> {
        let (Some(store), Some(file)) = (self.store, self.file) else {
            return numbers.iter().map(|_| Home::Memory).collect();
        };
        let name = self.desc.name();
        let keys = numbers.iter().map(|(suffix, extra)| {
            let labels: Vec<_> = self.labels().chain(*extra).collect();
            let sample = format!("{name}{}", suffix.as_str());
            let mut key = cell_key(name, &sample, &labels, self.desc.help());
            if self.is_native && *suffix == Suffix::Bucket {
                // Nobody else counts in a row that has exponential buckets beside.
                key.truncate(key.len() - 1);
                key.push_str(IN_ONE_ROW);
            }
            key
        });
        self.cells = store.cells(file, keys.collect());
        self.cells.iter().cloned().map(Home::Mapped).collect()
    }

    /// Whether other processes are to see the numbers.
    pub(super) fn are_shared(&self) -> bool {
        self.store.is_some() && self.file.is_some()
    }

    /// Where the only number of the series is to live.
    pub(super) fn home(&mut self, suffix: Suffix) -> Home {
        let in_file = self.store.is_some().then(|| self.of(&[(suffix, None)]).pop());
        in_file.flatten().unwrap_or(Home::Memory)
    }

    /// The place of the exemplars of a number.
    pub(super) fn exemplar(&self, number: &Home) -> ExemplarSlot {
        match (self.store, self.file, number) {
            (Some(store), Some(file), Home::Mapped(cell)) => {
                ExemplarSlot::shared(ExemplarHome::new(store, file, cell))
            }
            _ => ExemplarSlot::default(),
        }
    }

    /// The labels of the series with their names.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.names.declared().zip(self.values.iter().copied())
    }

    /// What tells other processes of the rows that hold the numbers.
    pub(super) fn rows(self, created: f64) -> Option<Arc<SeriesRows>> {
        let (store, file) = (self.store?, self.file?);
        if let (Some(side), Some(unit)) = (store.side(), self.desc.unit()) {
            side.say_unit(self.desc.name(), unit);
        }
        let start = self.desc.metric_type().has_start_time().then_some(created);
        if start.is_none() && self.names.is_empty() {
            // It has no start time and cannot be removed: there is nothing to say.
            return None;
        }
        let mut rows = SeriesRows {
            store: store.clone(),
            file,
            start: AtomicU64::new(start.unwrap_or_default().to_bits()),
            cells: self.cells,
            said: OnceCell::new(),
        };
        let said = rows.said().is_some();
        if said {
            rows.cells = Vec::new();
        }
        let rows = Arc::new(rows);
        if !said {
            let who: Weak<SeriesRows> = Arc::downgrade(&rows);
            rows.store.when_filed(who);
        }
        Some(rows)
    }
}

/// The rows of a series in a shared file, or those that it waits for.
#[cfg(feature = "multiprocess")]
pub(super) struct SeriesRows {
    store: MultiprocessStore,
    file: FileKind,
    /// In seconds since 1970; 0.0 if it is of no interest.
    start: AtomicU64,
    // None once it is said whose rows they are.
    cells: Vec<SharedCell>,
    said: OnceCell<(SideHandle, Rows)>,
}

#[cfg(feature = "multiprocess")]
impl SeriesRows {
    pub(super) fn set_start(&self, start: f64) {
        self.start.store(start.to_bits(), Ordering::Relaxed);
        if let Some((said, _)) = self.said() {
            said.set_start(start);
        }
    }

    /// Takes the rows out of what other processes count.
    pub(super) fn retire(self: &Arc<Self>) {
        if !self.store.forget_waiting(&self.cells) {
            let removed = RemovedRows { series: self.clone(), loose: Vec::new() };
            self.store.remove(Box::new(removed));
        }
    }

    /// What is said of the rows, if the numbers are in the file by now.
    fn said(&self) -> Option<&(SideHandle, Rows)> {
        let said = self.said.get_or_try_init(|| {
            let cells = self.cells.iter().map(|cell| cell.filed().cloned());
            let rows = Rows::of(&cells.collect::<Option<Vec<_>>>().ok_or(())?).ok_or(())?;
            let start = f64::from_bits(self.start.load(Ordering::Relaxed));
            let said = SideHandle::rows(&self.store, self.file, rows.list(), start).ok_or(())?;
            Ok::<_, ()>((said, rows))
        });
        said.ok()
    }
}

/// The rows of a series that was removed.
#[cfg(feature = "multiprocess")]
struct RemovedRows {
    series: Arc<SeriesRows>,
    /// Those that nobody has noted to follow the first ones of their keys, each with that one.
    loose: Vec<(u32, u32)>,
}

#[cfg(feature = "multiprocess")]
impl Removal for RemovedRows {
    fn is_done(&mut self) -> bool {
        let Self { series, loose } = self;
        let SeriesRows { store, file, .. } = &**series;
        let Some((said, rows)) = series.said() else { return false };
        if !said.is_of_one() {
            return true;
        }
        loose.extend(rows.disown());
        loose.retain(|(row, first)| {
            !store.side().is_some_and(|side| side.follow(*file, *row, *first))
        });
        // All of them at once, which is one word.
        loose.is_empty() && said.retire()
    }
}

#[cfg(feature = "multiprocess")]
impl Filed for SeriesRows {
    fn filed(&self) -> bool {
        self.said().is_some()
    }
}
