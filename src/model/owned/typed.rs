//! A family for each type, filled a series at a time.

use std::sync::Arc;

use super::{Added, MetricFamily};
use crate::error::{Error, ErrorKind, Result};
use crate::model::chunk::{Bounds, Chunk, Columns, RowLabels, SumPlace, ValueColumns};
use crate::model::desc::{Desc, MetricType, Suffix};
use crate::model::family::{Family, Sealed};
use crate::model::labels::LabelNames;

/// What the typed families share: the samples, and the names of their labels.
#[derive(Clone, Debug, PartialEq)]
struct Labelled {
    family: MetricFamily,
    names: LabelNames,
}

impl Labelled {
    fn new(name: &str, help: Arc<str>, metric_type: MetricType) -> Result<Self> {
        Ok(Self { family: MetricFamily::new(name, help, metric_type)?, names: LabelNames::none() })
    }

    fn with_unit(self, unit: &str) -> Result<Self> {
        Ok(Self { family: self.family.with_unit(unit)?, ..self })
    }

    fn with_labels<I>(self, names: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let names = LabelNames::new(names)?;
        let desc = self.family.desc();
        names.refuse(desc.metric_type().reserved_label(), &format!("{:?}", desc.name()))?;
        if desc.metric_type() == MetricType::StateSet {
            names.refuse(Some(desc.name()), &format!("{:?}", desc.name()))?;
        }
        Ok(Self { names, ..self })
    }

    /// Adds a row whose numbers `push` appends to columns that `fits` accepts.
    fn add<I>(
        &mut self,
        labels: I,
        fits: impl Fn(&ValueColumns) -> bool,
        new: impl FnOnce() -> ValueColumns,
        push: impl FnOnce(&mut ValueColumns),
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let labels: Vec<_> = labels.into_iter().collect();
        let values: Vec<_> = labels.iter().map(AsRef::as_ref).collect();
        self.names.check_count(values.len(), &format!("{:?}", self.family.desc.name()))?;
        let columns = self.family.columns(&self.names, fits, new);
        columns.push_row(RowLabels::Raw(&values));
        push(&mut columns.values);
        Ok(self.family.added(1))
    }

    fn add_float<I>(&mut self, labels: I, suffix: Suffix, value: f64) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.add(
            labels,
            |values| matches!(values, ValueColumns::Floats { suffix: have, .. } if *have == suffix),
            || ValueColumns::Floats { suffix, values: Vec::new() },
            |values| {
                if let ValueColumns::Floats { values, .. } = values {
                    values.push(value);
                }
            },
        )
    }

    fn add_histogram<I, B>(
        &mut self,
        labels: I,
        buckets: impl IntoIterator<Item = (B, f64)>,
        sum: Option<f64>,
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
        B: BucketBound,
    {
        let name = self.family.desc.name().to_owned();
        let (bounds, counts) = read_buckets(&name, buckets)?;
        let falls_below_zero = bounds.values()[0] < 0.0;
        let hides_sum = falls_below_zero && self.family.desc.metric_type() == MetricType::Histogram;
        let Some(sum) = sum.filter(|_| !hides_sum) else {
            return self.add_bare_buckets(labels, &bounds, &counts);
        };
        self.add(
            labels,
            |values| matches!(values, ValueColumns::Histograms { bounds: have, .. } if *have == bounds),
            || ValueColumns::Histograms {
                bounds: bounds.clone(),
                buckets: Vec::new(),
                sums: Vec::new(),
                sum_place: SumPlace::Last,
            },
            |values| {
                if let ValueColumns::Histograms { buckets, sums, .. } = values {
                    buckets.extend(&counts);
                    sums.push(sum);
                }
            },
        )
    }

    /// Buckets without a sum have no count either: OpenMetrics wants both or none.
    fn add_bare_buckets<I>(
        &mut self,
        labels: I,
        bounds: &Bounds,
        counts: &[f64],
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let labels: Vec<_> = labels.into_iter().collect();
        self.names.check_count(labels.len(), &format!("{:?}", self.family.desc.name()))?;
        let sample = format!("{}{}", self.family.desc.name(), Suffix::Bucket.as_str());
        let names = self.names.clone();
        let mut total = 0.0;
        for (le, count) in bounds.texts().iter().zip(counts) {
            total += count;
            let own = names.declared().zip(labels.iter().map(AsRef::as_ref));
            self.family.add_sample(&sample, own.chain([("le", &**le)]), total)?;
        }
        Ok(self.family.added(counts.len()))
    }
}

