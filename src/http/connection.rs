//! One connection, from its first byte to its end.

use std::pin::pin;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
#[cfg(feature = "tls")]
use hyper::server::conn::http2;
#[cfg(feature = "tls")]
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::select;
use tokio::sync::watch;
#[cfg(feature = "tls")]
use tokio::time;
use tokio_io_timeout::TimeoutStream;

use crate::http::listener::Stream;
use crate::http::seat::SeatService;
#[cfg(feature = "tls")]
use crate::http::tls::TlsAcceptor;

/// How many bytes the head of a request may have.
const HEAD: usize = 32 << 10;

/// How many requests may be under way on one connection.
#[cfg(feature = "tls")]
const STREAMS: u32 = 16;

/// How long a client that is idle has to hear that its connection ends.
#[cfg(feature = "tls")]
const FAREWELL: Duration = Duration::from_secs(1);

/// How a server treats its clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Manners {
    pub(super) limits: Limits,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Arc<TlsAcceptor>>,
}

/// What a client may take: time, and connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long scrapes under way may take once the server is to stop.
    pub(super) grace: Duration,
    /// How long a client may take to agree on a key.
    #[cfg(feature = "tls")]
    pub(super) handshake: Duration,
    /// How long a client may take to send the next request, headers and all.
    pub(super) request: Duration,
    /// How long a client may take no byte of an answer.
    pub(super) write: Duration,
    pub(super) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(5),
            #[cfg(feature = "tls")]
            handshake: Duration::from_secs(10),
            // Above the usual 30 seconds between scrapes, so that they share a connection.
            request: Duration::from_secs(40),
            write: Duration::from_secs(30),
            connections: 256,
        }
    }
}

/// Serves a connection until it ends, or is told to.
pub(super) async fn serve(
    stream: Stream,
    service: SeatService,
    manners: Manners,
    stopping: watch::Receiver<bool>,
) {
    match stream {
        Stream::Tcp(stream) => secured(stream, service, manners, stopping).await,
        #[cfg(unix)]
        Stream::Unix(stream) => secured(stream, service, manners, stopping).await,
    }
}

async fn secured(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    service: SeatService,
    manners: Manners,
    stopping: watch::Receiver<bool>,
) {
    let limits = manners.limits;
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let stream = Box::pin(stream);
    #[cfg(feature = "tls")]
    if let Some(acceptor) = manners.tls {
        let mut told = stopping.clone();
        let accepted = select! {
            accepted = time::timeout(limits.handshake, acceptor.accept(stream)) => accepted,
            _ = told.wait_for(|stopping| *stopping) => return,
        };
        // What goes wrong with one client is nobody else's business.
        let Ok(Ok(stream)) = accepted else { return };
        return match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => over_http2(stream, service, limits, stopping).await,
            _ => over_http1(stream, service, limits, stopping).await,
        };
    }
    over_http1(stream, service, limits, stopping).await;
}

async fn over_http1(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    service: SeatService,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_buf_size(HEAD)
        // Clients that say everything and close their half still want the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let over = select! {
        _ = connection.as_mut() => true,
        _ = stopping.wait_for(|stopping| *stopping) => false,
    };
    if !over {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

#[cfg(feature = "tls")]
async fn over_http2(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    service: SeatService,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let seat = Arc::clone(&service.seat);
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD as u32)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let longest = select! {
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => None,
        // Neither a frame at a time nor a window that stays shut keeps a connection.
        () = seat.overdue(limits.request, limits.write) => Some(FAREWELL),
    };
    connection.as_mut().graceful_shutdown();
    match longest {
        None => drop(connection.await),
        Some(longest) => drop(time::timeout(longest, connection).await),
    }
}
