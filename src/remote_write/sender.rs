//! Sends the batches of a queue, one after the other, until each is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use tokio::time;

use super::batch::{Batch, Message};
use super::queue::{Outcome, Queue};
use crate::client::{Answer, Outgoing, Retry, USER_AGENT, ask};
use crate::error::{Error, ErrorKind};

/// Which version a receiver is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 2.0, and 1.0 from when the receiver says that it does not know 2.0: by 415, by an answer that
    /// is well and does not say how much was written, or by 400 if it never took anything in 2.0 and
    /// takes the same in 1.0.
    #[default]
    Newest,
    /// 1.0, without start times.
    V1,
    /// 2.0 alone.
    V2,
}

/// What is known of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Speech {
    /// It is V1 that it knows, or that is wanted.
    V1,
    /// It is V2.
    V2,
    /// It has not answered yet.
    Unknown,
    /// It said 400 to V2, and is asked again in V1.
    Asked,
}

/// No pause of ours is longer at the end, so that there are several attempts in the time that is left.
const AT_THE_END: Duration = Duration::from_millis(500);

/// Who sends.
#[derive(Debug)]
pub(super) struct Sender {
    url: Url,
    queue: Arc<Queue>,
    retry: Retry,
    version: ProtocolVersion,
    speech: AtomicU8,
    is_refusing: AtomicBool,
}

/// What an answer means.
enum Meaning {
    Taken,
    Refused {
        error: Error,
        taken: u64,
    },
    Again {
        error: Error,
        after: Option<Duration>,
    },
    /// That the other version is to be tried; what is known from now on.
    Other(Speech),
}

impl Sender {
    pub(super) fn new(url: Url, queue: Arc<Queue>, retry: Retry, version: ProtocolVersion) -> Self {
        let speech = match version {
            ProtocolVersion::Newest => Speech::Unknown,
            ProtocolVersion::V1 => Speech::V1,
            ProtocolVersion::V2 => Speech::V2,
        };
        let (speech, is_refusing) = (AtomicU8::new(speech as u8), AtomicBool::new(false));
        Self { url, queue, retry, version, speech, is_refusing }
    }

    /// The message that batches are to be.
    pub(super) fn message(&self) -> Message {
        match self.speech() {
            Speech::V1 => Message::V1,
            _ => Message::V2,
        }
    }

    fn speech(&self) -> Speech {
        // Only who sends changes it; to others it is a hint.
        match self.speech.load(Ordering::Relaxed) {
            0 => Speech::V1,
            1 => Speech::V2,
            2 => Speech::Unknown,
            _ => Speech::Asked,
        }
    }

    fn learn(&self, speech: Speech) {
        self.speech.store(speech as u8, Ordering::Relaxed);
    }

    /// Sends until there is no more to come and all was answered, or it took too long.
    pub(super) async fn run(&self, http: reqwest::Client) {
        let over = async {
            let until = self.queue.finishes().await;
            time::sleep(until.saturating_duration_since(Instant::now())).await;
        };
        tokio::select! {
            () = self.send_all(&http) => {}
            () = over => {}
        }
    }

    async fn send_all(&self, http: &reqwest::Client) {
        loop {
            match self.queue.first() {
                Some((number, batch)) => self.send(http, number, batch).await,
                None if self.queue.is_finishing() => return,
                None => self.queue.news().await,
            }
        }
    }

    /// Sends a batch until it is answered for good, or there was no more room for it.
    async fn send(&self, http: &reqwest::Client, number: u64, batch: Batch) {
        let (mut number, mut batch, mut attempt) = (number, batch, 1);
        loop {
            batch = match self.in_words(number, batch) {
                Ok(batch) => batch,
                Err((batch, error)) => {
                    log::warn!(target: "narthex", "{} samples cannot be told: {error}", batch.samples);
                    return self.queue.tell(number, &batch, Outcome::Answered { taken: 0 });
                }
            };
            let answer = ask(http, &self.outgoing(&batch)).await;
            match self.meaning(answer, &batch) {
                Meaning::Taken => {
                    self.is_refusing.store(false, Ordering::Relaxed);
                    if attempt > 1 {
                        log::info!(target: "narthex", "{} takes samples again", self.url);
                    }
                    let taken = batch.samples;
                    return self.queue.tell(number, &batch, Outcome::Answered { taken });
                }
                Meaning::Refused { error, taken } => {
                    // The first of several in a row.
                    if !self.is_refusing.swap(true, Ordering::Relaxed) {
                        let (url, left) = (&self.url, batch.samples - taken);
                        log::warn!(target: "narthex", "{url} refused {left} samples: {error}");
                    }
                    return self.queue.tell(number, &batch, Outcome::Answered { taken });
                }
                Meaning::Other(speech) => self.learn(speech),
                Meaning::Again { error, after } => {
                    if attempt == 1 {
                        log::warn!(target: "narthex", "{} is asked again: {error}", self.url);
                    }
                    self.queue.tell(number, &batch, Outcome::Again);
                    let was_cut = self.pause(attempt, after).await;
                    attempt = if was_cut { 2 } else { attempt + 1 };
                    // Meanwhile the oldest may be another one.
                    let Some(first) = self.queue.first() else { return };
                    if first.0 == number {
                        self.queue.note_retry(batch.samples);
                    }
                    (number, batch) = first;
                }
            }
        }
    }

