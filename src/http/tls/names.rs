//! What versions, cipher suites and curves are called in configurations of the field.

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};

use crate::error::{Error, ErrorKind, Result};

/// A version of TLS.
///
/// ```
/// use narthex::http::TlsVersion;
///
/// assert_eq!("TLS13".parse(), Ok(TlsVersion::Tls13));
/// assert!("TLS11".parse::<TlsVersion>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// [RFC 5246](https://www.rfc-editor.org/rfc/rfc5246).
    Tls12,
    /// [RFC 8446](https://www.rfc-editor.org/rfc/rfc8446).
    Tls13,
}

impl std::str::FromStr for TlsVersion {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "TLS12" => Ok(Self::Tls12),
            "TLS13" => Ok(Self::Tls13),
            other => Err(format!("the TLS version {other:?} is none of TLS12 and TLS13")),
        }
    }
}

/// The versions between two, both included.
pub(super) fn versions(
    lowest: TlsVersion,
    highest: TlsVersion,
) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let all = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)];
    let between = all.into_iter().filter(|(version, _)| (lowest..=highest).contains(version));
    let found: Vec<_> = between.map(|(_, version)| version).collect();
    match found.is_empty() {
        true => Err(invalid("the lowest TLS version is above the highest".to_owned())),
        false => Ok(found),
    }
}

/// Leaves the cipher suites of TLS 1.2 that are named, in this order; those of TLS 1.3 stay.
pub(super) fn choose_suites(provider: &mut CryptoProvider, names: &[String]) -> Result {
    if names.is_empty() {
        return Ok(());
    }
    let (newer, older): (Vec<_>, Vec<_>) =
        provider.cipher_suites.iter().copied().partition(|suite| suite.tls13().is_some());
    let name_of = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite());
    let mut chosen = newer.clone();
    for name in names {
        // Configurations may name them, and they cannot be switched off.
        if newer.iter().any(|suite| name_of(suite).replace("TLS13_", "TLS_") == *name) {
            continue;
        }
        let Some(suite) = older.iter().find(|suite| name_of(suite) == *name) else {
            let known: Vec<_> = older.iter().map(name_of).collect();
            let known = known.join(", ");
            return Err(invalid(format!("the cipher suite {name:?} is none of {known}")));
        };
        chosen.push(*suite);
    }
    provider.cipher_suites = chosen;
    Ok(())
}

/// Leaves the curves that are named, in this order.
pub(super) fn choose_curves(provider: &mut CryptoProvider, names: &[String]) -> Result {
    if names.is_empty() {
        return Ok(());
    }
    let known = [("X25519", "X25519"), ("CurveP256", "secp256r1"), ("CurveP384", "secp384r1")];
    let mut chosen = Vec::new();
    for name in names {
        let theirs = known.iter().find(|(ours, _)| ours == name).map(|(_, theirs)| *theirs);
        let group = theirs.and_then(|theirs| {
            let mut groups = provider.kx_groups.iter();
            groups.find(|group| format!("{:?}", group.name()) == theirs)
        });
        let Some(group) = group else {
            let message = format!("the curve {name:?} is none of X25519, CurveP256, CurveP384");
            return Err(invalid(message));
        };
        chosen.push(*group);
    }
    provider.kx_groups = chosen;
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}
