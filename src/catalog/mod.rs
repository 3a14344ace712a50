//! Metrics that are declared once: their names, kinds, units, help texts, labels and buckets stand
//! in one place, which everything else is taken from.
//!
//! [`catalog!`](crate::catalog!) declares them as the fields of a struct. A name that is wrong does
//! not compile then, and neither does what a metric of that kind cannot do, nor a declaration that
//! makes no sense; the compiler says which entry it is. [`Catalog`] is what such a struct is
//! made of, for names that are known only when the program runs, and for
//! [specifications](MetricSpec) that come from a file.
//!
//! ```
//! narthex::catalog! {
//!     /// What the trainer measures.
//!     pub static METRICS: TrainerMetrics {
//!         /// Steps done.
//!         steps: Counter["device"] = "train.steps",
//!         /// How long a step takes.
//!         step: Histogram = "train.step" { unit: "milliseconds" },
//!     }
//! }
//!
//! METRICS.steps.labels(["gpu0"]).inc();
//! METRICS.step.observe(41);
//!
//! // In `main`, once: what is in no registry is not scraped.
//! let registry = narthex::CollectorRegistry::new();
//! METRICS.register(&registry)?;
//! let labels = [("device", "gpu0")];
//! assert_eq!(registry.get_sample_value("train.steps_total", &labels), Some(1.0));
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! # Names on the wire
//!
//! A name may have dots. The family is registered under it, and whoever asks for UTF-8 names, as
//! Prometheus 3 does, gets it as it is; everybody else gets underscores, by
//! [`EscapingScheme::Underscores`](crate::model::EscapingScheme::Underscores). OpenMetrics wants the
//! name of a family to end with an underscore and its unit, and the sample of a counter to end with
//! `_total`: both are added, or take the place of what the name ends with, be it behind a dot.
//!
//! | kind | declared | unit | with UTF-8 | else |
//! | --- | --- | --- | --- | --- |
//! | counter | `train.steps` | | `train.steps_total` | `train_steps_total` |
//! | counter | `io.read.total` | `bytes` | `io.read_bytes_total` | `io_read_bytes_total` |
//! | gauge | `train.step.seconds` | `seconds` | `train.step_seconds` | `train_step_seconds` |
//! | histogram | `train.step` | `milliseconds` | `train.step_milliseconds_bucket` … | `train_step_milliseconds_bucket` … |
//! | info | `build` | | `build_info` | `build_info` |
//!
//! Two names that would meet on the wire are refused.
//!
//! # Buckets
//!
//! A histogram that is given none has those of its unit: [`MILLISECOND_BUCKETS`] for `milliseconds`
//! (or `ms`), [`DEFAULT_BUCKETS`](crate::DEFAULT_BUCKETS) for `seconds` (or `s`), [`BYTE_BUCKETS`]
//! for `bytes`. With another unit, or none, it has to be given some. Timers, such as
//! [`Histogram::time`](crate::Histogram::time), observe seconds, whatever the unit is called.
//!
//! # What others rely on
//!
//! Dashboards and alerts know metrics by their names. A test of one line compares the catalogue with
//! one that was recorded in the repository, and fails if a metric is removed, renamed or another:
//!
//! ```
//! # narthex::catalog! {
//! #     /// What the trainer measures.
//! #     pub static METRICS: TrainerMetrics {
//! #         /// Steps done.
//! #         steps: Counter = "train.steps",
//! #     }
//! # }
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("metrics.json");
//! # METRICS.record(&path)?;
//! # let _ = stringify!(
//! let path = "tests/metrics.json"; // made and renewed by NARTHEX_RECORD=1 cargo test
//! # );
//! METRICS.check_recorded(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What was added is found when it goes only if it was recorded: record anew for each release.

mod buckets;
mod check;
mod declared;
mod entries;
mod families;
mod fault;
mod kind;
mod live;
mod macros;
mod near;
mod page;
mod record;
mod slot;
mod snapshot;
mod spec;
mod text;

pub use self::buckets::{BYTE_BUCKETS, MILLISECOND_BUCKETS};
#[doc(hidden)]
pub use self::check::check_declared;
pub use self::declared::Declared;
#[doc(hidden)]
pub use self::declared::{At, declared_right, place_of};
pub use self::entries::Catalog;
pub use self::kind::MetricKind;
pub use self::live::CatalogMetric;
pub use self::record::{CatalogChange, RECORD_VARIABLE};
pub use self::snapshot::{MetricSnapshot, SeriesSnapshot, SnapshotValue};
pub use self::spec::MetricSpec;
