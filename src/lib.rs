//! Prometheus metrics for Rust: a program measures itself, and Prometheus reads
//! the numbers.
//!
//! A *metric* is what the program updates. A *registry* gathers metrics and
//! other *collectors*. A scrape asks the registry for *families* of samples and
//! writes them in a *format*. The names are those of Python's
//! `prometheus_client` wherever Rust has no better word.
//!
//! # Instrument
//!
//! [`Counter`] counts what happens, [`Gauge`] shows what is, [`Histogram`]
//! counts observations by size, [`Summary`] adds them up, [`Info`] tells facts
//! and [`Enum`] a state. All are cheap to clone and share one number.
//!
//! ```
//! use narthex::{Counter, Gauge, Histogram, REGISTRY, RegisterDefault};
//!
//! let jobs = Counter::builder("jobs", "Jobs done.").register_default()?;
//! let queue = Gauge::builder("queue_depth", "Jobs waiting.").register_default()?;
//! let duration = Histogram::builder("job_duration", "How long a job takes.")
//!     .unit("seconds")
//!     .register_default()?;
//!
//! queue.set(3);
//! duration.time(|| {
//!     // … the work …
//!     queue.dec();
//!     jobs.inc();
//! });
//! assert_eq!(REGISTRY.get_sample_value("jobs_total", &[]), Some(1.0));
//! assert_eq!(REGISTRY.get_sample_value("queue_depth", &[]), Some(2.0));
//! assert_eq!(REGISTRY.get_sample_value("job_duration_seconds_count", &[]), Some(1.0));
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! An update cannot fail, panic or block. An amount that is not allowed, such
//! as a negative one for a counter, changes nothing and is counted; a twin
//! named `try_…` returns the error. Mistakes of construction are errors of
//! construction.
//!
//! # Expose
//!
//! [`start_http_server`] serves a registry on a thread of its own;
//! [`http::serve`] does it in a tokio runtime, and [`http::MetricsService`] is
//! mounted into a server of one's own. [`exposition`] writes text, for anything
//! else. A web framework answers with [`http::MetricsHandler`]: a function from
//! the parts of a request to a response, or mounts it as a service of tower (feature `tower`), which
//! also has the layers that measure requests.
//!
//! ```
//! use narthex::{CollectorRegistry, Counter, exposition};
//!
//! let registry = CollectorRegistry::new();
//! Counter::builder("jobs", "Jobs done.").register(&registry)?.inc();
//! assert_eq!(
//!     exposition::text::encode(&registry)?,
//!     "# HELP jobs_total Jobs done.\n# TYPE jobs_total counter\njobs_total 1.0\n",
//! );
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! # Test
//!
//! A test has a registry of its own and asks it for values:
//!
//! ```
//! use narthex::{CollectorRegistry, Counter};
//!
//! fn handle(requests: &Counter) {
//!     requests.inc();
//! }
//!
//! let registry = CollectorRegistry::new();
//! let requests = Counter::builder("requests", "Answered.").register(&registry)?;
//! handle(&requests);
//! assert_eq!(registry.get_sample_value("requests_total", &[]), Some(1.0));
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! [`lint`] says what is wrong with the metrics themselves: `assert_eq!(lint::families(&registry),
//! [])`. The feature `testing` adds the comparison with a text, what changed between two looks, the
//! scrape of a URL, and a clock that stands still:
#![cfg_attr(
    feature = "testing",
    doc = r##"
```
use std::time::Duration;

use narthex::testing::{self, Snapshot, TestClock};
use narthex::{CollectorRegistry, Counter, Histogram};

let registry = CollectorRegistry::new();
let jobs = Counter::builder("jobs", "Jobs done.").register(&registry)?;
let wait = Histogram::builder("wait_seconds", "Before a job.").register(&registry)?;

let clock = TestClock::at(1_700_000_000.0);
let _entered = clock.enter();
let before = Snapshot::of(&registry)?;
wait.time(|| clock.advance(Duration::from_millis(250)));
jobs.inc();

let changes = before.until_now(&registry)?;
assert_eq!(changes.increase("wait_seconds_sum", &[]), Some(0.25));
testing::Expected::new("jobs_total 1").only(["jobs"]).compare(&registry)?;
# Ok::<(), Box<dyn std::error::Error>>(())
```

