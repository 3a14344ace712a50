//! The door: whatever has families to tell is a collector.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::model::{Desc, Family, MetricFamily};

/// Something that yields families when a scrape asks for them.
///
/// The built-in metrics, registries and views of them are collectors, and so
/// is whatever reads numbers from elsewhere at the time of a scrape.
///
/// ```
/// use narthex::model::{GaugeMetricFamily, NO_LABELS};
/// use narthex::{Collector, CollectorRegistry, Result, Scrape};
/// use std::sync::Arc;
///
/// struct Queues;
///
/// impl Collector for Queues {
///     fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
///         let mut depth = GaugeMetricFamily::new("queue_depth", "Jobs waiting.")?.with_labels(["queue"])?;
///         depth.add_metric(["mail"], 7.0)?;
///         scrape.family(&depth)
///     }
/// }
///
/// let registry = CollectorRegistry::new();
/// registry.register(Arc::new(Queues))?;
/// assert_eq!(registry.get_sample_value("queue_depth", &[("queue", "mail")]), Some(7.0));
/// # Ok::<(), narthex::Error>(())
/// ```
pub trait Collector: Send + Sync {
    /// The families that it will yield; empty if that is not known beforehand.
    ///
    /// A registry reserves the names of these families. The default is empty.
    fn describe(&self) -> Vec<Desc> {
        Vec::new()
    }

    /// Yields families to `scrape`, each with [`Scrape::family`].
    ///
    /// No lock of the library is held, so it may use and register metrics.
    ///
    /// # Errors
    /// Whatever keeps it from telling its numbers; the registry's
    /// [policy](crate::FailurePolicy) decides what becomes of the scrape.
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result;

    /// Awaits what it will tell at the next scrape; `None` if it need not await.
    ///
    /// Whoever has a runtime calls it through
    /// [`CollectorRegistry::refresh`](crate::CollectorRegistry::refresh).
    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        None
    }

    /// What errors and self-metrics call it: the name of its type by default.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }

    /// Whether it would, sooner or later, collect the registry of that number.
    #[doc(hidden)]
    fn reaches_registry(&self, _registry: u64) -> bool {
        false
    }

    /// The directories of shared files that it writes to or reads from.
    #[doc(hidden)]
    fn shared_directories(&self) -> Vec<SharedDirectory> {
        Vec::new()
    }

    /// Itself, if it is a metric of the library that can be found again.
    #[doc(hidden)]
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// How a collector uses a directory that worker processes share.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedDirectory {
    /// It merges the files of all processes.
    Merges(std::path::PathBuf),
    /// Its numbers live in a file of this process there.
    Writes(std::path::PathBuf),
}

impl<C: Collector + ?Sized> Collector for Arc<C> {
    fn describe(&self) -> Vec<Desc> {
        (**self).describe()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        (**self).collect(scrape)
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        (**self).refresh()
    }

    fn name(&self) -> &str {
        (**self).name()
    }

    fn reaches_registry(&self, registry: u64) -> bool {
        (**self).reaches_registry(registry)
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        (**self).shared_directories()
    }

    fn as_any(&self) -> Option<&dyn Any> {
        (**self).as_any()
    }
}

/// Families that are written down, such as those that a [parser](crate::parser) has read.
///
/// ```
/// use narthex::{CollectorRegistry, parser};
/// use std::sync::Arc;
///
/// let registry = CollectorRegistry::new();
/// registry.register(Arc::new(parser::text::parse_all("up{job=\"mail\"} 1\n")?))?;
/// assert_eq!(registry.get_sample_value("up", &[("job", "mail")]), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A family without samples is left out if one of its names is another family's: it would say
/// nothing, and make a text of both invalid.
impl Collector for Vec<MetricFamily> {
    fn describe(&self) -> Vec<Desc> {
        told(self).map(|family| family.desc().clone()).collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        told(self).try_for_each(|family| scrape.family(family))
    }
}

/// The families, but those without samples that have a name in common with another.
fn told(families: &[MetricFamily]) -> impl Iterator<Item = &MetricFamily> {
    let mut taken = HashSet::new();
    if families.iter().any(MetricFamily::is_empty) {
        let with_samples = families.iter().filter(|family| !family.is_empty());
        taken.extend(with_samples.flat_map(|family| family.desc().claims()));
    }
    families.iter().filter(move |family| {
        if !family.is_empty() {
            return true;
        }
        let claims = family.desc().claims();
        let is_free = claims.iter().all(|name| !taken.contains(name));
        if is_free {
            taken.extend(claims);
        }
        is_free
    })
}

