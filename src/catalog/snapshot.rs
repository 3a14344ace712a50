//! What the metrics of a catalogue are at, as structured values.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::entries::Catalog;
use super::kind::MetricKind;
use super::slot::Slot;
use crate::collector::{contain_panic, for_each_family};
use crate::error::Result;
use crate::model::{Sample, Suffix};

/// What a metric is at: the values of all of its series.
///
/// It is serialized as it is read: numbers as numbers, but those that JSON does not have as they
/// are exposed, such as `"+Inf"`.
///
/// ```
/// use narthex::catalog::{Catalog, MetricKind, MetricSpec};
///
/// let size = MetricSpec::new(MetricKind::Histogram, "batch.rows", "Rows of a batch.");
/// let catalog = Catalog::new([size.with_buckets([1.0, 10.0])])?;
/// catalog.histogram("batch.rows")?.observe(7);
/// let snapshot = catalog.snapshot_of("batch.rows")?;
/// assert_eq!(
///     serde_json::to_string(&snapshot).unwrap(),
///     "{\"kind\":\"histogram\",\"series\":[{\"labels\":{},\"count\":1.0,\"sum\":7.0,\
///      \"buckets\":[[1.0,0.0],[10.0,1.0],[\"+Inf\",1.0]]}]}",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[doc(alias = "HistogramSnapshot")]
pub struct MetricSnapshot {
    /// Of which kind it is.
    pub kind: MetricKind,
    /// Its series: one if it has no labels, else one for each child.
    pub series: Vec<SeriesSnapshot>,
}

/// What a series is at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SeriesSnapshot {
    /// The values of its labels, by their names.
    pub labels: BTreeMap<String, String>,
    /// What it is at.
    #[serde(flatten)]
    pub value: SnapshotValue,
}

/// What a series is at, by the kind of its metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum SnapshotValue {
    /// The number of a counter or a gauge.
    Number {
        /// The number.
        #[serde(serialize_with = "number")]
        value: f64,
    },
    /// What a histogram has observed.
    Histogram {
        /// How many observations there were.
        count: f64,
        /// What they add up to; none if a bound is negative, so that it might fall.
        #[serde(serialize_with = "maybe_number")]
        sum: Option<f64>,
        /// Upper bounds, the last one +Inf, each with how many observations were not above it.
        #[serde(serialize_with = "pairs")]
        buckets: Vec<(f64, f64)>,
    },
    /// What a summary has observed.
    Summary {
        /// How many observations there were.
        count: f64,
        /// What they add up to.
        #[serde(serialize_with = "number")]
        sum: f64,
    },
    /// The facts that an info tells.
    Facts {
        /// The facts by their names.
        facts: BTreeMap<String, String>,
    },
    /// The state that an enum is in.
    State {
        /// The name of the state.
        state: String,
    },
}

impl Catalog {
    /// What all metrics are at, by their names.
    ///
    /// ```
    /// use narthex::catalog::{Catalog, MetricKind, MetricSpec, SnapshotValue};
    ///
    /// let loss = MetricSpec::new(MetricKind::Gauge, "train.loss", "Of the last step.");
    /// let catalog = Catalog::new([loss])?;
    /// catalog.gauge("train.loss")?.set(0.25);
    /// let snapshots = catalog.snapshot()?;
    /// assert_eq!(snapshots["train.loss"].series[0].value, SnapshotValue::Number { value: 0.25 });
    /// # Ok::<(), narthex::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_collector`](crate::Error::is_collector) if a function panics that a gauge was
    /// [given](crate::Gauge::set_function).
    #[doc(alias = "snapshot_all")]
    pub fn snapshot(&self) -> Result<BTreeMap<String, MetricSnapshot>> {
        let named = |slot: &Slot| Ok((slot.spec.name().to_owned(), snapshot_of(slot)?));
        self.slots().iter().map(named).collect()
    }

    /// What one metric is at.
    ///
    /// # Errors
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is none of that name, and those
    /// of [`snapshot`](Self::snapshot).
    pub fn snapshot_of(&self, name: &str) -> Result<MetricSnapshot> {
        snapshot_of(self.slot(name)?)
    }
}

fn snapshot_of(slot: &Slot) -> Result<MetricSnapshot> {
    let (live, kind) = (slot.live(), slot.spec.kind());
    let mut series: Vec<SeriesSnapshot> = Vec::new();
    contain_panic(slot.spec.name(), || {
        for_each_family(live.collector(), &mut |family| {
            family.for_each_sample(&mut |sample| add(slot, sample, &mut series));
            Ok(())
        })
    })?;
    Ok(MetricSnapshot { kind, series })
}

/// Adds a sample to its series, which is the last one or a new one.
fn add(slot: &Slot, sample: &Sample<'_>, all: &mut Vec<SeriesSnapshot>) {
    let kind = slot.spec.kind();
    let (mut labels, mut others) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in sample.labels().iter() {
        let is_own = slot.spec.labels().iter().any(|label| *label == name);
        let into = if is_own { &mut labels } else { &mut others };
        into.insert(name.to_owned(), value.into_owned());
    }
    if all.last().is_none_or(|last| last.labels != labels) {
        all.push(SeriesSnapshot { labels, value: SnapshotValue::none_of(kind) });
    }
    let Some(SeriesSnapshot { value, .. }) = all.last_mut() else { return };
    match value {
        SnapshotValue::Number { value } => *value = sample.value(),
        SnapshotValue::Histogram { count, sum, buckets } => match sample.suffix() {
            Suffix::Bucket => {
                let bound = others.get("le").and_then(|le| le.parse().ok());
                buckets.extend(bound.map(|bound: f64| (bound, sample.value())));
            }
            Suffix::Count => *count = sample.value(),
            Suffix::Sum => *sum = Some(sample.value()),
            _ => {}
        },
        SnapshotValue::Summary { count, sum } => match sample.suffix() {
            Suffix::Count => *count = sample.value(),
            Suffix::Sum => *sum = sample.value(),
            _ => {}
        },
        SnapshotValue::Facts { facts } => *facts = others,
        SnapshotValue::State { state } => {
            if sample.value() == 1.0 {
                *state = others.into_values().next().unwrap_or_default();
            }
        }
    }
}

impl SnapshotValue {
    /// That of a series of which nothing is known yet.
    fn none_of(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter | MetricKind::Gauge => Self::Number { value: 0.0 },
            MetricKind::Histogram => Self::Histogram { count: 0.0, sum: None, buckets: Vec::new() },
            MetricKind::Summary => Self::Summary { count: 0.0, sum: 0.0 },
            MetricKind::Info => Self::Facts { facts: BTreeMap::new() },
            MetricKind::Enum => Self::State { state: String::new() },
        }
    }
}

/// A number, or its name where JSON has none.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown {
    Number(f64),
    Name(String),
}

impl From<f64> for Shown {
    fn from(value: f64) -> Self {
        if value.is_finite() {
            Self::Number(value)
        } else {
            Self::Name(crate::model::format_f64(value))
        }
    }
}

fn number<S: Serializer>(value: &f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    Shown::from(*value).serialize(serializer)
}

fn maybe_number<S: Serializer>(
    value: &Option<f64>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    value.map(Shown::from).serialize(serializer)
}

fn pairs<S: Serializer>(
    pairs: &[(f64, f64)],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(pairs.iter().map(|(bound, count)| (Shown::from(*bound), count)))
}
