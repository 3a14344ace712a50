//! The rules of the lint: for each a case that breaks it, and one that just does not.

use std::collections::HashSet;

use narthex::lint::{self, Linter, Problem, Rule};
use narthex::model::{
    Family, GaugeHistogramMetricFamily, GaugeMetricFamily, HistogramMetricFamily, MetricFamily,
    MetricType, NO_LABELS, Timestamp,
};
use narthex::{
    CollectorRegistry, Counter, Enum, Error, Gauge, Histogram, Info, Summary, collector_fn,
};
use proptest::prelude::*;

/// What one rule says of a text, in the words that people read.
fn told(rule: Rule, text: &str) -> Vec<String> {
    Linter::only([rule]).text(text).iter().map(ToString::to_string).collect()
}

/// What one rule says of a text in OpenMetrics.
fn told_openmetrics(rule: Rule, text: &str) -> Vec<String> {
    Linter::only([rule]).openmetrics(text).iter().map(ToString::to_string).collect()
}

/// What one rule says of families.
fn told_of(rule: Rule, families: Vec<MetricFamily>) -> Vec<String> {
    Linter::only([rule]).families(&families).iter().map(ToString::to_string).collect()
}

fn family(name: &str, metric_type: MetricType) -> MetricFamily {
    MetricFamily::new(name, "Help.", metric_type).unwrap()
}

#[test]
fn rules_have_names_of_their_own() {
    let names: HashSet<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        assert!(rule.as_str().bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()));
        assert_eq!(rule.as_str().parse::<Rule>().unwrap(), *rule);
        assert_eq!(rule.to_string(), rule.as_str());
    }
    let error = "help".parse::<Rule>().unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.to_string(), "there is no lint rule \"help\"");
}

#[test]
fn metrics_of_the_library_are_clean() {
    let registry = CollectorRegistry::new();
    Counter::builder("jobs", "Done.").register(&registry).unwrap().inc();
    let replies = Counter::builder("replies_bytes", "Sent.").labels(["code"]);
    replies.register(&registry).unwrap().labels(["200"]).inc_by(3);
    Gauge::builder("queue_depth", "Waiting.").register(&registry).unwrap().set(-3);
    let histogram = Histogram::builder("wait_seconds", "Before a job.");
    histogram.register(&registry).unwrap().observe(0.3);
    let signed = Histogram::builder("heat_celsius", "Inside.").buckets([-1.0, 1.0]);
    signed.register(&registry).unwrap().observe(-4.0);
    Summary::builder("sent_bytes", "Of a reply.").register(&registry).unwrap().observe(3.0);
    Info::builder("app", "Facts.").register(&registry).unwrap().info([("version", "1")]).unwrap();
    let state = Enum::builder("phase", "Of the moon.").states(["new", "full"]);
    state.register(&registry).unwrap().state("full").unwrap();
    assert_eq!(lint::families(&registry), []);
}

#[test]
fn rules_are_left_out() {
    let text = "# TYPE a:b gauge\na:b 1\n";
    let rules = |problems: &[Problem]| problems.iter().map(Problem::rule).collect::<Vec<_>>();
    assert_eq!(rules(&lint::text(text)), [Rule::NoHelp, Rule::ColonInName]);
    assert_eq!(rules(&Linter::new().without(Rule::NoHelp).text(text)), [Rule::ColonInName]);
    assert_eq!(rules(&Linter::only([Rule::NoHelp]).text(text)), [Rule::NoHelp]);
    assert_eq!(Linter::only([]).text(text), []);
}

#[test]
fn problems_come_by_line_metric_and_rule() {
    let text = "b:c 1\n# TYPE a_ms gauge\na_ms 1\n";
    let problems: Vec<String> = lint::text(text).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "line 1: b:c: there is no help text [no-help]",
            "line 1: b:c: the name has a colon, which is for recording rules [colon-in-name]",
            "line 2: a_ms: there is no help text [no-help]",
            "line 2: a_ms: the unit \"ms\" in the name is abbreviated [abbreviated-unit]",
        ]
    );
    let families = vec![family("b:c", MetricType::Gauge), family("a_ms", MetricType::Gauge)];
    let problems: Vec<String> = lint::families(&families).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "a_ms: the unit \"ms\" in the name is abbreviated [abbreviated-unit]",
            "b:c: the name has a colon, which is for recording rules [colon-in-name]",
        ]
    );
}

