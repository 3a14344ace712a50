//! Histograms and summaries as rows.

use super::body::{Body, Side};
use super::error::DecodeError;
use crate::error::Error;
use crate::model::{
    Bounds, BucketSpan, Columns, Family, LabelNames, MetricFamily, MetricType, NativeHistogram,
    Quantiles, RowLabels, SumPlace, ValueColumns,
};

impl Body {
    /// The quantiles of a summary; `last` are those of the one before.
    pub(super) fn quantiles<'q>(
        &self,
        last: &'q mut Option<Quantiles>,
    ) -> Result<&'q Quantiles, DecodeError> {
        let ranks = || self.parts.iter().map(|part| part.bound);
        let same = last.take().filter(|last| last.values().iter().copied().eq(ranks()));
        let quantiles = match same {
            Some(same) => same,
            None if self.parts.is_empty() => Quantiles::none(),
            None => Quantiles::new(ranks()).map_err(|error| {
                self.error("metric.summary.quantile", "quantiles as summaries have them", &error)
            })?,
        };
        Ok(last.insert(quantiles))
    }

    pub(super) fn push_summary(&self, values: &mut ValueColumns) {
        if let ValueColumns::Summaries { estimates, counts, sums, .. } = values {
            estimates.extend(self.parts.iter().map(|part| part.value));
            counts.push(self.count as f64);
            sums.push(self.sum);
        }
    }

    /// Adds a histogram with these labels; `last` are the bounds of the one before.
    pub(super) fn push_histogram<'f>(
        &mut self,
        family: &'f mut MetricFamily,
        names: &LabelNames,
        labels: RowLabels<'_>,
        last: &mut Option<Bounds>,
    ) -> Result<&'f mut Columns, DecodeError> {
        let native = self.native()?;
        // As Prometheus has it, which cannot tell a field that is zero from one that is missing.
        let count = if self.count_float == 0.0 { self.count as f64 } else { self.count_float };
        let below = self.parts.last().map_or(0.0, |last| last.value);
        let ends_with_all = self.parts.last().is_some_and(|last| last.bound == f64::INFINITY);
        if count.is_nan() || count < below || (ends_with_all && count != below) {
            let expected = "as many as in all buckets";
            let (at, found) = (self.at.unwrap_or_default(), format!("{count:?}"));
            return Err(DecodeError::new(at, "metric.histogram.sample_count", expected, found));
        }
        let bounds = self.bounds(last);
        // Below zero, a sum need not grow, and who has none writes that it is no number.
        let hides_sum = family.desc().metric_type() == MetricType::Histogram
            && bounds.values().first().is_some_and(|first| *first < 0.0)
            && self.sum.is_nan();
        let place = if hides_sum { SumPlace::Absent } else { SumPlace::Last };
        let columns = family.columns(
            names,
            |have| {
                matches!(have, ValueColumns::Histograms { bounds: have, sum_place, .. }
                    if have == bounds && *sum_place == place)
            },
            || ValueColumns::Histograms {
                bounds: bounds.clone(),
                buckets: Vec::new(),
                sums: Vec::new(),
                sum_place: place,
            },
        );
        columns.push_row(labels);
        if let ValueColumns::Histograms { buckets, sums, .. } = &mut columns.values {
            let mut below = 0.0;
            let added = (self.parts.len() < bounds.values().len()).then_some(count);
            for total in self.parts.iter().map(|part| part.value).chain(added) {
                // Infinity minus infinity would be no number.
                buckets.push(if total == below { 0.0 } else { total - below });
                below = total;
            }
            if place == SumPlace::Last {
                sums.push(self.sum);
            }
        }
        let first = (columns.rows() - 1) * bounds.values().len();
        for (place, exemplar) in &self.exemplars {
            columns.push_exemplar(first + place, exemplar.as_ref());
        }
        if let Some(native) = native {
            columns.push_native(&native);
        }
        Ok(columns)
    }

    /// The bounds of all buckets, the last one for all.
    fn bounds<'b>(&self, last: &'b mut Option<Bounds>) -> &'b Bounds {
        let ends_with_all = self.parts.last().is_some_and(|last| last.bound == f64::INFINITY);
        let added = (!ends_with_all).then_some(f64::INFINITY);
        let ends = || self.parts.iter().map(|part| part.bound).chain(added);
        let same = last.take().filter(|last| last.values().iter().copied().eq(ends()));
        last.insert(same.unwrap_or_else(|| Bounds::from_sorted(ends().collect())))
    }

    /// The native histogram, if this is one by what Prometheus asks.
    fn native(&mut self) -> Result<Option<NativeHistogram>, DecodeError> {
        let no_spans = self.positive.spans.is_empty() && self.negative.spans.is_empty();
        let no_zeros = self.zero_threshold <= 0.0 && self.zero_count == 0;
        if no_spans && no_zeros && self.zero_count_float <= 0.0 {
            return Ok(None);
        }
        let zeros = match self.zero_count_float {
            0.0 => self.zero_count as f64,
            zeros => zeros,
        };
        let (positive, negative) =
            (std::mem::take(&mut self.positive), std::mem::take(&mut self.negative));
        let positive = positive.finish().ok_or_else(|| self.deltas_error("positive_delta"))?;
        let negative = negative.finish().ok_or_else(|| self.deltas_error("negative_delta"))?;
        let native = i8::try_from(self.schema)
            .map_err(|_| self.schema_error())
            .and_then(|schema| NativeHistogram::new(schema).map_err(|_| self.schema_error()))?;
        let native = native
            .zero(self.zero_threshold, zeros)
            .and_then(|native| native.positive_spans(positive.0, positive.1))
            .and_then(|native| native.negative_spans(negative.0, negative.1))
            .map_err(|error| {
                self.error("metric.histogram", "a native histogram that is whole", &error)
            })?;
        let exemplars = std::mem::take(&mut self.native_exemplars);
        Ok(Some(exemplars.into_iter().fold(native, NativeHistogram::exemplar)))
    }

    fn schema_error(&self) -> DecodeError {
        let (at, found) = (self.at.unwrap_or_default(), self.schema.to_string());
        DecodeError::new(at, "metric.histogram.schema", "a schema of -4 to 8", found)
    }

    fn deltas_error(&self, name: &'static str) -> DecodeError {
        let at = self.at.unwrap_or_default();
        let expected = "differences that add up to counts";
        DecodeError::new(at, "metric.histogram", expected, format!("others in {name}"))
    }

    fn error(&self, name: &'static str, expected: &'static str, error: &Error) -> DecodeError {
        DecodeError::new(self.at.unwrap_or_default(), name, expected, error.to_string())
    }
}

impl Side {
    /// The spans and their counts, if these are none below zero.
    fn finish(self) -> Option<(Vec<BucketSpan>, Vec<f64>)> {
        let Self { mut spans, deltas, mut counts } = self;
        let mut count = 0_i64;
        for delta in deltas {
            count = count.checked_add(delta).filter(|count| *count >= 0)?;
            counts.push(count as f64);
        }
        if spans == [BucketSpan::default()] {
            // It only says that this is a native histogram.
            spans.clear();
        }
        Some((spans, counts))
    }
}
