//! Prometheus metrics for Rust.

mod cell;
mod collector;
mod error;
pub mod model;
#[cfg(feature = "multiprocess")]
pub mod multiprocess;

pub use crate::collector::{Collector, CollectorFn, Scrape, collector_fn, for_each_family};
pub use crate::error::{Error, Result};