#[test]
fn syntax() {
    let problems = Linter::only([Rule::Syntax]).text("up 1\nload{core=0} 1\n");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].metric(), "load");
    assert_eq!((problems[0].line(), problems[0].column()), (Some(2), Some(11)));
    assert_eq!(
        problems[0].to_string(),
        "line 2, column 11: load: expected a label value in quotes, found \"0\" [syntax]",
    );
    assert_eq!(told(Rule::Syntax, "up 1\nload{core=\"0\"} 1\n"), [""; 0]);
    // Bytes that are no text.
    let problems = lint::text(b"up \xff\n");
    assert_eq!((problems[0].rule(), problems[0].line()), (Rule::Syntax, Some(1)));
}

#[test]
fn syntax_of_openmetrics() {
    assert_eq!(
        told_openmetrics(Rule::Syntax, "up 1\n"),
        ["line 2, column 1: expected \"# EOF\" at the end, found the end of the input [syntax]"],
    );
    assert_eq!(told_openmetrics(Rule::Syntax, "up 1\n# EOF\n"), [""; 0]);
}

#[test]
fn lenient_syntax() {
    // Python's reader takes a carriage return, Go's does not.
    let told_it = told(Rule::LenientSyntax, "up 1\r\n");
    assert_eq!(told_it.len(), 1);
    assert!(told_it[0].starts_with("line 1, column 5: up: expected "), "{told_it:?}");
    assert_eq!(told(Rule::Syntax, "up 1\r\n"), [""; 0]);
    assert_eq!(told(Rule::LenientSyntax, "up 1\n"), [""; 0]);
    // What nobody reads is told once.
    assert_eq!(told(Rule::LenientSyntax, "up one\n"), [""; 0]);
}

#[test]
fn failed_scrape() {
    let rule = Linter::only([Rule::FailedScrape, Rule::NoHelp]);
    let broken = collector_fn(|scrape| {
        scrape.family(&GaugeMetricFamily::new("heat", "")?)?;
        Err(Error::collector("the sensor is unplugged"))
    });
    let problems: Vec<String> = rule.families(&broken).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        ["the sensor is unplugged [failed-scrape]", "heat: there is no help text [no-help]",]
    );
    assert_eq!(rule.families(&collector_fn(|_| Ok(()))), []);
}

#[test]
fn no_help() {
    let bad = "# TYPE up gauge\nup 1\n";
    assert_eq!(told(Rule::NoHelp, bad), ["line 1: up: there is no help text [no-help]"]);
    assert_eq!(told(Rule::NoHelp, "# HELP up U\nup 1\n"), [""; 0]);
}

#[test]
fn problems_are_placed_where_the_metric_is_declared() {
    let lines = |text: &str| {
        let problems = Linter::only([Rule::NoHelp]).openmetrics(text);
        problems.iter().map(Problem::line).collect::<Vec<_>>()
    };
    let text = "# TYPE up gauge\nup 1\n# TYPE jobs counter\n# UNIT jobs \njobs_total 3\n# EOF\n";
    assert_eq!(lines(text), [Some(1), Some(3)]);
    let text =
        "# TYPE wait summary\nwait_count 1\nwait_sum 1\n# TYPE app info\napp_info 1\n# EOF\n";
    assert_eq!(lines(text), [Some(1), Some(4)]);
    // Without any metadata: the first sample, its name in quotes.
    let text = "a 1\n{\"b \\\"c\",d=\"e\"} 1\n# EOF\n";
    assert_eq!(lines(text), [Some(1), Some(2)]);
}

#[test]
fn counter_without_total() {
    assert_eq!(
        told(Rule::CounterWithoutTotal, "up 1\n# TYPE jobs counter\njobs 3\n"),
        ["line 2: jobs: a counter has a name that does not end with \"_total\" \
             [counter-without-total]"],
    );
    assert_eq!(
        told(Rule::CounterWithoutTotal, "# TYPE jobs_total counter\njobs_total 3\n"),
        [""; 0]
    );
    // In quotes, with blanks, and in a comment that is none of TYPE.
    let quoted = " # \t TYPE  \"a b\"\tcounter \n{\"a b\"} 1\n";
    assert_eq!(told(Rule::CounterWithoutTotal, quoted).len(), 1);
    assert_eq!(told(Rule::CounterWithoutTotal, "# ATYPE jobs counter\n# TYPE\n#\n"), [""; 0]);
    // In OpenMetrics, families have the name without.
    let text = "# TYPE jobs counter\njobs_total 3\n# EOF\n";
    assert_eq!(told_openmetrics(Rule::CounterWithoutTotal, text), [""; 0]);
}

