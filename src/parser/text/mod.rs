//! The text format, in its versions 0.0.4 and 1.0.0.
//!
//! [The specification](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
//!
//! A counter's family loses the `_total` of its name, as everywhere in this library, and a counter
//! whose name has none gains it: `jobs 3` of `# TYPE jobs counter` becomes `jobs_total 3.0` when it
//! is written again, and is asked for by that name. A type that is not said is unknown.
//!
//! The samples of a counter have the very name that its TYPE has: behind `# TYPE a counter`,
//! `a_total 1` is of another family, of unknown type, as other readers have it, and the counter has
//! no samples. A `Vec` of both leaves the empty counter out when it is registered or written, so
//! that what is written is valid. One counter is `# TYPE a_total counter`.
//!
//! # Leniencies
//!
//! [`parse`] takes what readers of the field take; [`parse_strict`] what the specification says.
//! Go's reader is `expfmt` of `prometheus/common`, Python's that of `prometheus_client`.
//!
//! | in the text | Go | Python | `parse` | `parse_strict` |
//! | --- | --- | --- | --- | --- |
//! | no line feed behind the last line | no | yes | yes | no |
//! | a carriage return before the line feed | no | yes | yes | no |
//! | `{,}` for no labels | no | yes | yes | no |
//! | the quoted metric name behind a label: `{a="b","c.d"} 1` | yes | yes | yes | no |
//! | a backslash that escapes nothing, for itself: `"\d"` | no | yes | yes | no |
//! | a number that is too large for a float, for an infinity: `1e999` | no | yes | yes | no |
//! | a timestamp of more than 64 bits | no | yes | yes | no |
//! | `# HELP` without a name, for a comment | yes | yes | yes | no |
//! | HELP behind samples of a family that had only TYPE | yes | yes | yes | no |
//! | TYPE or HELP behind samples that had neither: another family begins | HELP, for the same family | yes | yes | no |
//! | a family in several places: each is a family of its own, only the first has its type | merged | yes | yes | no |
//! | a counter, and a family of its name with `_total`: `# TYPE a counter` before `a_total 1` | yes, but for a counter without samples | yes | yes | no |
//! | a series twice | yes | yes | yes | no |
//! | a histogram without `+Inf`, or whose buckets or counts do not ascend or add up | yes | yes | yes | no |
//! | quantiles that do not ascend between 0 and 1 | yes | yes | yes | no |
//!
//! What the specification allows is read by both: blanks around all tokens, none behind a closing
//! brace, a comma behind the last label, comments and empty lines anywhere, TYPE and HELP in any
//! order, a label value that is empty, infinities in any case. Neither reads what only Python's
//! reader takes: a second TYPE, types that only OpenMetrics has, timestamps that are no whole
//! numbers, a comma before the first label, colons in the names of labels; nor what only Go's takes:
//! TYPE without a type, types in capital letters, two names of one sample. What the model cannot
//! hold is an error as well: label names that begin with two underscores, or are one when they are
//! escaped; a bucket without `le` or a summary's own sample without `quantile`, or with one that is
//! no number.

mod draft;
mod own_label;
mod strict;

use std::mem;

use self::draft::Draft;
use self::own_label::read_own_label;
use self::strict::{Checked, Strict};
use super::cursor::Cursor;
use super::error::ParseError;
use super::escapes::unescape;
use super::grammar::Grammar;
use super::labels::{Braces, KnownNames, Row};
use super::number::{Placed, float, large_millis, millis};
use crate::model::{MetricFamily, MetricType, Suffix, Timestamp};

/// Reads the families of a text one after the other, as readers of the field do.
///
/// ```
/// use narthex::model::{Family, MetricType};
/// use narthex::parser;
///
/// let text = "# TYPE jobs_total counter\njobs_total{queue=\"mail\"} 3 1700000000000\nup 1\n";
/// let mut families = parser::text::parse(text);
/// let jobs = families.next().unwrap()?;
/// assert_eq!((jobs.desc().name(), jobs.desc().metric_type()), ("jobs", MetricType::Counter));
/// let up = families.next().unwrap()?;
/// assert_eq!((up.desc().name(), up.desc().metric_type()), ("up", MetricType::Unknown));
/// assert!(families.next().is_none());
/// # Ok::<(), parser::ParseError>(())
/// ```
pub fn parse<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families::new(input.as_ref(), None)
}

/// Reads the families of a text, which has to be what the specification says.
///
/// ```
/// use narthex::parser;
///
/// let text = "up 1\nup 2\n";
/// assert_eq!(parser::text::parse(text).count(), 1);
/// let error = parser::text::parse_strict(text).next().unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "line 2, column 1: expected each series once, found a second sample of the one in line 1");
/// ```
pub fn parse_strict<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families::new(input.as_ref(), Some(Strict::default()))
}

