//! PEM, in a file or as it is: certificates and keys.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, ErrorKind, Result};

/// Where some PEM is.
#[derive(Clone)]
pub(super) enum Pem {
    File(PathBuf),
    Text(String),
}

/// What a file looks like from outside; it has changed if this has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Pem {
    /// Nothing if it is not in a file, or there is none.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let Self::File(path) = self else { return None };
        let seen = fs::metadata(path).ok()?;
        Some(Stamp {
            modified: seen.modified().ok(),
            length: seen.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&seen),
        })
    }

    /// The certificates, at least one.
    pub(super) fn certificates(&self, what: &str) -> Result<Vec<CertificateDer<'static>>> {
        let text = self.read(what)?;
        let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) => Err(self.wrong(what, "has no certificate")),
            Err(error) => Err(self.wrong(what, "is no PEM").with_source(error)),
        }
    }

    pub(super) fn key(&self, what: &str) -> Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(&self.read(what)?)
            .map_err(|error| self.wrong(what, "has no private key").with_source(error))
    }

    pub(super) fn wrong(&self, what: &str, how: &str) -> Error {
        let message = match self {
            Self::File(path) => format!("{what} {path:?} {how}"),
            Self::Text(_) => format!("{what} {how}"),
        };
        Error::new(ErrorKind::InvalidValue, message)
    }

    fn read(&self, what: &str) -> Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => fs::read(path).map_err(|error: io::Error| {
                Error::io(format!("{what} {path:?} cannot be read: {error}"), error)
            }),
        }
    }
}