#[test]
fn total_without_counter() {
    assert_eq!(
        told(Rule::TotalWithoutCounter, "# TYPE jobs_total gauge\njobs_total 1\n"),
        ["line 1: jobs_total: the name ends with \"_total\" as a counter's, and the type is \
             gauge [total-without-counter]"],
    );
    assert_eq!(
        told(Rule::TotalWithoutCounter, "# TYPE jobs_total counter\njobs_total 1\n"),
        [""; 0]
    );
    assert_eq!(told(Rule::TotalWithoutCounter, "jobs_total 1\n"), [""; 0]);
    assert_eq!(told(Rule::TotalWithoutCounter, "# TYPE totals gauge\ntotals 1\n"), [""; 0]);
}

#[test]
fn reserved_suffix() {
    let rule = Rule::ReservedSuffix;
    let gauge = |suffix: &str| told(rule, &format!("# TYPE a{suffix} gauge\na{suffix} 1\n"));
    assert_eq!(
        gauge("_bucket"),
        ["line 1: a_bucket: the name ends with \"_bucket\" as a histogram's, and the type is \
             gauge [reserved-suffix]"],
    );
    assert_eq!((gauge("_count").len(), gauge("_sum").len()), (1, 1));
    assert_eq!((gauge("_counts").len(), gauge("_total").len()), (0, 0));
    // The samples are a_count_count and a_count_sum.
    let of = |name, metric_type| told_of(rule, vec![family(name, metric_type)]).len();
    assert_eq!(of("a_count", MetricType::Summary), 0);
    assert_eq!(of("a_bucket", MetricType::Summary), 1);
    assert_eq!(of("a_bucket", MetricType::Histogram), 0);
    assert_eq!(of("a_bucket", MetricType::GaugeHistogram), 0);
    // Shown as a_count_total.
    assert_eq!(of("a_count", MetricType::Counter), 0);
    assert_eq!(of("a_count", MetricType::Unknown), 0);
}

#[test]
fn type_in_name() {
    let of = |name, metric_type| told_of(Rule::TypeInName, vec![family(name, metric_type)]);
    assert_eq!(
        of("wait_Gauge", MetricType::Gauge),
        ["wait_Gauge: the name says the type, \"gauge\" [type-in-name]"],
    );
    assert_eq!(of("wait_gauge_now", MetricType::Gauge).len(), 1);
    assert_eq!(of("wait_gauges", MetricType::Gauge).len(), 0);
    assert_eq!(of("gauge_wait", MetricType::Gauge).len(), 0);
    assert_eq!(of("wait_gauge", MetricType::Counter).len(), 0);
    assert_eq!(of("jobs_counter", MetricType::Counter).len(), 1);
    assert_eq!(of("app_info", MetricType::Info).len(), 1);
    assert_eq!(of("app", MetricType::Info).len(), 0);
    assert_eq!(of("a_gauge_histogram", MetricType::GaugeHistogram).len(), 1);
    assert_eq!(of("a_gaugehistogram_b", MetricType::GaugeHistogram).len(), 1);
    assert_eq!(of("a_unknown", MetricType::Unknown).len(), 0);
}

#[test]
fn colon_in_name() {
    assert_eq!(
        told(Rule::ColonInName, "jobs:rate5m 1\n"),
        ["line 1: jobs:rate5m: the name has a colon, which is for recording rules \
             [colon-in-name]"],
    );
    assert_eq!(told(Rule::ColonInName, "jobs_rate5m{a=\":\"} 1\n"), [""; 0]);
}

#[test]
fn camel_case() {
    assert_eq!(
        told(Rule::CamelCase, "queueDepth{mailBox=\"a\"} 1\nqueueDepth{mailBox=\"b\"} 1\n"),
        [
            "line 1: queueDepth: the label \"mailBox\" is in camelCase and not in snake_case \
             [camel-case]",
            "line 1: queueDepth: the name is in camelCase and not in snake_case [camel-case]",
        ],
    );
    assert_eq!(told(Rule::CamelCase, "QUEUE_Depth_2X{mail_box=\"aB\",CPU=\"1\"} 1\n"), [""; 0]);
}

