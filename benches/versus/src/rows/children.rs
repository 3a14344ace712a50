//! New children: how long one takes, and what it takes of the heap.

use std::hint::black_box;
use std::time::Instant;

use prometheus_client::metrics::family::Family;

use crate::harness::{Lost, Seen, Who, interleave};
use crate::heap;
use crate::inputs::{LABELS, label_values};
use crate::peers::recorder::{self, Recorder};
use crate::peers::sharded;
use crate::peers::{
    ClientLabels, FAST_TELEMETRY, FASTMETRICS, FastLabels, MEASURED, METRICS, MeasuredLabels,
    MeasuredSet, PROMETHEUS, PROMETHEUS_CLIENT,
};
use crate::run::{Heading, Run};

pub const TIME: Heading = Heading { name: "new child", unit: "ns a child" };
pub const ALLOCATIONS: Heading =
    Heading { name: "what a new child allocates", unit: "allocations a child" };

const CHILDREN: usize = 10_000;
pub const ROW: &str = "3 labels + inc";

pub fn new(run: &mut Run) -> Result<(), Lost> {
    if !(run.wants(TIME, ROW) || run.wants(ALLOCATIONS, ROW)) {
        return Ok(());
    }
    let children = run.size(CHILDREN);
    let values = label_values(children);
    let makers = makers(&values);
    if run.wants(TIME, ROW) {
        let medians = interleave(run.pace.rounds, makers.len(), |at| Ok(makers[at].time()))?;
        let seen = makers.iter().zip(medians);
        let seen = seen.map(|(maker, value)| Seen { who: maker.who, value }.per(children));
        run.add(TIME, ROW.to_owned(), seen.collect());
    }
    if run.wants(ALLOCATIONS, ROW) {
        let seen = makers.iter().map(Maker::allocations);
        run.add(ALLOCATIONS, ROW.to_owned(), seen.map(|seen| seen.per(children)).collect());
    }
    Ok(())
}

/// Makes the children of an empty family, and gives it back for others to free.
struct Maker<'a> {
    who: Who,
    make: Box<dyn Fn(Around<'_>) + 'a>,
}

/// What is done around the filling of a family.
type Around<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

impl<'a> Maker<'a> {
    /// From what makes an empty family, and what fills it.
    fn new<F: 'a>(who: Who, empty: impl Fn() -> F + 'a, fill: impl Fn(&F) + 'a) -> Self {
        let make = move |around: Around<'_>| {
            let family = empty();
            around(&mut || fill(black_box(&family)));
        };
        Self { who, make: Box::new(make) }
    }

    /// Nanoseconds that all of them take.
    fn time(&self) -> f64 {
        let mut took = 0.0;
        (self.make)(&mut |fill| {
            // What others have freed is put in order before, and not by whoever comes next.
            drop(black_box(Vec::<u8>::with_capacity(1 << 20)));
            let begun = Instant::now();
            fill();
            took = begun.elapsed().as_secs_f64() * 1e9;
        });
        took
    }

    fn allocations(&self) -> Seen {
        let mut value = 0.0;
        (self.make)(&mut |fill| value = heap::taken_by(fill).1.allocations as f64);
        Seen { who: self.who, value }
    }
}

fn makers(values: &[[String; 3]]) -> Vec<Maker<'_>> {
    type ClientFamily = Family<ClientLabels, prometheus_client::metrics::counter::Counter<u64>>;
    type FastFamily = fastmetrics::metrics::family::Family<
        FastLabels,
        fastmetrics::metrics::counter::Counter<u64>,
    >;

    let ours = || narthex::Counter::builder("c", "h").labels(LABELS).build().expect("a counter");
    let tikv = || {
        prometheus::IntCounterVec::new(prometheus::Opts::new("c", "h"), &LABELS).expect("a counter")
    };
    let interned = || measured::CounterVec::with_label_set(MeasuredSet::default());
    vec![
        Maker::new(Who::Narthex, ours, move |vec| {
            values.iter().for_each(|[method, path, code]| vec.labels([method, path, code]).inc());
        }),
        Maker::new(PROMETHEUS, tikv, move |vec| {
            for [method, path, code] in values {
                vec.with_label_values(&[method.as_str(), path.as_str(), code.as_str()]).inc();
            }
        }),
        Maker::new(PROMETHEUS_CLIENT, ClientFamily::default, move |family| {
            for values in values {
                family.get_or_create(&ClientLabels::new(values)).inc();
            }
        }),
        Maker::new(METRICS, recorder::new, move |exporter| {
            for values in values {
                let key = recorder::key("c", values);
                exporter.register_counter(&key, &recorder::PLACE).increment(1);
            }
        }),
        Maker::new(FASTMETRICS, FastFamily::default, move |family| {
            for values in values {
                family.with_or_new(&FastLabels::new(values), |counter| counter.inc());
            }
        }),
        Maker::new(MEASURED, interned, move |vec| {
            values.iter().for_each(|values| vec.inc(MeasuredLabels::new(values)));
        }),
        Maker::new(FAST_TELEMETRY, sharded::counters, move |counters| {
            values.iter().for_each(|values| counters.inc(&sharded::labels(values)));
        }),
    ]
}
