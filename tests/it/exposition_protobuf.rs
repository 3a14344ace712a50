//! The protobuf format, byte for byte and field by field.

use narthex::exposition::{self, ContentCoding, Encoder, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, Family, GaugeHistogramMetricFamily,
    GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, MetricFamily, MetricType,
    NO_LABELS, NativeHistogram, Quantiles, StateSetMetricFamily, SummaryMetricFamily, Timestamp,
    UnknownMetricFamily,
};
use narthex::{Collector, CollectorRegistry, Counter, Result, parser};

/// What Google's library writes for the families of [`everything`]; `ci/golden_protobuf.py` makes
/// it out of the same numbers.
const GOLDEN: &[u8] = include_bytes!("../golden/protobuf/all.bin");

const START: f64 = 1_700_000_000.5;

pub(crate) fn encoded(collector: &dyn Collector, escaping: EscapingScheme) -> Result<Vec<u8>> {
    let encoding = Encoding::new(Format::Protobuf, escaping);
    let mut out = Vec::new();
    Encoder::new().encode(collector, encoding, ContentCoding::Identity, None, &mut out)?;
    Ok(out)
}

fn trace(value: f64) -> Result<Exemplar> {
    Exemplar::new([("trace_id", "4bf9")], value)
}

fn everything() -> Result<Vec<MetricFamily>> {
    let mut sent = CounterMetricFamily::new("sent", "Bytes \"sent\"\nand \\ counted.")?
        .with_unit("bytes")?
        .with_labels(["via", "to"])?;
    // Half a second before 1970 is half a second behind one second before it.
    let before = Timestamp::from_seconds(-0.5)?;
    sent.add_metric([&*"x".repeat(200), "a\"b\\c\nd"], 3.0)?
        .created(START)
        .exemplar(trace(1.0)?.with_timestamp(before))?;
    sent.add_metric(["é", ""], 0.5)?.timestamp(Timestamp::from_seconds(-1.5)?);

    let mut heat = GaugeMetricFamily::new("heat", "")?;
    heat.add_metric(NO_LABELS, f64::NEG_INFINITY)?;
    let mut old = UnknownMetricFamily::new("old", "h")?;
    // Milliseconds are cut off.
    old.add_metric(NO_LABELS, 0.0)?.timestamp(Timestamp::from_nanos(0, 1_999_999)?);
    let mut build = InfoMetricFamily::new("build", "h")?;
    build.add_metric(NO_LABELS, [("version", "1.2")])?;
    let mut mode = StateSetMetricFamily::new("mode", "h")?;
    mode.add_metric(NO_LABELS, [("on", true), ("off", false)])?;

    let mut size = SummaryMetricFamily::new("size", "h")?;
    size.add_metric(NO_LABELS, 300.0, 7.5)?.created(START);
    let mut size = MetricFamily::from(size);
    for (name, own, value) in [
        ("size", Some("0.99"), 2.5),
        ("size", Some("0.5"), 1.5),
        ("size_sum", None, 4.0),
        ("size_count", None, 2.0),
    ] {
        let own = own.map(|rank| ("quantile", rank));
        size.add_sample(name, [("q", "1")].into_iter().chain(own), value)?;
    }

    let mut wait = HistogramMetricFamily::new("wait", "h")?.with_unit("seconds")?;
    wait = wait.with_labels(["path"])?;
    let buckets = |first, all| [(0.1, first), (f64::INFINITY, all)];
    wait.add_metric(["/"], buckets(100.0, 400.0), Some(20.5))?.created(START);
    wait.add_metric(["/x"], buckets(0.5, 1.5), Some(2.0))?
        .timestamp(Timestamp::from_seconds(123.456_9)?)
        .exemplar(trace(0.05)?.with_timestamp(Timestamp::from_whole_seconds(5)))?;
    let mut age = GaugeHistogramMetricFamily::new("age", "h")?;
    age.add_metric(NO_LABELS, [(-1.0, 1.0), (f64::INFINITY, 1.0)], -2.0)?;

    let mut rtt = HistogramMetricFamily::new("rtt", "h")?.with_labels(["n"])?;
    rtt.add_native(["0"], 0.0, 0.0, &NativeHistogram::new(3)?)?;
    let native = NativeHistogram::new(-2)?
        .zero(0.25, 2.0)?
        .negative([(7, 200.0)])?
        .positive([(-5, 5.0), (0, 2.0), (1, 1.0)])?
        // Here all must have a timestamp.
        .exemplar(trace(0.25)?)
        .exemplar(trace(0.5)?.with_timestamp(Timestamp::from_nanos(5, 6)?));
    rtt.add_native(["1"], 210.0, 3.5, &native)?;
    rtt.add_native(["2"], 10.5, 3.5, &NativeHistogram::new(8)?.positive([(1, 10.5)])?)?;
    rtt.add_metric(["3"], [(1.0, 4.0), (f64::INFINITY, 5.0)], Some(9.0))?
        .native(&NativeHistogram::new(0)?.positive([(0, 4.0), (1, 1.0)])?)?;

    Ok(vec![
        sent.into(),
        heat.into(),
        old.into(),
        build.into(),
        mode.into(),
        size,
        wait.into(),
        age.into(),
        rtt.into(),
    ])
}

