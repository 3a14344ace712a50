//! Values of side files in a model: one process replaces them while another reads the file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::thread;

use super::entry_kind::NATIVE;
use super::reader::{entries, mend, read_from};
use super::row_key::rows_key;
use super::said::Said;
use crate::cell::NativeLimits;
use crate::cell::loom_memory::Opened;
use crate::cell::loom_sync::{Fault, explore, explore_up_to};
use crate::cell::native_entry::{NativeName, words};
use crate::cell::native_file::{NativeRows, SharedNative};
use crate::cell::side::{NewEntry, SideFile, SideSlot};
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::reader::Room;

fn new<'a>(key: &'a [u8], words: &'a [u64], value: Option<&'a [u8]>) -> NewEntry<'a> {
    NewEntry { kind: 9, key, words, value, capacity: 8 }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn create(path: &Path) -> Arc<SideFile> {
    let _ = std::fs::remove_file(path);
    SideFile::create(path).unwrap()
}

/// The keys and values of the sound entries, and how many are damaged.
fn read(path: &Path, mends: bool) -> (Vec<(Vec<u8>, Vec<u8>)>, usize) {
    let mut room = Room::default();
    let mut file = Opened::at(path).unwrap();
    let len = read_from(&mut file, |_, used| Ok(used), &mut room).unwrap();
    let bytes = room.first(len);
    if mends {
        mend(&mut file, bytes).unwrap();
    }
    let (entries, damages) = entries(bytes);
    let pair = |key: &[u8], value: Option<&[u8]>| (key.to_vec(), value.unwrap_or(b"").to_vec());
    (entries.iter().map(|entry| pair(entry.key, entry.value)).collect(), damages.len())
}

fn appended_entries_are_whole(fault: Option<Fault>) {
    let dir = directory();
    explore(fault, move || {
        let path = dir.path().join("1.narthex");
        let side = create(&path);
        let writer = thread::spawn(move || {
            side.append(&new(b"a", &[7], None)).unwrap();
            side.append(&new(b"b", &[], Some(b"value"))).unwrap();
        });
        let all = [(b"a".to_vec(), b"".to_vec()), (b"b".to_vec(), b"value".to_vec())];
        let (seen, damages) = read(&path, false);
        assert_eq!(damages, 0);
        assert_eq!(seen, all[..seen.len()]);
        writer.join().unwrap();
        assert_eq!(read(&path, false), (all.to_vec(), 0));
    });
}

#[test]
fn a_reader_in_another_process_sees_entries_whole() {
    appended_entries_are_whole(None);
}

#[test]
#[should_panic]
fn entries_that_are_counted_before_they_are_written_are_caught() {
    appended_entries_are_whole(Some(Fault::LateBytes));
}

#[test]
#[should_panic]
fn a_count_that_releases_nothing_is_caught() {
    appended_entries_are_whole(Some(Fault::NoRelease));
}

/// However much of one write is to be seen, and in whichever order: as after a kill at any instant.
#[test]
fn while_a_value_is_replaced_the_old_or_the_new_one_is_whole() {
    let dir = directory();
    explore(None, move || {
        let path = dir.path().join("1.narthex");
        let side = create(&path);
        let slot = side.append(&new(b"k", &[], Some(b"old"))).unwrap();
        let writer = thread::spawn(move || assert!(slot.write(b"new one")));
        let (seen, damages) = read(&path, false);
        assert_eq!(damages, 0);
        assert!(seen[0].1 == b"old" || seen[0].1 == b"new one", "{seen:?}");
        writer.join().unwrap();
        assert_eq!(read(&path, false).0[0].1, b"new one");
    });
}

#[test]
fn while_a_value_is_replaced_twice_none_is_taken_for_another() {
    let dir = directory();
    explore(None, move || {
        let path = dir.path().join("1.narthex");
        let side = create(&path);
        let slot = side.append(&new(b"k", &[], Some(b"1"))).unwrap();
        let writer = thread::spawn(move || assert!(slot.write(b"22") && slot.write(b"333")));
        // None may be whole by now, but one that is must be one of them.
        for (_, value) in read(&path, false).0 {
            assert!([&b"1"[..], b"22", b"333"].contains(&&*value), "{value:?}");
        }
        writer.join().unwrap();
        assert_eq!(read(&path, true), (vec![(b"k".to_vec(), b"333".to_vec())], 0));
    });
}

