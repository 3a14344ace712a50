//! Histograms: buckets, what falls into them, and what they estimate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use narthex::{
    CollectorRegistry, DEFAULT_BUCKETS, Histogram, exponential_buckets, exposition, linear_buckets,
};

use crate::support::{for_each_sample, lines, now};

#[test]
fn counts_below_and_at_each_bound() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([0.5, 1.0, 2.0]).build()?;
    for value in [0.5, 0.500_01, 1.0, 2.0, 3.0, -1.0] {
        histogram.observe(value);
    }
    assert_eq!(
        lines(&histogram),
        [
            "h_bucket{le=\"0.5\"} 2.0",
            "h_bucket{le=\"1.0\"} 4.0",
            "h_bucket{le=\"2.0\"} 5.0",
            "h_bucket{le=\"+Inf\"} 6.0",
            "h_count 6.0",
            "h_sum 6.00001",
        ]
    );
    Ok(())
}

#[test]
fn has_the_buckets_of_the_field_by_default() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let before = now();
    let histogram = Histogram::builder("h", "h").register(&registry)?;
    histogram.observe(Duration::from_millis(75));
    let bounds: Vec<_> = lines(&registry)
        .iter()
        .filter_map(|line| Some(line.strip_prefix("h_bucket{le=\"")?.split_once('"')?.0.to_owned()))
        .collect();
    let expected = "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf";
    assert_eq!(bounds.join(" "), expected);
    assert_eq!(registry.get_sample_value("h_bucket", &[("le", "0.05")]), Some(0.0));
    assert_eq!(registry.get_sample_value("h_bucket", &[("le", "0.075")]), Some(1.0));
    let start = registry.get_sample_value("h_created", &[]).expect("a start");
    assert!((before..=now()).contains(&start));
    Ok(())
}

#[test]
fn bounds_must_be_ascending_numbers() -> narthex::Result {
    let infinity = f64::INFINITY;
    for (bounds, message) in [
        (vec![2.0, 1.0], "histogram \"h\": bucket bounds are not sorted: 2 before 1"),
        (vec![1.0, 1.0], "histogram \"h\": bucket bound 1 stands twice"),
        (vec![0.0, -0.0], "histogram \"h\": bucket bound 0 stands twice"),
        (vec![1.0, infinity, infinity], "histogram \"h\": bucket bound inf stands twice"),
        (vec![f64::NAN, 1.0], "histogram \"h\": a bucket bound cannot be NaN"),
        (vec![1.0, f64::NAN], "histogram \"h\": a bucket bound cannot be NaN"),
        (vec![], "histogram \"h\": a histogram needs a bucket besides +Inf"),
        (vec![infinity], "histogram \"h\": a histogram needs a bucket besides +Inf"),
    ] {
        let built = Histogram::builder("h", "h").buckets(bounds.clone()).build();
        let error = built.expect_err(&format!("{bounds:?}"));
        assert!(error.is_invalid_value(), "{bounds:?}");
        assert_eq!(error.to_string(), message);
    }
    // +Inf is added where it is missing, and only there.
    for bounds in [vec![1.0], vec![1.0, infinity]] {
        let histogram = Histogram::builder("h", "h").buckets(bounds).build()?;
        let bounds: Vec<_> = histogram.snapshot().buckets().map(|(bound, _)| bound).collect();
        assert_eq!(bounds, [1.0, infinity]);
    }
    Ok(())
}

#[test]
fn has_no_sum_below_a_negative_bound() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([-1.0, 1.0]).build()?;
    histogram.observe(-3);
    assert_eq!(
        lines(&histogram),
        [
            "h_bucket{le=\"-1.0\"} 1.0",
            "h_bucket{le=\"1.0\"} 1.0",
            "h_bucket{le=\"+Inf\"} 1.0",
            "h_count 1.0"
        ]
    );
    // OpenMetrics has count and sum, or neither.
    let text = exposition::openmetrics::encode(&histogram)?;
    assert!(!text.contains("h_count") && text.contains("h_bucket{le=\"+Inf\"} 1.0"), "{text}");
    // Read back, it is there.
    assert_eq!(histogram.snapshot().sum(), -3.0);
    Ok(())
}

#[test]
fn nan_falls_into_the_last_bucket() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([1.0]).build()?;
    histogram.observe(0.5);
    histogram.observe(f64::NAN);
    assert_eq!(
        lines(&histogram),
        ["h_bucket{le=\"1.0\"} 1.0", "h_bucket{le=\"+Inf\"} 2.0", "h_count 2.0", "h_sum NaN"]
    );
    Ok(())
}

#[test]
fn infinities_fall_into_the_outer_buckets() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([1.0]).build()?;
    histogram.observe(f64::NEG_INFINITY);
    assert_eq!(histogram.snapshot().buckets().next(), Some((1.0, 1.0)));
    assert_eq!(histogram.snapshot().sum(), f64::NEG_INFINITY);
    histogram.observe(f64::INFINITY);
    let buckets: Vec<_> = histogram.snapshot().buckets().collect();
    assert_eq!(buckets, [(1.0, 1.0), (f64::INFINITY, 2.0)]);
    assert!(histogram.snapshot().sum().is_nan());
    Ok(())
}

