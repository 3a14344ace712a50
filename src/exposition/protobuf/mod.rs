//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each behind its length.
//!
//! Prometheus asks for it when it wants native histograms or start times.

mod batches;
mod chunks;
mod extras;
mod histograms;
mod kind;
mod labels;
mod natives;
mod rows;
mod short;
mod wire;

use self::chunks::ChunkWriter;
use self::kind::Kind;
use self::wire::{Frame, lengthy, push_text, varint};
use super::{Encoding, Format};
use crate::collector::Collector;
use crate::error::Result;
use crate::model::{Chunk, Desc, EscapingScheme, Family, MetricFamily, MetricType, Suffix, Values};

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
    super::encode_bytes(collector, Encoding::new(Format::Protobuf, EscapingScheme::Underscores))
}

/// Room for a family of few series.
const FAMILY_ROOM: usize = 4096;

/// How many bytes the length of a family has at first: as many as most large ones need.
const LENGTH_ROOM: usize = 3;

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
        _ if chunk.rows() == 0 => true,
        Values::Floats { suffix, .. } => match metric_type {
            MetricType::Counter => suffix == Suffix::Total,
            MetricType::Summary | MetricType::Histogram | MetricType::GaugeHistogram => false,
            _ => true,
        },
        Values::Histograms { .. } | Values::Summaries { .. } => true,
    }
}

/// What is kept from family to family, so that no row allocates.
#[derive(Default)]
pub(super) struct Buffers {
    chunks: ChunkWriter,
    name: String,
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
        self.chunks.forget();
        out.reserve(FAMILY_ROOM);
        let mut frame = Frame::open(out, LENGTH_ROOM);
        self.push_head(desc, encoding.escaping, out);
        let head_len = frame.len(out);
        let mut result = Ok(true);
        family.for_each_chunk(&mut |chunk| match result {
            Ok(true) if !has_metrics(desc.metric_type(), chunk) => result = Ok(false),
            Ok(true) => {
                let written = self.chunks.write(desc, chunk, encoding, &mut frame, out);
                result = written.map(|()| true);
            }
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
}
