//! The server for programs with a tokio runtime: connections, limits and the end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;
use tokio_io_timeout::TimeoutStream;

use crate::error::{Error, Result};
use crate::http::handler::MetricsHandler;
use crate::http::service::MetricsService;

/// How long to wait before accepting again, when the system refused.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves metrics until `shutdown` completes.
///
/// Then the port is free at once, idle connections are closed, and scrapes
/// under way are finished, for at most five seconds.
/// [`MetricsServerBuilder::serve`](crate::http::MetricsServerBuilder::serve)
/// does the same with settings.
///
/// ```
/// use narthex::http::{MetricsHandler, serve};
/// use narthex::CollectorRegistry;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// let handler = MetricsHandler::new(&CollectorRegistry::new());
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let server = tokio::spawn(serve(listener, handler, async { drop(stopped.await) }));
///
/// stop.send(()).unwrap();
/// assert!(server.await.unwrap().is_ok());
/// # });
/// ```
///
/// # Errors
/// [`Error::is_io`] if the runtime does not take the listener.
///
/// # Panics
/// Outside of a tokio runtime that has its I/O and its time enabled.
pub async fn serve(
    listener: impl Into<Listener>,
    handler: MetricsHandler,
    shutdown: impl Future<Output = ()>,
) -> Result {
    run(listener.into().open()?, handler, Limits::default(), shutdown).await;
    Ok(())
}

/// A bound socket: tokio's or the standard library's.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Std(std::net::TcpListener),
    Tokio(TcpListener),
}

impl Listener {
    /// The socket, in the runtime that this is called in.
    pub(super) fn open(self) -> Result<TcpListener> {
        match self.inner {
            Inner::Tokio(listener) => Ok(listener),
            Inner::Std(listener) => listener
                .set_nonblocking(true)
                .and_then(|()| TcpListener::from_std(listener))
                .map_err(|error| Error::io("the runtime does not take the listener", error)),
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

/// What a client may take: time, and connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long scrapes under way may take once the server is to stop.
    pub(super) grace: Duration,
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
            // Above the usual 30 seconds between scrapes, so that they share a connection.
            request: Duration::from_secs(40),
            write: Duration::from_secs(30),
            connections: 256,
        }
    }
}

pub(super) async fn run(
    listener: TcpListener,
    handler: MetricsHandler,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let service = MetricsService::new(handler);
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            stream = accept(&listener), if connections.len() < limits.connections => {
                connections.spawn(connection(stream, service.clone(), limits, stopping.clone()));
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    // Whoever is not done by then is cut off when the set is dropped.
    let _ = time::timeout(limits.grace, async { while connections.join_next().await.is_some() {} })
        .await;
}

/// The next connection; an error never ends the server.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if concerns_one_client(&error) => {}
            // Out of descriptors or memory: trying again at once would only burn time.
            Err(_) => time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    stream: TcpStream,
    service: MetricsService,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    // Without it an answer on a kept connection may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        // Clients that say everything and close their half still want the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = pin!(connection);
    let over = select! {
        _ = connection.as_mut() => true,
        _ = stopping.wait_for(|stopping| *stopping) => false,
    };
    if !over {
        connection.as_mut().graceful_shutdown();
        // What goes wrong with one client is nobody else's business.
        let _ = connection.await;
    }
}
