//! Rows of cells in a model: one process publishes them while another reads the file.

use std::path::Path;
use std::sync::Arc;

use loom::thread;

use super::reader::{Room, entries, read_from};
use crate::cell::loom_memory::Opened;
use crate::cell::loom_sync::{Fault, explore};
use crate::cell::mapped::MappedFile;

/// Every key with its value; damage is a panic.
fn rows(path: &Path) -> Vec<(String, f64)> {
    let mut room = Room::default();
    let size = |_: &Opened, used| Ok(used);
    let len = read_from(&mut Opened::at(path).unwrap(), size, &mut room).unwrap();
    let bytes = room.first(len);
    let (entries, damage) = entries(bytes);
    assert_eq!(damage, None);
    let row = |key: &[u8]| String::from_utf8(key.to_vec()).unwrap();
    entries.iter().map(|entry| (row(entry.key), entry.value)).collect()
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A thread appends rows, of which the last one needs a second segment, and
/// adds to them; a reader in another process reads twice.
fn published_rows_are_whole(fault: Option<Fault>) {
    let dir = directory();
    explore(fault, move || {
        let path = dir.path().join("counter_1.db");
        let _ = std::fs::remove_file(&path);
        let file = MappedFile::create(&path).unwrap();
        file.cell(b"a").unwrap().add(1.0);
        let writer = thread::spawn({
            let file = file.clone();
            move || {
                // 8 of header, 24 for each row: the third begins at 56, 8 before the end.
                for key in [b"b", b"c"] {
                    file.cell(key).unwrap().add(2.0);
                }
            }
        });
        let mut before = 0;
        for _ in 0..2 {
            let seen = rows(&path);
            assert!(seen.len() >= before);
            for ((key, value), expected) in seen.iter().zip(["a", "b", "c"]) {
                assert_eq!(key, expected);
                assert!(*value == 0.0 || *value == if key == "a" { 1.0 } else { 2.0 });
            }
            before = seen.len();
        }
        writer.join().unwrap();
        let all = [("a", 1.0), ("b", 2.0), ("c", 2.0)].map(|(key, value)| (key.to_owned(), value));
        assert_eq!(rows(&path), all);
    });
}

#[test]
fn a_reader_in_another_process_sees_rows_whole() {
    published_rows_are_whole(None);
}

#[test]
#[should_panic]
fn rows_that_are_counted_before_they_are_written_are_caught() {
    published_rows_are_whole(Some(Fault::LateBytes));
}

#[test]
#[should_panic]
fn a_count_that_releases_nothing_is_caught() {
    published_rows_are_whole(Some(Fault::NoRelease));
}

#[test]
#[should_panic]
fn a_reader_that_acquires_nothing_is_caught() {
    published_rows_are_whole(Some(Fault::NoAcquire));
}

#[test]
fn threads_append_each_key_once_and_lose_no_amount() {
    let dir = directory();
    explore(None, move || {
        let path = dir.path().join("counter_1.db");
        let _ = std::fs::remove_file(&path);
        let file: Arc<MappedFile> = MappedFile::create(&path).unwrap();
        let other = thread::spawn({
            let file = file.clone();
            move || file.cell(b"a").unwrap().add(1.0)
        });
        file.cell(b"a").unwrap().add(2.0);
        let seen = rows(&path);
        assert_eq!(seen.len(), 1);
        assert!([2.0, 3.0].contains(&seen[0].1) || seen[0].1 == 0.0 || seen[0].1 == 1.0);
        other.join().unwrap();
        assert_eq!(rows(&path), [("a".to_owned(), 3.0)]);
    });
}
