//! How the types of families are told.

use crate::model::{MetricType, Suffix};

/// The field of a metric that the numbers of a counter are in.
pub(super) const COUNTER: u8 = 3;

/// How a type is told: its number, the field of a metric that its numbers are in, and what its
/// names end with.
pub(super) struct Kind {
    pub(super) number: u8,
    pub(super) field: u8,
    pub(super) suffix: Suffix,
}

impl Kind {
    pub(super) fn of(metric_type: MetricType) -> Self {
        let (number, field, suffix) = match metric_type {
            MetricType::Counter => (0, COUNTER, Suffix::Total),
            MetricType::Gauge | MetricType::StateSet => (1, 2, Suffix::None),
            MetricType::Info => (1, 2, Suffix::Info),
            MetricType::Summary => (2, 4, Suffix::None),
            MetricType::Unknown => (3, 5, Suffix::None),
            MetricType::Histogram => (4, 7, Suffix::None),
            MetricType::GaugeHistogram => (5, 7, Suffix::None),
        };
        Self { number, field, suffix }
    }
}
