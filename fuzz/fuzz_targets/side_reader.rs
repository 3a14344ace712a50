//! Whatever a side file holds, reading it neither panics nor writes a bad line.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use narthex::Counter;
use narthex::exposition;
use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
use narthex_fuzz::assert_well_formed;
use tempfile::TempDir;

static DIR: OnceLock<TempDir> = OnceLock::new();

/// A directory with cells that side files can speak of, of a worker that lives and of one that does not.
fn directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["1", "2"] {
        let store = MultiprocessStore::builder(dir.path()).identifier(name).open().expect("a store");
        let counter = Counter::builder("c", "h").labels(["l"]).store(&store).build().expect("a metric");
        counter.labels(["a"]).inc();
        counter.labels(["b"]).inc();
    }
    fs::write(dir.path().join("2.lock"), "").expect("a file");
    dir
}

fuzz_target!(|data: &[u8]| {
    let dir = DIR.get_or_init(directory).path();
    for name in ["1.narthex", "2.narthex"] {
        fs::write(dir.join(name), data).expect("a file");
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
});
