//! Exemplars: the traces that counters and buckets keep.

use narthex::exposition::{self, text};
use narthex::model::{CounterMetricFamily, Exemplar, MetricFamily, NO_LABELS, Timestamp};
use narthex::{Counter, Histogram, NativeOptions, parser};

use crate::support::{exemplars, for_each_sample, now, traces};

/// As long as an exemplar may be: 128 characters with the name `id`.
fn longest(character: &str) -> String {
    character.repeat(126)
}

#[test]
fn a_counter_keeps_the_last_one() -> narthex::Result {
    let counter = Counter::builder("c", "h").build()?;
    let before = now();
    counter.inc_with_exemplar(&[("trace_id", "a")]);
    counter.inc_by_with_exemplar(2.5, &[("trace_id", "b"), ("span_id", "1")]);
    counter.inc();
    let after = now();
    let found = exemplars(&counter);
    assert_eq!(found.len(), 1);
    let (name, exemplar) = &found[0];
    assert_eq!(name, "c_total");
    assert_eq!(traces(exemplar), ["span_id=1", "trace_id=b"]);
    assert_eq!(exemplar.as_ref().value(), 2.5);
    let time = exemplar.as_ref().timestamp().expect("a time").as_seconds();
    // A float of seconds is exact to less than a microsecond here.
    assert!((before - 1e-6..=after + 1e-6).contains(&time), "{before} {time} {after}");
    assert_eq!(counter.get(), 4.5);
    Ok(())
}

#[test]
fn each_bucket_keeps_its_own() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([0.5, 1.0, 2.0]).build()?;
    histogram.observe_with_exemplar(0.7, &[("id", "x")]);
    histogram.observe_with_exemplar(0.8, &[("id", "y")]);
    histogram.observe_with_exemplar(5, &[("id", "z")]);
    histogram.observe_with_exemplar(0.5, &[("id", "edge")]);
    histogram.observe_with_exemplar(1.5, &[]);
    let found: Vec<_> = exemplars(&histogram)
        .into_iter()
        .map(|(name, exemplar)| (name, traces(&exemplar).concat(), exemplar.as_ref().value()))
        .collect();
    let expected = [
        ("h_bucket[0.5]", "id=edge", 0.5),
        ("h_bucket[1.0]", "id=y", 0.8),
        ("h_bucket[+Inf]", "id=z", 5.0),
    ];
    assert_eq!(found, expected.map(|(name, trace, value)| (name.into(), trace.into(), value)));
    assert_eq!(histogram.snapshot().count(), 5.0);
    Ok(())
}

#[test]
fn children_keep_their_own() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["l"]).build()?;
    for child in 0..300 {
        let id = child.to_string();
        if child % 7 == 0 {
            vec.labels((child,)).inc_with_exemplar(&[("id", &id)]);
        } else {
            vec.labels((child,)).inc();
        }
    }
    let ids: Vec<_> =
        exemplars(&vec).iter().map(|(_, exemplar)| traces(exemplar).concat()).collect();
    let expected: Vec<_> = (0..300).step_by(7).map(|child| format!("id={child}")).collect();
    assert_eq!(ids, expected);
    Ok(())
}

#[test]
fn they_stand_behind_their_samples_in_openmetrics_alone() -> narthex::Result {
    let counter = Counter::builder("c", "h").build()?;
    counter.inc_with_exemplar(&[("b", "x\"\\\n"), ("a", "1")]);
    let openmetrics = exposition::openmetrics::encode(&counter)?;
    let line = openmetrics.lines().find(|line| line.starts_with("c_total")).expect("the total");
    let start = "c_total 1.0 # {a=\"1\",b=\"x\\\"\\\\\\n\"} 1.0 ";
    assert!(line.starts_with(start), "{line}");
    let time: f64 = line[start.len()..].parse().expect("a timestamp");
    assert!((time - now()).abs() < 60.0);
    assert_eq!(text::encode(&counter)?, "# HELP c_total h\n# TYPE c_total counter\nc_total 1.0\n");
    Ok(())
}

#[test]
fn labels_that_are_not_allowed_leave_the_amount_and_no_trace() -> narthex::Result {
    let counter = Counter::builder("c", "h").build()?;
    let histogram = Histogram::builder("h", "h").buckets([1.0]).build()?;
    let too_long = longest("x") + "x";
    let bad: [&[(&str, &str)]; 5] = [
        &[("id", &too_long)],
        &[("", "x")],
        &[("__id", "x")],
        &[("id", "x"), ("id", "y")],
        &[("a", "x"), ("b", &too_long)],
    ];
    for (place, labels) in bad.into_iter().enumerate() {
        counter.inc_with_exemplar(labels);
        histogram.observe_with_exemplar(0.5, labels);
        assert_eq!(counter.get(), place as f64 + 1.0);
        assert_eq!(histogram.snapshot().count(), place as f64 + 1.0);
        // The twins say why, and change nothing.
        let error = counter.try_inc_by_with_exemplar(1, labels).expect_err("not allowed");
        assert!(error.is_invalid_exemplar(), "{error}");
        let error = histogram.try_observe_with_exemplar(1, labels).expect_err("not allowed");
        assert!(error.is_invalid_exemplar(), "{error}");
        assert_eq!(counter.get(), place as f64 + 1.0);
        assert_eq!(histogram.snapshot().count(), place as f64 + 1.0);
    }
    assert_eq!(exemplars(&counter), []);
    assert_eq!(exemplars(&histogram), []);
    Ok(())
}