#[test]
fn all_types_are_written_as_googles_library_writes_them() -> Result {
    assert_eq!(encoded(&everything()?, EscapingScheme::AllowUtf8)?, GOLDEN);
    Ok(())
}

#[test]
fn what_googles_library_wrote_is_read_and_written_the_same() -> Result {
    let families = parser::protobuf::parse_all(GOLDEN)?;
    assert_eq!(families.len(), 9);
    assert_eq!(encoded(&families, EscapingScheme::AllowUtf8)?, GOLDEN);
    Ok(())
}

#[test]
fn it_is_no_text() {
    let encoding = Encoding::new(Format::Protobuf, EscapingScheme::AllowUtf8);
    let error = exposition::encode(&CollectorRegistry::new(), encoding).unwrap_err();
    assert!(error.is_invalid_value());
}

#[test]
fn start_times_can_be_left_out_and_families_without_series_are() -> Result {
    let mut jobs = CounterMetricFamily::new("jobs", "")?;
    jobs.add_metric(NO_LABELS, 1.0)?.created(START);
    let bare = CounterMetricFamily::new("bare", "")?;
    let families = [jobs.into(), bare.into()].map(|family: MetricFamily| family).to_vec();
    let encoding = Encoding::new(Format::Protobuf, EscapingScheme::AllowUtf8).with_created(false);
    let mut out = Vec::new();
    Encoder::new().encode(&families, encoding, ContentCoding::Identity, None, &mut out)?;
    let [read] = &parser::protobuf::parse_all(&out)?[..] else { panic!("more than jobs") };
    read.for_each_sample(&mut |sample| assert_eq!(sample.start(), None));
    Ok(())
}

#[test]
fn start_times_that_stand_apart_find_their_counters() -> Result {
    let mut family = MetricFamily::new("jobs", "", MetricType::Counter)?;
    for (name, values) in [("jobs_total", [1.0, 2.0]), ("jobs_created", [10.25, 20.0])] {
        for (queue, value) in ["a", "b"].into_iter().zip(values) {
            family.add_sample(name, [("queue", queue)], value)?;
        }
    }
    family.add_sample("jobs_created", [("queue", "none")], 30.0)?;
    let read = parser::protobuf::parse_all(&encoded(&vec![family], EscapingScheme::AllowUtf8)?)?;
    let mut seen = Vec::new();
    read[0].for_each_sample(&mut |sample| seen.push((sample.value(), sample.start())));
    assert_eq!(seen, [(1.0, Some(10.25)), (2.0, Some(20.0))]);
    Ok(())
}

