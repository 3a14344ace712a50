//! Observations by name, over the last seconds, for [sinks](crate::sink).
//!
//! A [`MetricsManager`] keeps the count, the sum, the least and the greatest of each series, second by
//! second, and hands them to its sinks at an interval and at the end.

mod flush;
mod health;
mod level;
mod manager;
mod outlet;
mod rolling;
mod series;

pub use self::flush::Flushing;
pub use self::level::MetricsLevel;
pub use self::manager::{MetricsManager, MetricsManagerBuilder, WindowedMetric};
