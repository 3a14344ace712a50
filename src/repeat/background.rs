//! A thread that goes on until it is told to end.

use std::thread::{self, JoinHandle};
use std::{mem, process};

use crate::error::{Error, Result};

/// A thread that ends when it sees that what it is told by is dropped; it is waited for.
///
/// A forked child has no such thread: there, nothing is waited for.
#[derive(Debug)]
pub(crate) struct Background<E> {
    running: Option<(E, JoinHandle<Result>)>,
    process: u32,
}

impl<E> Background<E> {
    /// # Errors
    /// That there can be no thread.
    pub(crate) fn start(
        name: &str,
        end: E,
        work: impl FnOnce() -> Result + Send + 'static,
    ) -> Result<Self> {
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|error| Error::io(format!("there can be no thread {name}"), error))?;
        Ok(Self { running: Some((end, thread)), process: process::id() })
    }

    /// What it is told by, as long as it was not told to end.
    #[cfg(feature = "sinks")]
    pub(crate) fn told_by(&self) -> Option<&E> {
        self.running.as_ref().map(|(end, _)| end)
    }

    /// Tells it to end, and says what came of its work.
    pub(crate) fn stop(mut self) -> Result {
        self.end()
    }

    fn end(&mut self) -> Result {
        let Some((end, thread)) = self.running.take() else { return Ok(()) };
        if process::id() != self.process {
            // There is no thread here, but what it may have locked.
            mem::forget((end, thread));
            return Ok(());
        }
        drop(end);
        // Panics of foreign code are contained where it runs.
        thread.join().unwrap_or(Ok(()))
    }
}

impl<E> Drop for Background<E> {
    fn drop(&mut self) {
        // Whoever does the work logs what comes of it.
        let _ = self.end();
    }
}
