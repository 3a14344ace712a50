//! Metrics that are histograms of buckets.

use super::batches::Batch;
use super::extras::{push_exemplar, push_start, push_timestamp};
use super::natives::{counts_are_whole, push_native, push_native_exemplars};
use super::rows::RowWriter;
use super::short::{Short, Starts, head, whole};
use super::wire::{double, lengthy, push_double, push_message, push_number, varint};
use crate::exposition::rows::RowText;
use crate::model::{Bounds, Chunk, EscapingScheme, ExemplarRef, NativeHistogramRef};

/// The columns of a chunk of histograms.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) bounds: &'a Bounds,
    pub(super) buckets: &'a [f64],
    pub(super) sums: &'a [f64],
}

/// What is prepared for a row; filled again, it keeps its memory.
#[derive(Debug, Default)]
pub(super) struct BucketFields {
    /// The bounds that rows share.
    bounds: Vec<Short>,
    /// The cumulative counts of the row at hand, each with what frames it.
    counts: Vec<Short>,
    /// The same of a row that is special.
    rare: Vec<Bucket>,
}

impl BucketFields {
    /// Prepares the bounds that the rows of a chunk share.
    pub(super) fn prepare(&mut self, bounds: &Bounds) {
        self.bounds.clear();
        self.bounds.extend(bounds.values().iter().map(|&bound| Short::double(double(2), bound)));
    }

    /// Fills in the counts of a row; gives its length in a histogram and how many it counts, if
    /// they are whole.
    #[inline(always)]
    fn fill(&mut self, counts: &[f64]) -> Option<(usize, u64)> {
        let (mut total, mut len, mut last) = (0.0, 0, 0);
        self.counts.clear();
        for (&count, bound) in counts.iter().zip(&self.bounds) {
            total += count;
            last = whole(total)?;
            let field = Short::varint(varint(1), last).framed(lengthy(3), bound.len());
            len += field.len() + bound.len();
            self.counts.push(field);
        }
        Some((len, last))
    }
}

/// Writes the rows of a chunk.
pub(super) struct HistogramWriter<'a, 'o> {
    pub(super) rows: RowWriter<'o>,
    pub(super) fields: &'a mut BucketFields,
    pub(super) chunk: &'a Chunk<'a>,
    pub(super) columns: Columns<'a>,
    pub(super) escaping: EscapingScheme,
    /// Whether rows are no more than labels, numbers and start times.
    pub(super) plain: bool,
    /// Whether start times are shown.
    pub(super) starts: bool,
}

impl HistogramWriter<'_, '_> {
    /// Appends the metrics of a batch.
    pub(super) fn write(&mut self, batch: &Batch<'_>, starts: &mut Starts) {
        let Columns { bounds, buckets, sums } = self.columns;
        let (width, bucket_count) = (self.rows.labels.width(), bounds.values().len());
        let (mut at, mut lens) = (0, batch.lens);
        for row in batch.first..batch.first + batch.rows {
            let (here, behind) = lens.split_at_checked(width).unwrap_or_default();
            let counts = buckets.get(row * bucket_count..).unwrap_or_default();
            let counts = counts.get(..bucket_count).unwrap_or_default();
            let sum = sums.get(row).copied().unwrap_or(f64::NAN);
            let start = self.chunk.start(row).filter(|_| self.starts);
            let text = batch.texts.row(at).filter(|_| self.plain);
            let written = text.is_some_and(|text| {
                let start = starts.field(start);
                start.is_some_and(|start| self.write_short(text, here, counts, sum, start))
            });
            if !written {
                self.push_rare(batch.texts.from(at), here, row, counts, (sum, start));
            }
            at += here.iter().map(|&len| len as usize).sum::<usize>();
            lens = behind;
        }
    }

