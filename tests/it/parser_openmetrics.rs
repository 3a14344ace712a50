//! The parser of OpenMetrics: the specification's example, and what it says must not be.

use narthex::Result;
use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, Family, MetricFamily, MetricType, Sample};
use narthex::parser::openmetrics::{parse, parse_all};

use crate::parser_text::{push_many_names, samples};

/// An exposition written again.
fn again(families: &Vec<MetricFamily>) -> Result<String> {
    exposition::encode(families, Encoding::new(Format::OpenMetrics100, EscapingScheme::AllowUtf8))
}

// https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure, with what stands in
// further sections: an info, a state set, a histogram with exemplars and a gauge histogram.
const EXAMPLE: &str = r#"# HELP acme_http_router_request_seconds Latency though all of ACME's HTTP request router.
# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
acme_http_router_request_seconds_count{method="GET",path="/api/v1"} 807283.0
acme_http_router_request_seconds_sum{method="GET",path="/api/v1"} 9036.32
acme_http_router_request_seconds_created{method="GET",path="/api/v1"} 1.605281325e+09
acme_http_router_request_seconds_count{method="POST",path="/api/v2"} 34.0
acme_http_router_request_seconds_sum{method="POST",path="/api/v2"} 479.3
acme_http_router_request_seconds_created{method="POST",path="/api/v2"} 1.605281325e+09
# HELP go_goroutines Number of goroutines that currently exist.
# TYPE go_goroutines gauge
go_goroutines 69.0
# HELP process_cpu_seconds Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds counter
# UNIT process_cpu_seconds seconds
process_cpu_seconds_total 4.20072246e+06
# HELP acme_http_router_request_latency \"Quoted\"\n\\.
# TYPE acme_http_router_request_latency histogram
acme_http_router_request_latency_bucket{le="0.01"} 0.0
acme_http_router_request_latency_bucket{le="0.1"} 8.0 # {} 0.054
acme_http_router_request_latency_bucket{le="1"} 11.0 # {trace_id="KOO5S4vxi0o"} 0.67
acme_http_router_request_latency_bucket{le="10"} 17.0 # {trace_id="oHg5SJYRHA0"} 9.8 1520879607.789
acme_http_router_request_latency_bucket{le="+Inf"} 17.0
acme_http_router_request_latency_count 17.0
acme_http_router_request_latency_sum 324789.3
acme_http_router_request_latency_created 1.52043072e+09
# HELP queue 
# TYPE queue gaugehistogram
queue_bucket{le="-1.0"} 20.0 123.7
queue_bucket{le="+Inf"} 42.0 123.7
queue_gcount 42.0 123.7
queue_gsum -3.5 123.7
# HELP feature 
# TYPE feature stateset
feature{env="a",feature="x"} 1.0
feature{env="a",feature="y"} 0.0
feature{env="b",feature="x"} 0.0
# HELP build 
# TYPE build info
build_info{version="1"} 1.0
# HELP "über.all" 
# TYPE "über.all" unknown
{"über.all"} NaN
{"über.all","größe"="\"2\\\n"} -Inf
# EOF
"#;

