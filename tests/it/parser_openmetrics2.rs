//! The parser of OpenMetrics 2.0: the specification's figures, and all that it says must be.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, Family, MetricFamily, MetricType};
use narthex::parser::openmetrics2::{parse, parse_all};
use narthex::{CollectorRegistry, Result};

use crate::parser_text::{push_many_names, samples};

/// An exposition written again.
fn again(families: &Vec<MetricFamily>) -> String {
    let encoding = Encoding::new(Format::OpenMetrics200, EscapingScheme::AllowUtf8);
    exposition::encode(families, encoding).expect("names as they are")
}

/// What a document says, written again; without its last line.
fn read(lines: &str) -> std::result::Result<String, String> {
    let families = parse_all(&format!("{lines}\n# EOF\n")).map_err(|error| error.to_string())?;
    Ok(again(&families).strip_suffix("# EOF\n").expect("an end").trim_end().to_owned())
}

// The figures of https://prometheus.io/docs/specs/om/open_metrics_spec_2_0/#overall-structure.
const EXAMPLE: &str = r#"# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
# HELP acme_http_router_request_seconds Latency of requests.
acme_http_router_request_seconds{path="/api/v1",method="GET"} {count:807283,sum:9036.32,quantile:[0.95:2,0.99:20]} st@1605281325.0
acme_http_router_request_seconds{path="/api/v2",method="GET"} {count:34,sum:479.3,quantile:[0.95:2.5,0.99:2.9]} st@1605301325.0
# TYPE go_goroutines gauge
# HELP go_goroutines Goroutines.
go_goroutines 69
# TYPE process_cpu_seconds_total counter
# UNIT process_cpu_seconds_total seconds
process_cpu_seconds_total 4.20072246e+06
# TYPE acme_http_request_seconds histogram
# UNIT acme_http_request_seconds seconds
acme_http_request_seconds{path="/api/v1",method="GET"} {count:2,sum:1.2e2,schema:0,zero_threshold:1e-4,zero_count:0,positive_spans:[1:2],positive_buckets:[1,1],bucket:[0.5:1,1:2,+Inf:2]} st@1605301325.0
# TYPE acme_http_request_seconds:rate5m gaugehistogram
acme_http_request_seconds:rate5m{path="/api/v1",method="GET"} {gcount:0.01,gsum:2.0,schema:0,zero_threshold:1e-4,zero_count:0.0,positive_spans:[1:2],positive_buckets:[0.005,0.005]}
# TYPE "foodb.read.errors" counter
# HELP "foodb.read.errors" Errors.
{"foodb.read.errors","service.name"="my_service"} 3482
# EOF
"#;

// The same as narthex spells it: labels sorted, numbers of samples with a point, counts without,
// and a counter with `_total`.
const SPELLED: &str = r#"# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
# HELP acme_http_router_request_seconds Latency of requests.
acme_http_router_request_seconds{method="GET",path="/api/v1"} {count:807283,sum:9036.32,quantile:[0.95:2.0,0.99:20.0]} st@1605281325.0
acme_http_router_request_seconds{method="GET",path="/api/v2"} {count:34,sum:479.3,quantile:[0.95:2.5,0.99:2.9]} st@1605301325.0
# TYPE go_goroutines gauge
# HELP go_goroutines Goroutines.
go_goroutines 69.0
# TYPE process_cpu_seconds_total counter
# UNIT process_cpu_seconds_total seconds
process_cpu_seconds_total 4.20072246e+06
# TYPE acme_http_request_seconds histogram
# UNIT acme_http_request_seconds seconds
acme_http_request_seconds{method="GET",path="/api/v1"} {count:2,sum:120.0,schema:0,zero_threshold:0.0001,zero_count:0,positive_spans:[1:2],positive_buckets:[1,1],bucket:[0.5:1,1.0:2,+Inf:2]} st@1605301325.0
# TYPE acme_http_request_seconds:rate5m gaugehistogram
acme_http_request_seconds:rate5m{method="GET",path="/api/v1"} {gcount:0.01,gsum:2.0,schema:0,zero_threshold:0.0001,zero_count:0,positive_spans:[1:2],positive_buckets:[0.005,0.005]}
# TYPE "foodb.read.errors_total" counter
# HELP "foodb.read.errors_total" Errors.
{"foodb.read.errors_total","service.name"="my_service"} 3482.0
# EOF
"#;

#[test]
fn the_example_of_the_specification() {
    let families = parse_all(EXAMPLE).unwrap();
    assert_eq!(again(&families), SPELLED);
    assert_eq!(again(&parse_all(SPELLED).unwrap()), SPELLED);
    let types: Vec<_> = families.iter().map(|family| family.desc().metric_type()).collect();
    use MetricType::{Counter, Gauge, GaugeHistogram, Histogram, Summary};
    assert_eq!(types, [Summary, Gauge, Counter, Histogram, GaugeHistogram, Counter]);
}