#[test]
fn non_base_unit() {
    let of = |name: &str| told(Rule::NonBaseUnit, &format!("{name} 1\n"));
    assert_eq!(
        of("wait_milliseconds"),
        ["line 1: wait_milliseconds: the unit \"milliseconds\" in the name is not the base \
             unit, \"seconds\" [non-base-unit]"],
    );
    assert_eq!(of("wait_seconds"), [""; 0]);
    assert_eq!(of("wait_in_seconds_or_days"), [""; 0]);
    // As promlint has them: a prefix of any unit, and both spellings of metres.
    for (name, base) in [
        ("a_kibibytes_total", "bytes"),
        ("a_bits", "bytes"),
        ("a_fahrenheit", "celsius"),
        ("a_kelvins", "kelvin"),
        ("a_kilometres", "metres"),
        ("a_miles", "meters"),
        ("a_ounces", "grams"),
        ("a_calories", "joules"),
        ("a_nanovolts", "volts"),
        ("a_weeks", "seconds"),
        ("milliamperes", "amperes"),
    ] {
        let told = of(name);
        assert_eq!(told.len(), 1, "{name}");
        assert!(told[0].contains(&format!("the base unit, {base:?}")), "{told:?}");
    }
    for name in
        ["a_metres", "a_meters", "a_celsius", "a_kelvin", "a_ratio", "a_Seconds", "aseconds"]
    {
        assert_eq!(of(name), [""; 0], "{name}");
    }
}

#[test]
fn abbreviated_unit() {
    let of = |name: &str| told(Rule::AbbreviatedUnit, &format!("{name} 1\n"));
    assert_eq!(
        of("wait_MS_max"),
        ["line 1: wait_MS_max: the unit \"ms\" in the name is abbreviated \
             [abbreviated-unit]"],
    );
    for short in ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"] {
        assert_eq!(of(&format!("wait_{short}")).len(), 1, "{short}");
        assert_eq!(of(&format!("{short}_wait")).len(), 0, "{short}");
        assert_eq!(of(&format!("wait{short}")).len(), 0, "{short}");
    }
    // Before the `_total` that only the text format shows.
    let counter = "# TYPE a_ms_total counter\na_ms_total 1\n";
    assert_eq!(told(Rule::AbbreviatedUnit, counter).len(), 1);
}

#[test]
fn reserved_label() {
    let gauge = "# TYPE a gauge\na{le=\"1\"} 1\na{le=\"2\"} 1\na{quantile=\"1\"} 1\n";
    assert_eq!(
        told(Rule::ReservedLabel, gauge),
        ["line 1: a: samples have the label \"le\" as buckets do, and the type is gauge, and \
             one more like this [reserved-label]"],
    );
    let untyped = "a{le=\"1\",quantile=\"1\"} 1\n";
    assert_eq!(told(Rule::ReservedLabel, untyped), [""; 0]);
    let histogram = "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n";
    assert_eq!(told(Rule::ReservedLabel, histogram), [""; 0]);
    let histogram = "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count{le=\"1\"} 1\na_sum 1\n";
    assert_eq!(told(Rule::ReservedLabel, histogram).len(), 1);
    let summary = "# TYPE a summary\na{quantile=\"0.5\"} 1\na_count 1\na_sum 1\n";
    assert_eq!(told(Rule::ReservedLabel, summary), [""; 0]);
    assert_eq!(
        told(Rule::ReservedLabel, &summary.replace("quantile=", "le=\"1\",quantile=")).len(),
        1
    );
}

#[test]
fn reserved_label_once_escaped() {
    assert_eq!(
        told(Rule::ReservedLabel, "a{\".-b\"=\"1\"} 1\n"),
        ["line 1: a: the label \".-b\" is \"__b\" when escaped, which is reserved \
             [reserved-label]"],
    );
    assert_eq!(told(Rule::ReservedLabel, "a{\".b\"=\"1\",_c=\"2\"} 1\n"), [""; 0]);
    // The model holds no label that is reserved as it is: the reader says so.
    assert_eq!(told(Rule::Syntax, "a{__b=\"1\"} 1\n").len(), 1);
}

#[test]
fn target_label() {
    assert_eq!(
        told(Rule::TargetLabel, "a{job=\"1\"} 1\na{job=\"2\"} 1\n"),
        ["line 1: a: the label \"job\" is one that Prometheus adds, and so renames \
             [target-label]"],
    );
    assert_eq!(told(Rule::TargetLabel, "a{instance=\"1\"} 1\n").len(), 1);
    assert_eq!(told(Rule::TargetLabel, "a{jobs=\"1\"} 1\njob 1\n"), [""; 0]);
    // A state set has a label of its own name.
    let state = "# TYPE job stateset\njob{job=\"done\"} 1\n# EOF\n";
    assert_eq!(told_openmetrics(Rule::TargetLabel, state), [""; 0]);
}

