//! A document, and what is read of it again and again.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::error::ParseError;
use super::grammar::Grammar;
use super::labels::{Braces, KnownNames, Row};
use super::number::{float, seconds};
use crate::model::escape::unescape as raw_value;
use crate::model::{EXEMPLAR_LIMIT, Exemplar, Timestamp};

/// A document, and the parts of the sample at hand, kept for their memory.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) braces: Braces<'a>,
    pub(super) known: KnownNames<'a>,
    pub(super) row: Row,
    exemplar: Braces<'a>,
}

impl<'a> Document<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(input),
            braces: Braces::default(),
            known: KnownNames::default(),
            row: Row::default(),
            exemplar: Braces::default(),
        }
    }

    #[inline]
    pub(super) fn read_number(&mut self) -> Result<f64, ParseError> {
        let at = self.cursor.at();
        let token = self.cursor.word();
        float(token).ok_or_else(|| self.cursor.error_at_word(at, "a number", token))
    }

    /// Reads a time of OpenMetrics.
    pub(super) fn read_time(&mut self) -> Result<Timestamp, ParseError> {
        let at = self.cursor.at();
        let token = self.cursor.word();
        let error = || self.cursor.error_at_word(at, "a timestamp in seconds", token);
        seconds(token).ok_or_else(error)
    }

    /// Reads an exemplar from its number sign on.
    ///
    /// # Errors
    /// If it is none, or is larger than the model takes.
    pub(super) fn read_exemplar(&mut self, grammar: Grammar) -> Result<Exemplar, ParseError> {
        if !self.cursor.eat_text("# ") {
            return Err(self.cursor.error("\"# \" before an exemplar"));
        }
        let at = self.cursor.at();
        self.exemplar.read(&mut self.cursor, grammar, true)?;
        let labels = self.exemplar.labels.iter();
        let labels: Vec<(&str, Cow<'_, str>)> =
            labels.map(|label| (&*label.name, raw_value(&label.value))).collect();
        // Asked first, so that what is checked of each pair of labels is not much.
        let length =
            labels.iter().map(|(name, value)| name.chars().count() + value.chars().count());
        let length: usize = length.sum();
        if length > EXEMPLAR_LIMIT {
            let expected = format!("an exemplar whose labels have {EXEMPLAR_LIMIT} characters");
            return Err(self.cursor.error_finding(at, expected, format!("{length}")));
        }
        self.cursor.expect(b' ', "a space before the exemplar's value")?;
        let value_at = self.cursor.at();
        let word = self.cursor.word();
        let value = float(word);
        let value = value.ok_or_else(|| self.cursor.error_at_word(value_at, "a number", word))?;
        let exemplar = Exemplar::new(labels, value)
            .map_err(|_| self.cursor.error_at(at, "an exemplar whose label names are allowed"))?;
        Ok(match self.cursor.eat(b' ') {
            true => exemplar.with_timestamp(self.read_time()?),
            false => exemplar,
        })
    }
}
