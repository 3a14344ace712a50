//! The homes of the numbers of a new series, and what is said of them beside the numbers.

#[cfg(not(feature = "multiprocess"))]
use std::marker::PhantomData;

use super::exemplar::ExemplarSlot;
use crate::cell::Home;
#[cfg(feature = "multiprocess")]
use crate::cell::mapped::{MappedCell, Rows};
use crate::model::Suffix;
#[cfg(feature = "multiprocess")]
use crate::model::{Desc, LabelNames};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{ExemplarHome, FileKind, MultiprocessStore, SideHandle};

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
    pub(super) cells: Vec<MappedCell>,
}

#[cfg(not(feature = "multiprocess"))]
impl Homes<'_> {
    pub(super) fn home(&mut self, _: Suffix, _: Option<(&str, &str)>) -> Home {
        Home::Memory
    }

    pub(super) fn exemplar(&self, _: &Home) -> ExemplarSlot {
        ExemplarSlot::default()
    }
}

#[cfg(feature = "multiprocess")]
impl<'a> Homes<'a> {
    /// Where a number is to live: `suffix` names its sample, `extra` is the
    /// label that the type adds.
    pub(super) fn home(&mut self, suffix: Suffix, extra: Option<(&str, &str)>) -> Home {
        let Some(store) = self.store else { return Home::Memory };
        let name = self.desc.name();
        let labels: Vec<_> = self.labels().chain(extra).collect();
        let sample = format!("{name}{}", suffix.as_str());
        let cell =
            self.file.and_then(|file| store.cell(file, name, &sample, &labels, self.desc.help()));
        self.cells.extend(cell.clone());
        cell.map_or(Home::Memory, Home::Mapped)
    }

    /// The place of the exemplars of a number.
    pub(super) fn exemplar(&self, number: &Home) -> ExemplarSlot {
        match (self.store, self.file, number) {
            (Some(store), Some(file), Home::Mapped(cell)) => {
                ExemplarSlot::shared(ExemplarHome::new(store, file, cell.row()))
            }
            _ => ExemplarSlot::default(),
        }
    }

    /// The labels of the series with their names.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.names.declared().zip(self.values.iter().copied())
    }

    /// What tells other processes of the rows that hold the numbers.
    pub(super) fn rows(self, created: f64) -> Option<SeriesRows> {
        let (store, file) = (self.store?, self.file?);
        if let (Some(side), Some(unit)) = (store.side(), self.desc.unit()) {
            side.say_unit(self.desc.name(), unit);
        }
        let start = self.desc.metric_type().has_start_time().then_some(created);
        if start.is_none() && self.names.is_empty() {
            // It has no start time and cannot be removed: there is nothing to say.
            return None;
        }
        let rows = Rows::of(&self.cells)?;
        let said = SideHandle::rows(store, file, &rows, start)?;
        Some(SeriesRows { said, rows })
    }
}

/// The rows of a series in a shared file.
#[cfg(feature = "multiprocess")]
pub(super) struct SeriesRows {
    said: SideHandle,
    rows: Rows,
}

#[cfg(feature = "multiprocess")]
impl SeriesRows {
    pub(super) fn set_start(&self, start: f64) {
        self.said.set_start(start);
    }

    /// Takes the rows out of what other processes count.
    pub(super) fn retire(&self) {
        if self.said.retire() {
            self.rows.disown();
        }
    }
}
