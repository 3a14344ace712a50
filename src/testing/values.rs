//! Single numbers of a collector, as Go's `testutil` has them.

use std::collections::HashSet;

use super::mismatch::Mismatch;
use super::series::Series;
use crate::collector::{Collector, for_each_family};
use crate::lint::shown_name;

/// The value of a collector's one and only sample, such as a counter's or a gauge's.
///
/// A metric that is at hand says it by itself, as [`Counter::get`](crate::Counter::get) does, and
/// a registry by [`get_sample_value`](crate::CollectorRegistry::get_sample_value).
///
/// ```
/// use narthex::Counter;
/// use narthex::testing::to_f64;
///
/// let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).build()?;
/// jobs.labels(["mail"]).inc_by(3);
/// assert_eq!(to_f64(&jobs)?, 3.0);
/// jobs.labels(["print"]).inc();
/// assert!(to_f64(&jobs).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// That the collector failed, or that it does not have just one sample.
#[doc(alias = "to_float64")]
pub fn to_f64(collector: &dyn Collector) -> Result<f64, Mismatch> {
    let (mut names, mut value) = (Vec::new(), 0.0);
    for_each_family(collector, &mut |family| {
        family.for_each_sample(&mut |sample| {
            names.push(Series::of(sample).to_string());
            value = sample.value();
        });
        Ok(())
    })?;
    match &*names {
        [_] => Ok(value),
        [] => Err(Mismatch::new("there is no sample, and there should be one")),
        [first, second, ..] => Err(Mismatch::new(format!(
            "there are {} samples, and there should be one: {first}, {second}{}",
            names.len(),
            if names.len() > 2 { ", …" } else { "" }
        ))),
    }
}

/// How many series a collector tells, of the families of these names, or of all if there are none.
///
/// A histogram or a summary with all of its samples is one. A family may have no series yet; one
/// that is not there at all is a mismatch, as its name is misspelt.
///
/// ```
/// use narthex::Histogram;
/// use narthex::testing::collect_and_count;
///
/// let wait = Histogram::builder("wait_seconds", "Before a job.").labels(["queue"]).build()?;
/// wait.labels(["mail"]).observe(0.3);
/// wait.labels(["print"]).observe(0.2);
/// assert_eq!(collect_and_count(&wait, &["wait_seconds"])?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// That the collector failed, or tells no family of one of these names.
#[doc(alias = "gather_and_count")]
pub fn collect_and_count(collector: &dyn Collector, names: &[&str]) -> Result<usize, Mismatch> {
    let (mut seen, mut met) = (HashSet::new(), HashSet::<&str>::new());
    for_each_family(collector, &mut |family| {
        let desc = family.desc();
        let own = desc.metric_type().reserved_label();
        let name = shown_name(desc);
        let asked = names.iter().filter(|asked| [desc.name(), &name].contains(asked));
        let asked: Vec<_> = asked.collect();
        met.extend(asked.iter().copied());
        if names.is_empty() || !asked.is_empty() {
            family.for_each_sample(&mut |sample| {
                seen.insert(Series::beside(sample, &name, own));
            });
        }
        Ok(())
    })?;
    match names.iter().find(|name| !met.contains(*name)) {
        Some(name) => Err(Mismatch::new(format!("no family is named {name:?}"))),
        None => Ok(seen.len()),
    }
}
