//! Help for users' tests: comparison, changes, counts, lint, and the stopped clock.

use std::error::Error as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use narthex::model::{
    CounterMetricFamily, Exemplar, GaugeMetricFamily, HistogramMetricFamily, MetricFamily,
    NO_LABELS, NativeHistogram, Timestamp,
};
use narthex::testing::{
    Expected, Mismatch, Snapshot, TestClock, assert_collects, collect_and_compare,
    collect_and_count, collect_and_lint, to_f64,
};
use narthex::{
    Collector, CollectorRegistry, Counter, CounterVec, Enum, Error, Gauge, Histogram, Info,
    Summary, collector_fn,
};

use crate::support::{exemplars, for_each_sample, now};

/// The difference between what a collector tells and a text.
fn difference(collector: &dyn Collector, expected: &str) -> String {
    let mismatch = collect_and_compare(collector, expected).unwrap_err();
    assert!(mismatch.is_difference(), "{mismatch}");
    mismatch.to_string()
}

fn gauge(value: f64) -> Gauge {
    let gauge = Gauge::builder("a", "Help.").build().unwrap();
    gauge.set(value);
    gauge
}

/// Three series of a counter: 1 with x, 2 with y, 3 with z.
fn three() -> (CollectorRegistry, CounterVec<1>) {
    let registry = CollectorRegistry::new();
    let counter = Counter::builder("c", "Help.").labels(["p"]).register(&registry).unwrap();
    for (value, amount) in [("x", 1), ("y", 2), ("z", 3)] {
        counter.labels([value]).inc_by(amount);
    }
    (registry, counter)
}

#[test]
fn order_blanks_and_spelling_of_numbers_do_not_matter() {
    let registry = CollectorRegistry::new();
    Gauge::builder("g", "G.").register(&registry).unwrap().set(1e6);
    let counter = Counter::builder("c", "C.").labels(["a", "b"]);
    counter.register(&registry).unwrap().labels(["1", "2"]).inc();
    let histogram = Histogram::builder("h", "H.").buckets([0.5, 2.0]).register(&registry).unwrap();
    histogram.observe(1.0);
    collect_and_compare(
        &registry,
        r#"
            h_sum 1
            h_count 1e0
            h_bucket{le="inf"} 1
            h_bucket{le="2"} 1
            h_bucket{le="5e-1"} 0

            c_total{ b="2" , a="1" } 1.000
            # a comment
            g 1000000
        "#,
    )
    .unwrap();
}

#[test]
fn types_do_not_matter_that_the_text_format_does_not_have() {
    let registry = CollectorRegistry::new();
    Info::builder("app", "A.").register(&registry).unwrap().info([("v", "1")]).unwrap();
    Enum::builder("phase", "P.").states(["new", "full"]).register(&registry).unwrap();
    assert_collects(
        &registry,
        "# HELP app_info A.\n# TYPE app_info gauge\napp_info{v=\"1\"} 1\n# TYPE phase gauge\n\
         phase{phase=\"new\"} 1\nphase{phase=\"full\"} 0\n",
    );
    assert_collects(
        &registry,
        "# TYPE app info\napp_info{v=\"1\"} 1\n# TYPE phase stateset\nphase{phase=\"new\"} 1\n\
         phase{phase=\"full\"} 0\n# EOF\n",
    );
}

#[test]
fn what_differs_is_shown_in_the_order_of_the_text() {
    let (registry, _) = three();
    Gauge::builder("g", "Help.").register(&registry).unwrap();
    assert_eq!(
        difference(
            &registry,
            "c_total{p=\"z\"} 3\nc_total{p=\"y\"} 5\nc_total{p=\"w\"} 4\n# TYPE d gauge\nd 1\n",
        ),
        "metrics differ (- expected, + found):\n\
         - c_total{p=\"y\"} 5.0\n\
         + c_total{p=\"y\"} 2.0\n\
         - c_total{p=\"w\"} 4.0\n\
         + c_total{p=\"x\"} 1.0\n\
         - d 1.0\n\
         + g 0.0",
    );
}

