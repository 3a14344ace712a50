//! What the files say, before it is settled what that comes to.

use super::labels::Labels;
use super::mode::GaugeMode;
use super::native_sum::NativeSum;
use super::rule::Dated;
use super::side::{NativeSaid, time_of};
use crate::model::{Desc, Exemplar, MetricType, Suffix};

/// What the files say of a family.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// None until a file says of what type it is.
    pub(crate) desc: Option<Desc>,
    /// That of the last file of gauges that tells of the family.
    pub(crate) mode: GaugeMode,
    /// Whether a file of gauges has told of it.
    pub(crate) has_mode: bool,
    /// Whether files differ about its type or its mode.
    pub(crate) types_differ: bool,
    pub(crate) modes_differ: bool,
    /// In the order of the files.
    pub(crate) readings: Vec<Reading>,
}

/// What a key names, in however many files.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) family: usize,
    pub(crate) suffix: Suffix,
    pub(crate) labels: Labels,
    /// The bound in its label `le`, if it has one; NaN if that is no number.
    pub(crate) le: Option<f64>,
}

/// What is noted of a series during a scrape.
#[derive(Debug, Default)]
pub(crate) struct Noted<'s> {
    /// The place of the reading that those of further processes join.
    pub(crate) reading: Option<usize>,
    /// When it began, in seconds since 1970, by what side files say; the earliest counts.
    pub(crate) start: Option<f64>,
    /// The newest one that side files tell of.
    pub(crate) exemplar: Option<&'s Exemplar>,
    /// The exponential buckets that side files tell of.
    pub(crate) native: Option<Box<NativeSum>>,
}

impl<'s> Noted<'s> {
    /// Takes note of when a side file says that it began; NaN if it does not say.
    pub(crate) fn began(&mut self, start: f64) {
        self.start = earliest(self.start, Some(start).filter(|start| !start.is_nan()));
    }

    /// Takes note of the exemplar that a side file has of it.
    pub(crate) fn traced(&mut self, exemplar: Option<&'s Exemplar>) {
        if let Some(exemplar) = exemplar {
            if self.exemplar.is_none_or(|have| time_of(exemplar) > time_of(have)) {
                self.exemplar = Some(exemplar);
            }
        }
    }

    /// Adds the exponential buckets that a side file has of it.
    pub(crate) fn counted(&mut self, native: Option<&NativeSaid>) {
        if let Some(said) = native {
            let sum = self.native.get_or_insert_with(|| Box::new(NativeSum::new(said.limits)));
            sum.add(said, |_| Some(0));
        }
    }
}

/// The earlier of two times, of which either may be unknown.
pub(crate) fn earliest(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// One entry of one file, or what those of several come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) series: usize,
    /// The place of the process, if the file is one of gauges.
    pub(crate) pid: Option<usize>,
    pub(crate) said: Dated,
    /// How many entries it comes from.
    pub(crate) entries: u32,
    /// The place where further entries are added up, so that this is out of date.
    pub(crate) sum: Option<usize>,
}

/// What the entries of a series come to that are added up.
#[derive(Debug)]
pub(crate) struct Sum {
    value: f64,
    lost: f64,
    /// When the series began; NaN if no side file has told.
    pub(crate) start: f64,
    pub(crate) entries: u32,
    was_folded: bool,
    pub(crate) metric_type: MetricType,
    pub(crate) series: usize,
}

impl Sum {
    pub(crate) fn of(said: Dated, entries: u32, metric_type: MetricType, series: usize) -> Self {
        let Dated { value, lost, was_folded, .. } = said;
        Self { value, lost, start: f64::NAN, entries, was_folded, metric_type, series }
    }

    #[inline]
    pub(crate) fn add(&mut self, said: Dated, start: f64) {
        let Dated { value, lost, was_folded, .. } = self.said().plus(said);
        (self.value, self.lost, self.was_folded) = (value, lost, was_folded);
        self.start = self.start.min(start);
        self.entries += 1;
    }

    /// As it is by now; it has no time.
    pub(crate) fn said(&self) -> Dated {
        let &Self { value, lost, was_folded, .. } = self;
        Dated { lost, was_folded, ..Dated::new(value, 0.0) }
    }
}
