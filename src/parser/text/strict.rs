//! What the specification asks of a text beyond its grammar.

use super::draft::Draft;
use crate::model::{LabelNames, MetricType, Suffix};
use crate::parser::buckets::Buckets;
use crate::parser::cursor::Cursor;
use crate::parser::error::{ParseError, quoted};
use crate::parser::labels::Label;
use crate::parser::series::{Keys, push_labels};

/// What was read so far, to find what must not be there twice.
#[derive(Debug, Default)]
pub(super) struct Strict {
    families: Keys,
    /// What they are called when they are written again.
    written: Keys,
    // Of the family at hand:
    series: Keys,
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
    pub(super) value: f64,
    /// What the label says that the type adds.
    pub(super) own: Option<f64>,
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
        let (_, is_new) = self.series.add(|key| {
            key.push(sample.suffix as u8);
            push_labels(key, sample.names, sample.labels, None);
        });
        if !is_new {
            return Err(cursor.error_finding(
                sample.at,
                "each series once",
                "a second sample of one".to_owned(),
            ));
        }
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
                buckets.add(bound, value).map_err(|expected| cursor.error_at(sample.at, expected))
            }
            (Suffix::Count, _) => {
                buckets.set_count(value);
                Ok(())
            }
            (Suffix::None, Some(next)) => {
                let ascends = (0.0..=1.0).contains(&next) && *quantile < next;
                *quantile = next;
                if ascends {
                    Ok(())
                } else {
                    Err(cursor.error_at(sample.at, "quantiles that ascend between 0 and 1"))
                }
            }
            _ => Ok(()),
        }
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
        self.buckets.iter().try_for_each(|buckets| {
            buckets.finish().map_err(|(expected, found)| {
                let found = format!("{found} in a series of {}", quoted(&draft.name));
                cursor.error_finding(draft.at, expected, found)
            })
        })
    }
}