#[test]
fn no_number_is_itself_and_nothing_else() {
    collect_and_compare(&gauge(f64::NAN), "a nan").unwrap();
    assert!(difference(&gauge(f64::NAN), "a 1").ends_with("\n- a 1.0\n+ a NaN"));
    assert!(difference(&gauge(1.0), "a NaN").ends_with("\n- a NaN\n+ a 1.0"));
    collect_and_compare(&gauge(f64::INFINITY), "a inf").unwrap();
    // These two floats are neighbours.
    assert!(difference(&gauge(0.1 + 0.2), "a 0.3").ends_with("\n+ a 0.30000000000000004"));
}

#[test]
fn metadata_is_compared_where_the_text_has_it() {
    let a = gauge(1.0);
    collect_and_compare(&a, "# HELP a Help.\n# TYPE a gauge\na 1").unwrap();
    assert_eq!(
        difference(&a, "# HELP a Halp.\na 1"),
        "metrics differ (- expected, + found):\n- # HELP a Halp.\n+ # HELP a Help.",
    );
    let c = Counter::builder("c", "Help.").build().unwrap();
    assert_eq!(
        difference(&c, "# TYPE c_total gauge\nc_total 0"),
        "metrics differ (- expected, + found):\n- # TYPE c_total gauge\n+ # TYPE c_total counter",
    );
    let h = Gauge::builder("heat", "Help.").unit("celsius").build().unwrap();
    let text = "# TYPE heat_celsius gauge\n# UNIT heat_celsius celsius\nheat_celsius 0\n# EOF";
    collect_and_compare(&h, text).unwrap();
    let plain = Gauge::builder("heat_celsius", "Help.").build().unwrap();
    let told = difference(&plain, text);
    assert!(told.ends_with(":\n- # UNIT heat_celsius celsius\n+ # UNIT heat_celsius "), "{told}");
}

#[test]
fn only_some_names_are_looked_at() {
    let (registry, _) = three();
    Gauge::builder("g", "Help.").register(&registry).unwrap();
    let summary = Summary::builder("s", "Help.").register(&registry).unwrap();
    summary.observe(3.0);
    let text =
        "c_total{p=\"x\"} 1\nc_total{p=\"y\"} 2\nc_total{p=\"z\"} 3\ng 7\ns_count 1\ns_sum 0";
    // By the name of a family with its suffix and without, and by that of a sample.
    for name in ["c", "c_total", "s_count"] {
        Expected::new(text).only([name]).compare(&registry).unwrap();
    }
    let mismatch = Expected::new(text).only(["c", "g"]).compare(&registry).unwrap_err();
    assert!(mismatch.to_string().ends_with(":\n- g 7.0\n+ g 0.0"), "{mismatch}");
    let mismatch = Expected::new(text).only(["s"]).compare(&registry).unwrap_err();
    assert!(mismatch.to_string().ends_with(":\n- s_sum 0.0\n+ s_sum 3.0"), "{mismatch}");
    let mismatch = Expected::new(text).only(["c", "k"]).compare(&registry).unwrap_err();
    assert!(!mismatch.is_difference());
    assert_eq!(
        mismatch.to_string(),
        "no metric is named \"k\", neither in what was expected nor in what was found",
    );
}

#[test]
fn a_text_that_cannot_be_read_says_where() {
    let mismatch = collect_and_compare(&gauge(1.0), "\n\n    a one\n").unwrap_err();
    assert!(!mismatch.is_difference());
    assert_eq!(
        mismatch.to_string(),
        "the expected text cannot be read: line 3, column 7: expected a number, found \"one\"",
    );
    assert!(mismatch.source().is_some());
    let mismatch = collect_and_compare(&gauge(1.0), "a{b=\"c\n  # EOF").unwrap_err();
    let told = mismatch.to_string();
    assert!(told.starts_with("the expected text cannot be read: line 1, column 7: "), "{told}");
    let mismatch = Expected::new("a 1").compare_text("a one\n").unwrap_err();
    assert_eq!(
        mismatch.to_string(),
        "the text that was found cannot be read: line 1, column 3: expected a number, found \"one\"",
    );
}

