//! Prometheus remote write, 1.0 and 2.0, straight from a registry.
//!
//! [`RemoteWrite`] collects a registry at an interval and sends what it tells to whatever receives
//! remote write: Prometheus with `--web.enable-remote-write-receiver`, VictoriaMetrics, a collector
//! of OpenTelemetry, and others. There need be nobody who scrapes.
//!
//! | | 1.0 | 2.0 |
//! | --- | --- | --- |
//! | type, help and unit | once in each request | with each series |
//! | exemplars, native histograms, stale markers | yes | yes |
//! | start times | no | yes |
//!
//! The specifications of [1.0](https://prometheus.io/docs/specs/prw/remote_write_spec/) and
//! [2.0](https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/), the latter as 2.0-rc.4.

mod batch;
mod collection;
mod known;
mod message;
mod metrics;
mod native;
mod queue;
mod sender;
mod stats;
mod version1;
mod work;
mod writer;

pub use self::metrics::RemoteWriteMetrics;
pub use self::sender::ProtocolVersion;
pub use self::stats::RemoteWriteStats;
pub use self::writer::{RemoteWrite, RemoteWriteBuilder};
