//! Samples that stand apart in the model and are one metric here, such as the quantiles, the
//! count and the sum of a summary.

use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use super::extras::{push_exemplar, push_start, push_timestamp};
use super::histograms::{Bucket, Totals, push_histogram};
use super::wire::{double, lengthy, push_double, push_label, push_message, push_varint, varint};
use crate::exposition::lines::own_label;
use crate::model::{Desc, EscapingScheme, MetricType, Sample, Suffix, Timestamp};

/// The metrics of a family, put together sample by sample; cleared, it keeps its memory.
#[derive(Default)]
pub(super) struct Groups {
    /// The labels of all groups and the exemplars of all samples, as they are written.
    bytes: Vec<u8>,
    groups: Vec<Group>,
    points: Vec<Point>,
    table: HashTable<usize>,
    hasher: RandomState,
    // Of the group that is written:
    buckets: Vec<Bucket>,
    name: String,
}

/// The samples that have the same labels but for `le` or `quantile`, and the same timestamp.
struct Group {
    labels: Range<usize>,
    timestamp: Option<Timestamp>,
    /// The number of a metric that is one number, with its exemplar.
    value: Option<(f64, Range<usize>)>,
    count: Option<f64>,
    sum: Option<f64>,
    start: Option<f64>,
    last_point: Option<usize>,
}

/// A bucket or a quantile.
struct Point {
    /// The one before it in its group.
    before: Option<usize>,
    /// The upper bound, or which quantile it is.
    at: f64,
    value: f64,
    exemplar: Range<usize>,
}

impl Groups {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.groups.clear();
        self.points.clear();
        self.table.clear();
    }

    /// Takes a sample.
    pub(super) fn add(&mut self, desc: &Desc, sample: &Sample<'_>, escaping: EscapingScheme) {
        let own = own_label(desc, sample.suffix());
        let place = self.find(sample, own, escaping);
        let exemplar = self.push_exemplar(desc, sample, escaping);
        let group = &mut self.groups[place];
        group.start = group.start.or(sample.start());
        match sample.suffix() {
            Suffix::Count | Suffix::GCount => group.count = Some(sample.value()),
            Suffix::Sum | Suffix::GSum => group.sum = Some(sample.value()),
            Suffix::Created => group.start = Some(sample.value()),
            _ => match own {
                None => group.value = Some((sample.value(), exemplar)),
                Some(own) => {
                    let at = sample.labels().get(own).and_then(|text| text.parse().ok());
                    let before = group.last_point.replace(self.points.len());
                    let (at, value) = (at.unwrap_or(f64::NAN), sample.value());
                    self.points.push(Point { before, at, value, exemplar });
                }
            },
        }
    }

    /// The group of a sample, which is a new one for the first of its labels.
    fn find(&mut self, sample: &Sample<'_>, own: Option<&str>, escaping: EscapingScheme) -> usize {
        let Self { bytes, groups, table, hasher, name, .. } = self;
        let from = bytes.len();
        for (label, value) in sample.labels().iter().filter(|(label, _)| Some(*label) != own) {
            name.clear();
            escaping.push_label_name(name, label);
            push_label(bytes, name, &value);
        }
        let (labels, timestamp) = (from..bytes.len(), sample.timestamp());
        let is_same = |group: &Group| {
            bytes[group.labels.clone()] == bytes[labels.clone()] && group.timestamp == timestamp
        };
        let slot = table.entry(
            hasher.hash_one(&bytes[labels.clone()]),
            |&place| is_same(&groups[place]),
            |&place| hasher.hash_one(&bytes[groups[place].labels.clone()]),
        );
        match slot {
            Slot::Occupied(slot) => {
                let place = *slot.get();
                bytes.truncate(from);
                place
            }
            Slot::Vacant(slot) => {
                let place = *slot.insert(groups.len()).get();
                let (value, count, sum, start) = (None, None, None, None);
                let last_point = None;
                groups.push(Group { labels, timestamp, value, count, sum, start, last_point });
                place
            }
        }
    }

    /// Keeps the exemplar of a sample as it is written; says where.
    fn push_exemplar(
        &mut self,
        desc: &Desc,
        sample: &Sample<'_>,
        escaping: EscapingScheme,
    ) -> Range<usize> {
        let from = self.bytes.len();
        if let Some(exemplar) = sample.exemplar() {
            let field = if desc.metric_type() == MetricType::Counter { 2 } else { 3 };
            push_exemplar(&mut self.bytes, lengthy(field), exemplar, escaping);
        }
        from..self.bytes.len()
    }

    /// Appends all metrics, those with nothing but a start time left out; `after_each` is called
    /// behind every one.
    pub(super) fn write(
        &mut self,
        desc: &Desc,
        field: u8,
        starts: bool,
        out: &mut Vec<u8>,
        mut after_each: impl FnMut(&mut Vec<u8>),
    ) {
        let Self { bytes, groups, points, buckets, .. } = self;
        for group in groups.iter() {
            buckets.clear();
            let mut next = group.last_point;
            while let Some(point) = next.and_then(|place| points.get(place)) {
                let slot = next.unwrap_or_default();
                buckets.push(Bucket { bound: point.at, count: point.value, slot });
                next = point.before;
            }
            buckets.reverse();
            buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
            let start = group.start.filter(|_| starts);
            let sum = group.sum.unwrap_or(f64::NAN);
            let last = buckets.last().map(|bucket| bucket.count);
            let is_nothing = group.count.or(group.sum).or(last).is_none() && group.value.is_none();
            if is_nothing {
                continue;
            }
            push_message(out, lengthy(4), |out| {
                out.extend_from_slice(&bytes[group.labels.clone()]);
                match (&group.value, desc.metric_type()) {
                    (Some((value, exemplar)), _) => {
                        push_message(out, lengthy(field), |out| {
                            push_double(out, double(1), *value);
                            out.extend_from_slice(&bytes[exemplar.clone()]);
                            push_start(out, lengthy(3), start);
                        });
                        push_timestamp(out, group.timestamp);
                    }
                    (None, MetricType::Summary) => {
                        push_message(out, lengthy(field), |out| {
                            out.push(varint(1));
                            push_varint(out, group.count.unwrap_or_default() as u64);
                            push_double(out, double(2), sum);
                            for quantile in buckets.iter() {
                                push_message(out, lengthy(3), |out| {
                                    push_double(out, double(1), quantile.bound);
                                    push_double(out, double(2), quantile.count);
                                });
                            }
                            push_start(out, lengthy(4), start);
                        });
                        push_timestamp(out, group.timestamp);
                    }
                    (None, _) => {
                        push_timestamp(out, group.timestamp);
                        let count = group.count.or(last).unwrap_or_default();
                        push_histogram(out, buckets, count, Totals { sum, start }, |slot, out| {
                            let exemplar = points.get(slot).map(|point| point.exemplar.clone());
                            out.extend_from_slice(&bytes[exemplar.unwrap_or_default()]);
                        });
                    }
                }
            });
            after_each(out);
        }
    }
}