#[test]
fn a_collector_that_fails_says_so() {
    let broken = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
    let expected = "the metrics cannot be collected: the sensor is unplugged";
    let told = |mismatch: Mismatch| {
        assert!(!mismatch.is_difference() && mismatch.source().is_some());
        mismatch.to_string()
    };
    assert_eq!(told(collect_and_compare(&broken, "").unwrap_err()), expected);
    assert_eq!(told(Snapshot::of(&broken).unwrap_err()), expected);
    assert_eq!(told(to_f64(&broken).unwrap_err()), expected);
    assert_eq!(told(collect_and_count(&broken, &[]).unwrap_err()), expected);
}

#[test]
fn texts_are_compared_across_formats() {
    let text = "# TYPE c_total counter\nc_total 3\n";
    let openmetrics = "# TYPE c counter\nc_total 3.0\nc_created 7.5\n# EOF\n";
    Expected::new(text).compare_text(openmetrics).unwrap();
    Expected::new(text).compare_text(text).unwrap();
    Expected::new("c_total 3\n# EOF\n").compare_text(openmetrics).unwrap();
    let mismatch = Expected::new(openmetrics).compare_text(text).unwrap_err();
    assert_eq!(mismatch.to_string(), "metrics differ (- expected, + found):\n- c_created 7.5",);
}

#[test]
fn what_was_expected_may_say_less_and_not_more() {
    let mut family = CounterMetricFamily::new("c", "Help.").unwrap();
    let exemplar = Exemplar::new([("id", "7")], 1.0).unwrap();
    let exemplar = exemplar.with_timestamp(Timestamp::from_whole_seconds(5));
    let added = family.add_metric(NO_LABELS, 3.0).unwrap();
    let added = added.created(1.5).timestamp(Timestamp::from_whole_seconds(6));
    added.exemplar(exemplar).unwrap();
    let families = vec![family.into()];
    let compare =
        |lines: &str| collect_and_compare(&families, &format!("# TYPE c counter\n{lines}\n# EOF"));
    compare("c_total 3").unwrap();
    compare("c_total 3 6").unwrap();
    compare("c_total 3 # {id=\"7\"} 1").unwrap();
    compare("c_total 3 6.0 # {id=\"7\"} 1 5\nc_created 1.5 6").unwrap();
    compare("c_total 3\nc_created 1.5").unwrap();
    for (text, minus) in [
        ("c_total 3 7", "c_total 3.0 @7"),
        ("c_total 3 # {id=\"8\"} 1", "c_total 3.0 # {id=\"8\"} 1.0"),
        ("c_total 3 # {id=\"7\"} 2", "c_total 3.0 # {id=\"7\"} 2.0"),
        ("c_total 3 # {id=\"7\"} 1 6", "c_total 3.0 # {id=\"7\"} 1.0 6"),
    ] {
        let mismatch = compare(text).unwrap_err();
        assert_eq!(
            mismatch.to_string(),
            format!(
                "metrics differ (- expected, + found):\n- {minus}\n\
                 + c_total 3.0 @6 # {{id=\"7\"}} 1.0 5"
            ),
        );
    }
    let mismatch = compare("c_total 3\nc_created 2").unwrap_err();
    assert!(mismatch.to_string().ends_with(":\n- c_created 2.0\n+ c_created 1.5"), "{mismatch}");
    // In the text format, start times are gauges.
    collect_and_compare(&families, "c_total 3 6000\nc_created 1.5").unwrap();
    assert!(collect_and_compare(&families, "c_total 3 6000\nc_created 2").is_err());
}

/// Of resolution 0: zero, 1.5 and 1.75 in the bucket up to 2, and 3 in that up to 4.
fn native_family(second: (i32, f64), exemplar: Option<&str>) -> Vec<MetricFamily> {
    let mut native = NativeHistogram::new(0).unwrap().zero(0.5, 1.0).unwrap();
    native = native.positive([(1, 2.0), second]).unwrap();
    if let Some(id) = exemplar {
        let exemplar = Exemplar::new([("id", id)], 3.0).unwrap();
        native = native.exemplar(exemplar.with_timestamp(Timestamp::from_whole_seconds(5)));
    }
    let mut family = HistogramMetricFamily::new("h", "Help.").unwrap();
    family.add_native(NO_LABELS, 4.0, 6.25, &native).unwrap();
    vec![family.into()]
}

