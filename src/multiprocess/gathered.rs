//! What the files say, before it is settled what that comes to.

use super::labels::Labels;
use super::mode::GaugeMode;
use crate::model::{Desc, MetricName, Suffix};

/// The label of a histogram's buckets.
pub(crate) const LE: &str = "le";

/// A family, and what the files say of it.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) name: MetricName,
    /// None until a file says of what type it is.
    pub(crate) desc: Option<Desc>,
    /// That of the last file of gauges that tells of the family.
    pub(crate) mode: GaugeMode,
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

/// One entry of one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) series: usize,
    /// The place of the process, if the file is one of gauges.
    pub(crate) pid: Option<usize>,
    pub(crate) value: f64,
    /// In seconds since 1970; 0.0 if it was never set, or is no gauge.
    pub(crate) timestamp: f64,
}
