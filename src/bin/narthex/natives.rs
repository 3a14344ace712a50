//! The native histograms of a family, each with the count and the sum that stand apart from it.

use std::collections::HashMap;

use narthex::model::{
    BucketSpan, Exemplar, Family, MetricFamily, MetricType, NativeBuckets, NativeHistogramRef,
    Sample, Suffix,
};

/// The labels of a series without the one that its type adds, and a time in nanoseconds.
type Key = (Vec<(String, String)>, Option<i128>);

/// The native histograms of a family, by series.
pub(crate) struct Natives {
    own: Option<&'static str>,
    by_series: HashMap<Key, Native>,
}

#[derive(Default)]
pub(crate) struct Native {
    pub(crate) buckets: Option<Buckets>,
    pub(crate) count: f64,
    pub(crate) sum: f64,
    other_buckets: usize,
    told: bool,
}

/// The buckets of a native histogram, kept until its count and its sum are known.
pub(crate) struct Buckets {
    pub(crate) schema: i8,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: f64,
    pub(crate) positive: Runs,
    pub(crate) negative: Runs,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// Runs of neighbouring buckets, and what is in each.
pub(crate) struct Runs {
    pub(crate) spans: Vec<BucketSpan>,
    pub(crate) counts: Vec<f64>,
}

impl Buckets {
    fn of(histogram: NativeHistogramRef<'_>) -> Self {
        Self {
            schema: histogram.schema(),
            zero_threshold: histogram.zero_threshold(),
            zero_count: histogram.zero_count(),
            positive: Runs::of(histogram.positive()),
            negative: Runs::of(histogram.negative()),
            exemplars: histogram.exemplars().map(|exemplar| exemplar.to_owned()).collect(),
        }
    }
}

impl Runs {
    fn of(buckets: NativeBuckets<'_>) -> Self {
        Self { spans: buckets.spans().to_owned(), counts: buckets.counts().to_owned() }
    }

    /// Of each bucket, how many more it has than the one before.
    pub(crate) fn deltas(&self) -> impl Iterator<Item = f64> {
        let before = std::iter::once(0.0).chain(self.counts.iter().copied());
        self.counts.iter().zip(before).map(|(count, before)| count - before)
    }
}

impl Natives {
    pub(crate) fn of(family: &MetricFamily) -> Self {
        let own = own_label(family.desc().metric_type());
        let mut natives = Self { own, by_series: HashMap::new() };
        let mut has_any = false;
        family.for_each_chunk(&mut |chunk| has_any |= chunk.natives().next().is_some());
        if has_any {
            family.for_each_sample(&mut |sample| natives.add(sample));
            natives.by_series.retain(|_, native| native.buckets.is_some());
        }
        natives
    }

    fn add(&mut self, sample: &Sample<'_>) {
        let native = self.by_series.entry(key(sample, self.own)).or_default();
        match sample.suffix() {
            Suffix::Bucket => native.other_buckets += 1,
            Suffix::Count | Suffix::GCount => native.count = sample.value(),
            Suffix::Sum | Suffix::GSum => native.sum = sample.value(),
            _ => {}
        }
        if let Some(histogram) = sample.native() {
            native.buckets = Some(Buckets::of(histogram));
        }
    }

    /// The native histogram to be told before this sample; and whether the sample is one of a
    /// series that has other buckets as well, or has no native ones.
    pub(crate) fn before(&mut self, sample: &Sample<'_>) -> (Option<&Native>, bool) {
        if self.by_series.is_empty() {
            return (None, true);
        }
        let Some(native) = self.by_series.get_mut(&key(sample, self.own)) else {
            return (None, true);
        };
        let has_others = native.other_buckets > 1;
        let is_first = !native.told;
        native.told = true;
        (is_first.then_some(&*native), has_others)
    }
}

fn key(sample: &Sample<'_>, own: Option<&str>) -> Key {
    (labels_of_series(sample, own), sample.timestamp().map(|time| time.as_nanos()))
}

/// The labels of a sample without the one that the type of its family adds.
pub(crate) fn labels_of_series(sample: &Sample<'_>, own: Option<&str>) -> Vec<(String, String)> {
    let labels = sample.labels().iter().filter(|(name, _)| Some(*name) != own);
    labels.map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
}

/// The label that the type of a family adds to its samples.
pub(crate) fn own_label(metric_type: MetricType) -> Option<&'static str> {
    match metric_type {
        MetricType::GaugeHistogram | MetricType::Histogram => Some("le"),
        MetricType::Summary => Some("quantile"),
        _ => None,
    }
}
