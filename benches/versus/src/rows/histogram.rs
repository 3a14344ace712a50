//! Histograms and their timers, all threads on one histogram.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use measured::metric::histogram::Thresholds;
use metrics::Key;

use super::limits::add_float;
use crate::harness::{Apart, Candidate, Done, Lost, Who};
use crate::inputs::{BOUNDS_11, TURN, bounds_30, observations};
use crate::peers::recorder::{self, Recorder};
use crate::peers::sharded;
use crate::peers::{FAST_TELEMETRY, FASTMETRICS, MEASURED, METRICS, PROMETHEUS, PROMETHEUS_CLIENT};
use crate::run::{Heading, Run};

pub const OBSERVE: Heading = Heading { name: "histogram observe", unit: "ns an observation" };
pub const TIMER: Heading =
    Heading { name: "histogram timer", unit: "ns a start and an observation" };

pub fn observe(run: &mut Run) -> Result<(), Lost> {
    observe_among(run, "11 buckets", BOUNDS_11)?;
    observe_among(run, "30 buckets", bounds_30())?;
    observe_native(run)
}

/// Beside a histogram whose buckets are given.
fn observe_native(run: &mut Run) -> Result<(), Lost> {
    const NATIVE: &str = "native";

    if !run.wants_among_threads(OBSERVE, NATIVE) {
        return Ok(());
    }
    let builder = || narthex::Histogram::builder("h", "h");
    let native = builder().native(narthex::NativeOptions::new()).build().expect("ours");
    let given = builder().buckets(BOUNDS_11).build().expect("ours");
    let values = observations();
    let sums = Sums::new(&values);
    let candidates = [
        Candidate::new(Who::Narthex, |at| black_box(&native).observe(values[at % TURN])).shows(
            |done| {
                let seen = native.snapshot();
                (seen.count(), seen.sum()) == (done.all as f64, sums.after(done))
            },
        ),
        Candidate::new(Who::Limit("narthex, 11 buckets"), |at| {
            black_box(&given).observe(values[at % TURN]);
        }),
    ];
    run.among_threads(OBSERVE, NATIVE, &candidates)
}

fn observe_among<const N: usize>(
    run: &mut Run,
    prefix: &str,
    bounds: [f64; N],
) -> Result<(), Lost> {
    if !run.wants_among_threads(OBSERVE, prefix) {
        return Ok(());
    }
    let Histograms { ours, tikv, client, fast, measured, exporter } = Histograms::new(bounds);
    let recorded = exporter.register_histogram(&Key::from_name("h"), &recorder::PLACE);
    let values = observations();
    let value = |at: usize| values[at % TURN];
    let micros: Vec<u64> = values.iter().copied().map(sharded::micros).collect();
    let whole = bounds.map(sharded::micros);
    let sharded = Apart(fast_telemetry::Histogram::new(&whole, sharded::shards()));
    let sums = Sums::new(&values);
    let shared = Apart(SharedHistogram::new(bounds));
    let candidates = [
        Candidate::new(Who::Narthex, |at| black_box(&ours).observe(value(at))).shows(|done| {
            let seen = ours.snapshot();
            (seen.count(), seen.sum()) == (done.all as f64, sums.after(done))
        }),
        Candidate::new(PROMETHEUS, |at| black_box(&tikv).observe(value(at)))
            .shows(|done| tikv.get_sample_count() == done.all),
        Candidate::new(PROMETHEUS_CLIENT, |at| black_box(&client).observe(value(at))),
        // It keeps what was observed until somebody asks for it.
        Candidate::new(METRICS, |at| black_box(&recorded).record(value(at))).shows(|_| {
            exporter.handle().run_upkeep();
            true
        }),
        Candidate::new(FASTMETRICS, |at| black_box(&fast).observe(value(at)))
            .shows(|done| fast.with_snapshot(|seen| seen.count()) == done.all),
        Candidate::new(MEASURED, |at| black_box(&measured.0).observe(value(at))),
        Candidate::new(FAST_TELEMETRY, |at| black_box(&sharded.0).record(micros[at % TURN]))
            .shows(|done| sharded.0.count() == done.all),
        Candidate::looping(Who::Limit("search, plain"), |n| {
            let (mut buckets, mut sum) = (vec![0_u64; N + 1], 0.0);
            for at in 0..n {
                let value = value(at);
                let buckets = black_box(&mut buckets);
                buckets[bounds.partition_point(|bound| *bound < value)] += 1;
                *black_box(&mut sum) += value;
            }
        }),
        Candidate::new(Who::Limit("search, shared"), |at| black_box(&shared.0).observe(value(at))),
    ];
    run.among_threads(OBSERVE, prefix, &candidates)
}

