//! OpenMetrics 1.0.0.
//!
//! [The specification](https://prometheus.io/docs/specs/om/open_metrics_spec/).
//!
//! Whatever it says that an exposition must or must not have is held: `# EOF` at the end and nothing
//! behind it; single spaces, no other comments, no empty lines; TYPE, UNIT and HELP once and before
//! the samples; names that no two families share, those of `_created` samples included; a unit that
//! the name ends with; the samples of a metric together, their times ascending; the values and labels
//! of each type; whole histograms, whose buckets ascend up to `+Inf` and agree with the count;
//! exemplars only where there can be any, with 128 characters and a value in their bucket.
//!
//! Beyond it, as other readers do, a space behind a comma between labels, a quoted metric name
//! behind labels, and bare quotes in HELP are read. A sample that comes again at the same time, as
//! times do that were cut off, is left out. Of a timestamp, nine digits behind the point count.
//!
//! Native histograms are read as Python's client writes them, by experiment: in a line before the
//! other samples of their metric, if it has any, the fields in any order, and each bucket as what it
//! has more than the one before.

mod groups;
mod held;
pub(super) mod reader;

use self::reader::Reader;
use super::error::ParseError;
use super::families::Families;
use crate::model::MetricFamily;

/// Reads the families of an OpenMetrics exposition one after the other.
///
/// ```
/// use narthex::model::{Family, MetricType};
/// use narthex::parser;
///
/// let text = "\
/// ## TYPE wait_seconds histogram
/// ## UNIT wait_seconds seconds
/// wait_seconds_bucket{le=\"0.1\"} 4 # {trace_id=\"4bf9\"} 0.07
/// wait_seconds_bucket{le=\"+Inf\"} 5
/// wait_seconds_count 5
/// wait_seconds_sum 0.9
/// ## EOF
/// ";
/// let mut families = parser::openmetrics::parse(text);
/// let wait = families.next().unwrap()?;
/// assert_eq!(wait.desc().metric_type(), MetricType::Histogram);
/// assert_eq!(wait.desc().unit(), Some("seconds"));
/// assert!(families.next().is_none());
/// # Ok::<(), parser::ParseError>(())
/// ```
pub fn parse<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families::of_openmetrics(Reader::new(input.as_ref()))
}

/// All families of an OpenMetrics exposition.
///
/// ```
/// use narthex::{exposition, parser};
///
/// let text = "# HELP jobs Done.\n# TYPE jobs counter\njobs_total 3.0 123.456\n# EOF\n";
/// let families = parser::openmetrics::parse_all(text)?;
/// assert_eq!(exposition::openmetrics::encode(&families)?, text);
///
/// let error = parser::openmetrics::parse_all("jobs 3\n").unwrap_err();
/// assert_eq!(error.to_string(), "line 2, column 1: expected \"# EOF\" at the end, found the end of the input");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_all<I: AsRef<[u8]> + ?Sized>(input: &I) -> Result<Vec<MetricFamily>, ParseError> {
    parse(input).collect()
}
