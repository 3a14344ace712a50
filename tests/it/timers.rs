//! Timers: what is timed, when it is observed, and when it is not.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use narthex::{Gauge, Histogram, Summary};

use crate::support::{panic_of, poll_once};

/// What the clock of timers and that of the system may differ by, as a share:
/// the system's is slewed when it is wrong.
const SLEW: f64 = 0.1;

/// Whether a time in seconds lies between two of the system, of which the one began later.
fn lies_between(inner: Duration, seconds: f64, outer: Duration) -> bool {
    let (inner, outer) = (inner.mul_f64(1.0 - SLEW), outer.mul_f64(1.0 + SLEW));
    (inner.as_secs_f64()..=outer.as_secs_f64()).contains(&seconds)
}

#[test]
fn a_closure_is_timed_and_its_result_handed_on() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").build()?;
    let begun = Instant::now();
    let result = histogram.time(|| {
        std::thread::sleep(Duration::from_millis(5));
        "x".parse::<i32>()
    });
    let whole = begun.elapsed();
    assert!(result.is_err());
    let snapshot = histogram.snapshot();
    assert_eq!(snapshot.count(), 1.0);
    let sum = snapshot.sum();
    assert!(lies_between(Duration::from_millis(5), sum, whole), "{sum} of {whole:?}");
    Ok(())
}

#[test]
fn a_panic_is_timed_too() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").build()?;
    assert_eq!(panic_of(|| histogram.time(|| panic!("boom"))), "boom");
    assert_eq!(histogram.snapshot().count(), 1.0);
    panic_of(|| {
        let _timer = histogram.start_timer();
        panic!("boom");
    });
    assert_eq!(histogram.snapshot().count(), 2.0);
    Ok(())
}

#[test]
fn a_guard_observes_once() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").build()?;
    {
        let timer = histogram.start_timer();
        assert_eq!(histogram.snapshot().count(), 0.0);
        assert!(timer.elapsed() <= timer.elapsed());
    }
    assert_eq!(histogram.snapshot().count(), 1.0);
    let before = histogram.snapshot().sum();
    let took = histogram.start_timer().stop();
    assert_eq!(histogram.snapshot().count(), 2.0);
    assert_eq!(histogram.snapshot().sum(), before + took.as_secs_f64());
    let _ = histogram.start_timer().discard();
    assert_eq!(histogram.snapshot().count(), 2.0);
    Ok(())
}

#[test]
fn labels_can_be_chosen_late() -> narthex::Result {
    let vec = Summary::builder("s", "h").labels(["method", "code"]).build()?;
    let timer = vec.start_timer();
    std::thread::sleep(Duration::from_millis(5));
    let timer = timer.labels(("GET", 404));
    // The child is chosen, the time still runs.
    assert_eq!(vec.labels(["GET", "404"]).count(), 0.0);
    let elapsed = timer.elapsed();
    assert!(elapsed >= Duration::from_millis(5).mul_f64(1.0 - SLEW));
    drop(timer);
    assert_eq!(vec.labels(["GET", "404"]).count(), 1.0);
    assert!(vec.labels(["GET", "404"]).sum() >= elapsed.as_secs_f64());

    let took = vec.start_timer().stop(["GET", "200"]);
    assert_eq!(vec.labels(["GET", "200"]).sum(), took.as_secs_f64());

    // Without labels there is nothing to observe.
    let timer = vec.start_timer();
    assert!(timer.elapsed() < Duration::from_secs(60));
    drop(timer);
    assert_eq!(vec.len(), 2);
    Ok(())
}

#[test]
fn children_are_timed_like_whole_metrics() -> narthex::Result {
    let vec = Histogram::builder("h", "h").labels(["l"]).build()?;
    vec.labels(["a"]).time(|| ());
    drop(vec.labels(["a"]).start_timer());
    assert_eq!(vec.labels(["a"]).snapshot().count(), 2.0);
    Ok(())
}

/// Ready at the n-th poll.
fn ready_at(polls: usize) -> Pin<Box<dyn Future<Output = &'static str>>> {
    let mut left = polls;
    Box::pin(poll_fn(move |_| {
        left -= 1;
        if left == 0 { Poll::Ready("done") } else { Poll::Pending }
    }))
}

#[test]
fn a_future_is_timed_from_its_first_poll_to_its_end() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").build()?;
    let created = Instant::now();
    let mut future = Box::pin(histogram.time_future(ready_at(3)));
    std::thread::sleep(Duration::from_millis(20));
    let first_poll = Instant::now();
    assert_eq!(poll_once(&mut future), Poll::Pending);
    assert_eq!(poll_once(&mut future), Poll::Pending);
    assert_eq!(histogram.snapshot().count(), 0.0);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(poll_once(&mut future), Poll::Ready("done"));
    let (since_poll, whole) = (first_poll.elapsed(), created.elapsed());
    assert_eq!(histogram.snapshot().count(), 1.0);
    let sum = histogram.snapshot().sum();
    assert!(lies_between(Duration::from_millis(5), sum, since_poll), "{sum} of {since_poll:?}");
    assert!(sum * (1.0 - SLEW) <= whole.as_secs_f64() - 0.02);
    drop(future);
    assert_eq!(histogram.snapshot().count(), 1.0);
    Ok(())
}

#[test]
fn a_future_that_is_dropped_early_observes_nothing() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").build()?;
    drop(histogram.time_future(ready_at(1)));
    let mut future = Box::pin(histogram.time_future(ready_at(2)));
    assert_eq!(poll_once(&mut future), Poll::Pending);
    drop(future);
    assert_eq!(histogram.snapshot().count(), 0.0);
    Ok(())
}

#[test]
fn a_future_that_panics_is_observed() -> narthex::Result {
    let summary = Summary::builder("s", "h").build()?;
    let mut future = Box::pin(summary.time_future(async { panic!("boom") }));
    assert_eq!(panic_of(|| poll_once(&mut future).is_ready()), "boom");
    drop(future);
    assert_eq!(summary.count(), 1.0);
    Ok(())
}

#[test]
fn a_gauge_keeps_the_duration_of_the_last_future() -> narthex::Result {
    let gauge = Gauge::builder("g", "h").build()?;
    gauge.set(-1);
    let mut future = Box::pin(gauge.time_future(async { 42 }));
    assert_eq!(poll_once(&mut future), Poll::Ready(42));
    assert!((0.0..60.0).contains(&gauge.get()));
    Ok(())
}

// From the first timer of a process, which asks the system, on to those that read ticks.
#[test]
fn a_timer_agrees_with_the_system() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").build()?;
    for _ in 0..10 {
        let outer = Instant::now();
        let timer = histogram.start_timer();
        let inner = Instant::now();
        std::thread::sleep(Duration::from_millis(5));
        let (shortest, before) = (inner.elapsed(), histogram.snapshot().sum());
        let took = timer.stop();
        let longest = outer.elapsed();
        assert!(
            lies_between(shortest, took.as_secs_f64(), longest),
            "{took:?} of {shortest:?} to {longest:?}"
        );
        assert_eq!(histogram.snapshot().sum(), before + took.as_secs_f64());
    }
    Ok(())
}
