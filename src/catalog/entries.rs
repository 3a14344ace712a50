//! A set of metrics that are declared once, each of which has one live instance.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::check::faults;
use super::fault::Fault;
use super::live::{CatalogMetric, Home};
use super::near::nearest;
use super::slot::Slot;
use super::spec::{Lists, MetricSpec, without_infinity};
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Counter, Gauge, Histogram};
use crate::model::Desc;
#[cfg(feature = "multiprocess")]
use crate::multiprocess::MultiprocessStore;
use crate::registry::{CollectorId, CollectorRegistry};
use crate::textfile::Textfile;

/// A set of metrics that are declared once, each of which has one live instance; cheap to clone.
///
/// It is the only place where names, kinds, units, help texts, labels and buckets stand. Whoever
/// measures asks it for a metric, by name; that takes a lock, so what is had is kept beside the code
/// that it measures. [`catalog!`](crate::catalog!) declares one whose metrics are fields, so that a
/// wrong name does not compile.
///
/// It is a [`Collector`]: all of its metrics are shown from the start, in the order of declaration.
///
/// ```
/// use narthex::catalog::{Catalog, MetricKind, MetricSpec};
/// use narthex::{CollectorRegistry, CounterVec};
///
/// let catalog = Catalog::new([
///     MetricSpec::new(MetricKind::Counter, "train.steps", "Steps done."),
///     MetricSpec::new(MetricKind::Counter, "http.requests", "Answered.").with_labels(["code"]),
/// ])?;
/// let registry = CollectorRegistry::new();
/// catalog.register(&registry)?;
///
/// let name = ["train", "steps"].join(".");
/// catalog.counter(&name)?.inc();
/// catalog.get::<CounterVec<1>>("http.requests")?.labels(["200"]).inc_by(2);
/// assert_eq!(catalog.counter("train.steps")?.get(), 1.0);
/// assert_eq!(registry.get_sample_value("train.steps_total", &[]), Some(1.0));
///
/// let error = catalog.gauge("train.steps").unwrap_err();
/// assert_eq!(error.to_string(), "\"train.steps\" is a counter, and not a gauge");
/// let error = catalog.counter("train.setps").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the catalogue has no metric \"train.setps\"; did you mean the counter \"train.steps\"?",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "METRICS")]
pub struct Catalog {
    inner: Arc<Inner>,
}

struct Inner {
    // In the order of declaration.
    slots: Vec<Slot>,
    places: HashMap<String, usize>,
    home: Home,
}

impl Catalog {
    /// A catalogue of these metrics.
    ///
    /// # Errors
    /// One that tells what is wrong with every entry that something is wrong with:
    /// [`Error::is_invalid_name`], [`Error::is_invalid_label`] or [`Error::is_invalid_value`] if an
    /// entry cannot be such a metric, has no help text, or is a histogram of a unit without default
    /// buckets and has none; [`Error::is_duplicate`] if two have a name in common, be it with
    /// underscores.
    pub fn new(specs: impl IntoIterator<Item = MetricSpec>) -> Result<Self> {
        Self::at(Home::default(), specs.into_iter().collect())
    }

    /// A catalogue whose numbers are in files that the processes of a pool share.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    #[cfg(feature = "multiprocess")]
    pub fn in_store(
        specs: impl IntoIterator<Item = MetricSpec>,
        store: &MultiprocessStore,
    ) -> Result<Self> {
        Self::at(Home::shared(store), specs.into_iter().collect())
    }

    /// What the metrics are, in the order of declaration.
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &MetricSpec> {
        self.inner.slots.iter().map(|slot| &slot.spec)
    }

    /// What the metric of that name is.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is none of that name.
    pub fn spec(&self, name: &str) -> Result<&MetricSpec> {
        Ok(&self.slot(name)?.spec)
    }

    /// The live instance of a metric: as a [`Counter`], for example, or if it has labels as a
    /// [`CounterVec<2>`](crate::CounterVec) or [`CounterVecDyn`](crate::CounterVecDyn).
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is none of that name; [`Error::is_invalid_value`] if it is
    /// of another kind or has other labels.
    pub fn get<T: CatalogMetric>(&self, name: &str) -> Result<T> {
        self.slot(name)?.give(None, &self.inner.home)
    }

    /// The live instance of a counter without labels.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    #[doc(alias = "get_counter")]
    pub fn counter(&self, name: &str) -> Result<Counter> {
        self.get(name)
    }

    /// The live instance of a gauge without labels.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    #[doc(alias = "get_gauge")]
    pub fn gauge(&self, name: &str) -> Result<Gauge> {
        self.get(name)
    }

    /// The live instance of a histogram without labels.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    #[doc(alias = "get_histogram")]
    pub fn histogram(&self, name: &str) -> Result<Histogram> {
        self.get(name)
    }

