//! Counters: what they add, what they refuse, and how they count errors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use narthex::model::NameValidation;
use narthex::{CollectorRegistry, Counter};

use crate::support::{exemplars, lines, now, openmetrics, panic_of};

#[test]
fn begins_at_zero_and_adds_amounts_of_all_kinds() -> narthex::Result {
    let counter = Counter::builder("jobs", "Done.").build()?;
    assert_eq!(counter.get(), 0.0);
    counter.inc();
    counter.inc_by(2_u8);
    counter.inc_by(3_i64);
    counter.inc_by(4_usize);
    counter.inc_by(0.5_f64);
    counter.inc_by(0.25_f32);
    counter.inc_by(Duration::from_millis(1250));
    counter.inc_by(0);
    counter.inc_by(-0.0);
    // 1 + 2 + 3 + 4 + 0.5 + 0.25 + 1.25
    assert_eq!(counter.get(), 12.0);
    assert_eq!(lines(&counter), ["jobs_total 12.0"]);
    Ok(())
}

#[test]
fn large_amounts_are_added_whole() -> narthex::Result {
    let counter = Counter::builder("bytes", "Sent.").build()?;
    for amount in [u32::MAX as f64, 4_294_967_296.0, 1e15, 0.5] {
        counter.inc_by(amount);
    }
    // 4294967295 + 4294967296 + 1000000000000000 + 0.5
    assert_eq!(counter.get(), 1_000_008_589_934_591.5);
    counter.inc_by(f64::INFINITY);
    counter.inc();
    assert_eq!(counter.get(), f64::INFINITY);
    assert_eq!(lines(&counter), ["bytes_total +Inf"]);
    Ok(())
}

#[test]
fn negative_and_nan_amounts_change_nothing() -> narthex::Result {
    let counter = Counter::builder("jobs", "Done.").build()?;
    counter.inc();
    for amount in [-1.0, -f64::MIN_POSITIVE, f64::NAN, f64::NEG_INFINITY] {
        counter.inc_by(amount);
        counter.inc_by_with_exemplar(amount, &[("id", "1")]);
        let error = counter.try_inc_by(amount).unwrap_err();
        assert!(error.is_invalid_value());
        assert_eq!(error.to_string(), format!("counter \"jobs\" cannot grow by {amount}"));
        assert!(counter.try_inc_by_with_exemplar(amount, &[]).unwrap_err().is_invalid_value());
    }
    assert_eq!(counter.get(), 1.0);
    assert_eq!(exemplars(&counter), []);
    counter.try_inc_by(0.5)?;
    counter.try_inc_by_with_exemplar(1, &[("id", "1")])?;
    assert_eq!(counter.get(), 2.5);
    Ok(())
}

#[test]
fn threads_lose_no_increment_and_never_see_a_step_back() -> narthex::Result {
    let counter = Counter::builder("jobs", "Done.").build()?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0.0;
            while !done.load(Ordering::Relaxed) {
                let total = counter.get();
                assert!(total >= last, "{total} after {last}");
                last = total;
            }
        });
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        counter.inc();
                        counter.inc_by(0.5);
                        counter.inc_by(2);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("a writer");
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("a reader");
    });
    // 4 × 20000 × 3.5
    assert_eq!(counter.get(), 280_000.0);
    Ok(())
}

#[test]
fn a_reset_begins_anew_now() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let before = now();
    let counter = Counter::builder("jobs", "Done.").register(&registry)?;
    counter.inc_by_with_exemplar(7.5, &[("id", "1")]);
    let first = registry.get_sample_value("jobs_created", &[]).expect("a start");
    let between = now();
    assert!((before..=between).contains(&first), "{before} {first} {between}");
    counter.reset();
    assert_eq!(counter.get(), 0.0);
    assert_eq!(exemplars(&counter), []);
    let second = registry.get_sample_value("jobs_created", &[]).expect("a start");
    assert!((between..=now()).contains(&second), "{between} {second}");
    counter.inc();
    assert_eq!(counter.get(), 1.0);
    Ok(())
}

