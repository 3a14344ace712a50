//! Native histograms that several processes share in files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, NativeHistogram};
use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore, compact};
use narthex::{Collector, Histogram, NativeOptions, for_each_family};

fn store(dir: &Path, identifier: &str) -> MultiprocessStore {
    MultiprocessStore::builder(dir).identifier(identifier).open().unwrap()
}

/// The native histograms of a family by the values of their labels, each with its count and sum.
fn natives(
    collector: &dyn Collector,
    name: &str,
) -> BTreeMap<String, (Option<NativeHistogram>, f64, f64)> {
    let mut told = BTreeMap::new();
    for_each_family(collector, &mut |family| {
        if family.desc().name() != name {
            return Ok(());
        }
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels();
            let values: Vec<_> =
                labels.iter().filter(|(n, _)| *n != "le").map(|(_, v)| v.into_owned()).collect();
            let row = told.entry(values.join(",")).or_insert((None, 0.0, 0.0));
            if sample.is_named(&format!("{name}_count")) {
                row.1 = sample.value();
            }
            if sample.is_named(&format!("{name}_sum")) {
                row.2 = sample.value();
            }
        });
        family.for_each_chunk(&mut |chunk| {
            let rows: Vec<_> = told.keys().cloned().collect();
            for (row, native) in chunk.natives() {
                // Each of these tests has its series in the order of their labels.
                told.get_mut(&rows[row]).unwrap().0 = Some(native.to_owned());
            }
        });
        Ok(())
    })
    .unwrap();
    told
}

fn merged(dir: &Path) -> MultiProcessCollector {
    MultiProcessCollector::new(dir).unwrap().folding(false)
}

fn only(collector: &dyn Collector) -> (Option<NativeHistogram>, f64, f64) {
    natives(collector, "h").remove("").unwrap()
}

fn histogram(options: NativeOptions, store: Option<&MultiprocessStore>) -> Histogram {
    let builder = Histogram::builder("h", "h").native(options);
    match store {
        Some(store) => builder.store(store).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

/// Text of the merge, without what is told of processes.
fn text(dir: &Path) -> String {
    let format = Encoding::new(Format::Text004, EscapingScheme::Underscores);
    let mut text = exposition::encode(&merged(dir), format).unwrap();
    text.truncate(text.find("# HELP narthex_multiprocess_").unwrap_or(text.len()));
    text
}

const VALUES: [f64; 12] =
    [0.0, -0.0, 1e-40, 0.25, 0.26, -0.25, 3.0, 1e9, f64::INFINITY, f64::NAN, -1e-300, 7.5];

#[test]
fn buckets_of_all_processes_are_those_that_one_would_have() {
    let dir = tempfile::tempdir().unwrap();
    let alone = histogram(NativeOptions::new(), None);
    let stores = ["a", "b", "c"].map(|name| store(dir.path(), name));
    let shared = [0, 1, 2].map(|place| histogram(NativeOptions::new(), Some(&stores[place])));
    for (place, value) in VALUES.into_iter().cycle().take(100).enumerate() {
        alone.observe(value);
        shared[place % 3].observe(value);
    }
    let (expected, count, _) = only(&alone);
    let (native, merged_count, sum) = only(&merged(dir.path()));
    assert_eq!((native, merged_count), (expected.clone(), count));
    assert!(sum.is_nan());
    // Each shows its own: every third of 100.
    assert_eq!(shared[0].snapshot().count(), 34.0);
    assert_eq!(shared.map(|shared| shared.snapshot().count()).iter().sum::<f64>(), 100.0);

    // The same when the dead are folded: one, and then the others.
    let [first, others @ ..] = stores;
    drop(first);
    compact(dir.path()).unwrap();
    assert_eq!(only(&merged(dir.path())).0, expected);
    drop(others);
    compact(dir.path()).unwrap();
    let (native, merged_count, _) = only(&merged(dir.path()));
    assert_eq!((native, merged_count), (expected, count));
}
