//! Cells in memory in a model: totals, numbers that are set, and observations.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::loom::thread;

use super::level::Level;
use super::loom_slab::{set_pins, take_pins, take_slab};
use super::loom_sync::{Fault, explore, explore_up_to};
use super::native::NativeCell;
use super::native_book::NativeReading;
use super::native_limits::NativeLimits;
use super::observations::Observations;
use super::pins::{Grace, Pin};
use super::slab::Reader;
use super::sync::AtomicU64;
use super::tally::{More, Tally};

/// A total, and what it needs to be reset.
fn total() -> Arc<(Tally, More)> {
    Arc::new((Tally::new(), More::new()))
}

fn total_of((tally, more): &(Tally, More)) -> f64 {
    tally.get(Some(more), &mut Reader::new())
}

#[test]
fn a_total_loses_nothing_and_never_steps_back() {
    explore(None, || {
        let tally = Arc::new(Tally::new());
        // The first has cells of its own, the second has none.
        let writers = [1, 0].map(|slab| {
            let tally = tally.clone();
            thread::spawn(move || {
                take_slab(slab);
                tally.inc();
                tally.inc();
            })
        });
        let get = || tally.get(None, &mut Reader::new());
        let (first, second) = (get(), get());
        assert!(first <= second, "{first}, then {second}");
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(get(), 4.0);
    });
}

#[test]
fn a_total_that_is_reset_begins_at_zero() {
    explore(None, || {
        let total = total();
        take_slab(1);
        total.0.add(5.0, || &total.1);
        let resetting = thread::spawn({
            let total = total.clone();
            move || total.0.reset(&total.1)
        });
        let seen = total_of(&total);
        assert!([5.0, 0.0].contains(&seen), "{seen}");
        total.0.inc();
        resetting.join().unwrap();
        // The one was added before the reset or after it.
        let left = total_of(&total);
        assert!([0.0, 1.0].contains(&left), "{left}");
        total.0.reset(&total.1);
        assert_eq!(total_of(&total), 0.0);
    });
}

/// Two threads add, and a third sees some of it.
fn adding_to_a_level(fault: Option<Fault>) {
    explore(fault, || {
        let level = Arc::new(Level::new());
        level.set(8.0);
        let adders = [(1, 1.0), (2, 2.0)].map(|(slab, amount)| {
            let level = level.clone();
            thread::spawn(move || {
                take_slab(slab);
                level.add(amount);
            })
        });
        let seen = level.get(&mut Reader::new());
        assert!([8.0, 9.0, 10.0, 11.0].contains(&seen), "{seen}");
        for adder in adders {
            adder.join().unwrap();
        }
        assert_eq!(level.get(&mut Reader::new()), 11.0);
    });
}

#[test]
fn what_threads_add_to_a_level_comes_together() {
    adding_to_a_level(None);
}

/// What was added before it was set is gone, and a reader sees a moment that was.
fn setting_a_level(fault: Option<Fault>) {
    explore(fault, || {
        let level = Arc::new(Level::new());
        take_slab(1);
        level.add(1.0);
        let setter = thread::spawn({
            let level = level.clone();
            move || {
                take_slab(2);
                level.set(10.0);
                assert!([10.0, 12.0].contains(&level.get(&mut Reader::new())));
            }
        });
        let reader = thread::spawn({
            let level = level.clone();
            move || {
                let seen = level.get(&mut Reader::new());
                // 2 would be the amount that follows, without the number that it was added to.
                assert!([1.0, 3.0, 10.0, 12.0].contains(&seen), "{seen}");
            }
        });
        level.add(2.0);
        setter.join().unwrap();
        reader.join().unwrap();
        let left = level.get(&mut Reader::new());
        assert!([10.0, 12.0].contains(&left), "{left}");
        level.set(5.0);
        assert_eq!(level.get(&mut Reader::new()), 5.0);
    });
}

#[test]
fn a_reader_of_a_level_sees_a_moment_that_was() {
    setting_a_level(None);
}

#[test]
#[should_panic]
fn a_level_that_releases_nothing_is_caught() {
    setting_a_level(Some(Fault::NoRelease));
}

#[test]
#[should_panic]
fn a_level_that_acquires_nothing_is_caught() {
    setting_a_level(Some(Fault::NoAcquire));
}

#[test]
fn of_two_that_set_a_level_one_comes_last() {
    explore(None, || {
        let level = Arc::new(Level::new());
        take_slab(1);
        level.add(1.0);
        let setters = [10.0, 20.0].map(|value| {
            let level = level.clone();
            thread::spawn(move || level.set(value))
        });
        for setter in setters {
            setter.join().unwrap();
        }
        let left = level.get(&mut Reader::new());
        assert!([10.0, 20.0].contains(&left), "{left}");
        level.add(0.5);
        assert_eq!(level.get(&mut Reader::new()), left + 0.5);
    });
}

#[test]
fn a_thread_without_cells_adds_to_what_was_set() {
    explore(None, || {
        let level = Arc::new(Level::new());
        let adder = thread::spawn({
            let level = level.clone();
            move || level.add(1.0)
        });
        take_slab(1);
        level.add(2.0);
        adder.join().unwrap();
        assert_eq!(level.get(&mut Reader::new()), 3.0);
    });
}

/// Each observation is 1 in the first bucket or 8 in the second.
fn observing(slab: usize, fault: Option<Fault>) {
    explore(fault, move || observe(slab));
}