See [`testing`].
"##
)]
//!
//! # Labels
//!
//! A metric is split by labels whose number is part of its type: a value too
//! few does not compile. `labels` lends a child for the call at hand;
//! [`handle`](Child::handle) makes a copy to keep beside the code that it
//! measures.
//!
//! ```
//! use narthex::{CollectorRegistry, Counter};
//!
//! let registry = CollectorRegistry::new();
//! let replies = Counter::builder("replies", "By method and code.")
//!     .labels(["method", "code"])
//!     .register(&registry)?;
//! replies.labels(["GET", "200"]).inc();
//! replies.labels(("GET", 404)).inc();
//! let created = replies.labels(["POST", "201"]).handle();
//! created.inc();
//! replies.remove(["GET", "404"]);
//! assert_eq!(replies.len(), 2);
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! Labels that belong together are a struct, and values that are known
//! beforehand an enum. If all of them are, a child is found by number, and all
//! children can be shown from the start:
#![cfg_attr(
    feature = "derive",
    doc = r##"
```
use narthex::{CollectorRegistry, Counter, LabelSet, LabelValue};

#[derive(LabelValue)]
enum Outcome {
    Done,
    TimedOut,
}

#[derive(LabelSet)]
struct Job {
    outcome: Outcome,
    retried: bool,
}

let registry = CollectorRegistry::new();
let jobs = Counter::builder("jobs", "Jobs ended.").labels_of::<Job>().register(&registry)?;
jobs.create_all();
jobs.labels(Job { outcome: Outcome::TimedOut, retried: false }).inc();
let labels = [("outcome", "timed_out"), ("retried", "false")];
assert_eq!(registry.get_sample_value("jobs_total", &labels), Some(1.0));
assert_eq!(jobs.len(), 4);
# Ok::<(), narthex::Error>(())
```
"##
)]
//!
//! In a line that awaits or sends, [`MetricVec::handle`] takes the place of
//! `labels`: a lent child stays on its thread. Names that are known only when
//! the program runs are for [`MetricBuilder::labels_dyn`].
//!
//! # More of instruments
//!
//! | for | there is |
//! | --- | --- |
//! | timing a closure, a scope, a future | [`Histogram::time`], [`Histogram::start_timer`], [`Histogram::time_future`] |
//! | labels that are known when the work is done | [`MetricVec::start_timer`](LateTimer) |
//! | closed labels that are shown before anything was counted | [`MetricVecOf::create_all`] |
//! | histograms that make their buckets themselves | [`MetricBuilder::native`], [`NativeOptions`] |
//! | exemplars | [`Counter::inc_with_exemplar`], [`Histogram::observe_with_exemplar`] |
//! | counting errors | [`Counter::count_errors`], [`Counter::error_guard`] |
//! | work in progress | [`Gauge::track_inprogress`] |
//! | a number that is asked for at each scrape | [`Gauge::set_function`] |
//! | names that an old Prometheus takes | [`MetricBuilder::name_validation`] |
//! | the same metric from several places | [`MetricBuilder::get_or_register`] |
//! | facts about the program in each scrape | [`CollectorRegistry::set_target_info`] |
//! | a part of a registry, a prefix, constant labels | [`CollectorRegistry::restricted`], [`with_prefix`](CollectorRegistry::with_prefix), [`with_labels`](CollectorRegistry::with_labels) |
//! | a collector that may fail | [`FailurePolicy`], [`RegistryBuilder::tell_failures`] |
//!
//! # Many processes
//!
//! Processes that serve one port are scraped as one program: each counts into
//! files of a shared directory, and one of them, or any other, merges them. The
//! files are those of Python's client, both ways. See [`multiprocess`], and the
//! example `worker_pool` for a whole pool.
//!
//! # Push
//!
//! A job that ends before Prometheus would look sends its numbers to a Pushgateway (`push`, of the
//! feature of that name), or leaves them in a file that node_exporter reads (`textfile`, likewise).
//! Graphite and StatsD are told by `bridge`.
#![cfg_attr(
    feature = "push",
    doc = r##"
