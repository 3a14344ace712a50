//! One metric of every type, served until the program is stopped.
//!
//! `cargo run --example every_type -- 127.0.0.1:8000`

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use narthex::model::{GaugeHistogramMetricFamily, NO_LABELS, UnknownMetricFamily};
use narthex::{
    CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, NativeOptions, Result, Summary,
    collector_fn, start_http_server,
};

fn main() -> Result {
    let registry = CollectorRegistry::new();
    let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).register(&registry)?;
    // In formats without quoted names it is `queue_depth`.
    let depth = Gauge::builder("queue.depth", "Jobs waiting.").register(&registry)?;
    let size = Summary::builder("job_size", "Of jobs.")
        .unit("bytes")
        .objectives([(0.5, 0.01), (0.99, 0.01)])
        .register(&registry)?;
    let wait = Histogram::builder("wait", "Before a job.")
        .unit("seconds")
        .buckets([0.1, 0.5, 1.0])
        .register(&registry)?;
    let work = Histogram::builder("work", "For a job.")
        .unit("seconds")
        .native(NativeOptions::new())
        .register(&registry)?;
    let both = Histogram::builder("rest", "Behind a job.")
        .unit("seconds")
        .buckets([0.1, 0.5, 1.0])
        .native(NativeOptions::new().schema(5))
        .register(&registry)?;
    let build = Info::builder("program", "What runs.").register(&registry)?;
    let state =
        Enum::builder("state", "What it does.").states(["idle", "working"]).register(&registry)?;
    registry.register(Arc::new(collector_fn(|scrape| {
        let mut age = GaugeHistogramMetricFamily::new("age_seconds", "Of waiting jobs.")?;
        age.add_metric(NO_LABELS, [(1.0, 4.0), (f64::INFINITY, 5.0)], 7.5)?;
        scrape.family(&age)?;
        let mut legacy = UnknownMetricFamily::new("legacy", "Nobody knows.")?;
        legacy.add_metric(NO_LABELS, 4.0)?;
        scrape.family(&legacy)
    })))?;

    build.info([("version", "1.2.3")])?;
    state.state("working")?;
    // A hundred jobs of a hundredth of a second to a second: half of them take half of one.
    for n in 1..=100 {
        let seconds = f64::from(n) / 100.0;
        let trace = [("trace_id", format!("{n:032x}"))];
        let trace = trace.each_ref().map(|(name, id)| (*name, id.as_str()));
        jobs.labels(["mail"]).inc_with_exemplar(&trace);
        depth.set(100 - n);
        size.observe(n * 10);
        for histogram in [&wait, &work, &both] {
            histogram.observe_with_exemplar(seconds, &trace);
        }
    }

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let server = start_http_server(&*address, &registry)?;
    println!("http://{}/metrics", server.local_addr());
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
