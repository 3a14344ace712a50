//! The metrics that live in a catalogue, of any kind, whole or split by labels.

use std::any::Any;

use super::kind::MetricKind;
use super::spec::MetricSpec;
use crate::collector::{Collector, SharedDirectory};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{
    Built, Counter, Enum, Gauge, Histogram, Info, Instrument, MetricBuilder, MetricVec,
    MetricVecDyn, Summary,
};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::MultiprocessStore;

/// What an entry is made with, beside its specification.
pub(super) struct Making<'a> {
    pub(super) spec: &'a MetricSpec,
    /// The name of its family.
    pub(super) family: &'a str,
    /// The bounds that a histogram has.
    pub(super) buckets: &'a [f64],
    pub(super) home: &'a Home,
}

/// Where numbers live: in memory, or in files that processes share.
#[derive(Default)]
pub(super) struct Home {
    #[cfg(feature = "multiprocess")]
    store: Option<MultiprocessStore>,
}

impl Home {
    #[cfg(feature = "multiprocess")]
    pub(super) fn shared(store: &MultiprocessStore) -> Self {
        Self { store: Some(store.clone()) }
    }

    pub(super) fn shared_directory(&self) -> Option<SharedDirectory> {
        #[cfg(feature = "multiprocess")]
        if let Some(store) = &self.store {
            return Some(SharedDirectory::Writes(store.dir().to_owned()));
        }
        None
    }

    fn of<M: Instrument>(&self, builder: MetricBuilder<M>) -> MetricBuilder<M> {
        #[cfg(feature = "multiprocess")]
        if let Some(store) = &self.store {
            return builder.store(store);
        }
        builder
    }
}

/// A metric as a catalogue keeps it.
pub(super) trait Live: Send + Sync {
    fn collector(&self) -> &dyn Collector;

    fn begin_anew(&self);

    fn as_any(&self) -> &dyn Any;
}

/// A kind of metric that a catalogue can have.
pub trait Entry: Instrument {
    const KIND: MetricKind;

    fn begin(name: &str, help: &str) -> MetricBuilder<Self>;

    /// Sets what only this kind has.
    fn configure<T: Built<Self>>(
        builder: MetricBuilder<Self, T>,
        _buckets: &[f64],
        _spec: &MetricSpec,
    ) -> MetricBuilder<Self, T> {
        builder
    }

    /// Is as it was when it was made, if nobody observes meanwhile.
    fn begin_anew(&self);
}

/// A metric, or one split by labels.
#[derive(Debug)]
pub enum Shape<M: Entry> {
    Whole(M),
    Split(MetricVecDyn<M>),
}

impl<M: Entry> Live for Shape<M> {
    fn collector(&self) -> &dyn Collector {
        match self {
            Self::Whole(metric) => metric,
            Self::Split(metric) => metric,
        }
    }

