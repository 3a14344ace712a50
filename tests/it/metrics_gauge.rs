//! Gauges: set, moved, timed, and read from a function.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use narthex::{CollectorRegistry, FailurePolicy, Gauge, exposition};

use crate::support::{lines, now, panic_of};

#[test]
fn goes_up_and_down() -> narthex::Result {
    let gauge = Gauge::builder("queue", "Waiting.").build()?;
    assert_eq!(gauge.get(), 0.0);
    gauge.set(7);
    gauge.inc();
    gauge.inc_by(0.5);
    gauge.dec();
    gauge.dec_by(2_u8);
    assert_eq!(gauge.get(), 5.5);
    gauge.inc_by(-10);
    assert_eq!(gauge.get(), -4.5);
    gauge.try_inc_by(1.5)?;
    assert_eq!(gauge.get(), -3.0);
    gauge.set(Duration::from_millis(250));
    assert_eq!(gauge.get(), 0.25);
    assert_eq!(lines(&gauge), ["queue 0.25"]);
    Ok(())
}

#[test]
fn takes_every_number() -> narthex::Result {
    let gauge = Gauge::builder("g", "h").build()?;
    for (value, line) in [
        (f64::INFINITY, "g +Inf"),
        (f64::NEG_INFINITY, "g -Inf"),
        (f64::NAN, "g NaN"),
        (-0.0, "g -0.0"),
        (-1e6, "g -1000000.0"),
        (1e6, "g 1e+06"),
    ] {
        gauge.set(value);
        assert_eq!(lines(&gauge), [line]);
    }
    gauge.set(f64::INFINITY);
    gauge.dec_by(f64::INFINITY);
    assert!(gauge.get().is_nan());
    gauge.set(3);
    assert_eq!(gauge.get(), 3.0);
    Ok(())
}

#[test]
fn threads_lose_no_step() -> narthex::Result {
    let gauge = Gauge::builder("g", "h").build()?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    gauge.inc_by(3);
                    gauge.dec();
                }
            });
        }
    });
    // 4 × 20000 × 2
    assert_eq!(gauge.get(), 160_000.0);
    Ok(())
}

#[test]
fn shows_the_time() -> narthex::Result {
    let gauge = Gauge::builder("last_run_seconds", "h").build()?;
    let before = now();
    gauge.set_to_current_time();
    assert!((before..=now()).contains(&gauge.get()));
    Ok(())
}

#[test]
fn tracks_what_is_in_progress() -> narthex::Result {
    let gauge = Gauge::builder("busy", "h").build()?;
    {
        let _first = gauge.track_inprogress();
        let _second = gauge.track_inprogress();
        assert_eq!(gauge.get(), 2.0);
    }
    assert_eq!(gauge.get(), 0.0);
    panic_of(|| {
        let _guard = gauge.track_inprogress();
        assert_eq!(gauge.get(), 1.0);
        panic!("boom");
    });
    assert_eq!(gauge.get(), 0.0);
    Ok(())
}

#[test]
fn is_set_to_the_last_duration() -> narthex::Result {
    let gauge = Gauge::builder("took_seconds", "h").build()?;
    gauge.set(-1);
    assert_eq!(gauge.time(|| 42), 42);
    let first = gauge.get();
    assert!((0.0..60.0).contains(&first), "{first}");
    let timer = gauge.start_timer();
    std::thread::sleep(Duration::from_millis(5));
    let took = timer.stop();
    assert_eq!(gauge.get(), took.as_secs_f64());
    // The system's clock may be slewed while it measures the sleep.
    assert!(gauge.get() >= 0.0045);
    let _ = gauge.start_timer().discard();
    assert_eq!(gauge.get(), took.as_secs_f64());
    Ok(())
}

#[test]
fn shows_what_a_function_returns() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("size", "h").register(&registry)?;
    let size = Arc::new(AtomicU64::new(3));
    let read = size.clone();
    gauge.set_function(move || read.load(Ordering::Relaxed) as f64);
    assert_eq!(gauge.get(), 3.0);
    size.store(5, Ordering::Relaxed);
    assert_eq!(registry.get_sample_value("size", &[]), Some(5.0));
    // What is set no longer shows.
    gauge.set(100);
    gauge.inc();
    assert_eq!(registry.get_sample_value("size", &[]), Some(5.0));
    gauge.set_function(|| 1.0);
    assert_eq!(gauge.get(), 1.0);
    Ok(())
}

