//! What a program says about how to reach another server.

use std::error::Error as StdError;
use std::fmt;
#[cfg(any(unix, feature = "tls"))]
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Proxy;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use crate::client::retry::Retry;
use crate::client::user_agent::USER_AGENT;
use crate::error::{Error, ErrorKind, Result};

/// How often an answer may say that what was asked for is elsewhere.
const REDIRECTS: usize = 5;

/// How a server is reached: limits, credentials, trust, proxies, and when to try again.
///
/// Where nothing else is said, an attempt may take 30 seconds, three are made, the proxies are
/// those of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`), connections are kept, and
/// the answers 307 and 308 are followed; any other redirection is an error, since what is sent
/// would turn into a `GET`.
///
/// ```
/// use std::time::Duration;
///
/// use narthex::client::{Connection, Retry};
///
/// let connection = Connection::new()
///     .timeout(Duration::from_secs(5))
///     .basic_auth("batch", "a secret")
///     .retry(Retry::default().with_attempts(5));
/// assert!(!format!("{connection:?}").contains("a secret"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Connection {
    timeout: Option<Duration>,
    headers: Vec<(String, Secret)>,
    credentials: Credentials,
    proxy: ProxyChoice,
    retry: Retry,
    #[cfg(unix)]
    unix_socket: Option<PathBuf>,
    #[cfg(feature = "tls")]
    tls: Tls,
}

/// What is not for logs.
#[derive(Clone)]
struct Secret(String);

#[derive(Clone, Debug)]
enum Credentials {
    None,
    Basic { user: String, password: Secret },
    Bearer(Secret),
}

#[derive(Clone, Debug)]
enum ProxyChoice {
    Environment,
    None,
    All(Secret),
}

#[cfg(feature = "tls")]
#[derive(Clone, Debug, Default)]
struct Tls {
    ca_file: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
    insecure: bool,
}

impl Connection {
    /// A connection with the settings above.
    pub fn new() -> Self {
        Self {
            timeout: Some(Duration::from_secs(30)),
            headers: Vec::new(),
            credentials: Credentials::None,
            proxy: ProxyChoice::Environment,
            retry: Retry::default(),
            #[cfg(unix)]
            unix_socket: None,
            #[cfg(feature = "tls")]
            tls: Tls::default(),
        }
    }

    /// How long an attempt may take, from the connection to the last byte of the answer; `None`
    /// is as long as it likes.
    pub fn timeout(self, longest: impl Into<Option<Duration>>) -> Self {
        Self { timeout: longest.into(), ..self }
    }

