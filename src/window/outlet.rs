//! A sink of a manager, and how it fares.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::collector::contain_panic;
use crate::error::{Error, Result};
use crate::sink::{Sink, SinkFuture};

/// A sink, and how often it took what it was given.
pub(super) struct Outlet {
    pub(super) sink: Box<dyn Sink>,
    /// Its name, and a number behind it if another one is called the same.
    pub(super) name: String,
    pub(super) exports: AtomicU64,
    pub(super) failures: AtomicU64,
    /// By how many it is entered; held while it is given something.
    pub(super) entered: Mutex<usize>,
    is_failing: AtomicBool,
}

impl Outlet {
    pub(super) fn of_all(sinks: Vec<Box<dyn Sink>>) -> Vec<Self> {
        let mut taken = HashSet::new();
        let mut outlet = |sink: Box<dyn Sink>| {
            let said = sink.name().to_owned();
            let numbered = (2..).map(|number| format!("{said} {number}"));
            let mut names = std::iter::once(said.clone()).chain(numbered);
            let name = names.find(|name| taken.insert(name.clone())).unwrap_or(said.clone());
            let (exports, failures) = (AtomicU64::new(0), AtomicU64::new(0));
            let (entered, is_failing) = (Mutex::new(0), AtomicBool::new(false));
            Self { sink, name, exports, failures, entered, is_failing }
        };
        sinks.into_iter().map(&mut outlet).collect()
    }

    /// Awaits what the sink does; a panic of it is an error, which has its name as any other.
    pub(super) async fn contain<'a>(&'a self, does: impl FnOnce() -> SinkFuture<'a>) -> Result {
        let of = |error: Error| error.of(format_args!("the sink {}", self.name));
        let mut doing = contain_panic(&self.name, || Ok(does())).map_err(of)?;
        let done = poll_fn(|context| {
            let poll = contain_panic(&self.name, || Ok(doing.as_mut().poll(context)));
            poll.unwrap_or_else(|panicked| Err(panicked).into())
        });
        done.await.map_err(of)
    }

    /// Whether its last export failed.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Counts how an export ended, and logs the first failure of several in a row.
    pub(super) fn note(&self, done: &Result) {
        let was_failing = self.is_failing.swap(done.is_err(), Ordering::Relaxed);
        match done {
            Ok(()) => self.exports.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                if !was_failing {
                    log::warn!(target: "narthex", "{error:?}");
                }
                self.failures.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}
