//! Cells of one process in a model: numbers with their times, and numbers that move into a file.

use std::convert::identity;
use std::fs::File;
use std::sync::Arc;

use ::loom::thread;

use super::growing::Growing;
use super::loom_slab::take_slab;
use super::loom_sync::{Fault, explore, explore_up_to};
use super::mapped::{MappedCell, MappedFile};
use super::shared::{SharedCell, WaitingCell};

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn cell(dir: &tempfile::TempDir) -> MappedCell {
    let path = dir.path().join("gauge_mostrecent_1.db");
    let _ = std::fs::remove_file(&path);
    MappedFile::create(&path).unwrap().cell(b"a").unwrap()
}

/// The number is a tenth of its time.
fn a_value_is_seen_with_its_time(fault: Option<Fault>) {
    let dir = directory();
    explore(fault, move || {
        let cell = cell(&dir);
        let writer = thread::spawn({
            let cell = cell.clone();
            move || {
                cell.set_at(1.0, 10.0);
                cell.set_at(2.0, 20.0);
            }
        });
        let value = cell.get();
        let time = cell.timestamp();
        assert!(time >= value * 10.0, "{value} at {time}");
        writer.join().unwrap();
        assert_eq!((cell.get(), cell.timestamp()), (2.0, 20.0));
    });
}

#[test]
fn who_sees_a_value_sees_its_time_or_a_later_one() {
    a_value_is_seen_with_its_time(None);
}

#[test]
#[should_panic]
fn a_value_that_releases_nothing_is_caught() {
    a_value_is_seen_with_its_time(Some(Fault::NoRelease));
}

#[test]
#[should_panic]
fn a_value_that_acquires_nothing_is_caught() {
    a_value_is_seen_with_its_time(Some(Fault::NoAcquire));
}

fn adding_while_a_number_moves(fault: Option<Fault>) {
    let dir = directory();
    explore(fault, move || {
        let filed = cell(&dir);
        let waiting = Arc::new(WaitingCell::new());
        let shared = SharedCell::Waiting(waiting.clone());
        shared.add(1.0);
        let adder = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.add(2.0);
                // What it has added it sees, wherever that is by now.
                assert!(shared.get() >= 3.0);
            }
        });
        let mover = thread::spawn({
            let filed = filed.clone();
            move || waiting.move_to(filed)
        });
        let first = shared.get();
        let second = shared.get();
        assert!(first <= second, "{first}, then {second}");
        assert!([1.0, 3.0].contains(&first) && [1.0, 3.0].contains(&second));
        adder.join().unwrap();
        mover.join().unwrap();
        assert_eq!((shared.get(), filed.get()), (3.0, 3.0));
    });
}

#[test]
fn what_is_added_while_the_number_moves_is_counted_once() {
    adding_while_a_number_moves(None);
}

#[test]
#[should_panic]
fn a_move_that_releases_nothing_is_caught() {
    adding_while_a_number_moves(Some(Fault::NoRelease));
}

#[test]
#[should_panic]
fn a_move_that_is_not_acquired_is_caught() {
    adding_while_a_number_moves(Some(Fault::NoAcquire));
}

#[test]
fn who_moves_second_moves_nothing() {
    let dir = directory();
    explore(None, move || {
        let filed = cell(&dir);
        let waiting = Arc::new(WaitingCell::new());
        let shared = SharedCell::Waiting(waiting.clone());
        shared.add(1.0);
        let movers = [0, 1].map(|_| {
            let (waiting, filed) = (waiting.clone(), filed.clone());
            thread::spawn(move || waiting.move_to(filed))
        });
        shared.add(2.0);
        for mover in movers {
            mover.join().unwrap();
        }
        assert_eq!((shared.get(), filed.get()), (3.0, 3.0));
    });
}

