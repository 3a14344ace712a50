//! The parent: starts workers, replaces those that die, serves what all counted.

use std::error::Error;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, io, process};

use narthex::http::MetricsServer;
use narthex::multiprocess::{MultiProcessCollector, clear, mark_process_dead};
use narthex::{CollectorRegistry, Counter, FailurePolicy};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::options::Options;
use crate::worker;

// A worker that lived shorter is replaced after a pause of that length.
const SHORT_LIFE: Duration = Duration::from_secs(1);
// Workers that have not ended by then are killed.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let directory = Directory::prepare(options.dir)
        .map_err(|error| format!("cannot prepare the shared directory: {error}"))?;
    let listener = TcpListener::bind(&options.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;

    let registry = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
    registry.register(Arc::new(MultiProcessCollector::new(&directory.path)?))?;
    let replaced = Counter::builder("worker_pool_replaced", "Workers that died and were replaced.")
        .register(&registry)?;
    let metrics = MetricsServer::builder(&registry).start(&*options.metrics)?;

    println!("workers answer on http://{}/", listener.local_addr()?);
    println!("metrics are served on http://{}/metrics", metrics.local_addr());
    println!("numbers live in {}", directory.path.display());

    let (stop, stopping) = watch::channel(false);
    let mut slots = JoinSet::new();
    for _ in 0..options.workers {
        let slot = Slot {
            listener: listener.try_clone()?,
            dir: directory.path.clone(),
            replaced: replaced.clone(),
            stopping: stopping.clone(),
        };
        slots.spawn(slot.keep_filled());
    }

    tokio::select! {
        _ = interrupt.recv() => println!("interrupted: ending"),
        _ = terminate.recv() => println!("terminated: ending"),
        Some(ended) = slots.join_next() => ended??,
    }
    stop.send_replace(true);
    while let Some(ended) = slots.join_next().await {
        ended??;
    }
    metrics.stop();
    println!("ended");
    Ok(())
}

/// A place in the pool, which always holds one worker.
struct Slot {
    listener: TcpListener,
    dir: PathBuf,
    replaced: Counter,
    stopping: watch::Receiver<bool>,
}

impl Slot {
    async fn keep_filled(mut self) -> io::Result<()> {
        loop {
            let begun = Instant::now();
            let mut child = self.start_worker()?;
            let pid = child.id().unwrap_or_default();
            println!("worker {pid} started");
            let status = tokio::select! {
                status = child.wait() => status?,
                () = told_to_stop(&mut self.stopping) => {
                    end(child).await?;
                    self.forget(pid);
                    return Ok(());
                }
            };
            self.forget(pid);
            self.replaced.inc();
            println!("worker {pid} died ({status}): replacing it");
            if begun.elapsed() < SHORT_LIFE {
                tokio::time::sleep(SHORT_LIFE).await;
            }
        }
    }

    /// Numbers of the living, like requests in progress, end with the worker.
    /// We would know without this; Python's client, if it reads the files, would not.
    fn forget(&self, pid: u32) {
        if let Err(error) = mark_process_dead(&self.dir, pid) {
            eprintln!("worker {pid} left files that cannot be removed: {error}");
        }
    }

    fn start_worker(&self) -> io::Result<Child> {
        // The listening socket becomes the worker's standard input: the one
        // descriptor that a child inherits without further ado.
        let listener = OwnedFd::from(self.listener.try_clone()?);
        Command::new(env::current_exe()?)
            .env(worker::DIRECTORY, &self.dir)
            .stdin(Stdio::from(listener))
            // Ctrl-C in a terminal is for the parent, which ends its workers.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone will not want workers either.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Lets a worker answer what it has begun, and waits for its end.
async fn end(mut child: Child) -> io::Result<()> {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
    if let Some(pid) = pid {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

/// Where the workers count; one of ours is removed at the end.
struct Directory {
    path: PathBuf,
    is_ours: bool,
}

impl Directory {
    fn prepare(given: Option<PathBuf>) -> Result<Self, Box<dyn Error>> {
        let is_ours = given.is_none();
        // Memory is the best place: numbers need not outlive the machine.
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { env::temp_dir() };
        let path = given.unwrap_or_else(|| base.join(format!("worker-pool-{}", process::id())));
        fs::create_dir_all(&path)?;
        clear(&path)?;
        Ok(Self { path, is_ours })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.is_ours {
            if let Err(error) = fs::remove_dir_all(&self.path) {
                eprintln!("{} cannot be removed: {error}", self.path.display());
            }
        }
    }
}
