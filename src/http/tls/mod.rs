//! What a server shows and asks for before it answers: certificates.

mod acceptor;
mod clients;
mod config;
mod names;
mod pem;

pub(super) use self::acceptor::TlsAcceptor;
pub use self::clients::ClientAuth;
pub use self::config::TlsConfig;
pub use self::names::TlsVersion;
