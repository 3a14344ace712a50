//! The buckets of a histogram, as a custom collector gives them.

use crate::error::{Error, ErrorKind, Result};
use crate::model::bounds::Bounds;
use crate::model::family::Sealed;
use crate::model::number::format_f64;

/// The upper bound of a bucket: a number, or the text that was read for one.
///
/// A text is shown as it was read.
pub trait BucketBound: Sealed {
    #[doc(hidden)]
    fn read(&self) -> Option<(f64, Box<str>)>;
}

impl Sealed for f64 {}
impl BucketBound for f64 {
    fn read(&self) -> Option<(f64, Box<str>)> {
        Some((*self, format_f64(*self).into()))
    }
}

impl Sealed for &str {}
impl BucketBound for &str {
    fn read(&self) -> Option<(f64, Box<str>)> {
        Some((self.parse().ok()?, (*self).into()))
    }
}

/// Reads cumulative buckets; gives their bounds and how many are in each alone.
pub(super) fn read_buckets<B: BucketBound>(
    name: &str,
    buckets: impl IntoIterator<Item = (B, f64)>,
) -> Result<(Bounds, Vec<f64>)> {
    let refuse = |message: String| Err(Error::new(ErrorKind::InvalidValue, message));
    let (mut values, mut texts, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = 0.0;
    for (bound, cumulative) in buckets {
        let Some((value, text)) = bound.read().filter(|(value, _)| !value.is_nan()) else {
            return refuse(format!("a bucket bound of {name:?} is not a number"));
        };
        if values.last().is_some_and(|last| *last >= value) {
            return refuse(format!("the buckets of {name:?} are not ascending at {text:?}"));
        }
        if cumulative.is_nan() || cumulative < before {
            return refuse(format!("the counts of {name:?} are not cumulative at {text:?}"));
        }
        values.push(value);
        texts.push(text);
        // Infinity minus infinity would be no number.
        counts.push(if cumulative == before { 0.0 } else { cumulative - before });
        before = cumulative;
    }
    if values.last() != Some(&f64::INFINITY) {
        return refuse(format!("the last bucket of {name:?} is not +Inf"));
    }
    Ok((Bounds::with_texts(values, texts), counts))
}
