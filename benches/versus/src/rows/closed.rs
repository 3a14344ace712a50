//! Look-up of two labels whose values are known to the compiler, and an inc.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use fastmetrics::derive as fast;
use measured::{FixedCardinalityLabel, LabelGroup};
use narthex::{LabelSet, LabelValue};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::family::Family;

use crate::harness::{Candidate, Lost, Who};
use crate::inputs::{TURN, order};
use crate::peers::{FASTMETRICS, MEASURED, PROMETHEUS_CLIENT};
use crate::run::{Heading, Run};

pub const CLOSED: Heading =
    Heading { name: "look-up of 2 closed labels + inc", unit: "ns a look-up and an inc" };

/// How many there are to be looked up.
pub const CHILDREN: &str = "100 children";

type FastCounter = fastmetrics::metrics::counter::Counter<u64>;
type ClientCounter = prometheus_client::metrics::counter::Counter<u64>;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
#[derive(LabelValue, EncodeLabelValue, fast::EncodeLabelValue, FixedCardinalityLabel)]
#[rustfmt::skip]
enum Tens { A, B, C, D, E, F, G, H, I, J }

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, LabelSet, EncodeLabelSet, fast::LabelSet)]
struct Closed {
    method: Tens,
    code: Tens,
}

#[derive(Clone, Copy, Debug, PartialEq, LabelGroup)]
#[label(set = MeasuredSet)]
struct Measured {
    method: Tens,
    code: Tens,
}

pub fn known_values(run: &mut Run) -> Result<(), Lost> {
    if !run.wants_among_threads(CLOSED, CHILDREN) {
        return Ok(());
    }
    let labels: Vec<Closed> = order(100).into_iter().map(Closed::new).collect();
    let next = |at: usize| labels[at % TURN];
    let ours = narthex::Counter::builder("c", "h").labels_of::<Closed>().build().expect("ours");
    let client = Family::<Closed, ClientCounter>::default();
    let fast = fastmetrics::metrics::family::Family::<Closed, FastCounter>::default();
    let measured = measured::CounterVec::with_label_set(MeasuredSet::default());
    let shared: Vec<AtomicU64> = (0..100).map(|_| AtomicU64::new(0)).collect();
    let all = || (0..100).map(Closed::new);
    for labels in all() {
        ours.labels(labels);
        drop(client.get_or_create(&labels));
        fast.with_or_new(&labels, |_| {});
        measured.inc_by(labels.measured(), 0);
    }
    let candidates = [
        Candidate::new(Who::Narthex, |at| black_box(&ours).labels(next(at)).inc())
            .shows(|done| all().map(|of| ours.labels(of).get()).sum::<f64>() == done.all as f64),
        Candidate::new(PROMETHEUS_CLIENT, |at| {
            black_box(&client).get_or_create(&next(at)).inc();
        })
        .shows(|done| all().map(|of| client.get_or_create(&of).get()).sum::<u64>() == done.all),
        Candidate::new(FASTMETRICS, |at| {
            black_box(&fast).with_or_new(&next(at), |counter| counter.inc());
        }),
        Candidate::new(MEASURED, |at| black_box(&measured).inc(next(at).measured())),
        Candidate::new(Who::Limit("relaxed fetch_add"), |at| {
            let Closed { method, code } = next(at);
            let place = method as usize * 10 + code as usize;
            black_box(&shared)[place].fetch_add(1, Ordering::Relaxed);
        }),
    ];
    run.among_threads(CLOSED, CHILDREN, &candidates)
}

impl Closed {
    fn new(number: u32) -> Self {
        use Tens::{A, B, C, D, E, F, G, H, I, J};

        let tens = [A, B, C, D, E, F, G, H, I, J];
        let number = number as usize % 100;
        Self { method: tens[number / 10], code: tens[number % 10] }
    }

    fn measured(self) -> Measured {
        let Self { method, code } = self;
        Measured { method, code }
    }
}
