//! Views: some samples of a registry, or all under other names.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{Desc, EscapingScheme, MetricType, NO_LABELS, Quantiles, SummaryMetricFamily};
use narthex::{
    Collector, CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Result, Scrape, Summary,
    collector_fn, parser,
};

use crate::support::{exemplars, lines, openmetrics, traces};

/// A gauge that counts how often it is asked.
struct Counting {
    name: &'static str,
    asked: AtomicUsize,
}

impl Counting {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, asked: AtomicUsize::new(0) })
    }
}

impl Collector for Counting {
    fn describe(&self) -> Vec<Desc> {
        vec![Desc::new(self.name, "h", MetricType::Gauge).expect("a name")]
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut family = narthex::model::GaugeMetricFamily::new(self.name, "h")?;
        family.add_metric([] as [&str; 0], 1.0)?;
        scrape.family(&family)
    }
}

#[test]
fn a_restricted_view_asks_no_one_in_vain() -> Result {
    let registry = CollectorRegistry::new();
    let all = ["c", "a", "b"].map(Counting::new);
    for collector in &all {
        registry.register(collector.clone())?;
    }
    let nameless = Arc::new(AtomicUsize::new(0));
    let asked = nameless.clone();
    registry.register(Arc::new(collector_fn(move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })))?;
    let view = registry.restricted(["b", "c", "nothing"]);
    assert_eq!(lines(&view), ["c 1.0", "b 1.0"]);
    assert_eq!(lines(&view), ["c 1.0", "b 1.0"]);
    let asked = all.map(|collector| collector.asked.load(Ordering::Relaxed));
    assert_eq!(asked, [2, 0, 2]);
    assert_eq!(nameless.load(Ordering::Relaxed), 0);
    Ok(())
}

#[test]
fn nameless_collectors_are_asked_where_that_is_wanted() -> Result {
    let nameless = || {
        Arc::new(collector_fn(|scrape| {
            let mut family = narthex::model::GaugeMetricFamily::new("x", "h")?;
            family.add_metric([] as [&str; 0], 1.0)?;
            scrape.family(&family)
        }))
    };
    let registry = CollectorRegistry::builder().collectors_without_names(true).build();
    registry.register(nameless())?;
    registry.register(Counting::new("g"))?;
    assert_eq!(lines(&registry.restricted(["x"])), ["x 1.0"]);
    assert_eq!(lines(&registry.restricted(["g"])), ["g 1.0"]);
    let described = CollectorRegistry::builder().auto_describe(true).build();
    described.register(nameless())?;
    assert_eq!(lines(&described.restricted(["x"])), ["x 1.0"]);
    Ok(())
}

#[test]
fn a_restricted_view_is_evaluated_at_each_scrape() -> Result {
    let registry = CollectorRegistry::new();
    let view = registry.restricted(["late_total"]);
    assert_eq!(lines(&view), [""; 0]);
    let counter = Counter::builder("late", "h").register(&registry)?;
    assert_eq!(lines(&view), ["late_total 0.0"]);
    counter.inc();
    assert_eq!(lines(&view), ["late_total 1.0"]);
    Ok(())
}

/// A registry of each type, with a label each.
fn of_each_type() -> Result<CollectorRegistry> {
    let registry = CollectorRegistry::new();
    let counters = Counter::builder("c", "h").unit("bytes").labels(["l"]).register(&registry)?;
    counters.labels(["1"]).inc_with_exemplar(&[("id", "x")]);
    let histograms = Histogram::builder("h", "h").unit("seconds").buckets([1.0]).labels(["z"]);
    let histograms = histograms.register(&registry)?;
    histograms.labels(["1"]).observe_with_exemplar(0.5, &[("id", "y")]);
    histograms.labels(["a\"b"]).observe(2);
    Summary::builder("s", "h").labels(["l"]).register(&registry)?.labels(["1"]).observe(3);
    let info = Info::builder("i", "h").labels(["l"]).register(&registry)?;
    info.labels(["1"]).info([("version", "2")])?;
    let states = Enum::builder("e", "h").labels(["f"]).states(["on", "off"]).register(&registry)?;
    states.labels(["1"]).state("off")?;
    Gauge::builder("g", "h").labels(["l"]).register(&registry)?.labels(["1"]).set(4);
    Ok(registry)
}

