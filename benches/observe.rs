//! What one observation costs: from one thread, and from two on one metric.
#![allow(missing_docs)] // criterion_group! makes functions without docs

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use narthex::{Counter, Gauge, Histogram, NativeOptions, Summary, exponential_buckets};

criterion_group!(benches, observe, time, observe_from_two_threads);
criterion_main!(benches);

fn observe(c: &mut Criterion) {
    let counter = Counter::builder("c", "").build().unwrap();
    c.bench_function("counter inc", |b| b.iter(|| counter.inc()));
    c.bench_function("counter inc_by fraction", |b| b.iter(|| counter.inc_by(black_box(0.5))));
    c.bench_function("counter inc with exemplar", |b| {
        b.iter(|| counter.inc_with_exemplar(black_box(&[("trace_id", "4bf92f3577b34da6")])));
    });
    let gauge = Gauge::builder("g", "").build().unwrap();
    c.bench_function("gauge set", |b| b.iter(|| gauge.set(black_box(0.5))));
    c.bench_function("gauge inc", |b| b.iter(|| gauge.inc()));
    let summary = Summary::builder("s", "").build().unwrap();
    c.bench_function("summary observe", |b| b.iter(|| summary.observe(black_box(0.5))));
    for (name, bounds) in [
        ("11 buckets", exponential_buckets(0.005, 2.0, 11)),
        ("30 buckets", exponential_buckets(0.005, 1.5, 30)),
    ] {
        let histogram = Histogram::builder("h", "").buckets(bounds).build().unwrap();
        c.bench_function(&format!("histogram observe, {name}"), |b| {
            b.iter(|| histogram.observe(black_box(0.3)));
        });
    }
    let native = Histogram::builder("h", "").native(NativeOptions::new()).build().unwrap();
    c.bench_function("histogram observe, native", |b| b.iter(|| native.observe(black_box(0.3))));
}

/// Beside what a timer would cost with the clock of the system.
fn time(c: &mut Criterion) {
    let histogram = Histogram::builder("h", "").build().unwrap();
    let mut group = c.benchmark_group("histogram timer");
    group.bench_function("stop", |b| b.iter(|| histogram.start_timer().stop()));
    group.bench_function("drop", |b| b.iter(|| drop(histogram.start_timer())));
    group.bench_function("time", |b| b.iter(|| histogram.time(|| black_box(()))));
    group.bench_function("with Instant", |b| {
        b.iter(|| {
            let begun = Instant::now();
            histogram.observe(begun.elapsed());
        });
    });
}

fn observe_from_two_threads(c: &mut Criterion) {
    let counter = Counter::builder("c", "").build().unwrap();
    c.bench_function("counter inc, 2 threads", |b| {
        b.iter_custom(|n| from_two_threads(n, || counter.inc()));
    });
    let histogram = Histogram::builder("h", "").build().unwrap();
    c.bench_function("histogram observe, 2 threads", |b| {
        b.iter_custom(|n| from_two_threads(n, || histogram.observe(black_box(0.3))));
    });
}

/// How long two threads take to do something `n` times each.
fn from_two_threads(n: u64, act: impl Fn() + Sync) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..n).for_each(|_| act()));
        }
    });
    begun.elapsed()
}
