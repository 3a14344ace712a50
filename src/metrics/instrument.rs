//! What the six kinds of metrics have in common.

use std::any::Any;
use std::sync::Arc;

use super::children::Alone;
use super::series::{Schema, Series};
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::Result;
use crate::model::{Chunk, Columns, Desc, LabelNames, MetricType};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::FileKind;

/// A metric that users hold: [`Counter`](crate::Counter), [`Gauge`](crate::Gauge),
/// [`Summary`](crate::Summary), [`Histogram`](crate::Histogram),
/// [`Info`](crate::Info) or [`Enum`](crate::Enum).
///
/// Only the library implements it.
pub trait Instrument: Kind {}

/// How a kind of metric keeps and shows its numbers.
pub trait Kind: Clone + Send + Sync + Sized + 'static {
    /// What one series keeps.
    type Cell: Send + Sync;
    /// What is chosen when the metric is built.
    type Settings: Clone + Default + PartialEq + Send + Sync;

    const TYPE: MetricType;

    /// Checks and completes the settings before anything is made.
    fn check(settings: &mut Self::Settings, desc: &Desc, names: &LabelNames) -> Result;

    /// The file that keeps such metrics for a pool of processes, if one can.
    #[cfg(feature = "multiprocess")]
    fn file(_: &Self::Settings) -> Option<FileKind> {
        None
    }

    /// The numbers of a new series, in the home that the metric was given.
    fn new_cell(schema: &Schema<Self>, values: &[&str]) -> Self::Cell
    where
        Self: Instrument;

    fn of(series: Arc<Series<Self>>) -> Self
    where
        Self: Instrument;

    fn series(&self) -> &Arc<Series<Self>>
    where
        Self: Instrument;

    /// How many rows a series takes in a chunk, and how much text.
    fn extent(series: &Series<Self>) -> (usize, usize)
    where
        Self: Instrument,
    {
        (1, series.text_len())
    }

    /// Columns that fit the series of this metric.
    fn columns(schema: &Schema<Self>) -> Columns
    where
        Self: Instrument;

    /// Appends a series to the columns.
    fn record(series: &Series<Self>, columns: &mut Columns)
    where
        Self: Instrument;

    /// Shows some series, in as many chunks as they need.
    fn show(rows: &[Self], columns: &mut Columns, each: &mut dyn FnMut(&Chunk<'_>))
    where
        Self: Instrument,
    {
        columns.clear();
        for row in rows {
            Self::record(row.series(), columns);
        }
        each(&columns.chunk());
    }
}

// A handle is a series with a name: registered by itself it is a family of one.
impl<M: Instrument> Collector for M {
    fn describe(&self) -> Vec<Desc> {
        vec![self.series().schema.desc.clone()]
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        scrape.family(&Alone(self))
    }

    fn shared_directory(&self) -> Option<SharedDirectory> {
        self.series().schema.shared_directory()
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
