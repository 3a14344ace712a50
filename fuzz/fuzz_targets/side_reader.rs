//! Whatever a side file holds, reading it neither panics nor writes a bad line.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use narthex::exposition;
use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
use narthex::{Counter, Histogram, NativeOptions, Summary};
use narthex_fuzz::{assert_well_formed, scratch, seal};
use tempfile::TempDir;

static DIR: OnceLock<TempDir> = OnceLock::new();

/// A directory with cells that side files can speak of, of workers that live (1 and 3) and that do not.
fn directory() -> TempDir {
    let dir = scratch();
    for name in ["1", "2", "3", "4"] {
        let store =
            MultiprocessStore::builder(dir.path()).identifier(name).open().expect("a store");
        let counter =
            Counter::builder("c", "h").labels(["l"]).store(&store).build().expect("a metric");
        counter.labels(["a"]).inc();
        counter.labels(["b"]).inc();
        let sizes = Histogram::builder("n", "h").buckets([1.0]).native(NativeOptions::new());
        sizes.store(&store).build().expect("a metric").observe(2);
        let times = Summary::builder("q", "h").objectives([(0.5, 0.1)]);
        times.store(&store).build().expect("a metric").observe(2);
    }
    for name in ["2.lock", "4.lock"] {
        fs::write(dir.path().join(name), "").expect("a file");
    }
    dir
}

fuzz_target!(|data: &[u8]| {
    let dir = DIR.get_or_init(directory).path();
    let mut sealed = data.to_vec();
    seal(&mut sealed);
    for (name, bytes) in
        [("1.narthex", data), ("2.narthex", data), ("3.narthex", &sealed), ("4.narthex", &sealed)]
    {
        fs::write(dir.join(name), bytes).expect("a file");
    }
    let collector = MultiProcessCollector::new(dir).expect("a directory").folding(false);
    let first = exposition::openmetrics::encode(&collector);
    // What was remembered of the files says the same as they do.
    let second = exposition::openmetrics::encode(&collector);
    assert_eq!(first.is_ok(), second.is_ok());
    if let (Ok(first), Ok(second)) = (first, second) {
        assert_eq!(first, second);
        assert_well_formed(&first, false);
    }
    // The format that has native histograms.
    let _ = exposition::protobuf::encode(&collector);
});
