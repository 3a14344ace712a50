//! Taking some of another family's samples by their suffix.

use super::MetricFamily;
use crate::model::chunk::{Chunk, Columns, RowLabels, ValueColumns, Values};
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
        let whole = match chunk.values() {
            Values::Floats { suffix, .. } => {
                if !kept.contains(&suffix) {
                    return;
                }
                true
            }
            Values::Histograms { .. } | Values::Summaries { .. } => {
                let suffixes = self.desc.metric_type().suffixes();
                suffixes.iter().all(|suffix| *suffix == Suffix::None || kept.contains(suffix))
            }
        };
        if whole {
            self.absorb(&chunk);
            return;
        }
        let desc = self.desc.clone();
        chunk.for_each_sample(&desc, &mut |sample| {
            if kept.contains(&sample.suffix()) {
                self.push_sample(sample);
            }
        });
    }

    fn push_sample(&mut self, sample: &Sample<'_>) {
        let (names, values): (Vec<_>, Vec<_>) = sample.labels().iter().unzip();
        // The names were checked when the family was made, `le` is added by its type.
        let Ok(names) = LabelNames::new(&names) else { return };
        let values: Vec<&str> = values.iter().map(|value| &**value).collect();
        let suffix = sample.suffix();
        let columns = self.columns(
            &names,
            |have| matches!(have, ValueColumns::Floats { suffix: s, .. } if *s == suffix),
            || ValueColumns::Floats { suffix, values: Vec::new() },
        );
        columns.push_float(RowLabels::Raw(&values), sample.value());
        if let Some(timestamp) = sample.timestamp() {
            columns.set_timestamp(timestamp, 1);
        }
        if let Some(exemplar) = sample.exemplar() {
            columns.push_exemplar(columns.rows() - 1, exemplar);
        }
    }
}
