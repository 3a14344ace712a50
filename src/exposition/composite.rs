//! Histograms and summaries as values of several numbers, one line each.

use super::extras::{push_exemplar, push_start};
use super::names::check_labels;
use super::page::Page;
use super::rows::{Exemplars, Row, Rows, Texts};
use super::template::Template;
use crate::error::Result;
use crate::model::number::push_f64;
use crate::model::{
    Chunk, Desc, EscapingScheme, ExemplarRef, LabelNames, MetricType, NativeBuckets,
    NativeHistogramRef, Values,
};

/// What is prepared for the metrics of a family.
#[derive(Debug, Default)]
pub(super) struct Composites {
    prepared: Option<LabelNames>,
    template: Template,
    /// The bounds or quantiles of a chunk, as they stand before their values.
    marks: Marks,
}

/// How the metrics of a family are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) escaping: EscapingScheme,
    pub(super) created: bool,
}

impl Composites {
    /// Forgets the family at hand.
    pub(super) fn forget(&mut self) {
        self.prepared = None;
    }

    /// Appends the lines of a chunk whose rows are whole.
    ///
    /// # Errors
    /// If two label names are one in this scheme.
    pub(super) fn write(
        &mut self,
        desc: &Desc,
        chunk: &Chunk<'_>,
        manner: Manner,
        page: &mut Page<'_>,
    ) -> Result {
        if self.prepared.as_ref() != Some(chunk.names()) {
            self.prepared = None;
            check_labels(manner.escaping, chunk.names())?;
            self.template.prepare(manner.escaping, desc.name(), "", chunk.names().sorted());
            self.prepared = Some(chunk.names().clone());
        }
        let Self { template, marks, .. } = self;
        let texts = Texts::new(chunk);
        let rows = Rows::new(chunk, &texts);
        match chunk.values() {
            Values::Summaries { quantiles, estimates, counts, sums } => {
                marks.prepare(quantiles.values());
                let width = quantiles.values().len();
                for ((row, &count), &sum) in rows.zip(counts).zip(sums) {
                    let estimates = estimates.iter().skip(row.number * width).take(width);
                    page.push_rare(|out| {
                        template.fill(out, 0, row.values());
                        push_totals(out, "", count, sum);
                        out.push_str(",quantile:[");
                        for (mark, &estimate) in marks.iter().zip(estimates) {
                            out.push_str(mark);
                            push_f64(out, estimate);
                        }
                        out.push_str("]}");
                        push_times(out, &row, manner);
                        out.push('\n');
                    });
                }
            }
            Values::Histograms { bounds, buckets, sums, .. } => {
                marks.prepare(bounds.values());
                let width = bounds.values().len();
                let mut exemplars = Exemplars::new(chunk.exemplars(), true);
                let mut natives = chunk.natives().peekable();
                let is_gauge = desc.metric_type() == MetricType::GaugeHistogram;
                let mark = if is_gauge { "g" } else { "" };
                for (row, counts) in rows.zip(buckets.chunks_exact(width.max(1))) {
                    let native = natives.next_if(|(at, _)| *at == row.number);
                    let native = native.map(|(_, native)| native);
                    let sum = sums.get(row.number).copied().unwrap_or(f64::NAN);
                    let has_bounds = native.is_none() || width > 1;
                    page.push_rare(|out| {
                        template.fill(out, 0, row.values());
                        push_totals(out, mark, counts.iter().sum(), sum);
                        if let Some(native) = native {
                            push_native(out, native);
                        }
                        if has_bounds {
                            push_buckets(out, marks, counts);
                        }
                        out.push('}');
                        push_times(out, &row, manner);
                        // Of two sets, that of the buckets that are shown goes before; where there
                        // are no bounds, the other one has an exemplar at most.
                        let from = out.len();
                        let natives = native.into_iter().flat_map(|native| native.exemplars());
                        let slots = match exemplars.is_empty() {
                            true => 0..0,
                            false => row.number * width..(row.number + 1) * width,
                        };
                        let mut others = slots.filter_map(|slot| exemplars.at(slot));
                        if has_bounds {
                            push_timed(out, manner, others);
                            if out.len() == from {
                                push_timed(out, manner, natives);
                            }
                        } else {
                            let other = others.next();
                            push_timed(out, manner, natives);
                            if out.len() == from {
                                push_timed(out, manner, other.into_iter());
                            }
                        }
                        out.push('\n');
                    });
                }
            }
            Values::Floats { .. } => {}
        }
        Ok(())
    }
}

