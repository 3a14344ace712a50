//! Catalogues: what is declared, had, refused, shown, written and recorded.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use narthex::catalog::{
    Catalog, CatalogChange, Declared, MetricKind, MetricSpec, RECORD_VARIABLE, SnapshotValue,
};
use narthex::model::EscapingScheme;
use narthex::{
    Collector, CollectorRegistry, Counter, CounterVec, CounterVecDyn, Enum, Gauge, GaugeVec,
    Histogram, HistogramVec, Info, Summary, exposition, metric, textfile,
};

narthex::catalog! {
    /// What a trainer measures.
    pub static METRICS: TrainerMetrics {
        /// Steps done,
        /// in all epochs.
        steps: Counter = "train.steps",
        /// Loss of the last step.
        loss: Gauge = "train.loss",
        /// How long a step takes.
        step: Histogram = "train.step" { unit: "milliseconds", buckets: &[10.0, 100.0] },
        /// Size of blocks.
        block: Summary = "io.block" { unit: "bytes" },
        /// Requests answered.
        requests: Counter["method", "code"] = "http.requests",
        /// What runs here.
        build: Info = "build",
        /// What it does.
        phase: Enum = "train.phase" { states: &["idle", "training"] },
    }
}

fn spec(kind: MetricKind, name: &str) -> MetricSpec {
    MetricSpec::new(kind, name, "Something.")
}

fn seconds(name: &str) -> MetricSpec {
    spec(MetricKind::Histogram, name).with_unit("seconds")
}

/// Metrics with one observation each, which are the same whenever they are made.
fn counted() -> TrainerMetrics {
    let metrics = TrainerMetrics::new();
    metrics.steps.inc_by(3);
    metrics.loss.set(0.25);
    metrics.step.observe(11);
    metrics.block.observe(4096);
    metrics.requests.labels(("GET", 200)).inc();
    metrics.build.info([("version", "1.2")]).unwrap();
    metrics.phase.state("training").unwrap();
    metrics
}