    /// The live instance of a histogram, with buckets of these upper bounds.
    ///
    /// They are for whoever asks first, of an entry that declares none: in place of the default ones
    /// of its unit.
    ///
    /// ```
    /// use narthex::Histogram;
    /// use narthex::catalog::{Catalog, MetricKind, MetricSpec};
    ///
    /// let step = MetricSpec::new(MetricKind::Histogram, "train.step", "How long steps take.");
    /// let catalog = Catalog::new([step.with_unit("seconds")])?;
    /// let step: Histogram = catalog.with_buckets("train.step", [1.0, 60.0])?;
    /// catalog.histogram("train.step")?.observe(59);
    /// assert_eq!(step.snapshot().buckets().nth(1), Some((60.0, 1.0)));
    ///
    /// let error = catalog.with_buckets::<Histogram>("train.step", [1.0, 90.0]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "histogram \"train.step\" has the buckets [1.0, 60.0], and not [1.0, 90.0]",
    /// );
    /// # Ok::<(), narthex::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`get`](Self::get), and [`Error::is_invalid_value`] if it has other buckets, or if
    /// these cannot be buckets.
    pub fn with_buckets<T>(&self, name: &str, buckets: impl IntoIterator<Item = f64>) -> Result<T>
    where
        T: CatalogMetric<Of = Histogram>,
    {
        let wanted = without_infinity(buckets.into_iter().collect());
        self.slot(name)?.give(Some(wanted), &self.inner.home)
    }

    /// Registers all of its metrics, or none.
    ///
    /// # Errors
    /// [`Error::is_duplicate`] if a name is taken in the registry.
    pub fn register(&self, registry: &CollectorRegistry) -> Result<CollectorId> {
        registry.register(Arc::new(self.clone()))
    }

    /// Writes its metrics to a [`Textfile`], in the order of their names.
    ///
    /// [`textfile::path_from_env`](crate::textfile::path_from_env) finds a path that is configured.
    ///
    /// # Errors
    /// Those of [`Textfile::write`].
    #[doc(alias = "export_prometheus_textfile")]
    pub fn write_textfile(&self, path: impl Into<PathBuf>) -> Result {
        Textfile::new(path).sort(true).write(self)
    }

    /// Lets all metrics be as they were in the beginning; those that are split by labels lose their
    /// children.
    ///
    /// This is for tests, and while nobody observes: an observation that another thread is at may be
    /// lost, or leave the count and the sum of its series apart. A test that can has a catalogue of
    /// its own instead.
    pub fn reset(&self) {
        self.inner.slots.iter().for_each(|slot| slot.live().begin_anew());
    }

    /// Lets one metric be as it was in the beginning, as [`reset`](Self::reset) does.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is none of that name.
    pub fn reset_one(&self, name: &str) -> Result {
        self.slot(name)?.live().begin_anew();
        Ok(())
    }

    fn at(home: Home, specs: Vec<MetricSpec>) -> Result<Self> {
        let families = check(&specs)?;
        let places = specs.iter().enumerate();
        let places = places.map(|(place, spec)| (spec.name().to_owned(), place)).collect();
        let slots = specs.into_iter().zip(families);
        let slots = slots.map(|(spec, family)| Slot::new(spec, family, &home));
        let slots = slots.collect::<Result<_>>()?;
        Ok(Self { inner: Arc::new(Inner { slots, places, home }) })
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.inner.slots
    }

    pub(super) fn slot(&self, name: &str) -> Result<&Slot> {
        if let Some(&place) = self.inner.places.get(name) {
            return Ok(&self.inner.slots[place]);
        }
        let near = nearest(name, self.specs());
        Err(Error::new(ErrorKind::NotFound, format!("the catalogue has no metric {name:?}{near}")))
    }
}

/// Checks all entries; the names of their families.
fn check(specs: &[MetricSpec]) -> Result<Vec<String>> {
    let lists: Vec<_> = specs.iter().map(Lists::of).collect();
    let entries: Vec<_> =
        specs.iter().zip(&lists).map(|(spec, lists)| spec.declared(lists)).collect();
    match Fault::error_of(&faults(&entries)) {
        Some(error) => Err(error),
        None => Ok(entries.iter().map(|entry| entry.family().as_str().to_owned()).collect()),
    }
}

impl Collector for Catalog {
    fn describe(&self) -> Vec<Desc> {
        let live = self.inner.slots.iter().map(Slot::live);
        live.flat_map(|live| live.collector().describe()).collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        self.inner.slots.iter().try_for_each(|slot| slot.live().collector().collect(scrape))
    }

    fn name(&self) -> &str {
        "catalog"
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        self.inner.home.shared_directory().into_iter().collect()
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.specs().map(MetricSpec::name).collect();
        f.debug_struct("Catalog").field("metrics", &names).finish_non_exhaustive()
    }
}
