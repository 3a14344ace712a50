//! Bodies whose bytes are counted as they pass.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::middleware::instruments::Exchange;

pin_project! {
    /// The body of a request or of an answer, as it was but for being counted.
    pub struct MeasuredBody<B> {
        #[pin]
        inner: B,
        counts: Counts,
    }
}

enum Counts {
    Request(Arc<AtomicU64>),
    /// Nothing once it has ended.
    Response(Option<Exchange>),
}

impl<B> MeasuredBody<B> {
    pub(super) fn of_request(inner: B, received: Arc<AtomicU64>) -> Self {
        Self { inner, counts: Counts::Request(received) }
    }

    pub(super) fn of_response(inner: B, exchange: Exchange) -> Self {
        Self { inner, counts: Counts::Response(Some(exchange)) }
    }
}

impl<B: Body> Body for MeasuredBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = ready!(this.inner.poll_frame(context));
        let frame = polled.as_ref().and_then(|frame| frame.as_ref().ok());
        let bytes = frame.and_then(Frame::data_ref).map_or(0, Buf::remaining);
        match this.counts {
            Counts::Request(received) => drop(received.fetch_add(bytes as u64, Ordering::Relaxed)),
            Counts::Response(exchange) => match (&polled, exchange.as_mut()) {
                (Some(Ok(_)), Some(exchange)) => exchange.sent(bytes),
                (Some(Err(_)) | None, _) => *exchange = None,
                (Some(Ok(_)), None) => {}
            },
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Default> Default for MeasuredBody<B> {
    /// One that counts for nobody.
    fn default() -> Self {
        Self { inner: B::default(), counts: Counts::Response(None) }
    }
}

impl<B> fmt::Debug for MeasuredBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredBody").finish_non_exhaustive()
    }
}
