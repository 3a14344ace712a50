//! Collectors that must await what they tell.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::collector::{Collector, Scrape};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Desc, MetricFamily};

/// Something that must await its numbers: a query, a call to another service.
///
/// ```
/// use narthex::CollectorRegistry;
/// use narthex::collectors::{AsyncCollector, AwaitedCollector};
/// use narthex::model::{Desc, GaugeMetricFamily, MetricFamily, MetricType, NO_LABELS};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// struct Rows;
///
/// impl AsyncCollector for Rows {
///     fn describe(&self) -> Vec<Desc> {
///         Desc::new("table_rows", "Of the table.", MetricType::Gauge).into_iter().collect()
///     }
///
///     async fn collect(&self) -> narthex::Result<Vec<MetricFamily>> {
///         let mut family = GaugeMetricFamily::new("table_rows", "Of the table.")?;
///         family.add_metric(NO_LABELS, 1042.0)?;
///         Ok(vec![family.into()])
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let registry = CollectorRegistry::new();
/// registry.register(Arc::new(AwaitedCollector::new(Rows, Duration::from_secs(2))))?;
/// registry.refresh().await;
/// assert_eq!(registry.get_sample_value("table_rows", &[]), Some(1042.0));
/// # Ok::<(), narthex::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait AsyncCollector: Send + Sync {
    /// The families that it will tell; empty if that is not known beforehand.
    fn describe(&self) -> Vec<Desc> {
        Vec::new()
    }

    /// Awaits the families.
    fn collect(&self) -> impl Future<Output = Result<Vec<MetricFamily>>> + Send;

    /// What errors and self-metrics call it: the name of its type by default.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }
}

/// Makes an asynchronous collector of a closure.
pub fn async_collector_fn<F, Fut>(collect: F) -> AsyncCollectorFn<F>
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<Vec<MetricFamily>>> + Send,
{
    AsyncCollectorFn { collect, descs: Vec::new(), name: None }
}

/// A closure as an asynchronous collector, made by [`async_collector_fn`].
pub struct AsyncCollectorFn<F> {
    collect: F,
    descs: Vec<Desc>,
    name: Option<String>,
}

impl<F> AsyncCollectorFn<F> {
    /// The same, with the families that the closure will tell said beforehand.
    #[must_use]
    pub fn describing(self, descs: impl IntoIterator<Item = Desc>) -> Self {
        Self { descs: descs.into_iter().collect(), ..self }
    }

    /// The same, with a name for errors and self-metrics to call it by.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl<F, Fut> AsyncCollector for AsyncCollectorFn<F>
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<Vec<MetricFamily>>> + Send,
{
    fn describe(&self) -> Vec<Desc> {
        self.descs.clone()
    }

    fn collect(&self) -> impl Future<Output = Result<Vec<MetricFamily>>> + Send {
        (self.collect)()
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| std::any::type_name::<Self>())
    }
}

impl<F> fmt::Debug for AsyncCollectorFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCollectorFn").field("descs", &self.descs).finish_non_exhaustive()
    }
}

/// Makes a [`Collector`] of one that must await.
///
/// [`CollectorRegistry::refresh`](crate::CollectorRegistry::refresh) awaits it,
/// for as long as it is given; the HTTP servers do that before each scrape. The
/// scrape then tells what came last. If that fails or takes too long, the last
/// good families are told; if there never were any, the scrape gets the error.
///
/// A registry that [collects what describes nothing](crate::RegistryBuilder::auto_describe)
/// when it is registered, as [`REGISTRY`](crate::REGISTRY) does, refuses one that neither
/// describes its families nor was awaited yet.
///
/// ```
/// use narthex::collectors::{AwaitedCollector, async_collector_fn};
/// use narthex::model::{GaugeMetricFamily, NO_LABELS};
/// use narthex::CollectorRegistry;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let rows = async_collector_fn(|| async {
///     let mut family = GaugeMetricFamily::new("table_rows", "Asked of the database.")?;
///     family.add_metric(NO_LABELS, 1042.0)?;
///     Ok(vec![family.into()])
/// });
/// let registry = CollectorRegistry::new();
/// registry.register(Arc::new(AwaitedCollector::new(rows, Duration::from_secs(2))))?;
/// registry.refresh().await;
/// assert_eq!(registry.get_sample_value("table_rows", &[]), Some(1042.0));
/// # Ok::<(), narthex::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AwaitedCollector<C> {
    collector: C,
    time_out: Duration,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    good: Option<Arc<[MetricFamily]>>,
    /// Why there is nothing better, until something good comes.
    message: Option<(ErrorKind, String)>,
}

impl<C: AsyncCollector> AwaitedCollector<C> {
    /// Awaits `collector` for at most `time_out`, in a tokio runtime with time.
    pub fn new(collector: C, time_out: Duration) -> Self {
        Self { collector, time_out, last: Mutex::default() }
    }

    async fn ask(&self) -> Result {
        let told = match tokio::runtime::Handle::try_current() {
            Ok(_) => self.told().await,
            Err(outside) => {
                Err(Error::collector("awaited outside of a tokio runtime").with_source(outside))
            }
        };
        let mut last = self.last.lock();
        match told {
            Ok(families) => {
                *last = Last { good: Some(families.into()), message: None };
                Ok(())
            }
            Err(error) => {
                last.message = Some((error.kind(), error.to_string()));
                // Without anything good the scrape itself will fail, and be counted.
                if last.good.is_some() { Err(error) } else { Ok(()) }
            }
        }
    }

    async fn told(&self) -> Result<Vec<MetricFamily>> {
        let told = tokio::time::timeout(self.time_out, self.collector.collect()).await;
        told.unwrap_or_else(|_| {
            let message = format!("{} took longer than {:?}", self.name(), self.time_out);
            Err(Error::new(ErrorKind::TimedOut, message))
        })
    }
}

impl<C: AsyncCollector> Collector for AwaitedCollector<C> {
    fn describe(&self) -> Vec<Desc> {
        self.collector.describe()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let families = {
            let last = self.last.lock();
            match (&last.good, &last.message) {
                (Some(families), _) => families.clone(),
                (None, Some((kind, message))) => return Err(Error::new(*kind, message.clone())),
                (None, None) => {
                    let message =
                        format!("{} was never awaited: refresh the registry", self.name());
                    return Err(Error::collector(message));
                }
            }
        };
        families.iter().try_for_each(|family| scrape.family(family))
    }

    fn name(&self) -> &str {
        self.collector.name()
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        Some(Box::pin(self.ask()))
    }
}

impl<C> fmt::Debug for AwaitedCollector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitedCollector").field("time_out", &self.time_out).finish_non_exhaustive()
    }
}
