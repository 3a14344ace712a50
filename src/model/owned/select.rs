//! Taking some of another family's samples by their suffix.

use std::borrow::Cow;

use super::MetricFamily;
use crate::model::chunk::{Chunk, SumPlace, Values, histogram_suffixes};
use crate::model::columns::{Columns, RowLabels};
use crate::model::desc::Suffix;
use crate::model::family::Family;
use crate::model::labels::LabelNames;
use crate::model::sample::Sample;

impl MetricFamily {
    /// Writes down what another family tells now.
    pub fn copy_of(family: &dyn Family) -> Self {
        let mut copy = Self::of(family.desc().clone());
        family.for_each_chunk(&mut |chunk| copy.absorb(chunk));
        copy
    }

    fn absorb(&mut self, chunk: &Chunk<'_>) {
        let mut columns = Columns::floats(LabelNames::none(), Suffix::None);
        columns.copy_from(chunk, None);
        self.parts.push(columns);
    }

    /// Takes the samples of these suffixes; when their series began, if `starts`.
    pub(crate) fn absorb_only(&mut self, chunk: &Chunk<'_>, kept: &[Suffix], starts: bool) {
        let chunk = if starts { *chunk } else { chunk.without_starts() };
        let is_kept = |suffix: Suffix| match suffix {
            Suffix::Created => starts,
            other => kept.contains(&other),
        };
        // The start time of a row is told behind the last of its samples.
        let (whole, last) = match chunk.values() {
            Values::Floats { suffix, .. } => (is_kept(suffix), suffix),
            Values::Histograms { .. } | Values::Summaries { .. } => {
                let suffixes = self.desc.metric_type().suffixes();
                let bare = match chunk.values() {
                    Values::Summaries { quantiles, .. } => quantiles.values().is_empty(),
                    _ => true,
                };
                let whole = suffixes
                    .iter()
                    .all(|&suffix| bare && suffix == Suffix::None || is_kept(suffix));
                let last = match chunk.values() {
                    Values::Histograms { sum_place, .. } if sum_place != SumPlace::Last => {
                        histogram_suffixes(self.desc.metric_type()).0
                    }
                    _ => Suffix::Sum,
                };
                (whole, last)
            }
        };
        if whole {
            self.absorb(&chunk);
            return;
        }
        let desc = self.desc.clone();
        chunk.for_each_sample(&desc, &mut |sample| {
            if is_kept(sample.suffix()) {
                self.push_sample(sample);
            }
            if let Some(start) = sample.start().filter(|_| sample.suffix() == last) {
                self.push_start(sample, start);
            }
        });
    }

    /// Adds the start time of a sample's series as a sample of its own.
    fn push_start(&mut self, sample: &Sample<'_>, start: f64) {
        let own = self.desc.metric_type().reserved_label();
        let (names, values): (Vec<_>, Vec<_>) =
            sample.labels().iter().filter(|(name, _)| Some(*name) != own).unzip();
        self.push_row(&names, &values, Suffix::Created, start);
    }

    fn push_sample(&mut self, sample: &Sample<'_>) {
        let (names, values): (Vec<_>, Vec<_>) = sample.labels().iter().unzip();
        let Some(columns) = self.push_row(&names, &values, sample.suffix(), sample.value()) else {
            return;
        };
        if let Some(timestamp) = sample.timestamp() {
            columns.set_timestamp(timestamp, 1);
        }
        if let Some(exemplar) = sample.exemplar() {
            columns.push_exemplar(columns.rows() - 1, exemplar);
        }
    }

    fn push_row(
        &mut self,
        names: &[&str],
        values: &[Cow<'_, str>],
        suffix: Suffix,
        value: f64,
    ) -> Option<&mut Columns> {
        // The names were checked when the family was made, `le` is added by its type.
        let names = LabelNames::new(names).ok()?;
        let values: Vec<&str> = values.iter().map(|value| &**value).collect();
        let columns = self.float_columns(&names, suffix);
        columns.push_float(RowLabels::Raw(&values), value);
        Some(columns)
    }
}
