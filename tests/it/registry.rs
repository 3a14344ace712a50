//! The registry: who owns which names, and what a scrape tells.

use std::sync::Arc;

use narthex::{Collector, CollectorRegistry, Counter, Gauge, Histogram, Info, Summary, exposition};

use crate::support::lines;

fn counter(name: &str) -> narthex::Result<Arc<Counter>> {
    Counter::builder(name, "h").build().map(Arc::new)
}

fn gauge(name: &str) -> narthex::Result<Arc<Gauge>> {
    Gauge::builder(name, "h").build().map(Arc::new)
}

#[test]
fn a_registration_is_whole_or_not_at_all() -> narthex::Result {
    let registry = CollectorRegistry::new();
    registry.register(gauge("c_total")?)?;
    registry.register(gauge("c_created")?)?;
    let error = registry.register(counter("c")?).unwrap_err();
    assert!(error.is_duplicate());
    assert_eq!(error.duplicates(), ["c_created", "c_total"]);
    assert_eq!(
        error.to_string(),
        "collector \"c\" would take names that are taken: c_created, c_total"
    );
    // The free one of its names is still free.
    registry.register(gauge("c")?)?;
    assert_eq!(lines(&registry), ["c_total 0.0", "c_created 0.0", "c 0.0"]);
    Ok(())
}

#[test]
fn every_type_owns_its_samples() -> narthex::Result {
    let histogram = || Histogram::builder("m", "h").build().map(Arc::new);
    let summary = || Summary::builder("m", "h").build().map(Arc::new);
    let clash = |first: Arc<dyn Collector>, second: Arc<dyn Collector>| {
        let registry = CollectorRegistry::new();
        registry.register(first).expect("an empty registry");
        registry.register(second).map_or_else(|error| error.duplicates().to_vec(), |_| Vec::new())
    };
    assert_eq!(clash(histogram()?, summary()?), ["m", "m_count", "m_created", "m_sum"]);
    assert_eq!(clash(histogram()?, gauge("m_bucket")?), ["m_bucket"]);
    assert_eq!(clash(gauge("m")?, counter("m")?), ["m"]);
    assert_eq!(clash(gauge("m_info")?, Arc::new(Info::builder("m", "h").build()?)), ["m_info"]);
    assert_eq!(clash(gauge("m")?, gauge("m_total")?), [""; 0]);
    Ok(())
}

#[test]
fn names_that_are_one_on_the_wire_clash() -> narthex::Result {
    let registry = CollectorRegistry::new();
    registry.register(counter("a.b")?)?;
    assert_eq!(registry.register(gauge("a_b_total")?).unwrap_err().duplicates(), ["a_b_total"]);
    assert_eq!(registry.register(gauge("a b")?).unwrap_err().duplicates(), ["a_b"]);
    assert!(registry.register(gauge("a_b_c")?).is_ok());
    Ok(())
}

#[test]
fn the_order_of_exposition_is_that_of_registration() -> narthex::Result {
    let registry = CollectorRegistry::new();
    for name in ["z", "a", "m"] {
        registry.register(gauge(name)?)?;
    }
    let id = registry.register(gauge("b")?)?;
    registry.register(gauge("c")?)?;
    registry.unregister(id)?;
    registry.register(gauge("b")?)?;
    assert_eq!(lines(&registry), ["z 0.0", "a 0.0", "m 0.0", "c 0.0", "b 0.0"]);
    Ok(())
}

#[test]
fn unregistering_frees_the_names() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let id = registry.register(counter("c")?)?;
    let taken_out = registry.unregister(id)?;
    assert_eq!(taken_out.describe()[0].name(), "c");
    assert_eq!(lines(&registry), [""; 0]);
    let error = registry.unregister(id).map(|_| ()).unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.to_string(), "that collector is not registered here");
    for name in ["c", "c_total", "c_created"] {
        registry.register(gauge(name)?)?;
    }
    // A number is never given twice.
    assert!(registry.unregister(id).is_err());
    Ok(())
}

