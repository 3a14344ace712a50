//! The text format: the specification's examples, and what must not reach a reader.

use std::panic::{AssertUnwindSafe, catch_unwind};

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, GaugeHistogramMetricFamily, GaugeMetricFamily,
    HistogramMetricFamily, InfoMetricFamily, MetricFamily, MetricType, Quantiles,
    StateSetMetricFamily, SummaryMetricFamily, Timestamp,
};
use narthex::{Collector, Error, Result, collector_fn};

pub(crate) const NO_LABELS: [&str; 0] = [];

/// A collector that tells these families.
pub(crate) fn telling<F: Into<MetricFamily>>(
    families: impl IntoIterator<Item = F>,
) -> impl Collector {
    let families: Vec<MetricFamily> = families.into_iter().map(Into::into).collect();
    collector_fn(move |scrape| families.iter().try_for_each(|family| scrape.family(family)))
}

fn text(escaping: EscapingScheme) -> Encoding {
    Encoding::new(Format::Text004, escaping)
}

fn gauge(name: &str) -> Result<MetricFamily> {
    let mut family = GaugeMetricFamily::new(name, "")?;
    family.add_metric(NO_LABELS, 1.0)?;
    Ok(family.into())
}

// The samples of https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-example.
#[test]
fn the_example_of_the_specification() -> Result {
    let sent = Timestamp::from_whole_seconds(1_395_066_363);
    let mut requests = CounterMetricFamily::new("http_requests", "All of them.")?
        .with_labels(["method", "code"])?;
    requests.add_metric(["post", "200"], 1027.0)?.timestamp(sent);
    requests.add_metric(["post", "400"], 3.0)?.timestamp(sent);

    let mut errors = MetricFamily::new("msdos_file_access_time_seconds", "", MetricType::Unknown)?;
    let labels = [("path", "C:\\DIR\\FILE.TXT"), ("error", "Cannot find file:\n\"FILE.TXT\"")];
    errors.add_sample("msdos_file_access_time_seconds", labels, 1.458_255_915e9)?;

    let mut weird = MetricFamily::new("something_weird", "", MetricType::Unknown)?;
    weird
        .add_sample("something_weird", [("problem", "division by zero")], f64::INFINITY)?
        .timestamp(Timestamp::from_nanos(-3982, 45_000_000)?);

    let mut duration = HistogramMetricFamily::new("http_request_duration_seconds", "A\\B\nC\"")?;
    let buckets = [
        ("0.05", 24054.0),
        ("0.1", 33444.0),
        ("0.2", 100_392.0),
        ("0.5", 129_389.0),
        ("1", 133_988.0),
        ("+Inf", 144_320.0),
    ];
    duration.add_metric(NO_LABELS, buckets, Some(53423.0))?;

    let mut rpc = MetricFamily::new("rpc_duration_seconds", "", MetricType::Summary)?;
    rpc.add_sample("rpc_duration_seconds", [("quantile", "0.01")], 3102.0)?;
    rpc.add_sample("rpc_duration_seconds", [("quantile", "0.99")], 76656.0)?;
    rpc.add_sample("rpc_duration_seconds_sum", [("", ""); 0], 1.756_047_3e7)?;
    rpc.add_sample("rpc_duration_seconds_count", [("", ""); 0], 2693.0)?;

    let families = [requests.into(), errors, weird, duration.into(), rpc];
    assert_eq!(
        exposition::text::encode(&telling(families))?,
        r#"# HELP http_requests_total All of them.
# TYPE http_requests_total counter
http_requests_total{code="200",method="post"} 1027.0 1395066363000
http_requests_total{code="400",method="post"} 3.0 1395066363000
# HELP msdos_file_access_time_seconds 
# TYPE msdos_file_access_time_seconds untyped
msdos_file_access_time_seconds{error="Cannot find file:\n\"FILE.TXT\"",path="C:\\DIR\\FILE.TXT"} 1.458255915e+09
# HELP something_weird 
# TYPE something_weird untyped
something_weird{problem="division by zero"} +Inf -3982045
# HELP http_request_duration_seconds A\\B\nC"
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054.0
http_request_duration_seconds_bucket{le="0.1"} 33444.0
http_request_duration_seconds_bucket{le="0.2"} 100392.0
http_request_duration_seconds_bucket{le="0.5"} 129389.0
http_request_duration_seconds_bucket{le="1"} 133988.0
http_request_duration_seconds_bucket{le="+Inf"} 144320.0
http_request_duration_seconds_count 144320.0
http_request_duration_seconds_sum 53423.0
# HELP rpc_duration_seconds 
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102.0
rpc_duration_seconds{quantile="0.99"} 76656.0
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693.0
"#
    );
    Ok(())
}

