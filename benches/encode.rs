//! What a scrape costs: families of many series, written as text and compressed.
//!
//! Rows that say `recorded` encode families that stand ready, so that they measure
//! the encoder alone; `live` ones read metrics as a scrape does.
#![allow(missing_docs)] // criterion_group! makes functions without docs

use std::hint::black_box;

use criterion::{Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use narthex::exposition::{ContentCoding, Encoder, Encoding, Format};
use narthex::model::{CounterMetricFamily, EscapingScheme, GaugeMetricFamily};
use narthex::model::{Family, HistogramMetricFamily};
use narthex::{Collector, CollectorRegistry, Counter, Histogram, collector_fn};

criterion_group!(benches, recorded_counters, recorded_histograms, compressed, live);
criterion_main!(benches);

const SERIES: u32 = 100_000;
const TEXT: Format = Format::Text004;
const FORMATS: &[Format] = &[
    TEXT,
    Format::OpenMetrics100,
    #[cfg(feature = "openmetrics2")]
    Format::OpenMetrics200,
];

/// A number for each series: whole, whole and above 1e6, with three decimals, with all digits.
type Value = fn(u32) -> f64;
const SMALL: Value = |n| f64::from(mixed(n) % 1_000_000);
const LARGE: Value = |n| f64::from(mixed(n)) * 1_000.0 + 1_000_000.0;
const DECIMALS: Value = |n| f64::from(mixed(n) % 1_000_000) / 1_000.0;
const FRACTION: Value = |n| f64::from(mixed(n)) / 3e7;

/// Numbers without a pattern, the same in each run.
fn mixed(n: u32) -> u32 {
    let n = (n ^ n >> 16).wrapping_mul(0x7feb_352d);
    let n = (n ^ n >> 15).wrapping_mul(0x846c_a68b);
    n ^ n >> 16
}

fn told(family: impl Family + Send + Sync) -> impl Collector {
    collector_fn(move |scrape| scrape.family(&family))
}

fn counters(value: Value) -> impl Collector {
    let family = CounterMetricFamily::new("http_requests", "Requests answered.").unwrap();
    let mut family = family.with_labels(["method", "path", "code"]).unwrap();
    for n in 0..SERIES {
        family.add_metric(["GET", &format!("/api/v1/items/{n}"), "200"], value(n)).unwrap();
    }
    told(family)
}

fn gauges(value: Value) -> impl Collector {
    let family = GaugeMetricFamily::new("temperature", "In the rack.").unwrap();
    let mut family = family.with_labels(["rack", "room", "sensor"]).unwrap();
    for n in 0..SERIES {
        family.add_metric([&format!("rack-{n}"), "north", "inlet"], value(n)).unwrap();
    }
    told(family)
}

/// Histograms of eleven buckets, which are thirteen lines with count and sum.
fn histograms(rows: u32) -> impl Collector {
    let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, f64::INFINITY];
    let family = HistogramMetricFamily::new("latency_seconds", "Of answers.").unwrap();
    let mut family = family.with_labels(["path"]).unwrap();
    for n in 0..rows {
        let mut total = 0.0;
        let buckets = bounds.map(|bound| {
            total += f64::from(mixed(n ^ bound.to_bits() as u32) % 97);
            (bound, total)
        });
        let sum = Some(total * 0.125);
        family.add_metric([&format!("/api/v1/items/{n}")], buckets, sum).unwrap();
    }
    told(family)
}

fn recorded_counters(c: &mut Criterion) {
    let mut group = c.benchmark_group("recorded");
    group.throughput(Throughput::Elements(SERIES.into()));
    for (kind, value) in
        [("small", SMALL), ("above 1e6", LARGE), ("decimals", DECIMALS), ("fractions", FRACTION)]
    {
        let family = counters(value);
        group.bench_function(BenchmarkId::new("counters", kind), |b| text(&family, TEXT, b));
    }
    group.bench_function("counters/OpenMetrics", |b| {
        text(&counters(SMALL), Format::OpenMetrics100, b);
    });
    group.bench_function("counters/protobuf", |b| text(&counters(SMALL), Format::Protobuf, b));
    group.bench_function("gauges/negative", |b| text(&gauges(|n| -SMALL(n)), TEXT, b));
    group.bench_function("gauges/decimals", |b| text(&gauges(DECIMALS), TEXT, b));
    // What the same bytes cost if they only have to be copied.
    let mut bytes = Vec::new();
    expose(&mut Encoder::new(), &counters(SMALL), TEXT, ContentCoding::Identity, &mut bytes);
    let mut copy = bytes.clone();
    group.bench_function("counters/memcpy of the same", |b| {
        b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&bytes)));
    });
}

fn recorded_histograms(c: &mut Criterion) {
    let mut group = c.benchmark_group("recorded");
    group.throughput(Throughput::Elements(1000 * 13));
    for format in [TEXT, Format::Protobuf] {
        let name = BenchmarkId::new("histograms, by line", format!("{format:?}"));
        group.bench_function(name, |b| text(&histograms(1000), format, b));
    }
}

fn compressed(c: &mut Criterion) {
    let mut group = c.benchmark_group("compressed");
    let mut row = |kind: &str, lines: u64, collector: &dyn Collector| {
        for coding in CODINGS {
            group.throughput(Throughput::Elements(lines));
            let (mut encoder, mut out) = (Encoder::new(), Vec::new());
            expose(&mut encoder, collector, TEXT, *coding, &mut out);
            let name = format!("{coding:?}, {:.1} bytes a line", out.len() as f64 / lines as f64);
            group.bench_function(BenchmarkId::new(kind, name), |b| {
                b.iter(|| expose(&mut encoder, collector, TEXT, *coding, &mut out));
            });
        }
    };
    row("counters", SERIES.into(), &counters(SMALL));
    row("histograms", 4000 * 13, &histograms(4000));
}

const CODINGS: &[ContentCoding] = &[
    ContentCoding::Identity,
    #[cfg(feature = "gzip")]
    ContentCoding::Gzip,
    #[cfg(feature = "zstd")]
    ContentCoding::Zstd,
];

fn live(c: &mut Criterion) {
    let mut group = c.benchmark_group("live");
    let registry = CollectorRegistry::new();
    let vec = Counter::builder("http_requests", "Requests answered.")
        .labels(["method", "path", "code"])
        .register(&registry)
        .unwrap();
    for n in 0..SERIES {
        vec.labels(["GET", &format!("/api/v1/items/{n}"), "200"]).inc_by(SMALL(n));
    }
    for &format in FORMATS {
        group.throughput(Throughput::Elements(SERIES.into()));
        group.bench_function(BenchmarkId::new("counters", format!("{format:?}")), |b| {
            text(&registry, format, b);
        });
    }
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
    group.bench_function("histograms, by line", |b| text(&registry, TEXT, b));
}

fn text(collector: &dyn Collector, format: Format, b: &mut Bencher<'_>) {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    b.iter(|| expose(&mut encoder, collector, format, ContentCoding::Identity, &mut out));
}

fn expose(
    encoder: &mut Encoder,
    collector: &dyn Collector,
    format: Format,
    coding: ContentCoding,
    out: &mut Vec<u8>,
) -> usize {
    out.clear();
    let encoding = Encoding::new(format, EscapingScheme::Underscores);
    encoder.encode(collector, encoding, coding, None, out).unwrap();
    black_box(out.len())
}
