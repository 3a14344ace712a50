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
//! What those files have no place for stands in a file of our own beside them,
//! which Python's client never looks at: start times, units, exemplars, infos,
//! enums, the removal of children, and what a process
//! [publishes](MultiprocessStore::publish) of its custom collectors, at an
//! [interval](MultiprocessStore::publish_every) or when it chooses. Its format is
//! described in `docs/side-file-format.md`.
//!
//! The directory must be [emptied](clear) before the pool of processes starts,
//! as a number that a former pool has left there counts like any other.
//!
//! Workers come and go. One of ours holds a lock, which the kernel drops when
//! the process ends, by `SIGKILL` too, so it is known to be dead without being
//! told of. A store that is dropped with all of its metrics has ended likewise.
//! Gauges of the modes `all` and `live…` end with their process; everything
//! else that it counted stays, and is folded into one file for each type and
//! mode, by the scrapes or by [`compact`], so that neither the directory nor a
//! scrape grows with the workers that ever lived. Processes of Python's client
//! hold no lock: [`mark_process_dead`] says of one that it has died.
//!
//! A process that is forked, and goes on with what its parent has made, counts
//! from zero into files of its own: [`MultiprocessStore`] says how.
//!
//! What folding promises holds for readers of ours. Python's reader is exact
//! whenever no fold is under way: a collector is told of such readers by
//! [`MultiProcessCollector::read_by_python`]. A fold adds numbers in another
//! order than a merge without it, so that a sum of fractions may differ in its
//! last digits, and is then a little greater: no sum ever steps back.

mod ahead;
mod at_fork;
mod clear;
mod collector;
mod crew;
mod damaged_file;
mod dead;
mod directory;
mod disagreement;
mod exact;
#[cfg(test)]
mod explorer;
mod file_kind;
mod file_name;
mod files;
mod fold;
mod fold_lock;
mod gathered;
#[cfg(unix)]
mod held;
mod identity;
pub mod inspect;
mod key;
mod keys;
mod labels;
mod listing;
#[cfg(all(test, loom))]
mod loom_tests;
mod manifest;
mod merge;
mod merged;
mod mode;
mod native_sum;
mod natives;
mod owner;
#[cfg(unix)]
mod paths;
mod reader;
#[cfg(test)]
mod replay_tests;
mod rule;
mod settle;
mod side;
mod store;
mod turn;
mod unfiled;
mod unique;
mod walked;
mod windows;

pub use self::clear::clear;
pub use self::collector::MultiProcessCollector;
pub use self::damaged_file::DamagedFile;
pub use self::dead::mark_process_dead;
pub use self::disagreement::Disagreement;
pub(crate) use self::file_kind::FileKind;
pub use self::fold::{Compacted, Compaction, compact};
pub(crate) use self::key::write as cell_key;
pub use self::mode::GaugeMode;
pub use self::side::Publisher;
pub(crate) use self::side::{ExemplarHome, Objectives, SharedExemplar, SideHandle, StateHome};
pub use self::store::{MultiprocessStore, StoreBuilder};
pub(crate) use self::unfiled::{Filed, Removal};