#[test]
fn a_guard_keeps_a_collector_registered() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let guard = registry.register_guarded(gauge("g")?)?;
    assert_eq!(lines(&registry), ["g 0.0"]);
    assert!(registry.register_guarded(gauge("g")?).is_err());
    assert_eq!(lines(&registry), ["g 0.0"]);
    drop(guard);
    assert_eq!(lines(&registry), [""; 0]);
    let kept = registry.register_guarded(gauge("g")?)?.keep();
    assert_eq!(lines(&registry), ["g 0.0"]);
    registry.unregister(kept)?;
    // Taken out by its number, the guard has nothing left to do, and takes no other's place.
    let guard = registry.register_guarded(gauge("g")?)?;
    registry.unregister(guard.id())?;
    registry.register(gauge("g")?)?;
    drop(guard);
    assert_eq!(lines(&registry), ["g 0.0"]);
    Ok(())
}

#[test]
fn the_same_metric_is_found_again() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let builder = || Counter::builder("c", "h").unit("bytes").labels(["a", "b"]);
    let first = builder().get_or_register(&registry)?;
    let second = builder().get_or_register(&registry)?;
    first.labels(["1", "2"]).inc();
    second.labels(["1", "2"]).inc();
    assert_eq!(lines(&registry), ["c_bytes_total{a=\"1\",b=\"2\"} 2.0"]);
    // Also one that was registered in the ordinary way, and metrics without labels.
    let plain = Histogram::builder("h", "h").buckets([1.0]).register(&registry)?;
    let again = Histogram::builder("h", "h").buckets([1.0, f64::INFINITY]);
    again.get_or_register(&registry)?.observe(0.5);
    assert_eq!(plain.snapshot().count(), 1.0);
    Ok(())
}

#[test]
fn a_different_metric_of_the_same_name_is_an_error() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let _ = Counter::builder("c", "h").labels(["a", "b"]).register(&registry)?;
    let _ = Histogram::builder("h", "h").buckets([1.0]).register(&registry)?;
    let all = ["c", "c_created", "c_total"];
    let of = |error: narthex::Error| error.duplicates().to_vec();
    let builder = || Counter::builder("c", "h");
    assert_eq!(of(builder().get_or_register(&registry).unwrap_err()), all);
    assert_eq!(of(builder().labels(["b", "a"]).get_or_register(&registry).unwrap_err()), all);
    assert_eq!(of(builder().labels(["a"]).get_or_register(&registry).unwrap_err()), all);
    assert_eq!(of(builder().labels_dyn(["a", "b"]).get_or_register(&registry).unwrap_err()), all);
    let other_help = Counter::builder("c", "other").labels(["a", "b"]);
    assert_eq!(of(other_help.get_or_register(&registry).unwrap_err()), all);
    let of_type = Gauge::builder("c", "h").labels(["a", "b"]).get_or_register(&registry);
    assert_eq!(of(of_type.unwrap_err()), ["c"]);
    let buckets = Histogram::builder("h", "h").buckets([2.0]).get_or_register(&registry);
    assert!(buckets.unwrap_err().is_duplicate());
    // The name of a sample is no metric to be found.
    assert!(Gauge::builder("c_total", "h").get_or_register(&registry).unwrap_err().is_duplicate());
    Ok(())
}

#[test]
fn threads_get_or_register_one_metric() -> narthex::Result {
    let registry = CollectorRegistry::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for name in 0..200 {
                    let counter = Counter::builder(format!("c{name}"), "h");
                    counter.get_or_register(&registry).expect("the same metric").inc();
                }
            });
        }
    });
    let lines = lines(&registry);
    assert_eq!(lines.len(), 200);
    assert!(lines.iter().all(|line| line.ends_with(" 4.0")), "{lines:?}");
    Ok(())
}

#[test]
fn samples_are_looked_up_by_name_and_labels() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let value = |name: &str, labels: &[(&str, &str)]| registry.get_sample_value(name, labels);
    let counters = Counter::builder("c", "h").labels(["a", "b"]).register(&registry)?;
    counters.labels(["1", "x\"y\\\n"]).inc_by(3);
    let histogram = Histogram::builder("h", "h").buckets([1.0]).register(&registry)?;
    histogram.observe(0.5);
    histogram.observe(2);
    let _ = Info::builder("i", "h").register(&registry)?;
    // In any order, raw.
    assert_eq!(value("c_total", &[("b", "x\"y\\\n"), ("a", "1")]), Some(3.0));
    assert_eq!(value("c_total", &[("a", "1"), ("b", "x\\\"y\\\\\\n")]), None);
    assert_eq!(value("c_total", &[("a", "1")]), None);
    assert_eq!(value("c_total", &[]), None);
    assert_eq!(value("c", &[("a", "1"), ("b", "x\"y\\\n")]), None);
    assert_eq!(value("h_bucket", &[("le", "1.0")]), Some(1.0));
    assert_eq!(value("h_bucket", &[("le", "+Inf")]), Some(2.0));
    assert_eq!(value("h_bucket", &[]), None);
    assert_eq!(value("h_count", &[]), Some(2.0));
    assert_eq!(value("h_sum", &[]), Some(2.5));
    assert_eq!(value("h", &[]), None);
    assert_eq!(value("i_info", &[]), Some(1.0));
    assert_eq!(value("nothing", &[]), None);
    assert!(value("h_created", &[]).is_some());
    assert!(value("h_created", &[("le", "1.0")]).is_none());
    assert!(value("c_created", &[("a", "1"), ("b", "x\"y\\\n")]).is_some());
    assert!(value("i_created", &[]).is_none());
    Ok(())
}