#[test]
fn the_limit_is_one_of_characters() -> narthex::Result {
    let counter = Counter::builder("c", "h").build()?;
    for character in ["x", "ü", "\u{1f600}"] {
        let value = longest(character);
        counter.try_inc_by_with_exemplar(1, &[("id", &value)])?;
        assert_eq!(traces(&exemplars(&counter)[0].1), [format!("id={value}")]);
        let longer = value + character;
        assert!(counter.try_inc_by_with_exemplar(1, &[("id", &longer)]).is_err());
    }
    Ok(())
}

#[test]
fn none_is_torn_while_threads_write_them() -> narthex::Result {
    let histogram = Histogram::builder("h", "h").buckets([1.0]).build()?;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (1..4)
            .map(|writer: usize| {
                let histogram = &histogram;
                scope.spawn(move || {
                    let id = writer.to_string().repeat(writer * 10);
                    for _ in 0..5000 {
                        histogram.observe_with_exemplar(writer as f64, &[("id", &id)]);
                    }
                })
            })
            .collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            for (_, exemplar) in exemplars(&histogram) {
                let writer = exemplar.as_ref().value() as usize;
                let id = writer.to_string().repeat(writer * 10);
                assert_eq!(traces(&exemplar), [format!("id={id}")]);
            }
        }
    });
    assert_eq!(histogram.snapshot().count(), 15_000.0);
    assert_eq!(exemplars(&histogram).len(), 2);
    Ok(())
}

#[test]
fn all_formats_tell_the_same_time() -> narthex::Result {
    // The float's value ends with .717484235763…; its shortest spelling is the one below.
    let time = Timestamp::from_seconds(1796017733.7174842)?;
    assert_eq!(time.as_nanos(), 1_796_017_733_717_484_200);
    let mut family = CounterMetricFamily::new("c", "h")?;
    let exemplar = Exemplar::new([("id", "7")], 1.0)?.with_timestamp(time);
    family.add_metric(NO_LABELS, 1.0)?.exemplar(exemplar)?;
    let families: Vec<MetricFamily> = vec![family.into()];
    let text = exposition::openmetrics::encode(&families)?;
    assert!(text.contains(" # {id=\"7\"} 1.0 1796017733.7174842\n"), "{text}");
    let nanos = |families: &Vec<MetricFamily>| {
        exemplars(families)[0].1.as_ref().timestamp().unwrap().as_nanos()
    };
    let read = parser::openmetrics::parse_all(&text).unwrap();
    assert_eq!(nanos(&read), time.as_nanos());
    let read = parser::protobuf::parse_all(&exposition::protobuf::encode(&families)?).unwrap();
    assert_eq!(nanos(&read), time.as_nanos());
    // And before 1970, and of more digits than nine.
    assert_eq!(Timestamp::from_seconds(-1.5)?.as_nanos(), -1_500_000_000);
    assert_eq!(Timestamp::from_seconds(-0.1234567899)?.as_nanos(), -123_456_789);
    assert_eq!(Timestamp::from_seconds(0.5e-4)?.as_nanos(), 50_000);
    assert_eq!(Timestamp::from_seconds(-2.5e-9)?.as_nanos(), -2);
    assert_eq!(Timestamp::from_seconds(1e-300)?.as_nanos(), 0);
    assert_eq!(
        Timestamp::from_seconds(4_503_599_627_370_495.5)?.as_nanos(),
        4_503_599_627_370_495_500_000_000
    );
    Ok(())
}

#[test]
fn an_observation_has_one_time() -> narthex::Result {
    let histogram =
        Histogram::builder("h", "h").buckets([1.0]).native(NativeOptions::new()).build()?;
    for _ in 0..1000 {
        histogram.observe_with_exemplar(0.5, &[("id", "x")]);
        let classic = exemplars(&histogram)[0].1.as_ref().timestamp();
        let mut natives = Vec::new();
        for_each_sample(&histogram, &mut |sample| {
            let native = sample.native().into_iter().flat_map(|native| native.exemplars());
            natives.extend(native.filter_map(|exemplar| exemplar.timestamp()));
        });
        // All are of one value, so that any of them may have gone for the last.
        assert!(natives.contains(&classic.unwrap()), "{classic:?} {natives:?}");
    }
    Ok(())
}
