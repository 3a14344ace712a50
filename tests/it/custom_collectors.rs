//! Collectors of others: what they yield, how they fail, and what they may do meanwhile.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use narthex::exposition::{self, Encoding};
use narthex::model::{CounterMetricFamily, Desc, GaugeMetricFamily, MetricType};
use narthex::{
    Collector, CollectorRegistry, Counter, Error, FailurePolicy, Gauge, Result, Scrape,
    collector_fn, for_each_family,
};

use crate::support::lines;

/// A gauge of that name and value.
fn gauge(name: &str, value: f64) -> Result<GaugeMetricFamily> {
    let mut family = GaugeMetricFamily::new(name, "h")?;
    family.add_metric([] as [&str; 0], value)?;
    Ok(family)
}

/// A collector that yields gauges of these names, and describes nothing.
fn yielding(names: &'static [&'static str]) -> Arc<dyn Collector> {
    Arc::new(collector_fn(move |scrape| {
        names.iter().try_for_each(|name| scrape.family(&gauge(name, 1.0)?))
    }))
}

fn described(name: &str) -> Result<Desc> {
    Desc::new(name, "h", MetricType::Gauge)
}

#[test]
fn families_are_shown_in_the_order_in_which_they_are_yielded() -> Result {
    let registry = CollectorRegistry::new();
    registry.register(yielding(&["z", "a"]))?;
    registry.register(yielding(&["m"]))?;
    assert_eq!(lines(&registry), ["z 1.0", "a 1.0", "m 1.0"]);
    Ok(())
}

#[test]
fn names_that_are_said_beforehand_are_reserved() -> Result {
    let registry = CollectorRegistry::new();
    let collector = collector_fn(|scrape| scrape.family(&gauge("said", 1.0)?));
    registry.register(Arc::new(collector.describing([described("said")?, described("more")?])))?;
    let taken = Gauge::builder("more", "h").register(&registry).unwrap_err();
    assert_eq!(taken.duplicates(), ["more"]);
    assert_eq!(lines(&registry), ["said 1.0"]);
    let owner = registry.owner_of("more").expect("an owner");
    assert_eq!(owner.describe().len(), 2);
    // One collector cannot take a name twice.
    let twice = collector_fn(|_| Ok(())).describing([described("x")?, described("x")?]);
    assert_eq!(registry.register(Arc::new(twice)).unwrap_err().duplicates(), ["x"]);
    Ok(())
}

#[test]
fn nameless_collectors_are_checked_when_they_are_scraped() -> Result {
    let registry = CollectorRegistry::new();
    let _ = Gauge::builder("taken", "h").register(&registry)?;
    let id = registry.register(yielding(&["fine", "taken"]))?;
    let error = exposition::text::encode(&registry).unwrap_err();
    assert!(error.is_collector());
    let cause = error.source().expect("a cause");
    assert_eq!(cause.to_string(), "family \"taken\" would take names that are taken: taken");
    registry.unregister(id)?;
    // The name is taken though its owner has not been asked yet.
    let first = CollectorRegistry::new();
    first.register(yielding(&["taken"]))?;
    let _ = Gauge::builder("taken", "h").register(&first)?;
    let error = exposition::text::encode(&first).unwrap_err();
    let cause = error.source().expect("a cause");
    assert_eq!(cause.to_string(), "family \"taken\" would take names that are taken: taken");
    // Names that are one on the wire, and names of samples, clash as well.
    let id = registry.register(yielding(&["a.b", "a_b"]))?;
    assert!(exposition::text::encode(&registry).is_err());
    registry.unregister(id)?;
    registry.register(yielding(&["c_total"]))?;
    registry.register(Arc::new(collector_fn(|scrape| {
        let mut family = CounterMetricFamily::new("c", "h")?;
        family.add_metric([] as [&str; 0], 1.0)?;
        scrape.family(&family)
    })))?;
    let error = exposition::text::encode(&registry).unwrap_err();
    let cause = error.source().expect("a cause");
    assert_eq!(cause.to_string(), "family \"c\" would take names that are taken: c_total");
    Ok(())
}

#[test]
fn a_described_family_does_not_lend_its_names_to_another() -> Result {
    let collector = collector_fn(|scrape| {
        let mut family = CounterMetricFamily::new("c", "h")?;
        family.add_metric([] as [&str; 0], 1.0)?;
        scrape.family(&family)?;
        scrape.family(&gauge("c_total", 2.0)?)
    });
    let registry = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
    let described = collector.describing([Desc::new("c", "h", MetricType::Counter)?]);
    registry.register(Arc::new(described))?;
    assert_eq!(lines(&registry), ["c_total 1.0"]);
    Ok(())
}