#[test]
fn the_target_opens_the_scrape() -> narthex::Result {
    let registry = CollectorRegistry::new();
    registry.register(gauge("g")?)?;
    assert_eq!(registry.target_info(), None);
    registry.set_target_info([("b", "x\"y"), ("a", "1")])?;
    let pairs = [("a", "1"), ("b", "x\"y")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(registry.target_info(), Some(pairs.to_vec()));
    assert_eq!(
        exposition::openmetrics::encode(&registry)?,
        "# HELP target Target metadata\n# TYPE target info\n\
         target_info{a=\"1\",b=\"x\\\"y\"} 1.0\n\
         # HELP g h\n# TYPE g gauge\ng 0.0\n# EOF\n"
    );
    assert_eq!(registry.get_sample_value("target_info", &[("a", "1"), ("b", "x\"y")]), Some(1.0));
    // Replaced whole, cleared by nothing.
    registry.set_target_info([("c", "2")])?;
    assert_eq!(lines(&registry), ["target_info{c=\"2\"} 1.0", "g 0.0"]);
    registry.set_target_info([] as [(&str, &str); 0])?;
    assert_eq!(registry.target_info(), None);
    assert_eq!(lines(&registry), ["g 0.0"]);
    registry.set_target_info([] as [(&str, &str); 0])?;
    Ok(())
}

#[test]
fn the_target_owns_its_names_alone() -> narthex::Result {
    let info = || Info::builder("target", "h").build().map(Arc::new);
    let registry = CollectorRegistry::new();
    registry.set_target_info([("a", "1")])?;
    let both = ["target", "target_info"];
    assert_eq!(registry.register(info()?).unwrap_err().duplicates(), both);
    assert_eq!(registry.register(gauge("target_info")?).unwrap_err().duplicates(), ["target_info"]);
    // Python allows it; in OpenMetrics it would be a second family of the name.
    assert_eq!(registry.register(counter("target")?).unwrap_err().duplicates(), ["target"]);
    assert!(registry.owner_of("target_info").is_none());

    let registry = CollectorRegistry::new();
    let id = registry.register(info()?)?;
    let error = registry.set_target_info([("a", "1")]).unwrap_err();
    assert_eq!(error.duplicates(), both);
    assert_eq!(registry.target_info(), None);
    registry.set_target_info([] as [(&str, &str); 0])?;
    registry.unregister(id)?;
    registry.set_target_info([("a", "1")])?;
    registry.set_target_info([] as [(&str, &str); 0])?;
    registry.register(info()?)?;
    Ok(())
}

#[test]
fn bad_facts_about_the_target_are_refused() -> narthex::Result {
    let registry = CollectorRegistry::new();
    registry.set_target_info([("a", "1")])?;
    assert!(registry.set_target_info([("__a", "1")]).unwrap_err().is_invalid_label());
    assert!(registry.set_target_info([("", "1")]).unwrap_err().is_invalid_label());
    assert!(registry.set_target_info([("a", "1"), ("a", "2")]).unwrap_err().is_duplicate());
    assert_eq!(lines(&registry), ["target_info{a=\"1\"} 1.0"]);
    Ok(())
}

#[test]
fn start_times_can_be_switched_off() -> narthex::Result {
    let registry = CollectorRegistry::builder().created_series(false).build();
    let counters = Counter::builder("c", "h").labels(["a"]).register(&registry)?;
    counters.labels(["1"]).inc();
    Histogram::builder("h", "h").buckets([1.0]).register(&registry)?.observe(1);
    Summary::builder("s", "h").register(&registry)?.observe(1);
    let text = exposition::openmetrics::encode(&registry)?;
    assert!(!text.contains("_created"), "{text}");
    assert!(text.contains("c_total{a=\"1\"} 1.0\n"));
    assert_eq!(registry.get_sample_value("c_created", &[("a", "1")]), None);
    // The names are taken all the same.
    assert!(registry.register(gauge("s_created")?).is_err());
    Ok(())
}

#[test]
fn registries_that_are_cloned_are_one() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let other = registry.clone();
    registry.register(gauge("g")?)?;
    assert!(other.register(gauge("g")?).is_err());
    assert_eq!(lines(&other), ["g 0.0"]);
    assert_eq!(format!("{registry:?}"), "CollectorRegistry { collectors: [\"g\"], .. }");
    Ok(())
}

