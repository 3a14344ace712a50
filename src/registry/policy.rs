//! How a registry is set up: what a failing collector costs, and what it tells of itself.

use std::fmt;
use std::sync::Arc;

use super::CollectorRegistry;
use crate::collector::contain_panic;
use crate::error::Error;

/// What becomes of a scrape when a collector fails or panics.
///
/// ```
/// use narthex::{CollectorRegistry, Error, FailurePolicy, Gauge, collector_fn, exposition};
/// use std::sync::Arc;
///
/// let registry = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
/// let sensor = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
/// registry.register(Arc::new(sensor))?;
/// Gauge::builder("answer", "To everything.").register(&registry)?.set(42);
/// assert!(exposition::text::encode(&registry)?.ends_with("\nanswer 42.0\n"));
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// The scrape fails, with the collector's name.
    #[default]
    Fail,
    /// What the collector had not finished is left out, and the failure is
    /// counted in [the self-metrics](RegistryBuilder::self_metrics).
    Skip,
}

/// Settings of a registry that is being made.
///
/// ```
/// use narthex::{CollectorRegistry, FailurePolicy};
///
/// let registry = CollectorRegistry::builder()
///     .auto_describe(true)
///     .on_failure(FailurePolicy::Skip)
///     .self_metrics(true)
///     .build();
/// assert_eq!(registry.get_sample_value("narthex_registry_collectors", &[]), Some(0.0));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct RegistryBuilder {
    options: Options,
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) auto_describe: bool,
    pub(super) collectors_without_names: bool,
    pub(super) created: bool,
    pub(super) on_failure: FailurePolicy,
    pub(super) self_metrics: bool,
    pub(super) tell: Option<Tell>,
}

/// What is told of failures; foreign code.
#[derive(Clone)]
pub(super) struct Tell(Arc<Teller>);

type Teller = dyn Fn(&str, &Error) + Send + Sync;

impl Tell {
    /// A panic in it is no reason to lose the scrape.
    pub(super) fn call(&self, title: &str, error: &Error) {
        let _ = contain_panic("the handler of failures", || {
            (self.0)(title, error);
            Ok(())
        });
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auto_describe: false,
            collectors_without_names: false,
            created: true,
            on_failure: FailurePolicy::Fail,
            self_metrics: false,
            tell: None,
        }
    }
}

impl RegistryBuilder {
    /// Whether a collector that describes nothing is collected at registration,
    /// to learn its names. Off by default.
    pub fn auto_describe(mut self, yes: bool) -> Self {
        self.options.auto_describe = yes;
        self
    }

    /// Whether restricted views, and so `name[]` of a scrape over HTTP, ask
    /// collectors of which no names are known. Off by default, but for
    /// collectors that merge the files of a pool: those are always asked.
    #[doc(alias = "support_collectors_without_names")]
    pub fn collectors_without_names(mut self, yes: bool) -> Self {
        self.options.collectors_without_names = yes;
        self
    }

    /// Whether series show when they began, in formats that show it. On by
    /// default.
    #[doc(alias = "disable_created_metrics")]
    pub fn created_series(mut self, yes: bool) -> Self {
        self.options.created = yes;
        self
    }

    /// What becomes of a scrape when a collector fails.
    pub fn on_failure(mut self, policy: FailurePolicy) -> Self {
        self.options.on_failure = policy;
        self
    }

    /// Tells `f` of every collector that fails, with its name and why: to log it.
    ///
    /// ```
    /// use narthex::{CollectorRegistry, Error, FailurePolicy, collector_fn, exposition};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let told = log.clone();
    /// let registry = CollectorRegistry::builder()
    ///     .on_failure(FailurePolicy::Skip)
    ///     .tell_failures(move |name, error| told.lock().unwrap().push(format!("{name}: {error}")))
    ///     .build();
    /// let sensor = collector_fn(|_| Err(Error::collector("unplugged"))).named("sensor");
    /// registry.register(Arc::new(sensor))?;
    /// exposition::text::encode(&registry)?;
    /// assert_eq!(*log.lock().unwrap(), ["sensor: unplugged"]);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn tell_failures(mut self, f: impl Fn(&str, &Error) + Send + Sync + 'static) -> Self {
        self.options.tell = Some(Tell(Arc::new(f)));
        self
    }

    /// Whether each scrape closes with families about the registry itself. Off
    /// by default.
    ///
    /// `narthex_registry_collectors`, `_families` and `_series` count this
    /// scrape; `narthex_scrape_duration_seconds` and `narthex_scrape_bytes` are
    /// those of the last one; `narthex_collector_duration_seconds` and
    /// `narthex_collector_failures_total` are told per collector.
    /// `narthex_refused_observations_total` counts amounts that changed nothing,
    /// anywhere in the program.
    pub fn self_metrics(mut self, yes: bool) -> Self {
        self.options.self_metrics = yes;
        self
    }

    /// Makes the registry.
    pub fn build(self) -> CollectorRegistry {
        CollectorRegistry::with_options(self.options)
    }
}
