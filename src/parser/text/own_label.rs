//! The label that a type adds to samples.

use crate::model::{MetricType, Suffix};
use crate::parser::cursor::Cursor;
use crate::parser::error::{ParseError, quoted};
use crate::parser::labels::Braces;
use crate::parser::number::Placed;

/// The bound of a bucket, or the quantile of a summary's own sample; others have no such label.
///
/// # Errors
/// If the label is not there, or says no number.
#[inline]
pub(super) fn read_own_label(
    cursor: &Cursor<'_>,
    at: usize,
    metric_type: MetricType,
    suffix: Suffix,
    braces: &Braces<'_>,
) -> Result<Option<Placed>, ParseError> {
    let own = match (metric_type, suffix) {
        (_, Suffix::Bucket) => "le",
        (MetricType::Summary, Suffix::None) => "quantile",
        _ => return Ok(None),
    };
    let Some(label) = braces.get(own) else {
        return Err(cursor.error_at(at, format!("a sample with the label {own:?}")));
    };
    match label.value.parse::<f64>() {
        Ok(number) if !number.is_nan() => Ok(Some(Placed { number, at: label.value_at() })),
        _ => {
            let expected = format!("a number in the label {own:?}");
            Err(cursor.error_finding(label.value_at(), expected, quoted(&label.value)))
        }
    }
}
