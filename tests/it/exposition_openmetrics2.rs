//! OpenMetrics 2.0: every type as one line for each metric, by the specification's figures.

use narthex::exposition::{self, Encoding, Format, openmetrics2};
use narthex::model::{
    BucketSpan, CounterMetricFamily, EscapingScheme, Exemplar, GaugeHistogramMetricFamily,
    HistogramMetricFamily, InfoMetricFamily, MetricFamily, MetricType, NO_LABELS, NativeHistogram,
    StateSetMetricFamily, SummaryMetricFamily, Timestamp, UnknownMetricFamily,
};
use narthex::{CollectorRegistry, Histogram, NativeOptions, Result, parser};

fn told(family: impl Into<MetricFamily>) -> Result<String> {
    openmetrics2::encode(&vec![family.into()])
}

fn trace(id: &str, value: f64) -> Result<Exemplar> {
    Exemplar::new([("trace_id", id)], value)
}

fn timed(id: &str, value: f64, seconds: f64) -> Result<Exemplar> {
    Ok(trace(id, value)?.with_timestamp(Timestamp::from_seconds(seconds)?))
}

#[test]
fn a_counter_has_its_whole_name_and_its_start_on_its_line() -> Result {
    let mut foo = CounterMetricFamily::new("foo", "")?.with_labels(["a"])?;
    foo.add_metric(["b"], 17.0)?
        .timestamp(Timestamp::from_seconds(1_520_879_607.789)?)
        .created(1_520_430_000.123)
        .exemplar(timed("KOO5S4vxi0o", 0.67, 1_520_879_606.1)?)?;
    // Without its time an exemplar is none.
    foo.add_metric(["c"], 17.5)?.created(1_520_430_000.0).exemplar(trace("x", 1.0)?)?;
    foo.add_metric(["d"], 1e21)?;
    let expected = "# TYPE foo_total counter\n\
        foo_total{a=\"b\"} 17.0 1520879607.789 st@1520430000.123 \
        # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879606.1\n\
        foo_total{a=\"c\"} 17.5 st@1520430000.0\n\
        foo_total{a=\"d\"} 1e+21\n\
        # EOF\n";
    let families: Vec<MetricFamily> = vec![foo.into()];
    assert_eq!(openmetrics2::encode(&families)?, expected);

    let silent = Encoding::new(Format::OpenMetrics200, EscapingScheme::Underscores);
    let text = exposition::encode(&families, silent.with_created(false))?;
    assert!(!text.contains("st@"), "{text}");
    Ok(())
}

#[test]
fn metadata_is_type_unit_and_help_if_there_is_any() -> Result {
    let bytes = MetricFamily::new("sent", "\"a\\b\"\n", MetricType::Counter)?.with_unit("bytes")?;
    assert_eq!(
        told(bytes)?,
        "# TYPE sent_bytes_total counter\n\
         # UNIT sent_bytes_total bytes\n\
         # HELP sent_bytes_total \\\"a\\\\b\\\"\\n\n\
         # EOF\n"
    );
    // The grammar has units of letters, digits, underscores and colons only.
    let odd = MetricFamily::new("speed", "", MetricType::Gauge)?.with_unit("m/s")?;
    let encoding = Encoding::new(Format::OpenMetrics200, EscapingScheme::AllowUtf8);
    assert_eq!(exposition::encode(&vec![odd], encoding)?, "# TYPE \"speed_m/s\" gauge\n# EOF\n");
    Ok(())
}

#[test]
fn types_of_one_number() -> Result {
    let mut build = InfoMetricFamily::new("build", "")?;
    build.add_metric(NO_LABELS, [("version", "8.2.7")])?;
    assert_eq!(told(build)?, "# TYPE build_info info\nbuild_info{version=\"8.2.7\"} 1.0\n# EOF\n");
    let mut foo = StateSetMetricFamily::new("foo", "")?.with_labels(["entity"])?;
    foo.add_metric(["controller"], [("a", true), ("bb", false)])?;
    assert_eq!(
        told(foo)?,
        "# TYPE foo stateset\n\
         foo{entity=\"controller\",foo=\"a\"} 1.0\n\
         foo{entity=\"controller\",foo=\"bb\"} 0.0\n\
         # EOF\n"
    );
    let mut foo = UnknownMetricFamily::new("foo", "")?;
    foo.add_metric(NO_LABELS, f64::NEG_INFINITY)?;
    assert_eq!(told(foo)?, "# TYPE foo unknown\nfoo -Inf\n# EOF\n");
    Ok(())
}

