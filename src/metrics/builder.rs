//! How a metric is made: its name, its labels, its home.

use std::marker::PhantomData;
use std::sync::Arc;

use super::instrument::{Held, Instrument, Kind, Schema};
use super::label_hash::LabelHasher;
use super::label_set::{LabelSet, check_values};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
use crate::collector::Collector;
use crate::error::{Error, Result};
use crate::model::desc::full_name_with;
use crate::model::{Desc, LabelNames, NameValidation};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::MultiprocessStore;
use crate::registry::CollectorRegistry;

/// A metric that is being made; `T` is what it will be.
///
/// ```
/// use narthex::{CollectorRegistry, Counter};
///
/// let registry = CollectorRegistry::new();
/// let sent = Counter::builder("sent", "Mail that left.")
///     .namespace("app")
///     .subsystem("mail")
///     .unit("bytes")
///     .labels(["kind"])
///     .register(&registry)?;
/// sent.labels(["text"]).inc_by(512);
/// assert_eq!(
///     registry.get_sample_value("app_mail_sent_bytes_total", &[("kind", "text")]),
///     Some(512.0),
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct MetricBuilder<M: Instrument, T = M> {
    name: String,
    help: Arc<str>,
    namespace: String,
    subsystem: String,
    unit: String,
    validation: NameValidation,
    labels: Vec<String>,
    pub(super) settings: M::Settings,
    #[cfg(feature = "multiprocess")]
    store: Option<MultiprocessStore>,
    builds: PhantomData<fn() -> T>,
}

impl<M: Instrument> MetricBuilder<M> {
    pub(super) fn new(name: impl Into<String>, help: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            help: help.into(),
            namespace: String::new(),
            subsystem: String::new(),
            unit: String::new(),
            validation: NameValidation::Utf8,
            labels: Vec::new(),
            settings: M::Settings::default(),
            #[cfg(feature = "multiprocess")]
            store: None,
            builds: PhantomData,
        }
    }

    /// Splits the metric by labels of these names.
    pub fn labels<const N: usize>(
        self,
        names: [impl Into<String>; N],
    ) -> MetricBuilder<M, MetricVec<M, N>> {
        self.building(names.map(Into::into).into())
    }

    /// Splits the metric by labels whose names are known only when the program
    /// runs.
    pub fn labels_dyn<I>(self, names: I) -> MetricBuilder<M, MetricVecDyn<M>>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.building(names.into_iter().map(Into::into).collect())
    }

    /// Splits the metric by the labels of a struct that derives [`LabelSet`].
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use narthex::{Counter, LabelSet};
    ///
    /// #[derive(LabelSet)]
    /// struct Sent<'a> {
    ///     kind: &'a str,
    ///     encrypted: bool,
    /// }
    ///
    /// let sent = Counter::builder("sent", "Mail that left.").labels_of::<Sent>().build()?;
    /// sent.labels(Sent { kind: "text", encrypted: true }).inc();
    /// assert_eq!(sent.labels(Sent { kind: "text", encrypted: true }).get(), 1.0);
    /// # }
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn labels_of<L: LabelSet>(self) -> MetricBuilder<M, MetricVecOf<M, L::Static>> {
        self.building(L::NAMES.as_ref().iter().map(|&name| name.to_owned()).collect())
    }

    fn building<T>(self, labels: Vec<String>) -> MetricBuilder<M, T> {
        MetricBuilder {
            name: self.name,
            help: self.help,
            namespace: self.namespace,
            subsystem: self.subsystem,
            unit: self.unit,
            validation: self.validation,
            labels,
            settings: self.settings,
            #[cfg(feature = "multiprocess")]
            store: self.store,
            builds: PhantomData,
        }
    }
}

impl<M: Instrument, T: Built<M>> MetricBuilder<M, T> {
    /// What the name begins with, usually the program.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// What stands between namespace and name, usually a part of the program.
    pub fn subsystem(mut self, subsystem: impl Into<String>) -> Self {
        self.subsystem = subsystem.into();
        self
    }

    /// What the numbers count, as a base unit: `seconds`, `bytes`. The name
    /// ends with it.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Which names are allowed; any UTF-8 by default.
    pub fn name_validation(mut self, validation: NameValidation) -> Self {
        self.validation = validation;
        self
    }

    /// Puts the numbers into files that the processes of a pool share. An info
    /// and an enum have no such file, and stay in this process.
    #[cfg(feature = "multiprocess")]
    pub fn store(mut self, store: &MultiprocessStore) -> Self {
        self.store = Some(store.clone());
        self
    }

    /// Makes the metric; no registry knows it yet.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`], [`Error::is_invalid_label`] or
    /// [`Error::is_duplicate`] if a name is not allowed or stands twice;
    /// [`Error::is_invalid_label`] if [closed labels](MetricVecOf) have too many
    /// values; [`Error::is_invalid_value`] if a setting of the metric is not allowed.
    pub fn build(self) -> Result<T> {
        Ok(T::of(self.schema()?))
    }

