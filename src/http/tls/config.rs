//! The settings of TLS, and what rustls makes of them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};

use crate::error::Result;
use crate::http::tls::clients::{ClientAuth, Clients};
use crate::http::tls::names::{self, TlsVersion};
use crate::http::tls::pem::{Pem, Stamp};

const CERTIFICATE: &str = "the certificate";
const KEY: &str = "the key";

/// How a server speaks TLS: versions 1.2 and 1.3, by rustls.
///
/// Files are looked at whenever a client connects, and read again when they have changed. If what
/// is there then cannot be used, such as a key that belongs to no certificate yet, what was there
/// before is used on, and `log` is told. The cryptography is what the program has installed in
/// rustls, or else ring's.
///
/// ```no_run
/// use narthex::CollectorRegistry;
/// use narthex::http::{ClientAuth, MetricsServer, TlsConfig};
///
/// let tls = TlsConfig::from_files("server.pem", "server.key")
///     .client_auth(ClientAuth::RequireAndVerifyClientCert)
///     .client_ca_file("scrapers.pem");
/// let server = MetricsServer::builder(&CollectorRegistry::new()).tls(tls).start("[::]:9100")?;
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct TlsConfig {
    certificate: Pem,
    key: Pem,
    clients: Clients,
    lowest: TlsVersion,
    highest: TlsVersion,
    suites: Vec<String>,
    curves: Vec<String>,
    server_chooses: bool,
    http2: bool,
}

impl TlsConfig {
    /// A certificate, with those that lead to its authority behind it, and its key, in files of PEM.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::new(Pem::File(certificate.into()), Pem::File(key.into()))
    }

    /// The same as PEM itself.
    pub fn from_pem(certificate: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new(Pem::Text(certificate.into()), Pem::Text(key.into()))
    }

    fn new(certificate: Pem, key: Pem) -> Self {
        Self {
            certificate,
            key,
            clients: Clients::default(),
            lowest: TlsVersion::Tls12,
            highest: TlsVersion::Tls13,
            suites: Vec::new(),
            curves: Vec::new(),
            server_chooses: true,
            http2: true,
        }
    }

    /// What is asked of clients; by default, nothing.
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.clients.auth = auth;
        self
    }

    /// Who must have signed the certificates of clients, in a file of PEM.
    pub fn client_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.clients.authorities = Some(Pem::File(path.into()));
        self
    }

    /// The same as PEM itself.
    pub fn client_ca_pem(mut self, pem: impl Into<String>) -> Self {
        self.clients.authorities = Some(Pem::Text(pem.into()));
        self
    }

    /// Who clients may be: one of the names for which a certificate stands (its subject alternative
    /// names) has to be one of these: of DNS, an IP address or a URI.
    pub fn client_allowed_sans(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.clients.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// The lowest version that is spoken; by default 1.2.
    pub fn min_version(self, lowest: TlsVersion) -> Self {
        Self { lowest, ..self }
    }

    /// The highest version that is spoken; by default 1.3.
    pub fn max_version(self, highest: TlsVersion) -> Self {
        Self { highest, ..self }
    }

    /// The cipher suites of TLS 1.2, by their names in the registry of IANA, in the order of
    /// preference; by default, and if there are none, all that rustls has. Those of TLS 1.3 are
    /// not chosen.
    pub fn cipher_suites(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.suites = names.into_iter().map(Into::into).collect();
        self
    }

    /// The curves, in the order of preference: `X25519`, `CurveP256` and `CurveP384`; by default,
    /// and if there are none, all that rustls has.
    pub fn curve_preferences(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.curves = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the order of the server's cipher suites counts, and not the client's; by default
    /// it does.
    pub fn prefer_server_cipher_suites(self, preferred: bool) -> Self {
        Self { server_chooses: preferred, ..self }
    }

    /// Whether HTTP/2 is spoken with those who offer it; by default it is.
    pub fn http2(self, spoken: bool) -> Self {
        Self { http2: spoken, ..self }
    }

    pub(super) fn stamps(&self) -> Vec<Option<Stamp>> {
        let all = [Some(&self.certificate), Some(&self.key), self.clients.authorities.as_ref()];
        all.into_iter().flatten().map(Pem::stamp).collect()
    }

    pub(super) fn open(&self) -> Result<ServerConfig> {
        let installed = CryptoProvider::get_default().map(|provider| (**provider).clone());
        let mut provider = installed.unwrap_or_else(ring::default_provider);
        names::choose_suites(&mut provider, &self.suites)?;
        names::choose_curves(&mut provider, &self.curves)?;
        let provider = Arc::new(provider);
        let versions = names::versions(self.lowest, self.highest)?;
        let wrong = |how: &'static str| {
            move |error: rustls::Error| self.certificate.wrong(CERTIFICATE, how).with_source(error)
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(wrong("has no cipher suite"))?
            .with_client_cert_verifier(self.clients.verifier(&provider)?)
            .with_single_cert(self.certificate.certificates(CERTIFICATE)?, self.key.key(KEY)?)
            .map_err(wrong("cannot be used with its key"))?;
        config.ignore_client_order = self.server_chooses;
        let protocols: &[&[u8]] = if self.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig")
            .field("client_auth", &self.clients.auth)
            .field("client_allowed_sans", &self.clients.names)
            .field("min_version", &self.lowest)
            .field("max_version", &self.highest)
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}
