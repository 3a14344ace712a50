//! Reads the text format.

use std::mem;

use super::draft::Draft;
use super::own_label::read_own_label;
use super::strict::{Checked, Strict};
use crate::model::{MetricFamily, MetricType, Suffix, Timestamp};
use crate::parser::document::Document;
use crate::parser::error::ParseError;
use crate::parser::escapes::unescape;
use crate::parser::grammar::Grammar;
use crate::parser::number::{Placed, float, is_spelled_infinite, large_millis, millis};

/// What is known of a text that is being read.
#[derive(Debug)]
pub(in crate::parser) struct Reader<'a> {
    doc: Document<'a>,
    grammar: Grammar,
    strict: Option<Strict>,
    draft: Option<Draft<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8], strict: bool) -> Self {
        Self {
            doc: Document::new(input),
            grammar: if strict { Grammar::StrictText } else { Grammar::Text },
            strict: strict.then(Strict::default),
            draft: None,
        }
    }

    /// Reads lines until a family has ended.
    pub(in crate::parser) fn read_family(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        loop {
            self.doc.cursor.skip_blanks();
            let line = self.doc.cursor.at();
            let goes_on = match self.doc.cursor.peek() {
                None if self.doc.cursor.is_at_end()? => return self.finish(),
                Some(b'\n' | b'\r') => {
                    self.end_line()?;
                    true
                }
                Some(b'#') => self.read_comment()?,
                _ => self.read_sample()?,
            };
            if !goes_on {
                // The line is read again, as one of the family that it begins.
                self.doc.cursor.go_to(line);
                return self.finish();
            }
        }
    }

    /// Ends the family at hand, if there is one.
    fn finish(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        let Some(draft) = self.draft.take() else { return Ok(None) };
        if let Some(strict) = &mut self.strict {
            strict.finish(&self.doc.cursor, &draft)?;
        }
        let at = draft.at;
        match draft.finish() {
            Some(family) => Ok(Some(family)),
            None => Err(self.doc.cursor.error_at(at, NAMED_COUNTER)),
        }
    }

    fn begin(&mut self, draft: Draft<'a>) -> Result<&mut Draft<'a>, ParseError> {
        if let Some(strict) = &mut self.strict {
            strict.begin(&self.doc.cursor, &draft)?;
        }
        Ok(self.draft.insert(draft))
    }

    /// Reads a line that begins with `#`; says whether it belongs to the family at hand.
    fn read_comment(&mut self) -> Result<bool, ParseError> {
        self.doc.cursor.eat(b'#');
        self.doc.cursor.skip_blanks();
        let is_help = match self.doc.cursor.word() {
            "HELP" => true,
            "TYPE" => false,
            _ => {
                self.doc.cursor.rest_of_line();
                return self.check_last_line();
            }
        };
        self.doc.cursor.skip_blanks();
        let at = self.doc.cursor.at();
        let name = match self.doc.cursor.peek() {
            Some(b'"') => self.doc.cursor.quoted_name(self.grammar.knows_all_escapes())?,
            None | Some(b'\r' | b'\n') if is_help && self.strict.is_none() => {
                self.doc.cursor.rest_of_line();
                return Ok(true);
            }
            _ => self.doc.cursor.bare_name(true)?.into(),
        };
        if name.is_empty() {
            return Err(self.doc.cursor.error_at(at, "a metric name"));
        }
        if !matches!(self.doc.cursor.peek(), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(self.doc.cursor.error("a blank behind the metric name"));
        }
        self.doc.cursor.skip_blanks();
        match &self.draft {
            Some(draft) if draft.name != name => return Ok(false),
            // Samples that nothing was said about are no longer spoken of.
            Some(draft)
                if self.strict.is_none() && draft.family.is_some() && !draft.has_metadata() =>
            {
                return Ok(false);
            }
            Some(_) => {}
            None => {
                self.begin(Draft::new(at, name))?;
            }
        }
        if is_help {
            self.read_help(at)?
        } else {
            self.read_type(at)?
        }
        Ok(true)
    }

    fn read_help(&mut self, at: usize) -> Result<(), ParseError> {
        let from = self.doc.cursor.at();
        let text = match self.strict {
            Some(_) => self.doc.cursor.whole_rest_of_line()?,
            None => self.doc.cursor.rest_of_line(),
        };
        self.check_last_line()?;
        let text = text.trim_end_matches([' ', '\t', '\r']);
        let (help, unknown) = unescape(text, false);
        if let Some(place) = unknown.filter(|_| self.grammar.knows_all_escapes()) {
            return Err(self.doc.cursor.error_at(from + place, "one of the escapes \\\\ and \\n"));
        }
        let strict = self.strict.is_some();
        let Some(draft) = &mut self.draft else { return Ok(()) };
        if draft.help.is_some() {
            return Err(self.doc.cursor.error_at(at, "one HELP for each family"));
        }
        if strict && draft.family.is_some() {
            return Err(self.doc.cursor.error_at(at, "HELP before the samples"));
        }
        draft.help = Some(help);
        Ok(())
    }

    fn read_type(&mut self, at: usize) -> Result<(), ParseError> {
        let type_at = self.doc.cursor.at();
        let metric_type = match self.doc.cursor.word() {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "summary" => MetricType::Summary,
            "untyped" => MetricType::Unknown,
            _ => {
                let expected = "counter, gauge, histogram, summary or untyped";
                return Err(self.doc.cursor.error_at(type_at, expected));
            }
        };
        self.doc.cursor.skip_blanks();
        self.end_line()?;
        let Some(draft) = &mut self.draft else { return Ok(()) };
        if draft.metric_type.is_some() {
            return Err(self.doc.cursor.error_at(at, "one TYPE for each family"));
        }
        if draft.family.is_some() {
            return Err(self.doc.cursor.error_at(at, "TYPE before the samples"));
        }
        draft.metric_type = Some(metric_type);
        Ok(())
    }

    /// Reads a sample's line, unless it is one of another family: then it says no.
    fn read_sample(&mut self) -> Result<bool, ParseError> {
        let at = self.doc.cursor.at();
        self.doc.braces.clear();
        let bare = match self.doc.cursor.peek() {
            Some(b'{') => None,
            _ => Some(self.doc.cursor.bare_name(true)?),
        };
        if let (Some(name), Some(draft)) = (bare, &self.draft) {
            if draft.suffix_of(name).is_none() {
                return Ok(false);
            }
        }
        let blank_at = self.doc.cursor.at();
        self.doc.cursor.skip_blanks();
        if self.doc.cursor.peek() == Some(b'{') {
            self.doc.braces.read(&mut self.doc.cursor, self.grammar, bare.is_some())?;
        } else if blank_at == self.doc.cursor.at() {
            return Err(self
                .doc
                .cursor
                .error("a blank or an opening brace behind the metric name"));
        }
        let name = match bare {
            Some(name) => name.into(),
            None => mem::take(&mut self.doc.braces.name)
                .ok_or_else(|| self.doc.cursor.error_at(at, "a metric name"))?,
        };
        let suffix = match &self.draft {
            Some(draft) => match draft.suffix_of(&name) {
                Some(suffix) => suffix,
                None => return Ok(false),
            },
            None => {
                self.begin(Draft::new(at, name))?;
                Suffix::None
            }
        };
        self.doc.cursor.skip_blanks();
        let value = self.read_value()?;
        self.doc.cursor.skip_blanks();
        let timestamp = self.read_timestamp()?;
        self.end_line()?;
        self.add_sample(at, suffix, value, timestamp)?;
        Ok(true)
    }

    #[inline]
    fn read_value(&mut self) -> Result<Placed, ParseError> {
        let at = self.doc.cursor.at();
        let token = self.doc.cursor.word();
        let error = |expected| self.doc.cursor.error_at_word(at, expected, token);
        let value = float(token).ok_or_else(|| error("a number"))?;
        if value.is_infinite() && self.strict.is_some() && !is_spelled_infinite(token) {
            return Err(error("a number that a float can hold"));
        }
        Ok(Placed { number: value, at })
    }

    #[inline]
    fn read_timestamp(&mut self) -> Result<Option<Timestamp>, ParseError> {
        if matches!(self.doc.cursor.peek(), None | Some(b'\r' | b'\n')) {
            return Ok(None);
        }
        let at = self.doc.cursor.at();
        let token = self.doc.cursor.word();
        self.doc.cursor.skip_blanks();
        // Where a comment might be expected, others write exemplars.
        if token.starts_with('#') || self.doc.cursor.peek() == Some(b'#') {
            let at = if token.starts_with('#') { at } else { self.doc.cursor.at() };
            return Err(self.doc.cursor.error_at(at, NO_EXEMPLAR));
        }
        if let Some(time) = millis(token) {
            return Ok(Some(time));
        }
        match large_millis(token) {
            Some(time) if self.strict.is_none() => Ok(Some(time)),
            Some(_) => Err(self.doc.cursor.error_at_word(at, "milliseconds of 64 bits", token)),
            None => Err(self.doc.cursor.error_at_word(at, TIMESTAMP, token)),
        }
    }

    #[inline]
    fn add_sample(
        &mut self,
        at: usize,
        suffix: Suffix,
        value: Placed,
        timestamp: Option<Timestamp>,
    ) -> Result<(), ParseError> {
        let Some(draft) = &mut self.draft else { return Ok(()) };
        let (metric_type, name_at) = (draft.metric_type(), draft.at);
        let labels = &self.doc.braces.labels;
        let own = read_own_label(&self.doc.cursor, at, metric_type, suffix, &self.doc.braces)?;
        let names = self.doc.known.find(&self.doc.cursor, labels)?;
        if let Some(strict) = &mut self.strict {
            let sample = Checked { at, suffix, names, labels, value, own };
            strict.add(&self.doc.cursor, metric_type, &sample)?;
        }
        let row = self.doc.row.fill(&self.doc.cursor, names, labels)?;
        let Some(family) = draft.family() else {
            return Err(self.doc.cursor.error_at(name_at, NAMED_COUNTER));
        };
        let columns = family.float_columns(names, suffix);
        columns.push_float(row, value.number);
        if let Some(timestamp) = timestamp {
            columns.set_timestamp(timestamp, 1);
        }
        Ok(())
    }

    /// Steps over the end of a line, at which nothing else may stand.
    #[inline]
    fn end_line(&mut self) -> Result<(), ParseError> {
        if self.doc.cursor.eat(b'\n') {
            return Ok(());
        }
        let at = self.doc.cursor.at();
        let returned = self.strict.is_none() && self.doc.cursor.eat(b'\r');
        match self.doc.cursor.peek() {
            Some(b'\n') if returned => {
                self.doc.cursor.eat(b'\n');
                Ok(())
            }
            None => self.check_last_line().map(|_| ()),
            Some(_) => Err(self.doc.cursor.error_at(at, "the end of the line")),
        }
    }

    /// Behind what may be the last line: whether it had to end with a line feed.
    fn check_last_line(&self) -> Result<bool, ParseError> {
        if self.strict.is_some()
            && self.doc.cursor.peek().is_none()
            && !self.doc.cursor.ends_with_line_feed()
        {
            return Err(self.doc.cursor.error("a line feed behind the last line"));
        }
        Ok(true)
    }
}

const TIMESTAMP: &str = "a timestamp in whole milliseconds, or the end of the line";
const NO_EXEMPLAR: &str =
    "the end of the line, as only OpenMetrics, which parser::openmetrics reads, has exemplars";
const NAMED_COUNTER: &str = "the name of a counter before \"_total\"";