    /// Makes the metric and registers it.
    ///
    /// # Errors
    /// Those of [`build`](Self::build), and [`Error::is_duplicate`] if a name
    /// is taken in the registry.
    pub fn register(self, registry: &CollectorRegistry) -> Result<T> {
        register(self.schema()?, registry)
    }

    /// The metric of this name in the registry if it is just like this one,
    /// else a new one.
    ///
    /// # Errors
    /// Those of [`register`](Self::register): also if the one that is there
    /// differs in type, labels, help, unit or settings.
    pub fn get_or_register(self, registry: &CollectorRegistry) -> Result<T> {
        let schema = self.schema()?;
        let found =
            || registry.owner_of(schema.desc.name()).map(|owner| same::<M, T>(&*owner, &schema));
        if let Some(same) = found() {
            return same;
        }
        // Another thread may have been faster with the very same metric.
        register(schema.clone(), registry).or_else(|error| found().unwrap_or(Err(error)))
    }

    fn schema(mut self) -> Result<Schema<M>> {
        let name = full_name_with(
            self.validation,
            M::TYPE,
            [&self.namespace, &self.subsystem, &self.name],
            &self.unit,
        )?;
        let names = LabelNames::with_validation(&self.labels, self.validation)
            .map_err(|error| error.of(format_args!("{} {:?}", M::TYPE, name.as_str())))?;
        T::check().map_err(|error| error.of(format_args!("{} {:?}", M::TYPE, name.as_str())))?;
        names.refuse(M::TYPE.reserved_label(), &format!("{} {:?}", M::TYPE, name.as_str()))?;
        let unit = (!self.unit.is_empty()).then(|| self.unit.as_str().into());
        let desc = Desc::from_full_name(name, self.help, M::TYPE, unit);
        M::check(&mut self.settings, &desc, &names)?;
        Ok(Schema {
            desc,
            names,
            validation: self.validation,
            settings: self.settings,
            hasher: LabelHasher::new(),
            #[cfg(feature = "multiprocess")]
            store: self.store,
        })
    }
}

fn register<M: Instrument, T: Built<M>>(
    schema: Schema<M>,
    registry: &CollectorRegistry,
) -> Result<T> {
    // A number in a file stays there, so none is made in vain.
    registry.refuse(&schema.desc, schema.shared_directory().as_slice())?;
    let metric = T::of(schema);
    registry.register(Arc::new(metric.clone()))?;
    Ok(metric)
}

/// The metric that owns the name, if it is just like the one that is wanted.
fn same<M: Instrument, T: Built<M>>(owner: &dyn Collector, wanted: &Schema<M>) -> Result<T> {
    let refuse = |differs: &str| {
        let mut names = wanted.desc.claims();
        names.sort();
        let message = format!("{:?} is registered already, {differs}", wanted.desc.name());
        Err(Error::duplicate(message, names))
    };
    let Some(have) = owner.as_any().and_then(|owner| owner.downcast_ref::<T>()) else {
        return refuse("as a metric of another kind");
    };
    match have.schema().difference(wanted) {
        None => Ok(have.clone()),
        Some(differs) => refuse(&format!("with {differs}")),
    }
}

/// What a builder makes: a metric, or one split by labels.
pub trait Built<M: Instrument>: Collector + Clone + Sized + 'static {
    #[doc(hidden)]
    fn of(schema: Schema<M>) -> Self;

    #[doc(hidden)]
    fn schema(&self) -> &Schema<M>;

    #[doc(hidden)]
    fn check() -> Result {
        Ok(())
    }
}

impl<M: Instrument> Built<M> for M {
    fn of(schema: Schema<M>) -> Self {
        <M as Kind>::of(Held::alone(schema))
    }

    fn schema(&self) -> &Schema<M> {
        self.series().schema()
    }
}

impl<M: Instrument, const N: usize> Built<M> for MetricVec<M, N> {
    fn of(schema: Schema<M>) -> Self {
        Self::new(schema)
    }

    fn schema(&self) -> &Schema<M> {
        self.schema()
    }
}

impl<M: Instrument> Built<M> for MetricVecDyn<M> {
    fn of(schema: Schema<M>) -> Self {
        Self::new(schema)
    }

    fn schema(&self) -> &Schema<M> {
        self.schema()
    }
}

impl<M: Instrument, L: LabelSet<Static = L> + 'static> Built<M> for MetricVecOf<M, L> {
    fn of(schema: Schema<M>) -> Self {
        Self::new(schema)
    }

    fn schema(&self) -> &Schema<M> {
        self.schema()
    }

    fn check() -> Result {
        check_values::<L>()
    }
}
