//! Prometheus metrics for Rust.

mod collector;
mod error;
pub mod exposition;
pub mod model;

pub use crate::collector::{Collector, CollectorFn, Scrape, collector_fn, for_each_family};
pub use crate::error::{Error, Result};