/// Sets numbers while they move; the last one has its time in the file.
fn setting_while_a_number_moves(values: [f64; 2]) {
    let dir = directory();
    explore(None, move || {
        let filed = cell(&dir);
        let waiting = Arc::new(WaitingCell::new());
        let shared = SharedCell::Waiting(waiting.clone());
        shared.set(values[0], Some(10.0));
        let mover = thread::spawn({
            let filed = filed.clone();
            move || waiting.move_to(filed)
        });
        shared.set(values[1], Some(20.0));
        mover.join().unwrap();
        assert_eq!((filed.get(), filed.timestamp()), (values[1], 20.0));
    });
}

#[test]
fn what_is_set_while_the_number_moves_has_its_time() {
    setting_while_a_number_moves([1.0, 2.0]);
}

#[test]
fn what_is_set_again_while_the_number_moves_has_its_new_time() {
    setting_while_a_number_moves([1.0, 1.0]);
}

/// A file in which threads add in rows of their own.
fn lane(dir: &tempfile::TempDir) -> MappedCell {
    let path = dir.path().join("counter_1.db");
    let _ = std::fs::remove_file(&path);
    MappedFile::create_with_lanes(&path, Box::new(|_, _| true)).unwrap().cell(b"a").unwrap()
}

#[test]
fn what_threads_add_in_rows_comes_together() {
    let dir = directory();
    explore(None, move || {
        let cell = lane(&dir);
        // One has cells of its own, and the other one shares those of all.
        let adders = [(1, 1.0), (0, 2.0)].map(|(slab, amount)| {
            let cell = cell.clone();
            thread::spawn(move || {
                take_slab(slab);
                cell.add(amount);
                cell.add(amount);
            })
        });
        let (first, second) = (cell.get(), cell.get());
        assert!(first <= second, "{first}, then {second}");
        for adder in adders {
            adder.join().unwrap();
        }
        assert_eq!(cell.get(), 6.0);
    });
}

#[test]
fn threads_without_rows_of_their_own_share_one() {
    let dir = directory();
    explore_up_to(3, move || {
        let cell = lane(&dir);
        let adders = [1.0, 2.0].map(|amount| {
            let cell = cell.clone();
            thread::spawn(move || {
                cell.add(amount);
                cell.add(amount);
            })
        });
        for adder in adders {
            adder.join().unwrap();
        }
        assert_eq!(cell.get(), 6.0);
    });
}

/// The same, with room for the first row of a key and no other.
fn full_lane() -> MappedCell {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    let memory = File::from(memfd_create("cells", MemfdFlags::ALLOW_SEALING).unwrap());
    let view = memory.try_clone().unwrap();
    let growing = Growing::on(memory, &[0; 8], 0, identity).unwrap();
    fcntl_add_seals(&view, SealFlags::GROW).unwrap();
    // 8 + 4 + 16 + 4 + 16 = 48 bytes of 64.
    MappedFile::on(growing, Some(Box::new(|_, _| true))).cell(&[b'a'; 16]).unwrap()
}

#[test]
fn a_thread_that_finds_no_room_is_given_the_row_of_another() {
    explore_up_to(3, || {
        let cell = full_lane();
        let adders = [(1, 1.0), (2, 2.0)].map(|(slab, amount)| {
            let cell = cell.clone();
            thread::spawn(move || {
                take_slab(slab);
                cell.add(amount);
                cell.add(amount);
                cell.add(amount);
            })
        });
        for adder in adders {
            adder.join().unwrap();
        }
        assert_eq!(cell.get(), 9.0);
    });
}

#[test]
fn a_reset_is_before_what_is_added_or_after_it() {
    let dir = directory();
    explore(None, move || {
        let cell = lane(&dir);
        let adder = thread::spawn({
            let cell = cell.clone();
            move || {
                take_slab(1);
                cell.add(1.0);
                cell.add(1.0);
            }
        });
        cell.reset();
        adder.join().unwrap();
        let left = cell.get();
        assert!([0.0, 1.0, 2.0].contains(&left), "{left}");
        // Whatever the file has, the process does not count it.
        cell.reset();
        assert_eq!(cell.get(), 0.0);
    });
}