#[test]
fn a_registry_may_hold_another_but_not_itself() -> narthex::Result {
    let (outer, inner) = (CollectorRegistry::new(), CollectorRegistry::new());
    inner.register(gauge("inner")?)?;
    outer.register(gauge("outer")?)?;
    outer.register(Arc::new(inner.clone()))?;
    assert_eq!(lines(&outer), ["outer 0.0", "inner 0.0"]);
    assert_eq!(outer.register(gauge("inner")?).unwrap_err().duplicates(), ["inner"]);
    let refused = |collector: Arc<dyn Collector>, registry: &CollectorRegistry| {
        let error = registry.register(collector).expect_err("it would contain itself");
        assert!(error.is_invalid_value());
        assert_eq!(error.to_string(), "a registry cannot contain itself");
    };
    refused(Arc::new(outer.clone()), &outer);
    refused(Arc::new(outer.clone()), &inner);
    refused(Arc::new(Arc::new(outer.clone())), &inner);
    refused(Arc::new(outer.with_prefix("p_")?), &inner);
    refused(Arc::new(outer.with_labels([("a", "1")])?.with_prefix("p_")?), &inner);
    refused(Arc::new(outer.restricted(["outer"])), &outer);
    assert_eq!(lines(&outer), ["outer 0.0", "inner 0.0"]);
    Ok(())
}

#[test]
fn registering_and_scraping_at_once_loses_nothing() -> narthex::Result {
    let registry = CollectorRegistry::new();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let registry = &registry;
            scope.spawn(move || {
                for round in 0..200 {
                    let name = format!("g_{thread}_{round}");
                    let id =
                        registry.register(gauge(&name).expect("a gauge")).expect("a free name");
                    if round % 2 == 0 {
                        registry.unregister(id).expect("it is there");
                    }
                }
            });
        }
        scope.spawn(|| (0..50).for_each(|_| drop(lines(&registry))));
    });
    assert_eq!(lines(&registry).len(), 300);
    Ok(())
}

#[test]
fn an_error_says_who_has_the_name() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let _ = Histogram::builder("h", "h").register(&registry)?;
    let _ = Gauge::builder("http-requests", "h").register(&registry)?;
    let said = |name: &str| Gauge::builder(name, "h").register(&registry).unwrap_err().to_string();
    assert_eq!(
        said("h_count"),
        "gauge \"h_count\" would take names that are taken: h_count (of \"h\")"
    );
    assert_eq!(
        said("http_requests"),
        "gauge \"http_requests\" would take names that are taken: http_requests (of \"http-requests\")",
    );
    let help = Gauge::builder("http-requests", "other").get_or_register(&registry).unwrap_err();
    assert_eq!(
        help.to_string(),
        "\"http-requests\" is registered already, with the help \"h\", not \"other\"",
    );
    Ok(())
}

#[test]
fn the_global_registry_can_be_read_like_any_other() -> narthex::Result {
    assert!(narthex::exposition::text::encode(&narthex::REGISTRY)?.contains("platform_info"));
    Ok(())
}

#[test]
fn metrics_may_be_used_where_a_panic_is_caught() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let jobs = Counter::builder("jobs", "h").register(&registry)?;
    let replies = Histogram::builder("replies", "h").labels(["code"]).register(&registry)?;
    let panicked = std::panic::catch_unwind(|| {
        jobs.inc();
        replies.labels(["200"]).observe(1);
        assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(2.0), "on purpose");
    });
    assert!(panicked.is_err());
    assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(1.0));
    assert_eq!(registry.get_sample_value("replies_count", &[("code", "200")]), Some(1.0));
    Ok(())
}
