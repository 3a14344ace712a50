//! Native histograms that custom collectors tell of.

use narthex::exposition;
use narthex::model::{
    BucketSpan, Exemplar, Family, GaugeHistogramMetricFamily, HistogramMetricFamily, MetricFamily,
    NO_LABELS, NativeBuckets, NativeHistogram,
};
use narthex::{NativeSnapshot, Result};

fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset, length }
}

fn pairs(buckets: NativeBuckets<'_>) -> Vec<(i32, f64)> {
    buckets.iter().collect()
}

/// As Python's parser reads `positive_spans:[0:2,1:2]`, `positive_deltas:[2,1,-3,3]` and
/// `negative_deltas:[2,1,-2,3]`: of each delta, the count of the bucket before and it.
fn example() -> Result<NativeHistogram> {
    NativeHistogram::new(0)?
        .zero(0.001, 4.0)?
        .positive_spans(vec![span(0, 2), span(1, 2)], vec![2.0, 3.0, 0.0, 3.0])?
        .negative_spans(vec![span(0, 2), span(1, 2)], vec![2.0, 3.0, 1.0, 4.0])
}

#[test]
fn buckets_have_the_index_that_their_spans_give_them() -> Result {
    let mut family = HistogramMetricFamily::new("size", "")?.with_labels(["room"])?;
    family.add_metric(["a"], [(1.0, 1.0), (f64::INFINITY, 1.0)], Some(0.5))?;
    family.add_native(["b"], 24.0, 100.0, &example()?)?;
    family.add_native(["c"], 0.0, 0.0, &NativeHistogram::new(3)?)?;
    let copy = MetricFamily::copy_of(&family);
    let mut seen = Vec::new();
    copy.for_each_chunk(&mut |chunk| {
        seen.extend(chunk.natives().map(|(row, native)| (row, native.to_owned())));
    });
    // A chunk for the one with buckets, one for the two without.
    assert_eq!(seen, [(0, example()?), (1, NativeHistogram::new(3)?)]);
    let mut counts = 0;
    copy.for_each_sample(&mut |sample| {
        let Some(native) = sample.native() else { return };
        assert_eq!(sample.name(), "size_count");
        if sample.labels().get("room").as_deref() == Some("b") {
            // From 0 on two buckets, one between, two further.
            assert_eq!(pairs(native.positive()), [(0, 2.0), (1, 3.0), (3, 0.0), (4, 3.0)]);
            assert_eq!(pairs(native.negative()), [(0, 2.0), (1, 3.0), (3, 1.0), (4, 4.0)]);
            assert_eq!((native.schema(), native.zero_threshold()), (0, 0.001));
            assert_eq!(native.zero_count(), 4.0);
        }
        counts += 1;
    });
    assert_eq!(counts, 2);
    Ok(())
}

#[test]
fn short_gaps_between_buckets_are_filled() -> Result {
    let native = NativeHistogram::new(8)?.positive([(-3, 1.0), (0, 2.0), (4, 3.0), (5, 4.0)])?;
    // Between -3 and 0 are two buckets, between 0 and 4 are three.
    let spans = vec![span(-3, 4), span(3, 2)];
    let same =
        NativeHistogram::new(8)?.positive_spans(spans, vec![1.0, 0.0, 0.0, 2.0, 3.0, 4.0])?;
    assert_eq!(native, same);
    Ok(())
}

#[test]
fn formats_without_native_histograms_show_count_and_sum() -> Result {
    let mut wait = HistogramMetricFamily::new("wait", "")?;
    wait.add_native(NO_LABELS, 24.0, 100.0, &example()?)?;
    let mut age = GaugeHistogramMetricFamily::new("age", "")?;
    age.add_metric(NO_LABELS, [(1.0, 4.0), (f64::INFINITY, 24.0)], 100.0)?.native(&example()?)?;
    let families: Vec<MetricFamily> = vec![wait.into(), age.into()];
    assert_eq!(
        exposition::openmetrics::encode(&families)?,
        "# HELP wait \n# TYPE wait histogram\n\
         wait_bucket{le=\"+Inf\"} 24.0\nwait_count 24.0\nwait_sum 100.0\n\
         # HELP age \n# TYPE age gaugehistogram\n\
         age_bucket{le=\"1.0\"} 4.0\nage_bucket{le=\"+Inf\"} 24.0\n\
         age_gcount 24.0\nage_gsum 100.0\n# EOF\n"
    );
    Ok(())
}

