//! Whatever lies in a shared directory, reading it neither panics nor writes a bad line.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use narthex::exposition;
use narthex::multiprocess::MultiProcessCollector;
use narthex_fuzz::{assert_well_formed, scratch};
use tempfile::TempDir;

static DIR: OnceLock<TempDir> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let dir = DIR.get_or_init(scratch).path();
    for name in ["counter_1.db", "gauge_all_2.db", "gauge_mostrecent_3.db", "histogram_4.db"] {
        fs::write(dir.join(name), data).expect("a file");
    }
    let collector = MultiProcessCollector::new(dir).expect("a directory");
    if let Ok(text) = exposition::text::encode(&collector) {
        assert_well_formed(&text, false);
    }
});