#[test]
fn a_restricted_view_keeps_samples_by_their_full_names() -> Result {
    let registry = of_each_type()?;
    let kept = |names: &[&str]| lines(&registry.restricted(names.iter().copied()));
    // The name of a family is none of a sample, unless a sample bears it.
    assert_eq!(kept(&["c_bytes", "h_seconds", "s", "i"]), [""; 0]);
    assert_eq!(kept(&["c_bytes_total"]), ["c_bytes_total{l=\"1\"} 1.0"]);
    assert_eq!(kept(&["g", "i_info"]), ["i_info{l=\"1\",version=\"2\"} 1.0", "g{l=\"1\"} 4.0"]);
    assert_eq!(kept(&["e"]), ["e{e=\"on\",f=\"1\"} 0.0", "e{e=\"off\",f=\"1\"} 1.0"]);
    assert_eq!(kept(&["s_sum"]), ["s_sum{l=\"1\"} 3.0"]);
    assert_eq!(kept(&["s_sum", "s_count"]), ["s_count{l=\"1\"} 1.0", "s_sum{l=\"1\"} 3.0"]);
    assert_eq!(
        kept(&["h_seconds_count"]),
        ["h_seconds_count{z=\"1\"} 1.0", "h_seconds_count{z=\"a\\\"b\"} 1.0"]
    );
    assert_eq!(
        kept(&["h_seconds_bucket"]),
        [
            "h_seconds_bucket{le=\"1.0\",z=\"1\"} 1.0",
            "h_seconds_bucket{le=\"+Inf\",z=\"1\"} 1.0",
            "h_seconds_bucket{le=\"1.0\",z=\"a\\\"b\"} 0.0",
            "h_seconds_bucket{le=\"+Inf\",z=\"a\\\"b\"} 1.0",
        ]
    );
    assert_eq!(kept(&[]), [""; 0]);
    Ok(())
}

// OpenMetrics has histograms whole, and start times only beside what began.
#[test]
fn openmetrics_refuses_parts_of_what_it_has_whole() -> Result {
    let registry = of_each_type()?;
    for (names, whole) in [
        (&["h_seconds_bucket"][..], true),
        (&["h_seconds_bucket", "h_seconds_count", "h_seconds_sum"], true),
        (&["h_seconds_bucket", "h_seconds_count"], false),
        (&["h_seconds_bucket", "h_seconds_sum"], false),
        (&["h_seconds_count", "h_seconds_sum"], false),
        (&["h_seconds_count"], false),
        (&["h_seconds_sum"], false),
        (&["h_seconds_created"], false),
        (&["c_bytes_created"], false),
        (&["c_bytes_total"], true),
        (&["s_count"], true),
        (&["s_sum"], true),
        (&["i_info", "e", "g"], true),
    ] {
        let view = registry.restricted(names.iter().copied());
        let text = exposition::openmetrics::encode(&view)?;
        assert_eq!(parser::openmetrics::parse_all(&text).is_ok(), whole, "{text}");
        assert!(parser::text::parse_all(&exposition::text::encode(&view)?).is_ok());
    }
    Ok(())
}

#[test]
fn a_restricted_view_keeps_units_and_exemplars() -> Result {
    let registry = of_each_type()?;
    let view = registry.restricted(["c_bytes_total", "h_seconds_bucket"]);
    let text = openmetrics(&view);
    assert!(text.contains("# UNIT c_bytes bytes\n"), "{text}");
    assert!(text.contains("# UNIT h_seconds seconds\n"), "{text}");
    let found: Vec<_> =
        exemplars(&view).iter().map(|(name, e)| format!("{name} {}", traces(e).concat())).collect();
    assert_eq!(found, ["c_bytes_total id=x", "h_seconds_bucket[1.0] id=y"]);
    Ok(())
}

#[test]
fn a_restricted_view_shows_start_times_that_are_named() -> Result {
    let registry = CollectorRegistry::new();
    let _ = Counter::builder("c", "h").register(&registry)?;
    let histogram =
        Histogram::builder("h", "h").buckets([1.0]).labels(["l"]).register(&registry)?;
    histogram.labels(["a"]).observe(1);
    let names = |names: &[&str]| -> Result<Vec<String>> {
        let text = exposition::openmetrics::encode(&registry.restricted(names.iter().copied()))?;
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        Ok(samples.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect())
    };
    assert_eq!(names(&["c_total"])?, ["c_total"]);
    assert_eq!(names(&["c_total", "c_created"])?, ["c_total", "c_created"]);
    assert_eq!(names(&["c_created"])?, ["c_created"]);
    assert_eq!(names(&["h_created"])?, ["h_created{l=\"a\"}"]);
    assert_eq!(names(&["h_count", "h_created"])?, ["h_count{l=\"a\"}", "h_created{l=\"a\"}"]);
    assert_eq!(
        names(&["h_bucket", "h_count", "h_sum", "h_created"])?,
        [
            "h_bucket{l=\"a\",le=\"1.0\"}",
            "h_bucket{l=\"a\",le=\"+Inf\"}",
            "h_count{l=\"a\"}",
            "h_sum{l=\"a\"}",
            "h_created{l=\"a\"}"
        ]
    );
    Ok(())
}

