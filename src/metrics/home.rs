//! The homes of the numbers of a new series, and what is said of them beside the numbers.

use std::fmt;

use super::exemplar::ExemplarSlot;
use super::instrument::{Instrument, Schema};
use crate::cell::Home;
#[cfg(feature = "multiprocess")]
use crate::cell::mapped::{MappedCell, Rows};
use crate::model::Suffix;
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{ExemplarHome, SideHandle};

/// Finds homes for the numbers of one new series.
pub struct Homes<'a, M: Instrument> {
    pub(super) schema: &'a Schema<M>,
    /// The values of its labels, in the order of declaration.
    pub(super) values: &'a [&'a str],
    #[cfg(feature = "multiprocess")]
    cells: Vec<MappedCell>,
}

impl<'a, M: Instrument> Homes<'a, M> {
    pub(super) fn new(schema: &'a Schema<M>, values: &'a [&'a str]) -> Self {
        Self {
            schema,
            values,
            #[cfg(feature = "multiprocess")]
            cells: Vec::new(),
        }
    }

    /// Where a number is to live: `suffix` names its sample, `extra` is the
    /// label that the type adds.
    #[cfg(feature = "multiprocess")]
    pub(super) fn home(&mut self, suffix: Suffix, extra: Option<(&str, &str)>) -> Home {
        let Some(store) = &self.schema.store else { return Home::Memory };
        let name = self.schema.desc.name();
        let labels: Vec<_> = self.labels().chain(extra).collect();
        let sample = format!("{name}{}", suffix.as_str());
        let file = M::file(&self.schema.settings);
        let cell =
            file.and_then(|file| store.cell(file, name, &sample, &labels, self.schema.desc.help()));
        self.cells.extend(cell.clone());
        cell.map_or(Home::Memory, Home::Mapped)
    }

    #[cfg(not(feature = "multiprocess"))]
    pub(super) fn home(&mut self, _: Suffix, _: Option<(&str, &str)>) -> Home {
        Home::Memory
    }

    /// The place of the exemplars of a number.
    #[cfg(feature = "multiprocess")]
    pub(super) fn exemplar(&self, number: &Home) -> ExemplarSlot {
        let file = M::file(&self.schema.settings);
        match (&self.schema.store, file, number) {
            (Some(store), Some(file), Home::Mapped(cell)) => {
                ExemplarSlot::shared(ExemplarHome::new(store, file, cell.row()))
            }
            _ => ExemplarSlot::default(),
        }
    }

    #[cfg(not(feature = "multiprocess"))]
    pub(super) fn exemplar(&self, _: &Home) -> ExemplarSlot {
        ExemplarSlot::default()
    }

    /// The labels of the series with their names.
    #[cfg(feature = "multiprocess")]
    pub(super) fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.schema.names.declared().zip(self.values.iter().copied())
    }

    /// What tells other processes of the rows that hold the numbers.
    #[cfg(feature = "multiprocess")]
    pub(super) fn rows(self, created: f64) -> Option<SeriesRows> {
        let (store, file) = (self.schema.store.as_ref()?, M::file(&self.schema.settings)?);
        if let (Some(side), Some(unit)) = (store.side(), self.schema.desc.unit()) {
            side.say_unit(self.schema.desc.name(), unit);
        }
        let start = M::TYPE.has_start_time().then_some(created);
        if start.is_none() && self.schema.names.is_empty() {
            // It has no start time and cannot be removed: there is nothing to say.
            return None;
        }
        let rows = Rows::of(&self.cells)?;
        let said = SideHandle::rows(store, file, &rows, start)?;
        Some(SeriesRows { said, rows })
    }
}

impl<M: Instrument> fmt::Debug for Homes<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Homes").field("schema", &self.schema).finish_non_exhaustive()
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