/// The upper bound of a bucket: a number, or the text that was read for one.
///
/// A text is shown as it was read.
pub trait BucketBound: super::Sealed {
    #[doc(hidden)]
    fn read(&self) -> Option<(f64, Box<str>)>;
}

impl Sealed for f64 {}
impl BucketBound for f64 {
    fn read(&self) -> Option<(f64, Box<str>)> {
        Some((*self, crate::model::format_f64(*self).into()))
    }
}

impl Sealed for &str {}
impl BucketBound for &str {
    fn read(&self) -> Option<(f64, Box<str>)> {
        Some((self.parse().ok()?, (*self).into()))
    }
}

/// Reads cumulative buckets; gives their bounds and how many are in each alone.
fn read_buckets<B: BucketBound>(
    name: &str,
    buckets: impl IntoIterator<Item = (B, f64)>,
) -> Result<(Bounds, Vec<f64>)> {
    let refuse = |message: String| Err(Error::new(ErrorKind::InvalidValue, message));
    let (mut values, mut texts, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = 0.0;
    for (bound, cumulative) in buckets {
        let Some((value, text)) = bound.read().filter(|(value, _)| !value.is_nan()) else {
            return refuse(format!("a bucket bound of {name:?} is not a number"));
        };
        if values.last().is_some_and(|last| *last >= value) {
            return refuse(format!("the buckets of {name:?} are not ascending at {text:?}"));
        }
        if cumulative.is_nan() || cumulative < before {
            return refuse(format!("the counts of {name:?} are not cumulative at {text:?}"));
        }
        values.push(value);
        texts.push(text);
        // Infinity minus infinity would be no number.
        counts.push(if cumulative == before { 0.0 } else { cumulative - before });
        before = cumulative;
    }
    if values.last() != Some(&f64::INFINITY) {
        return refuse(format!("the last bucket of {name:?} is not +Inf"));
    }
    Ok((Bounds::with_texts(values, texts), counts))
}

macro_rules! typed_family {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name(Labelled);

        impl $name {
            /// An empty family without labels.
            ///
            /// # Errors
            /// [`Error::is_invalid_name`] if the name is empty.
            pub fn new(name: impl AsRef<str>, help: impl Into<Arc<str>>) -> Result<Self> {
                Labelled::new(name.as_ref(), help.into(), MetricType::$kind).map(Self)
            }

            /// The same family measured in `unit`, which the name ends with from now on.
            ///
            /// # Errors
            /// [`Error::is_invalid_name`] if the type cannot have a unit.
            pub fn with_unit(self, unit: &str) -> Result<Self> {
                self.0.with_unit(unit).map(Self)
            }

            /// The same family, whose series added from now on have these labels.
            ///
            /// # Errors
            /// [`Error::is_invalid_label`] or [`Error::is_duplicate`] if a name is
            /// not allowed, reserved for the type, or stands twice.
            pub fn with_labels<I>(self, names: I) -> Result<Self>
            where
                I: IntoIterator,
                I::Item: AsRef<str>,
            {
                self.0.with_labels(names).map(Self)
            }
        }

        impl Sealed for $name {}

        impl Family for $name {
            fn desc(&self) -> &Desc {
                self.0.family.desc()
            }

            fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
                self.0.family.for_each_chunk(each);
            }
        }

        impl From<$name> for MetricFamily {
            fn from(family: $name) -> Self {
                family.0.family
            }
        }
    };
}

typed_family! {
    /// Totals for a custom collector.
    ///
    /// ```
    /// use narthex::model::{CounterMetricFamily, NO_LABELS};
    ///
    /// let mut family = CounterMetricFamily::new("jobs_total", "Jobs done.")?.with_labels(["queue"])?;
    /// family.add_metric(["mail"], 3.0)?;
    /// assert!(family.add_metric(["mail", "x"], 3.0).unwrap_err().is_invalid_label());
    /// # Ok::<(), narthex::Error>(())
    /// ```
    CounterMetricFamily, Counter
}

