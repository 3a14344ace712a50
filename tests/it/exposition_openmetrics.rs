//! OpenMetrics: the specification's examples, and where it differs from the text format.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, GaugeHistogramMetricFamily, GaugeMetricFamily,
    HistogramMetricFamily, MetricFamily, MetricType, StateSetMetricFamily, SummaryMetricFamily,
    Timestamp,
};
use narthex::{Collector, Result};

use crate::exposition_text::{NO_LABELS, telling};

fn openmetrics(collector: &dyn Collector, escaping: EscapingScheme) -> Result<String> {
    exposition::encode(collector, Encoding::new(Format::OpenMetrics100, escaping))
}

// The samples of https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure.
#[test]
fn the_example_of_the_specification() -> Result {
    let mut latency = SummaryMetricFamily::new("acme_http_router_request", "Latency \"of all\".")?
        .with_unit("seconds")?
        .with_labels(["path", "method"])?;
    latency.add_metric(["/api/v1", "GET"], 807_283.0, 9036.32)?.created(1_605_281_325.0);
    latency.add_metric(["/api/v2", "POST"], 34.0, 479.3)?.created(1_605_281_325.0);

    let mut routines = MetricFamily::new("go_goroutines", "Now.", MetricType::Gauge)?;
    routines.add_sample("go_goroutines", [("", ""); 0], 69.0)?;

    let mut cpu =
        CounterMetricFamily::new("process_cpu_seconds_total", "")?.with_unit("seconds")?;
    cpu.add_metric(NO_LABELS, 4.20072246e6)?;

    assert_eq!(
        exposition::openmetrics::encode(&telling([latency.into(), routines, cpu.into()]))?,
        r#"# HELP acme_http_router_request_seconds Latency \"of all\".
# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
acme_http_router_request_seconds_count{method="GET",path="/api/v1"} 807283.0
acme_http_router_request_seconds_sum{method="GET",path="/api/v1"} 9036.32
acme_http_router_request_seconds_created{method="GET",path="/api/v1"} 1.605281325e+09
acme_http_router_request_seconds_count{method="POST",path="/api/v2"} 34.0
acme_http_router_request_seconds_sum{method="POST",path="/api/v2"} 479.3
acme_http_router_request_seconds_created{method="POST",path="/api/v2"} 1.605281325e+09
# HELP go_goroutines Now.
# TYPE go_goroutines gauge
go_goroutines 69.0
# HELP process_cpu_seconds 
# TYPE process_cpu_seconds counter
# UNIT process_cpu_seconds seconds
process_cpu_seconds_total 4.20072246e+06
# EOF
"#
    );
    Ok(())
}

// The buckets of https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars-1.
#[test]
fn exemplars_stand_at_their_buckets() -> Result {
    let buckets = [("0.01", 0.0), ("0.1", 8.0), ("1.0", 11.0), ("10.0", 17.0), ("+Inf", 17.0)];
    let exemplar = |trace: &str, value: f64, at: f64| {
        Ok::<_, narthex::Error>(
            Exemplar::new([("trace_id", trace)], value)?
                .with_timestamp(Timestamp::from_seconds(at)?),
        )
    };
    let mut foo = HistogramMetricFamily::new("foo", "")?;
    foo.add_metric(NO_LABELS, buckets, Some(324_789.3))?
        .exemplar(exemplar("oHg5SJYRHA0", 9.8, 1_520_879_607.789)?)?
        .exemplar(Exemplar::new([("", ""); 0], 0.054)?)?
        .exemplar(exemplar("KOO5S4vxi0o", 0.67, 1_520_879_606.0)?)?
        .created(1_520_430_000.123);
    assert_eq!(
        exposition::openmetrics::encode(&telling([foo]))?,
        r#"# HELP foo 
# TYPE foo histogram
foo_bucket{le="0.01"} 0.0
foo_bucket{le="0.1"} 8.0 # {} 0.054
foo_bucket{le="1.0"} 11.0 # {trace_id="KOO5S4vxi0o"} 0.67 1520879606.0
foo_bucket{le="10.0"} 17.0 # {trace_id="oHg5SJYRHA0"} 9.8 1520879607.789
foo_bucket{le="+Inf"} 17.0
foo_count 17.0
foo_sum 324789.3
foo_created 1.520430000123e+09
# EOF
"#
    );
    Ok(())
}

#[test]
fn an_exemplar_of_buckets_without_a_sum_goes_to_its_bucket_too() -> Result {
    let mut bare = HistogramMetricFamily::new("h", "")?.with_labels(["x"])?;
    for x in ["1", "2"] {
        bare.add_metric([x], [("-1", 1.0), ("2", 2.0), ("+Inf", 2.0)], Some(0.5))?
            .exemplar(Exemplar::new([("t", x)], 1.5)?)?
            .created(7.0);
    }
    assert_eq!(
        exposition::openmetrics::encode(&telling([bare]))?,
        r#"# HELP h 
# TYPE h histogram
h_bucket{le="-1",x="1"} 1.0
h_bucket{le="2",x="1"} 2.0 # {t="1"} 1.5
h_bucket{le="+Inf",x="1"} 2.0
h_created{x="1"} 7.0
h_bucket{le="-1",x="2"} 1.0
h_bucket{le="2",x="2"} 2.0 # {t="2"} 1.5
h_bucket{le="+Inf",x="2"} 2.0
h_created{x="2"} 7.0
# EOF
"#
    );
    Ok(())
}