#[test]
fn two_families_of_one_name_are_an_error() -> Result {
    let twice = |policy| -> Result<CollectorRegistry> {
        let registry = CollectorRegistry::builder().on_failure(policy).build();
        registry.register(yielding(&["a", "twice"]))?;
        registry.register(yielding(&["b", "twice", "never"]))?;
        registry.register(yielding(&["c"]))?;
        Ok(registry)
    };
    let error = exposition::text::encode(&twice(FailurePolicy::Fail)?).unwrap_err();
    assert!(error.is_collector());
    let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>()).expect("a cause");
    assert!(cause.is_duplicate());
    assert_eq!(cause.duplicates(), ["twice"]);
    // Where failures are skipped, the first stays and what followed is left out.
    let lines = lines(&twice(FailurePolicy::Skip)?);
    assert_eq!(lines, ["a 1.0", "twice 1.0", "b 1.0", "c 1.0"]);
    Ok(())
}

#[test]
fn names_can_be_learned_by_collecting() -> Result {
    let registry = CollectorRegistry::builder().auto_describe(true).build();
    registry.register(yielding(&["a", "b"]))?;
    assert_eq!(registry.register(yielding(&["b", "c"])).unwrap_err().duplicates(), ["b"]);
    assert_eq!(lines(&registry), ["a 1.0", "b 1.0"]);
    let _ = Gauge::builder("c", "h").register(&registry)?;
    // One that cannot be collected cannot be registered.
    let failing = collector_fn(|_| Err(Error::collector("unplugged")));
    let error = registry.register(Arc::new(failing)).unwrap_err();
    assert_eq!(error.to_string(), "unplugged");
    let panicking = collector_fn(|_| panic!("unplugged"));
    let error = registry.register(Arc::new(panicking)).unwrap_err();
    assert!(error.is_collector());
    assert!(error.to_string().ends_with("panicked: unplugged"), "{error}");
    // One that describes itself is not collected for its names.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let described_one = collector_fn(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    registry.register(Arc::new(described_one.describing([described("d")?])))?;
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    Ok(())
}

/// Yields `name`, and then fails, panics, or panics while its second family is written.
fn breaking(name: &'static str, how: &'static str) -> Arc<dyn Collector> {
    let half = Gauge::builder(format!("{name}_half"), "h").labels(["l"]).build().expect("a gauge");
    half.labels(["whole"]).set(1);
    half.labels(["broken"]).set_function(|| panic!("half-way"));
    Arc::new(collector_fn(move |scrape| {
        scrape.family(&gauge(name, 1.0)?)?;
        match how {
            "fails" => Err(Error::collector("unplugged")),
            "panics" => panic!("kicked"),
            _ => half.collect(scrape),
        }
    }))
}

const WAYS: [(&str, &str); 3] =
    [("fails", "unplugged"), ("panics", "panicked: kicked"), ("half", "panicked: half-way")];

#[test]
fn a_failing_collector_fails_the_scrape_with_its_cause() -> Result {
    for (how, cause) in WAYS {
        let registry = CollectorRegistry::new();
        registry.register(yielding(&["a"]))?;
        let breaks = collector_fn(move |scrape| breaking("x", how).collect(scrape));
        registry.register(Arc::new(breaks.describing([described("x")?])))?;
        let mut out = String::from("kept");
        let error =
            exposition::encode_into(&registry, Encoding::default(), None, &mut out).unwrap_err();
        assert!(error.is_collector());
        assert_eq!(error.to_string(), "collector \"x\" failed");
        let said = error.source().expect("a cause").to_string();
        assert!(said.ends_with(cause), "{said}");
        assert_eq!(out, "kept");
        // A look-up in a test passes over it.
        assert_eq!(registry.get_sample_value("a", &[]), Some(1.0));
        assert_eq!(registry.get_sample_value("x", &[]), Some(1.0));
    }
    Ok(())
}

#[test]
fn a_failing_collector_can_be_skipped() -> Result {
    for (how, _) in WAYS {
        let registry = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
        registry.register(yielding(&["a"]))?;
        registry.register(breaking("x", how))?;
        registry.register(yielding(&["b"]))?;
        // What it had finished stays, what it had not does not appear at all.
        assert_eq!(
            exposition::text::encode(&registry)?,
            "# HELP a h\n# TYPE a gauge\na 1.0\n# HELP x h\n# TYPE x gauge\nx 1.0\n\
             # HELP b h\n# TYPE b gauge\nb 1.0\n"
        );
    }
    Ok(())
}

