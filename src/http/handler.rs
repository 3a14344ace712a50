//! From a request to a response: no socket, no async, no server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::collector::Collector;
use crate::error::{Error, ErrorKind, Result};
use crate::exposition::{self, ContentCoding, Encoding};
use crate::http::pool::{BodyBytes, Pool};
use crate::http::query;
use crate::http::request::Request;
use crate::http::response::{ALLOW, Response};
use crate::http::source;
use crate::registry::CollectorRegistry;

/// Answers requests for metrics; cheap to clone.
///
/// It knows neither sockets nor async, so that it can be put behind any server.
/// `GET` and `HEAD` on the metrics path scrape the registry: in the format that
/// `Accept` prefers, compressed if `Accept-Encoding` allows it, restricted to
/// the samples that `name[]` parameters name, within the time that
/// `X-Prometheus-Scrape-Timeout-Seconds` gives. `/` shows a link to the metrics.
/// It keeps the memory of up to four scrapes for those that follow.
///
/// Implements Prometheus's [content negotiation](https://prometheus.io/docs/instrumenting/content_negotiation/).
///
/// ```
/// use narthex::http::{MetricsHandler, Request};
/// use narthex::{CollectorRegistry, Gauge};
///
/// let registry = CollectorRegistry::new();
/// Gauge::builder("answer", "To everything.").register(&registry)?.set(42.0);
/// let handler = MetricsHandler::new(&registry);
///
/// let response = handler.respond(&Request::new("GET", "/metrics"));
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
/// assert_eq!(response.body(), b"# HELP answer To everything.\n# TYPE answer gauge\nanswer 42.0\n");
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "make_wsgi_app")]
#[doc(alias = "make_asgi_app")]
pub struct MetricsHandler {
    inner: Arc<Inner>,
}

struct Inner {
    settings: MetricsHandlerBuilder,
    in_flight: AtomicUsize,
    pool: Arc<Pool>,
}

impl MetricsHandler {
    /// A handler that serves a registry on `/metrics`.
    pub fn new(registry: &CollectorRegistry) -> Self {
        Self::builder(registry).finish()
    }

    /// A handler with settings of its own.
    pub fn builder(registry: &CollectorRegistry) -> MetricsHandlerBuilder {
        MetricsHandlerBuilder::new(registry.clone())
    }

    /// A handler that serves any collector, such as a view of a registry.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use narthex::http::{MetricsHandler, Request};
    /// use narthex::{CollectorRegistry, Gauge};
    ///
    /// let registry = CollectorRegistry::new();
    /// let view = registry.with_prefix("shop_")?;
    /// let handler = MetricsHandler::builder_of(Arc::new(view))?.build()?;
    /// Gauge::builder("carts", "Carts in use.").register(&registry)?.set(3.0);
    ///
    /// let response = handler.respond(&Request::new("GET", "/metrics?name[]=shop_carts"));
    /// assert!(response.body().ends_with(b"\nshop_carts 3.0\n"));
    /// # Ok::<(), narthex::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`CollectorRegistry::register`].
    pub fn builder_of(collector: Arc<dyn Collector>) -> Result<MetricsHandlerBuilder> {
        source::registry_of(collector).map(MetricsHandlerBuilder::new)
    }

    /// Answers one request.
    ///
    /// It takes as long as the collectors take; async programs want
    /// [`MetricsService`](crate::http::MetricsService).
    pub fn respond(&self, request: &Request<'_>) -> Response {
        match self.plan(request) {
            Plan::Answer(response) => response,
            Plan::Scrape(task) => task.run(),
        }
    }