/// Bounds or quantiles as they stand before their values.
#[derive(Debug, Default)]
struct Marks {
    of: Vec<f64>,
    text: String,
    ends: Vec<usize>,
}

impl Marks {
    fn prepare(&mut self, of: &[f64]) {
        if self.of == of {
            return;
        }
        self.of.clear();
        self.of.extend_from_slice(of);
        self.text.clear();
        self.ends.clear();
        for (place, &number) in of.iter().enumerate() {
            self.text.push_str(comma(place));
            push_f64(&mut self.text, number);
            self.text.push(':');
            self.ends.push(self.text.len());
        }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut from = 0;
        self.ends.iter().map(move |&end| {
            let mark = &self.text[from..end];
            from = end;
            mark
        })
    }
}

/// What stands before the value at this place.
fn comma(place: usize) -> &'static str {
    if place > 0 { "," } else { "" }
}

fn push_totals(out: &mut String, mark: &str, count: f64, sum: f64) {
    out.extend(["{", mark, "count:"]);
    push_count(out, count);
    out.extend([",", mark, "sum:"]);
    push_f64(out, sum);
}

fn push_times(out: &mut String, row: &Row<'_>, manner: Manner) {
    if let Some(timestamp) = row.timestamp {
        out.push(' ');
        timestamp.push_openmetrics(out);
    }
    if let Some(start) = row.start.filter(|_| manner.created) {
        push_start(out, start);
    }
}

/// Appends exemplars that say when they were.
fn push_timed<'e>(
    out: &mut String,
    manner: Manner,
    exemplars: impl Iterator<Item = ExemplarRef<'e>>,
) {
    for exemplar in exemplars.filter(|exemplar| exemplar.timestamp().is_some()) {
        push_exemplar(out, manner.escaping, exemplar);
    }
}

fn push_buckets(out: &mut String, marks: &Marks, counts: &[f64]) {
    out.push_str(",bucket:[");
    let mut total = 0.0;
    for (mark, count) in marks.iter().zip(counts) {
        total += count;
        out.push_str(mark);
        push_count(out, total);
    }
    out.push(']');
}

fn push_native(out: &mut String, native: NativeHistogramRef<'_>) {
    out.push_str(",schema:");
    out.push_str(itoa::Buffer::new().format(native.schema()));
    out.push_str(",zero_threshold:");
    push_f64(out, native.zero_threshold());
    out.push_str(",zero_count:");
    push_count(out, native.zero_count());
    push_side(out, "negative", native.negative());
    push_side(out, "positive", native.positive());
}

fn push_side(out: &mut String, side: &str, buckets: NativeBuckets<'_>) {
    if buckets.counts().is_empty() {
        return;
    }
    out.extend([",", side, "_spans:["]);
    for (place, span) in buckets.spans().iter().enumerate() {
        let (mut offset, mut length) = (itoa::Buffer::new(), itoa::Buffer::new());
        out.extend([comma(place), offset.format(span.offset), ":", length.format(span.length)]);
    }
    out.extend(["],", side, "_buckets:["]);
    for (place, &count) in buckets.counts().iter().enumerate() {
        out.push_str(comma(place));
        push_count(out, count);
    }
    out.push(']');
}

/// Up to here floats tell all whole numbers apart.
const WHOLES: f64 = 9_007_199_254_740_992.0;

/// Appends a number of observations: without a point if it is whole.
fn push_count(out: &mut String, count: f64) {
    if count.abs() < WHOLES && count.fract() == 0.0 {
        out.push_str(itoa::Buffer::new().format(count as i64));
    } else {
        push_f64(out, count);
    }
}