impl CounterMetricFamily {
    /// Adds a series.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label names.
    pub fn add_metric<I>(&mut self, labels: I, value: f64) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add_float(labels, Suffix::Total, value)
    }
}

typed_family! {
    /// Numbers that go up and down, for a custom collector.
    ///
    /// ```
    /// use narthex::model::{GaugeMetricFamily, NO_LABELS};
    ///
    /// let mut family = GaugeMetricFamily::new("temperature", "In the room.")?.with_unit("celsius")?;
    /// family.add_metric(NO_LABELS, 21.5)?;
    /// # Ok::<(), narthex::Error>(())
    /// ```
    GaugeMetricFamily, Gauge
}

impl GaugeMetricFamily {
    /// Adds a series.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label names.
    pub fn add_metric<I>(&mut self, labels: I, value: f64) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add_float(labels, Suffix::None, value)
    }
}

typed_family! {
    /// Numbers of no known type, for a custom collector.
    ///
    /// ```
    /// use narthex::model::{UnknownMetricFamily, NO_LABELS};
    ///
    /// let mut family = UnknownMetricFamily::new("legacy", "Read from an old program.")?;
    /// family.add_metric(NO_LABELS, 4.0)?;
    /// # Ok::<(), narthex::Error>(())
    /// ```
    #[doc(alias = "UntypedMetricFamily")]
    UnknownMetricFamily, Unknown
}

impl UnknownMetricFamily {
    /// Adds a series.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label names.
    pub fn add_metric<I>(&mut self, labels: I, value: f64) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add_float(labels, Suffix::None, value)
    }
}

typed_family! {
    /// Counts and sums for a custom collector.
    ///
    /// ```
    /// use narthex::model::{SummaryMetricFamily, NO_LABELS};
    ///
    /// let mut family = SummaryMetricFamily::new("reply", "Size of replies.")?.with_unit("bytes")?;
    /// family.add_metric(NO_LABELS, 2.0, 300.0)?;
    /// # Ok::<(), narthex::Error>(())
    /// ```
    SummaryMetricFamily, Summary
}

impl SummaryMetricFamily {
    /// Adds a series: how many observations, and what they add up to.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label names.
    pub fn add_metric<I>(&mut self, labels: I, count: f64, sum: f64) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add(
            labels,
            |values| matches!(values, ValueColumns::Summaries { .. }),
            || ValueColumns::Summaries { counts: Vec::new(), sums: Vec::new() },
            |values| {
                if let ValueColumns::Summaries { counts, sums } = values {
                    counts.push(count);
                    sums.push(sum);
                }
            },
        )
    }
}

typed_family! {
    /// Histograms for a custom collector.
    ///
    /// ```
    /// use narthex::model::{HistogramMetricFamily, NO_LABELS};
    ///
    /// let mut family = HistogramMetricFamily::new("wait", "In the queue.")?.with_unit("seconds")?;
    /// family.add_metric(NO_LABELS, [(0.1, 4.0), (f64::INFINITY, 5.0)], Some(0.9))?;
    /// assert!(family.add_metric(NO_LABELS, [(0.1, 4.0)], None).is_err());
    /// # Ok::<(), narthex::Error>(())
    /// ```
    HistogramMetricFamily, Histogram
}

