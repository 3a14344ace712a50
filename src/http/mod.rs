//! Serving `/metrics` over HTTP: one handler, and a server around it.
//!
//! [`MetricsHandler`] answers requests and knows no socket. [`start_http_server`]
//! puts it on a thread of its own, for programs without async; [`serve`] and
//! [`MetricsService`] are for programs that have a tokio runtime.

mod asynchronous;
#[cfg(feature = "auth")]
mod auth;
mod handler;
mod pool;
mod query;
mod request;
mod response;
mod scrape;
mod server;
mod service;
mod settings;
mod source;

pub use self::asynchronous::{Listener, serve};
#[cfg(feature = "auth")]
pub use self::auth::Authentication;
pub use self::handler::{MetricsHandler, MetricsHandlerBuilder};
pub use self::request::Request;
pub use self::response::Response;
pub use self::server::{MetricsServer, MetricsServerBuilder, start_http_server};
pub use self::service::{Body, MetricsService};
#[cfg(feature = "service")]
pub(crate) use self::settings::check_path;
