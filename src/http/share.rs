//! Scrapes that ask for the same while another is under way share the next collection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time;

use crate::http::response::Response;
use crate::http::scrape_key::ScrapeKey;

/// How long the next collection waits for the one that is under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// The collections of a handler that are under way, and those that come next.
#[derive(Default)]
pub(super) struct Sharing {
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    key: ScrapeKey,
    under_way: usize,
    next: Option<Next>,
    ended: Arc<Notify>,
}

/// A collection that has not begun: whoever comes until then shares it.
struct Next {
    answer: Answer,
    deadline: Option<Instant>,
    joined: u64,
}

/// What one waits for that is answered with another's collection.
pub(super) type Answer = watch::Receiver<Option<Arc<Response>>>;

/// What is to be done with a scrape.
pub(super) enum Turn {
    /// Nobody asks for the same: it is collected at once.
    Now(UnderWay),
    /// It leads those that come while it waits for another's end.
    Lead(Lead),
    /// It is answered with another's collection, which has not begun.
    Join(Answer),
}

impl Sharing {
    pub(super) fn turn(self: &Arc<Self>, key: &ScrapeKey, deadline: Option<Instant>) -> Turn {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.iter_mut().find(|entry| entry.key == *key) else {
            let ended = Arc::default();
            entries.push(Entry { key: key.clone(), under_way: 1, next: None, ended });
            return Turn::Now(UnderWay { sharing: Arc::clone(self), key: key.clone() });
        };
        if let Some(next) = &mut entry.next {
            // All of these have one or none, as the key says.
            next.deadline = next.deadline.max(deadline);
            next.joined += 1;
            return Turn::Join(next.answer.clone());
        }
        let (answer, receiver) = watch::channel(None);
        entry.next = Some(Next { answer: receiver, deadline, joined: 0 });
        let ended = Arc::clone(&entry.ended);
        Turn::Lead(Lead { key: key.clone(), deadline, answer, ended, sharing: Arc::clone(self) })
    }

    fn is_under_way(&self, key: &ScrapeKey) -> bool {
        self.entries.lock().iter().any(|entry| entry.key == *key && entry.under_way > 0)
    }

    /// Changes what is known of a key, and forgets it if nothing is.
    fn change<T>(&self, key: &ScrapeKey, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut entries = self.entries.lock();
        let place = entries.iter().position(|entry| entry.key == *key)?;
        let changed = change(&mut entries[place]);
        if entries[place].under_way == 0 && entries[place].next.is_none() {
            entries.swap_remove(place);
        }
        Some(changed)
    }
}

/// The first of those who share a collection that has not begun.
pub(super) struct Lead {
    pub(super) answer: watch::Sender<Option<Arc<Response>>>,
    key: ScrapeKey,
    deadline: Option<Instant>,
    ended: Arc<Notify>,
    sharing: Arc<Sharing>,
}

/// A collection that others wait for, too.
pub(super) struct Begun {
    pub(super) under_way: UnderWay,
    /// The longest time that any of them gave.
    pub(super) deadline: Option<Instant>,
    /// How many joined the first one.
    pub(super) joined: u64,
}

impl Lead {
    /// Waits for the end of what is under way, but not for long; from then on nobody joins.
    /// None if nobody waits any more.
    pub(super) async fn begin(&mut self) -> Option<Begun> {
        let left = self.deadline.map(|it| it.saturating_duration_since(Instant::now()) / 4);
        let idle = async {
            while self.sharing.is_under_way(&self.key) {
                self.ended.notified().await;
            }
        };
        let _ = time::timeout(left.map_or(PATIENCE, |left| left.min(PATIENCE)), idle).await;
        let Next { deadline, joined, answer } = self.sharing.change(&self.key, |entry| {
            entry.under_way += 1;
            entry.next.take()
        })??;
        let under_way = UnderWay { sharing: Arc::clone(&self.sharing), key: self.key.clone() };
        drop(answer);
        (!self.answer.is_closed()).then_some(Begun { under_way, deadline, joined })
    }
}

impl Drop for Lead {
    /// If it did not begin, nobody is to wait for it.
    fn drop(&mut self) {
        let is_ours = |next: &Next| next.answer.same_channel(&self.answer.subscribe());
        self.sharing.change(&self.key, |entry| entry.next.take_if(|next| is_ours(next)));
    }
}

/// A collection, until it is dropped.
pub(super) struct UnderWay {
    sharing: Arc<Sharing>,
    key: ScrapeKey,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.sharing.change(&self.key, |entry| {
            entry.under_way -= 1;
            entry.ended.notify_one();
        });
    }
}
