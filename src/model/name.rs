//! Names of metrics and labels, checked once when they are made.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// Which names are allowed.
///
/// Prometheus 3 takes any UTF-8 text; servers before it take
/// `[a-zA-Z_:][a-zA-Z0-9_:]*` for metrics and `[a-zA-Z_][a-zA-Z0-9_]*` for
/// labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameValidation {
    /// Only the characters that every Prometheus takes.
    Legacy,
    /// Any text that is not empty.
    #[default]
    Utf8,
}

/// The name of a metric family.
///
/// ```
/// use narthex::model::{MetricName, NameValidation};
///
/// assert_eq!(MetricName::new("http.requests")?.as_str(), "http.requests");
/// assert!(MetricName::with_validation("http.requests", NameValidation::Legacy).is_err());
/// assert!(MetricName::new("").unwrap_err().is_invalid_name());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricName(Arc<str>);

impl MetricName {
    /// Checks a name by the rules of UTF-8 names.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if it is empty.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        Self::with_validation(name, NameValidation::Utf8)
    }

    /// Checks a name by the given rules.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if the rules forbid it.
    pub fn with_validation(name: impl AsRef<str>, validation: NameValidation) -> Result<Self> {
        let name = name.as_ref();
        if name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidName, "a metric name cannot be empty"));
        }
        if validation == NameValidation::Legacy && !is_legacy_metric_name(name) {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("metric name {name:?} is not of the form [a-zA-Z_:][a-zA-Z0-9_:]*"),
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a label.
///
/// ```
/// use narthex::model::LabelName;
///
/// assert_eq!(LabelName::new("method")?.as_str(), "method");
/// assert!(LabelName::new("__name__").unwrap_err().is_invalid_label());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelName(Arc<str>);

impl LabelName {
    /// Checks a name by the rules of UTF-8 names.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if it is empty or begins with `__`.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        Self::with_validation(name, NameValidation::Utf8)
    }

    /// Checks a name by the given rules.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if the rules forbid it.
    pub fn with_validation(name: impl AsRef<str>, validation: NameValidation) -> Result<Self> {
        let name = name.as_ref();
        if name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidLabel, "a label name cannot be empty"));
        }
        if name.starts_with("__") {
            return Err(Error::new(
                ErrorKind::InvalidLabel,
                format!("label name {name:?} is reserved: it begins with two underscores"),
            ));
        }
        if validation == NameValidation::Legacy && !is_legacy_label_name(name) {
            return Err(Error::new(
                ErrorKind::InvalidLabel,
                format!("label name {name:?} is not of the form [a-zA-Z_][a-zA-Z0-9_]*"),
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn is_legacy_metric_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| is_legacy_metric_char(c) && !c.is_ascii_digit())
        && chars.all(is_legacy_metric_char)
}

pub(crate) fn is_legacy_label_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| is_legacy_label_char(c) && !c.is_ascii_digit())
        && chars.all(is_legacy_label_char)
}

pub(crate) fn is_legacy_metric_char(c: char) -> bool {
    is_legacy_label_char(c) || c == ':'
}

pub(crate) fn is_legacy_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