fn observe(slab: usize) {
    let observations = Arc::new(Observations::new(2));
    let reader = thread::spawn({
        let observations = observations.clone();
        move || {
            let mut buckets = Vec::new();
            let sum = observations.read(&mut Reader::new(), &mut buckets);
            assert_eq!(sum, buckets[0] + 8.0 * buckets[1]);
        }
    });
    // The first to run: that others read what it is about to write leads a model to less.
    take_slab(slab);
    observations.observe(0, 1.0, 1);
    observations.observe(1, 8.0, 1);
    observations.observe(0, 1.0, 1);
    reader.join().unwrap();
    let mut buckets = Vec::new();
    assert_eq!(
        (observations.read(&mut Reader::new(), &mut buckets), buckets),
        (10.0, vec![2.0, 1.0])
    );
}

#[test]
fn a_reader_sees_whole_observations() {
    observing(1, None);
}

#[test]
fn a_reader_sees_whole_observations_of_threads_that_share() {
    // All orders of events would take minutes.
    explore_up_to(3, || observe(0));
}

#[test]
#[should_panic]
fn observations_that_release_nothing_are_caught() {
    observing(1, Some(Fault::NoRelease));
}

#[test]
#[should_panic]
fn observations_that_are_not_acquired_are_caught() {
    observing(1, Some(Fault::NoAcquire));
}

#[test]
fn threads_that_share_cells_observe_one_after_the_other() {
    explore(None, || {
        let observations = Arc::new(Observations::new(1));
        let writers = [2.0, 3.0].map(|value| {
            let observations = observations.clone();
            thread::spawn(move || observations.observe(0, value, 1))
        });
        for writer in writers {
            writer.join().unwrap();
        }
        let mut count = Vec::new();
        assert_eq!((observations.read(&mut Reader::new(), &mut count), count), (5.0, vec![2.0]));
    });
}

fn native(max_buckets: usize) -> Arc<NativeCell> {
    let limits = NativeLimits {
        schema: 0,
        zero_threshold: 0.0,
        max_buckets,
        min_reset_seconds: None,
        max_zero_threshold: 0.0,
    };
    Arc::new(NativeCell::new(limits, 1, || 0.0))
}

/// The count of all buckets, that of the bucket of 1, and the sum.
fn read_native(cell: &NativeCell) -> (u64, u64, f64) {
    let mut reading = NativeReading::default();
    cell.read(&mut reading);
    let ones = reading.positive.iter().filter(|(bucket, _)| *bucket == 0);
    let ones = ones.map(|(_, count)| *count).sum();
    let all = reading.positive.iter().map(|(_, count)| *count).sum();
    assert_eq!(all, reading.below[0]);
    (all, ones, reading.sum)
}

/// A slot that one thread makes is written to by another one, and read by a third.
fn observing_natively(slab: usize) {
    let cell = native(2);
    let reader = thread::spawn({
        let cell = cell.clone();
        move || {
            let (all, ones, sum) = read_native(&cell);
            assert_eq!(sum, ones as f64 + 8.0 * (all - ones) as f64);
        }
    });
    let maker = thread::spawn({
        let cell = cell.clone();
        move || {
            take_slab(2);
            cell.observe(8.0, 1, 0);
        }
    });
    take_slab(slab);
    cell.observe(1.0, 1, 0);
    cell.observe(8.0, 1, 0);
    maker.join().unwrap();
    reader.join().unwrap();
    assert_eq!(read_native(&cell), (3, 1, 17.0));
}

#[test]
fn a_bucket_that_comes_into_being_has_whole_observations() {
    explore_up_to(2, || observing_natively(1));
}

#[test]
fn threads_without_cells_observe_in_buckets_that_come_into_being() {
    explore_up_to(2, || observing_natively(0));
}

/// The third bucket halves the resolution, while another thread goes on with the first.
#[test]
fn what_is_observed_while_the_resolution_is_halved_is_counted() {
    explore_up_to(2, || {
        let cell = native(2);
        let other = thread::spawn({
            let cell = cell.clone();
            move || {
                take_slab(2);
                cell.observe(4.0, 1, 0);
                cell.observe(4.0, 1, 0);
            }
        });
        take_slab(1);
        for value in [1.0, 2.0, 4.0] {
            cell.observe(value, 1, 0);
        }
        other.join().unwrap();
        // Of schema -1, the bucket 0 has 1, and the next one has 2 and 4.
        assert_eq!(read_native(&cell), (5, 1, 15.0));
    });
}

#[test]
fn what_somebody_looks_at_is_not_freed() {
    explore_up_to(4, || look_and_free(Pin::new));
}

/// As if a look that is under way were not told.
#[test]
#[should_panic = "it was freed"]
fn a_look_that_is_not_told_is_caught() {
    explore_up_to(4, || look_and_free(|| None));
}

/// One thread looks for something and at it, the other takes it away and frees it.
fn look_and_free(pin: fn() -> Option<Pin>) {
    struct Thing {
        is_there: AtomicU64,
        is_freed: AtomicU64,
    }

    // Leaked, as the words of real threads are never freed.
    let words = [0, 1].map(|_| &*Box::leak(Box::new(AtomicU64::new(0))));
    set_pins(&words);
    let thing = Arc::new(Thing { is_there: AtomicU64::new(1), is_freed: AtomicU64::new(0) });
    let looking = thread::spawn({
        let thing = thing.clone();
        move || {
            take_pins(words[0]);
            for _ in 0..2 {
                let _pin = pin();
                if thing.is_there.load(Ordering::Acquire) == 1 {
                    assert_eq!(thing.is_freed.load(Ordering::Relaxed), 0, "it was freed");
                }
            }
        }
    });
    take_pins(words[1]);
    thing.is_there.store(0, Ordering::Release);
    let mut grace = Grace::begin();
    while !grace.is_over() {
        thread::yield_now();
    }
    thing.is_freed.store(1, Ordering::Relaxed);
    looking.join().unwrap();
}
