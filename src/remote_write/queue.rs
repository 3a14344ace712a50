//! Batches that wait to be sent, bounded in bytes: the oldest go first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::batch::Batch;
use super::stats::RemoteWriteStats;

/// The queue between who collects and who sends, and what became of all samples.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    limit: usize,
    news: Notify,
    /// Until when to go on after there is no more to come.
    end: watch::Sender<Option<Instant>>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(u64, Batch)>,
    bytes: usize,
    samples: u64,
    next: u64,
    /// The batch that is on its way.
    attempted: Option<u64>,
    /// The samples of that one, if meanwhile there was no more room for it.
    evicted: u64,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    retried: AtomicU64,
    failures: AtomicU64,
}

fn add(count: &AtomicU64, samples: u64) {
    count.fetch_add(samples, Ordering::Relaxed);
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Of its samples so many were taken, and the rest was refused for good.
    Answered { taken: u64 },
    /// It has to be sent again.
    Again,
}

impl Queue {
    /// A queue of at most so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        let (end, _) = watch::channel(None);
        let (state, news, counts) = (Mutex::default(), Notify::new(), Counts::default());
        Self { state, limit, news, end, counts }
    }

    /// Adds batches, and drops the oldest ones that there is no more room for; says how many samples
    /// those had.
    pub(super) fn push(&self, batches: Vec<Batch>) -> u64 {
        let mut dropped = 0;
        let mut state = self.state.lock();
        for batch in batches {
            state.bytes += batch.body.len();
            state.samples += batch.samples;
            let number = state.next;
            state.next += 1;
            state.waiting.push_back((number, batch));
            while state.bytes > self.limit {
                let attempted = state.attempted;
                let Some((number, oldest)) = state.pop() else { break };
                // What becomes of one that is on its way is not known yet.
                match attempted == Some(number) {
                    true => state.evicted = oldest.samples,
                    false => dropped += oldest.samples,
                }
            }
        }
        drop(state);
        add(&self.counts.dropped, dropped);
        self.news.notify_one();
        dropped
    }

    /// The oldest batch, to be sent now, with its number.
    pub(super) fn first(&self) -> Option<(u64, Batch)> {
        let mut state = self.state.lock();
        let first = state.waiting.front().cloned();
        state.attempted = first.as_ref().map(|(number, _)| *number);
        first
    }

    /// Puts another form of the oldest batch in its place, if it is still there.
    pub(super) fn replace(&self, number: u64, batch: Batch) {
        let mut state = self.state.lock();
        let State { waiting, bytes, .. } = &mut *state;
        if let Some((_, old)) = waiting.front_mut().filter(|(first, _)| *first == number) {
            *bytes = *bytes + batch.body.len() - old.body.len();
            *old = batch;
        }
    }

    /// Says what became of a batch that was on its way.
    pub(super) fn tell(&self, number: u64, batch: &Batch, outcome: Outcome) {
        let mut state = self.state.lock();
        (state.attempted, state.evicted) = (None, 0);
        let is_here = state.waiting.front().is_some_and(|(first, _)| *first == number);
        if is_here && outcome != Outcome::Again {
            state.pop();
        }
        drop(state);
        match outcome {
            Outcome::Answered { taken } => {
                add(&self.counts.sent, taken);
                add(&self.counts.refused, batch.samples - taken);
            }
            Outcome::Again if is_here => {}
            // Meanwhile there was no more room for it.
            Outcome::Again => add(&self.counts.dropped, batch.samples),
        }
    }

    /// Counts samples that are sent once more.
    pub(super) fn note_retry(&self, samples: u64) {
        add(&self.counts.retried, samples);
    }

    /// Counts a collection that failed.
    pub(super) fn note_failure(&self) {
        add(&self.counts.failures, 1);
    }

    /// Waits until there is something new.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Says that there is no more to come, and until when to send what there is.
    pub(super) fn finish(&self, until: Instant) {
        self.end.send_replace(Some(until));
        self.news.notify_one();
    }

    /// Whether there is no more to come.
    pub(super) fn is_finishing(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Waits until there is no more to come; until when to go on.
    pub(super) async fn finishes(&self) -> Instant {
        let mut end = self.end.subscribe();
        loop {
            if let Some(until) = *end.borrow_and_update() {
                return until;
            }
            // The other end is part of the queue.
            if end.changed().await.is_err() {
                return Instant::now();
            }
        }
    }

    /// Drops all that waits; how many samples that were.
    pub(super) fn give_up(&self) -> u64 {
        let mut state = self.state.lock();
        let left = state.samples + state.evicted;
        *state = State { next: state.next, ..State::default() };
        drop(state);
        add(&self.counts.dropped, left);
        left
    }

    pub(super) fn stats(&self) -> RemoteWriteStats {
        let (queued_samples, queued_bytes) = {
            let state = self.state.lock();
            (state.samples, state.bytes)
        };
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RemoteWriteStats {
            sent_samples: read(&self.counts.sent),
            refused_samples: read(&self.counts.refused),
            dropped_samples: read(&self.counts.dropped),
            retried_samples: read(&self.counts.retried),
            failed_collections: read(&self.counts.failures),
            queued_samples,
            queued_bytes,
        }
    }
}

impl State {
    fn pop(&mut self) -> Option<(u64, Batch)> {
        let (number, batch) = self.waiting.pop_front()?;
        self.bytes -= batch.body.len();
        self.samples -= batch.samples;
        Some((number, batch))
    }
}
