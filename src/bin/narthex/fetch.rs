//! Asks a server for its metrics, over plain HTTP.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST, LOCATION, USER_AGENT,
};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::output::Failure;

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Asks for a URL, and waits no longer than `timeout` for the whole answer.
pub(crate) fn get(url: &str, accept: &str, timeout: Duration) -> Result<Answer, Failure> {
    let target = Target::of(url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answered = runtime.block_on(async {
        match tokio::time::timeout(timeout, ask(&target, accept)).await {
            Ok(answered) => answered,
            Err(_) => Err(Failure(format!("no whole answer within {} s", timeout.as_secs()))),
        }
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    let (answer, coding) = answered?;
    let body = unpack(answer.body, coding.as_deref())?;
    Ok(Answer { body, ..answer })
}

/// Where to connect, and what to ask for there.
struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Target {
    fn of(url: &str) -> Result<Self, Failure> {
        let uri: Uri = url.parse().map_err(|error| Failure(format!("no URL: {error}")))?;
        if uri.scheme_str() != Some("http") {
            return Err(Failure("only URLs that begin with http:// can be fetched".to_owned()));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(Failure("a user in a URL is not sent".to_owned()));
        }
        let host = uri.host().unwrap_or_default();
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(80),
            authority: authority.to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

/// The answer as it came, and what it is packed with.
async fn ask(target: &Target, accept: &str) -> Result<(Answer, Option<String>), Failure> {
    let stream = TcpStream::connect((&*target.host, target.port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::get(&target.path)
        .header(HOST, &target.authority)
        .header(USER_AGENT, concat!("narthex/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, accept);
    if cfg!(feature = "gzip") {
        request = request.header(ACCEPT_ENCODING, "gzip");
    }
    let answered = receive(sender.send_request(request.body(String::new())?));
    // What goes wrong with the connection is told by the answer, too.
    let driven = tokio::spawn(connection);
    let answer = answered.await;
    driven.abort();
    answer
}

async fn receive(
    response: impl Future<Output = hyper::Result<hyper::Response<hyper::body::Incoming>>>,
) -> Result<(Answer, Option<String>), Failure> {
    let (head, mut incoming) = response.await?.into_parts();
    let header = |name| {
        let value = head.headers.get(name);
        value.and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    if head.status != StatusCode::OK {
        let elsewhere = header(LOCATION).map_or(String::new(), |place| format!(", at {place}"));
        return Err(Failure(format!("the server answers {}{elsewhere}", head.status)));
    }
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            body.extend_from_slice(&data);
        }
    }
    let content_type = header(CONTENT_TYPE);
    Ok((Answer { content_type, body }, header(CONTENT_ENCODING)))
}

fn unpack(body: Vec<u8>, coding: Option<&str>) -> Result<Vec<u8>, Failure> {
    match coding {
        None => Ok(body),
        Some(coding) if coding.eq_ignore_ascii_case("identity") => Ok(body),
        #[cfg(feature = "gzip")]
        Some(coding) if coding.eq_ignore_ascii_case("gzip") => {
            let mut unpacked = Vec::new();
            std::io::Read::read_to_end(
                &mut flate2::read::MultiGzDecoder::new(&*body),
                &mut unpacked,
            )?;
            Ok(unpacked)
        }
        Some(coding) => Err(Failure(format!("the answer is packed with {coding:?}"))),
    }
}