#[test]
fn errors_are_counted_and_handed_on() -> narthex::Result {
    let counter = Counter::builder("errors", "Of any kind.").build()?;
    assert_eq!(counter.count_errors(|| "7".parse::<i32>()), Ok(7));
    assert_eq!(counter.get(), 0.0);
    let error = counter.count_errors(|| "x".parse::<i32>()).unwrap_err();
    assert_eq!(error, "x".parse::<i32>().unwrap_err());
    assert_eq!(counter.get(), 1.0);
    assert_eq!(panic_of(|| counter.count_errors(|| -> Result<(), ()> { panic!("boom") })), "boom");
    assert_eq!(counter.get(), 2.0);
    Ok(())
}

#[test]
fn errors_can_be_picked() -> narthex::Result {
    let counter = Counter::builder("errors", "Worth a look.").build()?;
    let is_bad = |code: &i32| *code >= 500;
    assert_eq!(counter.count_errors_if(|| Err::<(), _>(404), is_bad), Err(404));
    assert_eq!(counter.get(), 0.0);
    assert_eq!(counter.count_errors_if(|| Err::<(), _>(503), is_bad), Err(503));
    assert_eq!(counter.get(), 1.0);
    assert_eq!(counter.count_errors_if(|| Ok::<_, i32>("fine"), is_bad), Ok("fine"));
    assert_eq!(counter.get(), 1.0);
    panic_of(|| counter.count_errors_if(|| -> Result<(), i32> { panic!("boom") }, is_bad));
    assert_eq!(counter.get(), 2.0);
    Ok(())
}

#[test]
fn a_guard_counts_early_returns_and_panics_but_not_success() -> narthex::Result {
    let counter = Counter::builder("errors", "Of any kind.").build()?;
    let work = |text: &str| -> Option<i32> {
        let guard = counter.error_guard();
        let number = text.parse().ok()?;
        assert!(number >= 0, "negative");
        guard.success();
        Some(number)
    };
    assert_eq!(work("7"), Some(7));
    assert_eq!(counter.get(), 0.0);
    assert_eq!(work("x"), None);
    assert_eq!(counter.get(), 1.0);
    assert_eq!(panic_of(|| work("-7")), "negative");
    assert_eq!(counter.get(), 2.0);
    Ok(())
}

#[test]
fn names_are_made_of_parts() -> narthex::Result {
    for (name, unit, family) in [
        ("sent", "bytes", "app_mail_sent_bytes"),
        ("sent_total", "bytes", "app_mail_sent_bytes"),
        ("sent_bytes", "bytes", "app_mail_sent_bytes"),
        ("sent_bytes_total", "bytes", "app_mail_sent_bytes"),
        ("sent", "", "app_mail_sent"),
    ] {
        let builder = Counter::builder(name, "Mail.").namespace("app").subsystem("mail");
        let counter = builder.unit(unit).build()?;
        let unit_line =
            if unit.is_empty() { String::new() } else { format!("# UNIT {family} {unit}\n") };
        assert_eq!(
            openmetrics(&counter),
            format!(
                "# HELP {family} Mail.\n# TYPE {family} counter\n{unit_line}{family}_total 0.0\n# EOF\n"
            )
        );
    }
    Ok(())
}

#[test]
fn bad_names_are_refused_when_the_metric_is_built() {
    let legacy = NameValidation::Legacy;
    assert!(Counter::builder("", "h").build().unwrap_err().is_invalid_name());
    assert!(Counter::builder("", "h").namespace("a").build().unwrap_err().is_invalid_name());
    assert!(Counter::builder("a b", "h").build().is_ok());
    let error = Counter::builder("a b", "h").name_validation(legacy).build().unwrap_err();
    assert!(error.is_invalid_name());
    assert_eq!(
        error.to_string(),
        "metric name \"a b\" is not of the form [a-zA-Z_:][a-zA-Z0-9_:]*"
    );
    let builder = Counter::builder("a", "h").name_validation(legacy).labels(["b.c"]);
    assert!(builder.build().unwrap_err().is_invalid_label());
    let builder = Counter::builder("a", "h").namespace("x y").name_validation(legacy);
    assert!(builder.build().unwrap_err().is_invalid_name());
}