/// All families of a text, read as by [`parse`].
///
/// ```
/// use narthex::{exposition, parser};
///
/// let families = parser::text::parse_all("# TYPE heat gauge\nheat{room=\"kitchen\"} 21.5")?;
/// assert_eq!(
///     exposition::openmetrics::encode(&families)?,
///     "# HELP heat \n# TYPE heat gauge\nheat{room=\"kitchen\"} 21.5\n# EOF\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_all<I: AsRef<[u8]> + ?Sized>(input: &I) -> Result<Vec<MetricFamily>, ParseError> {
    parse(input).collect()
}

/// The families of a text, read while they are asked for. Made by [`parse`] and [`parse_strict`].
///
/// Ends at the first error. The family that it stands in is not yielded; those before it are.
#[derive(Debug)]
pub struct Families<'a> {
    cursor: Cursor<'a>,
    grammar: Grammar,
    strict: Option<Strict>,
    draft: Option<Draft<'a>>,
    // Of the sample at hand, kept for their memory:
    braces: Braces<'a>,
    known: KnownNames<'a>,
    row: Row,
    ended: bool,
}

impl Iterator for Families<'_> {
    type Item = Result<MetricFamily, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read_family().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl std::iter::FusedIterator for Families<'_> {}

impl<'a> Families<'a> {
    fn new(input: &'a [u8], strict: Option<Strict>) -> Self {
        Self {
            cursor: Cursor::new(input),
            grammar: if strict.is_some() { Grammar::StrictText } else { Grammar::Text },
            strict,
            draft: None,
            braces: Braces::default(),
            known: KnownNames::default(),
            row: Row::default(),
            ended: false,
        }
    }

    /// Reads lines until a family has ended.
    fn read_family(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        loop {
            self.cursor.skip_blanks();
            let line = self.cursor.at();
            let goes_on = match self.cursor.peek() {
                None if self.cursor.is_at_end()? => return self.finish(),
                Some(b'\n' | b'\r') => {
                    self.end_line()?;
                    true
                }
                Some(b'#') => self.read_comment()?,
                _ => self.read_sample()?,
            };
            if !goes_on {
                // The line is read again, as one of the family that it begins.
                self.cursor.go_to(line);
                return self.finish();
            }
        }
    }

    /// Ends the family at hand, if there is one.
    fn finish(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        let Some(draft) = self.draft.take() else { return Ok(None) };
        if let Some(strict) = &mut self.strict {
            strict.finish(&self.cursor, &draft)?;
        }
        let at = draft.at;
        match draft.finish() {
            Some(family) => Ok(Some(family)),
            None => Err(self.cursor.error_at(at, NAMED_COUNTER)),
        }
    }