    /// Decides what is to be done, without running any collector.
    pub(super) fn plan(&self, request: &Request<'_>) -> Plan {
        let metrics = &*self.inner.settings.path;
        let answer = match (request.method(), request.path()) {
            ("GET" | "HEAD", path) if path == metrics => match Permit::take(&self.inner) {
                Some(permit) => return Plan::Scrape(ScrapeTask::new(request, permit)),
                None => Response::plain(503, "too many scrapes at once\n")
                    .with_header("retry-after", "1"),
            },
            ("GET" | "HEAD", "/") => Response::landing_page(metrics),
            ("GET" | "HEAD", "/favicon.ico") => Response::new(200, Vec::new()),
            (method, path) if path == metrics || matches!(path, "/" | "/favicon.ico" | "*") => {
                match method {
                    "OPTIONS" => Response::new(200, Vec::new()),
                    _ => Response::plain(405, format!("method not allowed; use {ALLOW}\n")),
                }
                .with_header("allow", ALLOW)
            }
            _ => Response::plain(404, "not found\n"),
        };
        Plan::Answer(answer.for_head(request.method() == "HEAD"))
    }
}

impl fmt::Debug for MetricsHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.settings.fmt(f)
    }
}

/// Settings of a [`MetricsHandler`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct MetricsHandlerBuilder {
    registry: CollectorRegistry,
    path: String,
    created: Option<bool>,
    compression: bool,
    max_concurrent_scrapes: usize,
}

impl MetricsHandlerBuilder {
    fn new(registry: CollectorRegistry) -> Self {
        Self {
            registry,
            path: "/metrics".to_owned(),
            created: None,
            compression: true,
            max_concurrent_scrapes: usize::MAX,
        }
    }

    /// Where the metrics are, instead of `/metrics`.
    ///
    /// At `/` they take the place of the page with the link.
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Whether to show when series began, as `_created` samples.
    ///
    /// Without it OpenMetrics shows them and the text format does not.
    pub fn created(self, shown: bool) -> Self {
        Self { created: Some(shown), ..self }
    }

    /// Whether to compress for clients that ask for it; the default is yes.
    ///
    /// With what, [`ContentCoding::negotiate`] decides. A scrape is compressed
    /// once and read once, so it is done fast rather than small: gzip and zstd at
    /// level 1. Measured with 100,000 counters of 79.4 bytes a line, and with
    /// histograms of 65.4; writing the text takes some 10 ns and 6 ns beside that:
    ///
    /// | | counters: ns, bytes a line | histograms: ns, bytes a line |
    /// |---|---|---|
    /// | **gzip 1** | **97, 9.8** | **78, 8.6** |
    /// | gzip 2 | 132, 7.1 | 107, 6.5 |
    /// | gzip 3 | 191, 6.7 | 147, 6.0 |
    /// | gzip 6 | 558, 5.9 | 377, 5.4 |
    /// | zstd -3 | 71, 10.4 | 53, 6.8 |
    /// | zstd -1 | 76, 8.2 | 55, 6.1 |
    /// | **zstd 1** | **81, 7.4** | **59, 4.9** |
    /// | zstd 3 | 103, 7.2 | 78, 5.2 |
    #[doc(alias = "disable_compression")]
    pub fn compression(self, wanted: bool) -> Self {
        Self { compression: wanted, ..self }
    }

    /// How many scrapes may be under way; others are answered 503. The
    /// default is any number.
    pub fn max_concurrent_scrapes(self, most: usize) -> Self {
        Self { max_concurrent_scrapes: most, ..self }
    }

