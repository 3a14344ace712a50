//! What is wrong with metrics: their names, labels and numbers, alone and beside one another.
//!
//! Every rule is a [`Rule`]. They are those of Prometheus' own `promlint`, which
//! `promtool check metrics` runs, and others: names that an escaping scheme makes one, names that
//! differ only in case or unit, series that stand twice, histograms that are not whole.
//!
//! ```
//! use narthex::lint::{self, Rule};
//! use narthex::{CollectorRegistry, Counter, Gauge};
//!
//! let registry = CollectorRegistry::new();
//! Counter::builder("jobs", "Jobs done.").register(&registry)?;
//! assert_eq!(lint::families(&registry), []);
//!
//! Gauge::builder("waitMilliseconds", "Of a job.").register(&registry)?;
//! let problems = lint::families(&registry);
//! assert_eq!(problems.len(), 1);
//! assert_eq!(problems[0].rule(), Rule::CamelCase);
//! assert_eq!(
//!     problems[0].to_string(),
//!     "waitMilliseconds: the name is in camelCase and not in snake_case [camel-case]",
//! );
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! A text that was scraped has faults that no family can hold. [`text`] and [`openmetrics`] say
//! those as well, and of every problem in which line it is. A [`Linter`] leaves rules out.
//!
//! A problem of several series of one family is told of the first one, with the number of the
//! others.

mod clashes;
mod findings;
mod histograms;
mod labels;
mod lines;
mod linter;
mod naming;
mod problem;
mod repeats;
mod rule;
mod samples;
mod schemes;
mod series;
mod units;

pub use self::linter::Linter;
#[cfg(feature = "testing")]
pub(crate) use self::naming::shown_name;
pub use self::problem::Problem;
pub use self::rule::Rule;
use crate::collector::Collector;
use crate::model::Family;

/// What is wrong with all that a collector tells now, such as a registry.
///
/// A collector that fails is a problem as well; the families before it are looked at.
///
/// ```
/// use narthex::lint::{self, Rule};
/// use narthex::{Error, collector_fn};
///
/// let broken = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
/// let problems = lint::families(&broken);
/// assert_eq!(problems[0].rule(), Rule::FailedScrape);
/// assert_eq!(problems[0].text(), "the sensor is unplugged");
/// ```
#[doc(alias = "collect_and_lint")]
#[doc(alias = "gather_and_lint")]
pub fn families(collector: &dyn Collector) -> Vec<Problem> {
    Linter::new().families(collector)
}

/// What is wrong with one family by itself.
///
/// ```
/// use narthex::lint::{self, Rule};
/// use narthex::model::{CounterMetricFamily, NO_LABELS};
///
/// let mut family = CounterMetricFamily::new("jobs", "Jobs done.")?;
/// family.add_metric(NO_LABELS, -1.0)?;
/// assert_eq!(lint::family(&family)[0].rule(), Rule::NegativeCounter);
/// # Ok::<(), narthex::Error>(())
/// ```
pub fn family(family: &dyn Family) -> Vec<Problem> {
    Linter::new().family(family)
}

/// What is wrong with a text of the format 0.0.4 or 1.0.0.
///
/// What stands behind a line that cannot be read is not looked at.
///
/// ```
/// use narthex::lint::{self, Rule};
///
/// let problems = lint::text("# HELP up Is it?\n# TYPE up gauge\nup 1\nup one\n");
/// assert_eq!(problems[0].rule(), Rule::Syntax);
/// assert_eq!((problems[0].line(), problems[0].column()), (Some(4), Some(4)));
/// assert_eq!(problems[0].text(), "expected a number, found \"one\"");
/// ```
pub fn text(text: impl AsRef<[u8]>) -> Vec<Problem> {
    Linter::new().text(text)
}

/// What is wrong with a text of OpenMetrics 1.0.0.
///
/// What stands behind a line that cannot be read is not looked at.
///
/// ```
/// use narthex::lint::{self, Rule};
///
/// let problems = lint::openmetrics("# HELP up Is it?\n# TYPE up gauge\nup 1\n");
/// assert_eq!(problems[0].rule(), Rule::Syntax);
/// assert_eq!(problems[0].line(), Some(4));
/// ```
pub fn openmetrics(text: impl AsRef<[u8]>) -> Vec<Problem> {
    Linter::new().openmetrics(text)
}

/// What is wrong with a text of OpenMetrics 2.0.
///
/// What stands behind a line that cannot be read is not looked at.
///
/// ```
/// use narthex::lint::{self, Rule};
///
/// let problems = lint::openmetrics2("# TYPE up gauge\n# HELP up Is it?\nup 1\n");
/// assert_eq!(problems[0].rule(), Rule::Syntax);
/// assert_eq!(problems[0].line(), Some(4));
/// ```
#[cfg(feature = "openmetrics2")]
pub fn openmetrics2(text: impl AsRef<[u8]>) -> Vec<Problem> {
    Linter::new().openmetrics2(text)
}

/// What is wrong with protobuf messages, each behind its length.
///
/// What stands behind a message that cannot be read is not looked at; where that is, the text of
/// the problem says.
///
/// ```
/// use narthex::lint::{self, Rule};
///
/// let problems = lint::protobuf(b"\x0a\x0a\x02up\x18\x01\x22\x02\x12\x09");
/// assert_eq!(problems[0].rule(), Rule::Syntax);
/// assert_eq!(problems[0].text(), "byte 11, metric of \"up\": expected 9 bytes, found 0");
/// ```
pub fn protobuf(bytes: impl AsRef<[u8]>) -> Vec<Problem> {
    Linter::new().protobuf(bytes)
}
