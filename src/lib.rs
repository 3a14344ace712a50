//! Prometheus metrics for Rust.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod cell;
mod collector;
pub mod collectors;
mod error;
pub mod exposition;
mod global;
#[cfg(feature = "http")]
pub mod http;
mod metrics;
pub mod model;
#[cfg(feature = "multiprocess")]
pub mod multiprocess;
mod registry;

pub use crate::collector::{Collector, CollectorFn, Scrape, collector_fn, for_each_family};
pub use crate::error::{Error, Result};
pub use crate::global::{REGISTRY, RegisterDefault};
#[cfg(feature = "http")]
pub use crate::http::start_http_server;
pub use crate::metrics::{
    Amount, Built, Child, Counter, CounterVec, CounterVecDyn, DEFAULT_BUCKETS, Enum, EnumVec,
    EnumVecDyn, ErrorGuard, Gauge, GaugeVec, GaugeVecDyn, Histogram, HistogramSnapshot,
    HistogramVec, HistogramVecDyn, InProgress, Info, InfoVec, InfoVecDyn, Instrument, LabelValue,
    LabelValues, LateTimer, MetricBuilder, MetricVec, MetricVecDyn, Observer, States, Summary,
    SummaryVec, SummaryVecDyn, TimedFuture, Timer, exponential_buckets, linear_buckets,
};
pub use crate::registry::{
    CollectorId, CollectorRegistry, FailurePolicy, RegistrationGuard, RegistryBuilder,
    RegistryView, RestrictedRegistry,
};
