//! The web configuration file that the exporters of the field share.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, ErrorKind, Result};
use crate::http::auth::Authentication;
use crate::http::tls::{ClientAuth, TlsConfig, TlsVersion};

/// What a web configuration file says: TLS, users, headers, and how often requests are answered.
///
/// It is read once; certificates that it names are read again when they change. File names are
/// those beside it. What it cannot say is an error that tells the line: keys that are not known,
/// versions of TLS below 1.2, cipher suites and curves that rustls does not have, e-mail addresses
/// as names of clients, and a certificate that is given twice.
///
/// The [format](https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md)
/// of exporter-toolkit.
///
/// ```
/// use narthex::CollectorRegistry;
/// use narthex::http::{MetricsServer, WebConfig};
///
/// let text = "basic_auth_users: {alice: $2y$04$ycwHGepRtK.s60IJiDHSHuGhlWYFE3PUqgkQVrjOSMuFZHIOVRaLm}";
/// let config = WebConfig::parse(text, ".")?;
/// assert!(!config.is_tls());
/// let builder = MetricsServer::builder(&CollectorRegistry::new()).web_config(config);
/// # drop(builder);
///
/// let error = WebConfig::parse("http_server_config:\n  http3: true\n", ".").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "http_server_config: unknown field `http3`, expected `http2` or `headers` at line 2 column 3",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WebConfig {
    pub(super) tls: Option<TlsConfig>,
    pub(super) authentication: Option<Authentication>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) rate: Option<(Duration, u32)>,
}

