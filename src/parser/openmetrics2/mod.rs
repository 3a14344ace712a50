//! OpenMetrics 2.0.0, as its release candidate 2.0.0-rc0 has it.
//!
//! [The specification](https://prometheus.io/docs/specs/om/open_metrics_spec_2_0/). It may change,
//! and with it what is read.
//!
//! Whatever it says that an exposition must or must not have is held, its grammar to the letter.
//! What it leaves to readers:
//!
//! - An exemplar that is malformed, has no timestamp, stands where there can be none or is longer
//!   than the model takes is left out, and the rest of its line with it; the sample is read. Of
//!   several that a counter has, or that fall into one bucket, the last one stays.
//! - Families are refused of which two samples would have one name in OpenMetrics 1.0: what was read
//!   can be registered and written in any format.
//! - A sample that comes again at the same time is left out. Of a timestamp, nine digits behind the
//!   point count.
//!
//! What the model cannot hold is spelled otherwise, or an error. A counter without `_total` gains it.
//! A family of unknown type whose values are histograms or summaries is read as one of that type.
//! Label names that begin with two underscores are refused, histograms with a label `le` even if they
//! have native buckets only, and buckets and counts that are NaN.

mod metrics;
pub(super) mod reader;
mod value;

use self::reader::Reader;
use super::error::ParseError;
use super::families::Families;
use crate::model::MetricFamily;

/// Reads the families of an exposition in OpenMetrics 2.0 one after the other.
///
/// ```
/// use narthex::model::{Family, MetricType};
/// use narthex::parser;
///
/// let text = "\
/// ## TYPE wait_seconds histogram
/// ## UNIT wait_seconds seconds
/// wait_seconds {count:5,sum:0.9,bucket:[0.1:4,+Inf:5]} st@1700000000.5
/// ## EOF
/// ";
/// let mut families = parser::openmetrics2::parse(text);
/// let wait = families.next().unwrap()?;
/// assert_eq!(wait.desc().metric_type(), MetricType::Histogram);
/// assert_eq!(wait.desc().unit(), Some("seconds"));
/// wait.for_each_chunk(&mut |chunk| assert_eq!(chunk.starts(), [1_700_000_000.5]));
/// assert!(families.next().is_none());
/// # Ok::<(), parser::ParseError>(())
/// ```
pub fn parse<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families::of_openmetrics2(Reader::new(input.as_ref()))
}

/// All families of an exposition in OpenMetrics 2.0.
///
/// ```
/// use narthex::{exposition, parser};
///
/// let text = "# TYPE jobs_total counter\n# HELP jobs_total Done.\njobs_total 3.0 123.456\n# EOF\n";
/// let families = parser::openmetrics2::parse_all(text)?;
/// assert_eq!(exposition::openmetrics2::encode(&families)?, text);
///
/// let error = parser::openmetrics2::parse_all("jobs {count:3}\n").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 1, column 14: expected the fields of count and sum, found a closing brace",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_all<I: AsRef<[u8]> + ?Sized>(input: &I) -> Result<Vec<MetricFamily>, ParseError> {
    parse(input).collect()
}
