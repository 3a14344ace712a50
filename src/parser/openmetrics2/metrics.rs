//! What the samples of a family must have in common: metrics stand together, and times ascend.

use crate::model::{LabelNames, Timestamp};
use crate::parser::cursor::Cursor;
use crate::parser::error::ParseError;
use crate::parser::labels::Label;
use crate::parser::series::{Keys, push_labels};

/// The metrics of a family so far, and the groups that the metrics of a state set form.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    metrics: Keys,
    groups: Keys,
    // Of the metric at hand:
    metric: Option<usize>,
    group: Option<usize>,
    time: Option<i128>,
    at: usize,
}

/// A sample, as far as it is checked.
#[derive(Debug)]
pub(super) struct Checked<'s, 'a> {
    pub(super) at: usize,
    pub(super) names: &'s LabelNames,
    pub(super) labels: &'s [Label<'a>],
    /// Of a state set, the label that has the state.
    pub(super) state: Option<&'s str>,
    pub(super) time: Option<Timestamp>,
    pub(super) time_at: usize,
}

impl Metrics {
    /// Forgets the family at hand.
    pub(super) fn clear(&mut self) {
        self.metrics.clear();
        self.groups.clear();
        (self.metric, self.group) = (None, None);
    }

    /// Adds a sample to the family at hand; says no if there was one of its time.
    ///
    /// # Errors
    /// If it does not fit to those before it.
    pub(super) fn add(
        &mut self,
        cursor: &Cursor<'_>,
        sample: &Checked<'_, '_>,
    ) -> Result<bool, ParseError> {
        let Checked { at, names, labels, state, .. } = *sample;
        let time = sample.time.map(Timestamp::as_nanos);
        let (metric, is_new) = self.metrics.add(|key| push_labels(key, names, labels, None));
        if state.is_some() {
            let (group, is_new) = self.groups.add(|key| push_labels(key, names, labels, state));
            if self.group != Some(group) && !is_new {
                return Err(cursor.error_at(at, "all metrics of a group together"));
            }
            self.group = Some(group);
        }
        if self.metric != Some(metric) {
            if !is_new {
                return Err(cursor.error_at(at, "all samples of a metric together"));
            }
            (self.metric, self.time, self.at) = (Some(metric), time, at);
            return Ok(true);
        }
        let expected = match (self.time, time) {
            (None, None) => {
                let line = cursor.line_of(self.at);
                let found = format!("a second sample of the one in line {line}");
                return Err(cursor.error_finding(at, "each metric once", found));
            }
            (None, Some(_)) => "no timestamp, as the metric's other sample has none",
            (Some(_), None) => "a timestamp, as the metric's other samples have one",
            (last, next) if next < last => "a timestamp that is not before the last",
            (last, next) => {
                self.time = time;
                return Ok(last != next);
            }
        };
        Err(cursor.error_at(sample.time_at, expected))
    }
}
