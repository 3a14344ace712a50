//! What the six kinds of metrics have in common: a schema, and series that share it.

use std::fmt;
use std::ops::Deref;
use std::panic::RefUnwindSafe;
#[cfg(feature = "multiprocess")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use once_cell::race::OnceBox;

use super::home::Homes;
#[cfg(feature = "multiprocess")]
use super::home::SeriesRows;
use super::label_hash::LabelHasher;
use super::label_text::{raw_values, with_row_labels};
#[cfg(feature = "multiprocess")]
use crate::cell::fork::{HoldOff, hold_off, try_hold_off};
use crate::cell::gather::{Gathered, gather};
use crate::cell::shelf::{Counted, Kept, Wraps};
use crate::clock::now;
use crate::collector::SharedDirectory;
use crate::error::Result;
use crate::model::{Columns, Desc, LabelNames, MetricType, NameValidation, RowLabels};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{FileKind, MultiprocessStore};

/// A metric that users hold: [`Counter`](crate::Counter), [`Gauge`](crate::Gauge),
/// [`Summary`](crate::Summary), [`Histogram`](crate::Histogram),
/// [`Info`](crate::Info) or [`Enum`](crate::Enum).
///
/// Only the library implements it.
pub trait Instrument: Kind {}

/// How a kind of metric keeps and shows its numbers.
pub trait Kind: Clone + Send + Sync + Sized + 'static {
    /// What every series keeps.
    type Cell: Send + Sync;
    /// What few series keep beside that, made when it is first needed.
    type Aside: Default + Send + Sync;
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

    /// Whether there are exponential buckets beside those of given bounds.
    #[cfg(feature = "multiprocess")]
    fn is_native(_: &Self::Settings) -> bool {
        false
    }

    /// The numbers of a new series, in the home that the metric was given, and what it has
    /// beside them from the start.
    fn new_cell(schema: &Schema<Self>, homes: &mut Homes<'_>) -> (Self::Cell, Option<Self::Aside>)
    where
        Self: Instrument;

    /// Takes what is no number of a removed series out of what other processes see.
    #[cfg(feature = "multiprocess")]
    fn retire(_: &Self::Cell) {}

    fn of(series: Held<Self>) -> Self
    where
        Self: Instrument;

    fn series(&self) -> &Held<Self>
    where
        Self: Instrument;

    /// Columns that fit the series of this metric.
    fn columns(schema: &Schema<Self>) -> Columns
    where
        Self: Instrument;

    /// Appends these to the columns as far as there is room, which there is for one if they are
    /// empty; says how many.
    fn push(all: &[Self], columns: &mut Columns) -> usize
    where
        Self: Instrument;
}

/// Appends the labels of these as far as there is room; those that have got theirs.
pub(super) fn push_labels<'m, M: Instrument>(all: &'m [M], columns: &mut Columns) -> &'m [M] {
    let pushed = columns.push_rows(|most_rows, most_text, text, lens| {
        let all = &all[..all.len().min(most_rows)];
        let keys = all.iter().map(|metric| metric.series().0.key());
        let Gathered { keys, marked } = gather(keys, most_text, text, lens);
        (keys, marked)
    });
    &all[..pushed]
}

/// What all series of one metric share.
pub struct Schema<M: Instrument> {
    pub(super) desc: Desc,
    pub(super) names: LabelNames,
    pub(super) validation: NameValidation,
    pub(super) settings: M::Settings,
    pub(super) hasher: LabelHasher,
    #[cfg(feature = "multiprocess")]
    pub(super) store: Option<MultiprocessStore>,
}

impl<M: Instrument> Clone for Schema<M> {
    fn clone(&self) -> Self {
        Self {
            desc: self.desc.clone(),
            names: self.names.clone(),
            validation: self.validation,
            settings: self.settings.clone(),
            hasher: self.hasher,
            #[cfg(feature = "multiprocess")]
            store: self.store.clone(),
        }
    }
}

