//! The parser of the text format: the specification's example, its leniencies, and its errors.

use std::sync::Arc;

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    EscapingScheme, Family, GaugeMetricFamily, MetricFamily, MetricType, NO_LABELS, Sample,
    Timestamp,
};
use narthex::parser::ParseError;
use narthex::parser::text::{parse, parse_all, parse_strict};
use narthex::{CollectorRegistry, Result};

const UTF8: Encoding = Encoding::new(Format::Text100, EscapingScheme::AllowUtf8);

/// The samples of families: name, labels and value, as Rust shows them.
pub(crate) fn samples(families: &[MetricFamily]) -> Vec<String> {
    let mut samples = Vec::new();
    for family in families {
        family.for_each_sample(&mut |sample: &Sample<'_>| {
            let time = sample
                .timestamp()
                .map_or(String::new(), |time| format!(" at {}", time.as_seconds()));
            samples.push(format!(
                "{}{:?} {:?}{time}",
                sample.name(),
                sample.labels(),
                sample.value()
            ));
        });
    }
    samples
}

fn strict(input: &str) -> std::result::Result<Vec<MetricFamily>, ParseError> {
    parse_strict(input).collect()
}

/// The error of a text that neither mode reads.
fn refused(input: &str) -> String {
    assert!(strict(input).is_err(), "{input:?}");
    parse_all(input).unwrap_err().to_string()
}

/// What a text is read as; strictly, it is refused like this.
fn lenient(input: &str, refusal: &str) -> Vec<String> {
    assert_eq!(strict(input).unwrap_err().to_string(), refusal);
    samples(&parse_all(input).unwrap())
}

// https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-example
const EXAMPLE: &str = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="0.1"} 33444
http_request_duration_seconds_bucket{le="0.2"} 100392
http_request_duration_seconds_bucket{le="0.5"} 129389
http_request_duration_seconds_bucket{le="1"} 133988
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# Finally a summary, which has a complex representation, too:
# HELP rpc_duration_seconds A summary of the RPC duration in seconds.
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds{quantile="0.05"} 3272
rpc_duration_seconds{quantile="0.5"} 4773
rpc_duration_seconds{quantile="0.9"} 9001
rpc_duration_seconds{quantile="0.99"} 76656
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
"#;

#[test]
fn the_example_of_the_specification() -> Result {
    let families = strict(EXAMPLE).unwrap();
    assert_eq!(families, parse_all(EXAMPLE).unwrap());
    let text = exposition::encode(&families, UTF8)?;
    let descs: Vec<_> = families
        .iter()
        .map(|family| (family.desc().name(), family.desc().metric_type(), family.desc().help()))
        .collect();
    assert_eq!(
        descs,
        [
            ("http_requests", MetricType::Counter, "The total number of HTTP requests."),
            ("msdos_file_access_time_seconds", MetricType::Unknown, ""),
            ("metric_without_timestamp_and_labels", MetricType::Unknown, ""),
            ("something_weird", MetricType::Unknown, ""),
            (
                "http_request_duration_seconds",
                MetricType::Histogram,
                "A histogram of the request duration."
            ),
            (
                "rpc_duration_seconds",
                MetricType::Summary,
                "A summary of the RPC duration in seconds."
            ),
        ]
    );
    // Read again from what it was written as, it says the same.
    let again = strict(&text).unwrap();
    assert_eq!(samples(&again), samples(&families));
    assert_eq!(exposition::encode(&again, UTF8)?, text);

    let samples = samples(&families);
    assert_eq!(
        samples[..5],
        [
            r#"http_requests_total{"code": "200", "method": "post"} 1027.0 at 1395066363"#,
            r#"http_requests_total{"code": "400", "method": "post"} 3.0 at 1395066363"#,
            r#"msdos_file_access_time_seconds{"error": "Cannot find file:\n\"FILE.TXT\"", "path": "C:\\DIR\\FILE.TXT"} 1458255915.0"#,
            "metric_without_timestamp_and_labels{} 12.47",
            r#"something_weird{"problem": "division by zero"} inf at -3982.045"#,
        ]
    );
    assert_eq!(samples[10], r#"http_request_duration_seconds_bucket{"le": "+Inf"} 144320.0"#);
    assert_eq!(samples[19], "rpc_duration_seconds_count{} 2693.0");
    assert_eq!(samples.len(), 20);
    Ok(())
}

#[test]
fn families_are_a_collector() -> Result {
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(parse_all(EXAMPLE).unwrap()))?;
    let labels = [("method", "post"), ("code", "400")];
    assert_eq!(registry.get_sample_value("http_requests_total", &labels), Some(3.0));
    let taken = registry.register(Arc::new(parse_all("something_weird 1\n").unwrap()));
    assert_eq!(taken.unwrap_err().duplicates(), ["something_weird"]);
    Ok(())
}

