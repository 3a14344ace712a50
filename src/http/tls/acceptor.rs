//! Agreeing on a key, with the certificates that are there at the moment.

use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;

use crate::error::Result;
use crate::http::tls::config::TlsConfig;
use crate::http::tls::pem::Stamp;

/// What accepts, with certificates that may change.
pub(in crate::http) struct TlsAcceptor {
    config: TlsConfig,
    current: Mutex<Current>,
}

struct Current {
    /// What the files looked like before they were read.
    stamps: Vec<Option<Stamp>>,
    server: Arc<ServerConfig>,
}

impl TlsAcceptor {
    pub(in crate::http) fn open(config: TlsConfig) -> Result<Self> {
        let stamps = config.stamps();
        let server = Arc::new(config.open()?);
        Ok(Self { config, current: Mutex::new(Current { stamps, server }) })
    }

    pub(in crate::http) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        tokio_rustls::TlsAcceptor::from(self.server()).accept(stream).await
    }

    fn server(&self) -> Arc<ServerConfig> {
        let stamps = self.config.stamps();
        {
            let mut current = self.current.lock();
            if current.stamps == stamps {
                return Arc::clone(&current.server);
            }
            // Noted at once, so that what cannot be used is tried once and not by every client.
            current.stamps = stamps;
        }
        let opened = self.config.open();
        let mut current = self.current.lock();
        match opened {
            Ok(server) => current.server = Arc::new(server),
            Err(error) => log::error!("the certificates have changed, and are not used: {error:?}"),
        }
        Arc::clone(&current.server)
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}
