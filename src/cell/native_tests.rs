//! Native histograms: threads that observe while others read and buckets become fewer, and time that passes.

use std::cell::Cell;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::native::NativeCell;
use super::native_book::NativeReading;
use super::native_limits::NativeLimits;

thread_local! {
    static NOW: Cell<f64> = const { Cell::new(0.0) };
}

fn now() -> f64 {
    NOW.get()
}

fn limits(schema: i32, max_buckets: usize) -> NativeLimits {
    NativeLimits {
        schema,
        zero_threshold: 0.001,
        max_buckets,
        min_reset_seconds: None,
        max_zero_threshold: 0.0,
    }
}

fn read(cell: &NativeCell) -> NativeReading {
    let mut reading = NativeReading::default();
    cell.read(&mut reading);
    reading
}

fn count_of(reading: &NativeReading) -> u64 {
    let sides = reading.negative.iter().chain(&reading.positive);
    reading.zero_count + sides.map(|(_, count)| count).sum::<u64>()
}

#[test]
fn what_was_reduced_begins_anew_as_soon_as_it_may() {
    NOW.set(100.0);
    let limits = NativeLimits { min_reset_seconds: Some(60.0), ..limits(0, 2) };
    let cell = NativeCell::new(limits, 1, now);
    for value in [1.0, 4.0, 16.0] {
        cell.observe(value, 1, 0);
    }
    // One, four and sixteen are in neighbouring buckets of schema -1, and in two of schema -2.
    let reading = read(&cell);
    assert_eq!((reading.schema, reading.started), (-2, 100.0));
    assert_eq!(reading.positive, [(0, 1), (1, 2)]);
    NOW.set(159.0);
    assert_eq!(read(&cell).positive, [(0, 1), (1, 2)]);
    NOW.set(160.0);
    let reading = read(&cell);
    assert_eq!((reading.schema, reading.started, reading.sum), (0, 160.0, 0.0));
    assert_eq!((count_of(&reading), &reading.below[..]), (0, &[0][..]));
    cell.observe(3.0, 2, 0);
    let reading = read(&cell);
    assert_eq!((reading.positive, reading.sum), (vec![(2, 2)], 6.0));
}

#[test]
fn what_is_old_enough_begins_anew_at_once() {
    NOW.set(100.0);
    let limits = NativeLimits { min_reset_seconds: Some(60.0), ..limits(0, 2) };
    let cell = NativeCell::new(limits, 1, now);
    cell.observe(f64::INFINITY, 1, 0);
    cell.observe(1.0, 1, 0);
    NOW.set(170.0);
    cell.observe(4.0, 1, 0);
    let reading = read(&cell);
    assert_eq!((reading.schema, reading.started, reading.sum), (0, 170.0, 4.0));
    assert_eq!(reading.positive, [(2, 1)]);
}

#[test]
fn widening_gives_way_when_it_has_made_too_many_slots() {
    let limits = NativeLimits { max_zero_threshold: 1e300, ..limits(3, 2) };
    let cell = NativeCell::new(limits, 1, now);
    for n in 0..200 {
        cell.observe(1.1_f64.powi(n), 1, 0);
    }
    let reading = read(&cell);
    assert!(reading.schema < 3, "{}", reading.schema);
    assert!(reading.positive.len() <= 2);
    assert_eq!(count_of(&reading), 200);
}

/// Values that are spread over many buckets, and whose sum is exact.
fn value(n: u64) -> f64 {
    let value = f64::from(1_u32 << (n * 7 % 20)) + (n % 3) as f64;
    if n % 4 == 0 { -value } else { value }
}

#[test]
fn nothing_is_lost_while_the_resolution_is_reduced() {
    let (threads, each, rounds) = (4, 4000, 20);
    for _ in 0..rounds {
        let cell = NativeCell::new(limits(8, 6), 3, now);
        let below = |value: f64| usize::from(value > 0.0) + usize::from(value > 100.0);
        let (begin, is_done) = (Barrier::new(threads + 1), AtomicBool::new(false));
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                begin.wait();
                let mut last = 0;
                while !is_done.load(Ordering::Relaxed) {
                    let reading = read(&cell);
                    let count = count_of(&reading);
                    assert_eq!(count, reading.below.iter().sum::<u64>());
                    assert_eq!(
                        reading.negative.iter().map(|(_, n)| n).sum::<u64>(),
                        reading.below[0]
                    );
                    assert!(count >= last, "{count} after {last}");
                    // Each observation is -2^20 - 2 to 2^20 + 2.
                    assert!(reading.sum.abs() <= count as f64 * 1_048_578.0);
                    last = count;
                }
            });
            let observers: Vec<_> = (0..threads as u64)
                .map(|thread| {
                    let (cell, begin) = (&cell, &begin);
                    scope.spawn(move || {
                        begin.wait();
                        for n in 0..each {
                            let value = value(n + thread);
                            cell.observe(value, 1, below(value));
                        }
                    })
                })
                .collect();
            observers.into_iter().for_each(|observer| observer.join().unwrap());
            is_done.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
        let reading = read(&cell);
        let all = (0..threads as u64).flat_map(|thread| (0..each).map(move |n| value(n + thread)));
        assert_eq!(reading.sum, all.clone().sum::<f64>());
        assert_eq!(count_of(&reading), threads as u64 * each);
        let below_zero = all.clone().filter(|value| *value < 0.0).count() as u64;
        assert_eq!(reading.negative.iter().map(|(_, n)| n).sum::<u64>(), below_zero);
        assert_eq!(reading.below[2], all.filter(|value| *value > 100.0).count() as u64);
        assert!(reading.schema < 8 && reading.negative.len() + reading.positive.len() <= 6);
    }
}

/// Whoever has observed after a reset is counted, and nothing of before is, whatever threads do.
#[test]
fn a_reset_keeps_no_more_and_loses_no_more_than_it_says() {
    let limits = NativeLimits { min_reset_seconds: Some(1.0), ..limits(0, 1) };
    let cell = NativeCell::new(limits, 1, now);
    let rounds = 200;
    let (begin, end) = (Barrier::new(3), Barrier::new(3));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    begin.wait();
                    (0..50).for_each(|_| cell.observe(1.0, 1, 0));
                    end.wait();
                }
            });
        }
        for round in 0..rounds {
            // One bucket more than may be, so that it is to begin anew as soon as it may.
            cell.observe(64.0, 1, 0);
            cell.observe(1.0, 1, 0);
            NOW.set(f64::from(2 * round + 2));
            begin.wait();
            read(&cell);
            (0..3).for_each(|_| cell.observe(1.0, 1, 0));
            end.wait();
            let reading = read(&cell);
            let count = count_of(&reading);
            assert_eq!((reading.sum, reading.below[0]), (count as f64, count));
            assert_eq!(reading.positive, [(0, count)]);
            assert!((3..=103).contains(&count), "{count}");
        }
    });
}

#[test]
fn cells_that_are_used_again_begin_at_zero() {
    let rounds = 200;
    for round in 0..rounds {
        let cell = NativeCell::new(limits(3, 100), 1, now);
        thread::scope(|scope| {
            for thread in 0..2 {
                let cell = &cell;
                scope.spawn(move || {
                    for n in 0..20 + round % 5 {
                        cell.observe(f64::from(1 + n * (1 + thread)), 1, 0);
                    }
                });
            }
        });
        assert_eq!(count_of(&read(&cell)), 2 * (20 + round as u64 % 5));
    }
}