/// Lines of the specification, and what they are when they are written again: nothing for the
/// same.
const FIGURES: &[(&str, &str)] = &[
    ("# TYPE foo unknown\nfoo 42.23", ""),
    ("foo 42.23", "# TYPE foo unknown\nfoo 42.23"),
    ("# TYPE foo gauge\nfoo 17.0", ""),
    ("# TYPE foo gauge\nfoo{a=\"bb\"} 17.0\nfoo{a=\"ccc\"} 17.0", ""),
    ("# TYPE foo gauge", ""),
    ("# TYPE foo gauge\nfoo{a=\"b\"} 17.0 1520879607.789", ""),
    ("# TYPE foo gauge\nfoo 17.0 123\nfoo 18.0 456", ""),
    ("# TYPE foo_total counter\nfoo_total 17.0 st@1520430000.123", ""),
    ("# TYPE foo_total counter\nfoo_total 17.0 1520879607.789 st@1520430000.123", ""),
    (
        "# TYPE foo counter\nfoo 17.0 1520879607.789 st@1520879607.789",
        "# TYPE foo_total counter\nfoo_total 17.0 1520879607.789 st@1520879607.789",
    ),
    (
        "# TYPE foo_total counter\nfoo_total 17.0 1520879607.789 st@1520430000.123 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879606.1",
        "",
    ),
    ("# TYPE foo_total counter\n# UNIT foo_total seconds", ""),
    ("# TYPE foo_seconds_total counter\n# UNIT foo_seconds_total seconds", ""),
    (
        "# TYPE foo_seconds_total counter\n# UNIT foo_seconds_total seconds\n# HELP foo_seconds_total Some text and \\n some \\\" escaping",
        "",
    ),
    (
        "# TYPE foo_seconds_total counter\nfoo_seconds_total 1\nfoo_milliseconds_total 2\nfoo_count 3",
        "# TYPE foo_seconds_total counter\nfoo_seconds_total 1.0\n# TYPE foo_milliseconds_total unknown\nfoo_milliseconds_total 2.0\n# TYPE foo_count unknown\nfoo_count 3.0",
    ),
    ("bar_seconds_count{} 0", "# TYPE bar_seconds_count unknown\nbar_seconds_count 0.0"),
    (
        "{\"\\\"bar\\\".seconds.count\",\"b\\\\\"=\"escaping\\\" example \\n \"} 0",
        "# TYPE \"\\\"bar\\\".seconds.count\" unknown\n{\"\\\"bar\\\".seconds.count\",\"b\\\\\"=\"escaping\\\" example \\n \"} 0.0",
    ),
    (
        "# TYPE \"quoting_example\" gauge\n{\"quoting_example\",\"foo\"=\"bar\"} 4.5",
        "# TYPE quoting_example gauge\nquoting_example{foo=\"bar\"} 4.5",
    ),
    (
        "# TYPE foo stateset\nfoo{entity=\"controller\",foo=\"a\"} 1.0\nfoo{entity=\"controller\",foo=\"bb\"} 0.0\nfoo{entity=\"replica\",foo=\"a\"} 1.0",
        "",
    ),
    (
        "# TYPE foo stateset\nfoo{foo=\"a\"} 1.0 1000000000.000\nfoo{foo=\"a\"} 0.0 1000000001.000\nfoo{foo=\"bb\"} 0.0 1000000000.000\nfoo{foo=\"bb\"} 1.0 1000000001.000",
        "",
    ),
    ("# TYPE foo_info info\nfoo_info{name=\"pretty name\",version=\"8.2.7\"} 1.0", ""),
    ("# TYPE foo summary\nfoo {count:17,sum:324789.3,quantile:[]} st@1520430000.123", ""),
    (
        "# TYPE foo summary\nfoo {count:0,sum:0.0,quantile:[0.95:123.7,0.99:150]} st@1520430000.123",
        "# TYPE foo summary\nfoo {count:0,sum:0.0,quantile:[0.95:123.7,0.99:150.0]} st@1520430000.123",
    ),
    (
        "# TYPE foo histogram\nfoo {count:17,sum:324789.3,bucket:[0.0:0,1e-05:0,0.0001:5,0.1:8,1.0:10,10.0:11,100000.0:11,1e+06:15,1e+23:16,1.1e+23:17,+Inf:17]} st@1520430000.123",
        "",
    ),
    (
        "# TYPE foo histogram\nfoo {count:59,sum:120.0,schema:7,zero_threshold:0.0001,zero_count:0,negative_spans:[1:2],negative_buckets:[5,7],positive_spans:[-1:2,3:4],positive_buckets:[5,7,10,9,8,8]} st@1520430000.123",
        "",
    ),
    (
        "# TYPE foo histogram\nfoo {count:0,sum:0,schema:3,zero_threshold:1e-4,zero_count:0} st@1520430000.123",
        "# TYPE foo histogram\nfoo {count:0,sum:0.0,schema:3,zero_threshold:0.0001,zero_count:0} st@1520430000.123",
    ),
    (
        "# TYPE foo histogram\nfoo {count:17,sum:324789.3,schema:0,zero_threshold:0.0001,zero_count:0,positive_spans:[0:2],positive_buckets:[5,12]} st@1520430000.123 # {trace_id=\"shaZ8oxi\"} 0.67 1520879607.789 # {trace_id=\"ookahn0M\"} 1.2 1520879608.589",
        "",
    ),
    (
        "# TYPE foo histogram\nfoo {count:17,sum:324789.3,bucket:[0.01:0,0.1:8,1.0:11,10.0:17,+Inf:17]} st@1520430000.123 # {} 0.054 1520879607.7 # {trace_id=\"KOO5S4vxi0o\"} 1.67 1520879602.890 # {trace_id=\"oHg5SJYRHA0\"} 10.8 1520879607.789",
        "",
    ),
    (
        "# TYPE foo gaugehistogram\nfoo {gcount:42,gsum:3289.3,bucket:[0.01:20,0.1:25,1.0:34,+Inf:42]}",
        "",
    ),
];

