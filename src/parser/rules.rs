//! What the types of OpenMetrics allow of a single sample.

use super::cursor::Cursor;
use super::error::{ParseError, quoted};
use super::labels::Braces;
use super::number::{Placed, float};
use crate::model::{MetricType, Suffix};

/// The label that a type adds to samples of this suffix; a state set's bears the family's name.
pub(super) fn own_label(metric_type: MetricType, suffix: Suffix, family: &str) -> Option<&str> {
    match (metric_type, suffix) {
        (_, Suffix::Bucket) => Some("le"),
        (MetricType::Summary, Suffix::None) => Some("quantile"),
        (MetricType::StateSet, _) => Some(family),
        _ => None,
    }
}

/// The number that the label says which the type adds, if it says a number.
///
/// # Errors
/// If the label is not there or not what it has to be.
pub(super) fn read_own_label(
    cursor: &Cursor<'_>,
    at: usize,
    metric_type: MetricType,
    own: &str,
    braces: &Braces<'_>,
) -> Result<Option<Placed>, ParseError> {
    let Some(label) = braces.get(own) else {
        let expected = format!("a sample with the label {}", quoted(own));
        return Err(cursor.error_at(at, expected));
    };
    if metric_type == MetricType::StateSet {
        return Ok(None);
    }
    let number = float(&label.value).filter(|number| match metric_type {
        MetricType::Summary => (0.0..=1.0).contains(number),
        _ => !number.is_nan() && (*number != f64::INFINITY || label.value == "+Inf"),
    });
    if let Some(number) = number {
        return Ok(Some(Placed { number, at: label.value_at() }));
    }
    let expected = match metric_type {
        MetricType::Summary => "a quantile between 0 and 1",
        _ => "a bound that is a number or +Inf",
    };
    Err(cursor.error_finding(label.value_at(), expected, quoted(&label.value)))
}

/// Checks the labels of a sample that does not have the one that its type adds to others.
///
/// # Errors
/// If it has that label nevertheless.
pub(super) fn refuse_own_label(
    cursor: &Cursor<'_>,
    metric_type: MetricType,
    braces: &Braces<'_>,
) -> Result<(), ParseError> {
    match metric_type.reserved_label().and_then(|own| braces.get(own)) {
        Some(label) => {
            let expected = format!("no label {} in this sample", quoted(&label.name));
            Err(cursor.error_at(label.at(), expected))
        }
        None => Ok(()),
    }
}

/// Checks a value.
///
/// # Errors
/// What was expected.
pub(super) fn check_value(
    metric_type: MetricType,
    suffix: Suffix,
    value: f64,
) -> Result<(), &'static str> {
    let is_natural = value >= 0.0 && value.is_finite() && value.fract() == 0.0;
    match (metric_type, suffix) {
        (_, Suffix::Bucket | Suffix::Count | Suffix::GCount) if !is_natural => {
            Err("a whole number that is not negative")
        }
        (_, Suffix::Total | Suffix::Sum) if value.is_nan() || value < 0.0 => {
            Err("a number that is not negative")
        }
        (_, Suffix::GSum) if value.is_nan() => Err("a sum that is a number"),
        (MetricType::Summary, Suffix::None) if value < 0.0 => {
            Err("a quantile's value that is not negative")
        }
        (MetricType::Info, _) if value != 1.0 => Err("the value 1 of an info"),
        (MetricType::StateSet, _) if value != 0.0 && value != 1.0 => {
            Err("the value 0 or 1 of a state")
        }
        _ => Ok(()),
    }
}

/// Whether such samples can have exemplars.
pub(super) fn has_exemplars(metric_type: MetricType, suffix: Suffix) -> bool {
    match metric_type {
        MetricType::Counter => suffix == Suffix::Total,
        MetricType::Histogram | MetricType::GaugeHistogram => suffix == Suffix::Bucket,
        _ => false,
    }
}
