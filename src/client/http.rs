//! Requests that are sent until they are answered, or given up.

use std::future::{self, Future};
use std::time::Duration;
use std::{fmt, mem};

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, Url};
use tokio::sync::oneshot;
use tokio::time;

use crate::client::connection::{Connection, deepest};
use crate::client::retry::{Retry, retry_after};
use crate::client::waiting::Answered;
use crate::client::worker::Worker;
use crate::error::{Error, ErrorKind, Result};

/// How much of an answer that says no is told.
const TOLD: usize = 500;

/// What is sent: the same bytes at each attempt.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) content_type: &'static str,
    pub(crate) content_encoding: Option<&'static str>,
    /// Headers that stand in place of those of the connection.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Bytes,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The error that it is, unless it is well.
    pub(crate) refusal: Option<Error>,
}

impl Answer {
    /// The pause that it asks for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.headers.get(RETRY_AFTER)?.to_str().ok()?)
    }
}

/// Sends a request once, and reads the answer.
///
/// # Errors
/// That there was no whole answer.
pub(crate) async fn ask(http: &reqwest::Client, outgoing: &Outgoing) -> Result<Answer> {
    let mut request = http
        .request(outgoing.method.clone(), outgoing.url.clone())
        .header(CONTENT_TYPE, outgoing.content_type)
        .body(outgoing.body.clone());
    if let Some(coding) = outgoing.content_encoding {
        request = request.header(CONTENT_ENCODING, coding);
    }
    for (name, value) in &outgoing.headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send().await.map_err(broken)?;
    let status = answer.status();
    let headers = mem::take(answer.headers_mut());
    if status.is_success() {
        // Read to its end, so that the connection can be used again.
        answer.bytes().await.map_err(broken)?;
        return Ok(Answer { status: status.as_u16(), headers, refusal: None });
    }
    let place = headers.get(LOCATION).map_or(String::new(), |place| {
        format!(", which is at {}", String::from_utf8_lossy(place.as_bytes()))
    });
    let said = beginning(answer).await;
    let colon = if said.is_empty() { "" } else { ": " };
    let message = format!("the answer is {status}{place}{colon}{said}");
    let refusal = Some(Error::new(ErrorKind::Status(status.as_u16()), message));
    Ok(Answer { status: status.as_u16(), headers, refusal })
}

/// Sends requests from a thread of its own, which begins with the first one.
///
/// So it may be used where there is no runtime, within any, and in a forked child.
pub(crate) struct Client {
    connection: Connection,
    live: Mutex<Option<Live>>,
}

struct Live {
    // Its connections belong to the runtime of the worker.
    http: reqwest::Client,
    worker: Worker,
}

impl Client {
    /// A client that has not connected to anything yet.
    ///
    /// # Errors
    /// That a setting cannot be used.
    pub(crate) fn new(connection: Connection) -> Result<Self> {
        connection.open()?;
        Ok(Self { connection, live: Mutex::new(None) })
    }

    /// When something is sent again.
    pub(crate) fn retries(&self) -> Retry {
        self.connection.retries()
    }

    /// Sends, as often as the settings say.
    ///
    /// What is awaited may be an error of the last attempt: that it took too long, that the answer
    /// says no, or that there was none.
    pub(crate) fn send(&self, outgoing: Outgoing) -> Answered<()> {
        self.send_until(outgoing, future::pending())
    }

    /// The same, until something completes: then nothing more is sent, and it says why.
    pub(crate) fn send_until(
        &self,
        outgoing: Outgoing,
        until: impl Future<Output = Error> + Send + 'static,
    ) -> Answered<()> {
        let retry = self.connection.retries();
        self.run(move |http| async move {
            tokio::select! {
                done = deliver(&http, &outgoing, retry) => done,
                error = until => Err(error),
            }
        })
    }

    /// Awaits something on the thread that sends.
    pub(crate) fn run<F, T>(&self, work: impl FnOnce(reqwest::Client) -> F) -> Answered<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let (mut tell, told) = oneshot::channel();
        match Live::of_this_process(&mut self.live.lock(), &self.connection) {
            Err(error) => drop(tell.send(Err(error))),
            Ok(Live { http, worker }) => {
                let work = work(http.clone());
                worker.give(async move {
                    tokio::select! {
                        done = work => drop(tell.send(done)),
                        () = tell.closed() => (),
                    }
                });
            }
        }
        Answered::new(told)
    }
}

impl Live {
    fn of_this_process<'a>(slot: &'a mut Option<Self>, how: &Connection) -> Result<&'a Self> {
        match slot.take().filter(|live| live.worker.is_ours()) {
            Some(live) => Ok(slot.insert(live)),
            None => Ok(slot.insert(Self { http: how.open()?, worker: Worker::start()? })),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

async fn deliver(http: &reqwest::Client, outgoing: &Outgoing, retry: Retry) -> Result {
    let mut attempt = 1;
    loop {
        let missed = match try_once(http, outgoing).await {
            Ok(()) => return Ok(()),
            Err(missed) => missed,
        };
        let pause = match missed.again {
            Again::Never => None,
            Again::After(asked_for) => retry.pause(attempt, asked_for),
        };
        let Some(pause) = pause else {
            let Outgoing { method, url, .. } = outgoing;
            let tried = if attempt > 1 { format!(", {attempt} times") } else { String::new() };
            return Err(missed.error.of(format_args!("{method} {url}{tried}")));
        };
        time::sleep(pause).await;
        attempt += 1;
    }
}

/// An attempt that came to nothing.
struct Missed {
    error: Error,
    again: Again,
}

enum Again {
    Never,
    /// After a pause, and one no shorter than what was asked for.
    After(Option<Duration>),
}

async fn try_once(http: &reqwest::Client, outgoing: &Outgoing) -> std::result::Result<(), Missed> {
    let answer = match ask(http, outgoing).await {
        Ok(answer) => answer,
        Err(error) => return Err(Missed { error, again: Again::After(None) }),
    };
    let again = match answer.status {
        408 | 429 | 500 | 502..=504 | 506.. => Again::After(answer.retry_after()),
        _ => Again::Never,
    };
    answer.refusal.map_or(Ok(()), |error| Err(Missed { error, again }))
}

/// What an answer says first, in one line.
async fn beginning(mut answer: Response) -> String {
    let mut said = Vec::new();
    while said.len() < TOLD {
        match answer.chunk().await {
            Ok(Some(chunk)) => said.extend_from_slice(&chunk),
            _ => break,
        }
    }
    let said = String::from_utf8_lossy(&said);
    let words: Vec<_> = said.split_whitespace().collect();
    words.join(" ").chars().take(TOLD).collect()
}

fn broken(error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_timeout() {
        (ErrorKind::TimedOut, "there was no whole answer in time".to_owned())
    } else if error.is_connect() {
        (ErrorKind::Io, format!("no connection: {}", deepest(&error)))
    } else {
        (ErrorKind::Io, format!("no whole answer: {}", deepest(&error)))
    };
    Error::new(kind, message).with_source(error.without_url())
}
