//! What a scrape of a pool costs: the files of many workers, merged into one text.
#![allow(missing_docs)] // criterion_group! makes functions without docs

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use narthex::exposition::{Encoding, Format, encode_into};
use narthex::model::EscapingScheme;
use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
use narthex::{Counter, CounterVec, Histogram, HistogramVec};
use tempfile::TempDir;

criterion_group!(benches, counters, histograms);
criterion_main!(benches);

const SERIES: u64 = 1000;

fn counters(c: &mut Criterion) {
    pool(c, "merge counters", 256, 1, |store| {
        let made: CounterVec<1> = Counter::builder("http_requests", "Requests answered.")
            .labels(["path"])
            .store(store)
            .build()
            .unwrap();
        for n in 0..SERIES {
            made.labels([format!("/api/v1/items/{n}")]).inc_by(n);
        }
    });
}

fn histograms(c: &mut Criterion) {
    // Fifteen buckets and a sum.
    pool(c, "merge histograms", 64, 16, |store| {
        let made: HistogramVec<1> = Histogram::builder("http_latency", "Of answers.")
            .unit("seconds")
            .labels(["path"])
            .store(store)
            .build()
            .unwrap();
        for n in 0..SERIES {
            made.labels([format!("/api/v1/items/{n}")]).observe(0.3);
        }
    });
}

/// Scrapes the files of `workers`, each of which `work`s once and stays.
fn pool(
    c: &mut Criterion,
    name: &str,
    workers: u64,
    entries: u64,
    work: impl Fn(&MultiprocessStore),
) {
    let dir = Directory::new(name);
    let stores: Vec<_> = (0..workers)
        .map(|_| {
            let store = MultiprocessStore::open(&dir.path).unwrap();
            work(&store);
            store
        })
        .collect();
    let mut group = c.benchmark_group(name);
    group.sample_size(20);
    group.throughput(Throughput::Elements(workers * SERIES * entries));
    let first = BenchmarkId::from_parameter(format!("{workers} workers, first scrape"));
    group.bench_function(first, |b| {
        scrape(b, || MultiProcessCollector::new(&dir.path).unwrap());
    });
    let next = BenchmarkId::from_parameter(format!("{workers} workers, following scrapes"));
    let collector = MultiProcessCollector::new(&dir.path).unwrap();
    group.bench_function(next, |b| scrape(b, || &collector));
    drop(stores);
}

fn scrape<C: std::borrow::Borrow<MultiProcessCollector>>(
    b: &mut Bencher<'_>,
    mut collector: impl FnMut() -> C,
) {
    let encoding = Encoding::new(Format::Text004, EscapingScheme::Underscores);
    let mut text = String::new();
    b.iter(|| {
        text.clear();
        encode_into(collector().borrow(), encoding, None, &mut text).unwrap();
        black_box(text.len())
    });
}

/// A directory of the bench's own, or below `NARTHEX_BENCH_DIR` one that stays
/// for other readers.
struct Directory {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Directory {
    fn new(name: &str) -> Self {
        if let Some(parent) = std::env::var_os("NARTHEX_BENCH_DIR") {
            let path = PathBuf::from(parent).join(name.replace(' ', "-"));
            std::fs::create_dir_all(&path).unwrap();
            return Self { path, _temporary: None };
        }
        let temporary = tempfile::tempdir().unwrap();
        Self { path: temporary.path().to_owned(), _temporary: Some(temporary) }
    }
}
