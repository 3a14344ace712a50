//! What is counted of requests, and one request of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hyper::http::{Method, StatusCode};

use crate::error::Result;
use crate::metrics::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramVec, exponential_buckets,
};
use crate::registry::CollectorRegistry;

const LABELS: [&str; 3] = ["method", "route", "code"];

/// The metrics of a layer.
pub(super) struct Instruments {
    requests: CounterVec<3>,
    duration: HistogramVec<3>,
    request_size: HistogramVec<3>,
    response_size: HistogramVec<3>,
    active: GaugeVec<2>,
}

impl Instruments {
    pub(super) fn register(prefix: &str, registry: &CollectorRegistry) -> Result<Self> {
        // From 100 bytes to 100 MB.
        let sizes = exponential_buckets(100.0, 10.0, 7);
        let name = |rest: &str| format!("{prefix}_{rest}");
        Ok(Self {
            requests: Counter::builder(name("requests"), "Requests that were answered.")
                .labels(LABELS)
                .register(registry)?,
            duration: Histogram::builder(
                name("request_duration_seconds"),
                "How long it took until answers were sent.",
            )
            .labels(LABELS)
            .register(registry)?,
            request_size: Histogram::builder(
                name("request_body_size_bytes"),
                "How much of the bodies of requests was read.",
            )
            .buckets(sizes.clone())
            .labels(LABELS)
            .register(registry)?,
            response_size: Histogram::builder(
                name("response_body_size_bytes"),
                "How much of the bodies of answers was sent.",
            )
            .buckets(sizes)
            .labels(LABELS)
            .register(registry)?,
            active: Gauge::builder(name("active_requests"), "Requests that are not answered yet.")
                .labels(["method", "route"])
                .register(registry)?,
        })
    }

    pub(super) fn begin(self: &Arc<Self>, method: &Method, route: Option<&str>) -> Exchange {
        let request = Exchange {
            instruments: Arc::clone(self),
            method: known(method),
            route: route.unwrap_or("unmatched").into(),
            code: Code::Aborted,
            begun: Instant::now(),
            received: Arc::default(),
            sent: 0,
        };
        self.active.labels([request.method, &*request.route]).inc();
        request
    }
}

/// How a request ended.
enum Code {
    Status(StatusCode),
    /// The service failed, and there is no status.
    Error,
    /// Nobody waited for the end.
    Aborted,
}

/// A request, and what came of it; it is counted when it is dropped.
pub(super) struct Exchange {
    instruments: Arc<Instruments>,
    method: &'static str,
    route: Box<str>,
    code: Code,
    begun: Instant,
    received: Arc<AtomicU64>,
    sent: u64,
}

impl Exchange {
    /// Where the bytes of the request's body are counted.
    pub(super) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.code = Code::Status(status);
    }

    pub(super) fn failed(&mut self) {
        self.code = Code::Error;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let code = match &self.code {
            Code::Status(status) => status.as_str(),
            Code::Error => "error",
            Code::Aborted => "aborted",
        };
        let of = &self.instruments;
        let labels = [self.method, &*self.route, code];
        of.active.labels([self.method, &*self.route]).dec();
        of.requests.labels(labels).inc();
        of.duration.labels(labels).observe(self.begun.elapsed().as_secs_f64());
        of.request_size.labels(labels).observe(self.received.load(Ordering::Relaxed) as f64);
        of.response_size.labels(labels).observe(self.sent as f64);
    }
}

/// The name of a method, of which clients may make up others.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::CONNECT => "CONNECT",
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}
