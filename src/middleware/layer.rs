//! The layer, the service that it makes of another, and a request on its way.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::http::request::Parts;
use hyper::http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::Result;
use crate::middleware::body::MeasuredBody;
use crate::middleware::instruments::{Exchange, Instruments};
use crate::registry::CollectorRegistry;

type Route = dyn for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync;

/// A layer that measures the requests of a service; cheap to clone.
///
/// | family, `http_server_…` or `http_client_…` | what it is |
/// | --- | --- |
/// | counter `…_requests` | requests that were answered |
/// | histogram `…_request_duration_seconds` | how long it took from the request to the last byte of the answer |
/// | histogram `…_request_body_size_bytes` | how much of the body of the request was read |
/// | histogram `…_response_body_size_bytes` | how much of the body of the answer was taken |
/// | gauge `…_active_requests` | requests that are not answered yet; without `code` |
///
/// Their labels have few values: `method` is one of HTTP's or `other`; `route` is what the
/// [function](HttpMetricsBuilder::route) says, or `unmatched`; `code` is the status, `error` if the
/// service failed, or `aborted` if nobody waited for its answer. The names are those of
/// [OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/) where it has any.
///
/// ```
/// use narthex::CollectorRegistry;
/// use narthex::http::{MetricsHandler, MetricsService};
/// use narthex::middleware::HttpMetricsLayer;
/// use tower_layer::Layer as _;
/// use tower_service::Service as _;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let registry = CollectorRegistry::new();
/// let layer = HttpMetricsLayer::server().register(&registry)?;
/// let mut service = layer.layer(MetricsService::new(MetricsHandler::new(&registry)));
///
/// let request = hyper::Request::get("/nowhere").body(http_body_util::Empty::<&[u8]>::new());
/// drop(service.call(request.unwrap()).await);
/// let labels = [("method", "GET"), ("route", "unmatched"), ("code", "404")];
/// assert_eq!(registry.get_sample_value("http_server_requests_total", &labels), Some(1.0));
/// # Ok::<(), narthex::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct HttpMetricsLayer {
    instruments: Arc<Instruments>,
    route: Option<Arc<Route>>,
}

impl HttpMetricsLayer {
    /// A layer for a server, whose families begin with `http_server`.
    pub fn server() -> HttpMetricsBuilder {
        HttpMetricsBuilder { prefix: "http_server".to_owned(), route: None }
    }

    /// A layer for a client, whose families begin with `http_client`.
    pub fn client() -> HttpMetricsBuilder {
        HttpMetricsBuilder { prefix: "http_client".to_owned(), route: None }
    }
}

impl<S> Layer<S> for HttpMetricsLayer {
    type Service = HttpMetricsService<S>;

    fn layer(&self, inner: S) -> HttpMetricsService<S> {
        HttpMetricsService { inner, layer: self.clone() }
    }
}

impl fmt::Debug for HttpMetricsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpMetricsLayer").finish_non_exhaustive()
    }
}

/// Settings of an [`HttpMetricsLayer`].
#[must_use = "a builder does nothing until it is registered"]
pub struct HttpMetricsBuilder {
    prefix: String,
    route: Option<Arc<Route>>,
}

impl HttpMetricsBuilder {
    /// What the names of the families begin with, before an underscore.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Which route a request takes: the pattern that it matched, such as `/users/{id}`, and never
    /// the path itself, of which clients may make up any number.
    ///
    /// In axum that is `|parts| parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str)`.
    pub fn route<F>(self, of: F) -> Self
    where
        F: for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync + 'static,
    {
        Self { route: Some(Arc::new(of)), ..self }
    }

    /// Registers the families.
    ///
    /// # Errors
    /// [`Error::is_duplicate`](crate::Error::is_duplicate) if they are there already.
    pub fn register(self, registry: &CollectorRegistry) -> Result<HttpMetricsLayer> {
        let instruments = Arc::new(Instruments::register(&self.prefix, registry)?);
        Ok(HttpMetricsLayer { instruments, route: self.route })
    }
}

impl fmt::Debug for HttpMetricsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpMetricsBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A service whose requests are measured.
#[derive(Clone, Debug)]
pub struct HttpMetricsService<S> {
    inner: S,
    layer: HttpMetricsLayer,
}

impl<S, A, B> Service<Request<A>> for HttpMetricsService<S>
where
    S: Service<Request<MeasuredBody<A>>, Response = Response<B>>,
{
    type Response = Response<MeasuredBody<B>>;
    type Error = S::Error;
    type Future = MeasuredFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let route = self.layer.route.as_ref().and_then(|route| route(&parts));
        let exchange = self.layer.instruments.begin(&parts.method, route);
        let body = MeasuredBody::of_request(body, exchange.received());
        let answer = self.inner.call(Request::from_parts(parts, body));
        MeasuredFuture { answer, exchange: Some(exchange) }
    }
}

pin_project! {
    /// An answer on its way.
    pub struct MeasuredFuture<F> {
        #[pin]
        answer: F,
        exchange: Option<Exchange>,
    }
}

impl<F, B, E> Future for MeasuredFuture<F>
where
    F: Future<Output = std::result::Result<Response<B>, E>>,
{
    type Output = std::result::Result<Response<MeasuredBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        let Some(mut exchange) = this.exchange.take() else {
            // Nobody polls a future that is done; if somebody does, the inner one has its say.
            return Poll::Pending;
        };
        Poll::Ready(match answer {
            Ok(response) => {
                exchange.answered(response.status());
                Ok(response.map(|body| MeasuredBody::of_response(body, exchange)))
            }
            Err(error) => {
                exchange.failed();
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for MeasuredFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredFuture").finish_non_exhaustive()
    }
}