#[test]
fn a_registry_tells_of_itself() -> Result {
    let builder = CollectorRegistry::builder().self_metrics(true);
    let registry = builder.on_failure(FailurePolicy::Skip).build();
    let vec = Counter::builder("c", "h").labels(["l"]).register(&registry)?;
    (0..200).for_each(|child| vec.labels((child,)).inc());
    let failing = collector_fn(|_| Err(Error::collector("unplugged")));
    let id = registry.register(Arc::new(failing.describing([described("broken")?])))?;
    for scrape in 1..=2 {
        let lines = lines(&registry);
        let value = |name: &str| {
            let found = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            found.map(|value| value.parse::<f64>().expect("a number"))
        };
        assert_eq!(value("narthex_registry_collectors"), Some(2.0));
        assert_eq!(value("narthex_registry_families"), Some(1.0));
        assert_eq!(value("narthex_registry_series"), Some(200.0));
        let failures =
            |of: &str| value(&format!("narthex_collector_failures_total{{collector=\"{of}\"}}"));
        assert_eq!(failures("broken"), Some(f64::from(scrape)));
        assert_eq!(failures("c"), Some(0.0));
        let took = value("narthex_collector_duration_seconds{collector=\"c\"}").expect("a time");
        assert!((0.0..60.0).contains(&took));
        let whole = value("narthex_scrape_duration_seconds").expect("a time");
        assert!((took..60.0).contains(&whole));
        assert!(value("narthex_refused_observations_total").is_some());
        assert_eq!(value("narthex_scrape_bytes"), Some(0.0));
    }
    registry.note_bytes(1234);
    assert_eq!(registry.get_sample_value("narthex_scrape_bytes", &[]), Some(1234.0));
    registry.unregister(id)?;
    assert!(!lines(&registry).iter().any(|line| line.contains("broken")));
    // Its names are its own, and it can be asked for them alone.
    let taken = Gauge::builder("narthex_scrape_bytes", "h").register(&registry).unwrap_err();
    assert_eq!(taken.duplicates(), ["narthex_scrape_bytes"]);
    let only = registry.restricted(["narthex_registry_collectors"]);
    assert_eq!(lines(&only), ["narthex_registry_collectors 0.0"]);
    Ok(())
}

#[test]
fn a_registry_forgets_collectors_with_their_registration() -> Result {
    let builder = CollectorRegistry::builder().self_metrics(true);
    let registry = builder.on_failure(FailurePolicy::Skip).build();
    let told = || -> Vec<String> {
        let failures = "narthex_collector_failures_total{";
        lines(&registry).into_iter().filter(|line| line.starts_with(failures)).collect()
    };
    // One leaves while it is asked.
    let (inner, own_id) = (registry.clone(), Arc::new(OnceLock::new()));
    let id = own_id.clone();
    let leaving =
        collector_fn(move |_| id.get().map_or(Ok(()), |id| inner.unregister(*id).map(|_| ())));
    let id = registry.register(Arc::new(leaving.describing([described("leaving")?])))?;
    own_id.set(id).expect("set once");
    assert_eq!(told(), [] as [&str; 0]);
    assert_eq!(told(), [] as [&str; 0]);
    // Two of one type are told of as one, as long as there is one.
    let twin = || collector_fn(|_| Err(Error::collector("unplugged")));
    let first = registry.register(Arc::new(twin()))?;
    let second = registry.register(Arc::new(twin()))?;
    assert!(matches!(&*told(), [line] if line.ends_with(" 2.0")));
    registry.unregister(first)?;
    assert!(matches!(&*told(), [line] if line.ends_with(" 3.0")));
    registry.unregister(second)?;
    assert_eq!(told(), [] as [&str; 0]);
    Ok(())
}

#[test]
fn a_registry_tells_nothing_of_itself_unasked() -> Result {
    assert_eq!(exposition::text::encode(&CollectorRegistry::new())?, "");
    let _ = Gauge::builder("narthex_scrape_bytes", "h").register(&CollectorRegistry::new())?;
    Ok(())
}

#[test]
fn a_collector_may_register_another_meanwhile() -> Result {
    let registry = CollectorRegistry::new();
    let inner = registry.clone();
    registry.register(Arc::new(collector_fn(move |scrape| {
        let late = Gauge::builder("late", "h").get_or_register(&inner)?;
        late.inc();
        let gone = inner.register(Arc::new(Gauge::builder("gone", "h").build()?))?;
        inner.unregister(gone)?;
        inner.set_target_info([("a", "1")])?;
        scrape.family(&gauge("first", 1.0)?)
    })))?;
    // It takes part from the next scrape on.
    assert_eq!(lines(&registry), ["first 1.0"]);
    assert_eq!(lines(&registry), ["target_info{a=\"1\"} 1.0", "first 1.0", "late 2.0"]);
    Ok(())
}