    /// The batch in the message that the receiver knows.
    fn in_words(&self, number: u64, batch: Batch) -> Result<Batch, (Batch, Error)> {
        let wants_older = matches!(self.speech(), Speech::V1 | Speech::Asked);
        if !wants_older || batch.message == Message::V1 {
            return Ok(batch);
        }
        match batch.to_version_1() {
            Ok(older) => {
                self.queue.replace(number, older.clone());
                Ok(older)
            }
            Err(error) => Err((batch, error)),
        }
    }

    /// Waits before the next attempt, never shorter than the receiver asked for; whether the end
    /// came meanwhile.
    async fn pause(&self, attempt: u32, asked_for: Option<Duration>) -> bool {
        let asked_for = time::sleep(asked_for.unwrap_or_default());
        let pause = self.retry.backoff(attempt);
        let was_cut = if self.queue.is_finishing() {
            time::sleep(pause.min(AT_THE_END)).await;
            false
        } else {
            tokio::select! {
                () = time::sleep(pause) => false,
                _ = self.queue.finishes() => true,
            }
        };
        asked_for.await;
        was_cut
    }

    fn outgoing(&self, batch: &Batch) -> Outgoing {
        let (content_type, version) = match batch.message {
            Message::V1 => ("application/x-protobuf", "0.1.0"),
            Message::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        Outgoing {
            method: Method::POST,
            url: self.url.clone(),
            content_type,
            content_encoding: Some("snappy"),
            headers: vec![
                ("x-prometheus-remote-write-version", version),
                ("user-agent", USER_AGENT),
            ],
            body: batch.body.clone(),
        }
    }

    fn meaning(&self, answer: Result<Answer, Error>, batch: &Batch) -> Meaning {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Meaning::Again { error, after: None },
        };
        let (speech, after) = (self.speech(), answer.retry_after());
        let written = match batch.message {
            Message::V1 => None,
            Message::V2 => written(&answer.headers),
        };
        let may_fall_back = self.version == ProtocolVersion::Newest && batch.message == Message::V2;
        let is_older = match (answer.status, &answer.refusal) {
            (415, _) => true,
            // It read a message without series, and took that.
            (_, None) => batch.message == Message::V2 && written.is_none(),
            _ => false,
        };
        if is_older && may_fall_back {
            log::info!(target: "narthex", "{} does not know remote write 2.0", self.url);
            return Meaning::Other(Speech::V1);
        }
        match (answer.status, answer.refusal) {
            (status, None) if is_older => {
                let message = format!("the answer {status} does not say that anything was written");
                let error = Error::new(ErrorKind::Status(status), message);
                Meaning::Refused { error, taken: 0 }
            }
            (_, None) => {
                self.learn(match batch.message {
                    Message::V1 => Speech::V1,
                    Message::V2 => Speech::V2,
                });
                Meaning::Taken
            }
            (429 | 500.., Some(error)) => Meaning::Again { error, after },
            (400, Some(_)) if may_fall_back && speech == Speech::Unknown && written.is_none() => {
                Meaning::Other(Speech::Asked)
            }
            (_, Some(error)) => {
                if speech == Speech::Asked {
                    // It was not the version.
                    self.learn(Speech::V2);
                }
                let taken = written.unwrap_or_default().min(batch.samples);
                Meaning::Refused { error, taken }
            }
        }
    }
}

/// How many samples a receiver says that it wrote, if it says so.
///
/// [The specification](https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/#required-written-response-headers).
fn written(headers: &HeaderMap) -> Option<u64> {
    let of = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let samples = of("x-prometheus-remote-write-samples-written");
    let histograms = of("x-prometheus-remote-write-histograms-written");
    let exemplars = of("x-prometheus-remote-write-exemplars-written");
    samples.or(histograms).or(exemplars)?;
    Some(samples.unwrap_or_default().saturating_add(histograms.unwrap_or_default()))
}
