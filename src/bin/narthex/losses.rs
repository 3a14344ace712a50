//! What an exposition says that the format it is written in does not.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use narthex::model::{
    EscapingScheme, ExemplarRef, Family, MetricFamily, MetricType, Sample, Suffix,
};

use crate::formats::{Lack, Output};
use crate::natives::{labels_of_series, own_label};
use crate::output;

/// How often something is lost, and the name of the family where it is lost first.
#[derive(Default)]
struct Loss {
    count: usize,
    first: String,
}

impl Loss {
    fn add(&mut self, family: &str, count: usize) {
        if self.count == 0 {
            self.first = family.to_owned();
        }
        self.count += count;
    }
}

/// All that is lost.
pub(crate) struct Losses<'a> {
    format: &'a Output,
    escaping: EscapingScheme,
    losses: BTreeMap<Lack, Loss>,
    /// Names that are written otherwise, and how.
    escaped: BTreeSet<(String, String)>,
    /// Families whose samples have other suffixes than readers look for.
    suffixes: Loss,
}

/// What the samples of one series at one time have.
#[derive(Default)]
struct Point {
    has_count: bool,
    has_sum: bool,
    has_start: bool,
    has_native: bool,
    buckets: usize,
    exemplars: Exemplars,
    native_exemplars: Exemplars,
}

#[derive(Default)]
struct Exemplars {
    all: usize,
    without_time: usize,
}

impl<'a> Losses<'a> {
    /// What is lost of families; the start times of series are not, if they are shown.
    pub(crate) fn of(
        families: &[MetricFamily],
        format: &'a Output,
        escaping: EscapingScheme,
        created: bool,
    ) -> Self {
        let mut losses = Self {
            format,
            escaping,
            losses: BTreeMap::new(),
            escaped: BTreeSet::new(),
            suffixes: Loss::default(),
        };
        for family in families {
            losses.look_at(family, created);
        }
        losses
    }

    /// Whether nothing is lost, but the format has to make something up.
    pub(crate) fn only_make_up(&self) -> bool {
        self.losses.keys().eq([&Lack::MissingParts])
    }

    /// How many things of this kind are lost, with a word for them, and of which family the first.
    pub(crate) fn of_kind(&self, lack: Lack) -> Option<(String, &str)> {
        let Loss { count, first } = self.losses.get(&lack)?;
        let (one, many) = match lack {
            Lack::States | Lack::GaugeHistograms | Lack::Units | Lack::EmptyFamilies => {
                ("family", "families")
            }
            Lack::NativeHistograms | Lack::StartTimes | Lack::MissingParts => ("series", "series"),
            Lack::Exemplars
            | Lack::NativeExemplars
            | Lack::UnstampedExemplars
            | Lack::UnstampedNatives => ("exemplar", "exemplars"),
            Lack::Nanoseconds => ("sample", "samples"),
        };
        Some((output::count(*count, one, many), first))
    }

    /// A line for each kind of loss.
    pub(crate) fn tell(&self) -> impl Iterator<Item = String> {
        let losses = self.losses.keys().filter_map(|&lack| {
            let (what, becomes) = match lack {
                Lack::States => ("infos or state sets", "become gauges"),
                Lack::GaugeHistograms => ("gauge histograms", "become other types"),
                Lack::Units => ("units", "have them in their names alone"),
                Lack::NativeHistograms => {
                    ("native histograms", "show their other buckets, counts and sums alone")
                }
                Lack::NativeExemplars => {
                    ("native exemplars beside those of other buckets", "are left out")
                }
                Lack::Exemplars => ("exemplars", "are left out"),
                Lack::UnstampedExemplars => ("exemplars without a timestamp", "are left out"),
                Lack::UnstampedNatives => ("native exemplars without a timestamp", "are left out"),
                Lack::StartTimes => ("start times", "lose theirs; --created shows them as gauges"),
                Lack::MissingParts => (
                    "histograms or summaries without a count or a sum",
                    "gain them: a count of all buckets and a sum of NaN, or 0 in summaries",
                ),
                Lack::EmptyFamilies => ("families without series", "are left out"),
                Lack::Nanoseconds => ("times below a millisecond", "have theirs cut off"),
            };
            let (count, first) = self.of_kind(lack)?;
            Some(format!(
                "{} has no {what}: {count}, the first of {first:?}, {becomes}",
                self.format.name
            ))
        });
        let escaped = self.escaped.first().map(|(name, escaped)| {
            let count = self.escaped.len();
            format!("names are escaped: {count}, such as {name:?}, which becomes {escaped:?}")
        });
        let Loss { count, first } = &self.suffixes;
        let suffixes = (*count > 0).then(|| {
            let count = output::count(*count, "family", "families");
            format!(
                "suffixes are escaped, too: readers may not find the samples of {count}, the first \
                 of {first:?}"
            )
        });
        losses.chain(escaped).chain(suffixes)
    }

