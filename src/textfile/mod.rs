//! Metrics in a file, which the [textfile collector] of node_exporter reads and shows with its own.
//!
//! [`Textfile`] writes it when it is told to, as a job that `cron` starts does at its end;
//! [`PeriodicTextfile`] does at an interval.
//!
//! [textfile collector]: https://github.com/prometheus/node_exporter#textfile-collector

mod file;
mod periodic;

pub use self::file::{Textfile, write_to_textfile};
pub use self::periodic::{PeriodicTextfile, PeriodicTextfileBuilder};