    fn begin(&mut self, draft: Draft<'a>) -> Result<&mut Draft<'a>, ParseError> {
        if let Some(strict) = &mut self.strict {
            strict.begin(&self.cursor, &draft)?;
        }
        Ok(self.draft.insert(draft))
    }

    /// Reads a line that begins with `#`; says whether it belongs to the family at hand.
    fn read_comment(&mut self) -> Result<bool, ParseError> {
        self.cursor.eat(b'#');
        self.cursor.skip_blanks();
        let is_help = match self.cursor.word() {
            "HELP" => true,
            "TYPE" => false,
            _ => {
                self.cursor.rest_of_line();
                return self.check_last_line();
            }
        };
        self.cursor.skip_blanks();
        let at = self.cursor.at();
        let name = match self.cursor.peek() {
            Some(b'"') => self.cursor.quoted_name(self.grammar.knows_all_escapes())?,
            None | Some(b'\r' | b'\n') if is_help && self.strict.is_none() => {
                self.cursor.rest_of_line();
                return Ok(true);
            }
            _ => self.cursor.bare_name(true)?.into(),
        };
        if name.is_empty() {
            return Err(self.cursor.error_at(at, "a metric name"));
        }
        if !matches!(self.cursor.peek(), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(self.cursor.error("a blank behind the metric name"));
        }
        self.cursor.skip_blanks();
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
        let from = self.cursor.at();
        let text = match self.strict {
            Some(_) => self.cursor.whole_rest_of_line()?,
            None => self.cursor.rest_of_line(),
        };
        self.check_last_line()?;
        let text = text.trim_end_matches([' ', '\t', '\r']);
        let (help, unknown) = unescape(text, false);
        if let Some(place) = unknown.filter(|_| self.grammar.knows_all_escapes()) {
            return Err(self.cursor.error_at(from + place, "one of the escapes \\\\ and \\n"));
        }
        let strict = self.strict.is_some();
        let Some(draft) = &mut self.draft else { return Ok(()) };
        if draft.help.is_some() {
            return Err(self.cursor.error_at(at, "one HELP for each family"));
        }
        if strict && draft.family.is_some() {
            return Err(self.cursor.error_at(at, "HELP before the samples"));
        }
        draft.help = Some(help);
        Ok(())
    }

    fn read_type(&mut self, at: usize) -> Result<(), ParseError> {
        let type_at = self.cursor.at();
        let metric_type = match self.cursor.word() {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "summary" => MetricType::Summary,
            "untyped" => MetricType::Unknown,
            _ => {
                let expected = "counter, gauge, histogram, summary or untyped";
                return Err(self.cursor.error_at(type_at, expected));
            }
        };
        self.cursor.skip_blanks();
        self.end_line()?;
        let Some(draft) = &mut self.draft else { return Ok(()) };
        if draft.metric_type.is_some() {
            return Err(self.cursor.error_at(at, "one TYPE for each family"));
        }
        if draft.family.is_some() {
            return Err(self.cursor.error_at(at, "TYPE before the samples"));
        }
        draft.metric_type = Some(metric_type);
        Ok(())
    }

    /// Reads a sample's line, unless it is one of another family: then it says no.
    fn read_sample(&mut self) -> Result<bool, ParseError> {
        let at = self.cursor.at();
        self.braces.clear();
        let bare = match self.cursor.peek() {
            Some(b'{') => None,
            _ => Some(self.cursor.bare_name(true)?),
        };
        if let (Some(name), Some(draft)) = (bare, &self.draft) {
            if draft.suffix_of(name).is_none() {
                return Ok(false);
            }
        }
        let blank_at = self.cursor.at();
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(b'{') {
            self.braces.read(&mut self.cursor, self.grammar, bare.is_some())?;
        } else if blank_at == self.cursor.at() {
            return Err(self.cursor.error("a blank or an opening brace behind the metric name"));
        }
        let name = match bare {
            Some(name) => name.into(),
            None => mem::take(&mut self.braces.name)
                .ok_or_else(|| self.cursor.error_at(at, "a metric name"))?,
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
        self.cursor.skip_blanks();
        let value = self.read_value()?;
        self.cursor.skip_blanks();
        let timestamp = self.read_timestamp()?;
        self.end_line()?;
        self.add_sample(at, suffix, value, timestamp)?;
        Ok(true)
    }

    #[inline]
    fn read_value(&mut self) -> Result<Placed, ParseError> {
        let at = self.cursor.at();
        let token = self.cursor.word();
        let error = |expected| self.cursor.error_at_word(at, expected, token);
        let value = float(token).ok_or_else(|| error("a number"))?;
        let is_spelled = || token.bytes().any(|byte| matches!(byte, b'i' | b'I'));
        if value.is_infinite() && self.strict.is_some() && !is_spelled() {
            return Err(error("a number that a float can hold"));
        }
        Ok(Placed { number: value, at })
    }

    #[inline]
    fn read_timestamp(&mut self) -> Result<Option<Timestamp>, ParseError> {
        if matches!(self.cursor.peek(), None | Some(b'\r' | b'\n')) {
            return Ok(None);
        }
        let at = self.cursor.at();
        let token = self.cursor.word();
        self.cursor.skip_blanks();
        // Where a comment might be expected, others write exemplars.
        if token.starts_with('#') || self.cursor.peek() == Some(b'#') {
            let at = if token.starts_with('#') { at } else { self.cursor.at() };
            return Err(self.cursor.error_at(at, NO_EXEMPLAR));
        }
        if let Some(time) = millis(token) {
            return Ok(Some(time));
        }
        match large_millis(token) {
            Some(time) if self.strict.is_none() => Ok(Some(time)),
            Some(_) => Err(self.cursor.error_at_word(at, "milliseconds of 64 bits", token)),
            None => Err(self.cursor.error_at_word(at, TIMESTAMP, token)),
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
        let labels = &self.braces.labels;
        let own = read_own_label(&self.cursor, at, metric_type, suffix, &self.braces)?;
        let names = self.known.find(&self.cursor, labels)?;
        if let Some(strict) = &mut self.strict {
            let sample = Checked { at, suffix, names, labels, value, own };
            strict.add(&self.cursor, metric_type, &sample)?;
        }
        let row = self.row.fill(&self.cursor, names, labels)?;
        let Some(family) = draft.family() else {
            return Err(self.cursor.error_at(name_at, NAMED_COUNTER));
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
        if self.cursor.eat(b'\n') {
            return Ok(());
        }
        let at = self.cursor.at();
        let returned = self.strict.is_none() && self.cursor.eat(b'\r');
        match self.cursor.peek() {
            Some(b'\n') if returned => {
                self.cursor.eat(b'\n');
                Ok(())
            }
            None => self.check_last_line().map(|_| ()),
            Some(_) => Err(self.cursor.error_at(at, "the end of the line")),
        }
    }

    /// Behind what may be the last line: whether it had to end with a line feed.
    fn check_last_line(&self) -> Result<bool, ParseError> {
        if self.strict.is_some()
            && self.cursor.peek().is_none()
            && !self.cursor.ends_with_line_feed()
        {
            return Err(self.cursor.error("a line feed behind the last line"));
        }
        Ok(true)
    }
}

const TIMESTAMP: &str = "a timestamp in whole milliseconds, or the end of the line";
const NO_EXEMPLAR: &str =
    "the end of the line, as only OpenMetrics, which parser::openmetrics reads, has exemplars";
const NAMED_COUNTER: &str = "the name of a counter before \"_total\"";
