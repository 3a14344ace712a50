//! What a metric is: one row of a catalogue.

use serde::{Deserialize, Serialize};

use super::buckets::default_buckets;
use super::declared::Declared;
use super::kind::MetricKind;

/// What a metric is: one row of a catalogue, which a program may also read from a file.
///
/// A histogram without buckets gets those of its unit: [`MILLISECOND_BUCKETS`], [`BYTE_BUCKETS`],
/// or [`DEFAULT_BUCKETS`] for seconds. Whether all is right is said by
/// [`Catalog::new`](super::Catalog::new).
///
/// ```
/// use narthex::catalog::{MetricKind, MetricSpec};
///
/// let spec = MetricSpec::new(MetricKind::Histogram, "train.step", "How long a step takes.")
///     .with_unit("milliseconds")
///     .with_labels(["device"]);
/// let text = serde_json::to_string(&spec)?;
/// assert_eq!(
///     text,
///     "{\"name\":\"train.step\",\"kind\":\"histogram\",\"unit\":\"milliseconds\",\
///      \"help\":\"How long a step takes.\",\"labels\":[\"device\"]}",
/// );
/// assert_eq!(serde_json::from_str::<MetricSpec>(&text)?, spec);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [`MILLISECOND_BUCKETS`]: super::MILLISECOND_BUCKETS
/// [`BYTE_BUCKETS`]: super::BYTE_BUCKETS
/// [`DEFAULT_BUCKETS`]: crate::DEFAULT_BUCKETS
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct MetricSpec {
    name: String,
    kind: MetricKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    unit: String,
    help: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    buckets: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    states: Vec<String>,
}

impl MetricSpec {
    /// A metric of that name, which may have dots.
    pub fn new(kind: MetricKind, name: impl Into<String>, help: impl Into<String>) -> Self {
        let (labels, states) = (Vec::new(), Vec::new());
        let (name, help, unit) = (name.into(), help.into(), String::new());
        Self { name, kind, unit, help, labels, buckets: None, states }
    }

    /// The same with what its numbers count: `seconds`, `bytes`. The name on the wire ends with it.
    pub fn with_unit(self, unit: impl Into<String>) -> Self {
        Self { unit: unit.into(), ..self }
    }

    /// The same split by labels of these names.
    pub fn with_labels<I>(self, labels: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { labels: labels.into_iter().map(Into::into).collect(), ..self }
    }

    /// The same with these upper bounds of its buckets, ascending; +Inf is added.
    pub fn with_buckets(self, buckets: impl IntoIterator<Item = f64>) -> Self {
        Self { buckets: Some(without_infinity(buckets.into_iter().collect())), ..self }
    }

    /// The same with the states that an enum can be in.
    pub fn with_states<I>(self, states: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { states: states.into_iter().map(Into::into).collect(), ..self }
    }

    /// The name that it is asked for by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind.
    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// What its numbers count; empty if that is not said.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The help text.
    #[doc(alias = "summary")]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// The names of its labels.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The upper bounds that were given, without +Inf.
    pub fn buckets(&self) -> Option<&[f64]> {
        self.buckets.as_deref()
    }

    /// The states of an enum.
    pub fn states(&self) -> &[String] {
        &self.states
    }

    /// The same with the buckets of its unit, if it is a histogram that was given none.
    pub(super) fn with_default_buckets(self) -> Self {
        match default_buckets(&self.unit) {
            Some(bounds) if self.kind == MetricKind::Histogram && self.buckets.is_none() => {
                self.with_buckets(bounds.iter().copied())
            }
            _ => self,
        }
    }

    /// The same as it stands in a declaration, which borrows these.
    pub(super) fn declared<'a>(&'a self, lists: &'a Lists<'a>) -> Declared<'a> {
        Declared {
            kind: self.kind,
            name: &self.name,
            help: &self.help,
            unit: &self.unit,
            labels: &lists.labels,
            buckets: self.buckets.as_deref(),
            states: &lists.states,
        }
    }
}

/// The lists of a specification, borrowed.
pub(super) struct Lists<'a> {
    labels: Vec<&'a str>,
    states: Vec<&'a str>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(spec: &'a MetricSpec) -> Self {
        let borrow = |texts: &'a [String]| texts.iter().map(String::as_str).collect();
        Self { labels: borrow(&spec.labels), states: borrow(&spec.states) }
    }
}

impl From<Declared<'_>> for MetricSpec {
    fn from(declared: Declared<'_>) -> Self {
        let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            name: declared.name.to_owned(),
            kind: declared.kind,
            unit: declared.unit.to_owned(),
            help: declared.help.to_owned(),
            labels: own(declared.labels),
            buckets: declared.buckets.map(|bounds| without_infinity(bounds.to_vec())),
            states: own(declared.states),
        }
    }
}

/// Bounds without the one that every histogram has.
pub(super) fn without_infinity(mut bounds: Vec<f64>) -> Vec<f64> {
    if bounds.last() == Some(&f64::INFINITY) {
        bounds.pop();
    }
    bounds
}