#[test]
fn types_that_the_format_does_not_know_become_those_that_it_does() -> Result {
    let mut build = InfoMetricFamily::new("build", "What runs.")?;
    build.add_metric(NO_LABELS, [("version", "1.2")])?;
    let mut flags = StateSetMetricFamily::new("flags", "On or off.")?;
    flags.add_metric(NO_LABELS, [("b", true), ("a", false)])?;
    flags.add_metric(NO_LABELS, [("", false); 0])?;
    let mut age = GaugeHistogramMetricFamily::new("age", "Of jobs.")?.with_labels(["a", "z"])?;
    age.add_metric(["1", "2"], [("1", 1.0), ("+Inf", 3.0)], -4.5)?;
    assert_eq!(
        exposition::text::encode(&telling::<MetricFamily>([
            build.into(),
            flags.into(),
            age.into()
        ]))?,
        r#"# HELP build_info What runs.
# TYPE build_info gauge
build_info{version="1.2"} 1.0
# HELP flags On or off.
# TYPE flags gauge
flags{flags="a"} 0.0
flags{flags="b"} 1.0
# HELP age Of jobs.
# TYPE age histogram
age_bucket{a="1",le="1",z="2"} 1.0
age_bucket{a="1",le="+Inf",z="2"} 3.0
# HELP age_gcount Of jobs.
# TYPE age_gcount gauge
age_gcount{a="1",z="2"} 3.0
# HELP age_gsum Of jobs.
# TYPE age_gsum gauge
age_gsum{a="1",z="2"} -4.5
"#
    );
    Ok(())
}

#[test]
fn start_times_are_families_of_their_own_and_only_on_request() -> Result {
    let mut jobs = CounterMetricFamily::new("jobs", "Done.")?.with_labels(["queue"])?;
    jobs.add_metric(["a"], 1.0)?.created(1_700_000_000.0);
    jobs.add_metric(["b"], 2.0)?;
    jobs.add_metric(["c"], 3.0)?.created(0.5);
    let collector = telling([jobs]);
    let body = "# HELP jobs_total Done.\n\
                # TYPE jobs_total counter\n\
                jobs_total{queue=\"a\"} 1.0\n\
                jobs_total{queue=\"b\"} 2.0\n\
                jobs_total{queue=\"c\"} 3.0\n";
    let created = "# HELP jobs_created Done.\n\
                   # TYPE jobs_created gauge\n\
                   jobs_created{queue=\"a\"} 1.7e+09\n\
                   jobs_created{queue=\"c\"} 0.5\n";
    let encoding = Encoding::default();
    assert_eq!(exposition::encode(&collector, encoding)?, body);
    assert_eq!(
        exposition::encode(&collector, encoding.with_created(true))?,
        [body, created].concat()
    );
    Ok(())
}

#[test]
fn the_start_of_a_series_has_no_label_of_a_single_sample() -> Result {
    let mut family = MetricFamily::new("h", "", MetricType::Histogram)?;
    for (le, count) in [("1", 1.0), ("+Inf", 2.0)] {
        family.add_sample("h_bucket", [("le", le), ("x", "y")], count)?;
    }
    family.add_sample("h_created", [("x", "y")], 5.0)?;
    family.add_sample("h_created", [("x", "other")], 6.0)?;
    let encoding = Encoding::default().with_created(true);
    assert_eq!(
        exposition::encode(&telling([family]), encoding)?,
        r#"# HELP h 
# TYPE h histogram
h_bucket{le="1",x="y"} 1.0
h_bucket{le="+Inf",x="y"} 2.0
# HELP h_created 
# TYPE h_created gauge
h_created{x="y"} 5.0
h_created{x="other"} 6.0
"#
    );
    Ok(())
}