#[test]
fn the_figures_of_the_specification() {
    for &(lines, expected) in FIGURES {
        let expected = if expected.is_empty() { lines } else { expected };
        assert_eq!(read(lines).as_deref(), Ok(expected), "{lines}");
    }
}

/// What must be and must not be, as far as it can be seen: the rule, lines that keep it, and lines
/// that break it.
const RULES: &[(&str, &[&str], &[&str])] = &[
    (
        "timestamps are seconds",
        &["a 1 -1.5", "a 1 1e3", "a 1 0"],
        &["a 1 NaN", "a 1 x", "a 1 +Inf", "a 1  2"],
    ),
    (
        "NaN and the infinities are numbers",
        &["a nan", "a +inf", "a -INFINITY"],
        &["a -nan", "a infi", "a 0x1"],
    ),
    (
        "floats are those of 64 bits",
        &["a 1.7e308", "a 0.1234567890123456789"],
        &["a 1e309", "a -1e999"],
    ),
    (
        "numbers are decimal",
        &["a 0042", "a .5", "a 5.", "a +1e+3"],
        &["a 1_0", "a .", "a e5", "a", "a "],
    ),
    ("NULL is a character", &["a{b=\"\0\"} 1", "# HELP a \0"], &[]),
    (
        "label names beginning with two underscores are reserved",
        &["a{_b=\"\"} 1"],
        &["a{__b=\"\"} 1"],
    ),
    (
        "label names are unique",
        &["a{b=\"\",c=\"\"} 1"],
        &["a{b=\"\",b=\"\"} 1", "a{b=\"\",\"b\"=\"\"} 1"],
    ),
    (
        "a metric's samples have ascending times",
        &["a 1 1\na 2 2\nb 1"],
        &["a 1 2\na 2 1", "a 1\na 2 1", "a 1 1\na 2"],
    ),
    (
        "a family's metrics have different labels",
        &["a{b=\"\"} 1\na{b=\"c\"} 1"],
        &["a 1\na 1", "a{b=\"\",c=\"\"} 1\na{c=\"\",b=\"\"} 1"],
    ),
    (
        "a family's name is unique",
        &["# TYPE a gauge\na 1\n# TYPE b gauge"],
        &["# TYPE a gauge\n# TYPE b gauge\n# TYPE a gauge", "a 1\nb 1\na{c=\"\"} 1"],
    ),
    (
        "names are none that older formats give to other samples",
        &["# TYPE a gauge\n# TYPE a_count gauge"],
        &["# TYPE a histogram\n# TYPE a_count gauge", "# TYPE a counter\n# TYPE a_total gauge"],
    ),
    (
        "a type is one of eight",
        &["# TYPE a gaugehistogram"],
        &["# TYPE a untyped", "# TYPE a Gauge", "# TYPE a ", "# TYPE a"],
    ),
    (
        "gauges are numbers",
        &["# TYPE a gauge\na -1"],
        &["# TYPE a gauge\na {count:1,sum:1,bucket:[+Inf:1]}"],
    ),
    (
        "counters are numbers that are neither NaN nor below 0",
        &["# TYPE a counter\na 0"],
        &[
            "# TYPE a counter\na NaN",
            "# TYPE a counter\na -1",
            "# TYPE a counter\na {count:1,sum:1,quantile:[]}",
        ],
    ),
    (
        "states are 0 or 1, and have a label of the family's name",
        &["# TYPE a stateset\na{a=\"b\"} 0"],
        &[
            "# TYPE a stateset\na{a=\"b\"} 2",
            "# TYPE a stateset\na 1",
            "# TYPE a stateset\na{b=\"a\"} 1",
        ],
    ),
    (
        "groups of states stand together",
        &["# TYPE a stateset\na{b=\"1\",a=\"x\"} 1\na{b=\"1\",a=\"y\"} 1\na{b=\"2\",a=\"x\"} 1"],
        &["# TYPE a stateset\na{b=\"1\",a=\"x\"} 1\na{b=\"2\",a=\"x\"} 1\na{b=\"1\",a=\"y\"} 1"],
    ),
    (
        "metrics stand together",
        &["# TYPE a gauge\na{b=\"1\"} 1 1\na{b=\"1\"} 1 2\na{b=\"2\"} 1 1"],
        &["# TYPE a gauge\na{b=\"1\"} 1 1\na{b=\"2\"} 1 1\na{b=\"1\"} 1 2"],
    ),
    (
        "state sets and infos have no unit",
        &["# TYPE a stateset\n# UNIT a ", "# TYPE a_info info\n# UNIT a_info "],
        &["# TYPE a stateset\n# UNIT a b", "# TYPE a_info info\n# UNIT a_info b"],
    ),
    (
        "the name of an info ends with _info",
        &["# TYPE a_info info\na_info 1"],
        &["# TYPE a info\na 1", "# TYPE _info info"],
    ),
    (
        "the value of an info is 1",
        &["# TYPE a_info info\na_info 1.0"],
        &["# TYPE a_info info\na_info 0", "# TYPE a_info info\na_info NaN"],
    ),
    (
        "a histogram has count and sum",
        &[],
        &[
            "# TYPE a histogram\na {count:1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na {sum:1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na 1",
            "# TYPE a histogram\na {}",
        ],
    ),
    (
        "a histogram has buckets of either kind",
        &[],
        &[
            "# TYPE a histogram\na {count:1,sum:1}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[]}",
        ],
    ),
    (
        "counts are not below 0",
        &[
            "# TYPE a gaugehistogram\na {gcount:-1,gsum:-2,bucket:[0:3,+Inf:-1]}",
            "# TYPE a histogram\na {count:1.5,sum:-2,bucket:[+Inf:1.5]}",
        ],
        &[
            "# TYPE a histogram\na {count:-1,sum:1,bucket:[+Inf:-1]}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[0:-1,+Inf:1]}",
            "# TYPE a histogram\na {count:0,sum:1,schema:0,zero_threshold:0,zero_count:-1,positive_spans:[0:1],positive_buckets:[1]}",
        ],
    ),
    (
        "thresholds are unique, ascending, and not NaN",
        &["# TYPE a histogram\na {count:1,sum:NaN,bucket:[-Inf:0,-1:0,1:1,+Inf:1]}"],
        &[
            "# TYPE a histogram\na {count:1,sum:1,bucket:[1:1,1.0:1,+Inf:1]}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[2:1,1:1,+Inf:1]}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[NaN:1,+Inf:1]}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[1:1,inf:1]}",
        ],
    ),
    (
        "buckets count what lower ones count",
        &[],
        &["# TYPE a histogram\na {count:1,sum:1,bucket:[1:2,+Inf:1]}"],
    ),
    (
        "the bucket +Inf is there, and has the count",
        &[],
        &[
            "# TYPE a histogram\na {count:1,sum:1,bucket:[1:1]}",
            "# TYPE a histogram\na {count:2,sum:1,bucket:[+Inf:1]}",
            "# TYPE a gaugehistogram\na {gcount:2,gsum:1,bucket:[+Inf:1]}",
        ],
    ),
    (
        "with buckets there is no label le",
        &["# TYPE a gauge\na{le=\"1\"} 1"],
        &[
            "# TYPE a histogram\na{le=\"1\"} {count:1,sum:1,bucket:[+Inf:1]}",
            "# TYPE a gaugehistogram\na{le=\"1\"} {gcount:1,gsum:1,bucket:[+Inf:1]}",
        ],
    ),
    (
        "a schema is -4 to 8",
        &["# TYPE a histogram\na {count:0,sum:0,schema:-4,zero_threshold:0,zero_count:0}"],
        &[
            "# TYPE a histogram\na {count:0,sum:0,schema:9,zero_threshold:0,zero_count:0}",
            "# TYPE a histogram\na {count:0,sum:0,schema:-53,zero_threshold:0,zero_count:0}",
            "# TYPE a histogram\na {count:0,sum:0,schema:1.0,zero_threshold:0,zero_count:0}",
        ],
    ),
    (
        "native buckets have a schema and a zero bucket",
        &[],
        &[
            "# TYPE a histogram\na {count:1,sum:1,zero_threshold:0,zero_count:1}",
            "# TYPE a histogram\na {count:1,sum:1,schema:0}",
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0}",
        ],
    ),
    (
        "a zero threshold is not below 0",
        &[],
        &[
            "# TYPE a histogram\na {count:0,sum:0,schema:0,zero_threshold:-1,zero_count:0}",
            "# TYPE a histogram\na {count:0,sum:0,schema:0,zero_threshold:+Inf,zero_count:0}",
        ],
    ),
    (
        "no bucket is behind that of infinity",
        &[
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[1025:1],positive_buckets:[1]}",
            "# TYPE a histogram\na {count:1,sum:1,schema:-4,zero_threshold:0,zero_count:0,negative_spans:[65:1],negative_buckets:[1]}",
        ],
        &[
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[1026:1],positive_buckets:[1]}",
            "# TYPE a histogram\na {count:1,sum:1,schema:8,zero_threshold:0,zero_count:0,positive_spans:[262145:1,0:1],positive_buckets:[1,0]}",
            "# TYPE a histogram\na {count:1,sum:1,schema:-4,zero_threshold:0,zero_count:0,negative_spans:[66:1],negative_buckets:[1]}",
        ],
    ),
    (
        "the count is the sum of native buckets, and of NaN",
        &["# TYPE a histogram\na {count:3,sum:NaN,schema:0,zero_threshold:0,zero_count:1}"],
        &[
            "# TYPE a histogram\na {count:2,sum:1,schema:0,zero_threshold:0,zero_count:1}",
            "# TYPE a histogram\na {count:1,sum:NaN,schema:0,zero_threshold:0,zero_count:2}",
        ],
    ),
    (
        "spans have as many buckets as there are",
        &[
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:0,2:1],positive_buckets:[1]}",
        ],
        &[
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:2],positive_buckets:[1]}",
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:1]}",
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_buckets:[1]}",
        ],
    ),
    (
        "only the first span may begin below 0",
        &[
            "# TYPE a histogram\na {count:2,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[-3:1,1:1],positive_buckets:[1,1]}",
        ],
        &[
            "# TYPE a histogram\na {count:2,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[3:1,-1:1],positive_buckets:[1,1]}",
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:-1],positive_buckets:[1]}",
        ],
    ),
    (
        "fields have their order",
        &[
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1,bucket:[+Inf:1]}",
        ],
        &[
            "# TYPE a histogram\na {sum:1,count:1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[+Inf:1],schema:0,zero_threshold:0,zero_count:1}",
            "# TYPE a histogram\na {count:2,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:1],positive_buckets:[1],negative_spans:[0:1],negative_buckets:[1]}",
            "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_count:1,zero_threshold:0}",
            "# TYPE a histogram\na {count:1,count:1,sum:1,bucket:[+Inf:1]}",
        ],
    ),
    (
        "there are no other fields, and no spaces",
        &[],
        &[
            "# TYPE a histogram\na {count:1,sum:1,mean:1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na {count:1, sum:1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na {count:1,sum: 1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[+Inf:1],}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[+Inf:1,]}",
            "# TYPE a histogram\na {count:1,sum:1,bucket:[+Inf:1]",
            "# TYPE a histogram\na {count:1,sum:1,positive_deltas:[1]}",
        ],
    ),
    (
        "a gauge histogram has gcount and gsum",
        &[],
        &[
            "# TYPE a gaugehistogram\na {count:1,sum:1,bucket:[+Inf:1]}",
            "# TYPE a gaugehistogram\na {gcount:1,sum:1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na {gcount:1,gsum:1,bucket:[+Inf:1]}",
            "# TYPE a histogram\na {count:1,gsum:1,bucket:[+Inf:1]}",
        ],
    ),
    (
        "a summary has count, sum and quantiles",
        &["# TYPE a summary\na {count:1.0,sum:+Inf,quantile:[0:NaN,1:1]}"],
        &[
            "# TYPE a summary\na {count:1,sum:1}",
            "# TYPE a summary\na {count:1,quantile:[]}",
            "# TYPE a summary\na {count:1,sum:1,quantile:[],bucket:[+Inf:1]}",
            "# TYPE a summary\na {count:1,sum:1,bucket:[+Inf:1]}",
        ],
    ),
    (
        "a summary's count is whole, and count and sum not NaN and not below 0",
        &[],
        &[
            "# TYPE a summary\na {count:1.5,sum:1,quantile:[]}",
            "# TYPE a summary\na {count:-1,sum:1,quantile:[]}",
            "# TYPE a summary\na {count:NaN,sum:1,quantile:[]}",
            "# TYPE a summary\na {count:1,sum:NaN,quantile:[]}",
            "# TYPE a summary\na {count:1,sum:-1,quantile:[]}",
        ],
    ),
    (
        "quantiles ascend between 0 and 1, their values not below 0",
        &[],
        &[
            "# TYPE a summary\na {count:1,sum:1,quantile:[1.1:1]}",
            "# TYPE a summary\na {count:1,sum:1,quantile:[-0.1:1]}",
            "# TYPE a summary\na {count:1,sum:1,quantile:[0.5:1,0.5:1]}",
            "# TYPE a summary\na {count:1,sum:1,quantile:[0.9:1,0.5:1]}",
            "# TYPE a summary\na {count:1,sum:1,quantile:[0.5:-1]}",
        ],
    ),
    (
        "a summary has no label quantile",
        &[],
        &["# TYPE a summary\na{quantile=\"0.5\"} {count:1,sum:1,quantile:[]}"],
    ),
    (
        "start times are those of what grows",
        &["# TYPE a counter\na 1 st@-1.5e3"],
        &[
            "# TYPE a gauge\na 1 st@1",
            "a 1 st@1",
            "# TYPE a gaugehistogram\na {gcount:1,gsum:1,bucket:[+Inf:1]} st@1",
            "# TYPE a_info info\na_info 1 st@1",
        ],
    ),
    (
        "a start time stands behind the timestamp, before exemplars, once",
        &["# TYPE a counter\na 1 2 st@1 # {} 1 1"],
        &[
            "# TYPE a counter\na 1 st@1 2",
            "# TYPE a counter\na 1 st@1 st@1",
            "# TYPE a counter\na 1 ST@1",
            "# TYPE a counter\na 1 st@NaN",
            "# TYPE a counter\na 1 st@",
            "# TYPE a counter\na 1 st@ 1",
            "# TYPE a counter\na 1 s1",
        ],
    ),
    ("text is UTF-8 without a mark", &["a{b=\"é\"} 1"], &["\u{feff}a 1"]),
    (
        "lines end with a line feed only",
        &["a{b=\"\r\"} 1"],
        &["a 1\r", "# HELP a b\r", "# TYPE a gauge\r", "a 1 2\r"],
    ),
    (
        "names that need quotes stand in braces",
        &["{\"a.b\"} 1", "{\"a\",b=\"c\"} 1", "# HELP \"a.b\" x"],
        &[
            "\"a.b\" 1",
            "a.b 1",
            "{a,b=\"c\"} 1",
            "{b=\"c\",\"a\"} 1",
            "{} 1",
            "{\"\"} 1",
            "# TYPE a.b gauge",
            "a{\"b\"} 1",
        ],
    ),
    (
        "labels are separated by commas and nothing else",
        &["a{b=\"\",c=\"\"} 1"],
        &[
            "a{b=\"\", c=\"\"} 1",
            "a{b=\"\",} 1",
            "a{,} 1",
            "a{ b=\"\"} 1",
            "a {b=\"\"} 1",
            "a{b =\"\"} 1",
            "a{b=\"\"}1",
            "a{b:c=\"\"} 1",
            "a{b=''} 1",
        ],
    ),
    (
        "quotes, backslashes and line feeds are escaped",
        &["a{b=\"\\n\\\"\\\\\"} 1", "a{b=\"\\q\"} 1", "# HELP a \\\"\\q"],
        &["a{b=\"\"\"} 1", "a{b=\"\\\"} 1", "a{b=\"\n\"} 1", "# HELP a \"", "# HELP a b\\"],
    ),
    ("families are not separated or interleaved", &["a 1\nb 1"], &["a 1\n\nb 1", "\na 1"]),
    (
        "each kind of metadata stands once, before the samples",
        &["# UNIT a_s s\n# TYPE a_s gauge\na_s 1", "# HELP a \n# HELP a b"],
        &[
            "# TYPE a gauge\n# TYPE a gauge",
            "# HELP a b\n# HELP a b",
            "# UNIT a b\n# UNIT a b",
            "a 1\n# HELP a b",
        ],
    ),
    (
        "a unit has letters, digits, underscores and colons",
        &["# UNIT a b:_9"],
        &["# UNIT a m/s", "# UNIT a b c"],
    ),
    (
        "there are no other lines with a number sign",
        &[],
        &["# a", "#", "#TYPE a gauge", "# TYPE  a gauge", "# INFO a b", "a 1\n# EOF x"],
    ),
    (
        "a sample's name is its family's",
        &["# TYPE a gauge\nb 1"],
        &[
            "# TYPE a histogram\na_count 1",
            "# TYPE a counter\na_total 1",
            "# TYPE a_total counter\na_created 1",
        ],
    ),
    (
        "the parts of a line have one space between",
        &["a 1"],
        &["a  1", "a\t1", "a 1 ", " a 1", "a 1 2 ", "a 1 2 3"],
    ),
];

