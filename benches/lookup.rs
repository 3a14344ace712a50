//! What it costs to find a child by its label values, and to make a new one.
#![allow(missing_docs)] // criterion_group! makes functions without docs

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use narthex::{Counter, CounterVec};

criterion_group!(benches, look_up, create);
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
