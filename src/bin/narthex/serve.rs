//! `narthex serve`: a sidecar that serves what the files of a directory come to.

use std::collections::HashSet;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use narthex::http::MetricsServer;
use narthex::multiprocess::MultiProcessCollector;
use narthex::{Collector, CollectorRegistry, Scrape};

use crate::options::ServeOptions;
use crate::output::{self, Failure, Outcome};

pub(crate) fn run(options: &ServeOptions) -> Result<Outcome, Failure> {
    let merged = MultiProcessCollector::new(&options.dir)?;
    let dir = merged.dir().display().to_string();
    // What the files hold is known only when they are read, for `name[]` as well.
    let registry = CollectorRegistry::builder().collectors_without_names(true).build();
    registry.register(Arc::new(Complaining { merged, told: Mutex::default() }))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let inside = runtime.enter();
    // Before the address is told: whoever has read it may end the program.
    let ended = ended()?;
    drop(inside);

    let server = MetricsServer::builder(&registry).path(&options.path).start(&*options.listen)?;
    output::print(&format!("serving {dir} on http://{}{}\n", server.local_addr(), options.path))?;
    runtime.block_on(ended);
    server.stop();
    Ok(Outcome::Sound)
}

/// Merges, and tells of each damage once.
struct Complaining {
    merged: MultiProcessCollector,
    told: Mutex<HashSet<String>>,
}

impl Collector for Complaining {
    fn collect(&self, scrape: &mut Scrape<'_>) -> narthex::Result {
        self.merged.collect(scrape)?;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let damaged = self.merged.damaged_files();
        let lines: HashSet<_> = damaged
            .iter()
            .map(|file| output::damage(file.path(), file.reason(), file.offset()))
            .collect();
        lines.difference(&told).for_each(|line| output::complain(line));
        // What is gone may come back, and is forgotten, lest this grows for ever.
        *told = lines;
        Ok(())
    }
}

/// Completes on Ctrl-C and on SIGTERM, which count from now on.
#[cfg(unix)]
fn ended() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn ended() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
