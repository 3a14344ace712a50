//! What is done at each interval, and at the end: collect, and put into the queue of who sends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::collection::Collections;
use super::queue::Queue;
use super::sender::Sender;
use crate::client::{Answered, Client, Ended};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::CollectorRegistry;

/// What is done at each interval.
pub(super) struct Work {
    pub(super) registry: CollectorRegistry,
    pub(super) collections: Collections,
    pub(super) client: Client,
    pub(super) sender: Arc<Sender>,
    pub(super) queue: Arc<Queue>,
    pub(super) ended: Ended,
    pub(super) is_dropping: bool,
    pub(super) stale_at_end: bool,
    pub(super) flush_timeout: Duration,
    /// What completes when all was sent; given up when it is dropped.
    pub(super) sending: Option<Answered<()>>,
}

impl Work {
    pub(super) fn collect(&mut self) -> Result {
        let ended = self.ended.clone().said();
        self.refresh(ended)?;
        self.put()
    }

    /// The last time: what fails must not keep from leaving what was collected before.
    pub(super) fn finish(&mut self) -> Result {
        let until = Instant::now() + self.flush_timeout;
        let limit = self.flush_timeout;
        let collected = self
            .refresh(async move {
                tokio::time::sleep(limit).await;
                Error::new(ErrorKind::TimedOut, "collectors took too long at the end")
            })
            .and_then(|()| self.put());
        let ended = match self.stale_at_end {
            true => self.collections.end(self.sender.message()),
            false => Ok(Vec::new()),
        };
        let ended = ended.map(|batches| {
            self.queue.push(batches);
        });
        self.queue.finish(until);
        let sent = self.sending.take().map_or(Ok(()), Answered::wait);
        let left = self.queue.give_up();
        collected.and(ended).and(sent)?;
        if left > 0 {
            let message = format!("{left} samples were not sent in {:?}", self.flush_timeout);
            return Err(Error::new(ErrorKind::TimedOut, message));
        }
        Ok(())
    }

    /// Lets collectors that await do so, until something completes.
    fn refresh(&self, until: impl Future<Output = Error> + Send + 'static) -> Result {
        let registry = self.registry.clone();
        let refreshed = self.client.run(|_| async move {
            tokio::select! {
                () = registry.refresh() => Ok(()),
                error = until => Err(error),
            }
        });
        refreshed.wait()
    }

    fn put(&mut self) -> Result {
        let collected = self.collections.collect(&self.registry, self.sender.message());
        let batches = collected.inspect_err(|_| self.queue.note_failure())?;
        let dropped = self.queue.push(batches);
        // The first of several times in a row.
        let was_dropping = std::mem::replace(&mut self.is_dropping, dropped > 0);
        if dropped > 0 && !was_dropping {
            log::warn!(
                target: "narthex",
                "remote write has no room for {dropped} samples, the oldest"
            );
        }
        Ok(())
    }
}