#[test]
fn native_buckets_are_compared_where_the_text_has_them() {
    // As Python's client writes them in OpenMetrics 1.0: each bucket as what it has more.
    let text = "# TYPE h histogram\nh {count:4,sum:6.25,schema:0,zero_threshold:0.5,zero_count:1,\
                positive_spans:[1:2],positive_deltas:[2,-1]}\n# EOF";
    collect_and_compare(&native_family((2, 1.0), None), text).unwrap();
    collect_and_compare(
        &native_family((2, 1.0), None),
        "h_count 4\nh_sum 6.25\nh_bucket{le=\"+Inf\"} 4",
    )
    .unwrap();
    assert_eq!(
        difference(&native_family((3, 1.0), None), text),
        "metrics differ (- expected, + found):\n\
         - h_count 4.0 {schema:0,zero_threshold:0.5,zero_count:1.0,positive:[1:2.0,2:1.0]}\n\
         + h_count 4.0 {schema:0,zero_threshold:0.5,zero_count:1.0,positive:[1:2.0,3:1.0]}",
    );
    // In other runs, they are the same buckets.
    let spans = text
        .replace("spans:[1:2],positive_deltas:[2,-1]", "spans:[0:2,0:1],positive_deltas:[0,2,-1]");
    collect_and_compare(&native_family((2, 1.0), None), &spans).unwrap();
    for (from, to) in [("schema:0", "schema:1"), ("threshold:0.5", "threshold:0.25")] {
        difference(&native_family((2, 1.0), None), &text.replace(from, to));
    }
    let exemplar = text.replace("}\n", "} # {id=\"7\"} 3 5\n");
    collect_and_compare(&native_family((2, 1.0), Some("7")), &exemplar).unwrap();
    collect_and_compare(&native_family((2, 1.0), Some("7")), text).unwrap();
    let told = difference(&native_family((2, 1.0), Some("8")), &exemplar);
    assert!(told.ends_with(",2:1.0]} # {id=\"8\"} 3.0 5"), "{told}");
}

#[cfg(feature = "openmetrics2")]
#[test]
fn the_second_version_of_openmetrics_is_read() {
    let text = "# TYPE h histogram\nh {count:4,sum:6.25,schema:0,zero_threshold:0.5,zero_count:1,\
                positive_spans:[1:2],positive_buckets:[2,1]}\n# EOF";
    collect_and_compare(&native_family((2, 1.0), None), text).unwrap();
    let told = difference(&native_family((3, 1.0), None), text);
    assert!(
        told.ends_with(
            "\n+ h_count 4.0 {schema:0,zero_threshold:0.5,zero_count:1.0,positive:[1:2.0,3:1.0]}"
        ),
        "{told}"
    );
    Expected::new(text).compare_text(text).unwrap();
    let mismatch = Expected::new(text).compare_text(text.replace("[2,1]", "[1,2]")).unwrap_err();
    assert!(mismatch.is_difference(), "{mismatch}");

    let mut family = CounterMetricFamily::new("c", "Help.").unwrap();
    family.add_metric(NO_LABELS, 3.0).unwrap().created(1.5);
    let families = vec![family.into()];
    collect_and_compare(&families, "# TYPE c_total counter\nc_total 3 st@1.5\n# EOF").unwrap();
    collect_and_compare(&families, "# TYPE c_total counter\nc_total 3\n# EOF").unwrap();
    let told = difference(&families, "# TYPE c_total counter\nc_total 3 st@2.5\n# EOF");
    assert!(told.ends_with(":\n- c_created 2.5\n+ c_created 1.5"), "{told}");
    // Where it is neither, it is told of the version that it is for longer.
    let told = |text| collect_and_compare(&families, text).unwrap_err().to_string();
    assert!(
        told("# TYPE c_total counter\nc_total 3 st@1.5\nd one\n# EOF").contains("line 3, column 3")
    );
    assert!(told("# TYPE c counter\nc_total 3\nd one\n# EOF").contains("line 3, column 3"));
}

