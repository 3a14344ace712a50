//! Families written down: what custom collectors, the parsers and the merge yield.

mod buckets;
mod grouped;
mod labelled;
mod select;
mod started;
mod typed;

use std::sync::Arc;

pub use self::buckets::BucketBound;
pub use self::typed::{
    CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily, HistogramMetricFamily,
    InfoMetricFamily, StateSetMetricFamily, SummaryMetricFamily, UnknownMetricFamily,
};
use super::chunk::Chunk;
use super::columns::{Columns, RowLabels, ValueColumns};
use super::desc::{Desc, MetricType, Suffix};
use super::exemplar::Exemplar;
use super::family::{Family, Sealed};
use super::labels::LabelNames;
use super::native::NativeHistogram;
use super::timestamp::Timestamp;
use crate::error::{Error, ErrorKind, Result};

/// The label values of a series without labels.
///
/// ```
/// use narthex::model::{GaugeMetricFamily, NO_LABELS};
///
/// let mut threads = GaugeMetricFamily::new("threads", "Of this program.")?;
/// threads.add_metric(NO_LABELS, 4.0)?;
/// # Ok::<(), narthex::Error>(())
/// ```
pub const NO_LABELS: [&str; 0] = [];

/// A family of any type, written down sample by sample.
///
/// The typed families, [`CounterMetricFamily`] and its like, are easier to
/// fill; this one takes what was read elsewhere, in its order.
///
/// ```
/// use narthex::model::{MetricFamily, MetricType};
///
/// let mut family = MetricFamily::new("jobs", "Jobs done.", MetricType::Counter)?;
/// family.add_sample("jobs_total", [("queue", "mail")], 3.0)?;
/// assert!(family.add_sample("jobs_sum", [("queue", "mail")], 3.0).is_err());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "Metric")]
pub struct MetricFamily {
    desc: Desc,
    parts: Vec<Columns>,
}

impl MetricFamily {
    /// An empty family. A counter's `_total` is not part of its name.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if the name is empty.
    pub fn new(
        name: impl AsRef<str>,
        help: impl Into<Arc<str>>,
        metric_type: MetricType,
    ) -> Result<Self> {
        Ok(Self::of(Desc::new(name, help, metric_type)?))
    }

    /// An empty family of this description.
    pub fn of(desc: Desc) -> Self {
        Self { desc, parts: Vec::new() }
    }

    /// The same family measured in `unit`, which the name ends with from now on.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if the type cannot have a unit.
    pub fn with_unit(self, unit: &str) -> Result<Self> {
        Ok(Self { desc: self.desc.with_unit(unit)?, ..self })
    }

    /// Adds a sample by its full name and all of its labels.
    ///
    /// A `_created` sample becomes the start time of the sample before it, if
    /// that is of the same series, and stands for itself otherwise.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if samples of this type do not bear that
    /// name; [`Error::is_invalid_label`] or [`Error::is_duplicate`] if a label
    /// is not allowed, or the one that the type needs is missing.
    pub fn add_sample<I, N, V>(&mut self, name: &str, labels: I, value: f64) -> Result<Added<'_>>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let labels: Vec<_> = labels.into_iter().collect();
        let names = LabelNames::new(labels.iter().map(|(name, _)| name))?;
        let values: Vec<_> = labels.iter().map(|(_, value)| value.as_ref()).collect();
        let metric_type = self.desc.metric_type();
        let suffix = Suffix::between(self.desc.name(), name);
        let starts = suffix == Some(Suffix::Created) && metric_type.has_start_time();
        if starts && self.start_last(&labels, value) {
            return Ok(self.added(0));
        }
        let fits = |suffix: &Suffix| starts || metric_type.suffixes().contains(suffix);
        let Some(suffix) = suffix.filter(fits) else {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("{metric_type} {:?} has no samples named {name:?}", self.desc.name()),
            ));
        };
        self.check_own_label(suffix, &labels)?;
        self.float_columns(&names, suffix).push_float(RowLabels::Raw(&values), value);
        Ok(self.added(1))
    }

    /// Whether no sample was added.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Sets when the last row began, if these are its labels and that is not known yet.
    fn start_last<N, V>(&mut self, labels: &[(N, V)], value: f64) -> bool
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let own = self.desc.metric_type().reserved_label();
        match self.parts.last_mut() {
            Some(columns) if columns.awaits_start(own, labels) => columns.set_start(value),
            _ => return false,
        }
        !value.is_nan()
    }

    /// Checks the label that the type of the family adds to its samples.
    fn check_own_label<N, V>(&self, suffix: Suffix, labels: &[(N, V)]) -> Result
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let metric_type = self.desc.metric_type();
        let own = match (metric_type, suffix) {
            (_, Suffix::Bucket) => "le",
            (MetricType::Summary, Suffix::None) => "quantile",
            (MetricType::StateSet, _) => self.desc.name(),
            _ => return Ok(()),
        };
        let value = labels.iter().find(|(name, _)| name.as_ref() == own).map(|(_, v)| v.as_ref());
        match value {
            None => Err(Error::new(
                ErrorKind::InvalidLabel,
                format!("a sample of {metric_type} {:?} lacks its label {own:?}", self.desc.name()),
            )),
            Some(text) if metric_type != MetricType::StateSet && text.parse::<f64>().is_err() => {
                Err(Error::new(
                    ErrorKind::InvalidLabel,
                    format!("label {own:?} of {:?} is not a number: {text:?}", self.desc.name()),
                ))
            }
            Some(_) => Ok(()),
        }
    }

    /// The columns that take rows of this form: the last ones, or new ones.
    pub(crate) fn columns(
        &mut self,
        names: &LabelNames,
        fits: impl Fn(&ValueColumns) -> bool,
        new: impl FnOnce() -> ValueColumns,
    ) -> &mut Columns {
        let fitting =
            self.parts.last().is_some_and(|last| last.names() == names && fits(&last.values));
        if !fitting {
            self.parts.push(Columns::new(names.clone(), new()));
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    /// The columns that take rows of one number whose name ends with this.
    pub(crate) fn float_columns(&mut self, names: &LabelNames, suffix: Suffix) -> &mut Columns {
        self.columns(
            names,
            |values| matches!(values, ValueColumns::Floats { suffix: have, .. } if *have == suffix),
            || ValueColumns::Floats { suffix, values: Vec::new() },
        )
    }

    /// Sets when the series of the last row began.
    pub(crate) fn set_last_start(&mut self, start: f64) {
        if let Some(columns) = self.parts.last_mut() {
            columns.set_start(start);
        }
    }

    /// The same family with another help text.
    pub(crate) fn with_help(self, help: &str) -> Self {
        Self { desc: self.desc.with_help(help), ..self }
    }

    fn added(&mut self, rows: usize) -> Added<'_> {
        let last = self.parts.len() - 1;
        Added { desc: &self.desc, columns: &mut self.parts[last], rows }
    }
}

