//! OpenMetrics 2.0.0, as its release candidate 2.0.0-rc0 has it.

use super::composite::Manner;
use super::lines::{Buffers, Part, Style};
use super::quoted::push_metric_name;
use super::{Encoding, Format};
use crate::collector::Collector;
use crate::error::Result;
use crate::model::escape::push_escaped;
use crate::model::{Desc, EscapingScheme, Family, MetricFamily, MetricType, Suffix, Values};

/// Everything that a collector tells, in OpenMetrics 2.0.0.
///
/// The format is a release candidate and may change, and what is written with it.
///
/// [The specification](https://prometheus.io/docs/specs/om/open_metrics_spec_2_0/).
///
/// ```
/// use narthex::model::{CounterMetricFamily, HistogramMetricFamily, NO_LABELS};
/// use narthex::{collector_fn, exposition};
///
/// let jobs = collector_fn(|scrape| {
///     let mut done = CounterMetricFamily::new("jobs", "Jobs done.")?;
///     done.add_metric(NO_LABELS, 3.0)?.created(1_700_000_000.5);
///     scrape.family(&done)?;
///     let mut wait = HistogramMetricFamily::new("wait", "")?.with_unit("seconds")?;
///     wait.add_metric(NO_LABELS, [(0.1, 4.0), (f64::INFINITY, 5.0)], Some(0.9))?;
///     scrape.family(&wait)
/// });
/// assert_eq!(
///     exposition::openmetrics2::encode(&jobs)?,
///     "# TYPE jobs_total counter\n\
///      ## HELP jobs_total Jobs done.\n\
///      jobs_total 3.0 st@1700000000.5\n\
///      ## TYPE wait_seconds histogram\n\
///      ## UNIT wait_seconds seconds\n\
///      wait_seconds {count:5,sum:0.9,bucket:[0.1:4,+Inf:5]}\n\
///      ## EOF\n",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # What cannot be said
///
/// A histogram and a summary are one value each, whose parts the format wants. Where samples were
/// told one by one, it has what [`MetricFamily::grouped`] makes of them; the sum of a histogram that
/// has none is NaN. Exemplars without a timestamp are left out, and units that are more than
/// letters, digits, underscores and colons.
///
/// # Errors
/// Those of the collector, and [`Error::is_duplicate`](crate::Error::is_duplicate)
/// if two names are one when escaped.
pub fn encode(collector: &dyn Collector) -> Result<String> {
    super::encode(collector, Encoding::new(Format::OpenMetrics200, EscapingScheme::Underscores))
}

pub(super) fn write_family(
    family: &dyn Family,
    encoding: Encoding,
    buffers: &mut Buffers,
    out: &mut Vec<u8>,
) -> Result {
    let desc = family.desc();
    buffers.write_head(out, |head| push_head(desc, encoding.escaping, head));

    let mut result = Ok(());
    if !desc.metric_type().has_buckets() && desc.metric_type() != MetricType::Summary {
        let created = encoding.created;
        let style = Style { part: Part::All, created, openmetrics: true, inline: true };
        family.for_each_chunk(&mut |chunk| {
            if result.is_ok() && !chunk.values().is_start() {
                result = buffers.write(desc, chunk, style, out);
            }
        });
        return result;
    }
    let body = out.len();
    if write_rows(family, encoding, buffers, out)? {
        return Ok(());
    }
    out.truncate(body);
    match MetricFamily::grouped(family) {
        Some(grouped) => write_rows(&grouped, encoding, buffers, out).map(|_| ()),
        None => Ok(()),
    }
}

/// Appends histograms or summaries that are a row each; says no if some are not.
fn write_rows(
    family: &dyn Family,
    encoding: Encoding,
    buffers: &mut Buffers,
    out: &mut Vec<u8>,
) -> Result<bool> {
    let (composites, mut page) = buffers.composites(out);
    let manner = Manner { escaping: encoding.escaping, created: encoding.created };
    let (mut whole, mut result) = (true, Ok(()));
    family.for_each_chunk(&mut |chunk| {
        whole &= chunk.rows() == 0 || !matches!(chunk.values(), Values::Floats { .. });
        if whole && result.is_ok() {
            result = composites.write(family.desc(), chunk, manner, &mut page);
        }
    });
    result.map(|()| whole)
}

/// What the names of a family and of its samples end with.
fn suffix(metric_type: MetricType) -> Suffix {
    match metric_type {
        MetricType::Counter => Suffix::Total,
        MetricType::Info => Suffix::Info,
        _ => Suffix::None,
    }
}

fn push_head(desc: &Desc, escaping: EscapingScheme, out: &mut String) {
    let suffix = suffix(desc.metric_type()).as_str();
    let begin = |keyword: &str, out: &mut String| {
        out.push_str(keyword);
        push_metric_name(out, escaping, desc.name(), suffix);
        out.push(' ');
    };
    begin("# TYPE ", out);
    out.push_str(desc.metric_type().as_str());
    out.push('\n');
    if let Some(unit) = desc.unit() {
        let from = out.len();
        begin("# UNIT ", out);
        let unit_from = out.len();
        escaping.push_unit(out, desc.name(), unit);
        if out[unit_from..]
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte))
        {
            out.push('\n');
        } else {
            out.truncate(from);
        }
    }
    if !desc.help().is_empty() {
        begin("# HELP ", out);
        push_escaped(out, desc.help());
        out.push('\n');
    }
}