#[test]
fn changes_of_native_buckets_are_told() {
    let before = Snapshot::of(&native_family((2, 1.0), None)).unwrap();
    assert!(before.until_now(&native_family((2, 1.0), Some("7"))).unwrap().is_empty());
    let changes = before.until_now(&native_family((3, 1.0), None)).unwrap();
    assert_eq!(
        changes.to_string(),
        "h_count 4.0 {schema:0,zero_threshold:0.5,zero_count:1.0,positive:[1:2.0,2:1.0]} -> \
         4.0 {schema:0,zero_threshold:0.5,zero_count:1.0,positive:[1:2.0,3:1.0]} (0.0)\n",
    );
    assert_eq!(changes.increase("h_count", &[]), Some(0.0));
}

#[test]
fn gauges_that_are_called_as_start_times_are_no_start_times() {
    let registry = CollectorRegistry::new();
    Gauge::builder("a_created", "Help.").register(&registry).unwrap();
    Counter::builder("c", "Help.").register(&registry).unwrap();
    let told = difference(&registry, "c_total 0\n# b_created\n");
    assert!(told.ends_with(":\n+ a_created 0.0"), "{told}");
}

#[test]
fn a_long_difference_is_cut_off() {
    let many: String = (0..70).map(|place| format!("a{{b=\"{place}\"}} 1\n")).collect();
    let told = difference(&collector_fn(|_| Ok(())), &many);
    // The heading, 60 lines, and what says how many are left.
    assert_eq!(told.lines().count(), 62);
    assert!(told.ends_with("\n- a{b=\"59\"} 1.0\nand 10 lines more"), "{told}");
}

#[test]
#[should_panic(expected = "metrics differ (- expected, + found):\n- a 2.0\n+ a 1.0")]
fn an_assertion_panics_with_the_difference() {
    assert_collects(&gauge(1.0), "a 2");
}

#[test]
fn families_without_samples_are_only_missed() {
    let registry = CollectorRegistry::new();
    Counter::builder("c", "Help.").labels(["p"]).register(&registry).unwrap();
    collect_and_compare(&registry, "").unwrap();
    collect_and_compare(&registry, "# TYPE c_total counter\n").unwrap();
    let told = difference(&registry, "# TYPE d_total counter\n");
    assert!(told.ends_with(":\n- # TYPE d_total counter"), "{told}");
}

#[test]
fn changes_are_asked_and_shown() {
    let (registry, counter) = three();
    let g = Gauge::builder("g", "Help.").register(&registry).unwrap();
    let before = Snapshot::of(&registry).unwrap();
    assert_eq!((before.len(), before.is_empty()), (4, false));
    assert_eq!(before.value("c_total", &[("p", "y")]), Some(2.0));
    assert_eq!(before.value("c_total", &[("p", "w")]), None);
    assert_eq!(before.value("c", &[("p", "y")]), None);

    counter.labels(["x"]).inc_by(4);
    counter.remove(["y"]);
    counter.labels(["w"]).inc();
    g.set(f64::NEG_INFINITY);
    let changes = before.until_now(&registry).unwrap();
    let labels = |value| [("p", value)];
    assert_eq!(changes.increase("c_total", &labels("x")), Some(4.0));
    assert_eq!(changes.increase("c_total", &labels("w")), Some(1.0));
    assert_eq!(changes.increase("c_total", &labels("z")), Some(0.0));
    assert_eq!(changes.increase("c_total", &labels("y")), None);
    assert_eq!(changes.increase("c_totle", &labels("x")), None);
    let is_new = ["w", "x", "y", "q"].map(|value| changes.is_new("c_total", &labels(value)));
    assert_eq!(is_new, [true, false, false, false]);
    let is_gone = ["w", "x", "y", "q"].map(|value| changes.is_gone("c_total", &labels(value)));
    assert_eq!(is_gone, [false, false, true, false]);
    assert_eq!((changes.len(), changes.is_empty()), (4, false));
    let told: Vec<_> = changes.iter().map(|change| change.to_string()).collect();
    let mut sorted = told.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "c_total{p=\"w\"} is new: 1.0",
            "c_total{p=\"x\"} 1.0 -> 5.0 (+4.0)",
            "c_total{p=\"y\"} is gone: 2.0",
            "g 0.0 -> -Inf (-Inf)",
        ],
    );
    assert_eq!(changes.to_string(), told.join("\n") + "\n");
    let gone = changes.iter().last().unwrap();
    assert_eq!((gone.name(), gone.before(), gone.after()), ("c_total", Some(2.0), None));
    assert_eq!(gone.labels().collect::<Vec<_>>(), [("p", "y")]);
}