#[test]
fn a_collector_may_look_into_its_own_registry() -> Result {
    for policy in [FailurePolicy::Fail, FailurePolicy::Skip] {
        let registry = CollectorRegistry::builder().on_failure(policy).build();
        let errors = Counter::builder("errors", "h").register(&registry)?;
        let all = Counter::builder("all", "h").register(&registry)?;
        let inner = registry.clone();
        registry.register(Arc::new(collector_fn(move |scrape| {
            let value = |name| inner.get_sample_value(name, &[]).unwrap_or(f64::NAN);
            scrape.family(&gauge("share", value("errors_total") / value("all_total"))?)
        })))?;
        errors.inc_by(1);
        all.inc_by(4);
        assert_eq!(lines(&registry), ["errors_total 1.0", "all_total 4.0", "share 0.25"]);
        assert_eq!(registry.get_sample_value("share", &[]), Some(0.25));
    }
    Ok(())
}

/// Collects a registry from inside of it, in three ways.
fn containing(registry: &CollectorRegistry, way: usize) -> Arc<dyn Collector> {
    let inner = registry.clone();
    Arc::new(collector_fn(move |scrape| match way {
        0 => inner.collect(scrape),
        1 => inner.with_prefix("p_")?.collect(scrape),
        _ => for_each_family(&inner, &mut |family| scrape.family(family)),
    }))
}

#[test]
fn a_registry_that_contains_itself_is_found_out_by_the_scrape() -> Result {
    for way in 0..3 {
        let registry = CollectorRegistry::new();
        registry.register(containing(&registry, way))?;
        registry.register(yielding(&["a"]))?;
        let error = exposition::text::encode(&registry).unwrap_err();
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            said = error.to_string();
            cause = error.source();
        }
        assert!(
            said == "a registry contains itself" || said.ends_with("collects itself"),
            "{way}: {said}"
        );

        let skipping = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
        skipping.register(yielding(&["a"]))?;
        skipping.register(containing(&skipping, way))?;
        skipping.register(yielding(&["b"]))?;
        let lines = lines(&skipping);
        assert_eq!((&*lines[0], &**lines.last().expect("some")), ("a 1.0", "b 1.0"), "{way}");
    }
    Ok(())
}

#[test]
fn two_registries_that_contain_each_other_are_found_out() -> Result {
    let (a, b) = (CollectorRegistry::new(), CollectorRegistry::new());
    a.register(containing(&b, 0))?;
    b.register(containing(&a, 0))?;
    assert!(exposition::text::encode(&a).unwrap_err().is_collector());
    assert!(exposition::text::encode(&b).unwrap_err().is_collector());
    Ok(())
}

#[test]
fn collectors_learn_how_long_they_have() -> Result {
    struct Patient;
    impl Collector for Patient {
        fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
            let left = scrape.deadline().map(|at| at.duration_since(Instant::now()).as_secs_f64());
            scrape.family(&gauge("left", left.unwrap_or(-1.0))?)
        }
    }
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(Patient))?;
    assert_eq!(lines(&registry), ["left -1.0"]);
    let views: [&dyn Collector; 2] = [&registry, &registry.with_prefix("p_")?];
    for view in views {
        let mut out = String::new();
        let deadline = Instant::now() + Duration::from_secs(100);
        exposition::encode_into(view, Encoding::default(), Some(deadline), &mut out)?;
        let left: f64 =
            out.trim_end().rsplit(' ').next().expect("a value").parse().expect("a number");
        assert!((0.1..=100.0).contains(&left), "{left}");
    }
    Ok(())
}

#[test]
fn scrapes_run_at_once() -> Result {
    let registry = CollectorRegistry::builder().self_metrics(true).build();
    let vec = Counter::builder("c", "h").labels(["l"]).register(&registry)?;
    registry.register(yielding(&["g"]))?;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (registry, vec) = (&registry, &vec);
            scope.spawn(move || {
                for _ in 0..50 {
                    vec.labels((thread,)).inc();
                    assert!(lines(registry).contains(&"g 1.0".to_owned()));
                }
            });
        }
    });
    assert_eq!(registry.get_sample_value("c_total", &[("l", "3")]), Some(50.0));
    Ok(())
}
