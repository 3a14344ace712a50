//! The server for programs without async: a thread of its own.

use std::fmt;
use std::future::Future;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{self, Runtime};
use tokio::sync::Notify;

use crate::collector::Collector;
use crate::error::{Error, ErrorKind, Result};
use crate::http::asynchronous;
#[cfg(feature = "auth")]
use crate::http::auth::Authentication;
use crate::http::connection::Manners;
use crate::http::handler::{MetricsHandler, MetricsHandlerBuilder};
use crate::http::handler_metrics::HandlerMetrics;
use crate::http::listener::{Listener, Open};
#[cfg(feature = "tls")]
use crate::http::tls::{TlsAcceptor, TlsConfig};
#[cfg(feature = "web-config")]
use crate::http::web_config::WebConfig;
use crate::registry::CollectorRegistry;

/// How many scrapes are worked on at a time; others wait for their turn.
const SCRAPE_THREADS: usize = 32;

/// Serves a registry on `/metrics`, from a thread of its own.
///
/// The server stops when the handle is dropped; [`MetricsServer::detach`] lets
/// it go on.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// use narthex::{CollectorRegistry, Gauge};
///
/// let registry = CollectorRegistry::new();
/// Gauge::builder("answer", "To everything.").register(&registry)?.set(42.0);
/// let server = narthex::http::start_http_server("127.0.0.1:0", &registry)?;
///
/// let mut stream = TcpStream::connect(server.local_addr()).unwrap();
/// stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer).unwrap();
/// assert!(answer.ends_with("\nanswer 42.0\n"));
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// [`Error::is_io`] if the address cannot be resolved or bound; the message
/// names it.
#[doc(alias = "start_wsgi_server")]
pub fn start_http_server(
    addr: impl ToSocketAddrs,
    registry: &CollectorRegistry,
) -> Result<MetricsServer> {
    MetricsServer::builder(registry).start(addr)
}

/// A server that runs on a thread of its own until it is stopped or dropped.
#[must_use = "the server stops when it is dropped"]
pub struct MetricsServer {
    local_addr: SocketAddr,
    metrics: HandlerMetrics,
    stop: Arc<Notify>,
    // Empty once the thread is joined, or let go.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl MetricsServer {
    /// A server with settings of its own.
    pub fn builder(registry: &CollectorRegistry) -> MetricsServerBuilder {
        MetricsServerBuilder::new(MetricsHandler::builder(registry))
    }

    /// A server of any collector, such as a view of a registry.
    ///
    /// # Errors
    /// Those of [`MetricsHandler::builder_of`].
    pub fn builder_of(collector: Arc<dyn Collector>) -> Result<MetricsServerBuilder> {
        MetricsHandler::builder_of(collector).map(MetricsServerBuilder::new)
    }

    /// The address that it listens on, with the port that the system chose if
    /// it was asked for port 0. That of a socket at a path is `0.0.0.0:0`.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What the server tells of itself, for a registry to tell.
    pub fn metrics(&self) -> HandlerMetrics {
        self.metrics.clone()
    }

    /// Stops listening, lets scrapes under way finish within the
    /// [grace period](MetricsServerBuilder::grace_period), and returns when it
    /// is over.
    ///
    /// It may be called from any thread and more than once; whoever calls it
    /// meanwhile waits as well. A collector that calls it waits for itself,
    /// until the grace period is over.
    pub fn stop(&self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // If it panicked, then it is over, which is what was asked for.
            let _ = thread.join();
        }
    }

    /// Lets the server run for the rest of the program.
    pub fn detach(self) {
        *self.thread.lock() = None;
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        if self.thread.get_mut().is_some() {
            self.stop();
        }
    }
}

impl fmt::Debug for MetricsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsServer")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

/// Settings of a server, on a thread of its own or in a tokio runtime.
///
/// ```
/// use std::time::Duration;
///
/// use narthex::CollectorRegistry;
/// use narthex::http::MetricsServer;
///
/// let server = MetricsServer::builder(&CollectorRegistry::new())
///     .path("/internal/metrics")
///     .grace_period(Duration::from_secs(1))
///     .start("127.0.0.1:0")?;
/// assert_ne!(server.local_addr().port(), 0);
/// server.stop();
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it starts a server"]
pub struct MetricsServerBuilder {
    handler: MetricsHandlerBuilder,
    manners: Manners,
    #[cfg(feature = "tls")]
    tls: Option<TlsConfig>,
}

