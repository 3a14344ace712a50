//! The rows, a module for each group of them.

pub mod children;
pub mod closed;
pub mod counter;
pub mod files;
pub mod gauge;
pub mod histogram;
mod limits;
pub mod lookup;
pub mod memory;
pub mod scraper;
pub mod text;

use crate::harness::Lost;
use crate::run::Run;

/// Measures whatever was asked for.
pub fn all(run: &mut Run) -> Result<(), Lost> {
    memory::counter(run);
    memory::histogram(run);
    counter::whole(run)?;
    counter::fractions(run)?;
    gauge::set(run)?;
    gauge::inc(run)?;
    histogram::observe(run)?;
    histogram::timer(run)?;
    lookup::runtime_values(run)?;
    closed::known_values(run)?;
    children::new(run)?;
    text::counters(run)?;
    #[cfg(feature = "protobuf")]
    text::protobuf(run)?;
    text::histograms(run)?;
    text::gzipped(run)?;
    text::allocations(run)?;
    files::inc(run)?;
    scraper::writer(run)?;
    Ok(())
}
