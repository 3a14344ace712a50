//! Quantiles of summaries that several processes share in files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use narthex::model::Family;
use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore, compact};
use narthex::{Summary, for_each_family};

fn store(dir: &Path, identifier: &str) -> MultiprocessStore {
    MultiprocessStore::builder(dir).identifier(identifier).open().unwrap()
}

fn summary(store: &MultiprocessStore) -> Summary {
    let builder = Summary::builder("s", "s").objectives([(0.5, 0.01), (0.9, 0.01)]);
    builder.store(store).build().unwrap()
}

/// The samples of the family: `count`, `sum`, and the quantiles by their ranks.
fn told(merged: &MultiProcessCollector) -> BTreeMap<String, f64> {
    let mut told = BTreeMap::new();
    for_each_family(merged, &mut |family: &dyn Family| {
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels();
            if let Some(name) = sample.name().strip_prefix("s_") {
                told.insert(name.to_owned(), sample.value());
            } else if let (true, Some(rank)) = (sample.is_named("s"), labels.get("quantile")) {
                told.insert(rank.into_owned(), sample.value());
            }
        });
        Ok(())
    })
    .unwrap();
    told
}

fn is_near(estimate: f64, value: f64) -> bool {
    (estimate / value - 1.0).abs() <= 0.01
}

#[test]
fn quantiles_are_those_of_all_processes_together() {
    let dir = tempfile::tempdir().unwrap();
    let merged = || MultiProcessCollector::new(dir.path()).unwrap().folding(false);
    let stores = ["a", "b"].map(|name| store(dir.path(), name));
    let all = [0, 1].map(|place| summary(&stores[place]));
    assert!(told(&merged())["0.5"].is_nan());
    // One process has what is up to 600, and the other what is above.
    for value in 1..=1000 {
        all[usize::from(value > 600)].observe(value);
    }
    let before = told(&merged());
    assert_eq!((before["count"], before["sum"]), (1000.0, 500_500.0));
    assert!(is_near(before["0.5"], 500.0) && is_near(before["0.9"], 900.0), "{before:?}");
    // Each shows its own.
    let own = all[0].quantiles();
    assert!(is_near(own[0].1, 300.0) && is_near(own[1].1, 540.0), "{own:?}");

    drop((stores, all));
    assert_eq!(compact(dir.path()).unwrap().processes(), 2);
    assert_eq!(told(&merged()), before);
    // Another one that comes adds to it: now half of 2000 are 5000.
    let c = store(dir.path(), "c");
    let sizes = summary(&c);
    (0..1000).for_each(|_| sizes.observe(5000));
    let after = told(&merged());
    assert!(is_near(after["0.9"], 5000.0) && is_near(after["0.5"], 1000.0), "{after:?}");
    // Whoever writes merged numbers to a file again wants no estimates.
    assert_eq!(told(&merged().without_accumulation()).keys().collect::<Vec<_>>(), ["count", "sum"]);
}

#[cfg(feature = "testing")]
#[test]
fn a_collector_shows_what_was_observed_of_late() {
    use std::time::Duration;

    use narthex::testing::TestClock;

    let clock = TestClock::at(1e9);
    let _entered = clock.enter();
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    let builder = Summary::builder("s", "s").objectives([(0.5, 0.01)]);
    let sizes = builder.window(Duration::from_secs(60)).store(&a).build().unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    sizes.observe(100);
    assert!(is_near(told(&merged)["0.5"], 100.0));
    clock.advance(Duration::from_secs(30));
    sizes.observe(7);
    sizes.observe(7);
    assert!(is_near(told(&merged)["0.5"], 7.0));
    // The hundred is past, and then all is.
    clock.advance(Duration::from_secs(40));
    sizes.observe(9);
    assert!(is_near(told(&merged)["0.5"], 7.0));
    clock.advance(Duration::from_secs(200));
    told(&merged);
    clock.advance(Duration::from_secs(70));
    let last = told(&merged);
    assert!(last["0.5"].is_nan());
    assert_eq!((last["count"], last["sum"]), (4.0, 123.0));
}

#[test]
fn counts_beyond_all_bounds_give_some_quantile() {
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    let sizes = summary(&a);
    sizes.observe(1);
    sizes.observe(2);
    let path = dir.path().join("a.narthex");
    let mut bytes = fs::read(&path).unwrap();
    // A hundredth is within the schema 6, of 64 buckets to a power of two: 1 ends the bucket 0.
    for name in [[1, 6, 0, 0, 0, 0, 0, 0], [1, 6, 0, 0, 64, 0, 0, 0]] {
        let at = bytes.windows(8).position(|bytes| bytes == name).unwrap() + 8;
        bytes[at..at + 8].fill(255);
    }
    fs::write(&path, &bytes).unwrap();
    let told = told(&MultiProcessCollector::new(dir.path()).unwrap());
    assert!(is_near(told["0.5"], 1.0) && is_near(told["0.9"], 1.0), "{told:?}");
    assert_eq!((told["count"], told["sum"]), (2.0, 3.0));
    assert!(is_near(sizes.quantiles()[0].1, 1.0));
}

#[cfg(feature = "testing")]
#[test]
fn a_window_outlives_scrapes_that_find_no_time() {
    use std::time::{Duration, Instant};

    use narthex::exposition::{Encoding, encode_into};
    use narthex::testing::TestClock;

    let clock = TestClock::at(1e9);
    let _entered = clock.enter();
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    let builder = Summary::builder("s", "s").objectives([(0.5, 0.01)]);
    let sizes = builder.window(Duration::from_secs(60)).store(&a).build().unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    sizes.observe(100);
    told(&merged);
    clock.advance(Duration::from_secs(61));
    for _ in 0..3 {
        let (now, mut out) = (Instant::now(), String::new());
        let scraped = encode_into(&merged, Encoding::default(), Some(now), &mut out);
        assert!(scraped.unwrap_err().is_timed_out());
    }
    sizes.observe(7);
    // The hundred is past.
    assert!(is_near(told(&merged)["0.5"], 7.0));
}

#[test]
fn quantiles_go_with_their_series() {
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    let builder = Summary::builder("s", "s").objectives([(0.5, 0.01)]).labels(["l"]);
    let sizes = builder.store(&a).build().unwrap();
    sizes.labels(["x"]).observe(3);
    assert!(sizes.remove(["x"]));
    let merged = MultiProcessCollector::new(dir.path()).unwrap();
    assert_eq!(told(&merged), BTreeMap::new());
    sizes.labels(["x"]).observe(8);
    let back = told(&merged);
    assert!(is_near(back["0.5"], 8.0), "{back:?}");
    assert_eq!((back["count"], back["sum"]), (1.0, 8.0));
}
