//! How this library calls itself.

/// The value of the `User-Agent` header.
pub(crate) const USER_AGENT: &str = concat!("narthex/", env!("CARGO_PKG_VERSION"));