#[test]
fn summaries_without_labels_and_with() -> Result {
    let mut bare = SummaryMetricFamily::new("s", "")?;
    bare.add_metric(NO_LABELS, 1.0, 2.0)?.timestamp(Timestamp::from_seconds(1.5)?);
    let mut labelled = SummaryMetricFamily::new("t", "")?.with_labels(["b", "a"])?;
    labelled.add_metric(["1", "2"], 3.0, f64::NAN)?;
    assert_eq!(
        exposition::text::encode(&telling([bare, labelled]))?,
        "# HELP s \n# TYPE s summary\ns_count 1.0 1500\ns_sum 2.0 1500\n\
         # HELP t \n# TYPE t summary\nt_count{a=\"2\",b=\"1\"} 3.0\nt_sum{a=\"2\",b=\"1\"} NaN\n"
    );
    Ok(())
}

#[test]
fn names_in_all_schemes() -> Result {
    let mut sent = CounterMetricFamily::new("mail.sent", "")?.with_labels(["to.host", "ok"])?;
    sent.add_metric(["\"a\"", "y"], 1.0)?;
    let collector = telling([sent]);
    for (scheme, name, sample) in [
        (
            EscapingScheme::AllowUtf8,
            "\"mail.sent_total\"",
            "{\"mail.sent_total\",ok=\"y\",\"to.host\"=",
        ),
        (
            EscapingScheme::Dots,
            "mail_dot_sent__total",
            "mail_dot_sent__total{ok=\"y\",to_dot_host=",
        ),
        (EscapingScheme::Underscores, "mail_sent_total", "mail_sent_total{ok=\"y\",to_host="),
        (
            EscapingScheme::Values,
            "U__mail_2e_sent__total",
            "U__mail_2e_sent__total{ok=\"y\",U__to_2e_host=",
        ),
    ] {
        assert_eq!(
            exposition::encode(&collector, text(scheme))?,
            format!("# HELP {name} \n# TYPE {name} counter\n{sample}\"\\\"a\\\"\"}} 1.0\n")
        );
    }
    Ok(())
}

#[test]
fn names_that_become_one_are_an_error() -> Result {
    let clash = |first: MetricFamily, second: MetricFamily, scheme| {
        exposition::encode(&telling([first, second]), text(scheme))
    };
    let error = clash(gauge("a.b")?, gauge("a_b")?, EscapingScheme::Underscores).unwrap_err();
    assert!(error.is_duplicate());
    assert_eq!(error.duplicates(), ["a.b", "a_b"]);
    assert_eq!(error.to_string(), "metric names \"a.b\" and \"a_b\" are both \"a_b\" when escaped");
    assert!(clash(gauge("a.b")?, gauge("a_b")?, EscapingScheme::AllowUtf8).is_ok());
    assert!(clash(gauge("a.b")?, gauge("a_b")?, EscapingScheme::Values).is_ok());

    let mut counter = CounterMetricFamily::new("a.b", "")?;
    counter.add_metric(NO_LABELS, 1.0)?;
    let error =
        clash(counter.into(), gauge("a_b_total")?, EscapingScheme::Underscores).unwrap_err();
    assert_eq!(error.duplicates(), ["a.b_total", "a_b_total"]);

    let error = clash(gauge("a.b")?, gauge("U__a_2e_b")?, EscapingScheme::Values).unwrap_err();
    assert_eq!(error.duplicates(), ["U__a_2e_b", "a.b"]);

    // Whether a name may stand twice is for registries to say.
    assert_eq!(
        clash(gauge("a")?, gauge("a")?, EscapingScheme::Underscores)?,
        "# HELP a \n# TYPE a gauge\na 1.0\n".repeat(2)
    );
    Ok(())
}

#[test]
fn label_names_that_become_one_are_an_error() -> Result {
    let mut family = GaugeMetricFamily::new("m", "")?.with_labels(["a.b", "U__a_2e_b"])?;
    family.add_metric(["1", "2"], 1.0)?;
    let collector = telling([family]);
    let error = exposition::encode(&collector, text(EscapingScheme::Values)).unwrap_err();
    assert!(error.is_duplicate());
    assert_eq!(error.duplicates(), ["U__a_2e_b", "a.b"]);
    assert!(exposition::encode(&collector, text(EscapingScheme::Underscores)).is_ok());

    let mut family = GaugeMetricFamily::new("m", "")?.with_labels(["..name.."])?;
    family.add_metric(["1"], 1.0)?;
    let error = exposition::text::encode(&telling([family])).unwrap_err();
    assert!(error.is_invalid_label(), "{error}");
    Ok(())
}