impl Sealed for MetricFamily {}

impl Family for MetricFamily {
    fn desc(&self) -> &Desc {
        &self.desc
    }

    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
        for columns in &self.parts {
            each(&columns.chunk());
        }
    }
}

/// The series that was just added to an owned family, to say more of it.
///
/// ```
/// use narthex::model::{CounterMetricFamily, Exemplar, Timestamp};
///
/// let mut family = CounterMetricFamily::new("jobs", "Jobs done.")?.with_labels(["queue"])?;
/// family
///     .add_metric(["mail"], 3.0)?
///     .created(1_700_000_000.0)
///     .timestamp(Timestamp::from_seconds(1_700_000_060.5)?)
///     .exemplar(Exemplar::new([("trace_id", "4bf92f35")], 1.0)?)?;
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Debug)]
pub struct Added<'a> {
    desc: &'a Desc,
    columns: &'a mut Columns,
    rows: usize,
}

impl Added<'_> {
    /// When the series began, in seconds since 1970. Only counters,
    /// histograms and summaries show it.
    pub fn created(self, seconds: f64) -> Self {
        if self.desc.metric_type().has_start_time() {
            self.columns.set_start(seconds);
        }
        self
    }

    /// When the sample was taken.
    pub fn timestamp(self, timestamp: Timestamp) -> Self {
        self.columns.set_timestamp(timestamp, self.rows);
        self
    }

    /// The same histogram with native buckets as well.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the series is no histogram with a sum, or has native
    /// buckets already.
    pub fn native(self, native: &NativeHistogram) -> Result<Self> {
        let fits = matches!(self.columns.values, ValueColumns::Histograms { .. });
        if !fits || self.columns.last_is_native() {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "{} {:?} has native buckets, which only a histogram with a sum has, and once",
                    self.desc.metric_type(),
                    self.desc.name()
                ),
            ));
        }
        self.columns.push_native(native);
        Ok(self)
    }

    /// An exemplar of a counter's total or a bucket; in a whole histogram it
    /// goes to the bucket that its value falls into, and in one that has native buckets only to
    /// those of the whole.
    ///
    /// # Errors
    /// [`Error::is_invalid_exemplar`] if the sample is of another kind.
    #[allow(clippy::needless_pass_by_value)] // a later form may keep it
    pub fn exemplar(self, exemplar: Exemplar) -> Result<Self> {
        let value = exemplar.as_ref().value();
        let row = self.columns.rows().saturating_sub(1);
        let slot = match (&self.columns.values, self.rows) {
            (ValueColumns::Floats { suffix: Suffix::Total | Suffix::Bucket, .. }, 1) => row,
            (ValueColumns::Floats { suffix: Suffix::Bucket, .. }, rows @ 2..) => {
                self.columns.bucket_row(rows, value)
            }
            (ValueColumns::Histograms { bounds, .. }, _)
                if bounds.values().len() == 1 && self.columns.last_is_native() =>
            {
                self.columns.push_native_exemplar(exemplar.as_ref());
                return Ok(self);
            }
            (ValueColumns::Histograms { bounds, .. }, _) => {
                let bounds = bounds.values();
                let bucket = bounds.iter().position(|&bound| value <= bound);
                row * bounds.len() + bucket.unwrap_or(bounds.len() - 1)
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidExemplar,
                    format!(
                        "{} {:?} has an exemplar, which only buckets and counters can have",
                        self.desc.metric_type(),
                        self.desc.name()
                    ),
                ));
            }
        };
        self.columns.push_exemplar(slot, exemplar.as_ref());
        Ok(self)
    }
}
