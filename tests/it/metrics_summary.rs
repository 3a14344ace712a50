//! Summaries: a count and a sum.

use narthex::{CollectorRegistry, Summary};

use crate::support::{lines, now, panic_of};

#[test]
fn counts_and_sums() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let before = now();
    let summary = Summary::builder("reply", "Sizes.").unit("bytes").register(&registry)?;
    assert_eq!(lines(&registry), ["reply_bytes_count 0.0", "reply_bytes_sum 0.0"]);
    summary.observe(200);
    summary.observe(100.5);
    summary.observe(-0.5);
    assert_eq!((summary.count(), summary.sum()), (3.0, 300.0));
    assert_eq!(lines(&registry), ["reply_bytes_count 3.0", "reply_bytes_sum 300.0"]);
    let start = registry.get_sample_value("reply_bytes_created", &[]).expect("a start");
    assert!((before..=now()).contains(&start));
    assert_eq!(registry.get_sample_value("reply_bytes", &[]), None);
    Ok(())
}

#[test]
fn nan_is_counted_and_makes_the_sum_nan() -> narthex::Result {
    let summary = Summary::builder("s", "h").build()?;
    summary.observe(1);
    summary.observe(f64::NAN);
    assert_eq!(lines(&summary), ["s_count 2.0", "s_sum NaN"]);
    Ok(())
}

#[test]
fn threads_lose_no_observation() -> narthex::Result {
    let summary = Summary::builder("s", "h").build()?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20_000).for_each(|_| summary.observe(0.5)));
        }
    });
    assert_eq!((summary.count(), summary.sum()), (80_000.0, 40_000.0));
    Ok(())
}

#[test]
fn is_split_by_labels() -> narthex::Result {
    let sizes = Summary::builder("s", "h").labels(["z", "a"]).build()?;
    sizes.labels(["1", "2"]).observe(3);
    assert_eq!(lines(&sizes), ["s_count{a=\"2\",z=\"1\"} 1.0", "s_sum{a=\"2\",z=\"1\"} 3.0"]);
    Ok(())
}

#[test]
fn keeps_the_label_quantile_for_itself() {
    let error = Summary::builder("s", "h").labels(["quantile"]).build().unwrap_err();
    assert!(error.is_invalid_label());
    assert_eq!(error.to_string(), "label name \"quantile\" is reserved in summary \"s\"");
    assert!(Summary::builder("s", "h").labels(["le"]).build().is_ok());
}

#[test]
fn times_what_returns_and_what_panics() -> narthex::Result {
    let summary = Summary::builder("s", "h").build()?;
    assert_eq!(summary.time(|| "done"), "done");
    assert_eq!(summary.count(), 1.0);
    assert_eq!(panic_of(|| summary.time(|| panic!("boom"))), "boom");
    assert_eq!(summary.count(), 2.0);
    assert!((0.0..60.0).contains(&summary.sum()));
    Ok(())
}