#[test]
fn the_names_of_exemplar_labels_are_escaped_as_others_are() -> Result {
    let mut jobs = CounterMetricFamily::new("jobs", "")?;
    let exemplar = Exemplar::new([("trace.id", "a\"\\\nb"), ("n", "1")], 2.0)?;
    jobs.add_metric(NO_LABELS, 1.0)?.exemplar(exemplar)?;
    let collector = telling([jobs]);
    for (scheme, name) in [
        (EscapingScheme::AllowUtf8, "\"trace.id\""),
        (EscapingScheme::Dots, "trace_dot_id"),
        (EscapingScheme::Underscores, "trace_id"),
        (EscapingScheme::Values, "U__trace_2e_id"),
    ] {
        let text = openmetrics(&collector, scheme)?;
        let line = text.lines().nth(2).and_then(|line| line.split_once(" 1.0 # "));
        let expected = format!("{{n=\"1\",{name}=\"a\\\"\\\\\\nb\"}} 2.0");
        assert_eq!(line.map(|(_, exemplar)| exemplar), Some(&*expected));
    }
    let clash = Exemplar::new([("trace.id", "1"), ("trace_id", "2")], 2.0).unwrap_err();
    assert!(clash.is_invalid_exemplar());
    Ok(())
}

#[test]
fn a_unit_is_what_its_escaped_family_ends_with() -> Result {
    let mut speed = GaugeMetricFamily::new("wind.speed", "")?.with_unit("m_per.s")?;
    speed.add_metric(NO_LABELS, 3.0)?;
    let collector = telling([speed]);
    for (scheme, line) in [
        (EscapingScheme::AllowUtf8, "# UNIT \"wind.speed_m_per.s\" m_per.s"),
        (EscapingScheme::Dots, "# UNIT wind_dot_speed__m__per_dot_s m__per_dot_s"),
        (EscapingScheme::Underscores, "# UNIT wind_speed_m_per_s m_per_s"),
        (EscapingScheme::Values, "# UNIT U__wind_2e_speed__m__per_2e_s m__per_2e_s"),
    ] {
        assert_eq!(openmetrics(&collector, scheme)?.lines().nth(2), Some(line));
    }
    Ok(())
}

#[test]
fn timestamps_keep_the_digits_of_their_source() -> Result {
    let mut family = GaugeMetricFamily::new("g", "")?.with_labels(["i"])?;
    let times = [
        Timestamp::from_whole_seconds(1_520_879_607),
        Timestamp::from_nanos(1_520_879_607, 1)?,
        Timestamp::from_nanos(-1, 500_000_000)?,
        Timestamp::from_seconds(1_520_879_607.789)?,
        Timestamp::from_seconds(-0.25)?,
    ];
    for (i, time) in times.into_iter().enumerate() {
        family.add_metric([i.to_string()], 1.0)?.timestamp(time);
    }
    let text = exposition::openmetrics::encode(&telling([family]))?;
    let shown: Vec<_> = text.lines().filter_map(|line| line.split_once("} 1.0 ")).collect();
    assert_eq!(
        shown.into_iter().map(|(_, time)| time).collect::<Vec<_>>(),
        ["1520879607", "1520879607.000000001", "-1.500000000", "1520879607.789", "-0.25"]
    );
    Ok(())
}

#[test]
fn start_times_can_be_left_out() -> Result {
    let mut jobs = CounterMetricFamily::new("jobs", "")?;
    jobs.add_metric(NO_LABELS, 1.0)?.created(5.0);
    let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::Underscores);
    assert_eq!(
        exposition::encode(&telling([jobs]), encoding.with_created(false))?,
        "# HELP jobs \n# TYPE jobs counter\njobs_total 1.0\n# EOF\n"
    );
    Ok(())
}

#[test]
fn types_keep_their_names() -> Result {
    let mut ages = GaugeHistogramMetricFamily::new("age", "")?;
    ages.add_metric(NO_LABELS, [("1", 1.0), ("+Inf", 3.0)], 4.0)?;
    let mut state = StateSetMetricFamily::new("state:now", "")?;
    state.add_metric(NO_LABELS, [("on", true)])?;
    assert_eq!(
        exposition::openmetrics::encode(&telling::<MetricFamily>([ages.into(), state.into()]))?,
        "# HELP age \n# TYPE age gaugehistogram\n\
         age_bucket{le=\"1\"} 1.0\nage_bucket{le=\"+Inf\"} 3.0\nage_gcount 3.0\nage_gsum 4.0\n\
         # HELP state:now \n# TYPE state:now stateset\nstate:now{state_now=\"on\"} 1.0\n# EOF\n"
    );
    Ok(())
}

#[test]
fn counts_without_end_stay_what_they_are() -> Result {
    let mut wait = HistogramMetricFamily::new("h", "")?;
    let endless = f64::INFINITY;
    wait.add_metric(NO_LABELS, [(1.0, 0.1), (2.0, 0.3), (3.0, endless), (endless, endless)], None)?;
    let text = exposition::openmetrics::encode(&telling([wait]))?;
    let counts: Vec<_> = text.lines().filter_map(|line| line.split_once("} ")).collect();
    assert_eq!(
        counts.into_iter().map(|(_, count)| count).collect::<Vec<_>>(),
        ["0.1", "0.3", "+Inf", "+Inf"]
    );
    Ok(())
}
