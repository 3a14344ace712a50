//! Asking another server for its metrics, as Prometheus does.

use std::future::poll_fn;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::{runtime, time};

use super::document::Syntax;
use super::mismatch::Mismatch;
use crate::model::MetricFamily;

/// How long Prometheus waits, too, unless it is told otherwise.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// What is exposed at a URL, such as `http://127.0.0.1:9100/metrics`.
///
/// OpenMetrics is asked for first, and the text format second. The families can be compared,
/// linted, counted and kept as a [`Snapshot`](super::Snapshot), since a `Vec` of them is a
/// [`Collector`](crate::Collector). It blocks, for 10 seconds at most; so whatever serves that URL
/// has to run on another thread.
///
/// ```
/// use narthex::testing::{scrape, to_f64};
/// use narthex::{CollectorRegistry, Gauge, start_http_server};
///
/// let registry = CollectorRegistry::new();
/// Gauge::builder("queue_depth", "Jobs waiting.").register(&registry)?.set(3);
/// let server = start_http_server("127.0.0.1:0", &registry)?;
/// let families = scrape(&format!("http://{}/metrics", server.local_addr()))?;
/// assert_eq!(to_f64(&families)?, 3.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// That there is no answer in time, that its status is not 200 or its content type that of no
/// format, or that it cannot be read.
pub fn scrape(url: &str) -> Result<Vec<MetricFamily>, Mismatch> {
    let answer = fetch(url, &[Syntax::OpenMetrics, Syntax::Text], TIMEOUT)?;
    answer.syntax.read(&answer.body)
}

/// What came, and in which format.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) syntax: Syntax,
}

/// Asks for one of some formats, the first of them the best.
///
/// # Errors
/// Why there is no answer that can be read as any.
pub(super) fn fetch(url: &str, formats: &[Syntax], limit: Duration) -> Result<Answer, Mismatch> {
    let no = |why: String| Mismatch::new(format!("{url} cannot be scraped: {why}"));
    let target = Target::of(url).map_err(no)?;
    let accept = accept(formats);
    // Where a runtime is running already, no other one may block its thread.
    let asked = thread::scope(|scope| {
        let thread = thread::Builder::new().name("narthex-scrape".to_owned());
        let thread = thread.spawn_scoped(scope, || ask_in_runtime(&target, &accept, limit));
        let thread = thread.map_err(|error| error.to_string())?;
        thread.join().unwrap_or_else(|_| Err("the client panicked".to_owned()))
    });
    asked.map_err(no)
}

/// Where to connect, and what to ask for there.
#[derive(Debug)]
struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Target {
    fn of(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("it is no URL: {error}"))?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("it does not begin with http:// and a host".to_owned());
        };
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

fn accept(formats: &[Syntax]) -> String {
    let types = formats.iter().zip(["1", "0.5"]).map(|(syntax, quality)| {
        let media_type = match syntax {
            Syntax::Text => "text/plain;version=1.0.0",
            Syntax::OpenMetrics => "application/openmetrics-text;version=1.0.0",
            #[cfg(feature = "openmetrics2")]
            Syntax::OpenMetrics2 => "application/openmetrics-text;version=2.0.0",
        };
        format!("{media_type};escaping=allow-utf-8;q={quality}")
    });
    types.collect::<Vec<_>>().join(",")
}

fn ask_in_runtime(target: &Target, accept: &str, limit: Duration) -> Result<Answer, String> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let answer = runtime.block_on(async {
        let answer = time::timeout(limit, ask(target, accept)).await;
        answer.unwrap_or_else(|_| Err(format!("there was no whole answer within {limit:?}")))
    });
    // The look-up of a name may take longer than anybody waits.
    runtime.shutdown_background();
    answer
}

async fn ask(target: &Target, accept: &str) -> Result<Answer, String> {
    let stream = TcpStream::connect((&*target.host, target.port)).await;
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    let shaken = http1::handshake::<_, String>(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| error.to_string())?;
    // What goes wrong with it, the request is told.
    tokio::spawn(async { drop(connection.await) });
    let request = Request::get(&target.path)
        .header(HOST, &target.authority)
        .header(USER_AGENT, concat!("narthex/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, accept)
        .body(String::new())
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| format!("no answer: {error}"))?;
    let syntax = syntax_of(&answer)?;
    let mut body = Vec::new();
    let mut parts = answer.into_body();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut parts).poll_frame(context)).await {
        let frame = frame.map_err(|error| format!("the answer broke off: {error}"))?;
        body.extend(frame.into_data().unwrap_or_default());
    }
    Ok(Answer { body, syntax })
}

/// The format of an answer, if it is one of metrics.
fn syntax_of<B>(answer: &Response<B>) -> Result<Syntax, String> {
    if answer.status() != StatusCode::OK {
        return Err(format!("the answer has the status {}", answer.status()));
    }
    let header = |name: HeaderName| {
        let value = answer.headers().get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    if let Some(coding) = header(CONTENT_ENCODING).filter(|coding| coding != "identity") {
        return Err(format!("the answer is encoded with {coding:?}, which was not asked for"));
    }
    let Some(content_type) = header(CONTENT_TYPE) else { return Ok(Syntax::Text) };
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        #[cfg(feature = "openmetrics2")]
        "application/openmetrics-text" if content_type.contains("version=2.") => {
            Ok(Syntax::OpenMetrics2)
        }
        "application/openmetrics-text" => Ok(Syntax::OpenMetrics),
        "text/plain" => Ok(Syntax::Text),
        _ => Err(format!(
            "the answer has the content type {content_type:?}, which is no text of metrics"
        )),
    }
}
