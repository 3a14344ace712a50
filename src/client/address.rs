//! Where another server is, as users write it.

use reqwest::Url;

use crate::error::{Error, ErrorKind, Result};

/// An address with its scheme, which is `http` if it has none, and as a URL; `owner` is whose it is,
/// for errors.
///
/// # Errors
/// That it is no URL of `http` or `https` with a host, or has a user.
pub(crate) fn parse_address(address: &str, owner: &str) -> Result<(String, Url)> {
    let with_scheme = match address.contains("://") {
        true => address.to_owned(),
        false => format!("http://{address}"),
    };
    let url = Url::parse(&with_scheme)
        .map_err(|error| wrong_address(address, owner, &format!("is no URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        // It is not told: it may have a password.
        let message =
            format!("the address of {owner} has a user, who is told by `Connection::basic_auth`");
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    let is_number = address.bytes().all(|byte| byte.is_ascii_digit());
    let has_half_a_scheme = ["http:", "https:"].iter().any(|half| address.starts_with(half));
    if is_number || has_half_a_scheme && !address.contains("://") {
        return Err(wrong_address(address, owner, "has no host"));
    }
    match url.scheme() {
        "http" => {}
        "https" if cfg!(feature = "tls") => {}
        "https" => {
            return Err(wrong_address(address, owner, "wants TLS, which is the feature `tls`"));
        }
        scheme => {
            let why = format!("begins with {scheme}://, not with http or https");
            return Err(wrong_address(address, owner, &why));
        }
    }
    Ok((with_scheme, url))
}

/// What is wrong with an address.
pub(crate) fn wrong_address(address: &str, owner: &str, why: &str) -> Error {
    let message = format!("the address {address:?} of {owner} {why}");
    Error::new(ErrorKind::InvalidValue, message)
}
