//! What the library does, seen from outside.

mod build_info;
mod custom_collectors;
mod exemplars;
mod exposition_vectors;
mod labels;
mod metrics_counter;
mod metrics_gauge;
mod metrics_histogram;
mod metrics_info_enum;
mod metrics_summary;
#[cfg(feature = "multiprocess")]
mod multiprocess;
mod negotiate;
#[cfg(all(feature = "process", target_os = "linux"))]
mod process;
mod registry;
mod support;
mod timers;
mod vectors;
mod vectors_metrics;
mod vectors_model;
mod views;
