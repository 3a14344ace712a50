//! The rows of a chunk, each a metric.

use super::batches::{Raw, for_each_batch};
use super::extras::{push_exemplar, push_start, push_timestamp};
use super::histograms::{BucketFields, Columns, HistogramWriter};
use super::kind::{COUNTER, Kind};
use super::labels::Labels;
use super::rows::RowWriter;
use super::short::{Short, Starts, number, whole};
use super::wire::{Frame, double, lengthy, push_double, push_message, push_number, varint};
use crate::error::Result;
use crate::exposition::Encoding;
use crate::exposition::names::check_labels;
use crate::exposition::page::Sheet;
use crate::model::{Chunk, Desc, EscapingScheme, LabelNames, Quantiles, Values};

/// Writes chunks, and keeps its memory so that no row allocates.
#[derive(Default)]
pub(super) struct ChunkWriter {
    labels: Labels,
    /// The names that labels were prepared for.
    prepared: Option<LabelNames>,
    buckets: BucketFields,
    raw: Raw,
    rare: Vec<u8>,
}

/// The rows of a chunk, and what of them is shown.
#[derive(Clone, Copy)]
struct Plan<'a> {
    chunk: &'a Chunk<'a>,
    /// The field of a metric that their numbers are in.
    field: u8,
    /// Whether start times are shown.
    shown: bool,
    /// Whether rows are no more than labels, numbers and start times.
    plain: bool,
    escaping: EscapingScheme,
}

impl Plan<'_> {
    fn start(&self, row: usize) -> Option<f64> {
        self.chunk.start(row).filter(|_| self.shown)
    }
}

#[derive(Clone, Copy)]
struct Summaries<'a> {
    quantiles: &'a Quantiles,
    estimates: &'a [f64],
    counts: &'a [f64],
    sums: &'a [f64],
}

impl ChunkWriter {
    /// Forgets the family that labels were prepared for.
    pub(super) fn forget(&mut self) {
        self.prepared = None;
    }

    /// Appends the metrics of a chunk.
    ///
    /// # Errors
    /// If two label names are one in this scheme.
    pub(super) fn write(
        &mut self,
        desc: &Desc,
        chunk: &Chunk<'_>,
        encoding: Encoding,
        frame: &mut Frame,
        out: &mut Vec<u8>,
    ) -> Result {
        let escaping = encoding.escaping;
        if self.prepared.as_ref() != Some(chunk.names()) {
            self.prepared = None;
            check_labels(escaping, chunk.names())?;
            self.labels.prepare(escaping, chunk.names());
            self.prepared = Some(chunk.names().clone());
        }
        let shown = encoding.created && desc.metric_type().has_start_time();
        let plain = chunk.timestamps().is_empty()
            && chunk.exemplars().next().is_none()
            && chunk.natives().next().is_none();
        let rows =
            Plan { chunk, field: Kind::of(desc.metric_type()).field, shown, plain, escaping };
        match chunk.values() {
            Values::Floats { values, .. } => self.write_floats(rows, values, frame, out),
            Values::Summaries { quantiles, estimates, counts, sums } => {
                let columns = Summaries { quantiles, estimates, counts, sums };
                self.write_summaries(rows, columns, frame, out);
            }
            Values::Histograms { bounds, buckets, sums, .. } => {
                self.write_histograms(rows, Columns { bounds, buckets, sums }, frame, out);
            }
        }
        Ok(())
    }

    fn write_floats(
        &mut self,
        plan: Plan<'_>,
        values: &[f64],
        frame: &mut Frame,
        out: &mut Vec<u8>,
    ) {
        let Self { labels, raw, rare, .. } = self;
        let Plan { chunk, field, plain, escaping, .. } = plan;
        let (key, mut starts) = (lengthy(field), Starts::new(lengthy(3)));
        for_each_batch(chunk, raw, |batch| {
            let mut rows = RowWriter { labels, sheet: Sheet::new(out), rare };
            let fields = |row| {
                let start = starts.field(plan.start(row))?;
                plain.then(|| [number(key, values[row], start.len()), start])
            };
            rows.write(batch, fields, |row, out| {
                push_message(out, key, |out| {
                    push_double(out, double(1), values[row]);
                    if let Some(exemplar) = chunk.exemplar(row).filter(|_| field == COUNTER) {
                        push_exemplar(out, lengthy(2), exemplar, escaping);
                    }
                    push_start(out, lengthy(3), plan.start(row));
                });
                push_timestamp(out, chunk.timestamp(row));
            });
            drop(rows);
            frame.widen(out);
        });
    }

    fn write_summaries(
        &mut self,
        plan: Plan<'_>,
        columns: Summaries<'_>,
        frame: &mut Frame,
        out: &mut Vec<u8>,
    ) {
        let Self { labels, raw, rare, .. } = self;
        let Summaries { quantiles, estimates, counts, sums } = columns;
        let (key, mut starts) = (lengthy(plan.field), Starts::new(lengthy(4)));
        let width = quantiles.values().len();
        let plain = plan.plain && width == 0;
        for_each_batch(plan.chunk, raw, |batch| {
            let mut rows = RowWriter { labels, sheet: Sheet::new(out), rare };
            let fields = |row| {
                let start = starts.field(plan.start(row))?;
                let count = Short::varint(varint(1), whole(counts[row]).filter(|_| plain)?);
                let sum = Short::double(double(2), sums[row]);
                Some([count.framed(key, sum.len() + start.len()), sum, start])
            };
            rows.write(batch, fields, |row, out| {
                push_message(out, key, |out| {
                    push_number(out, varint(1), counts[row] as u64);
                    push_double(out, double(2), sums[row]);
                    let estimates = estimates.iter().skip(row * width);
                    for (&quantile, &estimate) in quantiles.values().iter().zip(estimates) {
                        push_message(out, lengthy(3), |out| {
                            push_double(out, double(1), quantile);
                            push_double(out, double(2), estimate);
                        });
                    }
                    push_start(out, lengthy(4), plan.start(row));
                });
                push_timestamp(out, plan.chunk.timestamp(row));
            });
            drop(rows);
            frame.widen(out);
        });
    }

    fn write_histograms(
        &mut self,
        plan: Plan<'_>,
        columns: Columns<'_>,
        frame: &mut Frame,
        out: &mut Vec<u8>,
    ) {
        let Self { labels, raw, rare, buckets: fields, .. } = self;
        let Plan { chunk, shown: starts, plain, escaping, .. } = plan;
        fields.prepare(columns.bounds);
        let mut start_fields = Starts::new(lengthy(15));
        for_each_batch(chunk, raw, |batch| {
            let rows = RowWriter { labels, sheet: Sheet::new(out), rare };
            HistogramWriter { rows, fields, chunk, columns, escaping, plain, starts }
                .write(batch, &mut start_fields);
            frame.widen(out);
        });
    }
}