    fn begin_anew(&self) {
        match self {
            Self::Whole(metric) => metric.begin_anew(),
            Self::Split(metric) => metric.clear(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Makes the metric of an entry.
pub(super) fn make(making: &Making<'_>) -> Result<Box<dyn Live>> {
    match making.spec.kind() {
        MetricKind::Counter => shape_of::<Counter>(making),
        MetricKind::Gauge => shape_of::<Gauge>(making),
        MetricKind::Histogram => shape_of::<Histogram>(making),
        MetricKind::Summary => shape_of::<Summary>(making),
        MetricKind::Info => shape_of::<Info>(making),
        MetricKind::Enum => shape_of::<Enum>(making),
    }
}

fn shape_of<M: Entry>(making: &Making<'_>) -> Result<Box<dyn Live>> {
    let spec = making.spec;
    let builder = making.home.of(M::begin(making.family, spec.help()).unit(spec.unit()));
    let shape = if spec.labels().is_empty() {
        Shape::Whole(M::configure(builder, making.buckets, spec).build()?)
    } else {
        let builder = builder.labels_dyn(spec.labels());
        Shape::Split(M::configure(builder, making.buckets, spec).build()?)
    };
    Ok(Box::new(shape))
}

/// What a catalogue gives out: a metric, or one split by labels.
///
/// [`Counter`], [`Gauge`], [`Histogram`], [`Summary`], [`Info`] and [`Enum`]; the same as
/// [`MetricVecDyn`], such as [`CounterVecDyn`](crate::CounterVecDyn); or, if the number of labels
/// is right, as [`MetricVec`], such as [`CounterVec<2>`](crate::CounterVec). Only the library
/// implements it.
pub trait CatalogMetric: Sized {
    #[doc(hidden)]
    type Of: Entry;

    #[doc(hidden)]
    fn of(shape: &Shape<Self::Of>) -> Option<Self>;
}

impl<M: Entry> CatalogMetric for M {
    type Of = M;

    fn of(shape: &Shape<M>) -> Option<M> {
        match shape {
            Shape::Whole(metric) => Some(metric.clone()),
            Shape::Split(_) => None,
        }
    }
}

impl<M: Entry> CatalogMetric for MetricVecDyn<M> {
    type Of = M;

    fn of(shape: &Shape<M>) -> Option<Self> {
        match shape {
            Shape::Whole(_) => None,
            Shape::Split(metric) => Some(metric.clone()),
        }
    }
}

impl<M: Entry, const N: usize> CatalogMetric for MetricVec<M, N> {
    type Of = M;

    fn of(shape: &Shape<M>) -> Option<Self> {
        <MetricVecDyn<M> as CatalogMetric>::of(shape)?.try_into().ok()
    }
}

/// The metric of an entry as what it is asked for.
pub(super) fn take<T: CatalogMetric>(spec: &MetricSpec, live: &dyn Live) -> Result<T> {
    let (name, kind) = (spec.name(), spec.kind());
    let refuse = |message| Err(Error::new(ErrorKind::InvalidValue, message));
    let Some(shape) = live.as_any().downcast_ref::<Shape<T::Of>>() else {
        let (have, want) = (kind.with_article(), T::Of::KIND.with_article());
        return refuse(format!("{name:?} is {have}, and not {want}"));
    };
    let taken = T::of(shape);
    taken.map_or_else(
        || {
            let labels = spec.labels();
            refuse(match labels.len() {
                0 => format!("{kind} {name:?} has no labels: ask for a {kind:?}"),
                n => format!(
                    "{kind} {name:?} has the labels {labels:?}: ask for a {kind:?}Vec<{n}> or \
                     {kind:?}VecDyn"
                ),
            })
        },
        Ok,
    )
}

impl Entry for Counter {
    const KIND: MetricKind = MetricKind::Counter;

    fn begin(name: &str, help: &str) -> MetricBuilder<Self> {
        // Of what it is told, a builder takes one of these away.
        Self::builder(format!("{name}_total"), help)
    }

    fn begin_anew(&self) {
        self.reset();
    }
}

impl Entry for Gauge {
    const KIND: MetricKind = MetricKind::Gauge;

    fn begin(name: &str, help: &str) -> MetricBuilder<Self> {
        Self::builder(name, help)
    }

    fn begin_anew(&self) {
        self.clear_function();
        self.set(0);
    }
}

impl Entry for Histogram {
    const KIND: MetricKind = MetricKind::Histogram;

    fn begin(name: &str, help: &str) -> MetricBuilder<Self> {
        Self::builder(name, help)
    }

    fn configure<T: Built<Self>>(
        builder: MetricBuilder<Self, T>,
        buckets: &[f64],
        _: &MetricSpec,
    ) -> MetricBuilder<Self, T> {
        builder.buckets(buckets.iter().copied())
    }

    fn begin_anew(&self) {
        self.clear();
    }
}

impl Entry for Summary {
    const KIND: MetricKind = MetricKind::Summary;

    fn begin(name: &str, help: &str) -> MetricBuilder<Self> {
        Self::builder(name, help)
    }

    fn begin_anew(&self) {
        self.clear();
    }
}

impl Entry for Info {
    const KIND: MetricKind = MetricKind::Info;

    fn begin(name: &str, help: &str) -> MetricBuilder<Self> {
        Self::builder(name, help)
    }

    fn begin_anew(&self) {
        // None is wrong where there are none.
        let _ = self.info::<_, &str, &str>([]);
    }
}

impl Entry for Enum {
    const KIND: MetricKind = MetricKind::Enum;

    fn begin(name: &str, help: &str) -> MetricBuilder<Self> {
        Self::builder(name, help)
    }

    fn configure<T: Built<Self>>(
        builder: MetricBuilder<Self, T>,
        _: &[f64],
        spec: &MetricSpec,
    ) -> MetricBuilder<Self, T> {
        builder.states(spec.states().iter().map(String::as_str))
    }

    fn begin_anew(&self) {
        self.clear();
    }
}
