//! Why metrics are not what a test expects.

use std::error::Error as StdError;
use std::fmt;

use crate::error::Error;

/// Why metrics are not what was expected, or could not be looked at.
///
/// It is shown in full by `unwrap`, by `?` in a test, and by `{}`.
///
/// ```
/// use narthex::Gauge;
/// use narthex::testing::collect_and_compare;
///
/// let depth = Gauge::builder("queue_depth", "Jobs waiting.").build()?;
/// depth.set(3);
/// let mismatch = collect_and_compare(&depth, "queue_depth 4").unwrap_err();
/// assert!(mismatch.is_difference());
/// assert_eq!(
///     format!("{mismatch:?}"),
///     "metrics differ (- expected, + found):\n- queue_depth 4.0\n+ queue_depth 3.0",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
pub struct Mismatch {
    message: String,
    is_difference: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Mismatch {
    /// Nothing could be compared.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_difference: false, source: None }
    }

    pub(super) fn difference(message: String) -> Self {
        Self { is_difference: true, ..Self::new(message) }
    }

    pub(super) fn caused_by(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Whether metrics were compared and differ; else one side could not be had or read.
    pub fn is_difference(&self) -> bool {
        self.is_difference
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// What `unwrap` shows, and a test that returns it: text with lines.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Mismatch {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<Error> for Mismatch {
    /// A collector could not tell its numbers.
    fn from(error: Error) -> Self {
        Self::new(format!("the metrics cannot be collected: {error}")).caused_by(error)
    }
}
