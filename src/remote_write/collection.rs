//! What a registry tells at one time, as batches.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::batch::{Batch, Batches, Message};
use super::known::{Known, Marker, Seen, push_label};
use super::message::{
    self, Exemplar, Histogram, Metadata, STALE, Sample, TimeSeries, metadata_type,
};
use super::native;
use crate::collector::{Collector, for_each_family};
use crate::error::Result;
use crate::model::{
    Chunk, Desc, EscapingScheme, ExemplarRef, Family, MetricFamily, MetricType, Suffix, SumPlace,
    Timestamp, Values,
};

/// How series are told.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// The labels of all series that do not have them.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) escaping: EscapingScheme,
    /// Whether native histograms are sent as such.
    pub(super) natives: bool,
    /// How many samples a batch has at most.
    pub(super) most: usize,
}

/// Collects, and knows what it collected last.
#[derive(Debug)]
pub(super) struct Collections {
    manner: Manner,
    known: Known,
    last: i64,
}

impl Collections {
    pub(super) fn new(manner: Manner) -> Self {
        Self { manner, known: Known::default(), last: i64::MIN }
    }

    /// What a collector tells now, and stale markers for the series that it told of the last time
    /// and no longer does.
    ///
    /// Each time is later than the one before, whatever the clock says.
    ///
    /// # Errors
    /// Those of the collector; then there are no batches, and no series has ended.
    pub(super) fn collect(
        &mut self,
        collector: &dyn Collector,
        message: Message,
    ) -> Result<Vec<Batch>> {
        let now = self.tick();
        self.known.begin();
        let mut writer = self.writer(now, message);
        for_each_family(collector, &mut |family| writer.family(family))?;
        writer.end()
    }

    /// Stale markers for all series.
    ///
    /// # Errors
    /// That a batch cannot be packed.
    pub(super) fn end(&mut self, message: Message) -> Result<Vec<Batch>> {
        let now = self.tick();
        self.known.begin();
        self.writer(now, message).end()
    }

    fn writer(&mut self, now: i64, message: Message) -> Writer<'_> {
        let Self { manner, known, .. } = self;
        let batches = Batches::new(message, manner.most);
        Writer { manner, known, now, batches, key: Vec::new() }
    }

    fn tick(&mut self) -> i64 {
        self.last = Timestamp::now().to_millis().max(self.last.saturating_add(1));
        self.last
    }
}

/// Writes the series of one collection.
struct Writer<'a> {
    manner: &'a Manner,
    known: &'a mut Known,
    now: i64,
    batches: Batches,
    key: Vec<u8>,
}

/// What a series has beside its labels.
enum Point {
    Sample(Sample),
    Histogram(Box<Histogram>),
}

