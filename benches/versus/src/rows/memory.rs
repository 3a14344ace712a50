//! What a child keeps of the heap, touched by one thread and by many.

use std::hint::black_box;

use measured::metric::histogram::Thresholds;
use prometheus_client::metrics::family::Family;

use crate::harness::{Seen, Who, spread_until_all};
use crate::heap;
use crate::inputs::{BOUNDS_11, LABELS, label_values};
use crate::peers::recorder::{self, Recorder};
use crate::peers::sharded;
use crate::peers::{
    ClientLabels, FAST_TELEMETRY, FASTMETRICS, FastLabels, MEASURED, METRICS, MeasuredLabels,
    MeasuredSet, PROMETHEUS, PROMETHEUS_CLIENT,
};
use crate::run::{Heading, Run, threads_row};

pub const COUNTER: Heading =
    Heading { name: "memory of a counter with 3 labels", unit: "bytes a child" };
pub const HISTOGRAM: Heading =
    Heading { name: "memory of a histogram of 11 buckets with 3 labels", unit: "bytes a child" };

const COUNTERS: usize = 100_000;
const HISTOGRAMS: usize = 10_000;
const MANY: usize = 16;

/// To be measured before other rows: memory that they gave back to the library
/// would look as if children cost nothing.
pub fn counter(run: &mut Run) {
    of_children(run, COUNTER, COUNTERS, 1, counters);
}

pub fn histogram(run: &mut Run) {
    of_children(run, HISTOGRAM, HISTOGRAMS, BOUNDS_11.len() + 2, histograms);
}

/// An empty family, and what writes to a child of it, by number.
struct Empty {
    who: Who,
    touch: Box<dyn Fn(usize) + Sync>,
}

impl Empty {
    fn new(who: Who, touch: impl Fn(usize) + Sync + 'static) -> Self {
        Self { who, touch: Box::new(touch) }
    }
}

fn of_children(
    run: &mut Run,
    heading: Heading,
    children: usize,
    numbers: usize,
    empty: fn(&'static [[String; 3]]) -> Vec<Empty>,
) {
    let children = run.size(children);
    for threads in [1, MANY] {
        let row = threads_row("", threads);
        if !run.wants(heading, &row) {
            continue;
        }
        // What a thread costs once, however many children there are, is no cost of theirs.
        let warm = narthex::Counter::builder("warm", "h").build().expect("a counter");
        spread_until_all(threads, || black_box(&warm).inc());
        std::mem::forget(warm);

        let values: &'static [_] = label_values(children).leak();
        let of_labels: usize = values.iter().flatten().map(String::len).sum();
        let mut seen = Vec::new();
        for family in empty(values) {
            let touch = || (0..children).for_each(|n| (family.touch)(n));
            let ((), taken) = heap::taken_by(|| spread_until_all(threads, touch));
            seen.push(Seen { who: family.who, value: taken.bytes as f64 });
            std::mem::forget(family);
        }
        let least = (of_labels + children * numbers * size_of::<u64>()) as f64;
        seen.push(Seen { who: Who::Limit("label values and numbers"), value: least });
        run.add(heading, row, seen.into_iter().map(|seen| seen.per(children)).collect());
    }
}

fn counters(values: &'static [[String; 3]]) -> Vec<Empty> {
    type ClientCounter = prometheus_client::metrics::counter::Counter<u64>;
    type FastFamily = fastmetrics::metrics::family::Family<
        FastLabels,
        fastmetrics::metrics::counter::Counter<u64>,
    >;

    let ours = narthex::Counter::builder("c", "h").labels(LABELS).build().expect("a counter");
    let options = prometheus::Opts::new("c", "h");
    let tikv = prometheus::IntCounterVec::new(options, &LABELS).expect("a counter");
    let client = Family::<ClientLabels, ClientCounter>::default();
    let exporter = recorder::new();
    let fast = FastFamily::default();
    let interned = measured::CounterVec::with_label_set(MeasuredSet::default());
    let sharded = sharded::counters();
    vec![
        Empty::new(Who::Narthex, move |n| ours.labels(strs(&values[n])).inc()),
        Empty::new(PROMETHEUS, move |n| tikv.with_label_values(&strs(&values[n])).inc()),
        Empty::new(PROMETHEUS_CLIENT, move |n| {
            client.get_or_create(&ClientLabels::new(&values[n])).inc();
        }),
        Empty::new(METRICS, move |n| {
            let key = recorder::key("c", &values[n]);
            exporter.register_counter(&key, &recorder::PLACE).increment(1);
        }),
        Empty::new(FASTMETRICS, move |n| {
            fast.with_or_new(&FastLabels::new(&values[n]), |counter| counter.inc());
        }),
        Empty::new(MEASURED, move |n| interned.inc(MeasuredLabels::new(&values[n]))),
        Empty::new(FAST_TELEMETRY, move |n| sharded.inc(&sharded::labels(&values[n]))),
    ]
}

fn histograms(values: &'static [[String; 3]]) -> Vec<Empty> {
    use fastmetrics::metrics::{family::Family as FastFamily, histogram::Histogram as Fast};
    use prometheus_client::metrics::histogram::Histogram as Client;

    let builder = narthex::Histogram::builder("h", "h").buckets(BOUNDS_11);
    let ours = builder.labels(LABELS).build().expect("a histogram");
    let options = prometheus::HistogramOpts::new("h", "h").buckets(BOUNDS_11.into());
    let tikv = prometheus::HistogramVec::new(options, &LABELS).expect("a histogram");
    let make = || Client::new(BOUNDS_11);
    let client = Family::<ClientLabels, Client>::new_with_constructor(make);
    let exporter = recorder::with_buckets(&BOUNDS_11);
    let fast = FastFamily::<FastLabels, Fast>::new(|| Fast::new(BOUNDS_11));
    let interned = measured::HistogramVec::with_label_set_and_metadata(
        MeasuredSet::default(),
        Thresholds::with_buckets(BOUNDS_11),
    );
    let sharded = sharded::histograms(&BOUNDS_11);
    vec![
        Empty::new(Who::Narthex, move |n| ours.labels(strs(&values[n])).observe(0.3)),
        Empty::new(PROMETHEUS, move |n| tikv.with_label_values(&strs(&values[n])).observe(0.3)),
        Empty::new(PROMETHEUS_CLIENT, move |n| {
            client.get_or_create(&ClientLabels::new(&values[n])).observe(0.3);
        }),
        Empty::new(METRICS, move |n| {
            let key = recorder::key("h", &values[n]);
            exporter.register_histogram(&key, &recorder::PLACE).record(0.3);
            // What was observed is put into the buckets now and then.
            if n + 1 == values.len() {
                exporter.handle().run_upkeep();
            }
        }),
        Empty::new(FASTMETRICS, move |n| {
            fast.with_or_new(&FastLabels::new(&values[n]), |histogram| histogram.observe(0.3));
        }),
        Empty::new(MEASURED, move |n| interned.observe(MeasuredLabels::new(&values[n]), 0.3)),
        Empty::new(FAST_TELEMETRY, move |n| {
            sharded.record(&sharded::labels(&values[n]), sharded::micros(0.3));
        }),
    ]
}

fn strs([method, path, code]: &[String; 3]) -> [&str; 3] {
    [method, path, code]
}