#[test]
fn rules() {
    let mut wrong = Vec::new();
    for (rule, kept, broken) in RULES {
        for lines in *kept {
            match read(lines) {
                Err(error) => wrong.push(format!("{rule}: {lines:?} is refused: {error}")),
                // What was written is read, and as the same.
                Ok(written) => {
                    if read(&written).as_ref() != Ok(&written) {
                        wrong.push(format!("{rule}: {lines:?} is written as {written:?}"));
                    }
                }
            }
        }
        for lines in *broken {
            if let Ok(read) = read(lines) {
                wrong.push(format!("{rule}: {lines:?} is read as {read:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_end_is_said_and_nothing_is_behind_it() {
    for end in ["# EOF", "# EOF\n"] {
        assert_eq!(parse_all(end).unwrap(), []);
        assert_eq!(parse_all(&format!("a 1\n{end}")).unwrap().len(), 1);
    }
    for text in ["", "a 1\n", "a 1", "# EOF\n\n", "# EOF\na 1\n", "# EOF ", "a 1# EOF\n"] {
        assert!(parse_all(text).is_err(), "{text:?}");
    }
    let mut families = parse(b"a 1\nb 1\nc \xff\n# EOF\n");
    assert!(families.next().unwrap().is_ok());
    let error = families.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "line 3, column 3: expected text in UTF-8, found byte 0xff");
    assert!(families.next().is_none());
}

#[test]
fn bad_exemplars_are_left_out_and_nothing_else() {
    let good = "# {a=\"b\"} 1.0 2";
    for bad in [
        "# {a=\"b\"} 1.0",
        "# {a=\"b\"} 1.0 x",
        "# {a=\"b\"} x 2",
        "# {a=\"b\"}",
        "# {a=\"b} 1.0 2",
        "# {a=\"b\",a=\"b\"} 1.0 2",
        "#{} 1.0 2",
        "# 1.0 2",
        "#",
    ] {
        for (exemplars, kept) in
            [(bad.to_owned(), ""), (format!("{good} {bad}"), good), (format!("{bad} {good}"), "")]
        {
            let head = "# TYPE foo_total counter\nfoo_total 1.0 3 st@4.0";
            let expected = format!("{head} {kept}");
            let read = read(&format!("{head} {exemplars}"));
            assert_eq!(read.as_deref(), Ok(expected.trim_end()), "{exemplars}");
        }
    }
    // Behind one that is good, anything is a bad one.
    for exemplars in ["# {} 1.0 2 3", "# {} 1.0 2 "] {
        let head = "# TYPE foo_total counter\nfoo_total 1.0 3";
        assert_eq!(read(&format!("{head} {exemplars}")), Ok(format!("{head} # {{}} 1.0 2")));
    }
    let long =
        format!("# TYPE foo_total counter\nfoo_total 1.0 # {{a=\"{}\"}} 1.0 2", "b".repeat(128));
    assert_eq!(read(&long).as_deref(), Ok("# TYPE foo_total counter\nfoo_total 1.0"));
    // Types that have none.
    for lines in ["# TYPE foo gauge\nfoo 1.0", "# TYPE foo unknown\nfoo 1.0"] {
        assert_eq!(read(&format!("{lines} {good}")).as_deref(), Ok(lines));
    }
}

#[test]
fn of_exemplars_in_one_bucket_the_last_one_stays() {
    let head = "# TYPE foo histogram\nfoo {count:2,sum:3.0,bucket:[1.0:1,+Inf:2]}";
    let all = "# {a=\"1\"} 0.5 1 # {a=\"2\"} 0.25 2 # {a=\"3\"} 7.0 3 # {a=\"4\"} NaN 4";
    let kept = "# {a=\"2\"} 0.25 2 # {a=\"4\"} NaN 4";
    assert_eq!(read(&format!("{head} {all}")), Ok(format!("{head} {kept}")));
}

#[test]
fn what_has_no_type_is_what_its_values_are() {
    for (value, metric_type) in [
        ("{count:1,sum:1.0,bucket:[+Inf:1]}", "histogram"),
        ("{gcount:1,gsum:1.0,bucket:[+Inf:1]}", "gaugehistogram"),
        ("{count:1,sum:1.0,quantile:[]}", "summary"),
    ] {
        let expected = format!("# TYPE a {metric_type}\na {value}");
        assert_eq!(read(&format!("a {value}")).as_ref(), Ok(&expected));
        assert_eq!(read(&format!("# TYPE a unknown\na {value}")), Ok(expected));
        assert!(read(&format!("a {value}\na{{b=\"\"}} 1")).is_err());
        assert!(read(&format!("a{{b=\"\"}} 1\na {value}")).is_err());
    }
}

#[test]
fn counts_of_any_size_stay_what_they_are() {
    for lines in [
        "# TYPE a gaugehistogram\na {gcount:0.5,gsum:1.0,bucket:[1.0:5.5,+Inf:0.5]} 1",
        "# TYPE a histogram\na {count:0.7,sum:1.0,bucket:[1.0:0.1,2.0:0.3,+Inf:0.7]}",
        "# TYPE a histogram\na {count:+Inf,sum:NaN,bucket:[1.0:+Inf,+Inf:+Inf]}",
        "# TYPE a histogram\na {count:2,sum:-1.0,bucket:[-1.0:1,+Inf:2]}",
    ] {
        assert_eq!(read(lines).as_deref(), Ok(lines));
    }
    for value in ["count:NaN,sum:1,bucket:[+Inf:NaN]", "count:1,sum:1,bucket:[1:NaN,+Inf:1]"] {
        assert!(read(&format!("# TYPE a histogram\na {{{value}}}")).is_err());
    }
}

#[test]
fn errors_say_where_and_what() {
    for (text, message) in [
        (
            "# TYPE a histogram\na {count:1,bucket:[]}\n",
            "line 2, column 12: expected the field sum, found \"bucket\"",
        ),
        (
            "a {count:1,sum:1,x:1}\n",
            "line 1, column 18: expected one of the fields schema, bucket or quantile, found \"x\"",
        ),
        (
            "# TYPE a histogram\na {count:1,sum:1,bucket:[2:1,1:1]}\n",
            "line 2, column 30: expected a bucket bound above the last one, 2, found 1",
        ),
        (
            "a 1 st@1\n",
            "line 1, column 5: expected no start time, as the type is unknown, without a TYPE line \
             before, found \"st@1\"",
        ),
        (
            "# TYPE a gauge\na 1 st@1\n",
            "line 2, column 5: expected no start time, as the type is gauge, found \"st@1\"",
        ),
        (
            "# TYPE a info\n",
            "line 1, column 8: expected a name of an info that ends with \"_info\", found \"a\"",
        ),
        (
            "# TYPE a gauge\na {count:1,sum:1,quantile:[]}\n",
            "line 2, column 3: expected a number, as the type is gauge, found \"{\"",
        ),
        (
            "# TYPE a summary\na 1\n",
            "line 2, column 3: expected the fields of a summary between braces, found \"1\"",
        ),
        (
            "a 1\na 2\n",
            "line 2, column 1: expected each metric once, found a second sample of the one in line 1",
        ),
    ] {
        let error = parse_all(&format!("{text}# EOF\n")).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn what_was_read_is_registered_and_written_in_any_format() -> Result {
    let mut families = parse_all(EXAMPLE).unwrap();
    // Counts that are not whole are none in OpenMetrics 1.0.
    families.retain(|family| family.desc().metric_type() != MetricType::GaugeHistogram);
    let text = exposition::text::encode(&families)?;
    assert!(text.contains(
        "acme_http_request_seconds_bucket{le=\"1.0\",method=\"GET\",path=\"/api/v1\"} 2.0\n"
    ));
    assert!(text.contains(
        "acme_http_router_request_seconds{method=\"GET\",path=\"/api/v1\",quantile=\"0.95\"} 2.0\n"
    ));
    let openmetrics = exposition::openmetrics::encode(&families)?;
    let read = narthex::parser::openmetrics::parse_all(&openmetrics).unwrap();
    assert_eq!(exposition::openmetrics::encode(&read)?, openmetrics);

    let registry = CollectorRegistry::new();
    registry.register(std::sync::Arc::new(families))?;
    let labels = [("path", "/api/v2"), ("method", "GET")];
    let count = registry.get_sample_value("acme_http_router_request_seconds_count", &labels);
    assert_eq!(count, Some(34.0));
    Ok(())
}

#[test]
fn a_unit_that_a_name_does_not_end_with_is_left_out_where_it_must_not_be() -> Result {
    let families =
        parse_all("# TYPE foo_total counter\n# UNIT foo_total seconds\n# EOF\n").unwrap();
    let openmetrics = exposition::openmetrics::encode(&families)?;
    assert_eq!(openmetrics, "# HELP foo \n# TYPE foo counter\n# EOF\n");
    Ok(())
}

#[test]
fn long_documents_are_read_in_one_pass() {
    let mut text = "# TYPE a histogram\n".to_owned();
    for row in 0..20_000 {
        text.push_str(&format!(
            "a{{row=\"{row}\"}} {{count:{row},sum:1.0,bucket:[0.5:0,+Inf:{row}]}} {row} st@1.0 # {{}} 0.5 {row}\n"
        ));
    }
    text.push_str("# EOF\n");
    let families = parse_all(&text).unwrap();
    assert_eq!(samples(&families).len(), 20_000 * 4);
    assert_eq!(again(&families), text);

    let mut many = String::new();
    push_many_names(&mut many);
    many.push_str("# EOF\n");
    assert!(parse_all(&many).is_ok());
}
