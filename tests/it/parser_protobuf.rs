//! What is read of the protobuf format, and what is refused.

use narthex::model::{Family, Values};
use narthex::parser::protobuf::{DecodeError, parse, parse_all};

/// A field that has its length before it.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).expect("a short field");
    if len < 0x80 {
        return [&[number << 3 | 2, len], bytes].concat();
    }
    [&[number << 3 | 2, len, 1], bytes].concat()
}

fn double(number: u8, value: f64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

/// A family `m` of a type, which has these metrics.
fn family(metric_type: u8, metrics: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [field(1, b"m"), vec![0x18, metric_type]].concat();
    for metric in metrics {
        bytes.extend(field(4, metric));
    }
    let len = u8::try_from(bytes.len()).expect("a short family");
    match len {
        0..0x80 => [&[len], &bytes[..]].concat(),
        _ => [&[len, 1], &bytes[..]].concat(),
    }
}

fn error(bytes: &[u8]) -> DecodeError {
    parse_all(bytes).expect_err("an error")
}

const GAUGE: u8 = 1;
const SUMMARY: u8 = 2;
const HISTOGRAM: u8 = 4;

#[test]
fn fields_stand_in_any_order_and_unknown_ones_are_passed_over() {
    // A group of field 9 with a varint and another group in it, a fixed 32, and a long field.
    let unknown = [0x4b, 0x08, 0x07, 0x53, 0x54, 0x4c, 0x55, 1, 2, 3, 4, 0x7a, 2, 0xff, 0xff];
    let gauge = [&unknown[..], &double(1, 2.5), &unknown].concat();
    let metric = [field(2, &gauge), unknown.to_vec(), field(1, &field(1, b"a"))].concat();
    let bytes = [field(4, &metric), unknown.to_vec(), vec![0x18, 1], field(1, b"m")].concat();
    let bytes = [&[bytes.len() as u8], &bytes[..]].concat();
    let families = parse_all(&bytes).unwrap();
    let mut samples = Vec::new();
    families[0].for_each_sample(&mut |sample| {
        samples.push((
            sample.name(),
            sample.labels().get("a").unwrap().into_owned(),
            sample.value(),
        ));
    });
    assert_eq!(samples, [("m".to_owned(), String::new(), 2.5)]);
}

#[test]
fn zeros_that_were_left_out_are_zeros() {
    // As proto3 writes a gauge of zero, a counter of no type, and an empty summary.
    let zero = |metric_type, number| family(metric_type, &[field(number, &[])]);
    for (bytes, name) in
        [(zero(GAUGE, 2), "m"), (zero(0, 3), "m_total"), (zero(SUMMARY, 4), "m_count")]
    {
        let mut seen = Vec::new();
        parse_all(&bytes).unwrap()[0].for_each_sample(&mut |s| seen.push((s.name(), s.value())));
        assert_eq!(seen[0], (name.to_owned(), 0.0));
    }
}

#[test]
fn repeated_numbers_are_read_packed_and_not() {
    // Of schema 0, a span of three buckets from 1 on, whose counts 2, 3, 1 are +2, +1, -2 in zigzag.
    let head = [&[0x08, 6], &double(2, 9.0)[..], &[0x62, 4, 0x08, 2, 0x10, 3]].concat();
    let packed = [&head[..], &[0x6a, 3, 4, 2, 3]].concat();
    let single = [&head[..], &[0x68, 4, 0x68, 2, 0x68, 3]].concat();
    let both = [&head[..], &[0x68, 4, 0x6a, 2, 2, 3]].concat();
    for histogram in [packed, single, both] {
        let families = parse_all(&family(HISTOGRAM, &[field(7, &histogram)])).unwrap();
        let mut seen = Vec::new();
        families[0].for_each_chunk(&mut |chunk| {
            let Values::Histograms { bounds, sums, .. } = chunk.values() else { panic!("others") };
            assert_eq!((bounds.values(), sums), (&[f64::INFINITY][..], &[9.0][..]));
            let (row, native) = chunk.natives().next().unwrap();
            assert_eq!((row, native.schema()), (0, 0));
            seen.extend(native.positive().iter());
        });
        assert_eq!(seen, [(1, 2.0), (2, 3.0), (3, 1.0)]);
    }
    // The same as floats, which make all counts floats.
    let counts = [2.0, 3.0, 1.0].map(f64::to_le_bytes).concat();
    let floats =
        [&double(2, 9.0)[..], &double(4, 6.0), &[0x62, 4, 0x08, 2, 0x10, 3], &field(14, &counts)]
            .concat();
    let families = parse_all(&family(HISTOGRAM, &[field(7, &floats)])).unwrap();
    let mut count = 0.0;
    families[0].for_each_chunk(&mut |chunk| {
        let (_, native) = chunk.natives().next().unwrap();
        assert_eq!(native.positive().counts(), [2.0, 3.0, 1.0]);
        let Values::Histograms { buckets, .. } = chunk.values() else { panic!("others") };
        count = buckets[0];
    });
    assert_eq!(count, 6.0);
}

#[test]
fn what_is_wrong_is_said_and_where() {
    let gauge = |value| field(2, &double(1, value));
    let label = |name: &[u8]| field(1, &[field(1, name), field(2, b"v")].concat());
    let histogram = |body: &[Vec<u8>]| family(HISTOGRAM, &[field(7, &body.concat())]);
    let bucket = |count: u8, bound| field(3, &[vec![0x08, count], double(2, bound)].concat());
    for (bytes, message) in [
        (vec![5, 0], "byte 1, family: expected 5 bytes, found 1"),
        (
            vec![0x80],
            "byte 0, family: expected a number of at most 64 bits, found the end of the message",
        ),
        (vec![0], "byte 1, name: expected a metric name that is not empty, found \"\""),
        (
            vec![0xff; 11],
            "byte 0, family: expected a number of at most 64 bits, found a longer one",
        ),
        (vec![2, 0x0a, 1], "byte 3, family: expected 1 bytes, found 0"),
        (vec![2, 0x08, 1], "byte 1, name: expected a text, found the whole number 1"),
        (vec![3, 0x0a, 1, 0xff], "byte 3, name: expected text in UTF-8, found byte 0xff"),
        (
            vec![1, 0x0e],
            "byte 1, family: expected a field laid out in a way that there is, found wire type 6",
        ),
        (vec![1, 0x02], "byte 1, family: expected a field number from 1 to 536870911, found 0"),
        (
            family(6, &[]),
            "byte 4, type of \"m\": expected a type, which is 0 to 5, found the whole number 6",
        ),
        (
            family(GAUGE, &[label(b"a")]),
            "byte 6, metric of \"m\": expected the numbers of a gauge, found none",
        ),
        (
            family(GAUGE, &[field(2, &[0x08, 1])]),
            "byte 10, metric.gauge.value of \"m\": expected a double, found the whole number 1",
        ),
        (
            family(GAUGE, &[gauge(1.0), gauge(2.0)]),
            "byte 19, metric of \"m\": expected a series that does not stand twice at one time, found [] again",
        ),
        (
            family(GAUGE, &[[label(b""), gauge(1.0)].concat()]),
            "byte 8, metric.label of \"m\": expected a label name, found none",
        ),
        (
            family(GAUGE, &[[label(b"a"), label(b"a"), gauge(1.0)].concat()]),
            "byte 6, metric.label of \"m\": expected label names that can stand together, \
             found label name \"a\" stands twice",
        ),
        (
            family(HISTOGRAM, &[[label(b"le"), field(7, &[])].concat()]),
            "byte 6, metric.label of \"m\": expected label names that the type does not keep for \
             itself, found \"le\"",
        ),
        (
            histogram(&[bucket(1, 2.0), bucket(2, 2.0)]),
            "byte 23, metric.histogram.bucket of \"m\": expected one above 2.0, the last, found 2.0",
        ),
        (
            histogram(&[bucket(2, 1.0), bucket(1, 2.0)]),
            "byte 23, metric.histogram.bucket of \"m\": expected as many observations as in the \
             bucket before, or more, found 1.0",
        ),
        (
            histogram(&[vec![0x08, 3], bucket(2, f64::INFINITY)]),
            "byte 8, metric.histogram.sample_count of \"m\": expected as many as in all \
             buckets, found 3.0",
        ),
        (
            histogram(&[vec![0x28, 18], double(6, 0.5)]),
            "byte 8, metric.histogram.schema of \"m\": expected a schema of -4 to 8, found 9",
        ),
        (
            histogram(&[vec![0x62, 2, 0x10, 2, 0x6a, 1, 4]]),
            "byte 8, metric.histogram of \"m\": expected a native histogram that is whole, found \
             the spans of a native histogram have 2 buckets, and there are 1 counts",
        ),
        (
            histogram(&[vec![0x62, 2, 0x10, 1, 0x6a, 1, 1]]),
            "byte 8, metric.histogram of \"m\": expected differences that add up to counts, found \
             others in positive_delta",
        ),
    ] {
        assert_eq!(error(&bytes).to_string(), message);
    }
    let unit = [field(1, b"m_total"), field(5, b"s")].concat();
    let error = error(&[&[unit.len() as u8], &unit[..]].concat());
    assert_eq!((error.offset(), error.field()), (1, "unit"));
}

#[test]
fn families_before_an_error_are_read_and_no_name_stands_twice() {
    let one = family(GAUGE, &[field(2, &double(1, 1.0))]);
    let twice = [&one[..], &one].concat();
    let mut families = parse(&twice);
    assert!(families.next().unwrap().is_ok());
    let error = families.next().unwrap().unwrap_err();
    assert_eq!((error.offset(), error.family(), error.field()), (one.len() + 1, Some("m"), "name"));
    assert!(families.next().is_none());
}

#[test]
fn groups_in_groups_come_to_an_end() {
    // Begins of groups and nothing else.
    let bytes = [&[100][..], &[0x4b; 100]].concat();
    assert_eq!(error(&bytes).expected(), "at most 64 groups in one another");
}
