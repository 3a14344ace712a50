//! For tests of what a program measures: comparison, changes, lint, scrapes, and a clock.
//!
//! It has the feature `testing`, which is meant for `dev-dependencies`:
//!
//! ```toml
//! [dependencies]
//! narthex = "0.1"
//!
//! [dev-dependencies]
//! narthex = { version = "0.1", features = ["testing"] }
//! ```
//!
//! A test gives its code a registry of its own, lets it work, and says what should be there.
//! [`Expected`] compares with a text, by the names that count, and [`Snapshot`] says what changed:
//!
//! ```
//! use narthex::testing::{self, Snapshot};
//! use narthex::{CollectorRegistry, Counter};
//!
//! let registry = CollectorRegistry::new();
//! let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).register(&registry)?;
//! let before = Snapshot::of(&registry)?;
//! jobs.labels(["mail"]).inc();
//!
//! let changes = before.until_now(&registry)?;
//! assert_eq!(changes.increase("jobs_total", &[("queue", "mail")]), Some(1.0));
//! testing::collect_and_compare(&registry, r#"jobs_total{queue="mail"} 1"#)?;
//! testing::collect_and_lint(&registry)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What stands for what in Go's `testutil`:
//!
//! | Go | here |
//! | --- | --- |
//! | `CollectAndCompare`, `GatherAndCompare` | [`collect_and_compare`]; with names, [`Expected::only`] |
//! | `ScrapeAndCompare` | [`scrape_and_compare`]; [`scrape`] for all else |
//! | `CollectAndCount`, `GatherAndCount` | [`collect_and_count`] |
//! | `CollectAndLint`, `GatherAndLint` | [`collect_and_lint`]; for the problems, [`lint::families`](crate::lint::families()) |
//! | `ToFloat64` | [`to_f64`] |
//!
//! Python's tests ask a registry by
//! [`get_sample_value`](crate::CollectorRegistry::get_sample_value) before and after, which is the
//! same here.
#![cfg_attr(not(feature = "http"), allow(rustdoc::broken_intra_doc_links))]

mod clock;
mod compare;
mod document;
mod expected;
mod mismatch;
mod native;
#[cfg(feature = "http")]
mod scrape;
mod series;
mod snapshot;
mod values;

pub use self::clock::{EnteredClock, TestClock};
pub use self::expected::Expected;
pub use self::mismatch::Mismatch;
#[cfg(feature = "http")]
pub use self::scrape::scrape;
pub use self::snapshot::{Change, Changes, Snapshot};
pub use self::values::{collect_and_count, to_f64};
use crate::collector::Collector;
use crate::lint;

/// Compares what a collector tells, such as a registry or a metric, with a text.
///
/// What counts and what does not is said by [`Expected`].
///
/// ```
/// use narthex::Counter;
/// use narthex::testing::collect_and_compare;
///
/// let jobs = Counter::builder("jobs", "Jobs done.").build()?;
/// jobs.inc_by(3);
/// collect_and_compare(&jobs, "# TYPE jobs_total counter\njobs_total 3")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What differs; or that the collector failed, or the text cannot be read.
#[doc(alias = "gather_and_compare")]
pub fn collect_and_compare(collector: &dyn Collector, expected: &str) -> Result<(), Mismatch> {
    Expected::new(expected).compare(collector)
}

/// Asserts what [`collect_and_compare`] compares.
///
/// ```
/// use narthex::Gauge;
/// use narthex::testing::assert_collects;
///
/// let depth = Gauge::builder("queue_depth", "Jobs waiting.").build()?;
/// assert_collects(&depth, "queue_depth 0");
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Panics
/// If they differ, with the [`Mismatch`].
#[track_caller]
pub fn assert_collects(collector: &dyn Collector, expected: &str) {
    if let Err(mismatch) = collect_and_compare(collector, expected) {
        panic!("{mismatch}");
    }
}

/// Compares what is exposed at a URL with a text; it waits for 10 seconds at most.
///
/// What counts and what does not is said by [`Expected`].
///
/// ```
/// use narthex::testing::scrape_and_compare;
/// use narthex::{CollectorRegistry, start_http_server};
///
/// let server = start_http_server("127.0.0.1:0", &CollectorRegistry::new())?;
/// scrape_and_compare(&format!("http://{}/metrics", server.local_addr()), "")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`Expected::compare_scrape`].
#[cfg(feature = "http")]
pub fn scrape_and_compare(url: &str, expected: &str) -> Result<(), Mismatch> {
    Expected::new(expected).compare_scrape(url)
}

/// Says that a [lint] of what a collector tells finds nothing.
///
/// To leave rules out, a [`Linter`](lint::Linter) gives the problems:
/// `assert_eq!(linter.families(&registry), [])`.
///
/// ```
/// use narthex::Gauge;
/// use narthex::testing::collect_and_lint;
///
/// let wait = Gauge::builder("wait_ms", "Before a job.").build()?;
/// assert_eq!(
///     collect_and_lint(&wait).unwrap_err().to_string(),
///     "1 problem:\nwait_ms: the unit \"ms\" in the name is abbreviated [abbreviated-unit]",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// The problems, each in a line.
#[doc(alias = "gather_and_lint")]
pub fn collect_and_lint(collector: &dyn Collector) -> Result<(), Mismatch> {
    let problems = lint::families(collector);
    if problems.is_empty() {
        return Ok(());
    }
    let plural = if problems.len() == 1 { "" } else { "s" };
    let lines: String = problems.iter().map(|problem| format!("\n{problem}")).collect();
    Err(Mismatch::difference(format!("{} problem{plural}:{lines}", problems.len())))
}
