//! Sockets that are listened on: those of TCP, and of Unix.

use std::io;

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::error::{Error, Result};

/// A bound socket: tokio's or the standard library's, of TCP or, on Unix, of a path.
///
/// ```
/// use narthex::http::Listener;
///
/// # #[cfg(unix)] {
/// let directory = tempfile::tempdir().unwrap();
/// let path = directory.path().join("metrics.sock");
/// let listener = Listener::from(std::os::unix::net::UnixListener::bind(path).unwrap());
/// assert!(format!("{listener:?}").contains("metrics.sock"));
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Std(std::net::TcpListener),
    Tokio(TcpListener),
    #[cfg(unix)]
    StdUnix(std::os::unix::net::UnixListener),
    #[cfg(unix)]
    TokioUnix(UnixListener),
}

/// A socket in the runtime that accepts from it.
#[derive(Debug)]
pub(super) enum Open {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection that was accepted.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Listener {
    /// The socket, in the runtime that this is called in.
    pub(super) fn open(self) -> Result<Open> {
        let opened = match self.inner {
            Inner::Tokio(listener) => Ok(Open::Tcp(listener)),
            Inner::Std(listener) => listener
                .set_nonblocking(true)
                .and_then(|()| TcpListener::from_std(listener))
                .map(Open::Tcp),
            #[cfg(unix)]
            Inner::TokioUnix(listener) => Ok(Open::Unix(listener)),
            #[cfg(unix)]
            Inner::StdUnix(listener) => listener
                .set_nonblocking(true)
                .and_then(|()| UnixListener::from_std(listener))
                .map(Open::Unix),
        };
        opened.map_err(|error| Error::io("the runtime does not take the listener", error))
    }

    /// The address of a socket of TCP.
    pub(super) fn local_addr(&self) -> io::Result<Option<std::net::SocketAddr>> {
        match &self.inner {
            Inner::Tokio(listener) => listener.local_addr().map(Some),
            Inner::Std(listener) => listener.local_addr().map(Some),
            #[cfg(unix)]
            Inner::StdUnix(_) | Inner::TokioUnix(_) => Ok(None),
        }
    }
}

impl Open {
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Without it an answer on a kept connection may wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

impl From<std::net::TcpListener> for Listener {
    fn from(listener: std::net::TcpListener) -> Self {
        Self { inner: Inner::Std(listener) }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { inner: Inner::Tokio(listener) }
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for Listener {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        Self { inner: Inner::StdUnix(listener) }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self { inner: Inner::TokioUnix(listener) }
    }
}
