//! What a connection is about: whether it waits for its client, and since when.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use hyper::http;
use hyper::service::Service;
use parking_lot::Mutex;
#[cfg(feature = "tls")]
use tokio::time;

use crate::http::service::{Body, MetricsService};

/// What one connection is about.
#[derive(Debug)]
pub(super) struct Seat {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests whose answers are not ready.
    working: usize,
    /// Answers that the client has not taken yet, and since when they are ready.
    unsent: BTreeMap<u64, Instant>,
    answers: u64,
    idle_since: Instant,
}

impl Seat {
    pub(super) fn new() -> Arc<Self> {
        let (unsent, idle_since) = (BTreeMap::new(), Instant::now());
        Arc::new(Self { state: Mutex::new(State { working: 0, unsent, answers: 0, idle_since }) })
    }

    /// Since when the client is waited for; none if it is the one that waits.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        let oldest = state.unsent.values().next();
        (state.working == 0).then(|| oldest.copied().unwrap_or(state.idle_since))
    }

    /// Completes when the client has not taken an answer for as long as `write`, or sent no
    /// request for as long as `request`.
    #[cfg(feature = "tls")]
    pub(super) async fn overdue(&self, request: Duration, write: Duration) {
        loop {
            let due = self.due(request, write);
            if due.is_some_and(|due| due <= Instant::now()) {
                return;
            }
            match due {
                Some(due) => time::sleep_until(due.into()).await,
                None => time::sleep(request.min(write)).await,
            }
        }
    }

    #[cfg(feature = "tls")]
    fn due(&self, request: Duration, write: Duration) -> Option<Instant> {
        let state = self.state.lock();
        match state.unsent.values().next() {
            Some(oldest) => oldest.checked_add(write),
            None if state.working > 0 => None,
            None => state.idle_since.checked_add(request),
        }
    }

    fn begin(self: &Arc<Self>) -> Working {
        self.state.lock().working += 1;
        Working { seat: Arc::clone(self) }
    }
}

/// A request whose answer is not ready.
struct Working {
    seat: Arc<Seat>,
}

impl Working {
    fn answered(self) -> Unsent {
        let mut state = self.seat.state.lock();
        state.answers += 1;
        let number = state.answers;
        state.unsent.insert(number, Instant::now());
        drop(state);
        Unsent { seat: Arc::clone(&self.seat), number }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut state = self.seat.state.lock();
        state.working -= 1;
        state.idle_since = Instant::now();
    }
}

/// An answer that the client has not taken yet.
struct Unsent {
    seat: Arc<Seat>,
    number: u64,
}

impl Drop for Unsent {
    fn drop(&mut self) {
        let mut state = self.seat.state.lock();
        state.unsent.remove(&self.number);
        state.idle_since = Instant::now();
    }
}

/// The bytes of an answer, which are dropped when the last of them was sent.
struct Sending {
    bytes: Bytes,
    _unsent: Unsent,
}

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The service of one connection.
#[derive(Clone)]
pub(super) struct SeatService {
    pub(super) service: MetricsService,
    pub(super) seat: Arc<Seat>,
}

impl<B> Service<http::Request<B>> for SeatService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: http::Request<B>) -> Self::Future {
        let working = self.seat.begin();
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let unsent = working.answered();
            Ok(answer.map(|body| {
                body.map_bytes(|bytes| Bytes::from_owner(Sending { bytes, _unsent: unsent }))
            }))
        })
    }
}