#[test]
fn a_family_is_written_whole_or_not_at_all() -> Result {
    let families = [gauge("a.b")?, gauge("a_b")?, gauge("c")?];
    let forgiving = collector_fn(move |scrape| {
        let refused = families.iter().filter(|family| scrape.family(*family).is_err()).count();
        assert_eq!(refused, 1);
        Ok(())
    });
    assert_eq!(
        exposition::text::encode(&forgiving)?,
        "# HELP a_b \n# TYPE a_b gauge\na_b 1.0\n# HELP c \n# TYPE c gauge\nc 1.0\n"
    );
    Ok(())
}

#[test]
fn nothing_is_left_of_an_exposition_that_failed() -> Result {
    let family = gauge("a")?;
    let failing = collector_fn(move |scrape| {
        scrape.family(&family)?;
        Err(Error::collector("unplugged"))
    });
    let mut out = "before".to_owned();
    let result = exposition::encode_into(&failing, Encoding::default(), None, &mut out);
    assert!(result.unwrap_err().is_collector());
    assert_eq!(out, "before");

    let family = gauge("a")?;
    let panicking = collector_fn(move |scrape| {
        scrape.family(&family)?;
        panic!("out of order")
    });
    let caught = catch_unwind(AssertUnwindSafe(|| {
        exposition::encode_into(&panicking, Encoding::default(), None, &mut out)
    }));
    assert!(caught.is_err());
    assert_eq!(out, "before");
    Ok(())
}

#[test]
fn a_buffer_is_appended_to_and_the_deadline_is_handed_on() -> Result {
    let deadline = std::time::Instant::now();
    let collector = collector_fn(move |scrape| {
        assert_eq!(scrape.deadline(), Some(deadline));
        Ok(())
    });
    let mut out = "before\n".to_owned();
    let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::Underscores);
    exposition::encode_into(&collector, encoding, Some(deadline), &mut out)?;
    assert_eq!(out, "before\n# EOF\n");
    Ok(())
}

#[test]
fn exemplars_are_left_out() -> Result {
    let mut jobs = CounterMetricFamily::new("jobs", "")?;
    jobs.add_metric(NO_LABELS, 1.0)?.exemplar(Exemplar::new([("a", "b")], 1.0)?)?;
    assert_eq!(
        exposition::text::encode(&telling([jobs]))?,
        "# HELP jobs_total \n# TYPE jobs_total counter\njobs_total 1.0\n"
    );
    Ok(())
}

#[test]
fn quantiles_stand_before_the_count() -> Result {
    let ranks = Quantiles::new([0.5, 1.0])?;
    let mut size = SummaryMetricFamily::new("size", "")?.with_labels(["zone", "at"])?;
    size.add_quantiles(["z", "a"], 3.0, 9.0, &ranks, &[2.0, f64::NAN])?;
    let timestamp = Timestamp::from_seconds(1.5)?;
    size.add_quantiles(["z", "b"], 1.0, 4.0, &ranks, &[4.0, 4.0])?.timestamp(timestamp);
    size.add_metric(["z", "c"], 1.0, 5.0)?;
    assert_eq!(
        exposition::text::encode(&telling([size.clone()]))?,
        "# HELP size \n# TYPE size summary\n\
         size{at=\"a\",quantile=\"0.5\",zone=\"z\"} 2.0\n\
         size{at=\"a\",quantile=\"1.0\",zone=\"z\"} NaN\n\
         size_count{at=\"a\",zone=\"z\"} 3.0\nsize_sum{at=\"a\",zone=\"z\"} 9.0\n\
         size{at=\"b\",quantile=\"0.5\",zone=\"z\"} 4.0 1500\n\
         size{at=\"b\",quantile=\"1.0\",zone=\"z\"} 4.0 1500\n\
         size_count{at=\"b\",zone=\"z\"} 1.0 1500\nsize_sum{at=\"b\",zone=\"z\"} 4.0 1500\n\
         size_count{at=\"c\",zone=\"z\"} 1.0\nsize_sum{at=\"c\",zone=\"z\"} 5.0\n"
    );
    let error = size.add_quantiles(["z", "d"], 1.0, 4.0, &ranks, &[4.0]).unwrap_err();
    assert_eq!(error.to_string(), "summary \"size\" has 2 quantiles, and there are 1 estimates");
    Ok(())
}
