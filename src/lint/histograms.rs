//! What the samples of one histogram or summary are to have in common.

use std::collections::HashMap;

use super::findings::Tally;
use super::rule::Rule;
use super::series::{key, shown};
use crate::model::{MetricType, Sample, Suffix, format_f64};

/// The histograms and summaries of a family, as their samples come.
#[derive(Debug)]
pub(super) struct Histograms {
    metric_type: MetricType,
    places: HashMap<String, usize>,
    groups: Vec<Group>,
}

/// What was seen of one of them.
#[derive(Debug)]
struct Group {
    series: String,
    /// Bounds with cumulative counts, in the order of exposition.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
}

impl Histograms {
    pub(super) fn of(metric_type: MetricType) -> Self {
        Self { metric_type, places: HashMap::new(), groups: Vec::new() }
    }

    pub(super) fn add(&mut self, sample: &Sample<'_>) {
        let Some(own) = self.metric_type.reserved_label() else { return };
        let place = *self.places.entry(key(sample, Some(own))).or_insert_with(|| {
            let series = shown(sample.family(), sample, Some(own));
            self.groups.push(Group { series, buckets: Vec::new(), count: None, sum: None });
            self.groups.len() - 1
        });
        let (group, value) = (&mut self.groups[place], sample.value());
        match sample.suffix() {
            Suffix::Bucket => {
                let bound = sample.labels().get("le").and_then(|text| text.parse().ok());
                group.buckets.push((bound.unwrap_or(f64::NAN), value));
            }
            Suffix::Count | Suffix::GCount => group.count = Some(value),
            Suffix::Sum | Suffix::GSum => group.sum = Some(value),
            _ => {}
        }
    }

    pub(super) fn finish(self, tally: &mut Tally) {
        for group in &self.groups {
            if group.sum.is_some() && group.count.is_none() {
                tally
                    .add(Rule::MissingCount, || format!("{} has a sum and no count", group.series));
            }
            if self.metric_type != MetricType::Summary {
                group.check_buckets(tally);
            }
        }
    }
}

impl Group {
    fn check_buckets(&self, tally: &mut Tally) {
        let series = &self.series;
        // Also true if one is no number.
        let ascends = |pair: &&[(f64, f64)]| pair[0].0 < pair[1].0;
        if let Some(pair) = self.buckets.windows(2).find(|pair| !ascends(pair)) {
            let (first, second) = (format_f64(pair[0].0), format_f64(pair[1].0));
            tally.add(Rule::UnsortedBuckets, || {
                format!("{series} has a bucket up to {first} before the one up to {second}")
            });
        }
        let mut sorted = self.buckets.clone();
        sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
        for pair in sorted.windows(2).filter(|pair| pair[1].1 < pair[0].1) {
            tally.add(Rule::FallingBuckets, || {
                let [first, second] = [pair[0], pair[1]];
                let up_to = |(bound, count): (f64, f64)| {
                    format!("{} up to {}", format_f64(count), format_f64(bound))
                };
                format!("{series} has {} and only {}", up_to(first), up_to(second))
            });
        }
        let Some((_, all)) = sorted.iter().find(|(bound, _)| *bound == f64::INFINITY) else {
            tally.add(Rule::MissingInfBucket, || format!("{series} has no bucket up to +Inf"));
            return;
        };
        if let Some(count) = self.count.filter(|count| count != all) {
            let (count, all) = (format_f64(count), format_f64(*all));
            tally.add(Rule::CountMismatch, || {
                format!("{series} has a count of {count}, and its bucket up to +Inf {all}")
            });
        }
    }
}