#[test]
fn a_function_is_asked_once_a_scrape() -> narthex::Result {
    let registry = CollectorRegistry::builder().self_metrics(true).build();
    let gauge = Gauge::builder("asked", "h").register(&registry)?;
    let asked = AtomicU64::new(0);
    gauge.set_function(move || asked.fetch_add(1, Ordering::Relaxed) as f64);
    for scrape in 0..3 {
        let expected = format!("asked {scrape}.0");
        assert!(lines(&registry).contains(&expected), "{expected}");
    }
    Ok(())
}

#[test]
fn a_panicking_function_fails_its_metric_and_nothing_else() -> narthex::Result {
    let registry = CollectorRegistry::new();
    Gauge::builder("before", "h").register(&registry)?.set(1);
    let gauges = Gauge::builder("broken", "h").labels(["l"]).register(&registry)?;
    Gauge::builder("behind", "h").register(&registry)?.set(2);
    gauges.labels(["fine"]).set(3);
    let broken = gauges.labels(["broken"]).handle();
    broken.set_function(|| panic!("out of order"));

    let error = exposition::text::encode(&registry).unwrap_err();
    assert!(error.is_collector());
    assert_eq!(error.to_string(), "collector \"broken\" failed");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert_eq!(cause, "broken panicked: out of order");
    assert_eq!(panic_of(|| broken.get()), "out of order");

    // Nothing is poisoned or locked.
    gauges.labels(["fine"]).inc();
    gauges.labels(["new"]).inc();
    broken.set_function(|| 7.0);
    assert_eq!(
        lines(&registry),
        [
            "before 1.0",
            "broken{l=\"fine\"} 4.0",
            "broken{l=\"broken\"} 7.0",
            "broken{l=\"new\"} 1.0",
            "behind 2.0"
        ]
    );
    Ok(())
}

#[test]
fn a_panicking_function_is_left_out_where_failures_are_skipped() -> narthex::Result {
    let registry = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
    Gauge::builder("before", "h").register(&registry)?.set(0);
    let broken = Gauge::builder("broken", "h").register(&registry)?;
    broken.set_function(|| panic!("out of order"));
    Gauge::builder("behind", "h").register(&registry)?.set(0);
    assert_eq!(
        exposition::text::encode(&registry)?,
        "# HELP before h\n# TYPE before gauge\nbefore 0.0\n\
         # HELP behind h\n# TYPE behind gauge\nbehind 0.0\n"
    );
    Ok(())
}

#[test]
fn a_function_may_use_its_own_metric_and_registry() -> narthex::Result {
    let registry = CollectorRegistry::new();
    Gauge::builder("other", "h").register(&registry)?.set(20);
    let gauges = Gauge::builder("self_reading", "h").labels(["l"]).register(&registry)?;
    let (inner, looked) = (gauges.clone(), registry.clone());
    gauges.labels(["a"]).set_function(move || {
        inner.labels(["b"]).inc();
        inner.remove(["c"]);
        looked.get_sample_value("other", &[]).unwrap_or(f64::NAN)
            + looked.get_sample_value("self_reading", &[("l", "b")]).unwrap_or(1.0)
    });
    // It does not see itself, so the second part is its fallback.
    assert_eq!(lines(&registry)[1], "self_reading{l=\"a\"} 21.0");
    Ok(())
}

#[test]
fn what_a_function_owns_may_use_the_metric_when_it_is_dropped() -> narthex::Result {
    struct LastWord(narthex::GaugeVec<1>);
    impl Drop for LastWord {
        fn drop(&mut self) {
            self.0.labels(["dropped"]).inc();
        }
    }
    let gauges = Gauge::builder("g", "h").labels(["l"]).build()?;
    let owning = |gauges: &narthex::GaugeVec<1>| {
        let word = LastWord(gauges.clone());
        move || word.0.len() as f64
    };
    gauges.labels(["a"]).set_function(owning(&gauges));
    gauges.labels(["a"]).set_function(owning(&gauges));
    assert_eq!(gauges.labels(["dropped"]).get(), 1.0);
    gauges.remove(["a"]);
    assert_eq!(gauges.labels(["dropped"]).get(), 2.0);
    gauges.labels(["b"]).set_function(owning(&gauges));
    assert_eq!(gauges.remove_if(|values| values == &["b"]), 1);
    assert_eq!(gauges.labels(["dropped"]).get(), 3.0);
    gauges.labels(["c"]).set_function(owning(&gauges));
    gauges.clear();
    assert_eq!(gauges.labels(["dropped"]).get(), 1.0);
    Ok(())
}
