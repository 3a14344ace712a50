//! Makes one value of what many processes say of a series, by the rules of Python's merge.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::gathered::{Gathered, Noted, Reading, Series, earliest};
use super::key::LE;
use super::labels::{Labels, NameLists};
use super::native_sum::NativeSum;
use super::rule::{Dated, Rule};
use super::side::time_of;
use super::windows::Windows;
use crate::cell::NativeReading;
use crate::model::columns::{Columns, RowLabels, ValueColumns};
use crate::model::{
    Bounds, Desc, Exemplar, Family, MetricFamily, MetricType, Quantiles, Suffix, SumPlace,
    format_f64,
};

/// The label that tells processes apart.
pub(crate) const PID: &str = "pid";

/// How families are shown.
#[derive(Clone, Copy)]
pub(crate) struct Show<'a> {
    /// Whether buckets are cumulative and have a count, and what is estimated is shown.
    pub(crate) accumulate: bool,
    pub(crate) windows: &'a Windows,
    /// In seconds since 1970.
    pub(crate) now: f64,
}

/// What the readings of a family come to.
pub(crate) struct Settled {
    pub(crate) family: MetricFamily,
    /// Whether files differ about the buckets of one of its series.
    pub(crate) buckets_differ: bool,
    /// Of how many histograms not all observations are in exponential buckets, but some.
    pub(crate) partly_native: usize,
}

/// The series that share their labels, which are shown together.
#[derive(Debug)]
struct Group<'a> {
    labels: Labels,
    /// In the order in which they were met.
    numbers: Vec<Number<'a>>,
    /// Ascending.
    buckets: Vec<Bucket<'a>>,
    start: Option<f64>,
    native: Option<NativeSum>,
}

#[derive(Debug)]
struct Number<'a> {
    suffix: Suffix,
    said: Option<Dated>,
    exemplar: Option<&'a Exemplar>,
}

#[derive(Debug)]
struct Bucket<'a> {
    bound: f64,
    /// Not cumulative.
    count: f64,
    exemplar: Option<&'a Exemplar>,
    /// How many entries told of it.
    entries: u32,
}

#[derive(Debug, Default)]
struct Groups<'a> {
    list: Vec<Group<'a>>,
    by_labels: HashMap<Labels, usize, RandomState>,
}

impl Groups<'_> {
    fn place(&mut self, labels: Labels) -> usize {
        let list = &mut self.list;
        *self.by_labels.entry(labels).or_insert_with_key(|labels| {
            list.push(Group {
                labels: labels.clone(),
                numbers: Vec::new(),
                buckets: Vec::new(),
                start: None,
                native: None,
            });
            list.len() - 1
        })
    }
}

