//! Whether and where a program serves its metrics, as its configuration says.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::http::{MetricsServer, check_path};
use crate::registry::CollectorRegistry;

/// Whether and where metrics are served: a part of a program's configuration.
///
/// Where nothing is said, it is switched off, and else listens on `127.0.0.1`, port 8000, with the
/// metrics at `/metrics`. In a container, the host `0.0.0.0` lets others scrape it. Fields that it
/// does not know are refused, and so are a host of nothing and a path that cannot be one.
///
/// ```
/// use narthex::service::MetricsConfig;
///
/// let config: MetricsConfig = serde_json::from_str(r#"{"enabled": true, "host": "::1"}"#)?;
/// assert_eq!(config, MetricsConfig::new().with_enabled(true).with_host("::1"));
/// assert_eq!((config.port(), config.path()), (8000, "/metrics"));
///
/// let error = serde_json::from_str::<MetricsConfig>(r#"{"path": "metrics"}"#).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the metrics path \"metrics\" does not begin with a slash",
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
#[must_use]
pub struct MetricsConfig {
    enabled: bool,
    host: String,
    port: u16,
    path: String,
}

/// The same as it is read.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Unchecked {
    enabled: bool,
    host: String,
    port: u16,
    path: String,
}

impl MetricsConfig {
    /// What holds where nothing is said.
    pub fn new() -> Self {
        let Unchecked { enabled, host, port, path } = Unchecked::default();
        Self { enabled, host, port, path }
    }

    /// The same, switched on or off.
    pub fn with_enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// The same with a host to listen on: an address, or a name that is looked up.
    pub fn with_host(self, host: impl Into<String>) -> Self {
        Self { host: host.into(), ..self }
    }

    /// The same with a port; 0 is one that the system chooses.
    pub fn with_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The same with a path for the metrics.
    pub fn with_path(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Whether metrics are served at all.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The host that is listened on.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of the metrics.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Starts a server on a thread of its own; none if it is switched off.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the host or the path cannot be used; [`Error::is_io`] if the
    /// address cannot be listened on.
    #[doc(alias = "start_metrics_server")]
    pub fn start(&self, registry: &CollectorRegistry) -> Result<Option<MetricsServer>> {
        if !self.enabled {
            return Ok(None);
        }
        self.check()?;
        let server = MetricsServer::builder(registry).path(&*self.path);
        server.start((&*self.host, self.port)).map(Some)
    }

    fn check(&self) -> Result {
        if self.host.is_empty() {
            return Err(Error::new(ErrorKind::InvalidValue, "the host of metrics is empty"));
        }
        check_path(&self.path)
    }
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Unchecked {
    fn default() -> Self {
        let (host, path) = ("127.0.0.1".to_owned(), "/metrics".to_owned());
        Self { enabled: false, host, port: 8000, path }
    }
}

impl TryFrom<Unchecked> for MetricsConfig {
    type Error = Error;

    fn try_from(read: Unchecked) -> Result<Self> {
        let Unchecked { enabled, host, port, path } = read;
        let config = Self { enabled, host, port, path };
        config.check().map(|()| config)
    }
}