    /// Builds the handler.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the path does not begin with `/`, or has
    /// characters other than letters, digits and `/-._~%+:@,;=!$*()`; or if no
    /// scrape at all would be allowed.
    pub fn build(self) -> Result<MetricsHandler> {
        check_path(&self.path)?;
        if self.max_concurrent_scrapes == 0 {
            let message = "the number of concurrent scrapes cannot be zero";
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        Ok(self.finish())
    }

    fn finish(self) -> MetricsHandler {
        MetricsHandler {
            inner: Arc::new(Inner {
                settings: self,
                in_flight: AtomicUsize::new(0),
                pool: Arc::default(),
            }),
        }
    }

    fn compresses(&self) -> bool {
        cfg!(any(feature = "gzip", feature = "zstd")) && self.compression
    }
}

/// That metrics can be at a path.
pub(crate) fn check_path(path: &str) -> Result {
    if !path.starts_with('/') {
        let message = format!("the metrics path {path:?} does not begin with a slash");
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "/-._~%+:@,;=!$*()".contains(c);
    if let Some(bad) = path.chars().find(|&c| !known(c)) {
        let message = format!("the metrics path {path:?} has the character {bad:?}");
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    Ok(())
}

impl fmt::Debug for MetricsHandlerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsHandler")
            .field("path", &self.path)
            .field("created", &self.created)
            .field("compression", &self.compresses())
            .field("max_concurrent_scrapes", &self.max_concurrent_scrapes)
            .finish_non_exhaustive()
    }
}

/// What becomes of a request.
pub(super) enum Plan {
    Answer(Response),
    /// Collectors run: not where it would keep others waiting.
    Scrape(ScrapeTask),
}

/// A scrape that was let in, and counts until it is dropped.
pub(super) struct ScrapeTask {
    names: Vec<String>,
    encoding: Encoding,
    coding: ContentCoding,
    head: bool,
    deadline: Option<Instant>,
    permit: Permit,
}

impl ScrapeTask {
    /// Awaits the collectors that must await, before the scrape itself.
    pub(super) async fn refresh(&self) {
        self.permit.inner.settings.registry.refresh().await;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn new(request: &Request<'_>, permit: Permit) -> Self {
        let settings = &permit.inner.settings;
        let mut encoding = exposition::negotiate(request.accept());
        if let Some(created) = settings.created {
            encoding = encoding.with_created(created);
        }
        let coding = match settings.compresses() {
            true => ContentCoding::negotiate(request.accept_encoding()),
            false => ContentCoding::Identity,
        };
        Self {
            names: query::names(request.query()).map(String::from).collect(),
            encoding,
            coding,
            head: request.method() == "HEAD",
            deadline: request.deadline(),
            permit,
        }
    }

    pub(super) fn run(self) -> Response {
        let response = match self.encode() {
            Ok(body) => self.exposed(body),
            Err(error) => Response::failed(&error),
        };
        response.for_head(self.head)
    }

    fn encode(&self) -> Result<BodyBytes> {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            // It waited for other scrapes, and nobody waits for it any more.
            let message = "the time given by the scraper was over before the scrape began";
            return Err(Error::new(ErrorKind::TimedOut, message));
        }
        let Inner { settings, pool, .. } = &*self.permit.inner;
        let mut body = pool.body();
        let mut encoder = pool.encoder();
        let mut encode = |collector: &dyn Collector| {
            let Self { encoding, coding, deadline, .. } = *self;
            encoder.encode(collector, encoding, coding, deadline, body.bytes_mut())
        };
        let length = if self.names.is_empty() {
            encode(&settings.registry).inspect(|length| settings.registry.note_bytes(*length))
        } else {
            encode(&settings.registry.restricted(&self.names))
        };
        pool.give_back(encoder);
        length.map(|_| body)
    }

    fn exposed(&self, body: BodyBytes) -> Response {
        let settings = &self.permit.inner.settings;
        let vary = if settings.compresses() { "Accept, Accept-Encoding" } else { "Accept" };
        let response = Response::new(200, body);
        let response = if self.coding == ContentCoding::Identity {
            response
        } else {
            response.with_header("content-encoding", self.coding.as_str())
        };
        response.with_header("content-type", self.encoding.content_type()).with_header("vary", vary)
    }
}

/// One of the scrapes that may be under way.
struct Permit {
    inner: Arc<Inner>,
}

impl Permit {
    fn take(inner: &Arc<Inner>) -> Option<Self> {
        let most = inner.settings.max_concurrent_scrapes;
        let more = |now: usize| now.checked_add(1).filter(|then| *then <= most);
        inner.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self { inner: Arc::clone(inner) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.inner.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