#[test]
fn a_restricted_view_selects_the_target_by_its_sample() -> Result {
    let registry = CollectorRegistry::new();
    registry.register(Counting::new("g"))?;
    registry.set_target_info([("a", "1")])?;
    assert_eq!(lines(&registry.restricted(["target"])), [""; 0]);
    assert_eq!(
        lines(&registry.restricted(["g", "target_info"])),
        ["target_info{a=\"1\"} 1.0", "g 1.0"]
    );
    Ok(())
}

#[test]
fn a_prefix_walks_a_family_once() -> Result {
    let registry = CollectorRegistry::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let gauge = Gauge::builder("g", "h").register(&registry)?;
    gauge.set_function(move || counted.fetch_add(1, Ordering::Relaxed) as f64);
    assert_eq!(lines(&registry.with_prefix("a_")?), ["a_g 0.0"]);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    Ok(())
}

#[test]
fn a_prefix_stands_before_every_name() -> Result {
    let view = of_each_type()?.with_prefix("app_")?;
    assert_eq!(
        openmetrics(&view).lines().filter(|line| !line.contains('#')).collect::<Vec<_>>(),
        [
            "app_h_seconds_bucket{le=\"+Inf\",z=\"1\"} 1.0",
            "app_h_seconds_count{z=\"1\"} 1.0",
            "app_h_seconds_sum{z=\"1\"} 0.5",
            "app_h_seconds_bucket{le=\"1.0\",z=\"a\\\"b\"} 0.0",
            "app_h_seconds_bucket{le=\"+Inf\",z=\"a\\\"b\"} 1.0",
            "app_h_seconds_count{z=\"a\\\"b\"} 1.0",
            "app_h_seconds_sum{z=\"a\\\"b\"} 2.0",
            "app_s_count{l=\"1\"} 1.0",
            "app_s_sum{l=\"1\"} 3.0",
            "app_i_info{l=\"1\",version=\"2\"} 1.0",
            // The label of a state bears the name of the family.
            "app_e{app_e=\"on\",f=\"1\"} 0.0",
            "app_e{app_e=\"off\",f=\"1\"} 1.0",
            "app_g{l=\"1\"} 4.0",
        ]
    );
    let found: Vec<_> =
        exemplars(&view).iter().map(|(name, e)| format!("{name} {}", traces(e).concat())).collect();
    assert_eq!(found, ["app_c_bytes_total id=x", "app_h_seconds_bucket[1.0] id=y"]);
    assert!(openmetrics(&view).contains("# UNIT app_h_seconds seconds\n"));
    assert_eq!(view.get_sample_value("app_c_bytes_total", &[("l", "1")]), Some(1.0));
    assert!(view.get_sample_value("app_c_bytes_created", &[("l", "1")]).is_some());
    assert_eq!(view.get_sample_value("c_bytes_total", &[("l", "1")]), None);
    let twice = view.with_prefix("host_")?;
    assert_eq!(twice.get_sample_value("host_app_g", &[("l", "1")]), Some(4.0));
    assert!(twice.with_prefix("").unwrap_err().is_invalid_name());
    Ok(())
}

#[test]
fn constant_labels_stand_among_the_others() -> Result {
    let view = of_each_type()?.with_labels([("m", "x\"y"), ("a", "0")])?;
    assert_eq!(
        lines(&view),
        [
            "c_bytes_total{a=\"0\",l=\"1\",m=\"x\\\"y\"} 1.0",
            "h_seconds_bucket{a=\"0\",le=\"1.0\",m=\"x\\\"y\",z=\"1\"} 1.0",
            "h_seconds_bucket{a=\"0\",le=\"+Inf\",m=\"x\\\"y\",z=\"1\"} 1.0",
            "h_seconds_count{a=\"0\",m=\"x\\\"y\",z=\"1\"} 1.0",
            "h_seconds_sum{a=\"0\",m=\"x\\\"y\",z=\"1\"} 0.5",
            "h_seconds_bucket{a=\"0\",le=\"1.0\",m=\"x\\\"y\",z=\"a\\\"b\"} 0.0",
            "h_seconds_bucket{a=\"0\",le=\"+Inf\",m=\"x\\\"y\",z=\"a\\\"b\"} 1.0",
            "h_seconds_count{a=\"0\",m=\"x\\\"y\",z=\"a\\\"b\"} 1.0",
            "h_seconds_sum{a=\"0\",m=\"x\\\"y\",z=\"a\\\"b\"} 2.0",
            "s_count{a=\"0\",l=\"1\",m=\"x\\\"y\"} 1.0",
            "s_sum{a=\"0\",l=\"1\",m=\"x\\\"y\"} 3.0",
            "i_info{a=\"0\",l=\"1\",m=\"x\\\"y\",version=\"2\"} 1.0",
            "e{a=\"0\",e=\"on\",f=\"1\",m=\"x\\\"y\"} 0.0",
            "e{a=\"0\",e=\"off\",f=\"1\",m=\"x\\\"y\"} 1.0",
            "g{a=\"0\",l=\"1\",m=\"x\\\"y\"} 4.0",
        ]
    );
    let labels = [("a", "0"), ("l", "1"), ("m", "x\"y")];
    assert_eq!(view.get_sample_value("g", &labels), Some(4.0));
    assert!(view.get_sample_value("s_created", &labels).is_some());
    Ok(())
}