#[test]
fn escaped_label_clash() {
    // One sample cannot have both, two can.
    assert_eq!(
        told(Rule::EscapedLabelClash, "a{\"b.c\"=\"1\"} 1\na{b_c=\"1\"} 1\n"),
        ["line 1: a: the labels \"b.c\" and \"b_c\" are both \"b_c\" when escaped with \
             underscores [escaped-label-clash]"],
    );
    assert_eq!(
        told(Rule::EscapedLabelClash, "a{\"b-c\"=\"1\"} 1\na{\"b c\"=\"1\"} 1\n"),
        ["line 1: a: the labels \"b c\" and \"b-c\" are both \"b_c\" when escaped with \
             underscores, \"b__c\" when escaped with dots [escaped-label-clash]"],
    );
    // A name that looks like an escaped one: `.` is U+002E.
    assert_eq!(
        told(Rule::EscapedLabelClash, "a{\"b.c\"=\"1\"} 1\na{U__b_2e_c=\"1\"} 1\n"),
        ["line 1: a: the labels \"U__b_2e_c\" and \"b.c\" are both \"U__b_2e_c\" when escaped \
             with values [escaped-label-clash]"],
    );
    assert_eq!(told(Rule::EscapedLabelClash, "a{\"b.c\"=\"1\"} 1\nd{b_c=\"1\"} 1\n"), [""; 0]);
    assert_eq!(told(Rule::EscapedLabelClash, "a{\"b.c\"=\"1\"} 1\na{b__c=\"1\"} 1\n"), [""; 0]);
}

#[test]
fn label_case_clash() {
    assert_eq!(
        told(Rule::LabelCaseClash, "a{Code=\"1\",code=\"1\"} 1\n"),
        ["line 1: a: the labels \"Code\" and \"code\" differ only in case [label-case-clash]"],
    );
    assert_eq!(told(Rule::LabelCaseClash, "a{Code=\"1\"} 1\nb{code=\"1\"} 1\n"), [""; 0]);
}

#[test]
fn duplicate_family() {
    let rule = Rule::DuplicateFamily;
    assert_eq!(
        told(rule, "a 1\nb 1\na{c=\"1\"} 1\na 2\n"),
        ["line 1: a: the family stands more than once [duplicate-family]"],
    );
    assert_eq!(told(rule, "a 1\na{c=\"1\"} 1\nb 1\n"), [""; 0]);
    let thrice = vec![family("a", MetricType::Gauge); 3];
    // Those without samples beside one that has the name are left out, as they are in a text.
    assert_eq!(told_of(rule, thrice), [""; 0]);
    let mut full = family("a", MetricType::Gauge);
    full.add_sample("a", [("b", "c")], 1.0).unwrap();
    assert_eq!(told_of(rule, vec![full; 3]).len(), 1);
}

#[test]
fn shared_name() {
    let rule = Rule::SharedName;
    let text = "# TYPE a summary\na_count 1\na_sum 1\n# TYPE a_count gauge\na_count 1\n";
    assert_eq!(
        told(rule, text),
        ["line 4: a_count: the name \"a_count\" is taken by the summary \"a\" [shared-name]"],
    );
    let mut summary = family("a", MetricType::Summary);
    summary.add_sample("a_count", [("b", "c")], 1.0).unwrap();
    let mut gauge = family("a_count", MetricType::Gauge);
    gauge.add_sample("a_count", [("b", "c")], 1.0).unwrap();
    assert_eq!(
        told_of(rule, vec![summary, gauge]),
        ["a_count: the name \"a_count\" is taken by the summary \"a\" [shared-name]"],
    );
    // Go's client tells these two, which OpenMetrics cannot.
    let text = "# TYPE a gauge\na 1\n# TYPE a_total counter\na_total 2\n";
    assert_eq!(
        told(rule, text),
        ["line 3: a_total: the name \"a\" is taken by the gauge \"a\" [shared-name]"],
    );
    // Python's client tells start times so.
    let text = "# TYPE a_total counter\na_total 2\n# TYPE a_created gauge\na_created 1\n";
    assert_eq!(told(rule, text), [""; 0]);
    let text = "# TYPE a summary\na_count 1\na_sum 1\n# TYPE a_counts gauge\na_counts 1\n";
    assert_eq!(told(rule, text), [""; 0]);
}

