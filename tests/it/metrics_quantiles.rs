//! Summaries that estimate quantiles.

use std::time::Duration;

use narthex::{CollectorRegistry, Error, Summary, exposition};

/// The exact quantile that the estimate is of: the value at the rank that is rounded down.
fn exact(sorted: &[f64], rank: f64) -> f64 {
    sorted[(rank * (sorted.len() - 1) as f64) as usize]
}

fn check(values: &[f64], error: f64) {
    let ranks = [0.0, 0.1, 0.5, 0.9, 0.99, 1.0];
    let summary = Summary::builder("s", "").objectives(ranks.map(|rank| (rank, error)));
    let summary = summary.build().unwrap();
    for &value in values {
        summary.observe(value);
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    for (rank, estimate) in summary.quantiles() {
        let exact = exact(&sorted, rank);
        // A few steps of rounding beside the error.
        let allowed = exact.abs() * (error + 1e-12);
        assert!((estimate - exact).abs() <= allowed, "{rank}: {estimate} for {exact}");
    }
}

/// Numbers that look as if they were drawn: the upper bits of a multiplicative generator.
fn drawn(count: usize) -> impl Iterator<Item = f64> {
    let step = |state: &u64| Some(state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
    std::iter::successors(Some(7), step)
        .skip(1)
        .take(count)
        .map(|state| (state >> 11) as f64 / (1_u64 << 53) as f64)
}

#[test]
fn estimates_are_within_their_error() {
    for error in [0.2, 0.01, 0.002] {
        check(&(1..=1000).map(f64::from).collect::<Vec<_>>(), error);
        check(&drawn(5000).collect::<Vec<_>>(), error);
        // As latencies are: most are alike, and few are very long.
        check(&drawn(5000).map(|x| 0.05 / (1.0 - x)).collect::<Vec<_>>(), error);
        check(&drawn(5000).map(|x| x - 0.5).collect::<Vec<_>>(), error);
        check(&[-3.0, 0.0, 0.0, 0.0, 2.0], error);
        check(&[42.0], error);
        check(&[f64::MAX, f64::MIN_POSITIVE, 1e-300, -1e300], error);
    }
}

#[test]
fn what_is_no_number_is_counted_and_not_estimated() {
    let summary = Summary::builder("s", "").objectives([(0.5, 0.01), (1.0, 0.01)]).build().unwrap();
    assert!(summary.quantiles().iter().all(|(_, estimate)| estimate.is_nan()));
    for value in [f64::NAN, 1.0, f64::INFINITY] {
        summary.observe(value);
    }
    assert_eq!(summary.count(), 3.0);
    assert!(summary.sum().is_nan());
    let quantiles = summary.quantiles();
    assert!((quantiles[0].1 - 1.0).abs() <= 0.01);
    assert_eq!(quantiles[1].1, f64::INFINITY);
    summary.observe(f64::NEG_INFINITY);
    summary.observe(f64::NEG_INFINITY);
    assert_eq!(summary.quantiles()[0].1, f64::NEG_INFINITY);
}

#[test]
fn quantiles_are_exposed_before_count_and_sum() {
    let registry = CollectorRegistry::new();
    let sizes = Summary::builder("size", "Of things.")
        .objectives([(0.99, 0.1), (0.5, 0.3)])
        .labels(["kind"])
        .register(&registry)
        .unwrap();
    // An error of a third is that of buckets which double, so that 3 is one of those that end
    // with 4: its estimate is twice 4, by 1 + 2.
    for _ in 0..3 {
        sizes.labels(["a"]).observe(0);
    }
    let text = exposition::text::encode(&registry).unwrap();
    assert_eq!(
        text,
        "# HELP size Of things.\n# TYPE size summary\n\
         size{kind=\"a\",quantile=\"0.5\"} 0.0\nsize{kind=\"a\",quantile=\"0.99\"} 0.0\n\
         size_count{kind=\"a\"} 3.0\nsize_sum{kind=\"a\"} 0.0\n"
    );
    let one = Summary::builder("one", "").objectives([(0.5, 0.34)]).register(&registry).unwrap();
    one.observe(3);
    assert_eq!(registry.get_sample_value("one", &[("quantile", "0.5")]), Some(8.0 / 3.0));
}

#[test]
fn no_observation_of_many_threads_is_lost() {
    let summary = Summary::builder("s", "").objectives([(0.5, 0.01)]).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let summary = &summary;
            scope.spawn(move || {
                for value in drawn(10_000) {
                    summary.observe(value + f64::from(thread));
                }
            });
        }
    });
    assert_eq!(summary.count(), 40_000.0);
    // Half of all are below 2.
    assert!((summary.quantiles()[0].1 / 2.0 - 1.0).abs() <= 0.011);
}

