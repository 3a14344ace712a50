//! One scrape: what was asked for, and how it is answered.

use std::sync::Arc;
use std::time::Instant;

use crate::collector::Collector;
use crate::error::{Error, ErrorKind, Result};
use crate::exposition::{self, ContentCoding};
use crate::http::handler_metrics::HandlerMetrics;
use crate::http::pool::BodyBytes;
use crate::http::query;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::scrape_key::ScrapeKey;
use crate::http::settings::{Permit, State};
use crate::http::share::Sharing;
use crate::registry::CollectorRegistry;

/// What a scraper asked for.
pub(super) struct ScrapeWish {
    key: ScrapeKey,
    head: bool,
    deadline: Option<Instant>,
}

impl ScrapeWish {
    pub(super) fn new(request: &Request<'_>, route: usize, state: &State) -> Self {
        let settings = &state.settings;
        let mut encoding = exposition::negotiate(request.accept());
        if let Some(created) = settings.created {
            encoding = encoding.with_created(created);
        }
        let coding = match settings.compresses() {
            true => ContentCoding::negotiate(request.accept_encoding()),
            false => ContentCoding::Identity,
        };
        let names = query::names(request.query()).map(String::from).collect();
        let deadline = request.deadline();
        let has_deadline = deadline.is_some();
        let key = ScrapeKey { route, names, encoding, coding, has_deadline };
        Self { key, head: request.method() == "HEAD", deadline }
    }

    /// Lets it in, if another scrape may be under way.
    pub(super) fn admitted(self, state: &Arc<State>) -> std::result::Result<ScrapeTask, Response> {
        match Permit::take(state) {
            Some(permit) => Ok(ScrapeTask { wish: self, permit }),
            None => Err(Response::plain(503, "too many scrapes at once\n")
                .with_header("retry-after", "1")
                .for_head(self.head)),
        }
    }
}

/// A scrape that was let in, and counts until it is dropped.
pub(super) struct ScrapeTask {
    wish: ScrapeWish,
    permit: Permit,
}

impl ScrapeTask {
    /// Awaits the collectors that must await, before the scrape itself.
    pub(super) async fn refresh(&self) {
        self.registry().refresh().await;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.wish.deadline
    }

    pub(super) fn key(&self) -> &ScrapeKey {
        &self.wish.key
    }

    pub(super) fn is_head(&self) -> bool {
        self.wish.head
    }

    /// Makes it the one whose answer others get as well.
    pub(super) fn lead(&mut self, deadline: Option<Instant>) {
        self.wish.head = false;
        self.wish.deadline = deadline;
    }

    pub(super) fn sharing(&self) -> Option<&Arc<Sharing>> {
        let state = &self.permit.state;
        state.settings.shares.then_some(&state.sharing)
    }

    pub(super) fn metrics(&self) -> &HandlerMetrics {
        &self.permit.state.metrics
    }

    pub(super) fn run(self) -> Response {
        let response = match self.encode() {
            Ok(body) => self.exposed(body),
            Err(error) => Response::failed(&error),
        };
        response.for_head(self.wish.head)
    }

    fn registry(&self) -> &CollectorRegistry {
        &self.permit.state.settings.routes[self.wish.key.route].registry
    }

    fn encode(&self) -> Result<BodyBytes> {
        let deadline = self.wish.deadline;
        let ScrapeKey { encoding, coding, ref names, .. } = self.wish.key;
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            // It waited for other scrapes, and nobody waits for it any more.
            let message = "the time given by the scraper was over before the scrape began";
            return Err(Error::new(ErrorKind::TimedOut, message));
        }
        let (registry, pool) = (self.registry(), &self.permit.state.pool);
        let mut body = pool.body();
        let mut encoder = pool.encoder();
        let mut encode = |collector: &dyn Collector| {
            encoder.encode(collector, encoding, coding, deadline, body.bytes_mut())
        };
        let length = if names.is_empty() {
            encode(registry).inspect(|length| registry.note_bytes(*length))
        } else {
            encode(&registry.restricted(names))
        };
        pool.give_back(encoder);
        length.map(|_| body)
    }

    fn exposed(&self, body: BodyBytes) -> Response {
        let compresses = self.permit.state.settings.compresses();
        let vary = if compresses { "Accept, Accept-Encoding" } else { "Accept" };
        let response = Response::new(200, body);
        let coding = self.wish.key.coding;
        let response = if coding == ContentCoding::Identity {
            response
        } else {
            response.with_header("content-encoding", coding.as_str())
        };
        let content_type = self.wish.key.encoding.content_type();
        response.with_header("content-type", content_type).with_header("vary", vary)
    }
}
