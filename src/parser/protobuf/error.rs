//! Why a protobuf exposition could not be read, and where.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;

/// Why a protobuf exposition could not be read: where, in what, and what was expected there.
///
/// ```
/// use narthex::parser;
///
/// // A family of ten bytes: its name, its type, and a gauge that breaks off.
/// let error = parser::protobuf::parse_all(b"\x0a\x0a\x02up\x18\x01\x22\x02\x12\x09").unwrap_err();
/// assert_eq!((error.offset(), error.field(), error.family()), (11, "metric", Some("up")));
/// assert_eq!(
///     error.to_string(),
///     "byte 11, metric of \"up\": expected 9 bytes, found 0",
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError {
    // Boxed, so that a `Result` stays one word wide.
    inner: Box<Inner>,
}

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    offset: usize,
    family: Option<String>,
    field: &'static str,
    expected: Cow<'static, str>,
    found: String,
}

impl DecodeError {
    pub(super) fn new(
        offset: usize,
        field: &'static str,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> Self {
        let (expected, found) = (expected.into(), found.into());
        Self { inner: Box::new(Inner { offset, family: None, field, expected, found }) }
    }

    /// The same, saying in which family it is.
    pub(super) fn in_family(mut self, name: &str) -> Self {
        self.inner.family = Some(name.to_owned()).filter(|name| !name.is_empty());
        self
    }

    /// The place of the byte that begins what is wrong, counted from 0.
    pub fn offset(&self) -> usize {
        self.inner.offset
    }

    /// The name of the family as it was read, if it was.
    pub fn family(&self) -> Option<&str> {
        self.inner.family.as_deref()
    }

    /// The field with the messages that it is in, such as `metric.histogram.bucket.upper_bound`;
    /// `family` is what stands at the top.
    pub fn field(&self) -> &str {
        self.inner.field
    }

    /// What would have been right there.
    pub fn expected(&self) -> &str {
        &self.inner.expected
    }

    /// What was there.
    pub fn found(&self) -> &str {
        &self.inner.found
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { offset, family, field, expected, found } = &*self.inner;
        write!(f, "byte {offset}, {field}")?;
        if let Some(family) = family {
            write!(f, " of {family:?}")?;
        }
        write!(f, ": expected {expected}, found {found}")
    }
}

// What a `main` that returns an error prints.
impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for DecodeError {}

impl From<DecodeError> for Error {
    /// For collectors that read what others expose: the parser's word, as it is.
    fn from(error: DecodeError) -> Self {
        Self::collector(error.to_string()).with_source(error)
    }
}
