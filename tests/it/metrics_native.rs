//! Native histograms that are observed: their buckets, and what keeps them few.

use std::time::Duration;

use narthex::model::NativeBuckets;
use narthex::{CollectorRegistry, Histogram, NativeOptions, for_each_family};

use crate::support::{exemplars, lines};

const TINY: f64 = 2.938_735_877_055_719e-39;

/// A histogram that has observed these, of resolution 2.
fn observed(options: NativeOptions, values: &[f64]) -> Histogram {
    let options = options.growth_factor(1.2);
    let histogram = Histogram::builder("h", "h").native(options).build().unwrap();
    values.iter().for_each(|&value| histogram.observe(value));
    histogram
}

/// Schema, zero threshold and zero count, the negative buckets, the positive ones.
type Seen = ((i8, f64, f64), Vec<(i32, f64)>, Vec<(i32, f64)>);

fn seen(histogram: &Histogram) -> Seen {
    let snapshot = histogram.snapshot();
    let native = snapshot.native().unwrap();
    let zero = (native.schema(), native.zero_threshold(), native.zero_count());
    (zero, native.negative().collect(), native.positive().collect())
}

// The cases are those that the tests of Prometheus' Go client have, with the same results.

#[test]
fn values_are_counted_by_powers_of_the_growth_factor() {
    let of = |factor, values: &[f64]| {
        let options = NativeOptions::new().growth_factor(factor);
        let histogram = Histogram::builder("h", "h").native(options).build().unwrap();
        values.iter().for_each(|&value| histogram.observe(value));
        seen(&histogram)
    };
    assert_eq!(of(1.1, &[]), ((3, TINY, 0.0), vec![], vec![]));
    let counts = vec![(0, 1.0), (8, 1.0), (13, 1.0)];
    assert_eq!(of(1.1, &[0.0, 1.0, 2.0, 3.0]), ((3, TINY, 1.0), vec![], counts));
    let counts = vec![(0, 1.0), (2, 2.0), (4, 2.0)];
    let values = [0.0, 1.0, 1.2, 1.4, 1.8, 2.0];
    assert_eq!(of(1.2, &values), ((2, TINY, 1.0), vec![], counts.clone()));
    assert_eq!(of(1.2, &values.map(|value| -value)), ((2, TINY, 1.0), counts, vec![]));
    // Powers of four: 1/64 to 64.
    let values =
        [0.015_625_1, 0.0625, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 3.5, 5.0, 6.0, 7.0, 33.33];
    let counts = vec![(-2, 2.0), (-1, 2.0), (0, 2.0), (1, 4.0), (2, 3.0), (3, 1.0)];
    assert_eq!(of(4.0, &values), ((-1, TINY, 0.0), vec![], counts));
}

#[test]
fn what_is_near_zero_is_in_the_zero_bucket() {
    let values = [0.0, -1.0, -1.2, -1.4, -1.8, -2.0, 1.0, 1.2, 1.4, 1.8, 2.0];
    let histogram = observed(NativeOptions::new().zero_threshold(1.4), &values);
    assert_eq!(seen(&histogram), ((2, 1.4, 7.0), vec![(4, 2.0)], vec![(4, 2.0)]));
    // Only zero itself.
    let histogram = observed(NativeOptions::new().zero_threshold(0.0), &[0.0, -0.0, 5e-324]);
    // 2^-1074, four buckets for each power of two.
    assert_eq!(seen(&histogram), ((2, 0.0, 2.0), vec![], vec![(-4296, 1.0)]));
}

