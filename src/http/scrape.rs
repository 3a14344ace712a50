//! One scrape: what was asked for, and how it is answered.

use std::sync::Arc;
use std::time::Instant;

use crate::collector::Collector;
use crate::error::{Error, ErrorKind, Result};
use crate::exposition::{self, ContentCoding, Encoding};
use crate::http::pool::BodyBytes;
use crate::http::query;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::settings::{Permit, State};
use crate::registry::CollectorRegistry;

/// What a scraper asked for.
pub(super) struct ScrapeWish {
    route: usize,
    names: Vec<String>,
    encoding: Encoding,
    coding: ContentCoding,
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
        Self {
            route,
            names: query::names(request.query()).map(String::from).collect(),
            encoding,
            coding,
            head: request.method() == "HEAD",
            deadline: request.deadline(),
        }
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

    pub(super) fn run(self) -> Response {
        let response = match self.encode() {
            Ok(body) => self.exposed(body),
            Err(error) => Response::failed(&error),
        };
        response.for_head(self.wish.head)
    }

    fn registry(&self) -> &CollectorRegistry {
        &self.permit.state.settings.routes[self.wish.route].registry
    }

    fn encode(&self) -> Result<BodyBytes> {
        let ScrapeWish { encoding, coding, deadline, .. } = self.wish;
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
        let length = if self.wish.names.is_empty() {
            encode(registry).inspect(|length| registry.note_bytes(*length))
        } else {
            encode(&registry.restricted(&self.wish.names))
        };
        pool.give_back(encoder);
        length.map(|_| body)
    }

    fn exposed(&self, body: BodyBytes) -> Response {
        let compresses = self.permit.state.settings.compresses();
        let vary = if compresses { "Accept, Accept-Encoding" } else { "Accept" };
        let response = Response::new(200, body);
        let response = match self.wish.coding {
            ContentCoding::Identity => response,
            coding => response.with_header("content-encoding", coding.as_str()),
        };
        let content_type = self.wish.encoding.content_type();
        response.with_header("content-type", content_type).with_header("vary", vary)
    }
}
