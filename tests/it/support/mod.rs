//! What tests of metrics have in common: ways to look at what is exposed.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{SystemTime, UNIX_EPOCH};

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, Exemplar, Sample};
use narthex::{Collector, for_each_family};

/// The lines of samples in the text format.
pub(crate) fn lines(collector: &dyn Collector) -> Vec<String> {
    let text = exposition::text::encode(collector).expect("a scrape");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Everything in OpenMetrics, without start times, which differ from run to run.
pub(crate) fn openmetrics(collector: &dyn Collector) -> String {
    let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::Underscores);
    exposition::encode(collector, encoding.with_created(false)).expect("a scrape")
}

/// Calls `each` with every sample.
pub(crate) fn for_each_sample(collector: &dyn Collector, each: &mut dyn FnMut(&Sample<'_>)) {
    for_each_family(collector, &mut |family| {
        family.for_each_sample(each);
        Ok(())
    })
    .expect("a scrape");
}

/// The exemplars with the names of their samples.
pub(crate) fn exemplars(collector: &dyn Collector) -> Vec<(String, Exemplar)> {
    let mut found = Vec::new();
    for_each_sample(collector, &mut |sample| {
        if let Some(exemplar) = sample.exemplar() {
            let le = sample.labels().get("le");
            let name = le.map_or(sample.name(), |le| format!("{}[{le}]", sample.name()));
            found.push((name, exemplar.to_owned()));
        }
    });
    found
}

/// The labels of an exemplar, as `name=value`.
pub(crate) fn traces(exemplar: &Exemplar) -> Vec<String> {
    exemplar.as_ref().labels().map(|(name, value)| format!("{name}={value}")).collect()
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64()
}

/// Runs `f`, which panics, without the noise; gives what it said.
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    let Err(panic) = result else { panic!("no panic came") };
    panic.downcast_ref::<&str>().map_or_else(|| "?".to_owned(), |said| (*said).to_owned())
}

/// Polls a future once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    struct Idle;
    impl Wake for Idle {
        fn wake(self: Arc<Self>) {}
    }
    let waker = Waker::from(Arc::new(Idle));
    pin!(future).poll(&mut Context::from_waker(&waker))
}

/// Waits for a future on this thread, without any runtime.
#[cfg(any(feature = "push", feature = "textfile"))]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