#[test]
fn what_is_no_number_does_not_change() {
    let a = gauge(f64::NAN);
    let before = Snapshot::of(&a).unwrap();
    assert!(before.until_now(&a).unwrap().is_empty());
    a.set(1.0);
    assert_eq!(before.until_now(&a).unwrap().to_string(), "a NaN -> 1.0 (NaN)\n");
    a.set(f64::INFINITY);
    let before = Snapshot::of(&gauge(1.0)).unwrap();
    assert_eq!(before.until_now(&a).unwrap().to_string(), "a 1.0 -> +Inf (+Inf)\n");
}

#[test]
fn buckets_change_one_by_one() {
    let h = Histogram::builder("h", "Help.").buckets([1.0, 2.0]).build().unwrap();
    let before = Snapshot::of(&h).unwrap();
    h.observe(1.5);
    let changes = before.until_now(&h).unwrap();
    assert_eq!(changes.increase("h_bucket", &[("le", "1")]), Some(0.0));
    assert_eq!(changes.increase("h_bucket", &[("le", "2")]), Some(1.0));
    assert_eq!(changes.increase("h_bucket", &[("le", "+Inf")]), Some(1.0));
    assert_eq!(changes.increase("h_sum", &[]), Some(1.5));
}

#[test]
fn series_are_counted_by_children() {
    let (registry, _) = three();
    let h = Histogram::builder("h", "Help.").labels(["p"]).register(&registry).unwrap();
    h.labels(["x"]).observe(1.0);
    h.labels(["y"]).observe(1.0);
    Enum::builder("e", "Help.").states(["new", "full"]).register(&registry).unwrap();
    let count = |names: &[&str]| collect_and_count(&registry, names).unwrap();
    // A state set has a series for each state, as a gauge would.
    assert_eq!(count(&[]), 3 + 2 + 2);
    assert_eq!((count(&["c"]), count(&["c_total"]), count(&["h", "c"])), (3, 3, 5));
    Counter::builder("empty", "Help.").labels(["p"]).register(&registry).unwrap();
    assert_eq!((count(&["empty"]), count(&["empty", "c"])), (0, 3));
    // Names of samples, and those that are misspelt, are no family's.
    for name in ["h_sum", "d"] {
        let mismatch = collect_and_count(&registry, &["c", name]).unwrap_err();
        assert_eq!(mismatch.to_string(), format!("no family is named {name:?}"));
        assert!(!mismatch.is_difference());
    }
}

#[test]
fn a_value_is_that_of_one_sample() {
    assert_eq!(to_f64(&gauge(3.5)).unwrap(), 3.5);
    let told = |collector: &dyn Collector| to_f64(collector).unwrap_err().to_string();
    assert_eq!(
        told(&three().0),
        "there are 3 samples, and there should be one: c_total{p=\"x\"}, c_total{p=\"y\"}, …",
    );
    let summary = Summary::builder("s", "Help.").build().unwrap();
    assert_eq!(told(&summary), "there are 2 samples, and there should be one: s_count, s_sum",);
    assert_eq!(told(&collector_fn(|_| Ok(()))), "there is no sample, and there should be one");
}

