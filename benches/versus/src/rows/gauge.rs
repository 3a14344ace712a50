//! Gauges, all threads on one gauge.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Key;

use super::limits;
use crate::harness::{Apart, Candidate, Done, Lost, Who};
use crate::inputs::{TURN, observations};
use crate::peers::recorder::{self, Recorder};
use crate::peers::{FAST_TELEMETRY, FASTMETRICS, MEASURED, METRICS, PROMETHEUS, PROMETHEUS_CLIENT};
use crate::run::{Heading, Run};

pub const SET: Heading = Heading { name: "gauge set", unit: "ns a set" };
pub const INC: Heading = Heading { name: "gauge inc", unit: "ns an inc" };

type ClientGauge = prometheus_client::metrics::gauge::Gauge<f64, AtomicU64>;

pub fn set(run: &mut Run) -> Result<(), Lost> {
    if !run.wants_among_threads(SET, "") {
        return Ok(());
    }
    let ours = narthex::Gauge::builder("g", "h").build().expect("a gauge");
    let tikv = prometheus::Gauge::new("g", "h").expect("a gauge");
    let client = ClientGauge::default();
    let exporter = recorder::new();
    let recorded = exporter.register_gauge(&Key::from_name("g"), &recorder::PLACE);
    let fast = fastmetrics::metrics::gauge::Gauge::<f64>::default();
    let measured = Apart(measured::FloatGauge::new());
    let sharded = Apart(fast_telemetry::GaugeF64::new());
    let shared = Apart(AtomicU64::new(0));
    let values = observations();
    let value = |at: usize| values[at % TURN];
    // All threads set the same in the end.
    let last = |done: Done| value(done.each - 1);
    let candidates = [
        Candidate::new(Who::Narthex, |at| black_box(&ours).set(value(at)))
            .shows(|done| ours.get() == last(done)),
        Candidate::new(PROMETHEUS, |at| black_box(&tikv).set(value(at)))
            .shows(|done| tikv.get() == last(done)),
        Candidate::new(PROMETHEUS_CLIENT, |at| {
            black_box(&client).set(value(at));
        })
        .shows(|done| client.get() == last(done)),
        Candidate::new(METRICS, |at| black_box(&recorded).set(value(at))),
        Candidate::new(FASTMETRICS, |at| black_box(&fast).set(value(at)))
            .shows(|done| fast.get() == last(done)),
        Candidate::new(MEASURED, |at| black_box(&measured.0).set(value(at)))
            .shows(|done| measured.0.get_metric().count.get() == last(done)),
        Candidate::new(FAST_TELEMETRY, |at| black_box(&sharded.0).set(value(at)))
            .shows(|done| sharded.0.get() == last(done)),
        Candidate::new(Who::Limit("relaxed store"), |at| {
            black_box(&shared.0).store(value(at).to_bits(), Ordering::Relaxed);
        }),
    ];
    run.among_threads(SET, "", &candidates)
}

pub fn inc(run: &mut Run) -> Result<(), Lost> {
    if !run.wants_among_threads(INC, "") {
        return Ok(());
    }
    let ours = narthex::Gauge::builder("g", "h").build().expect("a gauge");
    let tikv = prometheus::Gauge::new("g", "h").expect("a gauge");
    let client = ClientGauge::default();
    let exporter = recorder::new();
    let recorded = exporter.register_gauge(&Key::from_name("g"), &recorder::PLACE);
    let fast = fastmetrics::metrics::gauge::Gauge::<f64>::default();
    let measured = Apart(measured::FloatGauge::new());
    let shared = Apart(AtomicU64::new(0));
    let candidates = [
        Candidate::new(Who::Narthex, |_| black_box(&ours).inc())
            .shows(|done| ours.get() == done.all as f64),
        Candidate::new(PROMETHEUS, |_| black_box(&tikv).inc())
            .shows(|done| tikv.get() == done.all as f64),
        Candidate::new(PROMETHEUS_CLIENT, |_| {
            black_box(&client).inc();
        })
        .shows(|done| client.get() == done.all as f64),
        Candidate::new(METRICS, |_| black_box(&recorded).increment(1.0)),
        Candidate::new(FASTMETRICS, |_| black_box(&fast).inc())
            .shows(|done| fast.get() == done.all as f64),
        Candidate::new(MEASURED, |_| black_box(&measured.0).inc())
            .shows(|done| measured.0.get_metric().count.get() == done.all as f64),
        limits::plain_add_float(1.0),
        limits::exchange_float(&shared.0, 1.0),
    ];
    run.among_threads(INC, "", &candidates)
}
