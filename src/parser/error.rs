//! Why a document could not be read, and where.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;

/// How much of a token an error repeats.
const SHOWN: usize = 40;

/// Why a document could not be read: where, what was expected, and what stood there.
///
/// ```
/// use narthex::parser;
///
/// let error = parser::text::parse_all("up 1\nload{core=0} 1.5\n").unwrap_err();
/// assert_eq!((error.line(), error.column()), (2, 11));
/// assert_eq!(error.expected(), "a label value in quotes");
/// assert_eq!(error.found(), "\"0\"");
/// assert_eq!(
///     error.to_string(),
///     "line 2, column 11: expected a label value in quotes, found \"0\"",
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ParseError {
    // Boxed, so that a `Result` stays one word wide.
    inner: Box<Inner>,
}

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    line: usize,
    column: usize,
    expected: Cow<'static, str>,
    found: String,
}

impl ParseError {
    /// An error at a place of `text`, which says what is there.
    pub(super) fn new(text: &str, at: usize, expected: impl Into<Cow<'static, str>>) -> Self {
        Self::finding(text, at, expected, shown(text.get(at..).unwrap_or_default()))
    }

    /// The same, saying in other words what was found.
    pub(super) fn finding(
        text: &str,
        at: usize,
        expected: impl Into<Cow<'static, str>>,
        found: String,
    ) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_at = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            inner: Box::new(Inner {
                line: line_of(text, at),
                column: 1 + before[line_at..].chars().count(),
                expected: expected.into(),
                found,
            }),
        }
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.inner.line
    }

    /// The column, counted from 1 in characters: Unicode scalar values, not bytes.
    pub fn column(&self) -> usize {
        self.inner.column
    }

    /// What would have been right there.
    pub fn expected(&self) -> &str {
        &self.inner.expected
    }

    /// What stood there: the beginning of the text in quotes, or words such as `the end of the line`.
    pub fn found(&self) -> &str {
        &self.inner.found
    }
}

/// The line of a place, counted from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// The token that a text begins with, as errors show it.
fn shown(rest: &str) -> String {
    let Some(first) = rest.chars().next() else { return "the end of the input".to_owned() };
    if first == '\n' {
        return "the end of the line".to_owned();
    }
    let is_end = |c: char| matches!(c, '\n' | ' ' | '\t' | '{' | '}' | ',' | '=');
    let end = if first == '"' {
        rest[1..].find(['"', '\n']).map_or(rest.len(), |end| end + 2)
    } else {
        rest.find(is_end).unwrap_or(rest.len()).max(first.len_utf8())
    };
    quoted(rest.get(..end).unwrap_or(rest).trim_end_matches('\n'))
}

/// A text in quotes, cut off if it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { line, column, expected, found } = &*self.inner;
        write!(f, "line {line}, column {column}: expected {expected}, found {found}")
    }
}

// What a `main` that returns an error prints.
impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ParseError {}

impl From<ParseError> for Error {
    /// For collectors that read what others expose: the parser's word, as it is.
    ///
    /// ```
    /// use narthex::{collector_fn, exposition, parser};
    ///
    /// let proxy = collector_fn(|scrape| {
    ///     parser::text::parse("up 1\nload ?\n").try_for_each(|family| scrape.family(&family?))
    /// });
    /// let error = exposition::text::encode(&proxy).unwrap_err();
    /// assert!(error.is_collector());
    /// assert_eq!(error.to_string(), "line 2, column 6: expected a number, found \"?\"");
    /// ```
    fn from(error: ParseError) -> Self {
        Self::collector(error.to_string()).with_source(error)
    }
}
