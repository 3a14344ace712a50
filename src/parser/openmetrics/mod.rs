//! OpenMetrics 1.0.0.
//!
//! [The specification](https://prometheus.io/docs/specs/om/open_metrics_spec/).
//!
//! Whatever it says that an exposition must or must not have is held: `# EOF` at the end and nothing
//! behind it; single spaces, no other comments, no empty lines; TYPE, UNIT and HELP once and before
//! the samples; names that no two families share, those of `_created` samples included; a unit that
//! the name ends with; the samples of a metric together, their times ascending; the values and labels
//! of each type; whole histograms, whose buckets ascend up to `+Inf` and agree with the count;
//! exemplars only where there can be any, with 128 characters and a value in their bucket.
//!
//! Beyond it, as other readers do, a space behind a comma between labels, a quoted metric name
//! behind labels, and bare quotes in HELP are read. A sample that comes again at the same time, as
//! times do that were cut off, is left out. Of a timestamp, nine digits behind the point count.
//! Native histograms, which the format has only by experiment, are not read.

mod draft;
mod groups;
mod rules;

use std::borrow::Cow;
use std::mem;

use self::draft::Draft;
use self::groups::{Checked, Fate, Groups};
use self::rules::{check_value, has_exemplars, own_label, read_own_label, refuse_own_label};
use super::cursor::Cursor;
use super::error::{ParseError, quoted};
use super::escapes::unescape;
use super::grammar::Grammar;
use super::labels::{Braces, KnownNames, Row};
use super::number::{Placed, float, seconds};
use super::series::Keys;
use crate::model::escape::unescape as raw_value;
use crate::model::{EXEMPLAR_LIMIT, Exemplar, MetricFamily, MetricType, Suffix, Timestamp};

/// Reads the families of an OpenMetrics exposition one after the other.
///
/// ```
/// use narthex::model::{Family, MetricType};
/// use narthex::parser;
///
/// let text = "\
/// ## TYPE wait_seconds histogram
/// ## UNIT wait_seconds seconds
/// wait_seconds_bucket{le=\"0.1\"} 4 # {trace_id=\"4bf9\"} 0.07
/// wait_seconds_bucket{le=\"+Inf\"} 5
/// wait_seconds_count 5
/// wait_seconds_sum 0.9
/// ## EOF
/// ";
/// let mut families = parser::openmetrics::parse(text);
/// let wait = families.next().unwrap()?;
/// assert_eq!(wait.desc().metric_type(), MetricType::Histogram);
/// assert_eq!(wait.desc().unit(), Some("seconds"));
/// assert!(families.next().is_none());
/// # Ok::<(), parser::ParseError>(())
/// ```
pub fn parse<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families {
        cursor: Cursor::new(input.as_ref()),
        draft: None,
        taken: Keys::default(),
        groups: Groups::default(),
        braces: Braces::default(),
        exemplar: Braces::default(),
        known: KnownNames::default(),
        row: Row::default(),
        ended: false,
    }
}

/// All families of an OpenMetrics exposition.
///
/// ```
/// use narthex::{exposition, parser};
///
/// let text = "# HELP jobs Done.\n# TYPE jobs counter\njobs_total 3.0 123.456\n# EOF\n";
/// let families = parser::openmetrics::parse_all(text)?;
/// assert_eq!(exposition::openmetrics::encode(&families)?, text);
///
/// let error = parser::openmetrics::parse_all("jobs 3\n").unwrap_err();
/// assert_eq!(error.to_string(), "line 2, column 1: expected \"# EOF\" at the end, found the end of the input");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_all<I: AsRef<[u8]> + ?Sized>(input: &I) -> Result<Vec<MetricFamily>, ParseError> {
    parse(input).collect()
}

/// The families of an exposition, read while they are asked for. Made by [`parse`].
///
/// Ends at the first error. The family that it stands in is not yielded; those before it are.
#[derive(Debug)]
pub struct Families<'a> {
    cursor: Cursor<'a>,
    draft: Option<Draft<'a>>,
    /// The names of all families before, and of their samples.
    taken: Keys,
    groups: Groups,
    // Of the sample at hand, kept for their memory:
    braces: Braces<'a>,
    exemplar: Braces<'a>,
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
        self.ended |= !matches!(next, Some(Ok(_)));
        next
    }
}

impl std::iter::FusedIterator for Families<'_> {}

/// What a line is to the family at hand.
enum Line {
    Inside,
    Behind,
    End,
}