#[test]
fn objectives_that_cannot_be_are_refused() {
    let error = |objectives: &[(f64, f64)]| -> String {
        let builder = Summary::builder("s", "").objectives(objectives.iter().copied());
        builder.build().map_err(|error: Error| error.to_string()).unwrap_err()
    };
    assert_eq!(error(&[(1.5, 0.1)]), "summary \"s\": a quantile is from 0 to 1, not 1.5");
    assert_eq!(
        error(&[(0.5, 0.1), (0.5, 0.2)]),
        "summary \"s\": quantiles are not ascending: 0.5 before 0.5"
    );
    assert_eq!(
        error(&[(0.5, 0.1), (0.9, 1.0)]),
        "summary \"s\": the error of quantile 0.9 is between 0 and 1, not 1"
    );
    assert_eq!(
        error(&[(0.5, 0.001)]),
        "summary \"s\": the error of a quantile is not below 0.00136, as 0.001"
    );
}

#[cfg(feature = "testing")]
mod of_late {
    use std::time::Duration;

    use narthex::Summary;
    use narthex::testing::TestClock;

    const MINUTE: Duration = Duration::from_secs(60);

    /// The median, whole.
    fn median(summary: &Summary) -> f64 {
        summary.quantiles()[0].1.round()
    }

    #[test]
    fn observations_count_as_long_as_the_window_is() {
        let clock = TestClock::at(1_700_000_000.0);
        let _entered = clock.enter();
        let summary = Summary::builder("s", "").objectives([(0.5, 0.002)]).window(10 * MINUTE);
        let summary = summary.build().unwrap();
        // As somebody looks every minute, what was observed in a minute is known apart.
        for minute in 1..=30 {
            for _ in 0..minute {
                summary.observe(minute);
            }
            clock.advance(MINUTE);
            // Up to minute n there are 1 + 2 + … + n = n (n + 1) / 2 observations of the numbers
            // up to n, of the last ten minutes 10 n - 45. The rank of the median is half of one less.
            let first = (minute - 9).max(1);
            let all: Vec<_> = (first..=minute).flat_map(|m| vec![m; m as usize]).collect();
            assert_eq!(median(&summary), f64::from(all[(all.len() - 1) / 2]), "{minute}");
        }
        assert_eq!(summary.count(), 465.0);
        clock.advance(10 * MINUTE);
        assert!(median(&summary).is_nan());
    }

    #[test]
    fn a_window_begins_when_somebody_looked_last_before_it() {
        let clock = TestClock::at(1_700_000_000.0);
        let _entered = clock.enter();
        let summary = Summary::builder("s", "").objectives([(0.5, 0.002)]).window(MINUTE);
        let summary = summary.build().unwrap();
        summary.observe(1);
        clock.advance(5 * MINUTE);
        assert_eq!(median(&summary), 1.0);
        summary.observe(2);
        clock.advance(5 * MINUTE);
        assert_eq!(median(&summary), 2.0);
        // The clock is set back: all counts, as long as nothing else is known.
        clock.set(1_600_000_000.0);
        assert_eq!(median(&summary), 1.0);
    }

    #[test]
    fn the_resolution_may_halve_within_a_window() {
        let clock = TestClock::at(1_700_000_000.0);
        let _entered = clock.enter();
        let summary =
            Summary::builder("s", "").objectives([(0.0, 0.002), (1.0, 0.002)]).window(MINUTE);
        let summary = summary.build().unwrap();
        summary.observe(-1000);
        summary.observe(1000);
        assert_eq!(summary.quantiles().len(), 2);
        clock.advance(MINUTE);
        // 2048 buckets of the finest resolution are eight powers of two; these are twenty.
        let mut value = 1.0;
        while value < 1e6 {
            summary.observe(value);
            summary.observe(-value);
            value *= 1.003;
        }
        let quantiles = summary.quantiles();
        // Without the first two, and with four times the error: of 40 powers, each side has 1024.
        assert!((quantiles[0].1 / -1e6 - 1.0).abs() < 0.011, "{quantiles:?}");
        assert!((quantiles[1].1 / 1e6 - 1.0).abs() < 0.011, "{quantiles:?}");
        let counted: f64 = summary.count();
        assert_eq!(counted % 2.0, 0.0);
    }
}

#[test]
fn a_window_of_nothing_is_refused() {
    let error = Summary::builder("s", "").window(Duration::from_secs(60)).build().unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(
        error.to_string(),
        "summary \"s\": the window is that of quantiles, and there are no objectives",
    );
}
