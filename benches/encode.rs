//! What a scrape costs: families of many series, written as text.
#![allow(missing_docs)] // criterion_group! makes functions without docs

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use narthex::exposition::{Encoding, Format, encode_into};
use narthex::model::EscapingScheme;
use narthex::{CollectorRegistry, Counter, Histogram};

criterion_group!(benches, counters, histograms);
criterion_main!(benches);

fn counters(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode counters");
    for (kind, amount) in [("small", 7.0), ("above 1e6", 1_234_567.0), ("fractions", 0.1875)] {
        let registry = CollectorRegistry::new();
        let vec = Counter::builder("http_requests", "Requests answered.")
            .labels(["method", "path", "code"])
            .register(&registry)
            .unwrap();
        let series = 100_000;
        for n in 0..series {
            vec.labels(["GET", &format!("/api/v1/items/{n}"), "200"]).inc_by(amount);
        }
        for format in [Format::Text004, Format::OpenMetrics100] {
            let name = format!("{format:?}, {kind}");
            group.throughput(Throughput::Elements(series));
            group.bench_function(BenchmarkId::from_parameter(name), |b| {
                scrape(&registry, format, b);
            });
        }
    }
}

fn histograms(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode histograms");
    let registry = CollectorRegistry::new();
    let vec = Histogram::builder("latency", "Of answers.")
        .unit("seconds")
        .labels(["path"])
        .register(&registry)
        .unwrap();
    for n in 0..1000 {
        vec.labels([format!("/api/v1/items/{n}")]).observe(0.3);
    }
    group.throughput(Throughput::Elements(1000 * 17));
    group.bench_function("1000 of 15 buckets, by line", |b| scrape(&registry, Format::Text004, b));
}

fn scrape(registry: &CollectorRegistry, format: Format, b: &mut criterion::Bencher<'_>) {
    let encoding = Encoding::new(format, EscapingScheme::Underscores);
    let mut text = String::new();
    b.iter(|| {
        text.clear();
        encode_into(registry, encoding, None, &mut text).unwrap();
        black_box(text.len())
    });
}