#[test]
fn many_at_once_are_as_many_one_by_one() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([1.0, 2.0]).build()?;
    histogram.observe_n(1.5, 4);
    histogram.observe_n(0.25, 1);
    let snapshot = histogram.snapshot();
    assert_eq!((snapshot.count(), snapshot.sum()), (5.0, 6.25));
    // None changes nothing, whatever the value.
    for value in [7.0, f64::INFINITY, f64::NAN] {
        histogram.observe_n(value, 0);
    }
    assert_eq!(histogram.snapshot(), snapshot);
    Ok(())
}

#[test]
fn its_count_is_the_sum_of_its_buckets_at_any_time() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let histogram = Histogram::builder("h", "h").buckets([1.0, 2.0, 3.0]).register(&registry)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let histogram = &histogram;
                scope.spawn(move || {
                    for observation in 0..20_000 {
                        histogram.observe(f64::from((writer + observation) % 5) + 0.5);
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut last = 0.0;
            while !done.load(Ordering::Relaxed) {
                let (mut infinite, mut count, mut before) = (None, None, 0.0);
                for_each_sample(&registry, &mut |sample| match sample.name().as_str() {
                    "h_bucket" => {
                        assert!(sample.value() >= before, "cumulative");
                        before = sample.value();
                        infinite = Some(before);
                    }
                    "h_count" => count = Some(sample.value()),
                    _ => {}
                });
                assert_eq!(infinite, count);
                assert!(before >= last, "{before} after {last}");
                last = before;
            }
        });
        for writer in writers {
            writer.join().expect("a writer");
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("a reader");
    });
    let snapshot = histogram.snapshot();
    // Each writer meets 0.5, 1.5, 2.5, 3.5 and 4.5 4000 times: 12.5 × 4000 × 3.
    assert_eq!((snapshot.count(), snapshot.sum()), (60_000.0, 150_000.0));
    let buckets: Vec<_> = snapshot.buckets().map(|(_, count)| count).collect();
    assert_eq!(buckets, [12_000.0, 24_000.0, 36_000.0, 60_000.0]);
    Ok(())
}

#[test]
fn le_has_its_place_among_the_labels() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([1.0]).labels(["z", "a"]).build()?;
    histogram.labels(["1", "2"]).observe(3);
    assert_eq!(
        lines(&histogram),
        [
            "h_bucket{a=\"2\",le=\"1.0\",z=\"1\"} 0.0",
            "h_bucket{a=\"2\",le=\"+Inf\",z=\"1\"} 1.0",
            "h_count{a=\"2\",z=\"1\"} 1.0",
            "h_sum{a=\"2\",z=\"1\"} 3.0",
        ]
    );
    let error = Histogram::builder("h", "h").labels(["le"]).build().unwrap_err();
    assert!(error.is_invalid_label());
    assert_eq!(error.to_string(), "label name \"le\" is reserved in histogram \"h\"");
    Ok(())
}

#[test]
fn estimates_quantiles_evenly_within_a_bucket() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([10.0, 20.0, 40.0]).build()?;
    assert!(histogram.snapshot().quantile(0.5).is_nan());
    histogram.observe_n(15, 4);
    histogram.observe_n(30, 4);
    let snapshot = histogram.snapshot();
    // The second of the four between 10 and 20; all of them; the second of those up to 40.
    assert_eq!(snapshot.quantile(0.25), 15.0);
    assert_eq!(snapshot.quantile(0.5), 20.0);
    assert_eq!(snapshot.quantile(0.75), 30.0);
    assert_eq!(snapshot.quantile(1.0), 40.0);
    assert_eq!(snapshot.quantile(0.0), 10.0);
    assert_eq!(snapshot.quantile(-0.1), f64::NEG_INFINITY);
    assert_eq!(snapshot.quantile(1.1), f64::INFINITY);
    assert!(snapshot.quantile(f64::NAN).is_nan());
    // Beyond the last bound nothing is known but the bound.
    histogram.observe_n(1000, 92);
    assert_eq!(histogram.snapshot().quantile(0.99), 40.0);
    Ok(())
}

#[test]
fn estimates_from_zero_or_from_the_first_bound() -> narthex::Result {
    let above = Histogram::builder("h", "h").buckets([10.0, 20.0]).build()?;
    above.observe_n(5, 2);
    // The first bucket begins at zero: one of two is half of it.
    assert_eq!(above.snapshot().quantile(0.5), 5.0);
    let below = Histogram::builder("h", "h").buckets([-10.0, 20.0]).build()?;
    below.observe_n(-15, 2);
    // It has no lower end here.
    assert_eq!(below.snapshot().quantile(0.5), -10.0);
    Ok(())
}

#[test]
fn bounds_are_made_by_rule() {
    assert_eq!(linear_buckets(1.0, 0.5, 3), [1.0, 1.5, 2.0]);
    assert_eq!(linear_buckets(1.0, 0.5, 0), [0.0; 0]);
    assert_eq!(exponential_buckets(1.0, 2.0, 4), [1.0, 2.0, 4.0, 8.0]);
    assert_eq!(exponential_buckets(0.5, 10.0, 0), [0.0; 0]);
    assert!(DEFAULT_BUCKETS.is_sorted());
    assert!(Histogram::builder("h", "h").buckets(linear_buckets(0.0, 0.0, 3)).build().is_err());
}