#[test]
fn a_lint_tells_all_problems() {
    collect_and_lint(&three().0).unwrap();
    let mismatch = collect_and_lint(&collector_fn(|scrape| {
        scrape.family(&GaugeMetricFamily::new("a:b", "")?)
    }));
    assert_eq!(
        mismatch.unwrap_err().to_string(),
        "2 problems:\n\
         a:b: there is no help text [no-help]\n\
         a:b: the name has a colon, which is for recording rules [colon-in-name]",
    );
}

#[test]
fn a_stopped_clock_is_the_time_of_all_that_asks() {
    let clock = TestClock::at(1_000.5);
    let entered = clock.enter();
    let counter = Counter::builder("c", "Help.").build().unwrap();
    let start = || {
        let mut start = None;
        for_each_sample(&counter, &mut |sample| start = sample.start());
        start
    };
    assert_eq!(start(), Some(1_000.5));
    clock.advance(Duration::from_secs(9));
    counter.reset();
    assert_eq!(start(), Some(1_009.5));
    counter.inc_with_exemplar(&[("id", "7")]);
    let exemplar = exemplars(&counter).remove(0).1;
    assert_eq!(exemplar.as_ref().timestamp().unwrap().as_seconds(), 1_009.5);
    let gauge = gauge(0.0);
    gauge.set_to_current_time();
    assert_eq!(gauge.get(), 1_009.5);
    assert_eq!(Timestamp::now().as_seconds(), 1_009.5);
    clock.set(-7.0);
    assert_eq!((clock.now(), Timestamp::now().as_seconds()), (0.0, 0.0));
    drop(entered);
    assert!((now() - Timestamp::now().as_seconds()).abs() < 60.0);
}

#[test]
fn a_stopped_clock_is_the_time_of_timers() {
    let clock = TestClock::at(0.0);
    let entered = clock.enter();
    let h = Histogram::builder("h", "Help.").build().unwrap();
    let quarter = Duration::from_millis(250);
    let timer = h.start_timer();
    assert_eq!(timer.elapsed(), Duration::ZERO);
    clock.advance(quarter);
    // Timers do not look at the clock on the wall.
    clock.set(5_000.0);
    assert_eq!(timer.elapsed(), quarter);
    drop(timer);
    h.time(|| clock.advance(quarter));
    assert_eq!((h.snapshot().count(), h.snapshot().sum()), (2.0, 0.5));
    // Whoever stops it, and wherever.
    let timer = h.start_timer();
    drop(entered);
    clock.advance(quarter);
    assert_eq!(thread::spawn(move || timer.stop()).join().unwrap(), quarter);
}

#[test]
fn a_stopped_clock_is_that_of_its_thread() {
    let (outer, inner) = (TestClock::at(1.0), TestClock::at(2.0));
    let seconds = || Timestamp::now().as_seconds();
    let _outer = outer.enter();
    let entered = inner.enter();
    assert_eq!(seconds(), 2.0);
    drop(entered);
    assert_eq!(seconds(), 1.0);
    thread::scope(|scope| {
        scope.spawn(|| assert!(seconds() > 1e9));
        scope.spawn(|| {
            let _entered = outer.clone().enter();
            assert_eq!(seconds(), 1.0);
        });
    });
}

#[cfg(feature = "http")]
mod scrapes {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use narthex::start_http_server;
    use narthex::testing;

    use super::*;
    use crate::http_fixture::registry;

    /// Answers one request with these bytes; gives what was asked.
    fn answer(bytes: &'static [u8]) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics?a=b", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            stream.write_all(bytes).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (url, server)
    }

    /// What is said of an answer, without the URL.
    fn told(bytes: &'static [u8]) -> String {
        let (url, server) = answer(bytes);
        let mismatch = testing::scrape_and_compare(&url, "a 1").unwrap_err();
        server.join().unwrap();
        mismatch.to_string().replace(&url, "URL")
    }