#[test]
fn what_is_declared_is_shown_as_it_is_on_the_wire() {
    let expected = "\
# HELP train_steps_total Steps done, in all epochs.
# TYPE train_steps_total counter
train_steps_total 3.0
# HELP train_loss Loss of the last step.
# TYPE train_loss gauge
train_loss 0.25
# HELP train_step_milliseconds How long a step takes.
# TYPE train_step_milliseconds histogram
train_step_milliseconds_bucket{le=\"10.0\"} 0.0
train_step_milliseconds_bucket{le=\"100.0\"} 1.0
train_step_milliseconds_bucket{le=\"+Inf\"} 1.0
train_step_milliseconds_count 1.0
train_step_milliseconds_sum 11.0
# HELP io_block_bytes Size of blocks.
# TYPE io_block_bytes summary
io_block_bytes_count 1.0
io_block_bytes_sum 4096.0
# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{code=\"200\",method=\"GET\"} 1.0
# HELP build_info What runs here.
# TYPE build_info gauge
build_info{version=\"1.2\"} 1.0
# HELP train_phase What it does.
# TYPE train_phase gauge
train_phase{train_phase=\"idle\"} 0.0
train_phase{train_phase=\"training\"} 1.0
";
    let metrics = counted();
    let registry = CollectorRegistry::new();
    metrics.register(&registry).unwrap();
    assert_eq!(exposition::text::encode(&registry).unwrap(), expected);
    assert_eq!(exposition::text::encode(metrics.catalog()).unwrap(), expected);
    assert!(metrics.register(&registry).unwrap_err().is_duplicate());
}

#[test]
fn a_name_has_one_live_instance() {
    METRICS.steps.inc();
    metric!(METRICS, "train.steps").inc();
    let name = format!("{}.steps", "train");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| METRICS.counter(&name).unwrap().inc_by(2));
        }
    });
    assert_eq!(METRICS.clone().get::<Counter>("train.steps").unwrap().get(), 10.0);

    METRICS.requests.labels(("GET", 200)).inc();
    metric!(METRICS, "http.requests").labels(("GET", 200)).inc();
    let requests = METRICS.get::<CounterVec<2>>("http.requests").unwrap();
    requests.labels(["GET", "200"]).inc();
    let requests = METRICS.get::<CounterVecDyn>("http.requests").unwrap();
    assert_eq!(requests.labels(&["GET", "200"]).unwrap().get(), 3.0);

    METRICS.gauge("train.loss").unwrap().set(2);
    METRICS.histogram("train.step").unwrap().observe(1);
    METRICS.get::<Summary>("io.block").unwrap().observe(1);
    METRICS.get::<Info>("build").unwrap().info([("version", "1")]).unwrap();
    METRICS.get::<Enum>("train.phase").unwrap().state("training").unwrap();
    assert_eq!((METRICS.loss.get(), METRICS.step.snapshot().count()), (2.0, 1.0));
    assert_eq!((METRICS.block.count(), METRICS.phase.get()), (1.0, "training"));
    assert!(exposition::text::encode(METRICS.catalog()).unwrap().contains("{version=\"1\"}"));

    // Another one has its own.
    let metrics = TrainerMetrics::new();
    assert_eq!(metric!(metrics, TrainerMetrics, "train.steps").get(), 0.0);
}

#[test]
fn a_struct_takes_the_metrics_of_its_catalogue() {
    let catalog = Catalog::new(TrainerMetrics::specs()).unwrap();
    let metrics = TrainerMetrics::from_catalog(catalog.clone()).unwrap();
    metrics.steps.inc();
    assert_eq!(catalog.counter("train.steps").unwrap().get(), 1.0);

    let other = Catalog::new([spec(MetricKind::Counter, "train.steps")]).unwrap();
    let error = TrainerMetrics::from_catalog(other).unwrap_err();
    assert_eq!(error.to_string(), "the catalogue has no metric \"train.loss\"");
}

#[test]
fn a_metric_that_is_not_there_is_told_with_those_near_it() {
    let metrics = TrainerMetrics::new();
    let told = |name: &str| metrics.counter(name).unwrap_err();
    assert!(told("train.stop").is_not_found());
    for (name, message) in [
        ("train.stop", "; did you mean the histogram \"train.step\"?"),
        // Both are two away.
        ("train.stoss", "; did you mean the counter \"train.steps\" or the gauge \"train.loss\"?"),
        ("train_steps", "; did you mean the counter \"train.steps\"?"),
        ("latency", ""),
        ("", ""),
    ] {
        let message = format!("the catalogue has no metric {name:?}{message}");
        assert_eq!(told(name).to_string(), message);
    }
    assert!(metrics.spec("latency").unwrap_err().is_not_found());
    assert!(metrics.snapshot_of("latency").unwrap_err().is_not_found());
    assert!(metrics.reset_one("latency").unwrap_err().is_not_found());
    assert!(metrics.with_buckets::<Histogram>("latency", [1.0]).unwrap_err().is_not_found());
}

#[test]
fn a_metric_that_is_another_is_told() {
    let metrics = TrainerMetrics::new();
    let refused = [
        (metrics.get::<Gauge>("train.steps").err(), "is a counter, and not a gauge"),
        (metrics.get::<GaugeVec<2>>("http.requests").err(), "is a counter, and not a gauge"),
        (metrics.get::<Counter>("build").err(), "is an info, and not a counter"),
        (metrics.get::<Enum>("train.loss").err(), "is a gauge, and not an enum"),
        (metrics.get::<CounterVec<1>>("train.steps").err(), "has no labels: ask for a Counter"),
        (metrics.get::<CounterVecDyn>("train.steps").err(), "has no labels: ask for a Counter"),
        (
            metrics.get::<Counter>("http.requests").err(),
            "has the labels [\"method\", \"code\"]: ask for a CounterVec<2> or CounterVecDyn",
        ),
        (
            metrics.get::<CounterVec<1>>("http.requests").err(),
            "has the labels [\"method\", \"code\"]: ask for a CounterVec<2> or CounterVecDyn",
        ),
        (
            metrics.with_buckets::<HistogramVec<1>>("train.step", [10.0, 100.0]).err(),
            "has no labels: ask for a Histogram",
        ),
        (
            metrics.with_buckets::<Histogram>("train.loss", [1.0]).err(),
            "is a gauge, and not a histogram",
        ),
    ];
    for (error, told) in refused {
        let error = error.unwrap();
        assert!(error.is_invalid_value());
        assert!(error.to_string().ends_with(told), "{error}");
    }
}

fn bounds(histogram: &Histogram) -> Vec<f64> {
    histogram.snapshot().buckets().map(|(bound, _)| bound).collect()
}

#[test]
fn buckets_are_those_of_the_unit() {
    const INF: f64 = f64::INFINITY;
    let milliseconds = [
        0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0,
        INF,
    ];
    let bytes = [
        1000000.0,
        10000000.0,
        100000000.0,
        500000000.0,
        1000000000.0,
        5000000000.0,
        10000000000.0,
        50000000000.0,
        100000000000.0,
        INF,
    ];
    let seconds =
        [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, INF];
    for (unit, expected) in [
        ("milliseconds", &milliseconds[..]),
        ("ms", &milliseconds),
        ("bytes", &bytes),
        ("seconds", &seconds),
        ("s", &seconds),
    ] {
        let catalog = Catalog::new([spec(MetricKind::Histogram, "a").with_unit(unit)]).unwrap();
        assert_eq!(bounds(&catalog.histogram("a").unwrap()), expected, "{unit}");
    }
    let given = spec(MetricKind::Histogram, "a").with_unit("bytes").with_buckets([1.0, INF]);
    assert_eq!(given.buckets(), Some(&[1.0][..]));
    let catalog = Catalog::new([given]).unwrap();
    assert_eq!(bounds(&catalog.histogram("a").unwrap()), [1.0, INF]);
}

#[test]
fn whoever_asks_first_says_the_buckets() {
    let catalog =
        Catalog::new([seconds("a"), seconds("b"), seconds("c").with_buckets([1.0, 2.0])]).unwrap();
    let ask = |name: &str, bounds: &[f64]| {
        catalog.with_buckets::<Histogram>(name, bounds.iter().copied())
    };
    // A scrape settles nothing.
    exposition::text::encode(&catalog).unwrap();
    assert!(ask("a", &[2.0, 1.0]).unwrap_err().to_string().contains("not sorted"));
    ask("a", &[1.0, 3.0]).unwrap().observe(2);
    // Here as there, the last one need not be said.
    assert_eq!(ask("a", &[1.0, 3.0, f64::INFINITY]).unwrap().snapshot().sum(), 2.0);
    assert_eq!(catalog.histogram("a").unwrap().snapshot().sum(), 2.0);
    let message = "histogram \"a\" has the buckets [1.0, 3.0], and not [1.0, 4.0]";
    let error = ask("a", &[1.0, 4.0]).unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(error.to_string(), message);
    assert!(exposition::text::encode(&catalog).unwrap().contains("a_seconds_bucket{le=\"3.0\"} 1"));

    catalog.histogram("b").unwrap();
    assert!(ask("b", &[1.0]).unwrap_err().to_string().contains("[0.005, 0.01, "));
    let message = "histogram \"c\" has the buckets [1.0, 2.0], and not [1.0]";
    assert_eq!(ask("c", &[1.0]).unwrap_err().to_string(), message);
    ask("c", &[1.0, 2.0]).unwrap();
}

#[test]
fn what_is_wrong_with_an_entry_is_told_with_its_name() {
    use MetricKind::{Counter, Enum, Gauge, Histogram, Info, Summary};

    let states = |kind, states: &[&str]| spec(kind, "x").with_states(states.iter().copied());
    let labels = |kind, labels: &[&str]| spec(kind, "x").with_labels(labels.iter().copied());
    let buckets = |kind, bounds: &[f64]| spec(kind, "x").with_buckets(bounds.iter().copied());
    for (wrong, told) in [
        (spec(Gauge, ""), "catalogue entry \"\": the name is empty"),
        (spec(Counter, "_total"), "catalogue entry \"_total\": the name is empty"),
        (MetricSpec::new(Gauge, "x", ""), "there is no help text"),
        (spec(Gauge, &"x".repeat(200)), "a name and its unit have 200 bytes or more"),
        (spec(Info, "x").with_unit("bytes"), "cannot have a unit, and it has \"bytes\""),
        (labels(Gauge, &[""]), "a label name is empty"),
        (labels(Gauge, &[&"x".repeat(200)]), "x\" has 200 bytes or more"),
        (states(Enum, &[&"x".repeat(700), &"x".repeat(700)]), "xx…\" stands twice"),
        (labels(Gauge, &["__a"]), "\"__a\" is reserved: it begins with two underscores"),
        (labels(Histogram, &["le"]), "the label name \"le\" is one that its kind adds"),
        (labels(Summary, &["quantile"]), "the label name \"quantile\" is one that its kind adds"),
        (states(Enum, &["a"]).with_labels(["x"]), "the label name \"x\" is one that its kind adds"),
        (
            spec(Enum, "x.y").with_states(["a"]).with_labels(["x_y"]),
            "the label name \"x_y\" is one that its kind adds",
        ),
        (
            spec(Enum, "__x").with_states(["a"]),
            "an enum is named as its label, which cannot begin with two underscores",
        ),
        (labels(Gauge, &["a", "a"]), "the label name \"a\" stands twice"),
        (labels(Gauge, &["a.b", "a_b"]), "the label name \"a_b\" stands twice, be it with undersc"),
        (spec(Histogram, "x"), "and needs some if it is \"none\""),
        (spec(Histogram, "x").with_unit("rows"), "and needs some if it is \"rows\""),
        (buckets(Gauge, &[1.0]), "only a histogram has buckets"),
        (buckets(Histogram, &[]), "a histogram needs a bucket besides +Inf"),
        (buckets(Histogram, &[f64::INFINITY]), "a histogram needs a bucket besides +Inf"),
        (buckets(Histogram, &[f64::NAN]), "a bucket bound cannot be NaN"),
        (buckets(Histogram, &[2.0, 1.0]), "the bucket bounds do not ascend"),
        (buckets(Histogram, &[1.0, 1.0]), "the bucket bounds do not ascend"),
        (spec(Enum, "x"), "catalogue entry \"x\": an enum needs states"),
        (states(Gauge, &["a"]), "only an enum has states"),
        (states(Enum, &["a", "b", "a"]), "the state \"a\" stands twice"),
    ] {
        let error = Catalog::new([wrong.clone()]).unwrap_err().to_string();
        assert!(error.starts_with("catalogue entry \"") && error.contains(told), "{error}");
    }
    let wrong = [spec(Gauge, "x"), MetricSpec::new(Gauge, "y", ""), buckets(Counter, &[1.0])];
    let error = Catalog::new(wrong).unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(
        error.to_string(),
        "catalogue entry \"y\": there is no help text; \
         catalogue entry \"x\": only a histogram has buckets",
    );
}

/// Whatever a catalogue lets pass can be built: of such parts, each with each.
#[test]
fn what_is_not_refused_can_be_built() {
    use MetricKind::{Counter, Enum, Gauge, Histogram, Info, Summary};

    let texts = ["", "a", "_total", ".total", "a_total", "__a", "le", "quantile", "1", "ä.b"];
    let mut passed = 0;
    for kind in [Counter, Gauge, Histogram, Summary, Info, Enum] {
        for name in texts {
            for unit in ["", "bytes", "a"] {
                for label in texts.iter().map(Some).chain([None]) {
                    let spec = spec(kind, name).with_unit(unit).with_labels(label.copied());
                    let spec = match kind {
                        Histogram => spec.with_buckets([0.0]),
                        Enum => spec.with_states(["a"]),
                        _ => spec,
                    };
                    match Catalog::new([spec]) {
                        Ok(catalog) => {
                            passed += 1;
                            CollectorRegistry::new()
                                .register(std::sync::Arc::new(catalog))
                                .unwrap();
                        }
                        Err(error) => assert!(error.to_string().starts_with("catalogue entry")),
                    }
                }
            }
        }
    }
    assert!(passed > 500, "{passed}");
}

#[test]
fn names_that_meet_on_the_wire_are_refused() {
    use MetricKind::{Counter, Gauge, Histogram};

    let refused = |one: MetricSpec, other: MetricSpec| {
        let there = Catalog::new([one.clone(), other.clone()]).unwrap_err();
        let back = Catalog::new([other, one]).unwrap_err();
        assert!(there.is_duplicate() && back.is_duplicate());
        (there.to_string(), there.duplicates().to_vec())
    };
    let (message, names) = refused(spec(Gauge, "a"), spec(Counter, "a"));
    assert_eq!(message, "catalogue entry \"a\": the name stands twice");
    assert_eq!(names, ["a"]);
    let (message, names) = refused(spec(Gauge, "a.b"), spec(Gauge, "a_b"));
    assert_eq!(message, "catalogue entry \"a_b\": it would be one with \"a.b\" on the wire");
    assert_eq!(names, ["a.b", "a_b"]);
    refused(spec(Counter, "a"), spec(Counter, "a.total"));
    refused(spec(Gauge, "a.bytes").with_unit("bytes"), spec(Gauge, "a_bytes"));
    let (message, _) = refused(seconds("a"), spec(Gauge, "a.seconds.count"));
    assert_eq!(
        message,
        "catalogue entry \"a.seconds.count\": one of its names on the wire would be one of \"a\"",
    );
    refused(spec(Counter, "a"), spec(Gauge, "a_created"));
    refused(spec(MetricKind::Info, "a"), spec(Gauge, "a_info"));

    // These have names of their own.
    let histogram = spec(Histogram, "a").with_buckets([1.0]);
    let apart = ["a_total", "a_info", "a_counts", "ä", "b", "a.b"];
    let apart = apart.into_iter().map(|name| spec(Gauge, name)).chain([histogram]);
    Catalog::new(apart).unwrap().register(&CollectorRegistry::new()).unwrap();
}

#[test]
fn names_and_units_are_mapped_on_the_wire() {
    use MetricKind::{Counter, Gauge, Summary};

    for (kind, name, unit, utf8, underscores) in [
        (Counter, "train.steps", "", "train.steps", "train_steps"),
        (Counter, "train.steps.total", "", "train.steps", "train_steps"),
        (Counter, "train.steps_total_total", "", "train.steps_total", "train_steps_total"),
        (Counter, "io.read_bytes_total", "bytes", "io.read_bytes", "io_read_bytes"),
        (Counter, "io.read.total", "bytes", "io.read_bytes", "io_read_bytes"),
        (Gauge, "train.step.seconds", "seconds", "train.step_seconds", "train_step_seconds"),
        (Gauge, "train.step_seconds", "seconds", "train.step_seconds", "train_step_seconds"),
        (Gauge, "seconds", "seconds", "seconds_seconds", "seconds_seconds"),
        (Gauge, "microseconds", "seconds", "microseconds_seconds", "microseconds_seconds"),
        (Summary, "größe.a-b", "%", "größe.a-b_%", "gr__e_a_b__"),
        (Gauge, "1st", "", "1st", "_st"),
    ] {
        let catalog = Catalog::new([spec(kind, name).with_unit(unit)]).unwrap();
        assert_eq!(catalog.spec(name).unwrap().name(), name);
        let descs = catalog.describe();
        assert_eq!(descs[0].name(), utf8);
        assert_eq!(descs[0].unit().unwrap_or_default(), unit);
        assert_eq!(EscapingScheme::Underscores.metric_name(descs[0].name()), underscores);
        assert!(catalog.to_markdown().contains(&format!("| `{underscores}")), "{name}");
    }
    // Whoever asks for UTF-8 gets dots, and OpenMetrics tells the unit.
    let read = spec(Counter, "io.read").with_unit("bytes");
    let catalog = Catalog::new([read]).unwrap();
    catalog.counter("io.read").unwrap().inc();
    let encode = |scheme| {
        let format = exposition::Format::OpenMetrics100;
        exposition::encode(&catalog, exposition::Encoding::new(format, scheme)).unwrap()
    };
    let text = encode(EscapingScheme::AllowUtf8);
    assert!(text.starts_with(
        "# HELP \"io.read_bytes\" Something.\n# TYPE \"io.read_bytes\" counter\n\
         # UNIT \"io.read_bytes\" bytes\n{\"io.read_bytes_total\"} 1.0\n"
    ));
    assert!(encode(EscapingScheme::Underscores).contains("\nio_read_bytes_total 1.0\n"));
}

#[test]
fn snapshots_are_values() {
    let metrics = counted();
    metrics.requests.labels(("POST", 500)).inc_by(2);
    let json = serde_json::to_value(metrics.snapshot().unwrap()).unwrap();
    let plain = serde_json::json!({});
    let expected = serde_json::json!({
        "train.steps": {"kind": "counter", "series": [{"labels": plain, "value": 3.0}]},
        "train.loss": {"kind": "gauge", "series": [{"labels": plain, "value": 0.25}]},
        "train.step": {"kind": "histogram", "series": [{
            "labels": plain, "count": 1.0, "sum": 11.0,
            "buckets": [[10.0, 0.0], [100.0, 1.0], ["+Inf", 1.0]],
        }]},
        "io.block": {"kind": "summary", "series": [{"labels": plain, "count": 1.0, "sum": 4096.0}]},
        "http.requests": {"kind": "counter", "series": [
            {"labels": {"method": "GET", "code": "200"}, "value": 1.0},
            {"labels": {"method": "POST", "code": "500"}, "value": 2.0},
        ]},
        "build": {"kind": "info", "series": [{"labels": plain, "facts": {"version": "1.2"}}]},
        "train.phase": {"kind": "enum", "series": [{"labels": plain, "state": "training"}]},
    });
    assert_eq!(json, expected);

    metrics.loss.set(f64::NAN);
    let loss = metrics.snapshot_of("train.loss").unwrap();
    assert!(matches!(loss.series[0].value, SnapshotValue::Number { value } if value.is_nan()));
    assert_eq!(serde_json::to_value(&loss).unwrap()["series"][0]["value"], "NaN");
    metrics.loss.set_function(|| panic!("unplugged"));
    let error = metrics.snapshot().unwrap_err();
    assert!(error.is_collector());
    assert_eq!(error.to_string(), "train.loss panicked: unplugged");
    assert!(metrics.snapshot_of("train.steps").is_ok());
}

#[test]
fn children_are_series_of_a_snapshot_whatever_their_kind() {
    let labelled = [
        seconds("a").with_buckets([1.0]).with_labels(["le_", "b"]),
        spec(MetricKind::Enum, "c").with_states(["x", "y"]).with_labels(["b"]),
        spec(MetricKind::Info, "d").with_labels(["b"]),
    ];
    let catalog = Catalog::new(labelled).unwrap();
    let a = catalog.get::<HistogramVec<2>>("a").unwrap();
    a.labels(["x", "1"]).observe(2);
    a.labels(["x", "2"]).observe(0.5);
    let c = catalog.get::<narthex::EnumVec<1>>("c").unwrap();
    c.labels(["1"]).state("y").unwrap();
    c.labels(["2"]);
    let d = catalog.get::<narthex::InfoVec<1>>("d").unwrap();
    d.labels(["1"]).info([("e", "f")]).unwrap();
    let json = serde_json::to_value(catalog.snapshot().unwrap()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "a": {"kind": "histogram", "series": [
                {"labels": {"le_": "x", "b": "1"}, "count": 1.0, "sum": 2.0,
                 "buckets": [[1.0, 0.0], ["+Inf", 1.0]]},
                {"labels": {"le_": "x", "b": "2"}, "count": 1.0, "sum": 0.5,
                 "buckets": [[1.0, 1.0], ["+Inf", 1.0]]},
            ]},
            "c": {"kind": "enum", "series": [
                {"labels": {"b": "1"}, "state": "y"},
                {"labels": {"b": "2"}, "state": "x"},
            ]},
            "d": {"kind": "info", "series": [{"labels": {"b": "1"}, "facts": {"e": "f"}}]},
        }),
    );
}

