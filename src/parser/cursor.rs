//! A place in a document, and the tokens that begin there.

use std::borrow::Cow;

use super::error::{ParseError, line_of, quoted};
use super::escapes::unescape;
use crate::model::escape::escaped_bytes;

/// A place in a document, and the tokens that begin there.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    /// All lines that are UTF-8 to their end, from the first one on.
    text: &'a str,
    at: usize,
    /// What is wrong with the line behind them, if there is one that is not.
    broken: Option<ParseError>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        let (text, broken) = match std::str::from_utf8(input) {
            Ok(text) => (text, None),
            Err(error) => {
                let (valid, rest) = input.split_at(error.valid_up_to());
                let valid = std::str::from_utf8(valid).unwrap_or_default();
                let found = format!("byte {:#04x}", rest.first().copied().unwrap_or_default());
                let error = ParseError::finding(valid, valid.len(), "text in UTF-8", found);
                (&valid[..valid.rfind('\n').map_or(0, |end| end + 1)], Some(error))
            }
        };
        Self { text, at: 0, broken }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes to a place where it has been before.
    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Whether the whole text has been read, and there is nothing wrong behind it.
    pub(super) fn is_at_end(&mut self) -> Result<bool, ParseError> {
        match self.broken.take_if(|_| self.at == self.text.len()) {
            Some(error) => Err(error),
            None => Ok(self.at == self.text.len()),
        }
    }

    /// Whether the text ends with a line feed, or is empty.
    pub(super) fn ends_with_line_feed(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    /// Steps over this byte, if it is there.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Steps over this text, if it is there.
    pub(super) fn eat_text(&mut self, text: &str) -> bool {
        let there = self.text.as_bytes()[self.at..].starts_with(text.as_bytes());
        self.at += if there { text.len() } else { 0 };
        there
    }

    /// Steps over this byte.
    pub(super) fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), ParseError> {
        if self.eat(byte) { Ok(()) } else { Err(self.error(name)) }
    }

    /// Steps over spaces and tabs.
    #[inline]
    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// What stands here up to a space, a tab, a carriage return, or the end of the line.
    #[inline]
    pub(super) fn word(&mut self) -> &'a str {
        self.take_until(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    }

    /// What stands here up to what separates the parts of a value of several numbers.
    pub(super) fn token(&mut self) -> &'a str {
        self.take_until(|byte| {
            matches!(byte, b':' | b',' | b'[' | b']' | b'{' | b'}' | b' ' | b'\n')
        })
    }

    /// What stands here up to the end of the line, which is stepped over.
    pub(super) fn rest_of_line(&mut self) -> &'a str {
        let rest = self.take_until(|byte| byte == b'\n');
        self.eat(b'\n');
        rest
    }

    /// The same, if no carriage return belongs to its end.
    pub(super) fn whole_rest_of_line(&mut self) -> Result<&'a str, ParseError> {
        let from = self.at;
        let rest = self.rest_of_line();
        match rest.strip_suffix('\r') {
            None => Ok(rest),
            Some(before) => {
                let place = from + before.len();
                Err(self.error_at(place, "a line feed without a carriage return"))
            }
        }
    }

    /// What stands here up to such a byte, which must be ASCII.
    #[inline]
    fn take_until(&mut self, is_end: impl Fn(u8) -> bool) -> &'a str {
        let from = self.at;
        let bytes = &self.text.as_bytes()[from..];
        let len = bytes.iter().position(|&byte| is_end(byte)).unwrap_or(bytes.len());
        self.at = from + len;
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// A name that needs no quotes: of a metric, or of a label, which has no colons.
    ///
    /// # Errors
    /// If none begins here.
    #[inline]
    pub(super) fn bare_name(&mut self, colons: bool) -> Result<&'a str, ParseError> {
        let from = self.at;
        let kind = if colons { METRIC } else { LABEL };
        let name = self.take_until(|byte| IN_NAMES[usize::from(byte)] & kind == 0);
        if name.as_bytes().first().is_none_or(u8::is_ascii_digit) {
            self.at = from;
            let what = if colons { "a metric name" } else { "a label name" };
            return Err(self.error(what));
        }
        Ok(name)
    }

    /// A name in quotes.
    ///
    /// # Errors
    /// If the quotes are not closed, or it has an escape that is none and `escapes` are to be known.
    pub(super) fn quoted_name(&mut self, all_known: bool) -> Result<Cow<'a, str>, ParseError> {
        let from = self.at + 1;
        let (name, unknown) = unescape(self.quoted()?.0, true);
        match unknown.filter(|_| all_known) {
            Some(place) => Err(self.error_at(from + place, KNOWN_ESCAPES)),
            None => Ok(name),
        }
    }

    /// What stands between the quotes that open here, still escaped, and whether it has backslashes.
    ///
    /// # Errors
    /// If no quotes open here, or they are not closed.
    #[inline]
    pub(super) fn quoted(&mut self) -> Result<(&'a str, bool), ParseError> {
        let from = self.at + 1;
        let bytes = self.text.as_bytes();
        let (mut at, mut backslashes) = (from, false);
        loop {
            at += special_at(bytes.get(at..).unwrap_or_default());
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    backslashes = true;
                    // Whatever is escaped does not close the quotes; the end of the line is not escaped.
                    at += if bytes.get(at + 1).is_some_and(|byte| *byte != b'\n') { 2 } else { 1 };
                }
                _ => return Err(self.error_at(at, "closing quotes")),
            }
        }
        self.at = at + 1;
        Ok((self.text.get(from..at).unwrap_or_default(), backslashes))
    }

    /// The line of a place that was passed, counted from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        line_of(self.text, at)
    }

    /// An error here.
    pub(super) fn error(&self, expected: impl Into<Cow<'static, str>>) -> ParseError {
        self.error_at(self.at, expected)
    }

    /// An error at a place that was passed.
    pub(super) fn error_at(&self, at: usize, expected: impl Into<Cow<'static, str>>) -> ParseError {
        ParseError::new(self.text, at, expected)
    }

    /// The same at a word, all of which is shown.
    pub(super) fn error_at_word(
        &self,
        at: usize,
        expected: &'static str,
        word: &str,
    ) -> ParseError {
        match word {
            "" => self.error_at(at, expected),
            word => self.error_finding(at, expected, quoted(word)),
        }
    }

    /// The same, saying what was found in other words.
    pub(super) fn error_finding(
        &self,
        at: usize,
        expected: impl Into<Cow<'static, str>>,
        found: String,
    ) -> ParseError {
        ParseError::finding(self.text, at, expected, found)
    }
}

pub(super) const KNOWN_ESCAPES: &str = "one of the escapes \\\\, \\n and \\\"";

/// Of each byte, whether it is in names of labels, and whether in names of metrics.
const IN_NAMES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' {
            table[byte] = LABEL | METRIC;
        }
        byte += 1;
    }
    table[b':' as usize] = METRIC;
    table
};

const LABEL: u8 = 1;
const METRIC: u8 = 2;

/// Where the first quote, backslash or line feed is.
#[inline]
fn special_at(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let found = escaped_bytes(word);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n')).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_wherever_they_stand() {
        for len in 0..40 {
            for at in 0..=len {
                for special in *b"\"\\\n" {
                    let mut bytes = vec![0xff; len];
                    // Bytes beside them differ in one bit.
                    bytes.iter_mut().step_by(2).for_each(|byte| *byte = special ^ 1);
                    if at < len {
                        bytes[at..].fill(special);
                    }
                    assert_eq!(special_at(&bytes), at, "{bytes:?}");
                }
            }
        }
    }
}