#[test]
fn exemplars_are_of_the_whole_if_there_are_native_buckets_only() -> Result {
    let first = Exemplar::new([("trace_id", "a")], 0.5)?;
    let second = Exemplar::new([("trace_id", "b")], 0.5)?;
    let native = NativeHistogram::new(0)?.positive([(0, 2.0)])?.exemplar(first.clone());
    let mut wait = HistogramMetricFamily::new("wait", "")?;
    wait.add_native(NO_LABELS, 2.0, 1.0, &native)?.exemplar(second.clone())?;
    wait.for_each_chunk(&mut |chunk| {
        assert_eq!(chunk.exemplars().count(), 0);
        let (_, native) = chunk.natives().next().unwrap();
        let kept: Vec<_> = native.exemplars().map(|exemplar| exemplar.to_owned()).collect();
        assert_eq!(kept, [first.clone(), second.clone()]);
    });
    Ok(())
}

#[test]
fn what_cannot_be_is_refused() -> Result {
    let native = || NativeHistogram::new(0).unwrap();
    let message = |result: Result<NativeHistogram>| result.unwrap_err().to_string();
    for (result, expected) in [
        (NativeHistogram::new(-5), "a native histogram's schema is -4 to 8, not -5"),
        (
            native().zero(-1.0, 0.0),
            "a native histogram's zero threshold is a finite amount from 0 on, not -1",
        ),
        (native().zero(0.0, f64::NAN), "a native histogram's bucket has NaN observations"),
        (native().positive([(3, 1.0), (3, 1.0)]), "bucket 3 of a native histogram stands behind 3"),
        (
            native().negative([(i32::MIN, 1.0), (i32::MAX, 1.0)]),
            "bucket 2147483647 of a native histogram is too far away",
        ),
        (
            native().positive_spans(vec![span(0, 2)], vec![1.0]),
            "the spans of a native histogram have 2 buckets, and there are 1 counts",
        ),
        (
            native().positive_spans(vec![span(0, 1), span(-1, 1)], vec![1.0, 1.0]),
            "span 1 of a native histogram's buckets has the offset -1",
        ),
        (
            native().positive_spans(vec![span(i32::MAX, u32::MAX)], vec![]),
            "span 0 of a native histogram's buckets is too far away",
        ),
    ] {
        assert_eq!(message(result), expected);
    }
    let mut wait = HistogramMetricFamily::new("wait", "")?;
    let bare = wait.add_metric(NO_LABELS, [(1.0, 1.0), (f64::INFINITY, 1.0)], None)?;
    assert_eq!(
        bare.native(&native()).unwrap_err().to_string(),
        "histogram \"wait\" has native buckets, which only a histogram with a sum has, and once"
    );
    Ok(())
}

#[test]
fn buckets_of_others_have_bounds() -> Result {
    let bounds = |schema, buckets: &[(i32, f64)]| {
        let native = NativeHistogram::new(schema)?.positive(buckets.iter().copied())?;
        let mut family = HistogramMetricFamily::new("h", "")?;
        family.add_native(NO_LABELS, 1.0, 1.0, &native)?;
        let mut bounds = Vec::new();
        family.for_each_sample(&mut |sample| {
            let snapshot = sample.native().map(NativeSnapshot::from);
            bounds.extend(snapshot.iter().flat_map(NativeSnapshot::buckets));
        });
        narthex::Result::Ok(bounds)
    };
    // A power of two has two buckets, the first of which ends with the root of two.
    // The float next to that is above it, and a bound is never.
    let root = f64::from_bits(std::f64::consts::SQRT_2.to_bits() - 1);
    assert_eq!(bounds(1, &[(1, 3.0), (2, 4.0)])?, [(1.0, root, 3.0), (root, 2.0, 4.0)]);
    // A bucket has 16 powers of two; that of zero, what is above 2^-16 and up to 1.
    assert_eq!(bounds(-4, &[(0, 3.0)])?, [(1.0 / 65536.0, 1.0, 3.0)]);
    // Empty ones that fill a gap are none; the bucket that the largest float is in ends with it.
    let most = [(1.0, 2.0, 1.0), (8.0, 16.0, 1.0)];
    assert_eq!(bounds(0, &[(1, 1.0), (4, 1.0)])?, most);
    let (largest, half) = (f64::MAX, (f64::MAX_EXP - 1).into());
    let end = [(f64::powf(2.0, half), largest, 1.0), (largest, f64::INFINITY, 2.0)];
    assert_eq!(bounds(0, &[(1024, 1.0), (1025, 2.0)])?, end);
    // No number has a place there.
    for schema in [-4, 8] {
        assert_eq!(bounds(schema, &[(i32::MIN, 1.0)])?, [(0.0, 0.0, 1.0)]);
        let beyond = [(f64::INFINITY, f64::INFINITY, 1.0)];
        assert_eq!(bounds(schema, &[(i32::MAX - 1, 1.0)])?, beyond);
    }
    Ok(())
}