#[test]
fn the_example_of_the_specification() -> Result {
    let families = parse_all(EXAMPLE).unwrap();
    assert_eq!(again(&families)?, EXAMPLE);
    let types: Vec<_> = families.iter().map(|family| family.desc().metric_type()).collect();
    assert_eq!(
        types,
        [
            MetricType::Summary,
            MetricType::Gauge,
            MetricType::Counter,
            MetricType::Histogram,
            MetricType::GaugeHistogram,
            MetricType::StateSet,
            MetricType::Info,
            MetricType::Unknown,
        ]
    );
    assert_eq!(families[0].desc().unit(), Some("seconds"));
    assert_eq!(families[3].desc().help(), "\"Quoted\"\n\\.");
    let mut starts = Vec::new();
    families[0].for_each_sample(&mut |sample: &Sample<'_>| starts.push(sample.start()));
    let start = Some(1_605_281_325.0);
    assert_eq!(starts, [None, start, None, start]);
    assert_eq!(samples(&families[7..]), ["über.all{} NaN", r#"über.all{"größe": "\"2\\\n"} -inf"#]);
    Ok(())
}

#[test]
fn integers_and_exponents_are_numbers_as_well() {
    let text = "# TYPE a counter\na_total 9223372036854775808\na_created 1.5E9\n# TYPE b gauge\nb +.5e-1\n# EOF";
    assert_eq!(samples(&parse_all(text).unwrap()), ["a_total{} 9.223372036854776e18", "b{} 0.05"]);
}

#[test]
fn times_are_exact_to_the_nanosecond() -> Result {
    for time in [
        "123",
        "-5",
        "123.456",
        "0.5",
        "-0.5",
        "1395066363.123456789",
        "-1395066363.000000001",
        "18446744073709551615.999999999",
        "123.000000000",
        "1.12345678912",
        "1e-09",
    ] {
        let text = format!("# HELP a \n# TYPE a gauge\na 1.0 {time}\n# EOF\n");
        assert_eq!(again(&parse_all(&text).unwrap())?, text);
    }
    for (time, written) in [
        ("+5", "5"),
        (".5", "0.5"),
        ("1.5e3", "1500.0"),
        ("1395066363.1234567891", "1395066363.123456789"),
    ] {
        let text = again(&parse_all(&format!("a 1 {time}\n# EOF\n")).unwrap())?;
        assert_eq!(text, format!("# HELP a \n# TYPE a unknown\na 1.0 {written}\n# EOF\n"));
    }
    // In the text format whole milliseconds are left, cut off toward 1970.
    let families = parse_all("a 1 -1395066363.123999999\n# EOF\n").unwrap();
    assert!(exposition::text::encode(&families)?.ends_with("\na 1.0 -1395066363123\n"));
    Ok(())
}

#[test]
fn samples_that_come_again_at_one_time_are_left_out() {
    let text = "# TYPE a gauge\na{b=\"1\"} 1 0.0000000000\na{b=\"1\"} 2 0.0000000001\na{b=\"1\"} 3 0.000000001\n\
                a{b=\"2\"} 4 0\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1 5\nh_bucket{le=\"+Inf\"} 2 5\n\
                h_bucket{le=\"+Inf\"} 3 6\nh_count 3 6\nh_sum 1 6\n# EOF\n";
    assert_eq!(
        samples(&parse_all(text).unwrap()),
        [
            r#"a{"b": "1"} 1.0 at 0"#,
            r#"a{"b": "1"} 3.0 at 0.000000001"#,
            r#"a{"b": "2"} 4.0 at 0"#,
            r#"h_bucket{"le": "+Inf"} 1.0 at 5"#,
            r#"h_bucket{"le": "+Inf"} 3.0 at 6"#,
            "h_count{} 3.0 at 6",
            "h_sum{} 1.0 at 6",
        ]
    );
}

#[test]
fn a_start_time_belongs_to_its_series_wherever_it_stands() -> Result {
    let text = "# HELP a \n# TYPE a counter\na_created 1.0\na_total 2.0\na_total{b=\"\"} 3.0\na_created{b=\"\"} 4.0\n# EOF\n";
    let families = parse_all(text).unwrap();
    assert_eq!(again(&families)?, text);
    assert_eq!(samples(&families), ["a_created{} 1.0", "a_total{} 2.0", r#"a_total{"b": ""} 3.0"#]);
    Ok(())
}

#[test]
fn families_before_an_error_are_yielded() {
    let mut families = parse("# TYPE a gauge\na 1\n# TYPE b gauge\nb x\n# EOF\n");
    assert_eq!(families.next().unwrap().unwrap().desc().name(), "a");
    assert_eq!(
        families.next().unwrap().unwrap_err().to_string(),
        "line 4, column 3: expected a number, found \"x\""
    );
    assert!(families.next().is_none());

    // What is cut off may lack more than its end.
    let mut families = parse("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n");
    assert!(families.next().unwrap().is_ok());
    assert_eq!(
        families.next().unwrap().unwrap_err().to_string(),
        "line 5, column 1: expected \"# EOF\" at the end, found the end of the input"
    );
}

#[test]
fn what_is_not_utf_8_is_an_error_in_its_line() {
    let mut families = parse(b"a 1\nb{c=\"\xf0\x9f\x98\x80\xc3\"} 1\n# EOF\n".as_slice());
    let error = families.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 7: expected text in UTF-8, found byte 0xc3");
}

/// Lines that must not be, and why; `# EOF` stands behind all.
const REFUSED: &[(&str, &str)] = &[
    // The lines.
    ("a 1\n\n", "line 2, column 1: expected a sample or metadata, found the end of the line"),
    (
        "a 1\n# EOF\nb 1\n",
        "line 3, column 1: expected the end of the input behind \"# EOF\", found \"b\"",
    ),
    ("a 1\r\n", "line 1, column 4: expected the end of the line, found \"\\r\""),
    (
        "# HELP a x\r\n",
        "line 1, column 11: expected a line feed without a carriage return, found \"\\r\"",
    ),
    ("\u{feff}a 1\n", "line 1, column 1: expected a metric name, found \"\\u{feff}a\""),
    (" a 1\n", "line 1, column 1: expected a metric name, found \" \""),
    ("a  1\n", "line 1, column 3: expected a number, found \" \""),
    ("a\t1\n", "line 1, column 2: expected a space before the value, found \"\\t\""),
    ("a{b=\"c\"}1\n", "line 1, column 9: expected a space before the value, found \"1\""),
    ("a 1 \n", "line 1, column 5: expected a timestamp in seconds, found the end of the line"),
    ("a +NaN\n", "line 1, column 3: expected a number, found \"+NaN\""),
    ("a 0x1p-3\n", "line 1, column 3: expected a number, found \"0x1p-3\""),
    ("a 1 Inf\n", "line 1, column 5: expected a timestamp in seconds, found \"Inf\""),
    ("a 1 1.1.1\n", "line 1, column 5: expected a timestamp in seconds, found \"1.1.1\""),
    ("a 1 1 2\n", "line 1, column 7: expected \"# \" before an exemplar, found \"2\""),
    // Metadata.
    (
        "# x\n",
        "line 1, column 1: expected \"# HELP \", \"# TYPE \", \"# UNIT \" or \"# EOF\", found \"#\"",
    ),
    (
        "# TYPE a untyped\n",
        "line 1, column 10: expected counter, gauge, gaugehistogram, histogram, info, stateset, summary or unknown, found \"untyped\"",
    ),
    (
        "# TYPE a gauge \n",
        "line 1, column 10: expected counter, gauge, gaugehistogram, histogram, info, stateset, summary or unknown, found \"gauge \"",
    ),
    (
        "# HELP a\n",
        "line 1, column 9: expected a space behind the metric name, found the end of the line",
    ),
    (
        "# TYPE a gauge\n# TYPE a gauge\n",
        "line 2, column 8: expected each kind of metadata once for a family, found \"a\"",
    ),
    ("a 1\n# HELP a x\n", "line 2, column 8: expected metadata before the samples, found \"a\""),
    (
        "# UNIT a seconds\n",
        "line 1, column 10: expected a unit that the metric name ends with, found \"seconds\"",
    ),
    (
        "# UNIT seconds seconds\n",
        "line 1, column 16: expected a unit that the metric name ends with, found \"seconds\"",
    ),
    (
        "# TYPE a_x info\n# UNIT a_x x\n",
        "line 2, column 12: expected no unit, as the type is info, found \"x\"",
    ),
    // Names.
    (
        "# TYPE a counter\na 1\n",
        "line 2, column 1: expected \"_total\" or \"_created\" behind the name of the counter, found \
         \"a\"",
    ),
    (
        "# TYPE a_created gauge\na_created 1\n# TYPE a counter\na_total 1\n",
        "line 3, column 8: expected a family whose names are no other's, found \"a_created\"",
    ),
    (
        "a 1\nb 1\na{x=\"y\"} 1\n",
        "line 3, column 1: expected a family whose names are no other's, found \"a\"",
    ),
    (
        "# TYPE a summary\n# TYPE a_count gauge\n",
        "line 2, column 8: expected a family whose names are no other's, found \"a_count\"",
    ),
    // Labels.
    ("a{,b=\"c\"} 1\n", "line 1, column 3: expected a label name, found \",\""),
    ("a{b=\"c\",} 1\n", "line 1, column 9: expected a label name, found \"}\""),
    ("a{b = \"c\"} 1\n", "line 1, column 4: expected an equals sign, found \" \""),
    ("a{b='c'} 1\n", "line 1, column 5: expected a label value in quotes, found \"'c'\""),
    (
        "a{__b=\"c\"} 1\n",
        "line 1, column 3: expected a label name that is not empty and does not begin with two underscores, found \"__b\"",
    ),
    // Metrics stand together, and their times ascend.
    (
        "# TYPE a gauge\na{b=\"1\"} 1\na{b=\"2\"} 1\na{b=\"1\"} 1\n",
        "line 4, column 1: expected all samples of a metric together, found \"a\"",
    ),
    (
        "# TYPE a summary\na_sum{b=\"1\",c=\"2\"} 1\na_sum{b=\"1\"} 1\na_count{c=\"2\",b=\"1\"} 1\n",
        "line 4, column 1: expected all samples of a metric together, found \"a_count\"",
    ),
    (
        "a 1\na 2\n",
        "line 2, column 1: expected each series once, found a second sample of one, whose metric begins in line 1",
    ),
    (
        "# TYPE a info\na_info{b=\"1\"} 1\na_info{b=\"1\"} 1\n",
        "line 3, column 1: expected each series once, found a second sample of one, whose metric begins in line 2",
    ),
    (
        "a 1 2\na 1 1.9\n",
        "line 2, column 5: expected a timestamp that is not before the last, found \"1.9\"",
    ),
    (
        "a 1 2\na 1\n",
        "line 2, column 4: expected a timestamp, as the metric's other samples have one, found the end of the line",
    ),
    (
        "a 1\na 1 2\n",
        "line 2, column 5: expected no timestamp, as the metric's other samples have none, found \"2\"",
    ),
    // Values.
    (
        "# TYPE a counter\na_total -1\n",
        "line 2, column 9: expected a number that is not negative, found \"-1\"",
    ),
    (
        "# TYPE a counter\na_total NaN\n",
        "line 2, column 9: expected a number that is not negative, found \"NaN\"",
    ),
    (
        "# TYPE a summary\na_count 0.5\n",
        "line 2, column 9: expected a whole number that is not negative, found \"0.5\"",
    ),
    (
        "# TYPE a summary\na{quantile=\"0.5\"} -1\n",
        "line 2, column 19: expected a quantile's value that is not negative, found \"-1\"",
    ),
    (
        "# TYPE a summary\na{quantile=\"1.01\"} 1\n",
        "line 2, column 12: expected a quantile between 0 and 1, found \"1.01\"",
    ),
    (
        "# TYPE a summary\na 1\n",
        "line 2, column 1: expected a sample with the label \"quantile\", found \"a\"",
    ),
    ("# TYPE a info\na_info 2\n", "line 2, column 8: expected the value 1 of an info, found \"2\""),
    (
        "# TYPE a stateset\na{a=\"x\"} 2\n",
        "line 2, column 10: expected the value 0 or 1 of a state, found \"2\"",
    ),
    (
        "# TYPE a stateset\na{b=\"x\"} 1\n",
        "line 2, column 1: expected a sample with the label \"a\", found \"a\"",
    ),
    (
        "# TYPE a counter\na_created{b=\"1\"} 1\na_total{b=\"2\"} 1\n",
        "line 2, column 1: expected a total beside the start time, found none",
    ),
    (
        "# TYPE a summary\na_count{b=\"\",quantile=\"1\"} 1\n",
        "line 2, column 14: expected no label \"quantile\" in this sample, found \"quantile\"",
    ),
    (
        "# TYPE a gaugehistogram\na_gcount{le=\"1\"} 1\n",
        "line 2, column 10: expected no label \"le\" in this sample, found \"le\"",
    ),
    // Histograms.
    (
        "# TYPE a histogram\na_bucket{le=\"Inf\"} 1\n",
        "line 2, column 13: expected a bound that is a number or +Inf, found \"Inf\"",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"NaN\"} 1\n",
        "line 2, column 13: expected a bound that is a number or +Inf, found \"NaN\"",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{b=\"\",le=\"+Inf\"} 1\n",
        "line 2, column 13: expected the bound +Inf of the last bucket, found 1",
    ),
    (
        "# TYPE a histogram\na_created 1\n",
        "line 2, column 1: expected a bucket with the bound +Inf, found none",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 1\n",
        "line 3, column 13: expected a bucket bound above the last one, 2, found 1",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"2\"} 2\na_bucket{le=\"+Inf\"} 1\n",
        "line 3, column 21: expected as many as in the last bucket, 2, or more, found 1",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n",
        "line 3, column 9: expected a count of 1, as the bucket +Inf has, found 2",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\n",
        "line 3, column 9: expected a sum beside the count, found none",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\n",
        "line 3, column 7: expected a count beside the sum, found none",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n",
        "line 5, column 7: expected no sum, as there are bounds below zero, found 1",
    ),
    (
        "# TYPE a gaugehistogram\na_bucket{le=\"+Inf\"} 1\na_gcount 1\na_gsum -1\n",
        "line 4, column 8: expected a sum that is not below zero, as no bound is, found -1",
    ),
    (
        "# TYPE a histogram\na 1\n",
        "line 2, column 1: expected \"_bucket\", \"_count\", \"_sum\" or \"_created\" behind the name of the \
         histogram, found \"a\"",
    ),
    // Native histograms.
    (
        "# TYPE a histogram\na {count:1,sum:1}\n",
        "line 2, column 17: expected buckets or quantiles, found a closing brace",
    ),
    (
        "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1} 1 \n",
        "line 2, column 60: expected an exemplar, found the end of the line",
    ),
    (
        "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:1],positive_deltas:[-1]}\n",
        "line 2, column 72: expected whole numbers of observations that are not negative, found \"[0:1]\"",
    ),
    (
        "# TYPE a histogram\na {count:1,sum:1,bucket:[+Inf:1]}\n",
        "line 2, column 18: expected one of the fields schema, zero_threshold, zero_count, negative_spans, negative_deltas, positive_spans or positive_deltas, found \"bucket\"",
    ),
    (
        "# TYPE a gaugehistogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1}\n",
        "line 2, column 3: expected the value of a gaugehistogram, found \"{\"",
    ),
    (
        "# TYPE a histogram\na_count {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1}\n",
        "line 2, column 9: expected a number, found \"{count:1,sum:1,schema:0,zero_threshold:0\"…",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1}\n",
        "line 3, column 1: expected a native histogram before the other samples of its metric, found \"a\"",
    ),
    (
        "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1}\na_bucket{le=\"+Inf\"} 2\n",
        "line 2, column 10: expected a count of 2, as the bucket +Inf has, found 1",
    ),
    // Exemplars.
    (
        "# TYPE a gauge\na 1 # {} 1\n",
        "line 2, column 5: expected no exemplar, as this is neither a bucket nor a counter's total, found \"#\"",
    ),
    (
        "# TYPE a counter\na_created 1 # {} 1\n",
        "line 2, column 13: expected no exemplar, as this is neither a bucket nor a counter's total, found \"#\"",
    ),
    (
        "# TYPE a counter\na_total 1 #{} 1\n",
        "line 2, column 11: expected \"# \" before an exemplar, found \"#\"",
    ),
    (
        "# TYPE a counter\na_total 1 # {}1\n",
        "line 2, column 15: expected a space before the exemplar's value, found \"1\"",
    ),
    (
        "# TYPE a counter\na_total 1 # {} 1 \n",
        "line 2, column 18: expected a timestamp in seconds, found the end of the line",
    ),
    (
        "# TYPE a counter\na_total 1 # {b=\"1\",b=\"2\"} 1\n",
        "line 2, column 13: expected an exemplar whose label names are allowed, found \"{\"",
    ),
    (
        "# TYPE a histogram\na_bucket{le=\"1\"} 1 # {} 2\n",
        "line 2, column 20: expected an exemplar whose value is in its bucket, found \"#\"",
    ),
];

// The figures of Python's client: of the deltas 2, 1, -3 and 3 the counts are 2, 3, 0 and 3.
#[test]
fn native_histograms_of_another_client() {
    let line = "{count:24,sum:100,schema:0,zero_threshold:0.001,zero_count:4,positive_spans:[0:2,1:2],negative_spans:[0:2,1:2],positive_deltas:[2,1,-3,3],negative_deltas:[2,1,-2,3]}";
    let text = format!(
        "# TYPE a histogram\n\
         a{{b=\"1\"}} {line} 12.5 # {{t=\"x\"}} 0.5 1.5 # {{t=\"y\"}} 0.7\n\
         a{{b=\"2\"}} {line} 12.5\n\
         a_bucket{{b=\"2\",le=\"0.001\"}} 4 12.5 # {{t=\"z\"}} 0.001\n\
         a_bucket{{b=\"2\",le=\"+Inf\"}} 24 12.5\n\
         a_count{{b=\"2\"}} 24 12.5\n\
         a_sum{{b=\"2\"}} 100.5 12.5\n\
         a_created{{b=\"2\"}} 7 12.5\n\
         a{{b=\"1\"}} {line} 12.5\n\
         # EOF\n"
    );
    let error = parse_all(&text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 9, column 1: expected all samples of a metric together, found \"a\""
    );
    let text = text.replace(&format!("a{{b=\"1\"}} {line} 12.5\n"), "");
    let families = parse_all(&text).unwrap();
    let mut seen = Vec::new();
    families[0].for_each_chunk(&mut |chunk| {
        for (_, native) in chunk.natives() {
            assert_eq!((native.schema(), native.zero_threshold()), (0, 0.001));
            assert_eq!(native.zero_count(), 4.0);
            let positive: Vec<_> = native.positive().iter().collect();
            assert_eq!(positive, [(0, 2.0), (1, 3.0), (3, 0.0), (4, 3.0)]);
            let negative: Vec<_> = native.negative().iter().collect();
            assert_eq!(negative, [(0, 2.0), (1, 3.0), (3, 1.0), (4, 4.0)]);
            seen.push((native.exemplars().count(), chunk.exemplars().count()));
        }
    });
    assert_eq!(seen, [(2, 0), (0, 1)]);
    // Other formats have of them what they can say.
    assert_eq!(
        again(&families).unwrap(),
        "# HELP a \n# TYPE a histogram\n\
         a_bucket{b=\"1\",le=\"+Inf\"} 24.0 12.5\n\
         a_count{b=\"1\"} 24.0 12.5\n\
         a_sum{b=\"1\"} 100.0 12.5\n\
         a_bucket{b=\"2\",le=\"0.001\"} 4.0 12.5 # {t=\"z\"} 0.001\n\
         a_bucket{b=\"2\",le=\"+Inf\"} 24.0 12.5\n\
         a_count{b=\"2\"} 24.0 12.5\n\
         a_sum{b=\"2\"} 100.5 12.5\n\
         a_created{b=\"2\"} 7.0 12.5\n\
         # EOF\n"
    );
}

// A sum that may fall is none in this format.
#[test]
fn a_native_histogram_with_a_negative_sum_has_none_in_openmetrics_1() {
    let text = "# TYPE a histogram\na {count:1,sum:-3,schema:0,zero_threshold:0,zero_count:0,negative_spans:[2:1],negative_deltas:[1]}\n# EOF\n";
    let written = again(&parse_all(text).unwrap()).unwrap();
    assert_eq!(written, "# HELP a \n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1.0\n# EOF\n");
    assert!(parse_all(&written).is_ok());
}

#[test]
fn what_must_not_be_is_an_error() {
    for (lines, error) in REFUSED {
        let refused = parse_all(&format!("{lines}# EOF\n"));
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err((*error).to_owned()),
            "{lines:?}"
        );
    }
}

#[test]
fn an_exemplar_has_128_characters() {
    let text = |value: &str| {
        format!("# TYPE a counter\na_total 1 # {{é=\"{value}\"}} 1\n# EOF\n")
            .replace("é=", "\"é\"=")
    };
    assert!(parse_all(&text(&"ü".repeat(127))).is_ok());
    assert!(parse_all(&text(&"\\\\".repeat(127))).is_ok());
    assert_eq!(
        parse_all(&text(&"ü".repeat(128))).unwrap_err().to_string(),
        "line 2, column 13: expected an exemplar whose labels have 128 characters, found 129"
    );
}

// Were any of this looked for line by line in all lines before, it would not end within minutes.
#[test]
fn long_documents_are_read_in_one_pass() {
    use std::fmt::Write;

    let mut text = String::from("# TYPE a summary\n");
    for n in 0..20_000 {
        writeln!(text, "a{{quantile=\"0.{n:05}\"}} 1 1").unwrap();
    }
    for n in 0..20_000 {
        writeln!(text, "a_count{{n=\"{n}\"}} 1 1").unwrap();
    }
    push_many_names(&mut text);
    text.push_str("# EOF\n");
    assert_eq!(parse_all(&text).unwrap().len(), 20_002);
}
