//! What a family is: its name, type, unit and help, and the one table of suffixes.

use std::fmt;
use std::sync::Arc;

use super::name::{MetricName, NameValidation};
use crate::error::{Error, ErrorKind, Result};

/// The eight types of OpenMetrics.
///
/// [The specification](https://prometheus.io/docs/specs/om/open_metrics_spec/#metric-types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricType {
    /// A total that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// A histogram of what is, not of what has happened.
    GaugeHistogram,
    /// Counts of observations by size.
    Histogram,
    /// Facts, told as labels.
    Info,
    /// Flags of which any may be set; an enumeration has just one set.
    StateSet,
    /// Count and sum of observations, and perhaps quantiles.
    Summary,
    /// Of no known type.
    Unknown,
}

impl MetricType {
    /// The name of the type in OpenMetrics: `counter`, `stateset`, …
    ///
    /// ```
    /// use narthex::model::MetricType;
    ///
    /// assert_eq!(MetricType::GaugeHistogram.as_str(), "gaugehistogram");
    /// assert_eq!(MetricType::parse("untyped"), Some(MetricType::Unknown));
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Histogram => "histogram",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Summary => "summary",
            Self::Unknown => "unknown",
        }
    }

    /// The type of that name; `untyped` is the text format's word for unknown.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "gaugehistogram" => Self::GaugeHistogram,
            "histogram" => Self::Histogram,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "summary" => Self::Summary,
            "unknown" | "untyped" => Self::Unknown,
            _ => return None,
        })
    }

    /// The suffixes that samples of this type bear.
    pub fn suffixes(self) -> &'static [Suffix] {
        match self {
            Self::Counter => &[Suffix::Total],
            Self::Gauge | Self::StateSet | Self::Unknown => &[Suffix::None],
            Self::GaugeHistogram => &[Suffix::Bucket, Suffix::GCount, Suffix::GSum],
            Self::Histogram => &[Suffix::Bucket, Suffix::Count, Suffix::Sum],
            Self::Info => &[Suffix::Info],
            Self::Summary => &[Suffix::None, Suffix::Count, Suffix::Sum],
        }
    }

    /// Whether series of this type have a start time, shown as `_created`.
    pub fn has_start_time(self) -> bool {
        matches!(self, Self::Counter | Self::Histogram | Self::Summary)
    }

    /// Whether series of this type are histograms.
    pub(crate) fn has_buckets(self) -> bool {
        matches!(self, Self::GaugeHistogram | Self::Histogram)
    }

    /// The label that this type adds to its samples itself, and users cannot have.
    pub(crate) fn reserved_label(self) -> Option<&'static str> {
        match self {
            Self::GaugeHistogram | Self::Histogram => Some("le"),
            Self::Summary => Some("quantile"),
            _ => None,
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands behind a family's name in the name of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suffix {
    /// `_bucket`
    Bucket,
    /// `_count`
    Count,
    /// `_created`
    Created,
    /// `_gcount`
    GCount,
    /// `_gsum`
    GSum,
    /// `_info`
    Info,
    /// Nothing.
    None,
    /// `_sum`
    Sum,
    /// `_total`
    Total,
}

impl Suffix {
    /// The suffix as text, with its underscore.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bucket => "_bucket",
            Self::Count => "_count",
            Self::Created => "_created",
            Self::GCount => "_gcount",
            Self::GSum => "_gsum",
            Self::Info => "_info",
            Self::None => "",
            Self::Sum => "_sum",
            Self::Total => "_total",
        }
    }

    /// The suffix that makes `sample` of `family`, if one does.
    pub(crate) fn between(family: &str, sample: &str) -> Option<Self> {
        let rest = sample.strip_prefix(family)?;
        [
            Self::Bucket,
            Self::Count,
            Self::Created,
            Self::GCount,
            Self::GSum,
            Self::Info,
            Self::None,
            Self::Sum,
            Self::Total,
        ]
        .into_iter()
        .find(|suffix| suffix.as_str() == rest)
    }
}

/// What is known of a family before its samples: name, type, unit and help.
///
/// ```
/// use narthex::model::{Desc, MetricType};
///
/// let desc = Desc::new("http_requests", "Requests answered.", MetricType::Counter)?;
/// assert_eq!(desc.name(), "http_requests");
/// assert_eq!(
///     desc.claims(),
///     ["http_requests", "http_requests_total", "http_requests_created"],
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desc {
    name: MetricName,
    help: Arc<str>,
    metric_type: MetricType,
    unit: Option<Arc<str>>,
}