#[test]
fn a_histogram_with_bounds() -> Result {
    let mut foo = HistogramMetricFamily::new("foo", "")?.with_labels(["path"])?;
    let buckets = [(0.01, 0.0), (0.1, 8.0), (1.0, 11.0), (1e6, 17.0), (f64::INFINITY, 17.5)];
    foo.add_metric(["/\""], buckets, Some(324_789.3))?
        .created(1_520_430_000.123)
        .exemplar(timed("oHg5SJYRHA0", 9.8, 1_520_879_607.789)?)?
        .exemplar(timed("KOO5S4vxi0o", 0.67, 1_520_879_602.89)?)?
        .exemplar(trace("untimed", 0.05)?)?;
    assert_eq!(
        told(foo)?,
        "# TYPE foo histogram\n\
         foo{path=\"/\\\"\"} {count:17.5,sum:324789.3,\
         bucket:[0.01:0,0.1:8,1.0:11,1e+06:17,+Inf:17.5]} st@1520430000.123 \
         # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879602.89 \
         # {trace_id=\"oHg5SJYRHA0\"} 9.8 1520879607.789\n\
         # EOF\n"
    );
    // Bounds are numbers, however they were spelled; a sum that nobody told is none.
    let mut bare = HistogramMetricFamily::new("bare", "")?;
    bare.add_metric(NO_LABELS, [("1", 2.0), ("1e1", 3.0), ("inf", 4.0)], None)?;
    assert_eq!(
        told(bare)?,
        "# TYPE bare histogram\n\
         bare {count:4,sum:NaN,bucket:[1.0:2,10.0:3,+Inf:4]}\n\
         # EOF\n"
    );
    Ok(())
}

#[test]
fn a_live_histogram_shows_the_sum_that_other_formats_must_not() -> Result {
    let registry = CollectorRegistry::new();
    let balance = Histogram::builder("balance", "").buckets([-1.0, 1.0]).register(&registry)?;
    balance.observe(-2.5);
    balance.observe(0.5);
    let encoding = Encoding::new(Format::OpenMetrics200, EscapingScheme::Underscores);
    assert_eq!(
        exposition::encode(&registry, encoding.with_created(false))?,
        "# TYPE balance histogram\n\
         balance {count:2,sum:-2.0,bucket:[-1.0:1,1.0:2,+Inf:2]}\n\
         # EOF\n"
    );
    Ok(())
}

#[test]
fn native_histograms() -> Result {
    let span = |offset, length| BucketSpan { offset, length };
    let native = NativeHistogram::new(7)?
        .zero(1e-4, 0.0)?
        .negative_spans(vec![span(1, 2)], vec![5.0, 7.0])?
        .positive_spans(vec![span(-1, 2), span(3, 4)], vec![5.0, 7.0, 10.0, 9.0, 8.0, 8.0])?;
    let fields = "schema:7,zero_threshold:0.0001,zero_count:0,\
        negative_spans:[1:2],negative_buckets:[5,7],\
        positive_spans:[-1:2,3:4],positive_buckets:[5,7,10,9,8,8]";

    let mut alone = HistogramMetricFamily::new("foo", "")?;
    alone
        .add_native(NO_LABELS, 59.0, 120.0, &native)?
        .created(1_520_430_000.123)
        .exemplar(timed("shaZ8oxi", 0.67, 1_520_879_607.789)?)?
        .exemplar(timed("ookahn0M", 1.2, 1_520_879_608.589)?)?;
    assert_eq!(
        told(alone)?,
        format!(
            "# TYPE foo histogram\n\
             foo {{count:59,sum:120.0,{fields}}} st@1520430000.123 \
             # {{trace_id=\"shaZ8oxi\"}} 0.67 1520879607.789 \
             # {{trace_id=\"ookahn0M\"}} 1.2 1520879608.589\n\
             # EOF\n"
        )
    );

    let mut both = GaugeHistogramMetricFamily::new("foo", "")?;
    both.add_metric(NO_LABELS, [(0.5, 20.0), (f64::INFINITY, 59.0)], 120.0)?.native(&native)?;
    assert_eq!(
        told(both)?,
        format!(
            "# TYPE foo gaugehistogram\n\
             foo {{gcount:59,gsum:120.0,{fields},bucket:[0.5:20,+Inf:59]}}\n\
             # EOF\n"
        )
    );

    let mut unused = HistogramMetricFamily::new("foo", "")?;
    unused.add_native(NO_LABELS, 0.0, 0.0, &NativeHistogram::new(3)?)?;
    assert_eq!(
        told(unused)?,
        "# TYPE foo histogram\n\
         foo {count:0,sum:0.0,schema:3,zero_threshold:0.0,zero_count:0}\n\
         # EOF\n"
    );
    Ok(())
}

