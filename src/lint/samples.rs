//! What the numbers of one family can be.

use std::collections::HashSet;

use super::findings::{Findings, Tally};
use super::histograms::Histograms;
use super::naming::shown_name;
use super::rule::Rule;
use super::series::{key, shown};
use crate::model::{Family, MetricType, Sample, Suffix, format_f64};

/// Checks all samples of one family.
pub(super) fn check(family: &dyn Family, findings: &mut Findings) {
    let desc = family.desc();
    let (mut tally, mut seen) = (Tally::default(), HashSet::new());
    let mut histograms = Histograms::of(desc.metric_type());
    family.for_each_sample(&mut |sample| {
        let name = sample.name();
        if !seen.insert((sample.suffix(), key(sample, None))) {
            tally.add(Rule::DuplicateSeries, || {
                format!("the series {} stands more than once", shown(&name, sample, None))
            });
        }
        check_value(desc.metric_type(), sample, &mut tally);
        histograms.add(sample);
    });
    histograms.finish(&mut tally);
    tally.tell(&shown_name(desc), findings);
}

fn check_value(metric_type: MetricType, sample: &Sample<'_>, tally: &mut Tally) {
    let (suffix, value) = (sample.suffix(), sample.value());
    let is_count = matches!(suffix, Suffix::Bucket | Suffix::Count | Suffix::GCount);
    let mut refuse = |rule, why: &str| {
        tally.add(rule, || {
            let series = shown(&sample.name(), sample, None);
            format!("{series} is {}, and {why}", format_f64(value))
        });
    };
    if (is_count || suffix == Suffix::Total) && (value < 0.0 || value.is_nan()) {
        return refuse(Rule::NegativeCounter, "a counter is never below zero");
    }
    match (metric_type, suffix) {
        _ if is_count && value.is_finite() && value.fract() != 0.0 => {
            refuse(Rule::InvalidValue, "a count is whole");
        }
        (MetricType::Info, Suffix::Info) if value != 1.0 => {
            refuse(Rule::InvalidValue, "an info is 1");
        }
        (MetricType::StateSet, Suffix::None) if value != 0.0 && value != 1.0 => {
            refuse(Rule::InvalidValue, "a state is 0 or 1");
        }
        (MetricType::Summary, Suffix::None) => {
            let quantile = sample.labels().get("quantile");
            let number = quantile.and_then(|text| text.parse::<f64>().ok());
            if !number.is_some_and(|number| (0.0..=1.0).contains(&number)) {
                tally.add(Rule::InvalidQuantile, || {
                    let series = shown(&sample.name(), sample, None);
                    format!("the quantile of {series} is not between 0 and 1")
                });
            }
        }
        _ => {}
    }
}