/// The family that the readings of all files come to.
pub(crate) fn settle(
    desc: Desc,
    gathered: &Gathered,
    series: &[Series],
    noted: &[Noted<'_>],
    pids: &[String],
    names: &mut NameLists,
    show: Show<'_>,
) -> Settled {
    let metric_type = desc.metric_type();
    let rule = Rule::of(metric_type, gathered.mode);
    let tells_pid = Rule::tells_processes(metric_type, gathered.mode);
    let mut labels_of = |reading: &Reading, bucket: bool| {
        let own = &series[reading.series].labels;
        let labels = match reading.pid {
            Some(pid) if tells_pid => names.with(own, PID, &pids[pid]),
            _ if tells_pid => Ok(own.clone()),
            _ => names.without(own, PID),
        };
        labels.and_then(|labels| if bucket { names.without(&labels, LE) } else { Ok(labels) })
    };

    let mut groups = Groups::default();
    let mut bucket_groups = Groups::default();
    let mut places: HashMap<(usize, Option<usize>), usize, RandomState> = HashMap::default();
    for reading in &gathered.readings {
        // A file that comes later may have told of another mode.
        if rule.ignores(reading.said) {
            continue;
        }
        let Series { suffix, le, .. } = &series[reading.series];
        let Noted { start, exemplar, native, .. } = &noted[reading.series];
        let bound = le.filter(|_| metric_type == MetricType::Histogram);
        let target = if bound.is_some() { &mut bucket_groups } else { &mut groups };
        let key = (reading.series, reading.pid.filter(|_| tells_pid));
        let place = match places.get(&key) {
            Some(&place) => place,
            None => {
                // The names were checked, and neither label can clash with one of them.
                let Ok(labels) = labels_of(reading, bound.is_some()) else { continue };
                *places.entry(key).or_insert(target.place(labels))
            }
        };
        let group = &mut target.list[place];
        group.start = earliest(group.start, *start);
        match bound {
            Some(bound) => {
                let count = reading.said.settled().value;
                group.add_to_bucket(bound, count, *exemplar, reading.entries);
            }
            None => {
                let number = group.number(*suffix);
                number.said = Some(rule.join(number.said, reading.said));
                number.exemplar = *exemplar;
                group.add_native(native.as_deref());
            }
        }
    }
    for number in groups.list.iter_mut().flat_map(|group| &mut group.numbers) {
        number.said = number.said.map(Dated::settled);
    }
    for bucket_group in bucket_groups.list {
        let place = groups.place(bucket_group.labels);
        let group = &mut groups.list[place];
        group.buckets = bucket_group.buckets;
        group.start = earliest(group.start, bucket_group.start);
    }

    // In a forked child, the first rows may be those of another thread, and sums come first.
    for group in groups.list.iter_mut().filter(|group| group.native.is_some()) {
        group.numbers.sort_by_key(|number| number.suffix != Suffix::Count);
    }

    let mut family = MetricFamily::of(desc);
    let mut buckets_differ = false;
    for group in &groups.list {
        group.write(&mut family, names, show);
        let mut told = group.buckets.iter().map(|bucket| bucket.entries);
        let first = told.next();
        buckets_differ |= told.any(|entries| Some(entries) != first);
    }
    let is_partly_native = |group: &&Group<'_>| group.native.is_some() && !group.is_wholly_native();
    let partly_native = match metric_type {
        MetricType::Histogram => groups.list.iter().filter(is_partly_native).count(),
        _ => 0,
    };
    Settled { family, buckets_differ, partly_native }
}

impl<'a> Group<'a> {
    fn number(&mut self, suffix: Suffix) -> &mut Number<'a> {
        let place = self.numbers.iter().position(|number| number.suffix == suffix);
        let place = place.unwrap_or_else(|| {
            self.numbers.push(Number { suffix, said: None, exemplar: None });
            self.numbers.len() - 1
        });
        &mut self.numbers[place]
    }

    fn add_native(&mut self, native: Option<&NativeSum>) {
        match (&mut self.native, native) {
            (Some(have), Some(native)) => have.join(native),
            (have, native) => *have = have.take().or(native.cloned()),
        }
    }

    /// Whether exponential buckets have all observations that the others have.
    ///
    /// They lack those of a process that has none, as one of Python's.
    fn is_wholly_native(&self) -> bool {
        let count: f64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        self.native.as_ref().is_some_and(|native| native.total() == count)
    }

    fn add_to_bucket(
        &mut self,
        bound: f64,
        count: f64,
        exemplar: Option<&'a Exemplar>,
        entries: u32,
    ) {
        // Bounds are never NaN; 0.0 and -0.0 are one bound, spelled as it was first.
        let place = self.buckets.partition_point(|have| have.bound < bound);
        match self.buckets.get_mut(place) {
            Some(have) if have.bound == bound => {
                have.count += count;
                have.entries += entries;
                have.exemplar = newest(have.exemplar, exemplar);
            }
            _ => {
                let count = 0.0 + count;
                self.buckets.insert(place, Bucket { bound, count, exemplar, entries });
            }
        }
    }

    fn write(&self, family: &mut MetricFamily, lists: &mut NameLists, show: Show<'_>) {
        let accumulate = show.accumulate;
        let names = lists.names(&self.labels).clone();
        let labels = self.labels.raw();
        let row = RowLabels::Raw(&labels);
        let infinite = self.buckets.last().is_some_and(|last| last.bound == f64::INFINITY);
        match *self.numbers {
            [Number { suffix: Suffix::Sum, said: Some(Dated { value: sum, .. }), .. }]
                if infinite && accumulate =>
            {
                let bounds = || self.buckets.iter().map(|bucket| bucket.bound);
                let columns = family.columns(
                    &names,
                    |have| {
                        matches!(have, ValueColumns::Histograms { bounds: have, .. }
                        if have.values().iter().copied().eq(bounds()))
                    },
                    || ValueColumns::Histograms {
                        bounds: Bounds::from_sorted(bounds().collect()),
                        buckets: Vec::new(),
                        sums: Vec::new(),
                        sum_place: SumPlace::First,
                    },
                );
                columns.push_row(row);
                set_start(columns, self.start);
                let mut slot = 0;
                if let ValueColumns::Histograms { buckets, sums, .. } = &mut columns.values {
                    slot = buckets.len();
                    buckets.extend(self.buckets.iter().map(|bucket| bucket.count));
                    sums.push(sum);
                }
                let native = self.native.as_ref().filter(|_| self.is_wholly_native());
                let native = native.map(NativeSum::reading);
                if let Some(read) = &native {
                    push_native(columns, read);
                }
                let is_alone = native.is_some() && self.buckets.len() == 1;
                for (place, bucket) in self.buckets.iter().enumerate() {
                    match bucket.exemplar {
                        Some(exemplar) if is_alone => {
                            columns.push_native_exemplar(exemplar.as_ref());
                        }
                        Some(exemplar) => columns.push_exemplar(slot + place, exemplar.as_ref()),
                        None => {}
                    }
                }
            }
            [
                Number { suffix: Suffix::Count, said: Some(Dated { value: count, .. }), .. },
                Number { suffix: Suffix::Sum, said: Some(Dated { value: sum, .. }), .. },
            ] if family.desc().metric_type() == MetricType::Summary => {
                let native = self.native.as_ref().filter(|_| accumulate);
                let objectives = native.and_then(|native| native.objectives.as_ref());
                let ranks = objectives.map_or_else(Quantiles::none, |told| told.ranks.clone());
                let series = || {
                    let labels = names.sorted().chain(labels.iter().copied());
                    let labels = labels.map(str::to_owned).collect();
                    (family.desc().name().to_owned(), labels)
                };
                let series = native.map(|native| (native, series()));
                let columns = family.columns(
                    &names,
                    |have| {
                        matches!(have, ValueColumns::Summaries { quantiles, .. }
                        if *quantiles == ranks)
                    },
                    || ValueColumns::summaries(ranks.clone()),
                );
                columns.push_row(row);
                set_start(columns, self.start);
                if let ValueColumns::Summaries { estimates, counts, sums, .. } = &mut columns.values
                {
                    counts.push(count);
                    sums.push(sum);
                    if let Some((native, series)) = series {
                        show.windows.estimate(series, show.now, native, estimates);
                    }
                }
            }
            _ => self.write_singly(family, lists, accumulate),
        }
    }

    /// Writes what has no columns of its own, a row for each sample.
    fn write_singly(&self, family: &mut MetricFamily, lists: &mut NameLists, accumulate: bool) {
        let total: f64 = self.buckets.iter().fold(0.0, |total, bucket| total + bucket.count);
        let counted = accumulate && !self.buckets.is_empty();
        let mut has_count = false;
        let mut start = self.start;
        for number in &self.numbers {
            let Some(Dated { mut value, .. }) = number.said else { continue };
            if counted && number.suffix == Suffix::Count {
                has_count = true;
                value = total;
            }
            let columns = push(family, lists, &self.labels, number.suffix, value);
            set_start(columns, start.take());
            if let Some(exemplar) = number.exemplar.filter(|_| number.suffix == Suffix::Total) {
                columns.push_exemplar(columns.rows() - 1, exemplar.as_ref());
            }
        }
        let mut sum = 0.0;
        for bucket in &self.buckets {
            sum += bucket.count;
            let shown = if accumulate { sum } else { bucket.count };
            if let Ok(labels) = lists.with(&self.labels, LE, &format_f64(bucket.bound)) {
                let columns = push(family, lists, &labels, Suffix::Bucket, shown);
                if let Some(exemplar) = bucket.exemplar {
                    columns.push_exemplar(columns.rows() - 1, exemplar.as_ref());
                }
            }
        }
        if counted && !has_count {
            push(family, lists, &self.labels, Suffix::Count, total);
        }
    }
}