#[test]
fn escaped_name_clash() {
    let rule = Rule::EscapedNameClash;
    assert_eq!(
        told(rule, "{\"a.b\"} 1\na_b 1\n"),
        ["line 2: a_b: a name of it and one of \"a.b\" are both \"a_b\" when escaped with \
             underscores [escaped-name-clash]"],
    );
    assert_eq!(
        told(rule, "{\"a-b\"} 1\n{\"a b\"} 1\n"),
        ["line 2: a b: a name of it and one of \"a-b\" are both \"a_b\" when escaped with \
             underscores, \"a__b\" when escaped with dots [escaped-name-clash]"],
    );
    // Dots double underscores, and values write U+002E.
    assert_eq!(told(rule, "{\"a.b\"} 1\na__b 1\n"), [""; 0]);
    assert_eq!(
        told(rule, "{\"a.b\"} 1\nU__a_2e_b 1\n"),
        ["line 2: U__a_2e_b: a name of it and one of \"a.b\" are both \"U__a_2e_b\" when \
             escaped with values [escaped-name-clash]"],
    );
    // The name of a sample, too.
    let mut summary = family("a.b", MetricType::Summary);
    summary.add_sample("a.b_sum", [("c", "d")], 1.0).unwrap();
    let told_it = told_of(rule, vec![summary, family("a_b_sum", MetricType::Gauge)]);
    assert_eq!(
        told_it,
        ["a_b_sum: a name of it and one of \"a.b\" are both \"a_b_sum\" when escaped with \
             underscores [escaped-name-clash]"],
    );
    assert_eq!(told(rule, "{\"a.b\"} 1\na_c 1\n"), [""; 0]);
}

#[test]
fn name_case_clash() {
    assert_eq!(
        told(Rule::NameCaseClash, "up 1\nUp 1\n"),
        ["line 2: Up: the names \"up\" and \"Up\" differ only in case [name-case-clash]"],
    );
    assert_eq!(told(Rule::NameCaseClash, "up 1\nUpp 1\n"), [""; 0]);
}

#[test]
fn unit_clash() {
    let rule = Rule::UnitClash;
    assert_eq!(
        told(rule, "wait_seconds 1\nwait_milliseconds 1\n"),
        ["line 2: wait_milliseconds: the names \"wait_seconds\" and \"wait_milliseconds\" \
             differ only in their unit [unit-clash]"],
    );
    assert_eq!(told(rule, "wait_seconds_max 1\nwait_ms_max 1\n").len(), 1);
    assert_eq!(told(rule, "way_meters 1\nway_metres 1\n").len(), 1);
    // Of two quantities; of other things; what may be minutes or metres.
    assert_eq!(told(rule, "read_seconds 1\nread_bytes 1\n"), [""; 0]);
    assert_eq!(told(rule, "wait_seconds 1\nwaits_milliseconds 1\n"), [""; 0]);
    assert_eq!(told(rule, "wait_seconds 1\nwait_m 1\n"), [""; 0]);
    assert_eq!(told(rule, "wait_seconds 1\nwait 1\n"), [""; 0]);
}

#[test]
fn duplicate_series() {
    let rule = Rule::DuplicateSeries;
    assert_eq!(
        told(rule, "a{b=\"1\",c=\"\\\"\"} 1\na{c=\"\\\"\",b=\"1\"} 2\na 1\na 1\n"),
        [
            "line 2, column 1: a: the series a{b=\"1\",c=\"\\\"\"} stands more than once, and one more like \
             this [duplicate-series]"
        ],
    );
    assert_eq!(told(rule, "a{b=\"1\",c=\"2\"} 1\na{b=\"1\",c=\"3\"} 1\na 1\n"), [""; 0]);
    // A label without a value is none.
    assert_eq!(told(rule, "a{b=\"\"} 1\na 1\n").len(), 1);
    // Nothing of one label is taken for a part of another.
    assert_eq!(told(rule, "a{b=\"1\",c=\"1\"} 1\na{b=\"1,c=1\"} 1\n"), [""; 0]);
    assert_eq!(told(rule, "# TYPE a summary\na_count 1\na_sum 1\n"), [""; 0]);
}

#[test]
fn a_series_that_stands_twice_is_told_once_and_where() {
    let text = "# HELP a A.\n# TYPE a gauge\na{b=\"1\",c=\"2\"} 1\n# HELP h_total H.\n\
                # TYPE h_total counter\nh_total 1\n  h_total 2\n";
    let told: Vec<_> = lint::text(text).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["line 7, column 3: h_total: the series h_total stands more than once [duplicate-series]"],
    );
    // Whoever does not want to hear of that is told that readers may not take it.
    let problems = Linter::new().without(Rule::DuplicateSeries).text(text);
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].rule(), problems[0].line()), (Rule::LenientSyntax, Some(7)));
}