impl WebConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::is_io`] if it cannot be read, and [`Error::is_invalid_value`] as for
    /// [`parse`](Self::parse); the message names the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| {
            Error::io(format!("the web configuration {path:?} cannot be read: {error}"), error)
        })?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, directory).map_err(|error| error.of(path.display()))
    }

    /// Reads what a file in a directory says.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if it is no configuration.
    pub fn parse(text: &str, directory: impl AsRef<Path>) -> Result<Self> {
        let file: Option<File> =
            serde_yaml_ng::from_str(text).map_err(|error| invalid(with_line(error.to_string())))?;
        let file = file.unwrap_or_default();
        let http = file.http_server_config.unwrap_or_default();
        let tls = file.tls_server_config.unwrap_or_default();
        let headers = http.headers.unwrap_or_default().0;
        Ok(Self {
            tls: tls.open(directory.as_ref(), http.http2.unwrap_or(true))?,
            authentication: authentication(
                file.basic_auth_users.unwrap_or_default().0,
                file.auth_excluded_paths.unwrap_or_default(),
            )?,
            headers: headers.into_iter().map(known_header).collect::<Result<_>>()?,
            rate: file.rate_limit.unwrap_or_default().checked()?,
        })
    }

    /// Whether it has the server speak HTTPS.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    tls_server_config: Option<Tls>,
    http_server_config: Option<Http>,
    basic_auth_users: Option<Pairs>,
    auth_excluded_paths: Option<Vec<String>>,
    rate_limit: Option<Rate>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tls {
    cert: Option<String>,
    key: Option<String>,
    client_ca: Option<String>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    client_ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "parsed")]
    client_auth_type: Option<ClientAuth>,
    client_allowed_sans: Vec<String>,
    #[serde(deserialize_with = "parsed")]
    min_version: Option<TlsVersion>,
    #[serde(deserialize_with = "parsed")]
    max_version: Option<TlsVersion>,
    cipher_suites: Vec<String>,
    prefer_server_cipher_suites: Option<bool>,
    curve_preferences: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Http {
    http2: Option<bool>,
    headers: Option<Pairs>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rate {
    #[serde(deserialize_with = "parsed")]
    interval: Option<GoDuration>,
    burst: u32,
}

impl Tls {
    fn open(self, directory: &Path, http2: bool) -> Result<Option<TlsConfig>> {
        let names_nothing = self.client_ca.is_none()
            && self.client_ca_file.is_none()
            && self.client_auth_type.unwrap_or_default() == ClientAuth::NoClientCert;
        let beside = |path: PathBuf| directory.join(path);
        let config = match (self.cert, self.cert_file, self.key, self.key_file) {
            (None, None, None, None) if names_nothing => return Ok(None),
            (None, Some(certificate), None, Some(key)) => {
                TlsConfig::from_files(beside(certificate), beside(key))
            }
            (Some(certificate), None, Some(key), None) => TlsConfig::from_pem(certificate, key),
            _ => {
                let message =
                    "tls_server_config has to have cert_file and key_file, or cert and key";
                return Err(invalid(message));
            }
        };
        let config = match (self.client_ca, self.client_ca_file) {
            (None, None) => config,
            (Some(pem), None) => config.client_ca_pem(pem),
            (None, Some(path)) => config.client_ca_file(beside(path)),
            (Some(_), Some(_)) => {
                return Err(invalid("tls_server_config has both client_ca and client_ca_file"));
            }
        };
        Ok(Some(
            config
                .client_auth(self.client_auth_type.unwrap_or_default())
                .client_allowed_sans(self.client_allowed_sans)
                .min_version(self.min_version.unwrap_or(TlsVersion::Tls12))
                .max_version(self.max_version.unwrap_or(TlsVersion::Tls13))
                .cipher_suites(self.cipher_suites)
                .curve_preferences(self.curve_preferences)
                .prefer_server_cipher_suites(self.prefer_server_cipher_suites.unwrap_or(true))
                .http2(http2),
        ))
    }
}

impl Rate {
    fn checked(self) -> Result<Option<(Duration, u32)>> {
        match (self.interval.map_or(Duration::ZERO, |interval| interval.0), self.burst) {
            (Duration::ZERO, _) => Ok(None),
            (_, 0) => Err(invalid("rate_limit has an interval, and a burst of no request at all")),
            limit => Ok(Some(limit)),
        }
    }
}

fn authentication(
    users: Vec<(String, String)>,
    excluded: Vec<String>,
) -> Result<Option<Authentication>> {
    if users.is_empty() {
        return Ok(None);
    }
    let who = users
        .into_iter()
        .try_fold(Authentication::new(), |who, (name, hash)| who.hashed_user(name, hash))?;
    Ok(Some(excluded.into_iter().fold(who, Authentication::except)))
}

/// The reader tells the place but for the very first.
fn with_line(message: String) -> String {
    match message.contains(" at line ") {
        true => message,
        false => message + " at line 1",
    }
}

/// The headers that configurations may set, with the values that there are.
fn known_header((name, value): (String, String)) -> Result<(&'static str, String)> {
    const KNOWN: [(&str, &str, &[&str]); 5] = [
        ("Content-Security-Policy", "content-security-policy", &[]),
        ("Strict-Transport-Security", "strict-transport-security", &[]),
        ("X-Content-Type-Options", "x-content-type-options", &["nosniff"]),
        ("X-Frame-Options", "x-frame-options", &["deny", "sameorigin"]),
        ("X-XSS-Protection", "x-xss-protection", &[]),
    ];
    let Some((_, lower, values)) = KNOWN.iter().find(|(known, ..)| *known == name) else {
        return Err(invalid(format!("the header {name:?} cannot be configured")));
    };
    let is_printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_printable || !(values.is_empty() || values.contains(&&*value)) {
        return Err(invalid(format!("the header {name:?} cannot be {value:?}")));
    }
    Ok((lower, value))
}

fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

/// What has a name: read where it stands, so that an error tells the line.
fn parsed<'de, D, T>(from: D) -> std::result::Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = String>,
{
    let name: Option<String> = Option::deserialize(from)?;
    name.map(|name| name.parse().map_err(D::Error::custom)).transpose()
}

/// A mapping, whose names may stand twice until somebody looks.
#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Seen;

        impl<'de> Visitor<'de> for Seen {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of texts")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Pairs, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    if pairs.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("{name:?} stands twice")));
                    }
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }

        from.deserialize_map(Seen)
    }
}

/// A time as Go spells it, such as `1m30s`.
struct GoDuration(Duration);

impl FromStr for GoDuration {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        const UNITS: [(&str, f64); 7] = [
            ("ns", 1e-9),
            ("us", 1e-6),
            ("µs", 1e-6),
            ("ms", 1e-3),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3600.0),
        ];
        let wrong = || format!("{text:?} is no duration such as \"1m30s\"");
        let (mut rest, mut seconds) = (if text == "0" { "0s" } else { text }, 0.0);
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let (number, behind) = rest.split_at(digits);
            let letters = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(letters);
            let number: f64 = number.parse().map_err(|_| wrong())?;
            let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            seconds += number * scale;
            rest = behind;
        }
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let millis = |text: &str| text.parse().map(|GoDuration(it)| it.as_millis());
        for (text, expected) in [
            ("1s", 1000),
            ("0", 0),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("250ms", 250),
            ("2h0m0.5s", 7_200_500),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text:?}");
        }
        for bad in ["", "1", "s", "-1s", "1x", "1.2.3s", "1s ", "soon"] {
            assert!(millis(bad).is_err(), "{bad:?}");
        }
    }
}