#[test]
fn names_are_escaped_and_units_told_where_the_name_ends_with_them() -> Result {
    let mut sent = CounterMetricFamily::new("mail.sent", "")?
        .with_unit("kilo bytes")?
        .with_labels(["to.whom"])?;
    sent.add_metric(["x"], 1.0)?;
    let families = vec![MetricFamily::from(sent)];
    let unit = |escaping| -> Result<_> {
        let read = parser::protobuf::parse_all(&encoded(&families, escaping)?)?;
        let mut label = String::new();
        read[0].for_each_sample(&mut |sample| {
            label.extend(sample.labels().iter().map(|(name, _)| name.to_owned()));
        });
        Ok((read[0].desc().name().to_owned(), read[0].desc().unit().map(str::to_owned), label))
    };
    let told = |name: &str, unit: Option<&str>, label: &str| {
        (name.to_owned(), unit.map(str::to_owned), label.to_owned())
    };
    assert_eq!(
        unit(EscapingScheme::AllowUtf8)?,
        told("mail.sent_kilo bytes", Some("kilo bytes"), "to.whom")
    );
    assert_eq!(
        unit(EscapingScheme::Underscores)?,
        told("mail_sent_kilo_bytes", Some("kilo_bytes"), "to_whom")
    );
    // `_total` is `__total` here, before which Prometheus would not find the unit.
    assert_eq!(
        unit(EscapingScheme::Dots)?,
        told("mail_dot_sent__kilo__bytes_", None, "to_dot_whom")
    );
    Ok(())
}

#[test]
fn long_families_have_long_lengths() -> Result {
    // A length of three bytes is written at first; these take one, two, three and four.
    let text = "v".repeat(100);
    for rows in [0, 1, 12, 300, 25_000] {
        let registry = CollectorRegistry::new();
        let vec = Counter::builder("m", "h").labels(["n", "text", "odd"]).register(&registry)?;
        for row in 0..rows {
            vec.labels([&*row.to_string(), &text, "\\\n\""]).inc_by(f64::from(row));
        }
        let bytes = encoded(&registry, EscapingScheme::Underscores)?;
        let mut read = 0;
        for family in parser::protobuf::parse(&bytes) {
            family?.for_each_sample(&mut |sample| {
                let labels = sample.labels();
                assert_eq!(labels.get("n").as_deref(), Some(&*sample.value().to_string()));
                assert_eq!(labels.get("text").as_deref(), Some(&*text));
                assert_eq!(labels.get("odd").as_deref(), Some("\\\n\""));
                assert!(sample.start().is_some());
                read += 1;
            });
        }
        assert_eq!(read, rows);
    }
    Ok(())
}

#[test]
fn rows_of_any_length_are_whole() -> Result {
    // Names and values around the lengths at which something is written in another way.
    for name in [1, 50, 58, 59, 70, 128] {
        let mut family = GaugeMetricFamily::new("g", "")?.with_labels([&*"n".repeat(name), "z"])?;
        let mut buckets =
            HistogramMetricFamily::new("h", "")?.with_labels([&*"n".repeat(name), "z"])?;
        for len in (0..140).chain([240, 255, 256, 257, 500, 16_400]) {
            let value = "v".repeat(len);
            family.add_metric([&*value, "end"], len as f64)?;
            let counts = [(1.0, len as f64), (f64::INFINITY, 1e15)];
            buckets.add_metric([&*value, "end"], counts, Some(0.5))?;
        }
        let families = vec![MetricFamily::from(family), buckets.into()];
        let read = parser::protobuf::parse_all(&encoded(&families, EscapingScheme::AllowUtf8)?)?;
        assert_eq!(read, families, "{name}");
    }
    Ok(())
}

#[test]
fn quantiles_of_one_row_are_told() -> Result {
    let mut family = SummaryMetricFamily::new("s", "")?;
    let ranks = Quantiles::new([0.25, 0.75])?;
    family.add_quantiles(NO_LABELS, 3.0, 6.0, &ranks, &[1.0, 2.0])?.created(4.5);
    let families = vec![MetricFamily::from(family)];
    let read = parser::protobuf::parse_all(&encoded(&families, EscapingScheme::AllowUtf8)?)?;
    assert_eq!(read, families);
    Ok(())
}