#[test]
fn one_series_at_two_times() {
    let mut family = GaugeMetricFamily::new("a", "Help.").unwrap();
    for seconds in [1, 2] {
        let time = Timestamp::from_whole_seconds(seconds);
        family.add_metric(NO_LABELS, 1.0).unwrap().timestamp(time);
    }
    let linter = Linter::only([Rule::DuplicateSeries]);
    assert_eq!(linter.family(&family), []);
    family.add_metric(NO_LABELS, 2.0).unwrap().timestamp(Timestamp::from_nanos(2, 0).unwrap());
    assert_eq!(linter.family(&family).len(), 1);
}

#[test]
fn negative_counter() {
    let rule = Rule::NegativeCounter;
    assert_eq!(
        told(rule, "# TYPE a_total counter\na_total{b=\"c\"} -1\n"),
        ["line 1: a_total: a_total{b=\"c\"} is -1.0, and a counter is never below zero \
             [negative-counter]"],
    );
    assert_eq!(told(rule, "# TYPE a_total counter\na_total 0\n"), [""; 0]);
    assert_eq!(told(rule, "# TYPE a_total counter\na_total NaN\n").len(), 1);
    assert_eq!(told(rule, "# TYPE a gauge\na -1\n"), [""; 0]);
    assert_eq!(told(rule, "# TYPE a summary\na_count -1\na_sum -1\n").len(), 1);
    assert_eq!(told(rule, "# TYPE a summary\na_count 1\na_sum -1\n"), [""; 0]);
    assert_eq!(told(rule, "# TYPE a histogram\na_bucket{le=\"+Inf\"} -1\n").len(), 1);
}

#[test]
fn invalid_value() {
    let rule = Rule::InvalidValue;
    let of = |metric_type, name: &str, labels: &[(&str, &str)], value| {
        let mut one = family("a", metric_type);
        one.add_sample(name, labels.iter().copied(), value).unwrap();
        told_of(rule, vec![one])
    };
    assert_eq!(
        of(MetricType::Info, "a_info", &[("b", "c")], 2.0),
        ["a_info: a_info{b=\"c\"} is 2.0, and an info is 1 [invalid-value]"],
    );
    assert_eq!(of(MetricType::Info, "a_info", &[("b", "c")], 1.0), [""; 0]);
    assert_eq!(
        of(MetricType::StateSet, "a", &[("a", "on")], 0.5),
        ["a: a{a=\"on\"} is 0.5, and a state is 0 or 1 [invalid-value]"],
    );
    assert_eq!(of(MetricType::StateSet, "a", &[("a", "on")], 0.0), [""; 0]);
    assert_eq!(
        of(MetricType::Summary, "a_count", &[], 1.5),
        ["a: a_count is 1.5, and a count is whole [invalid-value]"],
    );
    assert_eq!(of(MetricType::Summary, "a_count", &[], 1.0), [""; 0]);
    assert_eq!(of(MetricType::Summary, "a_sum", &[], 1.5), [""; 0]);
    assert_eq!(of(MetricType::Counter, "a_total", &[], 1.5), [""; 0]);
}

/// A histogram in the text format, of these lines.
fn histogram(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("a_{line}\n")).collect();
    format!("# TYPE a histogram\n{}", lines.concat())
}

#[test]
fn missing_inf_bucket() {
    let rule = Rule::MissingInfBucket;
    assert_eq!(
        told(rule, &histogram(&["bucket{b=\"c\",le=\"1\"} 1"])),
        ["line 1: a: a{b=\"c\"} has no bucket up to +Inf [missing-inf-bucket]"],
    );
    assert_eq!(told(rule, &histogram(&["count 1", "sum 1"])).len(), 1);
    assert_eq!(told(rule, &histogram(&["bucket{le=\"1\"} 1", "bucket{le=\"+Inf\"} 1"])), [""; 0]);
    // Each histogram of the family has buckets of its own.
    let two = ["bucket{b=\"1\",le=\"+Inf\"} 1", "bucket{b=\"2\",le=\"1\"} 1"];
    assert_eq!(told(rule, &histogram(&two)).len(), 1);
    assert_eq!(told(rule, "# TYPE a summary\na_count 1\na_sum 1\n"), [""; 0]);
}

#[test]
fn unsorted_buckets() {
    let rule = Rule::UnsortedBuckets;
    assert_eq!(
        told(
            rule,
            &histogram(&["bucket{le=\"2\"} 1", "bucket{le=\"1\"} 1", "bucket{le=\"+Inf\"} 1"])
        ),
        ["line 1: a: a has a bucket up to 2.0 before the one up to 1.0 [unsorted-buckets]"],
    );
    assert_eq!(told(rule, &histogram(&["bucket{le=\"1\"} 1", "bucket{le=\"1.0\"} 1"])).len(), 1);
    assert_eq!(told(rule, &histogram(&["bucket{le=\"1\"} 1", "bucket{le=\"2\"} 1"])), [""; 0]);
}