    fn look_at(&mut self, family: &MetricFamily, created: bool) {
        let desc = family.desc();
        self.look_at_name(desc.name(), self.escaping.metric_name(desc.name()));
        match desc.metric_type() {
            MetricType::Info | MetricType::StateSet => self.note(Lack::States, desc.name(), 1),
            MetricType::GaugeHistogram => self.note(Lack::GaugeHistograms, desc.name(), 1),
            _ => {}
        }
        if desc.unit().is_some() {
            self.note(Lack::Units, desc.name(), 1);
        }
        self.look_at_suffixes(family);
        let own = own_label(desc.metric_type());
        let mut points = HashMap::<_, Point>::new();
        family.for_each_sample(&mut |sample| {
            self.look_at_sample(sample);
            let time = sample.timestamp().map(|time| time.as_nanos());
            points.entry((labels_of_series(sample, own), time)).or_default().add(sample);
        });
        if points.is_empty() {
            self.note(Lack::EmptyFamilies, desc.name(), 1);
        }
        for point in points.values() {
            self.look_at_point(point, desc.name(), own.is_some(), created);
        }
    }

    /// Whether the escaped name of a sample is not the family's with the suffix behind it.
    fn look_at_suffixes(&mut self, family: &MetricFamily) {
        let desc = family.desc();
        let escaped = self.escaping.metric_name(desc.name());
        // Its family has it, too, where text has one.
        let is_whole =
            |suffix| self.format.is_text() && matches!(suffix, Suffix::Total | Suffix::Info);
        let mut is_changed = false;
        family.for_each_sample(&mut |sample| {
            let name = sample.name();
            let name = self.escaping.metric_name(&name);
            let suffix = name.strip_prefix(&*escaped);
            is_changed |= suffix != Some(sample.suffix().as_str()) && !is_whole(sample.suffix());
        });
        if is_changed && self.format.has_suffixes() {
            self.suffixes.add(desc.name(), 1);
        }
    }

    fn look_at_sample(&mut self, sample: &Sample<'_>) {
        for (name, _) in sample.labels().iter() {
            self.look_at_name(name, self.escaping.label_name(name));
        }
        if sample.timestamp().is_some_and(|time| time.as_nanos() % 1_000_000 != 0) {
            self.note(Lack::Nanoseconds, sample.family(), 1);
        }
    }

    fn look_at_point(&mut self, point: &Point, family: &str, has_parts: bool, created: bool) {
        let Point { exemplars, native_exemplars: natives, .. } = point;
        if point.has_native {
            self.note(Lack::NativeHistograms, family, 1);
        }
        if point.has_start && !created {
            self.note(Lack::StartTimes, family, 1);
        }
        if has_parts && !(point.has_count && point.has_sum) {
            self.note(Lack::MissingParts, family, 1);
        }
        if self.format.lacks.contains(&Lack::Exemplars) {
            return self.note(Lack::Exemplars, family, exemplars.all + natives.all);
        }
        self.note(Lack::UnstampedExemplars, family, exemplars.without_time);
        self.note(Lack::UnstampedNatives, family, natives.without_time);
        if !self.format.has_natives() {
            return self.note(Lack::NativeExemplars, family, natives.all);
        }
        match point.buckets > 1 && exemplars.all > exemplars.without_time {
            true => self.note(Lack::NativeExemplars, family, natives.all),
            false => self.note(Lack::UnstampedExemplars, family, natives.without_time),
        }
    }

    fn look_at_name(&mut self, name: &str, escaped: Cow<'_, str>) {
        if escaped != name {
            self.escaped.insert((name.to_owned(), escaped.into_owned()));
        }
    }

    fn note(&mut self, lack: Lack, family: &str, count: usize) {
        if count == 0 || !self.format.lacks.contains(&lack) {
            return;
        }
        self.losses.entry(lack).or_default().add(family, count);
    }
}

impl Point {
    fn add(&mut self, sample: &Sample<'_>) {
        self.has_count |= matches!(sample.suffix(), Suffix::Count | Suffix::GCount);
        self.has_sum |= matches!(sample.suffix(), Suffix::Sum | Suffix::GSum);
        self.buckets += usize::from(sample.suffix() == Suffix::Bucket);
        self.has_start |= sample.start().is_some();
        if let Some(exemplar) = sample.exemplar() {
            self.exemplars.add(exemplar);
        }
        if let Some(native) = sample.native() {
            self.has_native = true;
            native.exemplars().for_each(|exemplar| self.native_exemplars.add(exemplar));
        }
    }
}

impl Exemplars {
    fn add(&mut self, exemplar: ExemplarRef<'_>) {
        self.all += 1;
        self.without_time += usize::from(exemplar.timestamp().is_none());
    }
}
