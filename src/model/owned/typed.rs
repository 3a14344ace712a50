//! A family for each type, filled a series at a time.

use std::sync::Arc;

use super::buckets::BucketBound;
use super::labelled::Labelled;
use super::{Added, MetricFamily};
use crate::error::{Error, Result};
use crate::model::chunk::Chunk;
use crate::model::columns::Columns;
use crate::model::desc::{Desc, MetricType, Suffix};
use crate::model::family::{Family, Sealed};
use crate::model::native::NativeHistogram;
use crate::model::quantiles::Quantiles;

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
        self.0.add_summary(labels, count, sum, &Quantiles::none(), &[])
    }

    /// Adds a series that has estimates of quantiles as well.
    ///
    /// ```
    /// use narthex::model::{NO_LABELS, Quantiles, SummaryMetricFamily};
    /// use narthex::{collector_fn, exposition};
    ///
    /// let ranks = Quantiles::new([0.5, 0.9])?;
    /// let replies = collector_fn(move |scrape| {
    ///     let mut family = SummaryMetricFamily::new("reply_bytes", "Size of replies.")?;
    ///     family.add_quantiles(NO_LABELS, 10.0, 520.0, &ranks, &[48.0, 96.0])?;
    ///     scrape.family(&family)
    /// });
    /// assert!(exposition::text::encode(&replies)?.contains("reply_bytes{quantile=\"0.9\"} 96.0"));
    /// # Ok::<(), narthex::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label names;
    /// [`Error::is_invalid_value`] if there are not as many estimates as quantiles.
    pub fn add_quantiles<I>(
        &mut self,
        labels: I,
        count: f64,
        sum: f64,
        quantiles: &Quantiles,
        estimates: &[f64],
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add_summary(labels, count, sum, quantiles, estimates)
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

    /// Adds a series that has native buckets only: how many observations, what they add up to,
    /// and where they fell.
    ///
    /// One that has other buckets as well is given its native ones by [`Added::native`]. Formats
    /// without native histograms show the count and the sum of this one.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label names.
    pub fn add_native<I>(
        &mut self,
        labels: I,
        count: f64,
        sum: f64,
        native: &NativeHistogram,
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add_native(labels, count, sum, native)
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

    /// Adds a series that has native buckets only: how many observations, what they add up to,
    /// and where they fell.
    ///
    /// One that has other buckets as well is given its native ones by [`Added::native`]. Formats
    /// without native histograms show the count and the sum of this one.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as label names.
    pub fn add_native<I>(
        &mut self,
        labels: I,
        count: f64,
        sum: f64,
        native: &NativeHistogram,
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add_native(labels, count, sum, native)
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
