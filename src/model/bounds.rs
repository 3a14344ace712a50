//! The upper bounds of buckets, and how they are shown.

use std::sync::Arc;

use once_cell::sync::Lazy;

use super::number::format_f64;
use crate::error::{Error, ErrorKind, Result};

/// The upper bounds of a histogram's buckets, the last of them +Inf.
///
/// ```
/// use narthex::model::Bounds;
///
/// let bounds = Bounds::new([0.1, 1.0])?;
/// assert_eq!(bounds.values(), [0.1, 1.0, f64::INFINITY]);
/// assert!(Bounds::new([1.0, 0.1]).unwrap_err().is_invalid_value());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    values: Arc<[f64]>,
    // As the label `le` shows them: rendered once.
    texts: Arc<[Box<str>]>,
}

impl Bounds {
    /// Checks bounds; +Inf is appended if it is missing.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if they are not ascending, one is NaN, or
    /// there is none but +Inf.
    pub fn new(bounds: impl IntoIterator<Item = f64>) -> Result<Self> {
        let mut values: Vec<f64> = bounds.into_iter().collect();
        if values.last() != Some(&f64::INFINITY) {
            values.push(f64::INFINITY);
        }
        let refuse = |message: String| Err(Error::new(ErrorKind::InvalidValue, message));
        if values.iter().any(|bound| bound.is_nan()) {
            return refuse("a bucket bound cannot be NaN".to_owned());
        }
        for pair in values.windows(2) {
            if pair[0] > pair[1] {
                return refuse(format!(
                    "bucket bounds are not sorted: {} before {}",
                    pair[0], pair[1]
                ));
            }
            if pair[0] == pair[1] {
                return refuse(format!("bucket bound {} stands twice", pair[0]));
            }
        }
        if values.len() < 2 {
            return refuse("a histogram needs a bucket besides +Inf".to_owned());
        }
        Ok(Self::from_sorted(values))
    }

    /// Bounds that are known to be ascending and to end with +Inf.
    pub(crate) fn from_sorted(values: Vec<f64>) -> Self {
        let texts = values.iter().map(|&bound| format_f64(bound).into_boxed_str()).collect();
        Self { values: values.into(), texts }
    }

    /// None but +Inf, as a histogram has that is only a native one.
    pub(crate) fn endless() -> Self {
        static ENDLESS: Lazy<Bounds> = Lazy::new(|| Bounds::from_sorted(vec![f64::INFINITY]));
        ENDLESS.clone()
    }

    /// Bounds with the spelling that their source gave them.
    pub(crate) fn with_texts(values: Vec<f64>, texts: Vec<Box<str>>) -> Self {
        Self { values: values.into(), texts: texts.into() }
    }

    /// The bounds, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The bounds as the label `le` shows them.
    pub fn texts(&self) -> &[Box<str>] {
        &self.texts
    }
}
