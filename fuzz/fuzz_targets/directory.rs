//! Whatever lies in a shared directory, readers and folds neither panic nor write a bad line.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use narthex::exposition;
use narthex::multiprocess::inspect::{inspect_dir, inspect_file};
use narthex::multiprocess::{MultiProcessCollector, compact, mark_process_dead};
use narthex_fuzz::{NAMES, assert_well_formed, scratch, seal, unpack};
use tempfile::TempDir;

static DIR: OnceLock<TempDir> = OnceLock::new();

fn empty(dir: &Path) {
    for file in fs::read_dir(dir).expect("a directory") {
        fs::remove_file(file.expect("a file").path()).expect("a file");
    }
}

/// What readers see of the workers, without what the directory tells of itself.
fn merged(dir: &Path) -> Option<String> {
    let collector = MultiProcessCollector::new(dir).expect("a directory").folding(false);
    let first = exposition::openmetrics::encode(&collector).ok();
    // What is remembered says the same as the files do.
    assert_eq!(first, exposition::openmetrics::encode(&collector).ok());
    let text = first?;
    assert_well_formed(&text, false);
    let own = |line: &&str| !line.contains("narthex_multiprocess_");
    Some(text.lines().filter(own).collect())
}

// The first byte says what is done, the others which files there are.
fuzz_target!(|data: &[u8]| {
    let Some((&todo, row)) = data.split_first() else { return };
    let dir = DIR.get_or_init(scratch).path();
    empty(dir);
    for (name, content) in unpack(row) {
        let mut content = content.to_vec();
        if todo & 1 != 0 && name.ends_with(".narthex") {
            seal(&mut content);
        }
        fs::write(dir.join(name), content).expect("a file");
    }
    merged(dir);
    let raw = MultiProcessCollector::new(dir).expect("a directory").folding(false);
    if let Ok(text) = exposition::text::encode(&raw.without_accumulation()) {
        assert_well_formed(&text, false);
    }
    inspect_dir(dir).expect("a directory");
    for name in NAMES {
        let _ = inspect_file(dir.join(name));
    }
    if todo & 2 != 0 {
        let _ = mark_process_dead(dir, 1);
        merged(dir);
    }
    if todo & 4 != 0 && compact(dir).is_ok() {
        let folded = merged(dir);
        // Nothing is left to do.
        assert!(compact(dir).is_ok());
        assert_eq!(merged(dir), folded);
    }
});
