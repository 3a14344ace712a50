//! A writer, alone and while a scraper of the same registry runs without pause.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use prometheus_client::metrics::family::Family;

use crate::harness::{Candidate, Lost, Pace, Seen, Who, interleave, pin};
use crate::inputs::{LABELS, label_values};
use crate::pages::Page;
use crate::peers::recorder::{self, Recorder};
use crate::peers::{ClientLabels, FASTMETRICS, FastLabels, METRICS, PROMETHEUS, PROMETHEUS_CLIENT};
use crate::run::{Heading, Run};

pub const WRITER: Heading =
    Heading { name: "counter inc while 1,024 counters are scraped", unit: "ns an inc" };
/// One counter, or all of them in turn; alone, and under a scraper.
pub const ROWS: [[&str; 2]; 2] = [
    ["one counter, alone", "one counter, under a scraper"],
    ["all in turn, alone", "all in turn, under a scraper"],
];

const COUNTERS: usize = 1024;

pub fn writer(run: &mut Run) -> Result<(), Lost> {
    for (rows, in_turn) in ROWS.into_iter().zip([1, COUNTERS]) {
        if !rows.iter().any(|row| run.wants(WRITER, row)) {
            continue;
        }
        let scraped = all(in_turn - 1);
        let [alone, under] = measure(run.pace, &scraped)?;
        run.add(WRITER, rows[0].to_owned(), alone);
        run.add(WRITER, rows[1].to_owned(), under);
    }
    Ok(())
}

/// Who writes, and what scrapes it.
struct Scraped {
    writer: Candidate<'static>,
    page: Page,
}

/// Alone, and under a scraper.
fn measure(pace: Pace, scraped: &[Scraped]) -> Result<[Vec<Seen>; 2], Lost> {
    let each: Vec<usize> = scraped
        .iter()
        .map(|scraped| scraped.writer.calibrate(1, pace.span))
        .collect::<Result<_, _>>()?;
    let medians = interleave(pace.rounds, 2 * scraped.len(), |at| {
        let (Scraped { writer, page }, each) = (&scraped[at / 2], each[at / 2]);
        if at % 2 == 0 { writer.sample(1, each) } else { under_a_scraper(page, writer, each) }
    })?;
    let of = |half: usize| {
        let values = medians.iter().skip(half).step_by(2);
        scraped.iter().zip(values).map(|(s, v)| Seen { who: s.page.who, value: *v }).collect()
    };
    Ok([of(0), of(1)])
}

fn under_a_scraper(page: &Page, writer: &Candidate<'_>, each: usize) -> Result<f64, Lost> {
    let ended = AtomicBool::new(false);
    let begun = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            // The writer has the first core.
            pin(1);
            page.write(|text| assert!(!black_box(text).is_empty()));
            begun.wait();
            while !ended.load(Ordering::Relaxed) {
                page.write(|text| assert!(!black_box(text).is_empty()));
            }
        });
        begun.wait();
        let sample = writer.sample(1, each);
        ended.store(true, Ordering::Relaxed);
        sample
    })
}

/// Each with 1,024 counters, of which those are written to that the mask lets through.
fn all(mask: usize) -> Vec<Scraped> {
    let values = label_values(COUNTERS);
    vec![
        ours(&values, mask),
        tikv(&values, mask),
        client(&values, mask),
        recorded(&values, mask),
        fast(&values, mask),
    ]
}

fn ours(values: &[[String; 3]], mask: usize) -> Scraped {
    let registry = narthex::CollectorRegistry::new();
    let builder = narthex::Counter::builder("c", "h").labels(LABELS);
    let vec = builder.register(&registry).expect("ours");
    let handle = |v: &[String; 3]| vec.labels([&v[0], &v[1], &v[2]]).handle();
    let counters: Vec<_> = values.iter().map(handle).collect();
    let read = counters.clone();
    let writer = Candidate::new(Who::Narthex, move |at| black_box(&counters[at & mask]).inc())
        .shows(move |done| read.iter().map(narthex::Counter::get).sum::<f64>() == done.all as f64);
    Scraped { writer, page: Page::of_narthex(registry) }
}

fn tikv(values: &[[String; 3]], mask: usize) -> Scraped {
    let registry = prometheus::Registry::new();
    let options = prometheus::Opts::new("c", "h");
    let vec = prometheus::IntCounterVec::new(options, &LABELS).expect("a counter");
    registry.register(Box::new(vec.clone())).expect("a name of its own");
    let handle = |v: &[String; 3]| vec.with_label_values(&[&*v[0], &*v[1], &*v[2]]);
    let counters: Vec<_> = values.iter().map(handle).collect();
    let read = counters.clone();
    let writer = Candidate::new(PROMETHEUS, move |at| black_box(&counters[at & mask]).inc())
        .shows(move |done| read.iter().map(|counter| counter.get()).sum::<u64>() == done.all);
    Scraped { writer, page: Page::of_prometheus(registry) }
}

fn client(values: &[[String; 3]], mask: usize) -> Scraped {
    type Counter = prometheus_client::metrics::counter::Counter<u64>;

    let mut registry = prometheus_client::registry::Registry::default();
    let family = Family::<ClientLabels, Counter>::default();
    registry.register("c", "h", family.clone());
    let handle = |v: &[String; 3]| family.get_or_create(&ClientLabels::new(v)).clone();
    let counters: Vec<_> = values.iter().map(handle).collect();
    let read = counters.clone();
    let writer = Candidate::new(PROMETHEUS_CLIENT, move |at| {
        black_box(&counters[at & mask]).inc();
    })
    .shows(move |done| read.iter().map(|counter| counter.get()).sum::<u64>() == done.all);
    Scraped { writer, page: Page::of_prometheus_client(registry) }
}

fn recorded(values: &[[String; 3]], mask: usize) -> Scraped {
    let exporter = recorder::new();
    let handle =
        |v: &[String; 3]| exporter.register_counter(&recorder::key("c", v), &recorder::PLACE);
    let counters: Vec<_> = values.iter().map(handle).collect();
    let writer = Candidate::new(METRICS, move |at| black_box(&counters[at & mask]).increment(1));
    Scraped { writer, page: Page::of_metrics(&exporter) }
}

fn fast(values: &[[String; 3]], mask: usize) -> Scraped {
    use fastmetrics::metrics::{counter::Counter, family::Family};

    let mut registry = fastmetrics::registry::Registry::default();
    let family = Family::<FastLabels, Counter<u64>>::default();
    registry.register("c", "h", family.clone()).expect("a name of its own");
    let handle = |v: &[String; 3]| family.with_or_new(&FastLabels::new(v), Counter::clone);
    let counters: Vec<_> = values.iter().map(handle).collect();
    let read = counters.clone();
    let writer = Candidate::new(FASTMETRICS, move |at| black_box(&counters[at & mask]).inc())
        .shows(move |done| read.iter().map(Counter::total).sum::<u64>() == done.all);
    Scraped { writer, page: Page::of_fastmetrics(registry) }
}