#[test]
fn names_in_quotes() {
    let text = "# HELP \"a.b\" x\n# TYPE \"a.b\" gauge\n{\"a.b\",\"c \\\"d\\\\\"=\"e\",f=\"\"} 1\n";
    let families = strict(text).unwrap();
    assert_eq!(families[0].desc().name(), "a.b");
    assert_eq!(samples(&families), [r#"a.b{"c \"d\\": "e", "f": ""} 1.0"#]);
    assert_eq!(
        samples(&strict("{\"a\"} 1\na{\"b\"=\"\"} 2\n").unwrap()),
        ["a{} 1.0", r#"a{"b": ""} 2.0"#]
    );
}

#[test]
fn blanks_mean_nothing_between_tokens() {
    let text = " \t# \t TYPE a\tgauge \n\n\ta {\tb = \"c\" , }1  \n #x\n a\t2 \t3\t\n";
    assert_eq!(samples(&strict(text).unwrap()), [r#"a{"b": "c"} 1.0"#, "a{} 2.0 at 0.003"]);
}

#[test]
fn a_counter_without_total_gains_it() {
    let families = strict("# TYPE a counter\na 1\n# TYPE b_total counter\nb_total 2\n").unwrap();
    assert_eq!(samples(&families), ["a_total{} 1.0", "b_total{} 2.0"]);
    assert_eq!(families[1].desc().name(), "b");
}

#[test]
fn a_counter_does_not_take_the_samples_of_another_name() -> Result {
    let text = "# HELP a x\n# TYPE a counter\n# TYPE b gauge\nb 1\na_total 2\n";
    let refusal = "a name that no other family has once counters have gained \"_total\"";
    let refused =
        lenient(text, &format!("line 5, column 1: expected {refusal}, found \"a_total\""));
    assert_eq!(refused, ["b{} 1.0", "a_total{} 2.0"]);
    let families = parse_all(text).unwrap();
    let types: Vec<_> = families.iter().map(|family| family.desc().metric_type()).collect();
    assert_eq!(types, [MetricType::Counter, MetricType::Gauge, MetricType::Unknown]);
    // The counter says nothing, and its name in a text is another's.
    let written = exposition::encode(&families, UTF8)?;
    assert_eq!(
        written,
        "# HELP b \n# TYPE b gauge\nb 1.0\n# HELP a_total \n# TYPE a_total untyped\na_total 2.0\n"
    );
    assert!(strict(&written).is_ok());
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(families))?;
    assert_eq!(registry.get_sample_value("a_total", &[]), Some(2.0));

    // Of families without samples, one of each name is left.
    let empty = parse_all("# TYPE a counter\n# TYPE a_total counter\n# TYPE c gauge\n").unwrap();
    assert_eq!(
        exposition::encode(&empty, UTF8)?,
        "# HELP a_total \n# TYPE a_total counter\n# HELP c \n# TYPE c gauge\n"
    );
    // Neither of two that have samples can be left out.
    lenient(
        "# TYPE a_total gauge\na_total 1\n# TYPE a counter\na 2\n",
        &format!("line 3, column 8: expected {refusal}, found \"a\""),
    );
    Ok(())
}

#[test]
fn a_carriage_return_ends_a_help_text_in_lenient_reading_only() {
    let text = "# HELP a x\r\n# TYPE a gauge\n";
    let refusal =
        "line 1, column 11: expected a line feed without a carriage return, found \"\\r\"";
    lenient(text, refusal);
    assert_eq!(parse_all(text).unwrap()[0].desc().help(), "x");
}

#[test]
fn leniencies() {
    assert_eq!(
        lenient(
            "a 1",
            "line 1, column 4: expected a line feed behind the last line, found the end of the input"
        ),
        ["a{} 1.0"]
    );
    assert_eq!(
        lenient(
            "# TYPE a gauge\r\na 1\r\n\r\n",
            "line 1, column 15: expected the end of the line, found \"\\r\""
        ),
        ["a{} 1.0"]
    );
    assert_eq!(
        lenient("a{ , } 1\n", "line 1, column 4: expected a label name, found \",\""),
        ["a{} 1.0"]
    );
    assert_eq!(
        lenient(
            "{b=\"c\",\"d.e\"} 1\n",
            "line 1, column 8: expected the metric name before all labels, found \"\\\"d.e\\\"\""
        ),
        [r#"d.e{"b": "c"} 1.0"#]
    );
    assert_eq!(
        lenient(
            "a{b=\"é\\d\"} 1\n",
            "line 1, column 7: expected one of the escapes \\\\, \\n and \\\", found \"\\\\d\\\"\""
        ),
        [r#"a{"b": "é\\d"} 1.0"#]
    );
    assert_eq!(
        lenient(
            "a -1e999\n",
            "line 1, column 3: expected a number that a float can hold, found \"-1e999\""
        ),
        ["a{} -inf"]
    );
    assert_eq!(
        lenient(
            "# HELP\na 1\n",
            "line 1, column 7: expected a metric name, found the end of the line"
        ),
        ["a{} 1.0"]
    );
    assert_eq!(
        lenient(
            "a 1 -9223372036854775809\n",
            "line 1, column 5: expected milliseconds of 64 bits, found \"-9223372036854775809\""
        ),
        ["a{} 1.0 at -9223372036854776"]
    );
    let late = "# TYPE a gauge\na 1\n# HELP a x\\\\\na{b=\"\"} 2\n";
    assert_eq!(
        lenient(late, "line 3, column 8: expected HELP before the samples, found \"a\""),
        ["a{} 1.0", r#"a{"b": ""} 2.0"#]
    );
    assert_eq!(parse_all(late).unwrap()[0].desc().help(), "x\\");
    let later = "a 1\n# TYPE a gauge\na 2\n";
    assert_eq!(
        lenient(later, "line 2, column 8: expected TYPE before the samples, found \"a\""),
        ["a{} 1.0", "a{} 2.0"]
    );
    assert_eq!(parse_all(later).unwrap()[1].desc().metric_type(), MetricType::Gauge);
    let apart = "# TYPE a gauge\na{x=\"1\"} 1\nb 1\na{x=\"2\"} 2\n";
    assert_eq!(
        lenient(
            apart,
            "line 4, column 1: expected all lines of a family together, found \"a\" again"
        ),
        [r#"a{"x": "1"} 1.0"#, "b{} 1.0", r#"a{"x": "2"} 2.0"#]
    );
    assert_eq!(parse_all(apart).unwrap()[2].desc().metric_type(), MetricType::Unknown);
    assert_eq!(
        lenient(
            "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n",
            "line 2, column 1: expected each series once, found a second sample of the one in line 1"
        ),
        [r#"a{"x": "1", "y": "2"} 1.0"#, r#"a{"x": "1", "y": "2"} 2.0"#]
    );
}

#[test]
fn histograms_that_are_not_whole_are_read_leniently() {
    let head = "# TYPE a histogram\n";
    let bucket = |le: &str, count: u32| format!("a_bucket{{le=\"{le}\"}} {count}\n");
    for (lines, refusal) in [
        (bucket("1", 1), "line 2, column 13: expected the bound +Inf of the last bucket, found 1"),
        (
            bucket("2", 1) + &bucket("1", 1),
            "line 3, column 13: expected a bucket bound above the last one, 2, found 1",
        ),
        (
            bucket("1", 2) + &bucket("+Inf", 1),
            "line 3, column 21: expected as many as in the last bucket, 2, or more, found 1",
        ),
        (
            bucket("+Inf", 1) + "a_count 2\n",
            "line 3, column 9: expected a count of 1, as the bucket +Inf has, found 2",
        ),
    ] {
        let samples = lenient(&(head.to_owned() + &lines), refusal);
        assert_eq!(samples.len(), lines.lines().count());
    }
    // Of several series, the one that lacks something is pointed at.
    for (lines, refusal) in [
        (
            "a_count 1\na_bucket{b=\"\",le=\"+Inf\"} 1\n",
            "line 2, column 9: expected a bucket with the bound +Inf, found none",
        ),
        (
            "a_bucket{le=\"+Inf\"} 1\na_sum{b=\"\"} 1\n",
            "line 3, column 13: expected a bucket with the bound +Inf, found none",
        ),
        (
            "a_count 1e16\na_count{b=\"\"} 2\na_bucket{b=\"\",le=\"+Inf\"} 2\na_bucket{le=\"+Inf\"} 2500000\n",
            "line 2, column 9: expected a count of 2500000, as the bucket +Inf has, found 1e+16",
        ),
    ] {
        lenient(&(head.to_owned() + lines), refusal);
    }
    // The series of one family may be mixed, as long as each is whole.
    let mixed = "# TYPE a histogram\na_bucket{b=\"1\",le=\"1\"} 1\na_bucket{le=\"+Inf\",b=\"2\"} 5\n\
                 a_bucket{b=\"1\",le=\"+Inf\"} 3\na_count{b=\"1\"} 3\n";
    assert_eq!(strict(mixed).unwrap().len(), 1);
    let quantiles = "# TYPE a summary\na{quantile=\"0.5\"} 1\na{quantile=\"0.5\",b=\"\"} 1\na{quantile=\"0.4\"} 1\n";
    lenient(quantiles, "line 4, column 12: expected a quantile above the last one, 0.5, found 0.4");
    lenient(
        "# TYPE a summary\na{quantile=\"-0.5\"} 1\n",
        "line 2, column 12: expected a quantile between 0 and 1, found -0.5",
    );
}

#[test]
fn times_are_read_as_they_were_written_however_large() -> Result {
    // The largest float is 1.7976931348623157e308: as milliseconds, what it says of seconds is more.
    for (seconds, digits, start) in [
        (1e22, 26, "10000000000000000905969664"),
        (f64::MAX, 309, "17976931348623157"),
        (-1e308, 310, "-17976931348623157"),
    ] {
        let mut family = GaugeMetricFamily::new("a", "")?;
        let time = Timestamp::from_seconds(seconds)?;
        family.add_metric(NO_LABELS, 1.0)?.timestamp(time);
        let family = vec![MetricFamily::from(family)];
        let written = exposition::encode(&family, UTF8)?;
        let number = written.trim_end().rsplit(' ').next().unwrap();
        assert_eq!((number.len(), &number[..start.len()]), (digits, start));
        let read = parse_all(&written).unwrap();
        assert_eq!(exposition::encode(&read, UTF8)?, written);
    }
    Ok(())
}

#[test]
fn errors_say_where_and_what() {
    for (input, error) in [
        ("a{b=\"c\",,} 1\n", "line 1, column 9: expected a label name, found \",\""),
        ("a{,b=\"c\"} 1\n", "line 1, column 4: expected a closing brace, found \"b\""),
        ("é 1\n", "line 1, column 1: expected a metric name, found \"é\""),
        ("a{é=\"1\"} 1\n", "line 1, column 3: expected a label name, found \"é\""),
        (
            "a.b 1\n",
            "line 1, column 2: expected a blank or an opening brace behind the metric name, found \".b\"",
        ),
        (
            "a\n",
            "line 1, column 2: expected a blank or an opening brace behind the metric name, found the end of the line",
        ),
        ("a \n", "line 1, column 3: expected a number, found the end of the line"),
        ("a 0x1\n", "line 1, column 3: expected a number, found \"0x1\""),
        ("a 1_0\n", "line 1, column 3: expected a number, found \"1_0\""),
        ("b 1\na{x=\"é\"} x\n", "line 2, column 10: expected a number, found \"x\""),
        (
            "a 1 1.5\n",
            "line 1, column 5: expected a timestamp in whole milliseconds, or the end of the line, found \"1.5\"",
        ),
        ("a 1 2 3\n", "line 1, column 7: expected the end of the line, found \"3\""),
        (
            "a 1 12{x=\"\"}\n",
            "line 1, column 5: expected a timestamp in whole milliseconds, or the end of the line, found \"12{x=\\\"\\\"}\"",
        ),
        (
            "a 1 # {t=\"x\"} 1\n",
            "line 1, column 5: expected the end of the line, as only OpenMetrics, which parser::openmetrics reads, has exemplars, found \"#\"",
        ),
        (
            "a 1 2\t#x\n",
            "line 1, column 7: expected the end of the line, as only OpenMetrics, which parser::openmetrics reads, has exemplars, found \"#x\"",
        ),
        (
            "a{b=\"c\n\"} 1\n",
            "line 1, column 7: expected closing quotes, found the end of the line",
        ),
        ("a{b=\"c\\", "line 1, column 8: expected closing quotes, found the end of the input"),
        (
            "a{b=\"c\" d=\"e\"} 1\n",
            "line 1, column 9: expected a comma or a closing brace, found \"d\"",
        ),
        ("a{b:c=\"d\"} 1\n", "line 1, column 4: expected an equals sign, found \":c\""),
        (
            "a{b=\"1\",b=\"2\"} 1\n",
            "line 1, column 9: expected a label name that no other label has, be it after escaping, found \"b\"",
        ),
        (
            "a{\"x.y\"=\"\",x_y=\"\"} 1\n",
            "line 1, column 12: expected a label name that no other label has, be it after escaping, found \"x_y\"",
        ),
        (
            "a{b=\"1\",__c=\"2\"} 1\n",
            "line 1, column 9: expected a label name that is not empty and does not begin with two underscores, found \"__c\"",
        ),
        (
            "a{\"\"=\"c\"} 1\n",
            "line 1, column 3: expected a label name that is not empty and does not begin with two underscores, found \"\"",
        ),
        ("{\"a.b\",\"c.d\"} 1\n", "line 1, column 13: expected an equals sign, found \"}\""),
        ("a{\"b\"} 1\n", "line 1, column 6: expected an equals sign, found \"}\""),
        ("{} 1\n", "line 1, column 1: expected a metric name, found \"{\""),
        ("{\"\"} 1\n", "line 1, column 2: expected a metric name, found \"\\\"\\\"\""),
        ("\"a\" 1\n", "line 1, column 1: expected a metric name, found \"\\\"a\\\"\""),
        (
            "# TYPE a.b gauge\n",
            "line 1, column 9: expected a blank behind the metric name, found \".b\"",
        ),
        ("# TYPE\n", "line 1, column 7: expected a metric name, found the end of the line"),
        (
            "# TYPE a\n",
            "line 1, column 9: expected counter, gauge, histogram, summary or untyped, found the end of the line",
        ),
        (
            "# TYPE a info\n",
            "line 1, column 10: expected counter, gauge, histogram, summary or untyped, found \"info\"",
        ),
        ("# TYPE a gauge x\n", "line 1, column 16: expected the end of the line, found \"x\""),
        (
            "# TYPE a gauge\n# TYPE a gauge\n",
            "line 2, column 8: expected one TYPE for each family, found \"a\"",
        ),
        (
            "# HELP a x\n# HELP a x\n",
            "line 2, column 8: expected one HELP for each family, found \"a\"",
        ),
        (
            "# HELP a x\na 1\n# TYPE a gauge\n",
            "line 3, column 8: expected TYPE before the samples, found \"a\"",
        ),
        ("# HELP \"a\n", "line 1, column 10: expected closing quotes, found the end of the line"),
        (
            "# TYPE _total counter\n_total 1\n",
            "line 1, column 8: expected the name of a counter before \"_total\", found \"_total\"",
        ),
        (
            "# TYPE a histogram\na_bucket 1\n",
            "line 2, column 1: expected a sample with the label \"le\", found \"a_bucket\"",
        ),
        (
            "# TYPE a histogram\na_bucket{le=\"x\"} 1\n",
            "line 2, column 13: expected a number in the label \"le\", found \"x\"",
        ),
        (
            "# TYPE a summary\na{b=\"c\",quantile=\"NaN\"} 1\n",
            "line 2, column 18: expected a number in the label \"quantile\", found \"NaN\"",
        ),
    ] {
        assert_eq!(refused(input), error, "{input:?}");
    }
}

#[test]
fn what_is_found_is_cut_off() {
    let error = parse_all(&format!("a {}\n", "x".repeat(1000))).unwrap_err();
    assert_eq!(error.found(), format!("\"{}\"…", "x".repeat(40)));
}

#[test]
fn families_before_an_error_are_yielded() {
    let mut families = parse("# TYPE a gauge\na 1\nb 1\nb x\nc 1\n");
    assert_eq!(families.next().unwrap().unwrap().desc().name(), "a");
    assert_eq!(families.next().unwrap().unwrap_err().line(), 4);
    assert!(families.next().is_none() && families.next().is_none());
}

#[test]
fn what_is_not_utf_8_is_an_error_in_its_line() {
    let mut families = parse(b"a 1\nb 2\nc{d=\"\xc3\xa9\xff\"} 3\nd 4\n".as_slice());
    assert_eq!(families.next().unwrap().unwrap().desc().name(), "a");
    let error = families.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "line 3, column 7: expected text in UTF-8, found byte 0xff");
    assert!(families.next().is_none());
    assert!(parse_all(b"\xef\xbb\xbfa 1\n".as_slice()).is_err());
}

#[test]
fn nothing_is_read_as_nothing() {
    assert_eq!(parse_all("").unwrap(), []);
    assert_eq!(strict("\n  \n# x\n").unwrap(), []);
    assert_eq!(parse_all("# x").unwrap(), []);
}

/// Appends 20,000 families of one sample each, and one whose sample has as many labels.
pub(crate) fn push_many_names(text: &mut String) {
    use std::fmt::Write;

    for n in 0..20_000 {
        writeln!(text, "b{n} 1").unwrap();
    }
    text.push('c');
    for n in 0..20_000 {
        let before = if n == 0 { '{' } else { ',' };
        write!(text, "{before}l{n}=\"\"").unwrap();
    }
    text.push_str("} 1\n");
}

// Were any of this looked for line by line in all lines before, it would not end within minutes.
#[test]
fn long_documents_are_read_in_one_pass() {
    use std::fmt::Write;

    let mut text = String::new();
    for n in 0..50_000 {
        writeln!(text, "a{{n=\"{n}\"}} 1 {n}").unwrap();
    }
    push_many_names(&mut text);
    let families = strict(&text).unwrap();
    assert_eq!(families.len(), 20_002);
    assert_eq!(families, parse_all(&text).unwrap());
}