impl HistogramMetricFamily {
    /// Adds a series: upper bounds with cumulative counts, and the sum.
    ///
    /// Without a sum, or with a negative bound, neither sum nor count is shown.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label
    /// names; [`Error::is_invalid_value`] if the bounds are not ascending up to
    /// +Inf, or the counts not cumulative.
    pub fn add_metric<I, B>(
        &mut self,
        labels: I,
        buckets: impl IntoIterator<Item = (B, f64)>,
        sum: Option<f64>,
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
        B: BucketBound,
    {
        self.0.add_histogram(labels, buckets, sum)
    }
}

typed_family! {
    /// Histograms of what is, for a custom collector.
    ///
    /// ```
    /// use narthex::model::{GaugeHistogramMetricFamily, NO_LABELS};
    ///
    /// let mut family = GaugeHistogramMetricFamily::new("queue_age", "Of waiting jobs.")?;
    /// family.add_metric(NO_LABELS, [("1", 4.0), ("+Inf", 5.0)], 7.5)?;
    /// # Ok::<(), narthex::Error>(())
    /// ```
    GaugeHistogramMetricFamily, GaugeHistogram
}

impl GaugeHistogramMetricFamily {
    /// Adds a series: upper bounds with cumulative counts, and the sum.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label
    /// names; [`Error::is_invalid_value`] if the bounds are not ascending up to
    /// +Inf, or the counts not cumulative.
    pub fn add_metric<I, B>(
        &mut self,
        labels: I,
        buckets: impl IntoIterator<Item = (B, f64)>,
        sum: f64,
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
        B: BucketBound,
    {
        self.0.add_histogram(labels, buckets, Some(sum))
    }
}

typed_family! {
    /// Facts for a custom collector.
    ///
    /// ```
    /// use narthex::model::{InfoMetricFamily, NO_LABELS};
    ///
    /// let mut family = InfoMetricFamily::new("build", "What runs here.")?;
    /// family.add_metric(NO_LABELS, [("version", "1.2.0")])?;
    /// # Ok::<(), narthex::Error>(())
    /// ```
    InfoMetricFamily, Info
}

impl InfoMetricFamily {
    /// Adds a series: its labels, and the facts.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label
    /// names, or a name is not allowed; [`Error::is_duplicate`] if a fact has
    /// the name of a label.
    pub fn add_metric<I, J, N, V>(&mut self, labels: I, facts: J) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
        J: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let labels: Vec<_> = labels.into_iter().collect();
        let facts: Vec<_> = facts.into_iter().collect();
        let Labelled { family, names } = &mut self.0;
        names.check_count(labels.len(), &format!("{:?}", family.desc.name()))?;
        let sample = format!("{}{}", family.desc.name(), Suffix::Info.as_str());
        let own = names.declared().zip(labels.iter().map(AsRef::as_ref));
        family.add_sample(
            &sample,
            own.chain(facts.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))),
            1.0,
        )
    }
}

typed_family! {
    /// Flags for a custom collector.
    ///
    /// ```
    /// use narthex::model::{StateSetMetricFamily, NO_LABELS};
    ///
    /// let mut family = StateSetMetricFamily::new("features", "What is switched on.")?;
    /// family.add_metric(NO_LABELS, [("beta", true), ("trace", false)])?;
    /// # Ok::<(), narthex::Error>(())
    /// ```
    StateSetMetricFamily, StateSet
}

impl StateSetMetricFamily {
    /// Adds a series: its labels, and the states, shown sorted by name.
    ///
    /// A series without states shows nothing.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label
    /// names; [`Error::is_duplicate`] if a state stands twice.
    pub fn add_metric<I, J, S>(&mut self, labels: I, states: J) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
        J: IntoIterator<Item = (S, bool)>,
        S: AsRef<str>,
    {
        let labels: Vec<_> = labels.into_iter().collect();
        let mut states: Vec<_> = states.into_iter().collect();
        states.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        let Labelled { family, names } = &mut self.0;
        let name = family.desc.name().to_owned();
        names.check_count(labels.len(), &format!("{name:?}"))?;
        if states.is_empty() {
            family.parts.push(Columns::floats(names.clone(), Suffix::None));
        }
        for pair in states.windows(2) {
            let (first, second) = (pair[0].0.as_ref(), pair[1].0.as_ref());
            if first == second {
                return Err(Error::duplicate(
                    format!("state {first:?} of {name:?} stands twice"),
                    vec![first.to_owned()],
                ));
            }
        }
        for (state, set) in &states {
            let own = names.declared().zip(labels.iter().map(AsRef::as_ref));
            family.add_sample(&name, own.chain([(&*name, state.as_ref())]), f64::from(*set))?;
        }
        Ok(family.added(states.len()))
    }
}
