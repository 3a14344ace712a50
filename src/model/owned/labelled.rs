//! What the typed families share: samples that have the same labels.

use std::sync::Arc;

use super::buckets::{BucketBound, read_buckets};
use super::{Added, MetricFamily};
use crate::error::{Error, ErrorKind, Result};
use crate::model::bounds::Bounds;
use crate::model::chunk::SumPlace;
use crate::model::columns::{RowLabels, ValueColumns};
use crate::model::desc::{MetricType, Suffix};
use crate::model::family::Family;
use crate::model::labels::LabelNames;
use crate::model::native::NativeHistogram;
use crate::model::quantiles::Quantiles;

/// What the typed families share: the samples, and the names of their labels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Labelled {
    pub(super) family: MetricFamily,
    pub(super) names: LabelNames,
}

impl Labelled {
    pub(super) fn new(name: &str, help: Arc<str>, metric_type: MetricType) -> Result<Self> {
        Ok(Self { family: MetricFamily::new(name, help, metric_type)?, names: LabelNames::none() })
    }

    pub(super) fn with_unit(self, unit: &str) -> Result<Self> {
        Ok(Self { family: self.family.with_unit(unit)?, ..self })
    }

    pub(super) fn with_labels<I>(self, names: I) -> Result<Self>
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
    pub(super) fn add<I>(
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

    pub(super) fn add_float<I>(
        &mut self,
        labels: I,
        suffix: Suffix,
        value: f64,
    ) -> Result<Added<'_>>
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

    pub(super) fn add_histogram<I, B>(
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
        self.add_buckets(labels, &bounds, &counts, sum)
    }

    pub(super) fn add_summary<I>(
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
        let ranks = quantiles.values().len();
        if estimates.len() != ranks {
            let name = self.family.desc.name();
            let have = estimates.len();
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!("summary {name:?} has {ranks} quantiles, and there are {have} estimates"),
            ));
        }
        self.add(
            labels,
            |values| matches!(values, ValueColumns::Summaries { quantiles: have, .. } if have == quantiles),
            || ValueColumns::summaries(quantiles.clone()),
            |values| {
                if let ValueColumns::Summaries { estimates: all, counts, sums, .. } = values {
                    all.extend(estimates);
                    counts.push(count);
                    sums.push(sum);
                }
            },
        )
    }

    /// Adds a histogram that has native buckets only.
    pub(super) fn add_native<I>(
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
        self.add_buckets(labels, &Bounds::endless(), &[count], sum)?.native(native)
    }

    fn add_buckets<I>(
        &mut self,
        labels: I,
        bounds: &Bounds,
        counts: &[f64],
        sum: f64,
    ) -> Result<Added<'_>>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.add(
            labels,
            |values| matches!(values, ValueColumns::Histograms { bounds: have, .. } if have == bounds),
            || ValueColumns::Histograms {
                bounds: bounds.clone(),
                buckets: Vec::new(),
                sums: Vec::new(),
                sum_place: SumPlace::Last,
            },
            |values| {
                if let ValueColumns::Histograms { buckets, sums, .. } = values {
                    buckets.extend(counts);
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
