//! The handler as a hyper service, to be mounted into a server of one's own.

use std::convert::Infallible;
use std::fmt;
use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::http;
use hyper::service::Service;
use tokio::runtime::Handle;
use tokio::time;

#[cfg(feature = "auth")]
use crate::http::handler::Guest;
use crate::http::handler::{MetricsHandler, Plan};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::scrape::ScrapeTask;
use crate::http::share::{Answer, Begun, Lead, Turn};

/// A [`MetricsHandler`] as a [`hyper::service::Service`].
///
/// Collectors run on tokio's blocking threads, so that a slow one keeps no
/// other connection waiting; without a tokio runtime they run in place. Those
/// that must await are awaited for three quarters of the time that the scraper waits, for which the
/// runtime must have its time enabled. The body of a request is never read.
///
/// ```
/// use narthex::http::{MetricsHandler, MetricsService};
/// use narthex::CollectorRegistry;
///
/// # async fn connection(io: hyper_util::rt::TokioIo<tokio::net::TcpStream>) -> hyper::Result<()> {
/// let service = MetricsService::new(MetricsHandler::new(&CollectorRegistry::new()));
/// hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MetricsService {
    handler: MetricsHandler,
}

impl MetricsService {
    /// A service that answers as the handler does.
    pub fn new(handler: MetricsHandler) -> Self {
        Self { handler }
    }
}

impl<B> Service<http::Request<B>> for MetricsService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: http::Request<B>) -> ResponseFuture {
        let (parts, _) = request.into_parts();
        let underway = self.handler.begin();
        let answer: Pin<Box<dyn Future<Output = Response> + Send>> =
            match self.handler.plan(&Request::from(&parts)) {
                Plan::Answer(response) => Box::pin(future::ready(response)),
                Plan::Scrape(task) => Box::pin(run(task)),
                #[cfg(feature = "auth")]
                Plan::Verify(guest) => Box::pin(verify(guest)),
            };
        ResponseFuture { inner: Box::pin(async { underway.answered(answer.await) }) }
    }
}

/// For axum, as `route_service`, and for whatever else takes services of tower. The path of the
/// request is the handler's, as it came: not one from which a part was taken.
#[cfg(feature = "tower")]
impl<B> tower_service::Service<http::Request<B>> for MetricsService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture {
        Service::call(self, request)
    }
}

/// What [`MetricsService`] answers with, in time.
pub struct ResponseFuture {
    inner: Pin<Box<dyn Future<Output = Response> + Send>>,
}

impl Future for ResponseFuture {
    type Output = Result<http::Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(context).map(|response| Ok(response.into()))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl From<Response> for http::Response<Body> {
    fn from(response: Response) -> Self {
        let mut builder = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            builder = builder.header(name, value);
        }
        let bytes = Bytes::from_owner(response.into_body_bytes());
        let body = Body { left: Some(bytes).filter(|bytes| !bytes.is_empty()) };
        builder.body(body).unwrap_or_else(|_| {
            let mut refusal = Self::new(Body { left: None });
            *refusal.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            refusal
        })
    }
}

/// The body of an answer: all of it at once.
#[derive(Clone, Debug, Default)]
pub struct Body {
    left: Option<Bytes>,
}

impl Body {
    pub(super) fn map_bytes(self, map: impl FnOnce(Bytes) -> Bytes) -> Self {
        Self { left: self.left.map(map) }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.left.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.as_ref().map_or(0, Bytes::len) as u64)
    }
}

/// Hashes a password where it keeps nobody waiting, one after another: so many cannot take all
/// threads from the scrapes.
#[cfg(feature = "auth")]
async fn verify(guest: Guest) -> Response {
    let plan = match (Handle::try_current(), guest.turns()) {
        (Ok(runtime), Some(turns)) => {
            let turn = turns.acquire_owned().await;
            let settled = runtime.spawn_blocking(|| (guest.settle(), turn)).await;
            settled.map_or_else(|_| Plan::Answer(broken_off()), |(plan, _)| plan)
        }
        _ => guest.settle(),
    };
    match plan {
        Plan::Scrape(task) => run(task).await,
        Plan::Answer(response) => response,
        Plan::Verify(_) => broken_off(),
    }
}

async fn run(task: ScrapeTask) -> Response {
    let Ok(runtime) = Handle::try_current() else {
        return task.run();
    };
    let Some(sharing) = task.sharing() else {
        return collect(&runtime, task, ()).await;
    };
    let head = task.is_head();
    match sharing.turn(task.key(), task.deadline()) {
        Turn::Now(under_way) => collect(&runtime, task, under_way).await,
        Turn::Lead(lead) => {
            let answer = lead.answer.subscribe();
            // By itself, so that it goes on for those who joined when this client is gone.
            runtime.spawn(collect_for_all(runtime.clone(), task, lead));
            shared(answer, head).await
        }
        Turn::Join(answer) => {
            let response = shared(answer, head).await;
            // Until then it counts as one that is under way.
            drop(task);
            response
        }
    }
}

async fn collect_for_all(runtime: Handle, mut task: ScrapeTask, mut lead: Lead) {
    let Some(Begun { under_way, deadline, joined }) = lead.begin().await else { return };
    task.metrics().note_shared(joined);
    task.lead(deadline);
    let response = collect(&runtime, task, under_way).await;
    lead.answer.send_replace(Some(Arc::new(response)));
}

async fn shared(mut answer: Answer, head: bool) -> Response {
    match answer.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(response)) => Response::clone(response).for_head(head),
        _ => broken_off(),
    }
}

async fn collect(runtime: &Handle, task: ScrapeTask, under_way: impl Send + 'static) -> Response {
    refresh(&task).await;
    let scrape = runtime.spawn_blocking(|| {
        let response = task.run();
        drop(under_way);
        response
    });
    scrape.await.unwrap_or_else(|_| broken_off())
}

/// The cause is a runtime that shuts down, or a panic that no collector caused.
fn broken_off() -> Response {
    Response::plain(500, "the scrape was broken off\n")
}

/// Awaits the collectors that must await, no longer than the scraper waits.
async fn refresh(task: &ScrapeTask) {
    let mut refresh = pin!(task.refresh());
    // Asked once first: where nothing is awaited, the runtime need not keep time.
    let is_done = future::poll_fn(|context| Poll::Ready(refresh.as_mut().poll(context).is_ready()));
    if is_done.await {
        return;
    }
    match task.deadline() {
        // Who is not done by then tells what it told before. A part of the time
        // is left for the scrape itself.
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            drop(time::timeout(left * 3 / 4, refresh).await);
        }
        None => refresh.await,
    }
}
