//! Values of side files in a model: one process replaces them while another reads the file.

use std::path::Path;

use loom::thread;

use super::reader::{entries, mend, read_from};
use crate::cell::loom_memory::Opened;
use crate::cell::loom_sync::{Fault, explore};
use crate::cell::side::{NewEntry, SideFile};
use crate::multiprocess::reader::Room;

fn new<'a>(key: &'a [u8], words: &'a [u64], value: Option<&'a [u8]>) -> NewEntry<'a> {
    NewEntry { kind: 9, key, words, value, capacity: 8 }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn create(path: &Path) -> std::sync::Arc<SideFile> {
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
