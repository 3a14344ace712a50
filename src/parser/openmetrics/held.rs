//! A native histogram of OpenMetrics, until all samples of its metric are read.

use crate::model::{
    Exemplar, LabelNames, MetricFamily, NativeHistogram, RowLabels, Suffix, Timestamp,
};
use crate::parser::histogram::{Histograms, push_exemplar};

/// A native histogram that may have other buckets as well, in the lines behind its own.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) names: LabelNames,
    pub(super) text: String,
    pub(super) lens: Vec<u32>,
    pub(super) escaped: bool,
    pub(super) native: NativeHistogram,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) time: Option<Timestamp>,
    pub(super) start: Option<f64>,
    pub(super) buckets: Vec<(f64, f64)>,
    pub(super) exemplars: Vec<Exemplar>,
}

impl Held {
    /// Takes a further sample of the metric.
    pub(super) fn add(
        &mut self,
        suffix: Suffix,
        bound: Option<f64>,
        value: f64,
        exemplar: Option<&Exemplar>,
    ) {
        match (suffix, bound) {
            (Suffix::Bucket, Some(bound)) => self.buckets.push((bound, value)),
            (Suffix::Sum | Suffix::GSum, _) => self.sum = value,
            (Suffix::Created, _) => self.start = Some(value),
            _ => {}
        }
        self.exemplars.extend(exemplar.cloned());
    }

    /// Appends it to the family that it is of.
    pub(super) fn push(mut self, histograms: &mut Histograms, family: &mut MetricFamily) {
        if self.buckets.is_empty() {
            self.buckets.push((f64::INFINITY, self.count));
        }
        let Self { names, text, lens, escaped, .. } = &self;
        let row = RowLabels::Escaped { text, lens, escaped: *escaped };
        let points = self.buckets.iter().copied();
        let Some(columns) = histograms.push(family, names, row, points, self.sum) else { return };
        columns.push_native(&self.native);
        if let Some(start) = self.start {
            columns.set_start(start);
        }
        if let Some(time) = self.time {
            columns.set_timestamp(time, 1);
        }
        for exemplar in &self.exemplars {
            push_exemplar(columns, exemplar.as_ref());
        }
    }
}