#[test]
fn falling_buckets() {
    let rule = Rule::FallingBuckets;
    assert_eq!(
        told(
            rule,
            &histogram(&["bucket{le=\"1\"} 3", "bucket{le=\"2\"} 2", "bucket{le=\"+Inf\"} 3"])
        ),
        ["line 1: a: a has 3.0 up to 1.0 and only 2.0 up to 2.0 [falling-buckets]"],
    );
    assert_eq!(told(rule, &histogram(&["bucket{le=\"1\"} 3", "bucket{le=\"+Inf\"} 3"])), [""; 0]);
    // By their bounds, not by their place.
    assert_eq!(told(rule, &histogram(&["bucket{le=\"+Inf\"} 3", "bucket{le=\"1\"} 2"])), [""; 0]);
}

#[test]
fn count_mismatch() {
    let rule = Rule::CountMismatch;
    assert_eq!(
        told(rule, &histogram(&["bucket{le=\"+Inf\"} 3", "count 2", "sum 1"])),
        ["line 1: a: a has a count of 2.0, and its bucket up to +Inf 3.0 [count-mismatch]"],
    );
    assert_eq!(told(rule, &histogram(&["bucket{le=\"+Inf\"} 3", "count 3", "sum 1"])), [""; 0]);
    assert_eq!(told(rule, &histogram(&["bucket{le=\"+Inf\"} 3"])), [""; 0]);
}

#[test]
fn missing_count() {
    let rule = Rule::MissingCount;
    assert_eq!(
        told(rule, "# TYPE a summary\na_sum{b=\"c\"} 1\n"),
        ["line 1: a: a{b=\"c\"} has a sum and no count [missing-count]"],
    );
    assert_eq!(told(rule, "# TYPE a summary\na_sum 1\na_count 1\n"), [""; 0]);
    assert_eq!(told(rule, "# TYPE a summary\na{quantile=\"0.5\"} 1\n"), [""; 0]);
    assert_eq!(told(rule, &histogram(&["bucket{le=\"+Inf\"} 1", "sum 1"])).len(), 1);
}

#[test]
fn invalid_quantile() {
    let rule = Rule::InvalidQuantile;
    assert_eq!(
        told(rule, "# TYPE a summary\na{quantile=\"99\"} 1\n"),
        ["line 1: a: the quantile of a{quantile=\"99\"} is not between 0 and 1 \
             [invalid-quantile]"],
    );
    assert_eq!(
        told(rule, "# TYPE a summary\na{quantile=\"1\"} 1\na{quantile=\"0\"} -1\n"),
        [""; 0]
    );
}

proptest! {
    /// Whatever a text is, it is looked at, and what is said of it has its place in it.
    #[test]
    fn any_text_is_looked_at(
        parts in prop::collection::vec(
            prop_oneof![
                Just("# TYPE "), Just("# HELP "), Just("a"), Just("a_total"), Just("\"é\\\"\""),
                Just(" counter"), Just(" histogram"), Just("_bucket"), Just("{"), Just("}"),
                Just("le=\"1\""), Just(","), Just(" 1"), Just(" -1"), Just("\n"), Just("\r\n"),
                Just("# EOF\n"), Just("\u{e9}"), Just("\\"),
            ],
            0..40,
        ),
    ) {
        let text = parts.concat();
        let lines = text.lines().count();
        for problem in lint::text(&text).iter().chain(&lint::openmetrics(&text)) {
            // What is missing is missed behind the last line.
            prop_assert!(problem.line().is_some_and(|line| (1..=lines + 1).contains(&line)), "{problem}");
        }
    }
}

#[test]
fn whole_histograms_are_walked_as_well() {
    let mut histogram = HistogramMetricFamily::new("a", "Help.").unwrap();
    histogram.add_metric(NO_LABELS, [(1.0, 1.5), (f64::INFINITY, 2.0)], Some(1.0)).unwrap();
    let rules = |family: &dyn Family| {
        lint::family(family).iter().map(|problem| problem.rule().as_str()).collect::<Vec<_>>()
    };
    assert_eq!(rules(&histogram), ["invalid-value"]);
    let mut gauge = GaugeHistogramMetricFamily::new("a", "Help.").unwrap();
    gauge.add_metric(NO_LABELS, [(1.0, 1.0), (f64::INFINITY, 2.0)], 1.0).unwrap();
    assert_eq!(rules(&gauge), [""; 0]);
}