```
use narthex::push::PushGateway;
use narthex::{CollectorRegistry, Gauge};

let registry = CollectorRegistry::new();
let finished = Gauge::builder("backup_finished_seconds", "When it was.").register(&registry)?;
finished.set_to_current_time();
let gateway = PushGateway::builder("localhost:9091", "backup").build()?;
assert_eq!(gateway.url(), "http://localhost:9091/metrics/job/backup");
# let sends = || -> narthex::Result {
gateway.push(&registry)?;
# Ok(())
# };
# Ok::<(), narthex::Error>(())
```
"##
)]
//!
//! # Run a service
//!
//! `service`, of the feature of that name, has a metrics server that is configured by serde, metrics
//! that the services of a program share, and a loop that measures its cycles and ends well at a
//! signal.
//!
//! # Declare metrics once
//!
//! `catalog`, of the feature of that name, has all metrics of a program in one declaration: as fields,
//! so that a wrong name does not compile, or as rows of a file.
#![cfg_attr(
    feature = "catalog",
    doc = r##"
```
narthex::catalog! {
    /// What the mailer measures.
    pub static METRICS: MailMetrics {
        /// Mail that left.
        sent: Counter["kind"] = "mail.sent",
        /// How long delivery takes.
        delivery: Histogram = "mail.delivery" { unit: "seconds" },
    }
}

METRICS.sent.labels(["text"]).inc();
METRICS.delivery.time(|| { /* … */ });
METRICS.register(&narthex::REGISTRY)?;
let labels = [("kind", "text")];
assert_eq!(narthex::REGISTRY.get_sample_value("mail.sent_total", &labels), Some(1.0));
# Ok::<(), narthex::Error>(())
```

See [`mod@catalog`].
"##
)]
//!
//! # Record for sinks
//!
//! `window`, of the feature `sinks`, keeps the last seconds of what is recorded by name, and hands
//! them to `sink`s; `recorder` hands on single recordings in batches.
//!
//! # Write a collector
//!
//! What reads its numbers at the time of a scrape implements [`Collector`], or
//! is a closure in [`collector_fn`], and yields the owned families of [`model`].
//! [`collectors`] has those for the process, the platform and the build, and
//! wrappers that cache or await others.
//!
//! # Read
//!
//! What other programs expose is read by [`parser`], into the families that
//! collectors yield.
//!
//! ```
//! use narthex::{exposition, parser};
//!
//! let families = parser::text::parse_all("# TYPE up gauge\nup 1\n")?;
//! assert_eq!(
//!     exposition::openmetrics::encode(&families)?,
//!     "# HELP up \n# TYPE up gauge\nup 1.0\n# EOF\n",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Prometheus is answered in the format that it prefers; [`exposition`] has a table of what each of
//! them can say.
//!
//! # Features
//!
//! | feature | on by default | what it is for |
//! | --- | --- | --- |
//! | `derive` | yes | enums as label values, structs as [sets of labels](LabelSet) |
//! | `http` | yes | serving `/metrics`, with or without async |
//! | `gzip` | yes | compressed answers |
//! | `zstd` | no | answers compressed with zstd, in less time and smaller |
//! | `multiprocess` | yes | metrics in files that processes share |
//! | `process` | yes | the `process_*` metrics of the operating system |
//! | `async` | no | collectors that await |
//! | `auth` | no | metrics for those who have a password or a token |
//! | `push` | no | sending to a Pushgateway |
//! | `tls` | no | HTTPS for what is sent, and for metrics that are served, with HTTP/2 |
//! | `web-config` | no | TLS and users for the metrics server by the web configuration file of exporters |
//! | `tower` | no | the handler as a service of tower, and layers that measure requests |
//! | `textfile` | no | a file that node_exporter reads |
//! | `service` | no | a configured server, shared metrics and a measured loop, for services |
//! | `catalog` | no | metrics that are declared once, and checked when the program is compiled |
//! | `sinks` | no | windows of what is recorded by name, sinks that take them, and batches |
//! | `bridge` | no | sending to Graphite, StatsD and DogStatsD |
//! | `openmetrics2` | no | OpenMetrics 2.0 as its release candidate has it, which may change |
//! | `testing` | no | comparison, changes and a stopped clock, for tests |
//! | `cli` | no | the program `narthex`, which is no part of the library |
//!
//! A feature adds and never changes what is there without it.