    #[test]
    fn a_server_is_scraped_in_either_format() {
        let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
        let url = format!("http://{}/metrics", server.local_addr());
        testing::scrape_and_compare(&url, "c_total{p=\"x\"} 1\ng 2").unwrap();
        testing::scrape_and_compare(&url, "c_total{p=\"x\"} 1\ng 2\n# EOF").unwrap();
        let mismatch = testing::scrape_and_compare(&url, "c_total{p=\"x\"} 1\ng 3").unwrap_err();
        assert!(mismatch.is_difference());
        assert!(mismatch.to_string().ends_with(":\n- g 3.0\n+ g 2.0"), "{mismatch}");
        // Only OpenMetrics says when a counter began.
        let families = testing::scrape(&url).unwrap();
        let mut starts = 0;
        for_each_sample(&families, &mut |sample| starts += usize::from(sample.start().is_some()));
        assert_eq!(starts, 1);
    }

    #[test]
    fn a_request_says_what_it_can_read() {
        let (url, server) = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n");
        Expected::new("a 1").compare_scrape(&url).unwrap();
        let asked = server.join().unwrap().to_lowercase();
        assert!(asked.starts_with("get /metrics?a=b http/1.1\r\n"), "{asked}");
        let host = url.trim_start_matches("http://").split('/').next().unwrap();
        assert!(asked.contains(&format!("\r\nhost: {host}\r\n")), "{asked}");
        assert!(
            asked.contains("\r\naccept: text/plain;version=1.0.0;escaping=allow-utf-8;q=1\r\n")
        );
        assert!(!asked.contains("accept-encoding"), "{asked}");
    }

    #[test]
    fn answers_that_are_no_metrics_are_told() {
        assert_eq!(
            told(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            "URL cannot be scraped: the answer has the status 404 Not Found",
        );
        assert_eq!(
            told(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>"),
            "URL cannot be scraped: the answer has the content type \"text/html; charset=utf-8\", \
             which is no text of metrics",
        );
        assert_eq!(
            told(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
            "URL cannot be scraped: the answer is encoded with \"gzip\", which was not asked for",
        );
        assert_eq!(
            told(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nb 1\n"),
            "metrics differ (- expected, + found):\n- a 1.0\n+ b 1.0",
        );
        assert_eq!(
            told(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\na one\n"),
            "the text that was found cannot be read: line 1, column 3: expected a number, found \
             \"one\"",
        );
        let cut = told(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n");
        assert!(cut.starts_with("URL cannot be scraped: the answer broke off: "), "{cut}");
        let strange = told(b"what?\r\n\r\n");
        assert!(strange.starts_with("URL cannot be scraped: no answer: "), "{strange}");
    }

    #[test]
    fn urls_that_nobody_answers_are_told() {
        let told = |url: &str| testing::scrape(url).unwrap_err().to_string();
        assert_eq!(
            told("https://localhost/metrics"),
            "https://localhost/metrics cannot be scraped: it does not begin with http:// and a host",
        );
        assert!(told("http://a b/").starts_with("http://a b/ cannot be scraped: it is no URL: "));
        // A port that was just given back.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Nobody accepts: the system connects, and no answer comes.
        let quick = Expected::new("").timeout(Duration::from_millis(50));
        assert_eq!(
            quick.compare_scrape(&url).unwrap_err().to_string(),
            format!("{url} cannot be scraped: there was no whole answer within 50ms"),
        );
        drop(listener);
        let refused = told(&url);
        assert!(refused.starts_with(&format!("{url} cannot be scraped: no connection: ")));
    }

    #[test]
    fn it_may_block_inside_of_a_runtime() {
        let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
        let url = format!("http://{}/metrics", server.local_addr());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let families = runtime.block_on(async { testing::scrape(&url) }).unwrap();
        assert_eq!(collect_and_count(&families, &[]).unwrap(), 2);
    }
}

#[test]
fn what_failed_keeps_its_cause() {
    let broken: Arc<dyn Collector> = Arc::new(collector_fn(|_| Err(Error::collector("no"))));
    let mismatch = collect_and_compare(&broken, "").unwrap_err();
    assert!(mismatch.source().unwrap().downcast_ref::<Error>().unwrap().is_collector());
    assert_eq!(format!("{mismatch:?}"), mismatch.to_string());
}