pub fn timer(run: &mut Run) -> Result<(), Lost> {
    if !run.wants_among_threads(TIMER, "") {
        return Ok(());
    }
    let Histograms { ours, tikv, client, fast, measured, exporter } = Histograms::new(BOUNDS_11);
    let recorded = exporter.register_histogram(&Key::from_name("h"), &recorder::PLACE);
    let candidates = [
        Candidate::new(Who::Narthex, |_| {
            black_box(&ours).start_timer().stop();
        })
        .shows(|done| ours.snapshot().count() == done.all as f64),
        Candidate::new(PROMETHEUS, |_| black_box(&tikv).start_timer().observe_duration())
            .shows(|done| tikv.get_sample_count() == done.all),
        Candidate::new(PROMETHEUS_CLIENT, |_| {
            let begun = Instant::now();
            black_box(&client).observe(begun.elapsed().as_secs_f64());
        }),
        Candidate::new(METRICS, |_| {
            let begun = Instant::now();
            black_box(&recorded).record(begun.elapsed());
        })
        .shows(|_| {
            exporter.handle().run_upkeep();
            true
        }),
        Candidate::new(FASTMETRICS, |_| {
            let begun = Instant::now();
            black_box(&fast).observe(begun.elapsed().as_secs_f64());
        })
        .shows(|done| fast.with_snapshot(|seen| seen.count()) == done.all),
        Candidate::new(MEASURED, |_| drop(black_box(&measured.0).start_timer())),
        Candidate::new(Who::Limit("Instant::now twice"), |_| {
            black_box(black_box(Instant::now()).elapsed());
        }),
        Candidate::new(Who::Limit("Instant::now"), |_| {
            black_box(Instant::now());
        }),
    ];
    run.among_threads(TIMER, "", &candidates)
}

/// The same histogram of each.
struct Histograms<const N: usize> {
    ours: narthex::Histogram,
    tikv: prometheus::Histogram,
    client: prometheus_client::metrics::histogram::Histogram,
    fast: fastmetrics::metrics::histogram::Histogram,
    measured: Apart<measured::Histogram<N>>,
    exporter: metrics_exporter_prometheus::PrometheusRecorder,
}

impl<const N: usize> Histograms<N> {
    fn new(bounds: [f64; N]) -> Self {
        let options = prometheus::HistogramOpts::new("h", "h").buckets(bounds.to_vec());
        Self {
            ours: narthex::Histogram::builder("h", "h").buckets(bounds).build().expect("ours"),
            tikv: prometheus::Histogram::with_opts(options).expect("a histogram"),
            client: prometheus_client::metrics::histogram::Histogram::new(bounds),
            fast: fastmetrics::metrics::histogram::Histogram::new(bounds),
            measured: Apart(measured::Histogram::with_metadata(Thresholds::with_buckets(bounds))),
            exporter: recorder::with_buckets(&bounds),
        }
    }
}

/// What the sum must be after each sample.
struct Sums {
    /// Of the first so many observations.
    first: Vec<f64>,
    all: Cell<f64>,
}

impl Sums {
    fn new(values: &[f64]) -> Self {
        let mut sum = 0.0;
        let mut first = vec![0.0];
        first.extend(values.iter().map(|value| {
            sum += value;
            sum
        }));
        Self { first, all: Cell::new(0.0) }
    }

    fn after(&self, done: Done) -> f64 {
        let turns = (done.each / TURN) as f64 * self.first[TURN];
        let added = done.threads as f64 * (turns + self.first[done.each % TURN]);
        self.all.set(self.all.get() + added);
        self.all.get()
    }
}

/// The simplest histogram that threads can share.
struct SharedHistogram<const N: usize> {
    bounds: [f64; N],
    buckets: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl<const N: usize> SharedHistogram<N> {
    fn new(bounds: [f64; N]) -> Self {
        let buckets = (0..=N).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, sum: AtomicU64::new(0) }
    }

    fn observe(&self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[at].fetch_add(1, Ordering::Relaxed);
        add_float(&self.sum, value);
    }
}
