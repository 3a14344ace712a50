//! What an exposition says that the format it is written in does not.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use narthex::model::{EscapingScheme, Family, MetricFamily, MetricType, Sample};

use crate::formats::{Lack, Output};

/// How often something is lost, and the name of the family where it is lost first.
#[derive(Default)]
struct Loss {
    count: usize,
    first: String,
}

/// All that is lost.
pub(crate) struct Losses<'a> {
    format: &'a Output,
    escaping: EscapingScheme,
    losses: BTreeMap<Lack, Loss>,
    /// Names that are written otherwise, and how.
    escaped: BTreeSet<(String, String)>,
}

impl<'a> Losses<'a> {
    /// What is lost of families; the start times of series are not, if they are shown.
    pub(crate) fn of(
        families: &[MetricFamily],
        format: &'a Output,
        escaping: EscapingScheme,
        created: bool,
    ) -> Self {
        let mut losses =
            Self { format, escaping, losses: BTreeMap::new(), escaped: BTreeSet::new() };
        for family in families {
            losses.look_at(family, created);
        }
        losses
    }

    /// A line for each kind of loss.
    pub(crate) fn tell(&self) -> impl Iterator<Item = String> {
        let losses = self.losses.iter().map(|(lack, Loss { count, first })| {
            let (what, becomes) = match lack {
                Lack::States => ("infos or state sets", "become gauges"),
                Lack::GaugeHistograms => ("gauge histograms", "become other types"),
                Lack::Units => ("units", "stand in their families' names alone"),
                Lack::NativeHistograms => {
                    ("native histograms", "show their other buckets, counts and sums alone")
                }
                Lack::Exemplars => ("exemplars", "are left out"),
                Lack::UnstampedExemplars => ("exemplars without a timestamp", "are left out"),
                Lack::StartTimes => ("start times", "are left out; --created shows them as gauges"),
                Lack::Nanoseconds => ("times below a millisecond", "are cut off"),
            };
            format!(
                "{} has no {what}: {count}, the first of {first:?}, {becomes}",
                self.format.name
            )
        });
        let escaped = self.escaped.first().map(|(name, escaped)| {
            let count = self.escaped.len();
            format!("names are escaped: {count}, such as {name:?}, which becomes {escaped:?}")
        });
        losses.chain(escaped)
    }

    fn look_at(&mut self, family: &MetricFamily, created: bool) {
        let desc = family.desc();
        self.look_at_name(desc.name(), self.escaping.metric_name(desc.name()));
        match desc.metric_type() {
            MetricType::Info | MetricType::StateSet => self.note(Lack::States, desc.name()),
            MetricType::GaugeHistogram => self.note(Lack::GaugeHistograms, desc.name()),
            _ => {}
        }
        if desc.unit().is_some() {
            self.note(Lack::Units, desc.name());
        }
        family.for_each_sample(&mut |sample| self.look_at_sample(sample, created));
    }

    fn look_at_sample(&mut self, sample: &Sample<'_>, created: bool) {
        for (name, _) in sample.labels().iter() {
            self.look_at_name(name, self.escaping.label_name(name));
        }
        if sample.native().is_some() {
            self.note(Lack::NativeHistograms, sample.family());
        }
        if let Some(exemplar) = sample.exemplar() {
            self.note(Lack::Exemplars, sample.family());
            if exemplar.timestamp().is_none() {
                self.note(Lack::UnstampedExemplars, sample.family());
            }
        }
        if sample.start().is_some() && !created {
            self.note(Lack::StartTimes, sample.family());
        }
        if sample.timestamp().is_some_and(|time| time.as_nanos() % 1_000_000 != 0) {
            self.note(Lack::Nanoseconds, sample.family());
        }
    }

    fn look_at_name(&mut self, name: &str, escaped: Cow<'_, str>) {
        if escaped != name {
            self.escaped.insert((name.to_owned(), escaped.into_owned()));
        }
    }

    fn note(&mut self, lack: Lack, family: &str) {
        if !self.format.lacks.contains(&lack) {
            return;
        }
        let loss = self.losses.entry(lack).or_default();
        if loss.count == 0 {
            loss.first = family.to_owned();
        }
        loss.count += 1;
    }
}
