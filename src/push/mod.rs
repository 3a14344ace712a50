//! Sending metrics to a [Pushgateway], for jobs that end before Prometheus would look.
//!
//! [`PushGateway`] sends when it is told to, from blocking and from asynchronous code;
//! [`PeriodicPush`] does at an interval, and once more at the end.
//!
//! [Pushgateway]: https://github.com/prometheus/pushgateway

mod gateway;
mod group;
mod periodic;

pub use self::gateway::{PushGateway, PushGatewayBuilder};
pub use self::periodic::{PeriodicPush, PeriodicPushBuilder};
