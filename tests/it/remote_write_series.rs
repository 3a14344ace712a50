//! What series remote write makes of families.

use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, GaugeHistogramMetricFamily, GaugeMetricFamily,
    HistogramMetricFamily, InfoMetricFamily, MetricFamily, NO_LABELS, NativeHistogram, Quantiles,
    StateSetMetricFamily, SummaryMetricFamily, Timestamp,
};
use narthex::remote_write::ProtocolVersion;
use narthex::{CollectorRegistry, Result, parser};
use std::sync::Arc;

use crate::push_fixture::OtherEnd;
use crate::remote_write_fixture::{Request, Series, Span, read, receiver, to};

fn registry_of(families: Vec<MetricFamily>) -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(families)).unwrap();
    registry
}

/// What is sent of these families.
fn sent(families: Vec<MetricFamily>, version: ProtocolVersion) -> Request {
    let other = receiver([]);
    to(&other, &registry_of(families)).version(version).start().unwrap().stop().unwrap();
    only(&other)
}

fn only(other: &OtherEnd) -> Request {
    let got = other.got();
    assert_eq!(got.len(), 1);
    read(&got[0])
}

/// The name of each series, its number, and its start in milliseconds.
fn numbers(request: &Request) -> Vec<(&str, f64, i64)> {
    let one = |series: &'_ Series| {
        assert_eq!((series.samples.len(), series.histograms.len()), (1, 0), "{series:?}");
        (series.samples[0].value, series.samples[0].start)
    };
    let all = request.series.iter().map(|series| (&*series.name, one(series).0, one(series).1));
    all.collect()
}

/// A family of each type, with what it can have.
fn every_type() -> Result<Vec<MetricFamily>> {
    let mut sent = CounterMetricFamily::new("sent", "Mails.")?.with_labels(["to"])?;
    let exemplar = Exemplar::new([("trace_id", "abc")], 2.0)?;
    let at = Timestamp::from_seconds(1_700_000_000.5)?;
    sent.add_metric(["b"], 3.0)?.created(1_600_000_000.25).exemplar(exemplar.with_timestamp(at))?;
    let mut heat = GaugeMetricFamily::new("heat", "Now.")?.with_unit("celsius")?;
    heat.add_metric(NO_LABELS, -4.5)?;
    let mut wait = HistogramMetricFamily::new("wait", "Long.")?;
    let buckets = [(0.5, 1.0), (f64::INFINITY, 3.0)];
    wait.add_metric(NO_LABELS, buckets, Some(7.5))?.created(0.0);
    let mut age = GaugeHistogramMetricFamily::new("age", "Old.")?;
    age.add_metric(NO_LABELS, [(1.0, 4.0), (f64::INFINITY, 5.0)], 9.0)?;
    let mut work = SummaryMetricFamily::new("work", "Done.")?;
    work.add_quantiles(NO_LABELS, 2.0, 4.0, &Quantiles::new([0.5])?, &[1.5])?;
    let mut build = InfoMetricFamily::new("build", "Built.")?;
    build.add_metric(NO_LABELS, [("version", "1")])?;
    let mut state = StateSetMetricFamily::new("state", "On or off.")?;
    state.add_metric(NO_LABELS, [("on", true), ("off", false)])?;
    Ok(vec![
        sent.into(),
        heat.into(),
        wait.into(),
        age.into(),
        work.into(),
        build.into(),
        state.into(),
    ])
}

