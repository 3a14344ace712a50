//! Bridges to systems that are not Prometheus: [Graphite], and [StatsD] with its dialect DogStatsD.
//!
//! [`GraphiteBridge`] and [`StatsdBridge`] send when they are told to, or at an interval.
//!
//! [Graphite]: https://graphite.readthedocs.io/en/latest/feeding-carbon.html
//! [StatsD]: https://github.com/statsd/statsd/blob/master/docs/metric_types.md

mod graphite;
mod periodic;
mod statsd;
mod words;

pub use self::graphite::GraphiteBridge;
pub use self::periodic::PeriodicBridge;
pub use self::statsd::{StatsdBridge, StatsdBuilder, StatsdDialect};
