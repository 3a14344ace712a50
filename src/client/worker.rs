//! The thread that sends: it has a runtime of its own, so that whoever sends needs none.

use std::future::Future;
use std::pin::Pin;
use std::{process, thread};

use tokio::runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::{Error, Result};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A thread that drives jobs, until this is dropped and they are done.
#[derive(Debug)]
pub(super) struct Worker {
    pid: u32,
    jobs: mpsc::UnboundedSender<Job>,
}

impl Worker {
    pub(super) fn start() -> Result<Self> {
        let (jobs, given) = mpsc::unbounded_channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("no runtime for the client can be made", error))?;
        thread::Builder::new()
            .name("metrics-client".to_owned())
            .spawn(move || {
                runtime.block_on(drive(given));
                // The look-up of a name may take longer than anybody waits.
                runtime.shutdown_background();
            })
            .map_err(|error| Error::io("no thread for the client can be started", error))?;
        Ok(Self { pid: process::id(), jobs })
    }

    /// Whether it is of this process: a forked child has its memory, but not its thread.
    pub(super) fn is_ours(&self) -> bool {
        self.pid == process::id()
    }

    /// Whoever waits for a job that is not taken is told by its drop.
    pub(super) fn give(&self, job: impl Future<Output = ()> + Send + 'static) {
        drop(self.jobs.send(Box::pin(job)));
    }
}

async fn drive(mut given: mpsc::UnboundedReceiver<Job>) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            job = given.recv() => match job {
                Some(job) => drop(running.spawn(job)),
                None => break,
            },
            Some(_) = running.join_next() => (),
        }
    }
    while running.join_next().await.is_some() {}
}
