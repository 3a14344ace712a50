//! How work at an interval learns that there will be a last time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time;

use crate::error::{Error, ErrorKind};

/// How often work that is under way looks whether it is to be given up.
const LOOK: Duration = Duration::from_millis(20);

/// Says by its drop that there will be a last time. A forked child may say so as well: nobody there
/// listens.
#[derive(Debug, Default)]
pub(crate) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Who listens.
    pub(crate) fn listen(&self) -> Ended {
        Ended(self.0.clone())
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Listens for an [`Ending`].
#[derive(Clone, Debug)]
pub(crate) struct Ended(Arc<AtomicBool>);

impl Ended {
    /// Completes when there will be a last time; what is given up for that.
    pub(crate) async fn said(self) -> Error {
        while !self.0.load(Ordering::Relaxed) {
            time::sleep(LOOK).await;
        }
        Error::new(ErrorKind::TimedOut, "given up for the last time")
    }
}