impl MetricsServerBuilder {
    fn new(handler: MetricsHandlerBuilder) -> Self {
        Self {
            handler,
            manners: Manners::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// As [`MetricsHandlerBuilder::path`].
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { handler: self.handler.path(path), ..self }
    }

    /// As [`MetricsHandlerBuilder::route`].
    pub fn route(self, path: impl Into<String>, registry: &CollectorRegistry) -> Self {
        Self { handler: self.handler.route(path, registry), ..self }
    }

    /// As [`MetricsHandlerBuilder::route_of`].
    ///
    /// # Errors
    /// Those of [`CollectorRegistry::register`].
    pub fn route_of(self, path: impl Into<String>, collector: Arc<dyn Collector>) -> Result<Self> {
        Ok(Self { handler: self.handler.route_of(path, collector)?, ..self })
    }

    /// As [`MetricsHandlerBuilder::authentication`].
    #[cfg(feature = "auth")]
    pub fn authentication(self, who: Authentication) -> Self {
        Self { handler: self.handler.authentication(who), ..self }
    }

    /// As [`MetricsHandlerBuilder::shared_scrapes`].
    pub fn shared_scrapes(self, wanted: bool) -> Self {
        Self { handler: self.handler.shared_scrapes(wanted), ..self }
    }

    /// As [`MetricsHandlerBuilder::rate_limit`].
    pub fn rate_limit(self, interval: Duration, burst: u32) -> Self {
        Self { handler: self.handler.rate_limit(interval, burst), ..self }
    }

    /// TLS, users, headers and limits, as a web configuration file has them; what it does not
    /// say stays as it was.
    #[cfg(feature = "web-config")]
    pub fn web_config(self, config: WebConfig) -> Self {
        let handler = self.handler.web_config(&config);
        Self { handler, tls: config.tls.or(self.tls), ..self }
    }

    /// As [`MetricsHandlerBuilder::created`].
    pub fn created(self, shown: bool) -> Self {
        Self { handler: self.handler.created(shown), ..self }
    }

    /// As [`MetricsHandlerBuilder::compression`].
    pub fn compression(self, wanted: bool) -> Self {
        Self { handler: self.handler.compression(wanted), ..self }
    }

    /// As [`MetricsHandlerBuilder::max_concurrent_scrapes`].
    ///
    /// On a thread of its own the server works on 32 at a time; others wait.
    pub fn max_concurrent_scrapes(self, most: usize) -> Self {
        Self { handler: self.handler.max_concurrent_scrapes(most), ..self }
    }

    /// How long scrapes under way may take once the server is to stop; the
    /// default is five seconds.
    pub fn grace_period(mut self, longest: Duration) -> Self {
        self.manners.limits.grace = longest;
        self
    }

    /// How long a client may take to send its next request, headers and all;
    /// the default is 40 seconds. Connections that are idle for longer are closed.
    pub fn request_timeout(mut self, longest: Duration) -> Self {
        self.manners.limits.request = longest;
        self
    }

    /// How long a client may leave an answer lying; the default is 30 seconds.
    /// Over HTTP/2, how long it may take for the whole of one.
    pub fn write_timeout(mut self, longest: Duration) -> Self {
        self.manners.limits.write = longest;
        self
    }

    /// Speaks HTTPS, and HTTP/2 with those who offer it.
    #[cfg(feature = "tls")]
    pub fn tls(self, config: TlsConfig) -> Self {
        Self { tls: Some(config), ..self }
    }

    /// How long a client may take to agree on a key; the default is ten seconds.
    #[cfg(feature = "tls")]
    pub fn handshake_timeout(mut self, longest: Duration) -> Self {
        self.manners.limits.handshake = longest;
        self
    }

    /// How many connections may be open, at least one. The default is 256.
    ///
    /// For another one, that is closed which has kept the server waiting for
    /// longest: for a request, or to take an answer. If none has, the new one
    /// waits to be accepted.
    pub fn max_connections(mut self, most: usize) -> Self {
        self.manners.limits.connections = most.max(1);
        self
    }

    /// Binds the address and serves from a thread of its own.
    ///
    /// # Errors
    /// Those of [`MetricsHandlerBuilder::build`]; [`Error::is_io`] if the
    /// address cannot be resolved or bound, or no thread can be started.
    pub fn start(self, addr: impl ToSocketAddrs) -> Result<MetricsServer> {
        let (handler, manners) = self.build()?;
        start(bind(addr)?.into(), handler, manners)
    }

    /// Serves a socket that is bound already from a thread of its own.
    ///
    /// # Errors
    /// Those of [`MetricsHandlerBuilder::build`]; [`Error::is_io`] if the
    /// socket cannot be used, or no thread can be started.
    pub fn start_on(self, listener: impl Into<Listener>) -> Result<MetricsServer> {
        let (handler, manners) = self.build()?;
        start(listener.into(), handler, manners)
    }

    /// Serves in the tokio runtime that awaits this, until `shutdown`
    /// completes; see [`serve`](crate::http::serve).
    ///
    /// # Errors
    /// Those of [`MetricsHandlerBuilder::build`]; [`Error::is_io`] if the
    /// runtime does not take the listener.
    ///
    /// # Panics
    /// Outside of a tokio runtime that has its I/O and its time enabled.
    pub async fn serve(
        self,
        listener: impl Into<Listener>,
        shutdown: impl Future<Output = ()>,
    ) -> Result {
        let (handler, manners) = self.build()?;
        asynchronous::run(listener.into().open()?, handler, manners, shutdown).await;
        Ok(())
    }

    fn build(self) -> Result<(MetricsHandler, Manners)> {
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only TLS is opened"))]
        let Self { handler, mut manners, .. } = self;
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls {
            manners.tls = Some(Arc::new(TlsAcceptor::open(tls)?));
        }
        Ok((handler.build()?, manners))
    }
}

fn bind(addr: impl ToSocketAddrs) -> Result<TcpListener> {
    let addrs: Vec<_> = addr
        .to_socket_addrs()
        .map_err(|error| Error::io("the address to listen on cannot be resolved", error))?
        .collect();
    TcpListener::bind(&*addrs).map_err(|error| {
        let addrs: Vec<_> = addrs.iter().map(ToString::to_string).collect();
        Error::io(format!("cannot listen on {}", addrs.join(" or ")), error)
    })
}

fn start(listener: Listener, handler: MetricsHandler, manners: Manners) -> Result<MetricsServer> {
    // A socket at a path has no address; it is then one that nothing listens on.
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let local_addr = listener
        .local_addr()
        .map(|addr| addr.unwrap_or(nowhere))
        .map_err(|error| Error::io("the socket to listen on has no address", error))?;
    let metrics = handler.metrics();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let (tell, told) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("metrics-http".to_owned())
        .spawn(move || match open(listener) {
            Err(error) => drop(tell.send(Err(error))),
            Ok((runtime, listener)) => {
                let _ = tell.send(Ok(()));
                let shutdown = stopped.notified();
                runtime.block_on(asynchronous::run(listener, handler, manners, shutdown));
                // A collector that hangs must not keep the program from going on.
                runtime.shutdown_background();
            }
        })
        .map_err(|error| Error::io("no thread for the metrics server can be started", error))?;
    told.recv().unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Io, "the thread of the metrics server ended early"))
    })?;
    Ok(MetricsServer { local_addr, metrics, stop, thread: Mutex::new(Some(thread)) })
}

fn open(listener: Listener) -> Result<(Runtime, Open)> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(SCRAPE_THREADS)
        .thread_name("metrics-scrape")
        .build()
        .map_err(|error| Error::io("no runtime for the metrics server can be made", error))?;
    let inside = runtime.enter();
    let listener = listener.open()?;
    drop(inside);
    Ok((runtime, listener))
}
