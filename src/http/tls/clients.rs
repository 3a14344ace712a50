//! Which certificates of clients are asked for, and which are taken.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
};
use webpki::EndEntityCert;

use crate::error::{Error, ErrorKind, Result};
use crate::http::tls::pem::Pem;

/// What is asked of clients, by the names that Go and the exporters of the field give it.
///
/// ```
/// use narthex::http::ClientAuth;
///
/// let name = "RequireAndVerifyClientCert";
/// assert_eq!(name.parse(), Ok(ClientAuth::RequireAndVerifyClientCert));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// No certificate is asked for.
    #[default]
    NoClientCert,
    /// One is asked for, and nothing depends on it.
    RequestClientCert,
    /// One must be shown, whoever signed it.
    RequireAnyClientCert,
    /// If one is shown, an authority must have signed it.
    VerifyClientCertIfGiven,
    /// One that an authority signed must be shown.
    RequireAndVerifyClientCert,
}

impl std::str::FromStr for ClientAuth {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "" | "NoClientCert" => Ok(Self::NoClientCert),
            "RequestClientCert" => Ok(Self::RequestClientCert),
            "RequireAnyClientCert" | "RequireClientCert" => Ok(Self::RequireAnyClientCert),
            "VerifyClientCertIfGiven" => Ok(Self::VerifyClientCertIfGiven),
            "RequireAndVerifyClientCert" => Ok(Self::RequireAndVerifyClientCert),
            other => Err(format!("the client_auth_type {other:?} is not known")),
        }
    }
}

/// What holds for clients.
#[derive(Clone, Default)]
pub(super) struct Clients {
    pub(super) auth: ClientAuth,
    pub(super) authorities: Option<Pem>,
    pub(super) names: Vec<String>,
}

impl Clients {
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>> {
        use ClientAuth::{
            NoClientCert, RequestClientCert, RequireAndVerifyClientCert, RequireAnyClientCert,
            VerifyClientCertIfGiven,
        };

        let must_show = matches!(self.auth, RequireAnyClientCert | RequireAndVerifyClientCert);
        if !self.names.is_empty() && !must_show {
            return Err(invalid("names of clients are given, and no client must show one"));
        }
        if let Some(name) = self.names.iter().find(|name| name.contains('@')) {
            let message = format!("the name {name:?} of a client is an e-mail address");
            return Err(invalid(message + ", which is not supported"));
        }
        if self.authorities.is_some() && self.auth == NoClientCert {
            return Err(invalid("authorities for clients are given, and none is asked for"));
        }
        let inner = match self.auth {
            NoClientCert => return Ok(WebPkiClientVerifier::no_client_auth()),
            RequestClientCert | RequireAnyClientCert => None,
            VerifyClientCertIfGiven => Some(self.by_authorities(provider, true)?),
            RequireAndVerifyClientCert => Some(self.by_authorities(provider, false)?),
        };
        let (names, provider) = (self.names.clone(), Arc::clone(provider));
        Ok(Arc::new(Verifier { inner, must_show, names, provider }))
    }

    fn by_authorities(
        &self,
        provider: &Arc<CryptoProvider>,
        none_will_do: bool,
    ) -> Result<Arc<dyn ClientCertVerifier>> {
        const WHAT: &str = "the authorities for clients";

        let Some(pem) = &self.authorities else {
            return Err(invalid("certificates of clients are verified, and by no authority"));
        };
        let mut roots = RootCertStore::empty();
        for authority in pem.certificates(WHAT)? {
            roots.add(authority).map_err(|e| pem.wrong(WHAT, "cannot be used").with_source(e))?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let builder = if none_will_do { builder.allow_unauthenticated() } else { builder };
        builder.build().map_err(|e| pem.wrong(WHAT, "cannot be used").with_source(e))
    }
}

fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

/// Takes what `inner` takes, or anything, if the client is known by one of the names.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<dyn ClientCertVerifier>>,
    must_show: bool,
    names: Vec<String>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn is_known(
        &self,
        certificate: &CertificateDer<'_>,
    ) -> std::result::Result<bool, rustls::Error> {
        if self.names.is_empty() {
            return Ok(true);
        }
        let certificate = EndEntityCert::try_from(certificate)
            .map_err(|_| rustls::Error::from(CertificateError::BadEncoding))?;
        let has_address = |name: &str| {
            name.parse::<IpAddr>().is_ok_and(|address| {
                let name = ServerName::IpAddress(address.into());
                certificate.verify_is_valid_for_subject_name(&name).is_ok()
            })
        };
        Ok(self.names.iter().any(|name| {
            certificate.valid_dns_names().any(|known| known == name)
                || certificate.valid_uri_names().any(|known| known == name)
                || has_address(name)
        }))
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.must_show
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.as_ref().map_or(&[], |inner| inner.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        if let Some(inner) = &self.inner {
            inner.verify_client_cert(certificate, intermediates, now)?;
        }
        match self.is_known(certificate)? {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