#[test]
fn every_type_is_told_in_2_0() -> Result {
    let request = sent(every_type()?, ProtocolVersion::V2);
    let start = 1_600_000_000_250;
    assert_eq!(
        numbers(&request),
        [
            ("sent_total{to=\"b\"}", 3.0, start),
            ("heat_celsius", -4.5, 0),
            // A start of 0 would be none.
            ("wait_bucket{le=\"0.5\"}", 1.0, 1),
            ("wait_bucket{le=\"+Inf\"}", 3.0, 1),
            ("wait_count", 3.0, 1),
            ("wait_sum", 7.5, 1),
            ("age_bucket{le=\"1.0\"}", 4.0, 0),
            ("age_bucket{le=\"+Inf\"}", 5.0, 0),
            ("age_gcount", 5.0, 0),
            ("age_gsum", 9.0, 0),
            ("work{quantile=\"0.5\"}", 1.5, 0),
            ("work_count", 2.0, 0),
            ("work_sum", 4.0, 0),
            ("build_info{version=\"1\"}", 1.0, 0),
            ("state{state=\"off\"}", 0.0, 0),
            ("state{state=\"on\"}", 1.0, 0),
        ]
    );
    // COUNTER 1, GAUGE 2, HISTOGRAM 3, GAUGEHISTOGRAM 4, SUMMARY 5, INFO 6, STATESET 7.
    let expected = [
        (0, 1, "Mails.", ""),
        (1, 2, "Now.", "celsius"),
        (2, 3, "Long.", ""),
        (9, 4, "Old.", ""),
        (10, 5, "Done.", ""),
        (13, 6, "Built.", ""),
        (15, 7, "On or off.", ""),
    ];
    for (place, kind, help, unit) in expected {
        let metadata = Some((kind, help.to_owned(), unit.to_owned()));
        assert_eq!(request.series[place].metadata, metadata, "{place}");
    }
    let exemplar = ("{trace_id=\"abc\"}".to_owned(), 2.0, 1_700_000_000_500);
    assert_eq!(request.series[0].exemplars, [exemplar]);
    // All of one collection have one time.
    let time = request.series[0].samples[0].timestamp;
    assert!(time > 1_700_000_000_000);
    assert!(request.series.iter().all(|series| series.samples[0].timestamp == time));
    Ok(())
}

#[test]
fn every_type_is_told_in_1_0_without_start_times() -> Result {
    let (older, newer) =
        (sent(every_type()?, ProtocolVersion::V1), sent(every_type()?, ProtocolVersion::V2));
    let without_start = |(name, value, _)| (name, value, 0);
    let expected: Vec<_> = numbers(&newer).into_iter().map(without_start).collect();
    assert_eq!(numbers(&older), expected);
    assert_eq!(older.series[0].exemplars, newer.series[0].exemplars);
    let known = |kind, name: &str, help: &str, unit: &str| {
        (kind, name.to_owned(), help.to_owned(), unit.to_owned())
    };
    assert_eq!(
        older.metadata,
        [
            known(4, "age", "Old.", ""),
            known(6, "build_info", "Built.", ""),
            known(2, "heat_celsius", "Now.", "celsius"),
            known(1, "sent_total", "Mails.", ""),
            known(7, "state", "On or off.", ""),
            known(3, "wait", "Long.", ""),
            known(5, "work", "Done.", ""),
        ]
    );
    Ok(())
}

fn natives() -> Result<Vec<MetricFamily>> {
    let whole = NativeHistogram::new(0)?
        .zero(0.001, 4.0)?
        .positive([(0, 2.0), (1, 3.0), (2, 0.0), (9, 1.0)])?
        .negative([(-1, 2.0)])?
        // Later ones first: they are sent in the order of their times.
        .exemplar(
            Exemplar::new([("n", "2")], 0.5)?.with_timestamp(Timestamp::from_whole_seconds(2)),
        )
        .exemplar(
            Exemplar::new([("n", "1")], 0.5)?.with_timestamp(Timestamp::from_whole_seconds(1)),
        );
    let parts = NativeHistogram::new(3)?.positive([(5, 0.5)])?;
    let mut size = HistogramMetricFamily::new("size", "")?.with_labels(["room"])?;
    size.add_native(["a"], 12.0, 100.0, &whole)?.created(5.0);
    size.add_native(["b"], 0.5, 1.0, &parts)?;
    let mut both = HistogramMetricFamily::new("both", "")?;
    let buckets = [(1.0, 1.0), (f64::INFINITY, 1.0)];
    both.add_metric(NO_LABELS, buckets, Some(0.5))?.native(&NativeHistogram::new(0)?)?;
    let mut now = GaugeHistogramMetricFamily::new("now", "")?;
    now.add_native(NO_LABELS, 1.0, 1.0, &NativeHistogram::new(0)?.positive([(0, 1.0)])?)?;
    Ok(vec![size.into(), both.into(), now.into()])
}