#[test]
fn infinity_has_a_bucket_and_nan_has_none() {
    let values = [0.0, 1.0, 1.2, 1.4, 1.8, 2.0];
    let counts = [(0, 1.0), (2, 2.0), (4, 2.0)];
    let with = |value| observed(NativeOptions::new(), &[&values[..], &[value]].concat());
    // 1024 powers of two, of four buckets each, and the next one.
    let (zero, infinite) = ((2, TINY, 1.0), (4097, 1.0));
    let above = [&counts[..], &[infinite]].concat();
    assert_eq!(seen(&with(f64::INFINITY)), (zero, vec![], above));
    assert_eq!(seen(&with(f64::NEG_INFINITY)), (zero, vec![infinite], counts.to_vec()));
    let with_nan = with(f64::NAN);
    assert_eq!(seen(&with_nan), (zero, vec![], counts.to_vec()));
    let snapshot = with_nan.snapshot();
    assert_eq!(snapshot.count(), 7.0);
    assert!(snapshot.sum().is_nan());
    // The last seventh is NaN.
    assert!(snapshot.quantile(0.9).is_nan());
    assert!(!snapshot.quantile(0.8).is_nan());
}

#[test]
fn too_many_buckets_halve_the_resolution() {
    let limited = NativeOptions::new().max_buckets(4);
    let values = [0.0, 1.0, 1.2, 1.4, 1.8, 2.0];
    let counts = vec![(0, 1.0), (2, 2.0), (4, 2.0)];
    assert_eq!(seen(&observed(limited, &values)), ((2, TINY, 1.0), vec![], counts));
    let values = [0.0, 1.0, 1.1, 1.2, 1.4, 1.8, 2.0, 3.0];
    let counts = vec![(0, 1.0), (1, 3.0), (2, 2.0), (4, 1.0)];
    let histogram = observed(limited, &values);
    assert_eq!(seen(&histogram), ((1, TINY, 1.0), vec![], counts.clone()));
    assert_eq!((histogram.snapshot().count(), histogram.snapshot().sum()), (8.0, 11.5));
    let histogram = observed(limited, &values.map(|value| -value));
    assert_eq!(seen(&histogram), ((1, TINY, 1.0), counts, vec![]));
    // At the coarsest one there is no further step, and nothing is lost.
    let histogram = observed(NativeOptions::new().max_buckets(1), &[1e-30, 1.0, 1e30]);
    let ((schema, ..), _, counts) = seen(&histogram);
    assert_eq!((schema, counts.len(), histogram.snapshot().count()), (-4, 3, 3.0));
}

#[test]
fn too_many_buckets_widen_the_zero_bucket_if_they_may() {
    let limited = NativeOptions::new().max_buckets(4).max_zero_threshold(1.2);
    let values = [0.0, 1.0, 1.1, 1.2, 1.4, 1.8, 2.0, 3.0, 4.0];
    let counts = vec![(1, 1.0), (2, 2.0), (4, 2.0), (7, 1.0)];
    let histogram = observed(limited, &values[..8]);
    assert_eq!(seen(&histogram), ((2, 1.0, 2.0), vec![], counts.clone()));
    let negative = observed(limited, &values.map(|value| -value)[..8]);
    assert_eq!(seen(&negative), ((2, 1.0, 2.0), counts, vec![]));
    // Twice: up to the fourth root of two.
    histogram.observe(4.0);
    let ((schema, threshold, zeros), _, counts) = seen(&histogram);
    assert_eq!((schema, zeros), (2, 3.0));
    assert!((threshold - 2_f64.sqrt().sqrt()).abs() < 1e-15, "{threshold}");
    assert_eq!(counts, [(2, 2.0), (4, 2.0), (7, 1.0), (8, 1.0)]);
    // The next one would be the square root, which is wider than it may be.
    histogram.observe(5.0);
    let ((schema, ..), _, counts) = seen(&histogram);
    assert_eq!((schema, counts), (1, vec![(1, 2.0), (2, 2.0), (4, 2.0), (5, 1.0)]));
    // What is small finds the zero bucket.
    histogram.observe(-1.1);
    assert_eq!(seen(&histogram).0.2, 4.0);
}

