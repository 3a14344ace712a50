//! What reading costs: bodies of many series, as the library writes them.
#![allow(missing_docs)] // criterion_group! makes functions without docs

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex::model::{CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, MetricFamily};
use narthex::{exposition, parser};

criterion_group!(benches, bodies);
criterion_main!(benches);

const SERIES: u32 = 10_000;

/// Numbers without a pattern, the same in each run.
fn mixed(n: u32) -> u32 {
    let n = (n ^ n >> 16).wrapping_mul(0x7feb_352d);
    let n = (n ^ n >> 15).wrapping_mul(0x846c_a68b);
    n ^ n >> 16
}

fn counters() -> MetricFamily {
    let family = CounterMetricFamily::new("http_requests", "Requests answered.").unwrap();
    let mut family = family.with_labels(["method", "path", "code"]).unwrap();
    for n in 0..SERIES {
        let value = f64::from(mixed(n) % 1_000_000);
        family.add_metric(["GET", &format!("/api/v1/items/{n}"), "200"], value).unwrap();
    }
    family.into()
}

fn gauges() -> MetricFamily {
    let family = GaugeMetricFamily::new("temperature", "In the rack.").unwrap();
    let mut family = family.with_labels(["rack", "room", "sensor"]).unwrap();
    for n in 0..SERIES {
        let value = f64::from(mixed(n)) / 3e7;
        family.add_metric([&format!("rack-{n}"), "north", "inlet"], value).unwrap();
    }
    family.into()
}

/// Histograms of eleven buckets, which are thirteen lines with count and sum.
fn histograms() -> MetricFamily {
    let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, f64::INFINITY];
    let family = HistogramMetricFamily::new("latency_seconds", "Of answers.").unwrap();
    let mut family = family.with_labels(["path"]).unwrap();
    for n in 0..SERIES / 13 {
        let counts = (1..).map(|place| f64::from(place * (mixed(n) % 1_000)));
        let buckets: Vec<_> = bounds.into_iter().zip(counts).collect();
        family.add_metric([format!("/api/v1/{n}")], buckets, Some(f64::from(n) / 7.0)).unwrap();
    }
    family.into()
}

fn bodies(c: &mut Criterion) {
    for (name, family) in
        [("counters", counters()), ("gauges", gauges()), ("histograms", histograms())]
    {
        let families = vec![family];
        let text = exposition::text::encode(&families).unwrap();
        let openmetrics = exposition::openmetrics::encode(&families).unwrap();
        let mut group = c.benchmark_group(format!("parse/{name}"));
        group.throughput(Throughput::Elements(SERIES.into()));
        group.bench_function("text", |b| b.iter(|| parser::text::parse_all(black_box(&text))));
        group.bench_function("strict text", |b| {
            b.iter(|| parser::text::parse_strict(black_box(&text)).filter(Result::is_ok).count());
        });
        group.bench_function("openmetrics", |b| {
            b.iter(|| parser::openmetrics::parse_all(black_box(&openmetrics)));
        });
    }
}