impl<'a> Families<'a> {
    /// Reads lines until a family has ended.
    fn read_family(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        loop {
            let at = self.cursor.at();
            let line = match self.cursor.peek() {
                None => {
                    self.cursor.is_at_end()?;
                    return Err(self.cursor.error("\"# EOF\" at the end"));
                }
                Some(b'#') => self.read_metadata()?,
                Some(b'\n') => return Err(self.cursor.error("a sample or metadata")),
                Some(_) => self.read_sample()?,
            };
            match line {
                Line::Inside => {}
                Line::Behind => {
                    // The line is read again, as one of the family that it begins.
                    self.cursor.go_to(at);
                    return self.finish();
                }
                Line::End => {
                    self.ended = true;
                    return self.finish();
                }
            }
        }
    }

    /// Ends the family at hand, if there is one.
    fn finish(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        let Some(mut draft) = self.draft.take() else { return Ok(None) };
        self.groups.finish(&self.cursor, draft.metric_type())?;
        self.groups.clear();
        draft.family(&self.cursor, &mut self.taken)?;
        Ok(draft.family)
    }

    fn read_metadata(&mut self) -> Result<Line, ParseError> {
        if self.cursor.eat_text("# EOF") {
            self.cursor.eat(b'\n');
            return match self.cursor.is_at_end()? {
                true => Ok(Line::End),
                false => Err(self.cursor.error("the end of the input behind \"# EOF\"")),
            };
        }
        let keywords = ["# HELP ", "# TYPE ", "# UNIT "];
        let Some(keyword) = keywords.into_iter().find(|keyword| self.cursor.eat_text(keyword))
        else {
            return Err(self.cursor.error("\"# HELP \", \"# TYPE \", \"# UNIT \" or \"# EOF\""));
        };
        let at = self.cursor.at();
        let name = match self.cursor.peek() {
            Some(b'"') => self.cursor.quoted_name(false)?,
            _ => self.cursor.bare_name(true)?.into(),
        };
        if name.is_empty() {
            return Err(self.cursor.error_at(at, "a metric name"));
        }
        self.cursor.expect(b' ', "a space behind the metric name")?;
        match &self.draft {
            Some(draft) if draft.name != name => return Ok(Line::Behind),
            Some(draft) if draft.family.is_some() => {
                return Err(self.cursor.error_at(at, "metadata before the samples"));
            }
            Some(_) => {}
            None => self.draft = Some(Draft::new(at, name)),
        }
        let from = self.cursor.at();
        let text = self.cursor.whole_rest_of_line()?;
        let Some(draft) = &mut self.draft else { return Ok(Line::Inside) };
        let again = match keyword {
            "# HELP " => draft.help.replace(unescape(text, true).0).is_some(),
            "# TYPE " => {
                let metric_type = MetricType::parse(text).filter(|_| text != "untyped");
                let Some(metric_type) = metric_type else {
                    return Err(self.cursor.error_finding(from, TYPES, quoted(text)));
                };
                draft.metric_type.replace(metric_type).is_some()
            }
            _ => {
                let unit = unescape(text, true).0;
                let ends = draft.name.strip_suffix(&*unit).is_some_and(|stem| stem.ends_with('_'));
                if !unit.is_empty() && !ends {
                    let expected = "a unit that the metric name ends with";
                    return Err(self.cursor.error_finding(from, expected, quoted(&unit)));
                }
                draft.unit.replace((unit, from)).is_some()
            }
        };
        match again {
            true => Err(self.cursor.error_at(at, "each kind of metadata once for a family")),
            false => Ok(Line::Inside),
        }
    }

    fn read_sample(&mut self) -> Result<Line, ParseError> {
        let at = self.cursor.at();
        self.braces.clear();
        let bare = match self.cursor.peek() {
            Some(b'{') => None,
            _ => Some(self.cursor.bare_name(true)?),
        };
        if let (Some(name), Some(draft)) = (bare, &self.draft) {
            if draft.suffix_of(name).is_none() {
                return self.behind(at, name);
            }
        }
        if self.cursor.peek() == Some(b'{') {
            self.braces.read(&mut self.cursor, Grammar::OpenMetrics, bare.is_some())?;
        }
        let name = match bare {
            Some(name) => name.into(),
            None => mem::take(&mut self.braces.name)
                .ok_or_else(|| self.cursor.error_at(at, "a metric name"))?,
        };
        let suffix = match &self.draft {
            Some(draft) => match draft.suffix_of(&name) {
                Some(suffix) => suffix,
                None => return self.behind(at, &name),
            },
            None => {
                self.draft = Some(Draft::new(at, name));
                Suffix::None
            }
        };
        self.cursor.expect(b' ', "a space before the value")?;
        let value_at = self.cursor.at();
        let value = self.read_number()?;
        let mut rest = Rest { time_at: self.cursor.at(), ..Rest::default() };
        if self.cursor.eat(b' ') {
            rest.time_at = self.cursor.at();
            if self.cursor.peek() != Some(b'#') {
                rest.time = Some(self.read_time()?);
            }
            if rest.time.is_none() || self.cursor.eat(b' ') {
                rest.exemplar_at = self.cursor.at();
                rest.exemplar = Some(self.read_exemplar()?);
            }
        }
        if !self.cursor.eat(b'\n') {
            return Err(self.cursor.error("the end of the line"));
        }
        self.add_sample(at, suffix, (value, value_at), &rest)?;
        Ok(Line::Inside)
    }

