//! Counters: whole and fractional amounts, all threads on one counter.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Key;

use super::limits;
use crate::harness::{Apart, Candidate, Done, Lost, Who};
use crate::inputs::FRACTION;
use crate::peers::recorder::{self, Recorder};
use crate::peers::sharded;
use crate::peers::{FAST_TELEMETRY, FASTMETRICS, MEASURED, METRICS, PROMETHEUS, PROMETHEUS_CLIENT};
use crate::run::{Heading, Run};

pub const WHOLE: Heading = Heading { name: "counter inc", unit: "ns an inc" };
pub const FRACTIONS: Heading = Heading { name: "counter add of a fraction", unit: "ns an add" };

pub fn whole(run: &mut Run) -> Result<(), Lost> {
    if !run.wants_among_threads(WHOLE, "") {
        return Ok(());
    }
    let ours = narthex::Counter::builder("c", "h").build().expect("a counter");
    let tikv = prometheus::IntCounter::new("c", "h").expect("a counter");
    let client = prometheus_client::metrics::counter::Counter::<u64>::default();
    let exporter = recorder::new();
    let recorded = exporter.register_counter(&Key::from_name("c"), &recorder::PLACE);
    let fast = fastmetrics::metrics::counter::Counter::<u64>::default();
    let measured = Apart(measured::Counter::new());
    let sharded = Apart(fast_telemetry::Counter::new(sharded::shards()));
    let shared = Apart(AtomicU64::new(0));
    let candidates = [
        Candidate::new(Who::Narthex, |_| black_box(&ours).inc())
            .shows(|done| ours.get() == done.all as f64),
        Candidate::new(PROMETHEUS, |_| black_box(&tikv).inc()).shows(|done| tikv.get() == done.all),
        Candidate::new(PROMETHEUS_CLIENT, |_| {
            black_box(&client).inc();
        })
        .shows(|done| client.get() == done.all),
        Candidate::new(METRICS, |_| black_box(&recorded).increment(1)),
        Candidate::new(FASTMETRICS, |_| black_box(&fast).inc())
            .shows(|done| fast.total() == done.all),
        Candidate::new(MEASURED, |_| black_box(&measured.0).inc())
            .shows(|done| measured.0.get_metric().count.load(Ordering::Relaxed) == done.all),
        Candidate::new(FAST_TELEMETRY, |_| black_box(&sharded.0).inc())
            .shows(|done| sharded.0.sum() as u64 == done.all),
        limits::plain_add(),
        limits::thread_local_add(),
        limits::fetch_add(&shared.0),
    ];
    run.among_threads(WHOLE, "", &candidates)
}

pub fn fractions(run: &mut Run) -> Result<(), Lost> {
    if !run.wants_among_threads(FRACTIONS, "") {
        return Ok(());
    }
    let ours = narthex::Counter::builder("c", "h").build().expect("a counter");
    let tikv = prometheus::Counter::new("c", "h").expect("a counter");
    let client = prometheus_client::metrics::counter::Counter::<f64>::default();
    let fast = fastmetrics::metrics::counter::Counter::<f64>::default();
    let shared = Apart(AtomicU64::new(0));
    let exact = |done: Done| done.all as f64 * FRACTION;
    let candidates = [
        Candidate::new(Who::Narthex, |_| black_box(&ours).inc_by(black_box(FRACTION)))
            .shows(|done| ours.get() == exact(done)),
        Candidate::new(PROMETHEUS, |_| black_box(&tikv).inc_by(black_box(FRACTION)))
            .shows(|done| tikv.get() == exact(done)),
        Candidate::new(PROMETHEUS_CLIENT, |_| {
            black_box(&client).inc_by(black_box(FRACTION));
        })
        .shows(|done| client.get() == exact(done)),
        Candidate::new(FASTMETRICS, |_| black_box(&fast).inc_by(black_box(FRACTION)))
            .shows(|done| fast.total() == exact(done)),
        limits::plain_add_float(FRACTION),
        limits::exchange_float(&shared.0, FRACTION),
    ];
    run.among_threads(FRACTIONS, "", &candidates)
}