impl<M: Instrument> Schema<M> {
    /// How a metric of the other schema would differ from one of this.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.names != other.names {
            Some(format!("the labels {:?}, not {:?}", self.names, other.names))
        } else if self.desc.unit() != other.desc.unit() {
            Some("another unit".to_owned())
        } else if self.desc != other.desc {
            Some(format!("the help {:?}, not {:?}", self.desc.help(), other.desc.help()))
        } else if self.settings != other.settings {
            Some("other settings".to_owned())
        } else if self.shared_directory() != other.shared_directory() {
            Some("its numbers elsewhere".to_owned())
        } else {
            None
        }
    }

    /// What finds homes for the numbers of a new series.
    #[cfg(feature = "multiprocess")]
    fn homes<'a>(&'a self, values: &'a [&'a str]) -> Homes<'a> {
        Homes {
            desc: &self.desc,
            names: &self.names,
            values,
            store: self.store.as_ref(),
            file: M::file(&self.settings),
            is_native: M::is_native(&self.settings),
            cells: Vec::new(),
        }
    }

    #[cfg(not(feature = "multiprocess"))]
    fn homes<'a>(&self, _: &'a [&'a str]) -> Homes<'a> {
        Homes(std::marker::PhantomData)
    }

    /// Lets no thread fork whose child would find a lock of the metric locked,
    /// if the child is to count with it.
    #[cfg(feature = "multiprocess")]
    pub(super) fn hold_off(&self) -> Option<HoldOff> {
        self.store.as_ref().map(|_| hold_off())
    }

    #[cfg(not(feature = "multiprocess"))]
    pub(super) fn hold_off(&self) -> Option<()> {
        None
    }

    /// The same for one who goes without if a thread is about to fork: then there is none.
    #[cfg(feature = "multiprocess")]
    pub(super) fn try_hold_off(&self) -> Option<Option<HoldOff>> {
        match &self.store {
            Some(_) => try_hold_off().map(Some),
            None => Some(None),
        }
    }

    #[cfg(not(feature = "multiprocess"))]
    pub(super) fn try_hold_off(&self) -> Option<()> {
        Some(())
    }

    pub(super) fn shared_directory(&self) -> Option<SharedDirectory> {
        #[cfg(feature = "multiprocess")]
        if let Some(store) = &self.store {
            return Some(SharedDirectory::Writes(store.dir().to_owned()));
        }
        None
    }
}

/// A series of the metric `M`.
pub struct Series<M: Instrument> {
    pub(super) cell: M::Cell,
    owners: AtomicU32,
    created: AtomicU64,
    aside: OnceBox<Aside<M>>,
}

/// What few series have, in memory of its own.
struct Aside<M: Instrument> {
    of_kind: M::Aside,
    #[cfg(feature = "multiprocess")]
    rows: Option<Arc<SeriesRows>>,
}

impl<M: Instrument> Aside<M> {
    /// What a new series has from the start.
    #[cfg(feature = "multiprocess")]
    fn of(of_kind: Option<M::Aside>, homes: Homes<'_>, created: f64) -> Option<Self> {
        let rows = homes.rows(created);
        let is_needed = of_kind.is_some() || rows.is_some();
        is_needed.then(|| Self { of_kind: of_kind.unwrap_or_default(), rows })
    }

    #[cfg(not(feature = "multiprocess"))]
    fn of(of_kind: Option<M::Aside>, _: Homes<'_>, _: f64) -> Option<Self> {
        of_kind.map(|of_kind| Self { of_kind })
    }
}

impl<M: Instrument> Default for Aside<M> {
    fn default() -> Self {
        Self {
            of_kind: M::Aside::default(),
            #[cfg(feature = "multiprocess")]
            rows: None,
        }
    }
}

/// A series as a handle holds it, with what it has in common with others.
pub struct Held<M: Instrument>(Kept<Series<M>, Schema<M>>);

impl<M: Instrument> Wraps for M {
    type Value = Series<M>;
    type Common = Schema<M>;

    #[inline]
    fn wrap(kept: Kept<Series<M>, Schema<M>>) -> M {
        M::of(Held(kept))
    }

    fn kept(&self) -> &Kept<Series<M>, Schema<M>> {
        &self.series().0
    }
}

impl<M: Instrument> Counted for Series<M> {
    #[inline]
    fn owners(&self) -> &AtomicU32 {
        &self.owners
    }
}

