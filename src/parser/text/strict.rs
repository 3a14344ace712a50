//! What the specification asks of a text beyond its grammar.

use std::mem;

use super::draft::Draft;
use crate::model::{LabelNames, MetricType, Suffix};
use crate::parser::buckets::Buckets;
use crate::parser::cursor::Cursor;
use crate::parser::error::{ParseError, quoted};
use crate::parser::labels::Label;
use crate::parser::number::{Placed, shown};
use crate::parser::series::{Keys, push_labels};

/// What was read so far, to find what must not be there twice.
#[derive(Debug, Default)]
pub(super) struct Strict {
    families: Keys,
    /// What they are called when they are written again.
    written: Keys,
    // Of the family at hand:
    series: Keys,
    /// Where each of them stands.
    series_at: Vec<usize>,
    groups: Keys,
    buckets: Vec<Buckets>,
    quantiles: Vec<f64>,
}

/// A sample, as far as it is checked.
#[derive(Debug)]
pub(super) struct Checked<'s, 'a> {
    pub(super) at: usize,
    pub(super) suffix: Suffix,
    pub(super) names: &'s LabelNames,
    pub(super) labels: &'s [Label<'a>],
    pub(super) value: Placed,
    /// What the label says that the type adds.
    pub(super) own: Option<Placed>,
}

impl Strict {
    /// Begins a family.
    ///
    /// # Errors
    /// If there was one of that name.
    pub(super) fn begin(
        &mut self,
        cursor: &Cursor<'_>,
        draft: &Draft<'_>,
    ) -> Result<(), ParseError> {
        self.series.clear();
        self.series_at.clear();
        self.groups.clear();
        self.buckets.clear();
        self.quantiles.clear();
        let (_, is_new) = self.families.add(|key| key.extend_from_slice(draft.name.as_bytes()));
        if is_new {
            return Ok(());
        }
        let expected = "all lines of a family together";
        Err(cursor.error_finding(draft.at, expected, format!("{} again", quoted(&draft.name))))
    }

    /// Adds a sample to the family at hand.
    ///
    /// # Errors
    /// If it was there before, or does not fit to those before it.
    pub(super) fn add(
        &mut self,
        cursor: &Cursor<'_>,
        metric_type: MetricType,
        sample: &Checked<'_, '_>,
    ) -> Result<(), ParseError> {
        let (series, is_new) = self.series.add(|key| {
            key.push(sample.suffix as u8);
            push_labels(key, sample.names, sample.labels, None);
        });
        if !is_new {
            let line = cursor.line_of(self.series_at[series]);
            let found = format!("a second sample of the one in line {line}");
            return Err(cursor.error_finding(sample.at, "each series once", found));
        }
        self.series_at.push(sample.at);
        let Some(own) = metric_type.reserved_label() else { return Ok(()) };
        let (group, is_new) =
            self.groups.add(|key| push_labels(key, sample.names, sample.labels, Some(own)));
        if is_new {
            self.buckets.push(Buckets::default());
            self.quantiles.push(f64::NEG_INFINITY);
        }
        let (buckets, quantile) = (&mut self.buckets[group], &mut self.quantiles[group]);
        let value = sample.value;
        match (sample.suffix, sample.own) {
            (Suffix::Bucket, Some(bound)) => {
                return buckets.add(cursor, bound, value, true);
            }
            (Suffix::Count, _) => buckets.set_count(value),
            (Suffix::Sum, _) => buckets.set_sum(value),
            (Suffix::None, Some(next)) => {
                let last = mem::replace(quantile, next.number);
                let expected = if !(0.0..=1.0).contains(&next.number) {
                    "a quantile between 0 and 1".to_owned()
                } else if last >= next.number {
                    format!("a quantile above the last one, {}", shown(last))
                } else {
                    return Ok(());
                };
                return Err(cursor.error_finding(next.at, expected, shown(next.number)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the family at hand.
    ///
    /// # Errors
    /// If it is a histogram that lacks something, or a counter gains another family's name.
    pub(super) fn finish(
        &mut self,
        cursor: &Cursor<'_>,
        draft: &Draft<'_>,
    ) -> Result<(), ParseError> {
        let is_counter = draft.metric_type() == MetricType::Counter;
        let gains = is_counter && !draft.name.ends_with(Suffix::Total.as_str());
        let (_, is_new) = self.written.add(|key| {
            key.extend_from_slice(draft.name.as_bytes());
            key.extend_from_slice(if gains { Suffix::Total.as_str().as_bytes() } else { b"" });
        });
        if !is_new {
            let expected = "a name that no other family has once counters have gained \"_total\"";
            return Err(cursor.error_finding(draft.at, expected, quoted(&draft.name)));
        }
        if draft.metric_type() != MetricType::Histogram {
            return Ok(());
        }
        self.buckets.iter().try_for_each(|buckets| buckets.finish(cursor, draft.at))
    }
}
