//! The text that a test expects, read so that its layout in the test does not matter.

use super::mismatch::Mismatch;
use crate::exposition::{Encoding, Format};
use crate::model::{EscapingScheme, MetricFamily};
use crate::parser::{self, ParseError};

/// The format that a text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Text,
    OpenMetrics,
    #[cfg(feature = "openmetrics2")]
    OpenMetrics2,
}

impl Syntax {
    /// The format of a text: only OpenMetrics says where it ends, and what cannot be read as its
    /// first version may be the second.
    pub(super) fn of(text: &str) -> Self {
        match text.trim_end().lines().next_back().map(str::trim) {
            #[cfg(feature = "openmetrics2")]
            Some("# EOF") => Self::of_openmetrics(&Document::new(text)),
            #[cfg(not(feature = "openmetrics2"))]
            Some("# EOF") => Self::OpenMetrics,
            _ => Self::Text,
        }
    }

    #[cfg(feature = "openmetrics2")]
    fn of_openmetrics(document: &Document) -> Self {
        let Err(first) = Self::OpenMetrics.parse(document.text.as_bytes()) else {
            return Self::OpenMetrics;
        };
        match Self::OpenMetrics2.parse(document.text.as_bytes()) {
            // Of two that it is not, it is meant to be the one that it is for longer.
            Err(second) if second.line() <= first.line() => Self::OpenMetrics,
            _ => Self::OpenMetrics2,
        }
    }

    fn parse(self, text: &[u8]) -> Result<Vec<MetricFamily>, ParseError> {
        match self {
            Self::Text => parser::text::parse_all(text),
            Self::OpenMetrics => parser::openmetrics::parse_all(text),
            #[cfg(feature = "openmetrics2")]
            Self::OpenMetrics2 => parser::openmetrics2::parse_all(text),
        }
    }

    /// The families of a text that was found.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn read(self, text: &[u8]) -> Result<Vec<MetricFamily>, Mismatch> {
        self.parse(text).map_err(|error| {
            let message = format!("the text that was found cannot be read: {error}");
            Mismatch::new(message).caused_by(error)
        })
    }

    /// The format with names as they are.
    pub(super) fn encoding(self) -> Encoding {
        let format = match self {
            Self::Text => Format::Text100,
            Self::OpenMetrics => Format::OpenMetrics100,
            #[cfg(feature = "openmetrics2")]
            Self::OpenMetrics2 => Format::OpenMetrics200,
        };
        Encoding::new(format, EscapingScheme::AllowUtf8)
    }
}

/// A text without the blanks and empty lines that its place in a test gives it.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    /// For each line, where it stood, counted from 1, and how far it was indented.
    places: Vec<(usize, usize)>,
}

impl Document {
    pub(super) fn new(text: &str) -> Self {
        let (mut plain, mut places) = (String::new(), Vec::new());
        for (line, text) in text.lines().enumerate() {
            let inner = text.trim_start();
            if !inner.is_empty() {
                plain.push_str(inner);
                plain.push('\n');
                places.push((line + 1, text[..text.len() - inner.len()].chars().count()));
            }
        }
        Self { text: plain, places }
    }

    /// Its families.
    ///
    /// # Errors
    /// Where it cannot be read, in lines and columns of the original.
    pub(super) fn read(&self, syntax: Syntax) -> Result<Vec<MetricFamily>, Mismatch> {
        syntax.parse(self.text.as_bytes()).map_err(|error| {
            let behind = self.places.last().map_or(1, |(line, _)| line + 1);
            let place = error.line().checked_sub(1).and_then(|line| self.places.get(line));
            let (line, indent) = place.copied().unwrap_or((behind, 0));
            Mismatch::new(format!(
                "the expected text cannot be read: line {line}, column {}: expected {}, found {}",
                error.column() + indent,
                error.expected(),
                error.found()
            ))
            .caused_by(error)
        })
    }
}