    /// A sample that the family at hand does not have is another one's, unless it has its name.
    fn behind(&self, at: usize, name: &str) -> Result<Line, ParseError> {
        match &self.draft {
            Some(draft) if draft.name == name => {
                let metric_type = draft.metric_type();
                let expected = format!("a suffix that samples of a {metric_type} have");
                Err(self.cursor.error_finding(at, expected, quoted(name)))
            }
            _ => Ok(Line::Behind),
        }
    }

    #[inline]
    fn read_number(&mut self) -> Result<f64, ParseError> {
        let at = self.cursor.at();
        let token = self.cursor.word();
        float(token).ok_or_else(|| self.cursor.error_at_word(at, "a number", token))
    }

    fn read_time(&mut self) -> Result<Timestamp, ParseError> {
        let at = self.cursor.at();
        let token = self.cursor.word();
        let error = || self.cursor.error_at_word(at, "a timestamp in seconds", token);
        seconds(token).ok_or_else(error)
    }

    fn read_exemplar(&mut self) -> Result<Exemplar, ParseError> {
        if !self.cursor.eat_text("# ") {
            return Err(self.cursor.error("\"# \" before an exemplar"));
        }
        let at = self.cursor.at();
        self.exemplar.read(&mut self.cursor, Grammar::OpenMetrics, true)?;
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

    fn add_sample(
        &mut self,
        at: usize,
        suffix: Suffix,
        (value, value_at): (f64, usize),
        rest: &Rest,
    ) -> Result<(), ParseError> {
        let (Some(draft), cursor) = (&mut self.draft, &self.cursor) else { return Ok(()) };
        let metric_type = draft.metric_type();
        check_value(metric_type, suffix, value)
            .map_err(|expected| cursor.error_at(value_at, expected))?;
        let own = match own_label(metric_type, suffix, &draft.name) {
            Some(own) => Some((own, read_own_label(cursor, at, metric_type, own, &self.braces)?)),
            None => None,
        };
        if own.is_none() {
            refuse_own_label(cursor, metric_type, &self.braces)?;
        }
        if let Some(exemplar) = &rest.exemplar {
            if !has_exemplars(metric_type, suffix) {
                let expected = "no exemplar, as this is neither a bucket nor a counter's total";
                return Err(cursor.error_at(rest.exemplar_at, expected));
            }
            let bound =
                own.and_then(|(_, bound)| bound).map_or(f64::INFINITY, |bound| bound.number);
            let is_inside = exemplar.as_ref().value() <= bound;
            if suffix == Suffix::Bucket && !is_inside {
                let expected = "an exemplar whose value is in its bucket";
                return Err(cursor.error_at(rest.exemplar_at, expected));
            }
        }
        let labels = &self.braces.labels;
        let names = self.known.find(cursor, labels)?;
        let (time, time_at) = (rest.time, rest.time_at);
        let placed = Placed { number: value, at: value_at };
        let sample = Checked { at, suffix, names, labels, own, value: placed, time, time_at };
        let fate = self.groups.add(cursor, metric_type, &sample)?;
        let row = self.row.fill(cursor, names, labels)?;
        let family = draft.family(cursor, &mut self.taken)?;
        match (suffix, fate) {
            (_, Fate::Repeated) => return Ok(()),
            (Suffix::Created, Fate::Next) if !value.is_nan() => {
                family.set_last_start(value);
                return Ok(());
            }
            _ => {}
        }
        let columns = family.float_columns(names, suffix);
        columns.push_float(row, value);
        if let Some(time) = rest.time {
            columns.set_timestamp(time, 1);
        }
        if let Some(exemplar) = &rest.exemplar {
            columns.push_exemplar(columns.rows() - 1, exemplar.as_ref());
        }
        Ok(())
    }
}

/// What stands behind a sample's value, and where.
#[derive(Debug, Default)]
struct Rest {
    time: Option<Timestamp>,
    time_at: usize,
    exemplar: Option<Exemplar>,
    exemplar_at: usize,
}

const TYPES: &str = "counter, gauge, gaugehistogram, histogram, info, stateset, summary or unknown";
