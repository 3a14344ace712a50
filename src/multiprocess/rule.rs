//! How values of one series become one, as Python's merge has it.

use super::exact::two_sum;
use super::mode::GaugeMode;
use crate::cell::mapped::UNTOUCHED;
use crate::model::MetricType;

/// How values of one series become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Last,
    Max,
    Min,
    MostRecent,
    Sum,
}

/// A value, and when it was set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dated {
    pub(crate) value: f64,
    /// In seconds since 1970; 0.0 if it was never set, or is no gauge.
    pub(crate) timestamp: f64,
    /// What rounding took from a sum.
    pub(crate) lost: f64,
    /// Whether some of it was folded, so that the order of files says nothing.
    pub(crate) was_folded: bool,
}

impl Dated {
    /// As a forked child inherits it.
    pub(crate) const UNTOUCHED: Self = Self {
        value: f64::from_bits(UNTOUCHED),
        timestamp: f64::from_bits(UNTOUCHED),
        lost: 0.0,
        was_folded: false,
    };

    /// What a file says.
    pub(crate) fn new(value: f64, timestamp: f64) -> Self {
        Self { value, timestamp, lost: 0.0, was_folded: false }
    }

    /// Whether a forked child has inherited it, and has not touched it yet.
    pub(crate) fn is_untouched(self) -> bool {
        self.value.to_bits() == UNTOUCHED && self.timestamp.to_bits() == UNTOUCHED
    }

    /// The sum of two, as of the time of the first.
    pub(crate) fn plus(self, said: Self) -> Self {
        let (value, lost) = two_sum(self.value, said.value);
        let was_folded = self.was_folded || said.was_folded;
        Self { value, lost: self.lost + said.lost + lost, was_folded, ..self }
    }

    /// The value that is shown: Python's to the last digit, unless some of it was folded.
    pub(crate) fn settled(self) -> Self {
        let exact = Some(self.value + self.lost).filter(|exact| exact.is_finite());
        let value = exact.filter(|_| self.was_folded).unwrap_or(self.value);
        Self { value, lost: 0.0, ..self }
    }
}

impl Rule {
    pub(crate) fn of(metric_type: MetricType, mode: GaugeMode) -> Self {
        if metric_type != MetricType::Gauge {
            return Self::Sum;
        }
        match mode {
            GaugeMode::All | GaugeMode::LiveAll => Self::Last,
            GaugeMode::Min | GaugeMode::LiveMin => Self::Min,
            GaugeMode::Max | GaugeMode::LiveMax => Self::Max,
            GaugeMode::Sum | GaugeMode::LiveSum => Self::Sum,
            GaugeMode::MostRecent | GaugeMode::LiveMostRecent => Self::MostRecent,
        }
    }

    /// Whether each process is shown with its value, if it is known which it is.
    pub(crate) fn tells_processes(metric_type: MetricType, mode: GaugeMode) -> bool {
        metric_type != MetricType::Gauge || Self::of(metric_type, mode) == Self::Last
    }

    /// Whether Python's merge takes no notice of the value, because it was never set.
    pub(crate) fn ignores(self, said: Dated) -> bool {
        self == Self::MostRecent && (said.timestamp.is_nan() || said.timestamp <= 0.0)
    }

    /// What the value so far and the next one come to.
    pub(crate) fn join(self, have: Option<Dated>, said: Dated) -> Dated {
        let Some(have) = have else {
            // A sum begins at 0.0, so that -0.0 does not survive it.
            let value = if self == Self::Sum { 0.0 + said.value } else { said.value };
            return Dated { value, ..said };
        };
        match self {
            Self::Sum => have.plus(said),
            Self::Last => said,
            Self::Max if said.value > have.value => said,
            Self::Min if said.value < have.value => said,
            Self::MostRecent if said.timestamp > have.timestamp => said,
            Self::Max | Self::Min | Self::MostRecent => have,
        }
    }
}
