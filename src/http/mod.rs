//! Serving `/metrics` over HTTP: one handler, and a server around it.
//!
//! [`MetricsHandler`] answers requests and knows no socket. [`start_http_server`]
//! puts it on a thread of its own, for programs without async; [`serve`] and
//! [`MetricsService`] are for programs that have a tokio runtime.

mod asynchronous;
mod handler;
mod pool;
mod query;
mod request;
mod response;
mod server;
mod service;
mod source;

pub use self::asynchronous::{Listener, serve};
#[cfg(feature = "service")]
pub(crate) use self::handler::check_path;
pub use self::handler::{MetricsHandler, MetricsHandlerBuilder};
pub use self::request::Request;
pub use self::response::Response;
pub use self::server::{MetricsServer, MetricsServerBuilder, start_http_server};
pub use self::service::{Body, MetricsService};
