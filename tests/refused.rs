//! How many amounts were refused: a number of the whole process, so counted in one of its own.

use narthex::{CollectorRegistry, Counter, Enum, Histogram, States};

struct Other;

impl States for Other {
    const STATES: &'static [&'static str] = &["other"];

    fn index(&self) -> usize {
        0
    }
}

#[test]
fn each_refusal_is_counted_once() -> narthex::Result {
    let registry = CollectorRegistry::builder().self_metrics(true).build();
    let refused = || {
        let total = registry.get_sample_value("narthex_refused_observations_total", &[]);
        total.expect("the registry tells of itself")
    };
    let counter = Counter::builder("c", "h").build()?;
    let histogram = Histogram::builder("h", "h").build()?;
    let states = Enum::builder("e", "h").states(["a"]).build()?;
    let fine: &[(&str, &str)] = &[("id", "1")];
    let bad: &[(&str, &str)] = &[("__id", "1")];
    let mut expected = 0.0;
    let mut check = |what: &str, refusals: f64, act: &dyn Fn()| {
        act();
        expected += refusals;
        assert_eq!(refused(), expected, "{what}");
    };
    check("nothing yet", 0.0, &|| ());
    check("what is allowed", 0.0, &|| {
        counter.inc();
        counter.inc_by(0);
        counter.inc_by(f64::INFINITY);
        counter.inc_with_exemplar(fine);
        counter.inc_with_exemplar(&[]);
        histogram.observe(f64::NAN);
        histogram.observe(-1);
        histogram.observe_with_exemplar(1, fine);
    });
    check("a negative amount", 1.0, &|| counter.inc_by(-1));
    check("no number", 1.0, &|| counter.inc_by(f64::NAN));
    check("a negative amount with a trace", 1.0, &|| counter.inc_by_with_exemplar(-1, fine));
    check("a negative amount with a bad trace", 1.0, &|| counter.inc_by_with_exemplar(-1, bad));
    check("a bad trace", 1.0, &|| counter.inc_with_exemplar(bad));
    check("a bad trace of a bucket", 1.0, &|| histogram.observe_with_exemplar(1, bad));
    check("the twins", 4.0, &|| {
        assert!(counter.try_inc_by(-1).is_err());
        assert!(counter.try_inc_by_with_exemplar(f64::NAN, fine).is_err());
        assert!(counter.try_inc_by_with_exemplar(1, bad).is_err());
        assert!(histogram.try_observe_with_exemplar(1, bad).is_err());
    });
    check("the twins, where all is fine", 0.0, &|| {
        assert!(counter.try_inc_by(1).is_ok());
        assert!(counter.try_inc_by_with_exemplar(1, fine).is_ok());
        assert!(histogram.try_observe_with_exemplar(1, fine).is_ok());
    });
    check("a state of another type", 1.0, &|| states.set(&Other));
    check("a state that returns an error", 0.0, &|| assert!(states.state("other").is_err()));
    Ok(())
}
