//! Serving `/metrics` over HTTP: one handler, and a server around it.
//!
//! [`MetricsHandler`] answers requests and knows no socket. [`start_http_server`]
//! puts it on a thread of its own, for programs without async; [`serve`] and
//! [`MetricsService`] are for programs that have a tokio runtime.

mod asynchronous;
#[cfg(feature = "auth")]
mod auth;
mod connection;
mod handler;
mod handler_metrics;
mod listener;
mod pool;
mod query;
mod rate;
mod request;
mod response;
mod scrape;
mod scrape_key;
mod seat;
mod server;
mod service;
mod settings;
mod share;
mod source;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "web-config")]
mod web_config;

pub use self::asynchronous::serve;
#[cfg(feature = "auth")]
pub use self::auth::Authentication;
pub use self::handler::{MetricsHandler, MetricsHandlerBuilder};
pub use self::handler_metrics::HandlerMetrics;
pub use self::listener::Listener;
pub use self::request::Request;
pub use self::response::Response;
pub use self::server::{MetricsServer, MetricsServerBuilder, start_http_server};
pub use self::service::{Body, MetricsService};
#[cfg(feature = "service")]
pub(crate) use self::settings::check_path;
#[cfg(feature = "tls")]
pub use self::tls::{ClientAuth, TlsConfig, TlsVersion};
#[cfg(feature = "web-config")]
pub use self::web_config::WebConfig;