#[test]
fn a_reset_lets_all_begin_anew() {
    let metrics = counted();
    let untouched = TrainerMetrics::new().snapshot().unwrap();
    metrics.step.observe_with_exemplar(50, &[("trace", "abc")]);
    thread::scope(|scope| {
        scope.spawn(|| metrics.step.observe(1));
    });
    metrics.reset_one("train.steps").unwrap();
    assert_eq!((metrics.steps.get(), metrics.loss.get()), (0.0, 0.25));
    metrics.loss.set_function(|| 5.0);
    metrics.reset();
    assert_eq!(metrics.snapshot().unwrap(), untouched);
    assert!(!exposition::openmetrics::encode(metrics.catalog()).unwrap().contains("abc"));

    // What was had goes on.
    metrics.step.observe(0.1);
    metrics.step.observe(0.2);
    metrics.block.observe(7);
    // The sum of these two, as floats have it.
    assert_eq!((metrics.step.snapshot().count(), metrics.step.snapshot().sum()), (2.0, 0.1 + 0.2));
    assert_eq!((metrics.block.count(), metrics.block.sum()), (1.0, 7.0));
}

#[test]
fn the_page_has_a_row_for_each() {
    let page = TrainerMetrics::new().to_markdown();
    let rows: Vec<_> = page.lines().collect();
    assert_eq!(rows.len(), 2 + 7);
    assert_eq!(
        rows[2],
        "| `train.steps` | `train_steps_total` | counter |  |  |  | Steps done, in all epochs. |",
    );
    assert_eq!(
        rows[4],
        "| `train.step` | `train_step_milliseconds` | histogram | milliseconds |  | 10.0, 100.0 | \
         How long a step takes. |",
    );
    assert_eq!(
        rows[6],
        "| `http.requests` | `http_requests_total` | counter |  | `method`, `code` |  | \
         Requests answered. |",
    );
    assert_eq!(rows[7], "| `build` | `build_info` | info |  |  |  | What runs here. |");
    assert_eq!(
        rows[8],
        "| `train.phase` | `train_phase` | enum |  |  | `idle`, `training` | What it does. |",
    );

    let odd = MetricSpec::new(MetricKind::Gauge, "a|b`c", "One | two\nthree.");
    let page = Catalog::new([odd]).unwrap().to_markdown();
    assert!(page.ends_with("| ``a\\|b`c`` | `a_b_c` | gauge |  |  |  | One \\| two three. |\n"));
}