    /// Appends a row whose counts are whole and whose labels are short; says whether it is one.
    #[inline(never)]
    fn write_short(
        &mut self,
        text: RowText<'_>,
        lens: &[u32],
        counts: &[f64],
        sum: f64,
        start: Short,
    ) -> bool {
        let Self { rows: RowWriter { labels, sheet, .. }, fields, .. } = self;
        let Some(labels_len) = labels.short_len(lens) else { return false };
        let Some((buckets_len, total)) = fields.fill(counts) else { return false };
        let (count, sum) = (Short::varint(varint(1), total), Short::double(double(2), sum));
        let histogram_len = count.len() + sum.len() + buckets_len + start.len();
        let histogram = head(7, histogram_len);
        let metric = head(4, labels_len + histogram.len() + histogram_len);

        let mut written = false;
        sheet.push_lines(|mut line| {
            if written {
                return None;
            }
            line.push_short(&metric.bytes(), metric.len());
            let end = labels.push_short(&mut line, text, lens);
            for field in [histogram, count, sum] {
                line.push_short(&field.bytes(), field.len());
            }
            written = text.has(end);
            line.finish().filter(|_| written)
        });
        if written {
            let mut buckets = fields.counts.iter().zip(&fields.bounds);
            sheet.push_lines(|mut line| {
                let (count, bound) = buckets.next()?;
                line.push_short(&count.bytes(), count.len());
                line.push_short(&bound.bytes(), bound.len());
                line.finish()
            });
            sheet.push_exact(start.bytes().get(..start.len()).unwrap_or_default());
        }
        written
    }

    fn push_rare(
        &mut self,
        text: &str,
        lens: &[u32],
        row: usize,
        counts: &[f64],
        (sum, start): (f64, Option<f64>),
    ) {
        let Self { rows, fields, chunk, columns, escaping, .. } = self;
        let buckets = &mut fields.rare;
        buckets.clear();
        let mut total = 0.0;
        let slots = row * counts.len()..;
        for ((&bound, &count), slot) in columns.bounds.values().iter().zip(counts).zip(slots) {
            total += count;
            buckets.push(Bucket { bound, count: total, slot });
        }
        let totals = Totals { count: total, sum, start };
        let native = chunk.native(row);
        if native.is_some() && buckets.len() == 1 {
            buckets.clear();
        }
        rows.push_rare(text, lens, |out| {
            push_timestamp(out, chunk.timestamp(row));
            push_histogram(out, buckets, totals, native, *escaping, |slot| chunk.exemplar(slot));
        });
    }
}

/// A bucket of a histogram.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    bound: f64,
    /// Cumulative.
    count: f64,
    /// By what its exemplar is found.
    slot: usize,
}

/// What a histogram has beside its buckets.
#[derive(Clone, Copy, Debug)]
struct Totals {
    count: f64,
    sum: f64,
    start: Option<f64>,
}

fn push_histogram<'e>(
    out: &mut Vec<u8>,
    buckets: &[Bucket],
    totals: Totals,
    native: Option<NativeHistogramRef<'_>>,
    escaping: EscapingScheme,
    exemplar: impl Fn(usize) -> Option<ExemplarRef<'e>>,
) {
    // Either all counts are whole, or all are floats.
    let all_whole = buckets.iter().all(|bucket| whole(bucket.count).is_some())
        && native.is_none_or(|native| counts_are_whole(&native));
    let count = whole(totals.count).filter(|_| all_whole);
    push_message(out, lengthy(7), |out| {
        if let Some(count) = count {
            push_number(out, varint(1), count);
        }
        push_double(out, double(2), totals.sum);
        for bucket in buckets {
            push_message(out, lengthy(3), |out| {
                if count.is_some() {
                    push_number(out, varint(1), bucket.count as u64);
                }
                push_double(out, double(2), bucket.bound);
                if let Some(exemplar) = exemplar(bucket.slot) {
                    push_exemplar(out, lengthy(3), exemplar, escaping);
                }
                if count.is_none() {
                    push_double(out, double(4), bucket.count);
                }
            });
        }
        if count.is_none() {
            push_double(out, double(4), totals.count);
        }
        if let Some(native) = &native {
            push_native(out, native, count.is_some());
        }
        push_start(out, lengthy(15), totals.start);
        if let Some(native) = &native {
            push_native_exemplars(out, native, escaping);
        }
    });
}
