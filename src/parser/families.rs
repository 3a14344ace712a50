//! The families of a document, whatever its format.

use super::error::ParseError;
#[cfg(feature = "openmetrics2")]
use super::openmetrics2;
use super::{openmetrics, text};
use crate::model::MetricFamily;

/// The families of a document, read while they are asked for.
///
/// Made by the `parse` of a format. Ends at the first error. The family that it stands in is not
/// yielded; those before it are.
///
/// ```
/// use narthex::parser::{self, Families};
///
/// let mut families: Families<'_> = parser::text::parse("up 1\nload ?\nheat 3\n");
/// assert!(families.next().unwrap().is_ok());
/// assert!(families.next().unwrap().is_err());
/// assert!(families.next().is_none());
/// ```
#[derive(Debug)]
pub struct Families<'a> {
    reader: Reader<'a>,
    ended: bool,
}

/// Boxed, as they have all that is kept from line to line.
#[derive(Debug)]
enum Reader<'a> {
    Text(Box<text::reader::Reader<'a>>),
    OpenMetrics(Box<openmetrics::reader::Reader<'a>>),
    #[cfg(feature = "openmetrics2")]
    OpenMetrics2(Box<openmetrics2::reader::Reader<'a>>),
}

impl<'a> Families<'a> {
    pub(super) fn of_text(reader: text::reader::Reader<'a>) -> Self {
        Self { reader: Reader::Text(Box::new(reader)), ended: false }
    }

    pub(super) fn of_openmetrics(reader: openmetrics::reader::Reader<'a>) -> Self {
        Self { reader: Reader::OpenMetrics(Box::new(reader)), ended: false }
    }

    #[cfg(feature = "openmetrics2")]
    pub(super) fn of_openmetrics2(reader: openmetrics2::reader::Reader<'a>) -> Self {
        Self { reader: Reader::OpenMetrics2(Box::new(reader)), ended: false }
    }
}

impl Iterator for Families<'_> {
    type Item = Result<MetricFamily, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let family = match &mut self.reader {
            Reader::Text(reader) => reader.read_family(),
            Reader::OpenMetrics(reader) => reader.read_family(),
            #[cfg(feature = "openmetrics2")]
            Reader::OpenMetrics2(reader) => reader.read_family(),
        };
        let next = family.transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl std::iter::FusedIterator for Families<'_> {}
