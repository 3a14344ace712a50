//! Metrics of several processes: each writes files into a directory that they share, and a scrape merges them.
//!
//! The files are those of Python's client, to the byte, so that either client
//! merges what the other has counted. Each process opens a [`MultiprocessStore`];
//! whichever of them is scraped registers a [`MultiProcessCollector`]:
//!
//! ```
//! use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
//! use narthex::{CollectorRegistry, Counter};
//! use std::sync::Arc;
//!
//! let dir = tempfile::tempdir()?;
//!
//! // In every worker:
//! let store = MultiprocessStore::open(dir.path())?;
//! let requests = Counter::builder("requests", "Requests answered.").store(&store).build()?;
//! requests.inc();
//!
//! // In the process that is scraped:
//! let registry = CollectorRegistry::new();
//! registry.register(Arc::new(MultiProcessCollector::new(dir.path())?))?;
//! assert_eq!(registry.get_sample_value("requests_total", &[]), Some(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The directory must be emptied before the pool of processes starts, as a
//! number that a former pool has left there counts like any other.

mod collector;
mod dead;
mod directory;
mod file_kind;
mod file_name;
mod fold;
mod fold_lock;
mod gathered;
#[cfg(unix)]
mod held;
pub mod inspect;
mod key;
mod labels;
mod listing;
mod manifest;
mod merge;
mod mode;
mod owner;
mod reader;
#[cfg(test)]
mod replay_tests;
mod settle;
mod store;
mod unique;

pub use self::collector::{DamagedFile, MultiProcessCollector};
pub use self::dead::mark_process_dead;
pub(crate) use self::file_kind::FileKind;
pub use self::fold::{Compacted, Compaction, compact};
pub use self::mode::GaugeMode;
pub use self::store::{MultiprocessStore, StoreBuilder};