/// Of so many buckets, the one of 1 may become part of the zero bucket.
fn limits(max_buckets: usize) -> NativeLimits {
    NativeLimits {
        schema: 0,
        zero_threshold: 0.0,
        max_buckets,
        min_reset_seconds: None,
        max_zero_threshold: 1.0,
    }
}

/// Where the buckets of a histogram have room, unless it is full.
struct Buckets {
    file: Arc<SideFile>,
    limits: NativeLimits,
    is_full: Arc<AtomicBool>,
}

impl NativeRows for Buckets {
    fn are_filed(&self) -> bool {
        true
    }

    fn append(&self, is_short: bool, buckets: &[(NativeName, u64)]) -> Option<SideSlot> {
        let key = rows_key(FileKind::Histogram, &[8, 40]);
        let words = words(&self.limits, is_short, buckets.to_vec());
        let new = NewEntry { kind: NATIVE, key: &key, words: &words, value: None, capacity: 0 };
        let is_full = self.is_full.load(Ordering::Relaxed);
        (!is_full).then(|| self.file.append(&new).ok()).flatten()
    }
}

fn buckets(path: &Path, max_buckets: usize, is_full: &Arc<AtomicBool>) -> Arc<SharedNative> {
    let limits = limits(max_buckets);
    let rows = Buckets { file: create(path), limits, is_full: is_full.clone() };
    SharedNative::new(limits, 1, || 0.0, Box::new(rows))
}

/// How many observations the file tells of; none if it says that it has not all.
fn count(path: &Path) -> Option<f64> {
    let mut room = Room::default();
    let mut file = Opened::at(path).unwrap();
    let len = read_from(&mut file, |_, used| Ok(used), &mut room).unwrap();
    let (said, damages) = Said::of(room.first(len));
    assert_eq!(damages, []);
    said.rows.get(FileKind::Histogram)?.count(40)
}

/// Threads observe in buckets that come into being, the third of which is too many.
#[test]
fn what_threads_observe_while_buckets_change_is_in_the_file() {
    let dir = directory();
    explore_up_to(1, move || {
        let path = dir.path().join("1.narthex");
        let native = buckets(&path, 2, &Arc::default());
        native.observe(1.0, 1, 0);
        let other = thread::spawn({
            let native = native.clone();
            move || {
                native.observe(1.0, 1, 0);
                native.observe(4.0, 1, 0);
            }
        });
        native.observe(8.0, 2, 0);
        native.observe(4.0, 1, 0);
        let (first, second) = (count(&path), count(&path));
        // What this thread has observed it sees; what the other one has, perhaps.
        assert!(first >= Some(4.0) && second >= first, "{first:?}, then {second:?}");
        other.join().unwrap();
        assert_eq!(count(&path), Some(6.0));
    });
}

/// Who reads meanwhile sees that something is missing, or all.
#[test]
fn what_finds_room_is_seen_with_all_that_it_has() {
    let dir = directory();
    explore_up_to(3, move || {
        let path = dir.path().join("1.narthex");
        let is_full = Arc::new(AtomicBool::new(false));
        let native = buckets(&path, 100, &is_full);
        native.observe(1.0, 1, 0);
        is_full.store(true, Ordering::Relaxed);
        // More buckets than one entry has room for.
        for power in 1..18 {
            native.observe(f64::from(1 << power), 1, 0);
        }
        is_full.store(false, Ordering::Relaxed);
        let mover = thread::spawn({
            let native = native.clone();
            move || native.file_amounts()
        });
        let seen = count(&path);
        assert!([None, Some(18.0)].contains(&seen), "{seen:?}");
        mover.join().unwrap();
        assert_eq!(count(&path), Some(18.0));
    });
}
