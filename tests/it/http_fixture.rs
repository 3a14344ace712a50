//! What the HTTP tests serve: a counter, a gauge, and collectors that misbehave.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use narthex::model::{GaugeMetricFamily, NO_LABELS};
use narthex::{Collector, CollectorRegistry, Counter, Error, Gauge, collector_fn};

pub(crate) const COUNTER: &str = "# HELP c_total C\n# TYPE c_total counter\nc_total{p=\"x\"} 1.0\n";
pub(crate) const GAUGE: &str = "# HELP g G\n# TYPE g gauge\ng 2.0\n";

pub(crate) fn both() -> String {
    [COUNTER, GAUGE].concat()
}

/// An address that no other test uses, so that its port can be bound again:
/// the clients of other tests have ports on 127.0.0.1.
pub(crate) fn address_of_its_own(test: u8) -> String {
    let host = if cfg!(target_os = "linux") { [127, 0, 83, test] } else { [127, 0, 0, 1] };
    format!("{}:0", std::net::Ipv4Addr::from(host))
}

/// A registry that shows [`COUNTER`] and [`GAUGE`].
pub(crate) fn registry() -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    Counter::builder("c", "C").labels(["p"]).register(&registry).unwrap().labels(["x"]).inc();
    Gauge::builder("g", "G").register(&registry).unwrap().set(2.0);
    registry
}

pub(crate) fn registry_of(
    collectors: impl IntoIterator<Item = Arc<dyn Collector>>,
) -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    for collector in collectors {
        registry.register(collector).unwrap();
    }
    registry
}

pub(crate) fn gauge(name: &'static str, help: &'static str, value: f64) -> Arc<dyn Collector> {
    Arc::new(collector_fn(move |scrape| {
        let mut family = GaugeMetricFamily::new(name, help)?;
        family.add_metric(NO_LABELS, value)?;
        scrape.family(&family)
    }))
}

pub(crate) fn failing() -> Arc<dyn Collector> {
    Arc::new(collector_fn(|_| {
        let cause = "x".parse::<f64>().unwrap_err();
        Err(Error::collector("the sensor sent no number").with_source(cause))
    }))
}

/// A collector that says when it is asked, and then waits for leave to go on.
pub(crate) fn waiting() -> (Arc<dyn Collector>, Receiver<()>, Sender<()>) {
    let (tell_asked, asked) = mpsc::channel();
    let (leave, wait) = mpsc::channel();
    let (tell_asked, wait) = (Mutex::new(tell_asked), Mutex::new(wait));
    let collector = collector_fn(move |scrape| {
        tell_asked.lock().unwrap().send(()).ok();
        // An error is leave too: the test is over.
        wait.lock().unwrap().recv().ok();
        let mut family = GaugeMetricFamily::new("slow", "Slow.")?;
        family.add_metric(NO_LABELS, 1.0)?;
        scrape.family(&family)
    });
    (Arc::new(collector), asked, leave)
}