#[test]
fn what_others_rely_on_is_missed() {
    let recorded = TrainerMetrics::specs();
    let changes = |edit: &dyn Fn(&mut Vec<MetricSpec>)| {
        let mut specs = recorded.clone();
        edit(&mut specs);
        let changes = Catalog::new(specs).unwrap().changes_since(&recorded);
        changes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(changes(&|_| ()), [""; 0]);
    // Neither is what was added.
    let added = |specs: &mut Vec<MetricSpec>| {
        specs.reverse();
        specs.push(spec(MetricKind::Counter, "train.epochs"));
        let step = specs[4].clone();
        assert_eq!(step.name(), "train.step");
        specs[4] = step.with_buckets([1.0, 10.0, 100.0]);
        let phase = specs[0].clone();
        specs[0] = phase.with_states(["idle", "training", "done"]);
        let requests = specs[2].clone();
        assert_eq!(requests.name(), "http.requests");
        specs[2] = requests.with_labels(["code", "method"]);
        specs[6] = MetricSpec::new(MetricKind::Counter, "train.steps", "Other words.");
    };
    assert_eq!(changes(&added), [""; 0]);

    let gone = |specs: &mut Vec<MetricSpec>| drop(specs.remove(1));
    assert_eq!(changes(&gone), ["gauge \"train.loss\" is not there any more"]);
    let renamed = |specs: &mut Vec<MetricSpec>| {
        specs[0] = MetricSpec::new(MetricKind::Counter, "train.done", specs[0].help());
        // Just like it, but for its help text.
        specs.insert(0, spec(MetricKind::Counter, "train.epochs"));
    };
    assert_eq!(
        changes(&renamed),
        ["counter \"train.steps\" is not there any more: \"train.done\" is just like it, and may \
          be its new name"],
    );
    let other = |specs: &mut Vec<MetricSpec>| {
        specs[0] = MetricSpec::new(MetricKind::Gauge, "train.steps", "Steps.").with_labels(["x"]);
        specs[2] = specs[2].clone().with_unit("seconds").with_buckets([10.0]);
        specs[4] = specs[4].clone().with_labels(["code"]);
        specs[6] = specs[6].clone().with_states(["training"]);
    };
    assert_eq!(
        changes(&other),
        [
            "\"train.steps\": it was a counter, and is a gauge",
            "\"train.steps\": it had no labels, and has [\"x\"]",
            "\"train.step\": its unit was \"milliseconds\", and is \"seconds\"",
            "\"train.step\": it has no buckets [100.0] any more",
            "\"http.requests\": it had the labels [\"method\", \"code\"], and has [\"code\"]",
            "\"train.phase\": it has no states [\"idle\"] any more",
        ],
    );
    let removed = Catalog::new([]).unwrap().changes_since(&recorded[..1]);
    assert_eq!(removed, [CatalogChange::Removed { spec: recorded[0].clone() }]);
}

#[test]
fn the_record_has_what_defaults_were() {
    // So that nobody loses buckets by another default.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.json");
    Catalog::new([seconds("b"), spec(MetricKind::Gauge, "a")]).unwrap().record(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let recorded: Vec<MetricSpec> = serde_json::from_str(&text).unwrap();
    assert_eq!([recorded[0].name(), recorded[1].name()], ["a", "b"]);
    assert_eq!(recorded[1].buckets(), Some(&narthex::DEFAULT_BUCKETS[..]));
    assert!(text.ends_with("]\n"));
    assert!(Catalog::new(recorded).is_ok());
}

#[test]
fn a_catalogue_is_checked_against_its_record() {
    if std::env::var_os(RECORD_VARIABLE).is_some() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.json");
    let metrics = TrainerMetrics::new();
    let error = metrics.check_recorded(&path).unwrap_err();
    assert!(error.is_io());
    assert!(error.to_string().ends_with("; with NARTHEX_RECORD=1 it is recorded as it is"));
    metrics.record(&path).unwrap();
    metrics.check_recorded(&path).unwrap();

    let fewer = Catalog::new(TrainerMetrics::specs().split_off(2)).unwrap();
    let error = fewer.check_recorded(&path).unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(
        error.to_string(),
        format!(
            "the catalogue is not what {} has recorded; with NARTHEX_RECORD=1 it is recorded as it \
             is:\n  gauge \"train.loss\" is not there any more\n  counter \"train.steps\" is not \
             there any more",
            path.display(),
        ),
    );
    fs::write(&path, "[{\"name\": \"a\"}]").unwrap();
    assert!(fewer.check_recorded(&path).unwrap_err().to_string().contains("no recorded catalogue"));
    assert!(fewer.record(dir.path()).unwrap_err().is_io());
}

const FOLDER: &str = "NARTHEX_CATALOG_TEST";

/// Does in a process of its own what the environment tells it to; nothing if that tells nothing.
#[test]
fn a_process_with_an_environment() {
    let Ok(told) = std::env::var(FOLDER) else { return };
    let fewer = Catalog::new([spec(MetricKind::Gauge, "a")]).unwrap();
    fewer.check_recorded(Path::new(&told).join("metrics.json")).unwrap();
    let path = textfile::path_from_env(FOLDER, "/nowhere", "metrics.prom");
    counted().write_textfile(path).unwrap();
    let path = textfile::path_from_env("NARTHEX_NO_SUCH_VARIABLE", "~/logs", "home.prom");
    counted().write_textfile(path).unwrap();
}

#[test]
fn the_environment_says_where_and_whether_to_record() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("metrics.json");
    Catalog::new([spec(MetricKind::Gauge, "b")]).unwrap().record(&record).unwrap();
    let run = |record: &str| {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "catalog::a_process_with_an_environment"]);
        process.env(FOLDER, dir.path()).env(RECORD_VARIABLE, record);
        process.env("HOME", dir.path().join("home")).env("USERPROFILE", dir.path().join("home"));
        process.output().unwrap().status.success()
    };
    // It is another one, and is not to be recorded.
    assert!(!run("0") && !run(""));
    assert!(run("1"));
    assert!(fs::read_to_string(&record).unwrap().contains("\"a\""));
    assert!(dir.path().join("metrics.prom").is_file());
    assert!(dir.path().join("home/logs/home.prom").is_file());
}