#[test]
fn too_many_buckets_begin_anew_if_they_are_old_enough() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let options =
        NativeOptions::new().growth_factor(1.2).max_buckets(4).min_reset_duration(Duration::ZERO);
    let histogram =
        Histogram::builder("h", "h").buckets([2.0]).native(options).register(&registry)?;
    let start = || registry.get_sample_value("h_created", &[]).unwrap();
    let begun = start();
    for value in [0.0, 1.0, 1.1, 1.2, 1.4, 1.8, 2.0] {
        histogram.observe(value);
    }
    assert_eq!(start(), begun);
    histogram.observe(3.0);
    histogram.observe(4.0);
    assert_eq!(seen(&histogram), ((2, TINY, 0.0), vec![], vec![(7, 1.0), (8, 1.0)]));
    assert!(start() >= begun);
    assert_eq!(
        lines(&histogram),
        ["h_bucket{le=\"2.0\"} 0.0", "h_bucket{le=\"+Inf\"} 2.0", "h_count 2.0", "h_sum 7.0"]
    );
    Ok(())
}

#[test]
fn classic_buckets_are_there_if_they_are_asked_for() -> narthex::Result {
    let native = Histogram::builder("h", "h").native(NativeOptions::new()).build()?;
    native.observe(0.3);
    assert_eq!(lines(&native), ["h_bucket{le=\"+Inf\"} 1.0", "h_count 1.0", "h_sum 0.3"]);
    let both =
        Histogram::builder("h", "h").native(NativeOptions::new()).buckets([0.25, 0.5]).build()?;
    // 0.26 and 0.3 have the same native bucket as 0.25: up to 2^(-13/8).
    for value in [0.249, 0.25, 0.26, 0.3, -1.0, 0.0, f64::NAN, f64::INFINITY] {
        both.observe(value);
    }
    assert_eq!(
        lines(&both),
        [
            "h_bucket{le=\"0.25\"} 4.0",
            "h_bucket{le=\"0.5\"} 6.0",
            "h_bucket{le=\"+Inf\"} 8.0",
            "h_count 8.0",
            "h_sum NaN",
        ]
    );
    let (zero, negative, positive) = seen(&both);
    assert_eq!(zero, (3, TINY, 1.0));
    assert_eq!(negative, [(0, 1.0)]);
    // 0.25 = 2^(-16/8) ends its bucket; 0.26 is in the next, 0.3 below 2^(-13/8) = 0.324.
    assert_eq!(positive, [(-16, 2.0), (-15, 1.0), (-13, 1.0), (8193, 1.0)]);
    Ok(())
}

#[test]
fn options_that_make_no_histogram_are_refused() {
    let message = |options| {
        let built = Histogram::builder("h", "h").native(options).build();
        built.map(|_| ()).unwrap_err().to_string()
    };
    let new = NativeOptions::new;
    for (options, expected) in [
        (new().growth_factor(1.0), "buckets grow by a factor above 1, not 1"),
        (new().growth_factor(f64::NAN), "buckets grow by a factor above 1, not NaN"),
        (new().schema(9), "a native histogram's schema is -4 to 8, not 9"),
        (new().zero_threshold(-1.0), "the zero threshold is a finite amount from 0 on, not -1"),
        (
            new().max_zero_threshold(f64::INFINITY),
            "the widest zero bucket is a finite amount from 0 on, not inf",
        ),
        (new().max_buckets(0), "a native histogram may have 1 to 10000 buckets, not 0"),
    ] {
        assert_eq!(message(options), format!("histogram \"h\": {expected}"));
    }
    let many = (0..1024).map(f64::from);
    let refused = Histogram::builder("h", "h").native(new()).buckets(many).build().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "histogram \"h\": beside those of a native histogram there are 1024 buckets at most, \
         not 1025"
    );
}

#[test]
fn quantiles_are_even_among_the_logarithms() -> narthex::Result {
    let options = NativeOptions::new().schema(0);
    let histogram = Histogram::builder("h", "h").native(options).build()?;
    histogram.observe_n(3.0, 4);
    // The second of four in (2, 4]: half-way among the logarithms is the square root of 8.
    let median = histogram.snapshot().quantile(0.5);
    assert!((median - 8_f64.sqrt()).abs() < 1e-12, "{median}");
    histogram.observe_n(-3.0, 4);
    // The second of the four that are below zero, and of eight in all.
    let quarter = histogram.snapshot().quantile(0.25);
    assert!((quarter + 8_f64.sqrt()).abs() < 1e-12, "{quarter}");
    assert_eq!(histogram.snapshot().quantile(1.0), 4.0);
    assert_eq!(histogram.snapshot().quantile(0.0), -4.0);
    assert_eq!(histogram.snapshot().quantile(2.0), f64::INFINITY);
    Ok(())
}

