//! Start times that a text shows as gauges, put back where they belong.

use std::collections::{HashMap, HashSet};

use narthex::model::{Family, MetricFamily, MetricType, Suffix};

use crate::natives::{labels_of_series, own_label};

/// When each series began, by its labels.
type Starts = HashMap<Vec<(String, String)>, f64>;

/// Families in which gauges such as `jobs_created` are start times of the counter `jobs`.
///
/// One that tells of series which are not there stays as it is.
pub(crate) fn join(families: Vec<MetricFamily>) -> Vec<MetricFamily> {
    let mut starts: HashMap<String, Starts> = families.iter().filter_map(starts_of).collect();
    if starts.is_empty() {
        return families;
    }
    let mut joined = HashSet::new();
    let families: Vec<_> = families
        .into_iter()
        .map(|family| {
            let name = family.desc().name();
            let has_start = family.desc().metric_type().has_start_time();
            let Some(starts) = starts.remove(name).filter(|_| has_start) else { return family };
            let Some(whole) = with_starts(&family, starts) else { return family };
            joined.insert(format!("{name}{}", Suffix::Created.as_str()));
            whole
        })
        .collect();
    let is_told = |family: &MetricFamily| joined.contains(family.desc().name());
    families.into_iter().filter(|family| !is_told(family)).collect()
}

/// The family whose start times this one is, and those.
fn starts_of(family: &MetricFamily) -> Option<(String, Starts)> {
    let desc = family.desc();
    let name = desc.name().strip_suffix(Suffix::Created.as_str())?;
    let mut starts = Starts::new();
    family.for_each_sample(&mut |sample| {
        starts.insert(labels_of_series(sample, None), sample.value());
    });
    (desc.metric_type() == MetricType::Gauge).then(|| (name.to_owned(), starts))
}

/// The family with all of these start times; none if it lacks one of their series.
fn with_starts(family: &MetricFamily, mut starts: Starts) -> Option<MetricFamily> {
    let desc = family.desc();
    let own = own_label(desc.metric_type());
    let name = format!("{}{}", desc.name(), Suffix::Created.as_str());
    let mut whole = MetricFamily::of(desc.clone());
    let mut series = None;
    let mut result = Ok(());
    let mut end = |whole: &mut MetricFamily, series: Option<Vec<(String, String)>>| {
        let Some(labels) = series else { return Ok(()) };
        match starts.remove(&labels) {
            Some(start) => whole.add_sample(&name, labels, start).map(|_| ()),
            None => Ok(()),
        }
    };
    family.for_each_sample(&mut |sample| {
        if result.is_err() {
            return;
        }
        let labels = labels_of_series(sample, own);
        if series.as_ref() != Some(&labels) {
            result = end(&mut whole, series.replace(labels));
        }
        match whole.add_sample(&sample.name(), sample.labels().iter(), sample.value()) {
            Ok(added) => {
                if let Some(time) = sample.timestamp() {
                    added.timestamp(time);
                }
            }
            Err(error) => result = Err(error),
        }
    });
    result.and_then(|()| end(&mut whole, series)).ok()?;
    starts.is_empty().then_some(whole)
}