#[test]
fn a_textfile_has_the_families_in_the_order_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/when/missing/metrics.prom");
    let metrics = counted();
    metrics.write_textfile(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names: Vec<_> = types.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        names,
        [
            "build_info",
            "http_requests_total",
            "io_block_bytes",
            "train_loss",
            "train_phase",
            "train_step_milliseconds",
            "train_steps_total",
        ],
    );
    // It is replaced, and nothing else is left.
    metrics.steps.inc();
    metrics.write_textfile(&path).unwrap();
    assert!(fs::read_to_string(&path).unwrap().ends_with("\ntrain_steps_total 4.0\n"));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_catalogue_is_data() {
    let text = r#"[
        {"name": "a", "kind": "enum", "help": "A.", "states": ["x"], "labels": ["l"]},
        {"name": "b", "kind": "histogram", "help": "B.", "unit": "rows", "buckets": [1, 2]}
    ]"#;
    let specs: Vec<MetricSpec> = serde_json::from_str(text).unwrap();
    let catalog = Catalog::new(specs.clone()).unwrap();
    assert_eq!(catalog.specs().cloned().collect::<Vec<_>>(), specs);
    let a = catalog.spec("a").unwrap();
    assert_eq!((a.kind(), a.help(), a.unit()), (MetricKind::Enum, "A.", ""));
    assert_eq!((a.states(), a.labels()), (&["x".to_owned()][..], &["l".to_owned()][..]));
    assert_eq!(bounds(&catalog.histogram("b").unwrap()), [1.0, 2.0, f64::INFINITY]);
    for (wrong, told) in [
        (r#"[{"name": "a", "kind": "timer", "help": "A."}]"#, "unknown variant `timer`"),
        (r#"[{"name": "a", "kind": "gauge", "hepl": "A."}]"#, "unknown field `hepl`"),
        (r#"[{"name": "a", "kind": "gauge"}]"#, "missing field `help`"),
    ] {
        let error = serde_json::from_str::<Vec<MetricSpec>>(wrong).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    const A: Declared<'static> = Declared::new(MetricKind::Gauge, "a", "\n  A.\n");
    assert_eq!(MetricSpec::from(A), MetricSpec::new(MetricKind::Gauge, "a", "A."));
}

#[cfg(feature = "multiprocess")]
#[test]
fn a_catalogue_counts_into_shared_files() {
    use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};

    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let specs = [spec(MetricKind::Counter, "a.b"), seconds("c")];
    let catalog = Catalog::in_store(specs, &store).unwrap();
    // A scrape before anybody has said the buckets leaves none in the files.
    exposition::text::encode(&catalog).unwrap();
    catalog.counter("a.b").unwrap().inc();
    catalog.with_buckets::<Histogram>("c", [1.0]).unwrap().observe(0.5);
    let merged = || {
        let merged = MultiProcessCollector::new(dir.path()).unwrap();
        exposition::text::encode(&merged).unwrap()
    };
    let text = merged();
    assert!(text.contains("\na_b_total 1.0\n"), "{text}");
    let buckets: Vec<_> = text.lines().filter(|line| line.contains("_bucket{")).collect();
    assert_eq!(buckets, ["c_seconds_bucket{le=\"1.0\"} 1.0", "c_seconds_bucket{le=\"+Inf\"} 1.0"],);
    catalog.reset();
    let text = merged();
    assert!(text.contains("\na_b_total 0.0\n") && text.contains("{le=\"+Inf\"} 0.0"), "{text}");

    let registry = CollectorRegistry::new();
    let merging = MultiProcessCollector::new(dir.path()).unwrap();
    registry.register(std::sync::Arc::new(merging)).unwrap();
    assert!(catalog.register(&registry).unwrap_err().is_invalid_value());
}