#[test]
fn settings_tell_metrics_apart() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let build = |options: Option<NativeOptions>| {
        let builder = Histogram::builder("h", "h");
        match options {
            Some(options) => builder.native(options).get_or_register(&registry),
            None => builder.get_or_register(&registry),
        }
    };
    let first = build(Some(NativeOptions::new().schema(3)))?;
    first.observe(1.0);
    // The default is a factor of 1.1, which has this resolution.
    assert_eq!(build(Some(NativeOptions::new()))?.snapshot().count(), 1.0);
    assert!(build(Some(NativeOptions::new().schema(2))).unwrap_err().is_duplicate());
    assert!(build(None).unwrap_err().is_duplicate());
    Ok(())
}

/// The values whose exemplars the native histogram of a collector has.
fn exemplar_values(histogram: &Histogram) -> Vec<f64> {
    let mut values = Vec::new();
    for_each_family(histogram, &mut |family| {
        family.for_each_chunk(&mut |chunk| {
            for (_, native) in chunk.natives() {
                values.extend(native.exemplars().map(|exemplar| exemplar.value()));
                assert!(native.exemplars().all(|exemplar| exemplar.timestamp().is_some()));
            }
        });
        Ok(())
    })
    .unwrap();
    values
}

#[test]
fn of_exemplars_those_that_are_far_from_each_other_are_kept() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").native(NativeOptions::new()).build()?;
    let trace = [("trace_id", "a")];
    histogram.observe(1.0);
    assert!(exemplar_values(&histogram).is_empty());
    for n in (0..10).rev() {
        histogram.observe_with_exemplar(1 << n, &trace);
    }
    let all = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
    assert_eq!(exemplar_values(&histogram), all);
    // Nearest to 17 is 16, which is older.
    histogram.observe_with_exemplar(17, &trace);
    assert_eq!(exemplar_values(&histogram)[3..6], [8.0, 17.0, 32.0]);
    // Of the others, 17 and 32 are now the closest two, and 32 is the older one.
    histogram.observe_with_exemplar(1e9, &trace);
    assert_eq!(exemplar_values(&histogram)[3..], [8.0, 17.0, 64.0, 128.0, 256.0, 512.0, 1e9]);
    // Formats without native histograms have the last one of the only bucket.
    assert_eq!(exemplars(&histogram).len(), 1);
    // Other histograms have none of these.
    let classic = Histogram::builder("h", "h").build()?;
    classic.observe_with_exemplar(1, &trace);
    assert!(exemplar_values(&classic).is_empty());
    Ok(())
}

#[test]
fn formats_read_runs_of_neighbouring_buckets() -> narthex::Result {
    let options = NativeOptions::new().schema(0);
    let vec = Histogram::builder("h", "h").native(options).labels(["l"]).build()?;
    // Buckets 0, 1 and 4, then 9; two empty ones are told, four begin a run.
    for value in [1.0, 2.0, 2.0, 16.0, 500.0] {
        vec.labels(["a"]).observe(value);
    }
    vec.labels(["b"]).observe(-2.0);
    let mut rows = Vec::new();
    for_each_family(&vec, &mut |family| {
        family.for_each_chunk(&mut |chunk| {
            for (row, native) in chunk.natives() {
                let spans = |buckets: NativeBuckets<'_>| {
                    let spans = buckets.spans().iter().map(|span| (span.offset, span.length));
                    (spans.collect::<Vec<_>>(), buckets.counts().to_vec())
                };
                rows.push((row, spans(native.negative()), spans(native.positive())));
            }
        });
        Ok(())
    })?;
    let counts = vec![1.0, 2.0, 0.0, 0.0, 1.0, 1.0];
    let none = || (Vec::new(), Vec::new());
    assert_eq!(
        rows,
        [(0, none(), (vec![(0, 5), (4, 1)], counts)), (1, (vec![(1, 1)], vec![1.0]), none()),]
    );
    Ok(())
}
