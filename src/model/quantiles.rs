//! The quantiles that a summary estimates, and how they are shown.

use std::sync::Arc;

use super::number::format_f64;
use crate::error::{Error, ErrorKind, Result};

/// Ranks of observations, as shares of all of them: 0.5 is the median.
///
/// ```
/// use narthex::model::Quantiles;
///
/// let ranks = Quantiles::new([0.5, 0.99])?;
/// assert_eq!(ranks.values(), [0.5, 0.99]);
/// assert!(Quantiles::new([1.5]).unwrap_err().is_invalid_value());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles {
    values: Arc<[f64]>,
    // As the label `quantile` shows them: rendered once.
    texts: Arc<[Box<str>]>,
}

impl Quantiles {
    /// Checks ranks.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if they are not ascending, or one is not from 0 to 1.
    pub fn new(ranks: impl IntoIterator<Item = f64>) -> Result<Self> {
        let values: Vec<f64> = ranks.into_iter().collect();
        let refuse = |message| Err(Error::new(ErrorKind::InvalidValue, message));
        if let Some(rank) = values.iter().find(|rank| !(0.0..=1.0).contains(*rank)) {
            return refuse(format!("a quantile is from 0 to 1, not {rank}"));
        }
        if let Some(pair) = values.windows(2).find(|pair| pair[0] >= pair[1]) {
            return refuse(format!("quantiles are not ascending: {} before {}", pair[0], pair[1]));
        }
        let texts = values.iter().map(|&rank| format_f64(rank).into_boxed_str()).collect();
        Ok(Self { values: values.into(), texts })
    }

    /// None at all.
    pub fn none() -> Self {
        Self { values: Arc::default(), texts: Arc::default() }
    }

    /// Ranks with the spelling that their source gave them.
    pub(crate) fn with_texts(values: Vec<f64>, texts: Vec<Box<str>>) -> Self {
        Self { values: values.into(), texts: texts.into() }
    }

    /// The ranks, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The ranks as the label `quantile` shows them.
    pub fn texts(&self) -> &[Box<str>] {
        &self.texts
    }
}
