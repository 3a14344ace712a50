//! Where a number lives: in memory, or in a file that processes share.
//!
//! This folder is the only one with `unsafe` code. Nothing above it knows which
//! home a number has, and it knows nothing of names.

mod counter;
#[cfg(feature = "multiprocess")]
pub(crate) mod fork;
#[cfg(all(unix, feature = "multiprocess"))]
mod forked;
mod gauge;
#[cfg(feature = "multiprocess")]
mod growing;
mod histogram;
#[cfg(feature = "multiprocess")]
pub(crate) mod mapped;
mod real;
mod refused;
#[cfg(feature = "multiprocess")]
pub(crate) mod shared;
#[cfg(feature = "multiprocess")]
pub(crate) mod side;
mod summary;

/// Where a new number is to live.
#[derive(Debug)]
pub(crate) enum Home {
    Memory,
    #[cfg(feature = "multiprocess")]
    Mapped(shared::SharedCell),
}

pub(crate) use self::counter::CounterCell;
pub(crate) use self::gauge::GaugeCell;
pub(crate) use self::histogram::HistogramCell;
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