#[test]
fn of_two_sets_of_exemplars_that_of_the_bounds_is_shown() -> Result {
    let native =
        NativeHistogram::new(0)?.positive([(1, 1.0)])?.exemplar(timed("native", 1.5, 2.0)?);
    let shown = |exemplars: &[Exemplar]| {
        let mut foo = HistogramMetricFamily::new("foo", "")?;
        let buckets = [(1.0, 0.0), (f64::INFINITY, 1.0)];
        let mut added = foo.add_metric(NO_LABELS, buckets, Some(1.5))?.native(&native)?;
        for exemplar in exemplars {
            added = added.exemplar(exemplar.clone())?;
        }
        let text = told(foo)?;
        let (_, exemplars) = text.split_once("} # ").expect("exemplars");
        Ok::<_, narthex::Error>(exemplars.to_owned())
    };
    assert_eq!(shown(&[])?, "{trace_id=\"native\"} 1.5 2.0\n# EOF\n");
    assert_eq!(shown(&[trace("untimed", 1.5)?])?, "{trace_id=\"native\"} 1.5 2.0\n# EOF\n");
    assert_eq!(shown(&[timed("own", 1.5, 3.0)?])?, "{trace_id=\"own\"} 1.5 3.0\n# EOF\n");
    Ok(())
}

#[test]
fn without_bounds_all_native_exemplars_are_shown() -> Result {
    // Its one bucket keeps the last one, too, as the formats show it that have no native ones.
    let labels = ["a", "b"].map(|room| (room, [1.0, 100.0]));
    let size = Histogram::builder("size", "").native(NativeOptions::new()).labels(["room"]);
    let size = size.build()?;
    for (room, values) in labels {
        for value in values {
            size.labels([room]).observe_with_exemplar(value, &[("of", room)]);
        }
    }
    let text = openmetrics2::encode(&size)?;
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("size{")).collect();
    for (row, room) in rows.iter().zip(["a", "b"]) {
        let shown: Vec<_> = row.split(" # ").skip(1).collect();
        let of = |value| format!("{{of=\"{room}\"}} {value} ");
        assert_eq!(shown.len(), 2, "{row}");
        assert!(shown[0].starts_with(&of("1.0")) && shown[1].starts_with(&of("100.0")), "{row}");
    }
    assert_eq!(rows.len(), 2);
    Ok(())
}

#[test]
fn without_native_exemplars_that_of_the_bucket_for_all_is_shown() -> Result {
    // A field of a message that is shorter than 128 bytes.
    let field =
        |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let double = |number: u8, value: f64| [&[number << 3 | 1][..], &value.to_le_bytes()].concat();
    let count = [1 << 3, 1];
    let label = field(1, &[field(1, b"id"), field(2, b"7")].concat());
    let time = field(3, &[1 << 3, 5]);
    let exemplar = field(3, &[label, double(2, 3.0), time].concat());
    let bucket = field(3, &[count.to_vec(), double(2, f64::INFINITY), exemplar].concat());
    // Of resolution 0, one observation above 2 and up to 4: the offset 2 and the difference 1, both
    // twice as large, as negative ones are odd.
    let span = field(12, &[1 << 3, 4, 2 << 3, 1]);
    let deltas = field(13, &[2]);
    let histogram = [count.to_vec(), double(2, 3.0), bucket, span, deltas].concat();
    let metric = field(4, &field(7, &histogram));
    let family = [field(1, b"h"), vec![3 << 3, 4], metric].concat();
    let bytes = [&[family.len() as u8][..], &family].concat();
    let families = parser::protobuf::parse_all(&bytes)?;
    assert_eq!(
        openmetrics2::encode(&families)?,
        "# TYPE h histogram\nh {count:1,sum:3.0,schema:0,zero_threshold:0.0,zero_count:0,\
         positive_spans:[2:1],positive_buckets:[1]} # {id=\"7\"} 3.0 5\n# EOF\n"
    );
    Ok(())
}