/// A scrape under way: what a collector yields its families to.
///
/// It is to [`Collector::collect`] what [`fmt::Formatter`] is to [`fmt::Display::fmt`].
pub struct Scrape<'a> {
    sink: &'a mut dyn FnMut(&dyn Family) -> Result,
    deadline: Option<Instant>,
    // The registries that this scrape is passing through, innermost last.
    path: &'a [u64],
}

impl<'a> Scrape<'a> {
    pub(crate) fn new(sink: &'a mut dyn FnMut(&dyn Family) -> Result) -> Self {
        Self { sink, deadline: None, path: &[] }
    }

    /// Yields a family: Python's `yield`.
    ///
    /// # Errors
    /// [`Error::is_duplicate`] if the name clashes with another family of this
    /// scrape. The family is left out then; families yielded before it stay.
    pub fn family(&mut self, family: &dyn Family) -> Result {
        (self.sink)(family)
    }

    /// When whoever asked will stop waiting, if they said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn with_deadline(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    pub(crate) fn path(&self) -> &'a [u64] {
        self.path
    }

    /// The same, inside the registries of `path`.
    pub(crate) fn with_path(self, path: &'a [u64]) -> Self {
        Self { path, ..self }
    }
}

impl fmt::Debug for Scrape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Walks the families of a collector: what every reader is built on.
///
/// ```
/// use narthex::model::{Sample, UnknownMetricFamily, NO_LABELS};
/// use narthex::{collector_fn, for_each_family};
///
/// let answer = collector_fn(|scrape| {
///     let mut family = UnknownMetricFamily::new("answer", "To everything.")?;
///     family.add_metric(NO_LABELS, 42.0)?;
///     scrape.family(&family)
/// });
/// let mut values = Vec::new();
/// for_each_family(&answer, &mut |family| {
///     family.for_each_sample(&mut |sample: &Sample<'_>| values.push(sample.value()));
///     Ok(())
/// })?;
/// assert_eq!(values, [42.0]);
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// Those of the collector, and of `each`.
pub fn for_each_family(
    collector: &dyn Collector,
    each: &mut dyn FnMut(&dyn Family) -> Result,
) -> Result {
    for_each_family_until(collector, None, each)
}

/// The same, for readers that wait until `deadline` and no longer.
pub(crate) fn for_each_family_until(
    collector: &dyn Collector,
    deadline: Option<Instant>,
    each: &mut dyn FnMut(&dyn Family) -> Result,
) -> Result {
    collector.collect(&mut Scrape::new(each).with_deadline(deadline))
}

/// Makes a collector of a closure.
///
/// ```
/// use narthex::model::{GaugeMetricFamily, NO_LABELS};
/// use narthex::{CollectorRegistry, collector_fn};
/// use std::sync::Arc;
///
/// let registry = CollectorRegistry::new();
/// registry.register(Arc::new(collector_fn(|scrape| {
///     let mut threads = GaugeMetricFamily::new("threads", "Of this program.")?;
///     threads.add_metric(NO_LABELS, 4.0)?;
///     scrape.family(&threads)
/// })))?;
/// assert_eq!(registry.get_sample_value("threads", &[]), Some(4.0));
/// # Ok::<(), narthex::Error>(())
/// ```
pub fn collector_fn<F>(collect: F) -> CollectorFn<F>
where
    F: Fn(&mut Scrape<'_>) -> Result + Send + Sync,
{
    CollectorFn { collect, descs: Vec::new(), name: None }
}

/// A closure as a collector, made by [`collector_fn`].
pub struct CollectorFn<F> {
    collect: F,
    descs: Vec<Desc>,
    name: Option<String>,
}

impl<F> CollectorFn<F> {
    /// The same, with a name for errors and self-metrics to call it by.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same, with the families that the closure will yield said beforehand.
    #[must_use]
    pub fn describing(self, descs: impl IntoIterator<Item = Desc>) -> Self {
        Self { descs: descs.into_iter().collect(), ..self }
    }
}

impl<F> Collector for CollectorFn<F>
where
    F: Fn(&mut Scrape<'_>) -> Result + Send + Sync,
{
    fn describe(&self) -> Vec<Desc> {
        self.descs.clone()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        (self.collect)(scrape)
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| std::any::type_name::<Self>())
    }
}

impl<F> fmt::Debug for CollectorFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectorFn").field("descs", &self.descs).finish_non_exhaustive()
    }
}

/// Runs foreign code so that a panic in it becomes an error.
pub(crate) fn contain_panic<T>(name: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    // Whatever the panic left half-done is the collector's own, or rolled back by the sink.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Err(Error::collector(format!("{name} panicked: {said}")))
    })
}
