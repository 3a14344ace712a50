//! A worker: answers requests, and counts each before its answer leaves.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, server::conn::http1};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use narthex::multiprocess::{GaugeMode, MultiprocessStore};
use narthex::{Counter, CounterVec, Gauge, Histogram, HistogramVec};
use tokio::signal::unix::{SignalKind, signal};

/// The variable that tells a process that it is a worker, and where it counts.
pub(crate) const DIRECTORY: &str = "WORKER_POOL_DIRECTORY";

pub(crate) async fn run(dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let metrics = Metrics::new(&MultiprocessStore::open(dir)?)?;
    let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let open = GracefulShutdown::new();
    let mut orphaned = pin!(orphaned());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    eprintln!("worker cannot accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = &mut orphaned => break,
        };
        let metrics = metrics.clone();
        let service = service_fn(move |request| {
            let answer = metrics.measure(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let connection = open.watch(connection);
        // A client that hangs up is no concern of the worker's.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    open.shutdown().await;
    Ok(())
}

/// Resolves when the parent is gone: nobody would collect this worker.
async fn orphaned() {
    let parent = parent_id();
    while parent_id() == parent {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[derive(Clone)]
struct Metrics {
    requests: CounterVec<3>,
    duration: HistogramVec<1>,
    in_progress: Gauge,
}

impl Metrics {
    fn new(store: &MultiprocessStore) -> narthex::Result<Self> {
        Ok(Self {
            requests: Counter::builder("http_requests", "Requests answered.")
                .labels(["method", "route", "code"])
                .store(store)
                .build()?,
            duration: Histogram::builder("http_request_duration", "How long answers take.")
                .unit("seconds")
                .labels(["route"])
                .store(store)
                .build()?,
            in_progress: Gauge::builder("http_requests_in_progress", "Requests being answered.")
                .mode(GaugeMode::LiveSum)
                .store(store)
                .build()?,
        })
    }

    /// Answers a request, and counts it before the answer leaves.
    fn measure(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let _in_progress = self.in_progress.track_inprogress();
        let timer = self.duration.start_timer();
        let (route, code, text) = answer(request.method(), request.uri().path());
        timer.stop([route]);
        // Label values from outside are kept few: what methods there are is known.
        let method = match *request.method() {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            _ => "other",
        };
        self.requests.labels((method, route, code.as_u16())).inc();
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = code;
        response
    }
}

/// The route, the status and the text of an answer.
fn answer(method: &Method, path: &str) -> (&'static str, StatusCode, String) {
    if method != Method::GET && method != Method::HEAD {
        return ("other", StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
    }
    if path == "/" {
        let text = format!("worker {} says hello; try /primes/1000\n", std::process::id());
        return ("/", StatusCode::OK, text);
    }
    match path.strip_prefix("/primes/").map(str::parse::<usize>) {
        Some(Ok(below @ 0..=10_000_000)) => {
            let text = format!("{} primes below {below}\n", count_primes(below));
            ("/primes", StatusCode::OK, text)
        }
        Some(_) => {
            ("/primes", StatusCode::BAD_REQUEST, "a number up to 10000000, please\n".to_owned())
        }
        None => ("other", StatusCode::NOT_FOUND, "nothing here\n".to_owned()),
    }
}

/// The sieve of Eratosthenes: some real work.
fn count_primes(below: usize) -> usize {
    let mut prime = vec![true; below];
    for number in (2..).take_while(|number| number * number < below) {
        if prime[number] {
            (number * number..below).step_by(number).for_each(|multiple| prime[multiple] = false);
        }
    }
    prime.iter().skip(2).filter(|prime| **prime).count()
}
