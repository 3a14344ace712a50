//! What is done to mapped bytes, small enough to be run by Miri, which judges every access.

use std::convert::identity;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, process, thread};

use super::growing::Growing;
use super::mapped::MappedFile;
use super::native_book::NativeReading;
use super::native_entry::{NativeName, words};
use super::native_file::{NativeRows, SharedNative};
use super::native_limits::NativeLimits;
use super::rows::Rows;
use super::shared::{SharedCell, WaitingCell};
use super::side::{HEAD, NewEntry, SideFile, SideSlot, USED_AT};

/// So long that a few fill a segment.
const LONG: usize = if cfg!(miri) { 41 } else { 17_000 };

/// A file that goes when the test ends.
struct Temporary(PathBuf, File);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("narthex-{}-{name}", process::id()));
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&path).unwrap();
        Self(path, file)
    }

    fn growing(&self, head: &[u8], count_at: usize, order: fn(u32) -> u32) -> Growing {
        Growing::on(self.1.try_clone().unwrap(), head, count_at, order).unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn threads_append_and_add_in_several_segments() {
    let temporary = Temporary::new("append");
    let file = MappedFile::on(temporary.growing(&[0; 8], 0, identity), None);
    thread::scope(|scope| {
        for thread in 0..3u8 {
            let file = &file;
            scope.spawn(move || {
                for round in 0..3u8 {
                    file.cell(b"shared").unwrap().add(1.0);
                    let own = file.cell(&[vec![round; LONG], vec![thread]].concat()).unwrap();
                    own.set_at(2.0, 3.0);
                    assert_eq!((own.get(), own.timestamp()), (2.0, 3.0));
                }
            });
        }
    });
    let shared = file.cell(b"shared").unwrap();
    assert_eq!(shared.get(), 9.0);
    // Its key is read back from the file, so that another row can take its place.
    Rows::of(&[shared]).unwrap().disown();
    assert_eq!(file.cell(b"shared").unwrap().get(), 0.0);
}

#[test]
fn a_number_moves_while_others_add() {
    let temporary = Temporary::new("move");
    let file = MappedFile::on(temporary.growing(&[0; 8], 0, identity), None);
    let waiting = Arc::new(WaitingCell::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let cell = SharedCell::Waiting(waiting.clone());
                (0..10).for_each(|_| cell.add(1.0));
            });
        }
        waiting.move_to(file.cell(b"a").unwrap());
    });
    assert_eq!(file.cell(b"a").unwrap().get(), 20.0);
}

#[test]
fn threads_replace_values_that_lie_in_two_segments() {
    let temporary = Temporary::new("side");
    let file = SideFile::on(temporary.growing(&HEAD, USED_AT, u32::to_le));
    let new =
        NewEntry { kind: 9, key: b"k", words: &[1, 2], value: Some(b"v"), capacity: 2 * LONG };
    let slot = file.append(&new).unwrap();
    thread::scope(|scope| {
        for byte in 0..3 {
            let slot = &slot;
            scope.spawn(move || {
                assert!(slot.write(&vec![byte; LONG + 1]));
                slot.set_word(0, 7);
                assert_eq!((slot.word(0), slot.word(1)), (7, 2));
            });
        }
    });
    slot.close();
    assert!(!slot.write(&[0; 4 * LONG]));
}

#[test]
fn threads_add_in_rows_of_their_own() {
    let temporary = Temporary::new("lanes");
    let file = MappedFile::on(temporary.growing(&[0; 8], 0, identity), Some(Box::new(|_, _| true)));
    let cell = file.cell(b"a").unwrap();
    cell.add(1.0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                cell.add(2.0);
                cell.add(2.0);
            });
        }
    });
    cell.reset();
    cell.add(0.5);
    thread::scope(|scope| scope.spawn(|| cell.add(4.0)).join()).unwrap();
    assert_eq!(cell.get(), 4.5);
    drop(cell);
    assert_eq!(file.cell(b"a").unwrap().get(), 4.5);
}

const LIMITS: NativeLimits = NativeLimits {
    schema: 0,
    zero_threshold: 0.0,
    max_buckets: 3,
    min_reset_seconds: None,
    max_zero_threshold: 0.0,
};

impl NativeRows for Arc<SideFile> {
    fn are_filed(&self) -> bool {
        true
    }

    fn append(&self, is_short: bool, buckets: &[(NativeName, u64)]) -> Option<SideSlot> {
        let words = words(&LIMITS, is_short, buckets.to_vec());
        let new = NewEntry { kind: 8, key: b"k", words: &words, value: None, capacity: 0 };
        SideFile::append(self, &new).ok()
    }
}

#[test]
fn threads_observe_in_buckets_that_come_into_being() {
    let temporary = Temporary::new("natives");
    let file = SideFile::on(temporary.growing(&HEAD, USED_AT, u32::to_le));
    let native = SharedNative::new(LIMITS, 1, || 0.0, Box::new(file.clone()));
    thread::scope(|scope| {
        for thread in 0..2 {
            let native = &native;
            scope.spawn(move || {
                for round in 0..4 {
                    native.observe(f64::from(1 << (2 * round + thread)), 1, 0);
                }
            });
        }
        // As before a `fork`, which does not wait for those who add to a bucket.
        #[cfg(unix)]
        scope.spawn(|| assert!(file.bytes().len() >= HEAD.len()));
    });
    let mut reading = NativeReading::default();
    native.read(&mut reading);
    assert_eq!(reading.below, [8]);
}