/// The one of two exemplars that was taken later.
fn newest<'a>(one: Option<&'a Exemplar>, other: Option<&'a Exemplar>) -> Option<&'a Exemplar> {
    match (one, other) {
        (Some(one), Some(other)) if time_of(other) <= time_of(one) => Some(one),
        (one, other) => other.or(one),
    }
}

/// Gives the last row exponential buckets.
fn push_native(columns: &mut Columns, read: &NativeReading) {
    let count = |&(index, count): &(i32, u64)| (index, count as f64);
    columns.push_native_buckets(
        columns.rows() - 1,
        read.schema as i8,
        (read.zero_threshold, read.zero_count as f64),
        read.negative.iter().map(count),
        read.positive.iter().map(count),
    );
}

/// Sets when the last row began, if that is known.
fn set_start(columns: &mut Columns, start: Option<f64>) {
    if let Some(start) = start {
        columns.set_start(start);
    }
}

fn push<'a>(
    family: &'a mut MetricFamily,
    lists: &NameLists,
    labels: &Labels,
    suffix: Suffix,
    value: f64,
) -> &'a mut Columns {
    let columns = family.columns(
        lists.names(labels),
        |have| matches!(have, ValueColumns::Floats { suffix: have, .. } if *have == suffix),
        || ValueColumns::Floats { suffix, values: Vec::new() },
    );
    columns.push_float(RowLabels::Raw(&labels.raw()), value);
    columns
}
