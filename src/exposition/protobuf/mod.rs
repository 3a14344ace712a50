//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each behind its length.
//!
//! Prometheus asks for it when it wants native histograms or start times.

mod batches;
mod extras;
mod histograms;
mod labels;
mod natives;
mod rows;
mod short;
mod wire;

use self::batches::{Raw, for_each_batch};
use self::extras::{push_exemplar, push_start, push_timestamp};
use self::histograms::{BucketFields, Columns, HistogramWriter};
use self::labels::Labels;
use self::rows::RowWriter;
use self::short::{Short, Starts, number, whole};
use self::wire::{
    Frame, double, lengthy, push_double, push_message, push_number, push_text, varint,
};
use super::names::check_labels;
use super::page::Sheet;
use super::{ContentCoding, Encoder, Encoding, Format};
use crate::collector::Collector;
use crate::error::Result;
use crate::model::{
    Chunk, Desc, EscapingScheme, Family, LabelNames, MetricFamily, MetricType, Quantiles, Suffix,
    Values,
};

/// Everything that a collector tells, in the protobuf format.
///
/// Families without samples are left out.
/// [The specification](https://prometheus.io/docs/instrumenting/exposition_formats/#protobuf-format).
///
/// ```
/// use narthex::model::{GaugeMetricFamily, NO_LABELS};
/// use narthex::{collector_fn, exposition};
///
/// let room = collector_fn(|scrape| {
///     let mut heat = GaugeMetricFamily::new("heat", "In the room.")?;
///     heat.add_metric(NO_LABELS, 21.5)?;
///     scrape.family(&heat)
/// });
/// assert_eq!(
///     exposition::protobuf::encode(&room)?,
///     [
///         b"\x23" as &[u8],               // 35 bytes follow
///         b"\x0a\x04heat",                // name
///         b"\x12\x0cIn the room.",        // help
///         b"\x18\x01",                    // type: gauge
///         b"\x22\x0b\x12\x09",            // a metric, its gauge,
///         b"\x09\0\0\0\0\0\x80\x35\x40",  // and its value
///     ]
///     .concat(),
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// Those of the collector, and [`Error::is_duplicate`](crate::Error::is_duplicate)
/// if two names are one when escaped.
pub fn encode(collector: &dyn Collector) -> Result<Vec<u8>> {
    let encoding = Encoding::new(Format::Protobuf, EscapingScheme::Underscores);
    let mut out = Vec::new();
    Encoder::new().encode(collector, encoding, ContentCoding::Identity, None, &mut out)?;
    Ok(out)
}

/// How many bytes the length of a family has at first: as many as most large ones need.
const LENGTH_ROOM: usize = 3;

/// What is kept from chunk to chunk, so that no row allocates.
#[derive(Default)]
pub(super) struct Buffers {
    labels: Labels,
    /// The names that labels were prepared for.
    prepared: Option<LabelNames>,
    buckets: BucketFields,
    raw: Raw,
    rare: Vec<u8>,
    name: String,
}

/// The field of a metric that the numbers of a counter are in.
const COUNTER: u8 = 3;

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

/// How a type is told: its number, the field of a metric that its numbers are in, and what its
/// names end with.
struct Kind {
    number: u8,
    field: u8,
    suffix: Suffix,
}

impl Kind {
    fn of(metric_type: MetricType) -> Self {
        let (number, field, suffix) = match metric_type {
            MetricType::Counter => (0, COUNTER, Suffix::Total),
            MetricType::Gauge | MetricType::StateSet => (1, 2, Suffix::None),
            MetricType::Info => (1, 2, Suffix::Info),
            MetricType::Summary => (2, 4, Suffix::None),
            MetricType::Unknown => (3, 5, Suffix::None),
            MetricType::Histogram => (4, 7, Suffix::None),
            MetricType::GaugeHistogram => (5, 7, Suffix::None),
        };
        Self { number, field, suffix }
    }
}

pub(super) fn write_family(
    family: &dyn Family,
    encoding: Encoding,
    buffers: &mut Buffers,
    out: &mut Vec<u8>,
) -> Result {
    let from = out.len();
    if !buffers.write_family(family, encoding, out)? {
        // What belongs together may be far apart, so all is looked through before any is written.
        out.truncate(from);
        let whole = match family.desc().metric_type() {
            MetricType::Counter => Some(MetricFamily::started(family)),
            _ => MetricFamily::grouped(family),
        };
        if let Some(whole) = whole {
            buffers.write_family(&whole, encoding, out)?;
        }
    }
    Ok(())
}

/// Whether each row of a chunk is a metric by itself.
fn has_metrics(metric_type: MetricType, chunk: &Chunk<'_>) -> bool {
    match chunk.values() {
        Values::Floats { suffix, .. } => match metric_type {
            MetricType::Counter => suffix == Suffix::Total,
            MetricType::Summary | MetricType::Histogram | MetricType::GaugeHistogram => false,
            _ => true,
        },
        Values::Histograms { .. } | Values::Summaries { .. } => true,
    }
}

impl Buffers {
    /// Appends a family, unless it has no metrics; says whether each of its rows is one.
    fn write_family(
        &mut self,
        family: &dyn Family,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let (desc, from) = (family.desc(), out.len());
        self.prepared = None;
        let mut frame = Frame::open(out, LENGTH_ROOM);
        self.push_head(desc, encoding.escaping, out);
        let head_len = frame.len(out);
        let mut result = Ok(true);
        family.for_each_chunk(&mut |chunk| match result {
            Ok(true) if !has_metrics(desc.metric_type(), chunk) => result = Ok(false),
            Ok(true) => result = self.write(desc, chunk, encoding, &mut frame, out).map(|()| true),
            _ => {}
        });
        if frame.len(out) == head_len {
            out.truncate(from);
        } else {
            self.push_unit(desc, encoding.escaping, out);
            frame.close(out);
        }
        result
    }

    fn push_head(&mut self, desc: &Desc, escaping: EscapingScheme, out: &mut Vec<u8>) {
        let kind = Kind::of(desc.metric_type());
        self.name.clear();
        escaping.push_metric_name(&mut self.name, desc.name(), kind.suffix.as_str());
        push_text(out, lengthy(1), &self.name);
        push_text(out, lengthy(2), desc.help());
        out.extend_from_slice(&[varint(3), kind.number]);
    }

    /// Appends the unit, if the name as it was written ends with it: others refuse the whole text.
    fn push_unit(&mut self, desc: &Desc, escaping: EscapingScheme, out: &mut Vec<u8>) {
        let Some(unit) = desc.unit() else { return };
        let name_len = self.name.len();
        escaping.push_unit(&mut self.name, desc.name(), unit);
        let (name, unit) = self.name.split_at(name_len);
        let stem = match desc.metric_type() {
            MetricType::Counter => name.strip_suffix(Suffix::Total.as_str()),
            _ => Some(name),
        };
        let stem = stem.and_then(|stem| stem.strip_suffix(unit));
        if stem.is_some_and(|stem| stem.ends_with('_')) {
            push_text(out, lengthy(5), unit);
        }
    }

    /// Appends the metrics of a chunk.
    ///
    /// # Errors
    /// If two label names are one in this scheme.
    fn write(
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