    /// A header for each request, in place of what there would be.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Secret(value.into())));
        self
    }

    /// Who one is, by name and password.
    ///
    /// [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617).
    pub fn basic_auth(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        let password = Secret(password.into());
        Self { credentials: Credentials::Basic { user: user.into(), password }, ..self }
    }

    /// Who one is, by a token.
    ///
    /// [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750).
    pub fn bearer_auth(self, token: impl Into<String>) -> Self {
        Self { credentials: Credentials::Bearer(Secret(token.into())), ..self }
    }

    /// A proxy for everything, in place of those of the environment.
    pub fn proxy(self, url: impl Into<String>) -> Self {
        Self { proxy: ProxyChoice::All(Secret(url.into())), ..self }
    }

    /// No proxy, whatever the environment says.
    pub fn no_proxy(self) -> Self {
        Self { proxy: ProxyChoice::None, ..self }
    }

    /// When something is sent again.
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Connects to a socket of this machine, and not to the host of the URL.
    #[cfg(unix)]
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        Self { unix_socket: Some(path.into()), ..self }
    }

    /// Trusts the certificate authorities in a file of PEM, and no others.
    ///
    /// Where nothing is said, those that the system trusts are trusted. A certificate that a server
    /// has made for itself as an authority (as `openssl req -x509` does) is not taken for a server's:
    /// let it sign another one.
    #[cfg(feature = "tls")]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.ca_file = Some(path.into());
        self
    }

    /// Who one is, by a certificate and its key, in files of PEM.
    #[cfg(feature = "tls")]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.client = Some((certificate.into(), key.into()));
        self
    }

    /// Takes any certificate, of whatever host: everybody on the way can read and change what is
    /// sent.
    #[cfg(feature = "tls")]
    pub fn insecure_skip_verify(mut self, wanted: bool) -> Self {
        self.tls.insecure = wanted;
        self
    }

    pub(super) fn retries(&self) -> Retry {
        self.retry
    }

    /// A client of these settings.
    pub(super) fn open(&self) -> Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::custom(|attempt| {
                let keeps_the_method = matches!(attempt.status().as_u16(), 307 | 308);
                match keeps_the_method && attempt.previous().len() <= REDIRECTS {
                    true => attempt.follow(),
                    false => attempt.stop(),
                }
            }))
            .default_headers(self.all_headers()?);
        if let Some(longest) = self.timeout {
            builder = builder.timeout(longest);
        }
        builder = match &self.proxy {
            ProxyChoice::Environment => builder,
            ProxyChoice::None => builder.no_proxy(),
            ProxyChoice::All(Secret(url)) => {
                builder.proxy(Proxy::all(url).map_err(|error| wrong("the proxy", error))?)
            }
        };
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            builder = builder.unix_socket(path.as_path());
        }
        #[cfg(feature = "tls")]
        {
            builder = self.tls.apply(builder)?;
        }
        builder.build().map_err(|error| wrong("the connection", error))
    }

    fn all_headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let authorization = match &self.credentials {
            Credentials::None => None,
            Credentials::Basic { user, .. } if user.contains(':') => {
                let message = format!("the user {user:?} has a colon, which cannot be sent");
                return Err(Error::new(ErrorKind::InvalidValue, message));
            }
            Credentials::Basic { user, password: Secret(password) } => Some(basic(user, password)),
            Credentials::Bearer(Secret(token)) => Some(format!("Bearer {token}")),
        };
        let authorization = authorization.map(|value| ("authorization".to_owned(), Secret(value)));
        for (name, Secret(value)) in authorization.iter().chain(&self.headers) {
            let parsed: HeaderName = name
                .parse()
                .map_err(|error| wrong(&format!("the name {name:?} of a header"), error))?;
            let mut value: HeaderValue = value
                .parse()
                .map_err(|error| wrong(&format!("the value of the header {name:?}"), error))?;
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }
        Ok(headers)
    }
}

/// The value of the `Authorization` header.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}

#[cfg(feature = "tls")]
impl Tls {
    fn apply(&self, mut builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        use reqwest::{Certificate, Identity};
        use rustls::crypto::{CryptoProvider, ring};

        if CryptoProvider::get_default().is_none() {
            // If it fails, somebody else was quicker.
            let _ = ring::default_provider().install_default();
        }
        let read = |what: &str, path: &PathBuf| {
            std::fs::read(path).map_err(|error| {
                Error::io(format!("{what} {path:?} cannot be read: {error}"), error)
            })
        };
        if let Some(path) = &self.ca_file {
            let bundle = read("the certificate authorities", path)?;
            let of = || format!("the file {path:?} of certificate authorities");
            let bundle = Certificate::from_pem_bundle(&bundle).map_err(|e| wrong(&of(), e))?;
            if bundle.is_empty() {
                let message = format!("{} has no certificate", of());
                return Err(Error::new(ErrorKind::InvalidValue, message));
            }
            builder = builder.tls_certs_only(bundle);
        }
        if let Some((certificate, key)) = &self.client {
            let mut pem = read("the certificate", certificate)?;
            pem.push(b'\n');
            pem.extend(read("the key", key)?);
            let identity = Identity::from_pem(&pem).map_err(|error| {
                wrong(&format!("the certificate {certificate:?} with the key {key:?}"), error)
            })?;
            builder = builder.identity(identity);
        }
        Ok(builder.tls_danger_accept_invalid_certs(self.insecure))
    }
}

/// The cause of all others: what came before it only says that something failed.
pub(super) fn deepest<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest
}

fn wrong(what: &str, error: impl StdError + Send + Sync + 'static) -> Error {
    let message = format!("{what} cannot be used: {}", deepest(&error));
    Error::new(ErrorKind::InvalidValue, message).with_source(error)
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("timeout", &self.timeout)
            .field("headers", &self.headers)
            .field("credentials", &self.credentials)
            .field("proxy", &self.proxy)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