impl<M: Instrument> Clone for Held<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Instrument> Deref for Held<M> {
    type Target = Series<M>;

    #[inline]
    fn deref(&self) -> &Series<M> {
        &self.0
    }
}

impl<M: Instrument> Held<M> {
    /// The series of a metric without labels.
    pub(super) fn alone(schema: Schema<M>) -> Self {
        Self(Kept::alone(schema, |schema| Series::new(schema, &[])))
    }

    #[inline]
    pub(super) fn schema(&self) -> &Schema<M> {
        self.0.common()
    }

    /// The raw values of the labels, in the order of declaration.
    pub(super) fn label_values(&self) -> Vec<String> {
        raw_values(self.0.key(), &self.schema().names)
    }

    /// Calls `f` with the labels of its lines.
    pub(super) fn with_row_labels<R>(&self, f: impl FnOnce(RowLabels<'_>) -> R) -> R {
        with_row_labels(self.0.key(), f)
    }

    /// How many bytes the label values have on a line.
    pub(super) fn text_len(&self) -> usize {
        self.0.key().text().len()
    }

    pub(super) fn restart(&self) {
        let created = now();
        let _hold_off = self.schema().hold_off();
        self.created.store(created.to_bits(), Ordering::Relaxed);
        #[cfg(feature = "multiprocess")]
        if let Some(rows) = self.rows() {
            rows.set_start(created);
        }
    }
}

// No panic leaves a number half-written, and foreign code is dropped unchanged.
impl<M: Instrument> RefUnwindSafe for Series<M> {}

impl<M: Instrument> Series<M> {
    pub(super) fn new(schema: &Schema<M>, values: &[&str]) -> Self {
        let created = now();
        let _hold_off = schema.hold_off();
        // Whoever removes a series that has the same rows comes before or after.
        #[cfg(feature = "multiprocess")]
        let _rows = schema.store.as_ref().and_then(MultiprocessStore::lock_rows);
        let mut homes = schema.homes(values);
        let (cell, of_kind) = M::new_cell(schema, &mut homes);
        let aside = Aside::of(of_kind, homes, created);
        Self {
            cell,
            owners: AtomicU32::new(1),
            created: AtomicU64::new(created.to_bits()),
            aside: aside.map_or_else(OnceBox::new, |aside| OnceBox::with_value(Box::new(aside))),
        }
    }

    /// What it keeps beside its numbers; made if there was nothing yet.
    pub(super) fn aside(&self) -> &M::Aside {
        &self.aside.get_or_init(Box::default).of_kind
    }

    /// What it keeps beside its numbers, if it does.
    #[inline]
    pub(super) fn known_aside(&self) -> Option<&M::Aside> {
        self.aside.get().map(|aside| &aside.of_kind)
    }

    #[cfg(feature = "multiprocess")]
    fn rows(&self) -> Option<&Arc<SeriesRows>> {
        self.aside.get()?.rows.as_ref()
    }

    pub(super) fn created(&self) -> f64 {
        f64::from_bits(self.created.load(Ordering::Relaxed))
    }

    /// Takes a series that was removed out of what other processes see.
    #[cfg_attr(not(feature = "multiprocess"), expect(unused_variables))]
    pub(super) fn retire(&self, schema: &Schema<M>) {
        #[cfg(feature = "multiprocess")]
        {
            let _hold_off = schema.hold_off();
            let _rows = schema.store.as_ref().and_then(MultiprocessStore::lock_rows);
            if let Some(rows) = self.rows() {
                rows.retire();
            }
            M::retire(&self.cell);
        }
    }
}

impl<M: Instrument> fmt::Debug for Series<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("created", &self.created()).finish_non_exhaustive()
    }
}

impl<M: Instrument> fmt::Debug for Held<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Series");
        debug.field("name", &self.schema().desc.name());
        for (name, value) in self.schema().names.declared().zip(self.label_values()) {
            debug.field(name, &value);
        }
        debug.finish_non_exhaustive()
    }
}

impl<M: Instrument> fmt::Debug for Schema<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("desc", &self.desc)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
