//! The text format, in its versions 0.0.4 and 1.0.0.

use super::lines::{Buffers, Part, Style};
use super::quoted::push_metric_name;
use super::{Encoding, Format};
use crate::collector::Collector;
use crate::error::Result;
use crate::model::chunk::histogram_suffixes;
use crate::model::escape::push_text_help;
use crate::model::{Chunk, Desc, EscapingScheme, Family, MetricType, Suffix, SumPlace, Values};

/// Everything that a collector tells, in the text format 0.0.4.
///
/// [The specification](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
///
/// ```
/// use narthex::model::GaugeMetricFamily;
/// use narthex::{collector_fn, exposition};
///
/// let room = collector_fn(|scrape| {
///     let mut heat = GaugeMetricFamily::new("heat", "In the room.")?
///         .with_unit("celsius")?
///         .with_labels(["room"])?;
///     heat.add_metric(["kitchen"], 21.5)?;
///     scrape.family(&heat)
/// });
/// assert_eq!(
///     exposition::text::encode(&room)?,
///     "# HELP heat_celsius In the room.\n\
///      ## TYPE heat_celsius gauge\n\
///      heat_celsius{room=\"kitchen\"} 21.5\n",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// Those of the collector, and [`Error::is_duplicate`](crate::Error::is_duplicate)
/// if two names are one when escaped.
pub fn encode(collector: &dyn Collector) -> Result<String> {
    super::encode(collector, Encoding::new(Format::Text004, EscapingScheme::Underscores))
}

/// The samples that stand in families of their own, behind the one that they belong to.
const APART: [Suffix; 3] = [Suffix::Created, Suffix::GCount, Suffix::GSum];

pub(super) fn write_family(
    family: &dyn Family,
    encoding: Encoding,
    buffers: &mut Buffers,
    out: &mut Vec<u8>,
) -> Result {
    let desc = family.desc();
    let (suffix, type_name) = munge(desc.metric_type());
    buffers.write_head(out, |head| push_head(desc, suffix, type_name, encoding.escaping, head));

    let mut apart = [false; APART.len()];
    let mut result = Ok(());
    let created = encoding.created;
    let style = Style { part: Part::Body, created, openmetrics: false, inline: false };
    family.for_each_chunk(&mut |chunk| {
        if result.is_ok() {
            result = buffers.write(desc, chunk, style, out);
        }
        for (seen, suffix) in apart.iter_mut().zip(APART) {
            *seen |= has_sample(desc, chunk, suffix);
        }
    });
    apart[0] &= encoding.created;
    for (_, suffix) in apart.into_iter().zip(APART).filter(|(seen, _)| *seen) {
        buffers.write_head(out, |head| push_head(desc, suffix, "gauge", encoding.escaping, head));
        let style = Style { part: Part::Only(suffix), ..style };
        family.for_each_chunk(&mut |chunk| {
            if result.is_ok() {
                result = buffers.write(desc, chunk, style, out);
            }
        });
    }
    result
}

/// Whether any of these samples would stand in a family of its own in the text format.
fn has_sample(desc: &Desc, chunk: &Chunk<'_>, suffix: Suffix) -> bool {
    if chunk.rows() == 0 {
        return false;
    }
    if suffix == Suffix::Created && chunk.starts().iter().any(|start| !start.is_nan()) {
        return true;
    }
    match chunk.values() {
        Values::Floats { suffix: own, .. } => own == suffix,
        Values::Summaries { .. } => false,
        Values::Histograms { sum_place, .. } => {
            let (count, sum) = histogram_suffixes(desc.metric_type());
            suffix == count || (suffix == sum && sum_place != SumPlace::Absent)
        }
    }
}

/// What the name of a family ends with here, and what its type is called.
fn munge(metric_type: MetricType) -> (Suffix, &'static str) {
    match metric_type {
        MetricType::Counter => (Suffix::Total, "counter"),
        MetricType::Gauge | MetricType::StateSet => (Suffix::None, "gauge"),
        MetricType::GaugeHistogram | MetricType::Histogram => (Suffix::None, "histogram"),
        MetricType::Info => (Suffix::Info, "gauge"),
        MetricType::Summary => (Suffix::None, "summary"),
        MetricType::Unknown => (Suffix::None, "untyped"),
    }
}

fn push_head(
    desc: &Desc,
    suffix: Suffix,
    type_name: &str,
    escaping: EscapingScheme,
    out: &mut String,
) {
    out.push_str("# HELP ");
    push_metric_name(out, escaping, desc.name(), suffix.as_str());
    out.push(' ');
    push_text_help(out, desc.help());
    out.push_str("\n# TYPE ");
    push_metric_name(out, escaping, desc.name(), suffix.as_str());
    out.push(' ');
    out.push_str(type_name);
    out.push('\n');
}
