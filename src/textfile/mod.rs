//! Metrics in a file, which the [textfile collector] of node_exporter reads and shows with its own.
//!
//! [`Textfile`] writes it when it is told to, as a job that `cron` starts does at its end;
//! [`PeriodicTextfile`] does at an interval.
//!
//! node_exporter reads the files of one folder whose names end in `.prom`, and shows what is in all
//! of them beside its own, without a label that says where it is from. So no two files may have the
//! same series, and none may have those of node_exporter itself, such as the `process_*` metrics:
//! let the file have a registry of its own, and its names a word in front that is the program's.
//! node_exporter must be allowed to read the file: a process whose umask keeps others out has to
//! change that first.
//!
//! [textfile collector]: https://github.com/prometheus/node_exporter#textfile-collector

mod file;
mod folder;
mod periodic;

pub use self::file::{Textfile, write_to_textfile};
pub use self::folder::path_from_env;
pub use self::periodic::{PeriodicTextfile, PeriodicTextfileBuilder};