#[test]
fn summaries_gather_their_quantiles() -> Result {
    let mut foo = SummaryMetricFamily::new("foo", "")?;
    foo.add_metric(NO_LABELS, 17.0, 324_789.3)?.created(1_520_430_000.123);
    assert_eq!(
        told(foo)?,
        "# TYPE foo summary\n\
         foo {count:17,sum:324789.3,quantile:[]} st@1520430000.123\n\
         # EOF\n"
    );

    let mut foo = MetricFamily::new("foo", "", MetricType::Summary)?;
    for (path, time) in [("/a", 1), ("/b", 1), ("/b", 2)] {
        let time = Timestamp::from_whole_seconds(time);
        let own = [("path", path)];
        foo.add_sample("foo", [("path", path), ("quantile", "0.99")], 150.0)?.timestamp(time);
        foo.add_sample("foo", [("quantile", "0.95"), ("path", path)], f64::NAN)?.timestamp(time);
        foo.add_sample("foo_count", own, 0.0)?.timestamp(time);
        foo.add_sample("foo_sum", own, 0.0)?.timestamp(time);
        foo.add_sample("foo_created", own, 1.5)?;
    }
    let value = "{count:0,sum:0.0,quantile:[0.95:NaN,0.99:150.0]}";
    assert_eq!(
        told(foo)?,
        format!(
            "# TYPE foo summary\n\
             foo{{path=\"/a\"}} {value} 1 st@1.5\n\
             foo{{path=\"/b\"}} {value} 1 st@1.5\n\
             foo{{path=\"/b\"}} {value} 2 st@1.5\n\
             # EOF\n"
        )
    );
    Ok(())
}

#[test]
fn what_was_told_one_by_one_is_put_together() -> Result {
    let mut foo = MetricFamily::new("foo", "", MetricType::Histogram)?;
    for (le, count) in [("1e1", 3.0), ("+Inf", 4.0)] {
        foo.add_sample("foo_bucket", [("le", le)], count)?;
    }
    assert_eq!(
        told(foo)?,
        "# TYPE foo histogram\nfoo {count:4,sum:NaN,bucket:[10.0:3,+Inf:4]}\n# EOF\n"
    );
    let mut foo = MetricFamily::new("foo", "", MetricType::GaugeHistogram)?;
    foo.add_sample("foo_gsum", [("a", "b")], 3.0)?;
    foo.add_sample("foo_gcount", [("a", "b")], 4.0)?;
    assert_eq!(
        told(foo)?,
        "# TYPE foo gaugehistogram\nfoo{a=\"b\"} {gcount:4,gsum:3.0,bucket:[+Inf:4]}\n# EOF\n"
    );
    Ok(())
}

#[test]
fn names_are_quoted_or_escaped() -> Result {
    let mut foo = HistogramMetricFamily::new("foodb.read", "")?.with_labels(["service.name"])?;
    foo.add_metric(["é"], [(f64::INFINITY, 1.0)], Some(2.0))?.exemplar(
        Exemplar::new([("trace.id", "\n")], 1.0)?.with_timestamp(Timestamp::from_whole_seconds(3)),
    )?;
    let families: Vec<MetricFamily> = vec![foo.into()];
    let value = "{count:1,sum:2.0,bucket:[+Inf:1]}";
    for (scheme, name, start, trace) in [
        (
            EscapingScheme::AllowUtf8,
            "\"foodb.read\"",
            "{\"foodb.read\",\"service.name\"",
            "\"trace.id\"",
        ),
        (EscapingScheme::Underscores, "foodb_read", "foodb_read{service_name", "trace_id"),
        (EscapingScheme::Dots, "foodb_dot_read", "foodb_dot_read{service_dot_name", "trace_dot_id"),
        (
            EscapingScheme::Values,
            "U__foodb_2e_read",
            "U__foodb_2e_read{U__service_2e_name",
            "U__trace_2e_id",
        ),
    ] {
        let encoding = Encoding::new(Format::OpenMetrics200, scheme);
        assert_eq!(
            exposition::encode(&families, encoding)?,
            format!(
                "# TYPE {name} histogram\n\
                 {start}=\"é\"}} {value} # {{{trace}=\"\\n\"}} 1.0 3\n\
                 # EOF\n"
            )
        );
    }
    Ok(())
}

#[test]
fn nothing_is_written_of_a_family_that_fails() -> Result {
    let mut foo = HistogramMetricFamily::new("foo", "")?;
    foo.add_metric(NO_LABELS, [(f64::INFINITY, 1.0)], Some(2.0))?;
    let mut foo: MetricFamily = foo.into();
    // Escaped by their values, the two are one.
    foo.add_sample("foo_count", [("a.b", ""), ("U__a_2e_b", "")], 1.0)?;
    let mut out = "before".to_owned();
    let encoding = Encoding::new(Format::OpenMetrics200, EscapingScheme::Values);
    let error = exposition::encode_into(&vec![foo], encoding, None, &mut out).unwrap_err();
    assert!(error.is_duplicate());
    assert_eq!(out, "before");
    Ok(())
}

#[test]
fn the_content_type_is_that_of_the_specification() {
    let encoding = Encoding::new(Format::OpenMetrics200, EscapingScheme::Values);
    assert_eq!(
        encoding.content_type(),
        "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=values"
    );
}
