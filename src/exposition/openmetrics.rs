//! OpenMetrics 1.0.0.

use super::lines::{Buffers, Part, Style};
use super::quoted::push_metric_name;
use super::{Encoding, Format};
use crate::collector::Collector;
use crate::error::Result;
use crate::model::escape::push_escaped;
use crate::model::{Desc, EscapingScheme, Family};

/// Everything that a collector tells, in OpenMetrics 1.0.0.
///
/// [The specification](https://prometheus.io/docs/specs/om/open_metrics_spec/).
///
/// ```
/// use narthex::model::{CounterMetricFamily, Exemplar, NO_LABELS};
/// use narthex::{collector_fn, exposition};
///
/// let jobs = collector_fn(|scrape| {
///     let mut done = CounterMetricFamily::new("jobs", "Jobs done.")?;
///     done.add_metric(NO_LABELS, 3.0)?
///         .created(1_700_000_000.5)
///         .exemplar(Exemplar::new([("trace_id", "4bf92f35")], 1.0)?)?;
///     scrape.family(&done)
/// });
/// assert_eq!(
///     exposition::openmetrics::encode(&jobs)?,
///     "# HELP jobs Jobs done.\n\
///      ## TYPE jobs counter\n\
///      jobs_total 3.0 # {trace_id=\"4bf92f35\"} 1.0\n\
///      jobs_created 1.7000000005e+09\n\
///      ## EOF\n",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// Those of the collector, and [`Error::is_duplicate`](crate::Error::is_duplicate)
/// if two names are one when escaped.
pub fn encode(collector: &dyn Collector) -> Result<String> {
    super::encode(collector, Encoding::new(Format::OpenMetrics100, EscapingScheme::Underscores))
}

pub(super) fn write_family(
    family: &dyn Family,
    encoding: Encoding,
    buffers: &mut Buffers,
    out: &mut Vec<u8>,
) -> Result {
    let desc = family.desc();
    buffers.write_head(out, |head| push_head(desc, encoding.escaping, head));

    let created = encoding.created;
    let style = Style { part: Part::All, created, openmetrics: true, inline: false };
    let mut result = Ok(());
    family.for_each_chunk(&mut |chunk| {
        if result.is_ok() {
            result = buffers.write(desc, chunk, style, out);
        }
    });
    result
}

fn push_head(desc: &Desc, escaping: EscapingScheme, out: &mut String) {
    let mut line = |keyword: &str, text: &dyn Fn(&mut String)| {
        out.push_str(keyword);
        push_metric_name(out, escaping, desc.name(), "");
        out.push(' ');
        text(out);
        out.push('\n');
    };
    line("# HELP ", &|out| {
        push_escaped(out, desc.help());
    });
    line("# TYPE ", &|out| out.push_str(desc.metric_type().as_str()));
    // Parsers hold the name to end with it, which not all formats do that it may have been read of.
    if let Some(unit) = desc.unit().filter(|unit| desc.name().ends_with(unit)) {
        line("# UNIT ", &|out| match escaping {
            EscapingScheme::AllowUtf8 => {
                push_escaped(out, unit);
            }
            _ => escaping.push_unit(out, desc.name(), unit),
        });
    }
}
