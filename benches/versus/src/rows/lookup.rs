//! Look-up of three label values that are made while the program runs, and an inc.

use std::hash::BuildHasher;
use std::hint::black_box;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use prometheus_client::metrics::family::Family;

use crate::harness::{Apart, Candidate, Lost, Who};
use crate::inputs::{LABELS, TURN, label_values, order};
use crate::peers::recorder::{self, Recorder};
use crate::peers::sharded;
use crate::peers::{
    ClientLabels, FAST_TELEMETRY, FASTMETRICS, FastLabels, MEASURED, METRICS, MeasuredLabels,
    MeasuredSet, PROMETHEUS, PROMETHEUS_CLIENT,
};
use crate::run::{Heading, Run};

pub const RUNTIME: Heading =
    Heading { name: "look-up of 3 labels + inc", unit: "ns a look-up and an inc" };

type ClientCounter = prometheus_client::metrics::counter::Counter<u64>;
type FastCounter = fastmetrics::metrics::counter::Counter<u64>;

/// How many there are to be looked up.
pub const CHILDREN: [(usize, &str); 3] =
    [(1, "1 child"), (100, "100 children"), (10_000, "10,000 children")];

pub fn runtime_values(run: &mut Run) -> Result<(), Lost> {
    for (children, prefix) in CHILDREN {
        if run.wants_among_threads(RUNTIME, prefix) {
            let values = label_values(children);
            run.among_threads(RUNTIME, prefix, &candidates(&values))?;
        }
    }
    Ok(())
}

/// Each with all children made.
pub fn candidates(values: &[[String; 3]]) -> Vec<Candidate<'_>> {
    let order = order(values.len());
    let next = move |at: usize| &values[order[at % TURN] as usize];
    vec![
        ours(values, next.clone()),
        tikv(values, next.clone()),
        client(values, next.clone()),
        recorded(values, next.clone()),
        fast(values, next.clone()),
        interned(values, next.clone()),
        sharded(values, next.clone()),
        table(values, next),
    ]
}

/// The same without the peers.
pub fn without_peers(values: &[[String; 3]]) -> Vec<Candidate<'_>> {
    let order = order(values.len());
    let next = move |at: usize| &values[order[at % TURN] as usize];
    vec![ours(values, next.clone()), table(values, next)]
}

/// Which label values are next.
trait Next<'a>: Fn(usize) -> &'a [String; 3] + Sync + 'a {}

impl<'a, F: Fn(usize) -> &'a [String; 3] + Sync + 'a> Next<'a> for F {}

fn ours<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let vec = narthex::Counter::builder("c", "h").labels(LABELS).build().expect("a counter");
    let all = vec.clone();
    let value = move |v: &[String; 3]| all.labels([&v[0], &v[1], &v[2]]).get();
    values.iter().for_each(|values| assert_eq!(value(values), 0.0));
    Candidate::new(Who::Narthex, move |at| {
        let [method, path, code] = next(at);
        black_box(&vec).labels([method, path, code]).inc();
    })
    .shows(move |done| values.iter().map(&value).sum::<f64>() == done.all as f64)
}

fn tikv<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let options = prometheus::Opts::new("c", "h");
    let vec = prometheus::IntCounterVec::new(options, &LABELS).expect("a counter");
    let all = vec.clone();
    let value = move |v: &[String; 3]| {
        all.with_label_values(&[v[0].as_str(), v[1].as_str(), v[2].as_str()]).get()
    };
    values.iter().for_each(|values| assert_eq!(value(values), 0));
    Candidate::new(PROMETHEUS, move |at| {
        let [method, path, code] = next(at);
        let values = [method.as_str(), path.as_str(), code.as_str()];
        black_box(&vec).with_label_values(&values).inc();
    })
    .shows(move |done| values.iter().map(&value).sum::<u64>() == done.all)
}

fn client<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let family = Family::<ClientLabels, ClientCounter>::default();
    let all = family.clone();
    let value = move |v: &[String; 3]| all.get_or_create(&ClientLabels::new(v)).get();
    values.iter().for_each(|values| assert_eq!(value(values), 0));
    Candidate::new(PROMETHEUS_CLIENT, move |at| {
        black_box(&family).get_or_create(&ClientLabels::new(next(at))).inc();
    })
    .shows(move |done| values.iter().map(&value).sum::<u64>() == done.all)
}

fn recorded<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let exporter = recorder::new();
    for values in values {
        exporter.register_counter(&recorder::key("c", values), &recorder::PLACE).increment(0);
    }
    Candidate::new(METRICS, move |at| {
        let key = recorder::key("c", next(at));
        black_box(&exporter).register_counter(&key, &recorder::PLACE).increment(1);
    })
}

fn fast<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let family = fastmetrics::metrics::family::Family::<FastLabels, FastCounter>::default();
    let all = family.clone();
    let value = move |v: &[String; 3]| all.with_or_new(&FastLabels::new(v), |c| c.total());
    values.iter().for_each(|values| assert_eq!(value(values), 0));
    Candidate::new(FASTMETRICS, move |at| {
        black_box(&family).with_or_new(&FastLabels::new(next(at)), |counter| counter.inc());
    })
    .shows(move |done| values.iter().map(&value).sum::<u64>() == done.all)
}

fn interned<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let vec = Box::new(Apart(measured::CounterVec::with_label_set(MeasuredSet::default())));
    values.iter().for_each(|values| vec.0.inc_by(MeasuredLabels::new(values), 0));
    Candidate::new(MEASURED, move |at| black_box(&vec.0).inc(MeasuredLabels::new(next(at))))
}

fn sharded<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let counters = sharded::counters();
    values.iter().for_each(|values| counters.add(&sharded::labels(values), 0));
    Candidate::new(FAST_TELEMETRY, move |at| {
        black_box(&counters).inc(&sharded::labels(next(at)));
    })
}

/// A table that nobody changes, and numbers of the thread's own.
fn table<'a>(values: &'a [[String; 3]], next: impl Next<'a>) -> Candidate<'a> {
    let hasher = RandomState::default();
    let hash = move |values: &[String; 3]| hasher.hash_one(values);
    let mut table = HashTable::new();
    for at in 0..values.len() {
        table.insert_unique(hash(&values[at]), at, |at| hash(&values[*at]));
    }
    Candidate::looping(Who::Limit("hash table, plain"), move |n| {
        let mut numbers = vec![0_u64; values.len()];
        for at in 0..n {
            let wanted = next(at);
            let found = black_box(&table).find(hash(wanted), |at| values[*at] == *wanted);
            if let Some(at) = found {
                black_box(&mut numbers)[*at] += 1;
            }
        }
    })
}