// In a model nothing forks.
#![cfg_attr(loom, allow(dead_code, unused_imports))]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![cfg_attr(doctest, doc = include_str!("../docs/multiprocess.md"))]
#![cfg_attr(
    not(all(feature = "http", feature = "multiprocess")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(feature = "bridge")]
pub mod bridge;
#[cfg(feature = "catalog")]
pub mod catalog;
mod cell;
#[cfg(any(feature = "push", feature = "textfile"))]
mod checked;
#[cfg(feature = "client")]
pub mod client;
mod clock;
mod collector;
pub mod collectors;
mod error;
pub mod exposition;
mod global;
#[cfg(feature = "http")]
pub mod http;
pub mod lint;
mod metrics;
#[cfg(feature = "tower")]
pub mod middleware;
pub mod model;
#[cfg(feature = "multiprocess")]
pub mod multiprocess;
pub mod parser;
#[cfg(feature = "push")]
pub mod push;
#[cfg(feature = "sinks")]
pub mod recorder;
mod registry;
#[cfg(any(
    feature = "bridge",
    feature = "multiprocess",
    feature = "push",
    feature = "sinks",
    feature = "textfile"
))]
mod repeat;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "sinks")]
pub mod sink;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "textfile")]
pub mod textfile;
#[cfg(feature = "sinks")]
pub mod window;

pub use crate::collector::{Collector, CollectorFn, Scrape, collector_fn, for_each_family};
pub use crate::error::{Error, Result};
pub use crate::global::{DefaultRegistry, REGISTRY, RegisterDefault};
#[cfg(feature = "http")]
pub use crate::http::start_http_server;
pub use crate::metrics::{
    Amount, Built, Child, Counter, CounterVec, CounterVecDyn, CounterVecOf, DEFAULT_BUCKETS, Enum,
    EnumVec, EnumVecDyn, EnumVecOf, ErrorGuard, Gauge, GaugeVec, GaugeVecDyn, GaugeVecOf,
    Histogram, HistogramSnapshot, HistogramVec, HistogramVecDyn, HistogramVecOf, InProgress, Info,
    InfoVec, InfoVecDyn, InfoVecOf, Instrument, LabelArray, LabelSet, LabelValue, LabelValues,
    LateTimer, MetricBuilder, MetricVec, MetricVecDyn, MetricVecOf, NativeOptions, NativeSnapshot,
    Observer, States, Summary, SummaryVec, SummaryVecDyn, SummaryVecOf, TimedFuture, Timer,
    exponential_buckets, linear_buckets,
};
pub use crate::registry::{
    CollectorId, CollectorRegistry, FailurePolicy, RegistrationGuard, RegistryBuilder,
    RegistryView, RestrictedRegistry,
};
#[cfg(feature = "derive")]
pub use narthex_macros::{LabelSet, LabelValue};
