//! The text format, in its versions 0.0.4 and 1.0.0.
//!
//! [The specification](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
//!
//! A counter's family loses the `_total` of its name, as everywhere in this library, and a counter
//! whose name has none gains it: `jobs 3` of `# TYPE jobs counter` becomes `jobs_total 3.0` when it
//! is written again, and is asked for by that name. A type that is not said is unknown.
//!
//! The samples of a counter have the very name that its TYPE has: behind `# TYPE a counter`,
//! `a_total 1` is of another family, of unknown type, as other readers have it, and the counter has
//! no samples. A `Vec` of both leaves the empty counter out when it is registered or written, so
//! that what is written is valid. One counter is `# TYPE a_total counter`.
//!
//! # Leniencies
//!
//! [`parse`] takes what readers of the field take; [`parse_strict`] what the specification says.
//! Go's reader is `expfmt` of `prometheus/common`, Python's that of `prometheus_client`.
//!
//! | in the text | Go | Python | `parse` | `parse_strict` |
//! | --- | --- | --- | --- | --- |
//! | no line feed behind the last line | no | yes | yes | no |
//! | a carriage return before the line feed | no | yes | yes | no |
//! | `{,}` for no labels | no | yes | yes | no |
//! | the quoted metric name behind a label: `{a="b","c.d"} 1` | yes | yes | yes | no |
//! | a backslash that escapes nothing, for itself: `"\d"` | no | yes | yes | no |
//! | a number that is too large for a float, for an infinity: `1e999` | no | yes | yes | no |
//! | a timestamp of more than 64 bits | no | yes | yes | no |
//! | `# HELP` without a name, for a comment | yes | yes | yes | no |
//! | HELP behind samples of a family that had only TYPE | yes | yes | yes | no |
//! | TYPE or HELP behind samples that had neither: another family begins | HELP, for the same family | yes | yes | no |
//! | a family in several places: each is a family of its own, only the first has its type | merged | yes | yes | no |
//! | a counter, and a family of its name with `_total`: `# TYPE a counter` before `a_total 1` | yes, but for a counter without samples | yes | yes | no |
//! | a series twice | yes | yes | yes | no |
//! | a histogram without `+Inf`, or whose buckets or counts do not ascend or add up | yes | yes | yes | no |
//! | quantiles that do not ascend between 0 and 1 | yes | yes | yes | no |
//!
//! What the specification allows is read by both: blanks around all tokens, none behind a closing
//! brace, a comma behind the last label, comments and empty lines anywhere, TYPE and HELP in any
//! order, a label value that is empty, infinities in any case. Neither reads what only Python's
//! reader takes: a second TYPE, types that only OpenMetrics has, timestamps that are no whole
//! numbers, a comma before the first label, colons in the names of labels; nor what only Go's takes:
//! TYPE without a type, types in capital letters, two names of one sample. What the model cannot
//! hold is an error as well: label names that begin with two underscores, or are one when they are
//! escaped; a bucket without `le` or a summary's own sample without `quantile`, or with one that is
//! no number.

mod draft;
mod own_label;
pub(super) mod reader;
mod strict;

use self::reader::Reader;
use super::error::ParseError;
use super::families::Families;
use crate::model::MetricFamily;

/// Reads the families of a text one after the other, as readers of the field do.
///
/// ```
/// use narthex::model::{Family, MetricType};
/// use narthex::parser;
///
/// let text = "# TYPE jobs_total counter\njobs_total{queue=\"mail\"} 3 1700000000000\nup 1\n";
/// let mut families = parser::text::parse(text);
/// let jobs = families.next().unwrap()?;
/// assert_eq!((jobs.desc().name(), jobs.desc().metric_type()), ("jobs", MetricType::Counter));
/// let up = families.next().unwrap()?;
/// assert_eq!((up.desc().name(), up.desc().metric_type()), ("up", MetricType::Unknown));
/// assert!(families.next().is_none());
/// # Ok::<(), parser::ParseError>(())
/// ```
pub fn parse<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families::of_text(Reader::new(input.as_ref(), false))
}

/// Reads the families of a text, which has to be what the specification says.
///
/// ```
/// use narthex::parser;
///
/// let text = "up 1\nup 2\n";
/// assert_eq!(parser::text::parse(text).count(), 1);
/// let error = parser::text::parse_strict(text).next().unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "line 2, column 1: expected each series once, found a second sample of the one in line 1");
/// ```
pub fn parse_strict<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families::of_text(Reader::new(input.as_ref(), true))
}

/// All families of a text, read as by [`parse`].
///
/// ```
/// use narthex::{exposition, parser};
///
/// let families = parser::text::parse_all("# TYPE heat gauge\nheat{room=\"kitchen\"} 21.5")?;
/// assert_eq!(
///     exposition::openmetrics::encode(&families)?,
///     "# HELP heat \n# TYPE heat gauge\nheat{room=\"kitchen\"} 21.5\n# EOF\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_all<I: AsRef<[u8]> + ?Sized>(input: &I) -> Result<Vec<MetricFamily>, ParseError> {
    parse(input).collect()
}
