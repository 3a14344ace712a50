//! How a loop is told to end, and waits for that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

/// Tells a [`Runner`](crate::service::Runner) to end, from any thread or task, when the cycle that is
/// under way is done; clones are of the same runner.
#[derive(Clone, Debug, Default)]
pub struct StopHandle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: Mutex<bool>,
    told: Condvar,
    tell: Notify,
}

impl StopHandle {
    /// Tells it.
    pub fn stop(&self) {
        *self.shared.stopped.lock() = true;
        self.shared.told.notify_all();
        self.shared.tell.notify_waiters();
    }

    /// Whether it was told: a long cycle may look now and then.
    pub fn is_stopped(&self) -> bool {
        *self.shared.stopped.lock()
    }

    /// Waits so long, or until it is told; says whether it was.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let mut stopped = self.shared.stopped.lock();
        match Instant::now().checked_add(pause) {
            Some(end) => {
                let told = &self.shared.told;
                told.wait_while_until(&mut stopped, |stopped| !*stopped, end);
            }
            None => self.shared.told.wait_while(&mut stopped, |stopped| !*stopped),
        }
        *stopped
    }

    /// Completes when it is told.
    pub(super) async fn told(&self) {
        let told = self.shared.tell.notified();
        let mut told = std::pin::pin!(told);
        // From here on it is heard; before, it is seen.
        told.as_mut().enable();
        if !self.is_stopped() {
            told.await;
        }
    }
}
