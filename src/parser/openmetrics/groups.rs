//! What the samples of a family must have in common: metrics stand together, and times ascend.

use crate::model::{LabelNames, MetricType, Suffix, Timestamp};
use crate::parser::buckets::Buckets;
use crate::parser::cursor::Cursor;
use crate::parser::error::ParseError;
use crate::parser::labels::Label;
use crate::parser::number::Placed;
use crate::parser::series::{Keys, push_labels};

/// The metrics of a family so far; a metric's samples differ in nothing but what their type adds.
#[derive(Debug, Default)]
pub(super) struct Groups {
    metrics: Keys,
    // Of the metric at hand:
    current: Option<usize>,
    // Of its samples of one time:
    time: Option<i128>,
    at: usize,
    suffixes: u16,
    members: Keys,
    buckets: Buckets,
    /// How many observations a native histogram has.
    native: Option<Placed>,
    /// Whether one of them was added.
    begun: bool,
}

/// A sample, as far as it is checked.
#[derive(Debug)]
pub(super) struct Checked<'s, 'a> {
    pub(super) at: usize,
    pub(super) suffix: Suffix,
    pub(super) names: &'s LabelNames,
    pub(super) labels: &'s [Label<'a>],
    /// The label that the type adds, and what it says if that is a number.
    pub(super) own: Option<(&'s str, Option<Placed>)>,
    pub(super) value: Placed,
    pub(super) time: Option<Timestamp>,
    pub(super) time_at: usize,
}

/// What becomes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is the first one of its metric and time.
    First,
    /// It belongs to the one before.
    Next,
    /// It was there before at the same time, as happens to times that were cut off.
    Repeated,
}

impl Groups {
    /// Forgets the family at hand.
    pub(super) fn clear(&mut self) {
        self.metrics.clear();
        self.current = None;
        self.begin(None, 0);
    }

    fn begin(&mut self, time: Option<i128>, at: usize) {
        self.time = time;
        self.at = at;
        self.suffixes = 0;
        self.members.clear();
        self.buckets = Buckets::default();
        self.native = None;
        self.begun = false;
    }

    /// Adds a sample to the family at hand.
    ///
    /// # Errors
    /// If it does not fit to those before it.
    pub(super) fn add(
        &mut self,
        cursor: &Cursor<'_>,
        metric_type: MetricType,
        sample: &Checked<'_, '_>,
    ) -> Result<Fate, ParseError> {
        let own = sample.own.map(|(own, _)| own);
        // Which of its labels are an info's facts is not said.
        let is_info = metric_type == MetricType::Info;
        let (metric, is_new) = self.metrics.add(|key| {
            if !is_info {
                push_labels(key, sample.names, sample.labels, own);
            }
        });
        let time = sample.time.map(Timestamp::as_nanos);
        if self.current != Some(metric) {
            if !is_new {
                return Err(cursor.error_at(sample.at, "all samples of a metric together"));
            }
            self.finish(cursor, metric_type)?;
            self.current = Some(metric);
            self.begin(time, sample.at);
        } else if time != self.time {
            self.check_time(cursor, sample, time, is_info)?;
            if !is_info {
                self.finish(cursor, metric_type)?;
                self.begin(time, sample.at);
            }
        }
        if !self.is_first_of_series(sample, is_info, time) {
            return match sample.time {
                Some(_) => Ok(Fate::Repeated),
                None => {
                    let line = cursor.line_of(self.at);
                    let found =
                        format!("a second sample of one, whose metric begins in line {line}");
                    Err(cursor.error_finding(sample.at, "each series once", found))
                }
            };
        }
        match (sample.suffix, sample.own) {
            (Suffix::Bucket, Some((_, Some(bound)))) => {
                self.buckets.add(cursor, bound, sample.value, true)?;
            }
            (Suffix::Count | Suffix::GCount, _) => self.buckets.set_count(sample.value),
            (Suffix::Sum | Suffix::GSum, _) => self.buckets.set_sum(sample.value),
            (Suffix::None, _) if metric_type.has_buckets() => self.native = Some(sample.value),
            _ => {}
        }
        let fate = if self.begun { Fate::Next } else { Fate::First };
        self.begun = true;
        Ok(fate)
    }

    fn check_time(
        &self,
        cursor: &Cursor<'_>,
        sample: &Checked<'_, '_>,
        time: Option<i128>,
        is_info: bool,
    ) -> Result<(), ParseError> {
        let expected = match (self.time, time) {
            (None, Some(_)) => "no timestamp, as the metric's other samples have none",
            (Some(_), None) => "a timestamp, as the metric's other samples have one",
            (last, next) if next < last && !is_info => "a timestamp that is not before the last",
            _ => return Ok(()),
        };
        Err(cursor.error_at(sample.time_at, expected))
    }

    fn is_first_of_series(
        &mut self,
        sample: &Checked<'_, '_>,
        is_info: bool,
        time: Option<i128>,
    ) -> bool {
        let own = sample.own.and_then(|(own, _)| sample.labels.iter().find(|l| l.name == own));
        if own.is_none() && !is_info {
            let bit = 1 << sample.suffix as u16;
            let is_new = self.suffixes & bit == 0;
            self.suffixes |= bit;
            return is_new;
        }
        let (_, is_new) = self.members.add(|key| match own {
            Some(label) => key.extend_from_slice(label.value.as_bytes()),
            None => {
                push_labels(key, sample.names, sample.labels, None);
                key.extend_from_slice(&time.unwrap_or_default().to_ne_bytes());
            }
        });
        is_new
    }

    /// Ends the samples of one metric and time.
    ///
    /// # Errors
    /// If they lack what their type must have.
    pub(super) fn finish(
        &self,
        cursor: &Cursor<'_>,
        metric_type: MetricType,
    ) -> Result<(), ParseError> {
        match metric_type {
            _ if !self.begun => Ok(()),
            MetricType::Counter if self.suffixes & 1 << Suffix::Total as u16 == 0 => {
                let expected = "a total beside the start time";
                Err(cursor.error_finding(self.at, expected, "none".to_owned()))
            }
            MetricType::Histogram | MetricType::GaugeHistogram => {
                let is_gauge = metric_type == MetricType::GaugeHistogram;
                match self.native {
                    Some(_) if self.buckets.is_empty() => return Ok(()),
                    Some(native) => self.buckets.agree(cursor, native)?,
                    None => {}
                }
                self.buckets.finish_pairs(cursor, self.at, is_gauge)
            }
            _ => Ok(()),
        }
    }
}
