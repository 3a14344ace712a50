//! What a long-running service is built on: a metrics server that is configured, metrics that all
//! services of a program share, and the loop that a service runs in.
//!
//! ```
//! use narthex::CollectorRegistry;
//! use narthex::service::{MetricsConfig, Runner, ServiceMetrics};
//!
//! let registry = CollectorRegistry::new();
//! // As it stands in a file of the program's, in whatever format serde reads.
//! let config: MetricsConfig = serde_json::from_str(r#"{"enabled": true, "port": 0}"#)?;
//! let server = config.start(&registry)?;
//! assert!(server.is_some());
//!
//! let metrics = ServiceMetrics::register(&registry)?;
//! let runner = Runner::builder("crawler", &metrics).build()?;
//! let stop = runner.stop_handle();
//! runner.run_blocking(|| {
//!     // … the work of one cycle …
//!     stop.stop();
//!     Ok(())
//! })?;
//! let done = [("service", "crawler"), ("name", "cycles_success")];
//! assert_eq!(registry.get_sample_value("service_counter_total", &done), Some(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod failure;
mod metrics;
mod runner;
mod signals;
mod stop;

pub use self::config::MetricsConfig;
pub use self::failure::CycleFailure;
pub use self::metrics::ServiceMetrics;
pub use self::runner::{Runner, RunnerBuilder};
pub use self::stop::StopHandle;