impl Desc {
    /// A family of this name, without a unit. A counter's `_total` is not part of it.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if the name is empty.
    pub fn new(
        name: impl AsRef<str>,
        help: impl Into<Arc<str>>,
        metric_type: MetricType,
    ) -> Result<Self> {
        let name = full_name(metric_type, name.as_ref(), "", "", "")?;
        Ok(Self { name, help: help.into(), metric_type, unit: None })
    }

    /// The same family measured in `unit`, which the name ends with from now on.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if the type cannot have a unit.
    pub fn with_unit(self, unit: &str) -> Result<Self> {
        // A `_total` that is left in the name of a counter is meant to be there.
        let mut name = self.name.as_str().to_owned();
        push_unit(&mut name, self.metric_type, unit)?;
        let unit = (!unit.is_empty()).then(|| unit.into());
        Ok(Self { name: MetricName::new(name)?, unit, ..self })
    }

    /// A family whose full name is made already.
    pub(crate) fn from_full_name(
        name: MetricName,
        help: Arc<str>,
        metric_type: MetricType,
        unit: Option<Arc<str>>,
    ) -> Self {
        Self { name, help, metric_type, unit }
    }

    /// The same with another help text.
    pub(crate) fn with_help(self, help: &str) -> Self {
        Self { help: help.into(), ..self }
    }

    /// The same with a unit, which the name ends with already.
    #[cfg(feature = "multiprocess")]
    pub(crate) fn measured_in(self, unit: &str) -> Self {
        Self { unit: Some(unit.into()), ..self }
    }

    /// The name of the family, without the suffixes of its samples.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The help text, not escaped.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// The type.
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// The unit, if it has one.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// Every name that this family takes in a registry: its own, then its samples'.
    pub fn claims(&self) -> Vec<String> {
        self.claimed_suffixes()
            .map(|suffix| format!("{}{}", self.name(), suffix.as_str()))
            .collect()
    }

    /// What stands behind the name in each of its claims; at first nothing.
    pub(crate) fn claimed_suffixes(&self) -> impl Iterator<Item = Suffix> + use<> {
        let created = self.metric_type.has_start_time().then_some(Suffix::Created);
        let samples = self.metric_type.suffixes().iter().copied();
        let samples = samples.filter(|suffix| *suffix != Suffix::None);
        std::iter::once(Suffix::None).chain(samples).chain(created)
    }
}

/// The name of a family, made of its parts.
///
/// Parts that are not empty are joined by underscores; a counter loses one
/// `_total`; a unit is appended unless the name already ends with it.
///
/// ```
/// use narthex::model::{MetricType, full_name};
///
/// let name = full_name(MetricType::Counter, "sent_total", "app", "mail", "bytes")?;
/// assert_eq!(name.as_str(), "app_mail_sent_bytes");
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// [`Error::is_invalid_name`] if `name` is empty, or the type is info or
/// stateset and has a unit.
pub fn full_name(
    metric_type: MetricType,
    name: &str,
    namespace: &str,
    subsystem: &str,
    unit: &str,
) -> Result<MetricName> {
    full_name_with(NameValidation::Utf8, metric_type, [namespace, subsystem, name], unit)
}

pub(crate) fn full_name_with(
    validation: NameValidation,
    metric_type: MetricType,
    [namespace, subsystem, name]: [&str; 3],
    unit: &str,
) -> Result<MetricName> {
    if name.is_empty() {
        return MetricName::new(name);
    }
    let mut full = String::new();
    for part in [namespace, subsystem] {
        if !part.is_empty() {
            full.push_str(part);
            full.push('_');
        }
    }
    full.push_str(name);
    if metric_type == MetricType::Counter {
        if let Some(stem) = full.strip_suffix(Suffix::Total.as_str()) {
            full.truncate(stem.len());
        }
    }
    push_unit(&mut full, metric_type, unit)?;
    MetricName::with_validation(full, validation)
}

/// Appends a unit, unless the name ends with it.
fn push_unit(name: &mut String, metric_type: MetricType, unit: &str) -> Result {
    if unit.is_empty() {
        return Ok(());
    }
    if matches!(metric_type, MetricType::Info | MetricType::StateSet) {
        return Err(Error::new(
            ErrorKind::InvalidName,
            format!("{name:?} cannot have the unit {unit:?}: it is of type {metric_type}"),
        ));
    }
    let has_unit = name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_'));
    if !has_unit {
        name.push('_');
        name.push_str(unit);
    }
    Ok(())
}
