//! An answer that is still to come: awaited by any executor, or by a thread.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};

/// An answer that is still to come. Dropped, it is no longer waited for, and nothing more is sent.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    told: oneshot::Receiver<Result<T>>,
}

impl<T> Answered<T> {
    pub(super) fn new(told: oneshot::Receiver<Result<T>>) -> Self {
        Self { told }
    }

    /// Waits on this thread, which may be one of an executor.
    pub(crate) fn wait(self) -> Result<T> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut answer = pin!(self);
        loop {
            match answer.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl<T> Future for Answered<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let gone = || Error::new(ErrorKind::Io, "the thread that sends ended early");
        Pin::new(&mut self.told).poll(context).map(|told| told.unwrap_or_else(|_| Err(gone())))
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