#[test]
fn native_histograms_are_series_of_their_own() -> Result {
    for version in [ProtocolVersion::V1, ProtocolVersion::V2] {
        let request = sent(natives()?, version);
        let names: Vec<_> = request.series.iter().map(|series| &*series.name).collect();
        // What has no buckets but native ones has no other series.
        let expected = [
            "size{room=\"a\"}",
            "size{room=\"b\"}",
            "both_bucket{le=\"1.0\"}",
            "both_bucket{le=\"+Inf\"}",
            "both",
            "both_count",
            "both_sum",
            "now",
        ];
        assert_eq!(names, expected);
        let span = |offset, length| Span { offset, length };
        let first = &request.series[0];
        assert!(first.samples.is_empty());
        let whole = &first.histograms[0];
        assert_eq!((whole.count, whole.zero_count), (Some(12), Some(4)));
        assert_eq!((whole.count_float, whole.zero_count_float), (None, None));
        assert_eq!((whole.sum, whole.schema, whole.zero_threshold), (100.0, 0, 0.001));
        assert_eq!(whole.positive_spans, [span(0, 3), span(6, 1)]);
        // 2, 3, 0, 1 as differences.
        assert_eq!(whole.positive_deltas, [2, 1, -3, 1]);
        assert_eq!(
            (&*whole.negative_spans, &*whole.negative_deltas),
            (&[span(-1, 1)][..], &[2][..])
        );
        assert!(whole.positive_counts.is_empty() && whole.negative_counts.is_empty());
        assert_eq!(whole.start, if version == ProtocolVersion::V2 { 5000 } else { 0 });
        let exemplar = |n, time| (format!("{{n=\"{n}\"}}"), 0.5, time);
        assert_eq!(first.exemplars, [exemplar(1, 1000), exemplar(2, 2000)]);

        let parts = &request.series[1].histograms[0];
        assert_eq!((parts.count, parts.count_float), (None, Some(0.5)));
        assert_eq!((parts.zero_count, parts.zero_count_float), (None, Some(0.0)));
        assert_eq!((&*parts.positive_counts, parts.positive_deltas.len()), (&[0.5][..], 0));
        // GAUGE is 3.
        let hints = [4, 7].map(|place| request.series[place].histograms[0].reset_hint);
        assert_eq!(hints, [0, 3]);
        let known: Vec<_> = request.metadata.iter().map(|known| &*known.1).collect();
        assert!(version == ProtocolVersion::V2 || known == ["both", "now", "size"], "{known:?}");
    }
    Ok(())
}

#[test]
fn native_histograms_can_be_told_by_count_sum_and_given_buckets() -> Result {
    let other = receiver([]);
    let registry = registry_of(natives()?);
    to(&other, &registry).native_histograms(false).start()?.stop()?;
    let request = only(&other);
    let names: Vec<_> = numbers(&request).iter().map(|(name, value, _)| (*name, *value)).collect();
    assert_eq!(
        names[..3],
        [
            ("size_bucket{le=\"+Inf\",room=\"a\"}", 12.0),
            ("size_count{room=\"a\"}", 12.0),
            ("size_sum{room=\"a\"}", 100.0),
        ]
    );
    Ok(())
}

#[test]
fn labels_of_the_target_are_added_and_empty_ones_are_not_sent() -> Result {
    let mut heat = GaugeMetricFamily::new("größe.m", "")?.with_labels(["Zone", "job", "é"])?;
    heat.add_metric(["z", "own", ""], 1.0)?;
    heat.add_metric(["", "", "x"], 2.0)?;
    let registry = registry_of(vec![heat.into()]);
    for (scheme, expected) in [
        (
            EscapingScheme::Underscores,
            [
                "gr__e_m{Zone=\"z\",instance=\"i\",job=\"own\"}",
                "gr__e_m{_=\"x\",instance=\"i\",job=\"j\"}",
            ],
        ),
        (
            EscapingScheme::AllowUtf8,
            [
                "größe.m{Zone=\"z\",instance=\"i\",job=\"own\"}",
                "größe.m{instance=\"i\",job=\"j\",é=\"x\"}",
            ],
        ),
    ] {
        let other = receiver([]);
        let writer = to(&other, &registry).escaping(scheme).label("job", "j").label("none", "");
        writer.label("instance", "i").start()?.stop()?;
        let request = only(&other);
        let names: Vec<_> = numbers(&request).iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, expected);
    }
    Ok(())
}

#[test]
fn times_and_start_times_that_collectors_told_are_kept()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let text =
        "# TYPE a counter\na_total 5 1700000000.25\na_created 1600000000 1700000000.25\n# EOF\n";
    let families = parser::openmetrics::parse_all(text)?;
    let request = sent(families, ProtocolVersion::V2);
    assert_eq!(numbers(&request), [("a_total", 5.0, 1_600_000_000_000)]);
    assert_eq!(request.series[0].samples[0].timestamp, 1_700_000_000_250);
    Ok(())
}