impl Writer<'_> {
    fn family(&mut self, family: &dyn Family) -> Result {
        let whole = with_starts(family);
        let family = whole.as_ref().map_or(family, |whole| whole);
        let mut done = Ok(());
        family.for_each_chunk(&mut |chunk| {
            if done.is_ok() {
                done = self.chunk(family.desc(), chunk);
            }
        });
        done
    }

    fn chunk(&mut self, desc: &Desc, chunk: &Chunk<'_>) -> Result {
        let metric_type = metadata_type(desc.metric_type());
        let (per_row, sums, is_endless) = match chunk.values() {
            Values::Histograms { bounds, sums, sum_place, .. } => {
                let width = bounds.values().len();
                (width + 1 + usize::from(sum_place != SumPlace::Absent), sums, width == 1)
            }
            _ => (1, &[][..], false),
        };
        let (mut at, mut done) = (0, Ok(()));
        chunk.for_each_sample(desc, &mut |sample| {
            if done.is_err() {
                return;
            }
            let row = at / per_row;
            at += 1;
            let native = if self.manner.natives { chunk.native(row) } else { None };
            let timestamp = sample.timestamp().map(Timestamp::to_millis);
            let start_timestamp = match sample.start() {
                Some(start) if desc.metric_type().has_start_time() => start_millis(start),
                _ => 0,
            };
            let time = timestamp.unwrap_or(self.now);
            let write = |writer: &mut Self, suffix: Suffix, point, exemplars: &[_]| {
                let name = writer.name(desc, suffix);
                writer.labels(&name, sample.labels().iter());
                let marker = match &point {
                    _ if timestamp.is_some() => Marker::None,
                    Point::Sample(_) => Marker::Sample,
                    Point::Histogram(_) => Marker::Histogram,
                };
                writer.write(desc, marker, metric_type, point, exemplars)
            };
            if let (Some(native), true) = (native, sample.native().is_some()) {
                let totals = native::Totals {
                    count: sample.value(),
                    sum: sums.get(row).copied().unwrap_or(f64::NAN),
                    timestamp: time,
                    start_timestamp,
                    is_gauge: desc.metric_type() == MetricType::GaugeHistogram,
                };
                let histogram = native::histogram(&native, totals);
                let exemplars: Vec<_> = native.exemplars().collect();
                let point = Point::Histogram(Box::new(histogram));
                done = write(self, Suffix::None, point, &exemplars);
            }
            if done.is_ok() && !(native.is_some() && is_endless) {
                let sent = Sample { value: sample.value(), timestamp: time, start_timestamp };
                let exemplar = sample.exemplar();
                done = write(self, sample.suffix(), Point::Sample(sent), exemplar.as_slice());
            }
        });
        done
    }

    fn name(&self, desc: &Desc, suffix: Suffix) -> String {
        let mut name = String::new();
        self.manner.escaping.push_metric_name(&mut name, desc.name(), suffix.as_str());
        name
    }

    /// Fills in what the series at hand is known by: its labels, sorted.
    fn labels<'l>(&mut self, name: &str, own: impl Iterator<Item = (&'l str, Cow<'l, str>)>) {
        let Manner { labels: common, escaping, .. } = self.manner;
        // An empty value is the same as no label.
        let own = own.filter(|(_, value)| !value.is_empty());
        let mut all: Vec<_> = own.map(|(name, value)| (escaping.label_name(name), value)).collect();
        let own = all.len();
        for (name, value) in common {
            if !all[..own].iter().any(|(have, _)| have == name) {
                all.push((Cow::Borrowed(name), Cow::Borrowed(value)));
            }
        }
        all.push((Cow::Borrowed("__name__"), Cow::Borrowed(name)));
        all.sort_unstable();
        self.key.clear();
        for (name, value) in &all {
            push_label(&mut self.key, name, value);
        }
    }

    fn write(
        &mut self,
        desc: &Desc,
        marker: Marker,
        metric_type: i32,
        point: Point,
        exemplars: &[ExemplarRef<'_>],
    ) -> Result {
        let Self { manner, known, now, batches, key } = self;
        let seen = known.see(key, marker, metric_type);
        let exemplars = new_exemplars(exemplars, seen, *now, manner.escaping, batches);
        let mut unit = String::new();
        if let Some(of_desc) = desc.unit() {
            manner.escaping.push_unit(&mut unit, desc.name(), of_desc);
        }
        let metadata = Metadata {
            metric_type,
            help_ref: batches.symbol(desc.help()),
            unit_ref: batches.symbol(&unit),
        };
        let labels_refs = super::known::labels(key)
            .flat_map(|(name, value)| [batches.symbol(name), batches.symbol(value)])
            .collect();
        let (samples, histograms) = match point {
            Point::Sample(sample) => (vec![sample], Vec::new()),
            Point::Histogram(histogram) => (Vec::new(), vec![*histogram]),
        };
        let metadata = Some(metadata);
        batches.push(TimeSeries { labels_refs, samples, histograms, exemplars, metadata })
    }

    /// Ends the collection with what has ended since the last one.
    fn end(self) -> Result<Vec<Batch>> {
        let Self { known, now, mut batches, .. } = self;
        let (value, timestamp) = (f64::from_bits(STALE), now);
        known.end(|labels, seen| {
            let labels = labels.iter();
            let labels_refs = labels
                .flat_map(|(name, value)| [batches.symbol(name), batches.symbol(value)])
                .collect();
            let (samples, histograms) = match seen.marker {
                Marker::Histogram => (Vec::new(), vec![native::stale(timestamp)]),
                _ => (vec![Sample { value, timestamp, start_timestamp: 0 }], Vec::new()),
            };
            let metadata =
                Some(Metadata { metric_type: seen.metric_type, help_ref: 0, unit_ref: 0 });
            let exemplars = Vec::new();
            batches.push(TimeSeries { labels_refs, samples, histograms, exemplars, metadata })
        })?;
        batches.finish()
    }
}

/// The exemplars that are later than what was sent before, in the order of their times.
fn new_exemplars(
    exemplars: &[ExemplarRef<'_>],
    seen: &mut Seen,
    now: i64,
    escaping: EscapingScheme,
    batches: &mut Batches,
) -> Vec<Exemplar> {
    let times = exemplars
        .iter()
        .map(|exemplar| (exemplar.timestamp().map_or(now, Timestamp::to_millis), exemplar));
    let mut new: Vec<_> = times.filter(|(time, _)| *time > seen.last_exemplar).collect();
    new.sort_by(|(one, first), (other, second)| {
        one.cmp(other).then(first.value().total_cmp(&second.value()))
    });
    if let Some((last, _)) = new.last() {
        seen.last_exemplar = *last;
    }
    let sent = new.into_iter().map(|(timestamp, exemplar)| {
        let mut labels: Vec<_> =
            exemplar.labels().map(|(name, value)| (escaping.label_name(name), value)).collect();
        labels.sort_unstable();
        let labels_refs = labels
            .iter()
            .flat_map(|(name, value)| [batches.symbol(name), batches.symbol(value)])
            .collect();
        message::Exemplar { labels_refs, value: exemplar.value(), timestamp }
    });
    sent.collect()
}

/// The same family, if its start times were told as samples of their own: so they are not sent.
fn with_starts(family: &dyn Family) -> Option<MetricFamily> {
    let mut apart = false;
    family.for_each_chunk(&mut |chunk| {
        apart |= matches!(chunk.values(), Values::Floats { suffix: Suffix::Created, .. });
    });
    match family.desc().metric_type() {
        _ if !apart => None,
        MetricType::Counter => Some(MetricFamily::started(family)),
        _ => MetricFamily::grouped(family),
    }
}

/// A start time as it is sent: 0 would be none.
fn start_millis(seconds: f64) -> i64 {
    match (seconds * 1000.0).round() as i64 {
        0 => 1,
        millis => millis,
    }
}

fn metadata_type(metric_type: MetricType) -> i32 {
    match metric_type {
        MetricType::Counter => metadata_type::COUNTER,
        MetricType::Gauge => metadata_type::GAUGE,
        MetricType::GaugeHistogram => metadata_type::GAUGE_HISTOGRAM,
        MetricType::Histogram => metadata_type::HISTOGRAM,
        MetricType::Info => metadata_type::INFO,
        MetricType::StateSet => metadata_type::STATE_SET,
        MetricType::Summary => metadata_type::SUMMARY,
        MetricType::Unknown => 0,
    }
}
