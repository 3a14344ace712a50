//! Where a number lives: in memory, or in a file that processes share.
//!
//! This folder is the only one with `unsafe` code. Nothing above it knows which
//! home a number has, and it knows nothing of names.

mod counter;
mod directory;
pub(crate) mod exponential;
mod float;
pub(crate) mod fork;
#[cfg(all(unix, not(loom), feature = "multiprocess"))]
mod forked;
pub(crate) mod gather;
mod gauge;
#[cfg(feature = "multiprocess")]
mod growing;
mod histogram;
pub(crate) mod keys;
#[cfg(feature = "multiprocess")]
pub(crate) mod lane;
pub(crate) mod lent;
mod level;
#[cfg(all(test, loom, feature = "multiprocess"))]
mod loom_file_tests;
#[cfg(all(loom, feature = "multiprocess"))]
pub(crate) mod loom_memory;
#[cfg(loom)]
mod loom_slab;
#[cfg(loom)]
pub(crate) mod loom_sync;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(feature = "multiprocess")]
pub(crate) mod mapped;
#[cfg(all(not(loom), feature = "multiprocess"))]
mod memory;
#[cfg(all(test, not(loom), feature = "multiprocess"))]
mod miri_tests;
mod native;
mod native_book;
#[cfg(feature = "multiprocess")]
pub(crate) mod native_entry;
#[cfg(feature = "multiprocess")]
pub(crate) mod native_file;
mod native_limits;
#[cfg(all(test, not(loom)))]
mod native_tests;
pub(crate) mod numbered;
mod observations;
mod order;
#[cfg(not(loom))]
mod owners;
mod pins;
mod places;
mod records;
mod refused;
#[cfg(feature = "multiprocess")]
pub(crate) mod rows;
mod sequence;
#[cfg(feature = "multiprocess")]
pub(crate) mod shared;
pub(crate) mod shelf;
#[cfg(all(test, not(loom)))]
mod shelf_miri_tests;
pub(crate) mod short;
#[cfg(feature = "multiprocess")]
pub(crate) mod side;
pub(crate) mod sketch;
#[cfg(not(loom))]
mod slab;
mod slots;
mod summary;
mod sync;
mod tally;
pub(crate) mod ticks;
mod walk;

#[cfg(all(loom, feature = "multiprocess"))]
use self::loom_memory as memory;
#[cfg(loom)]
use self::loom_slab as owners;
#[cfg(loom)]
use self::loom_slab as slab;

/// Where a new number is to live.
#[derive(Debug)]
pub(crate) enum Home {
    Memory,
    #[cfg(feature = "multiprocess")]
    Mapped(shared::SharedCell),
}

pub(crate) use self::counter::{CounterAside, CounterCell};
pub(crate) use self::directory::MOST_BELOW;
pub(crate) use self::gauge::GaugeCell;
pub(crate) use self::histogram::HistogramCell;
pub(crate) use self::native_book::NativeReading;
pub(crate) use self::native_limits::{MOST_BUCKETS, NativeLimits};
#[cfg(all(unix, not(loom), feature = "multiprocess"))]
pub(crate) use self::owners::LeftSlabs;
pub(crate) use self::refused::{note_refused_observation, refused_observations};
pub(crate) use self::summary::SummaryCell;

/// The cells of numbers that all have their home in files.
#[cfg(feature = "multiprocess")]
fn all_mapped(homes: Vec<Home>) -> Option<Vec<shared::SharedCell>> {
    let mapped = homes.into_iter().map(|home| match home {
        Home::Mapped(cell) => Some(cell),
        Home::Memory => None,
    });
    mapped.collect()
}