#[test]
fn constant_labels_clash_with_none_of_a_series() -> Result {
    let registry = CollectorRegistry::new();
    let view = |name: &str| registry.with_labels([(name, "x")]);
    assert!(view("__a").unwrap_err().is_invalid_label());
    assert!(registry.with_labels([("a", "1"), ("a", "2")]).unwrap_err().is_duplicate());
    assert!(view("a")?.with_labels([("a", "2")]).unwrap_err().is_duplicate());
    let encode = |name: &str| exposition::text::encode(&view(name)?);
    let refused = |name: &str| {
        let error = encode(name).expect_err("two labels of one name");
        std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string)
    };
    let id = registry.register(Arc::new(Histogram::builder("h", "h").build()?))?;
    assert_eq!(refused("le"), "\"h\" has a label \"le\" of its own");
    assert!(encode("quantile").is_ok());
    registry.unregister(id)?;
    let id = registry.register(Arc::new(Enum::builder("e", "h").states(["a"]).build()?))?;
    assert_eq!(refused("e"), "\"e\" has a label \"e\" of its own");
    registry.unregister(id)?;
    let vec = Gauge::builder("g", "h").labels(["a.b"]).register(&registry)?;
    assert!(encode("a.b").is_ok(), "there is no series yet");
    vec.labels(["1"]);
    assert_eq!(refused("a.b"), "\"g\" has a label \"a.b\" of its own");
    assert_eq!(refused("a_b"), "label names \"a.b\" and \"a_b\" are both \"a_b\" when escaped");
    Ok(())
}

#[test]
fn views_of_one_registry_stand_side_by_side() -> Result {
    let (pools, all) = (CollectorRegistry::new(), CollectorRegistry::new());
    let size = Gauge::builder("size", "h").register(&pools)?;
    all.register(Arc::new(pools.with_prefix("a_")?.with_labels([("x", "1")])?))?;
    all.register(Arc::new(pools.with_prefix("b_")?))?;
    size.set(2);
    assert_eq!(lines(&all), ["a_size{x=\"1\"} 2.0", "b_size 2.0"]);
    let again = all.register(Arc::new(pools.with_prefix("b_")?));
    assert_eq!(again.unwrap_err().duplicates(), ["b_size"]);
    assert_eq!(lines(&all.restricted(["b_size"])), ["b_size 2.0"]);
    Ok(())
}

#[test]
fn many_rows_pass_a_view_unchanged() -> Result {
    let registry = CollectorRegistry::new();
    let vec = Counter::builder("c", "h").labels(["l"]).register(&registry)?;
    (0..1000).for_each(|child| vec.labels((child,)).inc_by(child));
    let expected: Vec<_> = lines(&registry)
        .iter()
        .map(|line| line.replace("c_total{", "p_c_total{a=\"1\","))
        .collect();
    assert_eq!(expected.len(), 1000);
    assert_eq!(lines(&registry.with_prefix("p_")?.with_labels([("a", "1")])?), expected);
    let all = registry.restricted(["c_total"]);
    assert_eq!(lines(&all), lines(&registry));
    let dots = Encoding::new(Format::Text100, EscapingScheme::Dots);
    assert_eq!(exposition::encode(&all, dots)?, exposition::encode(&registry, dots)?);
    Ok(())
}

#[test]
fn a_restricted_view_keeps_quantiles_apart_from_count_and_sum() -> Result {
    let registry = CollectorRegistry::new();
    let ranks = Quantiles::new([0.5])?;
    let sizes = collector_fn(move |scrape| {
        let mut size = SummaryMetricFamily::new("size", "")?;
        size.add_quantiles(NO_LABELS, 3.0, 9.0, &ranks, &[2.0])?;
        scrape.family(&size)
    });
    let desc = Desc::new("size", "", MetricType::Summary)?;
    registry.register(Arc::new(sizes.describing([desc])))?;
    let of = |names: &[&str]| lines(&registry.restricted(names.iter().copied()));
    assert_eq!(of(&["size"]), ["size{quantile=\"0.5\"} 2.0"]);
    assert_eq!(of(&["size_count", "size_sum"]), ["size_count 3.0", "size_sum 9.0"]);
    Ok(())
}
