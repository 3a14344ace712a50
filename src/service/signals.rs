//! Signals that end a program, as they end a loop.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;

use crate::error::{Error, Result};
use crate::service::stop::StopHandle;

/// Listens, until it is dropped, for the signals that ask a program to end.
pub(super) struct Signals {
    enough: StopHandle,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Lets them stop what a handle stops. The first is heard if it comes after this.
    pub(super) fn stop(stop: &StopHandle) -> Result<Self> {
        let failed = |error| Error::io("signals cannot be listened for", error);
        // A runtime of its own, since there may be none, and not where a cycle may block it.
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, enough) = (stop.clone(), StopHandle::default());
        let heard = {
            let _entered = runtime.enter();
            signals().map_err(failed)?
        };
        let end = enough.clone();
        let listen = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = heard => stop.stop(),
                    () = end.told() => {}
                }
            });
        };
        let thread = thread::Builder::new()
            .name("metrics-signals".to_owned())
            .spawn(listen)
            .map_err(failed)?;
        Ok(Self { enough, thread: Some(thread) })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.enough.stop();
        if let Some(thread) = self.thread.take() {
            // It has nothing that could panic.
            let _ = thread.join();
        }
    }
}

#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = ()> + Send> {
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

#[cfg(not(unix))]
fn signals() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        // Where it cannot be listened for, nobody is heard.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
