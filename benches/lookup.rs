//! What it costs to find a child by its label values, and to make a new one.
#![allow(missing_docs)] // criterion_group! makes functions without docs

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use narthex::{Counter, CounterVec, LabelSet, LabelValue};

criterion_group!(benches, look_up, look_up_closed, create);
criterion_main!(benches);

fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("look up 3 label values and inc");
    for children in [1, 100, 10_000] {
        let values: Vec<_> = (0..children)
            .map(|n| ["GET".to_owned(), format!("/api/v1/items/{n}"), "200".to_owned()])
            .collect();
        let vec = counters();
        values.iter().for_each(|values| vec.labels(values.each_ref()).inc());
        let mut next = values.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(children), |b| {
            b.iter(|| {
                if let Some([method, path, code]) = black_box(next.next()) {
                    vec.labels([method, path, code]).inc();
                }
            });
        });
    }
}

#[derive(Clone, Copy, LabelValue)]
#[rustfmt::skip]
enum Tens { A, B, C, D, E, F, G, H, I, J }

const TENS: [Tens; 10] = {
    use Tens::{A, B, C, D, E, F, G, H, I, J};
    [A, B, C, D, E, F, G, H, I, J]
};

#[derive(Clone, Copy, LabelSet)]
struct Closed {
    method: Tens,
    code: Tens,
}

/// With what the increment costs by itself, and what finding the same children
/// by their values does.
fn look_up_closed(c: &mut Criterion) {
    let mut group = c.benchmark_group("look up 2 closed labels and inc");
    let closed = Counter::builder("c", "").labels_of::<Closed>().build().unwrap();
    let by_values = Counter::builder("c", "").labels(["method", "code"]).build().unwrap();
    let labels: Vec<Closed> = (0..1024)
        .map(|n| Closed { method: TENS[n * 7 % 10], code: TENS[n * 3 / 10 % 10] })
        .collect();
    for labels in &labels {
        closed.labels(labels).inc();
        by_values.labels(labels).inc();
    }
    let handle = closed.handle(labels[0]);
    group.bench_function("inc alone", |b| b.iter(|| black_box(&handle).inc()));
    group.bench_function("1", |b| b.iter(|| closed.labels(black_box(labels[0])).inc()));
    let mut next = 0_usize;
    group.bench_function("100", |b| {
        b.iter(|| {
            next += 1;
            closed.labels(labels[next % 1024]).inc();
        });
    });
    group.bench_function("100, by values", |b| {
        b.iter(|| {
            next += 1;
            by_values.labels(labels[next % 1024]).inc();
        });
    });
}

fn create(c: &mut Criterion) {
    let paths: Vec<_> = (0..10_000).map(|n| format!("/api/v1/items/{n}")).collect();
    c.bench_function("create 10000 children", |b| {
        let create = |vec: CounterVec<3>| {
            for path in &paths {
                vec.labels(["GET", path, "200"]).inc();
            }
            vec
        };
        b.iter_batched(counters, create, BatchSize::LargeInput);
    });
}

fn counters() -> CounterVec<3> {
    Counter::builder("c", "").labels(["method", "path", "code"]).build().unwrap()
}
