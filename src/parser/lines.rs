//! The lines of OpenMetrics in both its versions, each up to the value of a sample.

use std::mem;

use super::document::Document;
use super::draft::Draft;
use super::error::{ParseError, quoted};
use super::escapes::unescape;
use super::grammar::Grammar;
use super::series::Keys;
use crate::model::{MetricType, Suffix};

/// Lines that are being read, and the family that they belong to.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) doc: Document<'a>,
    grammar: Grammar,
    pub(super) draft: Option<Draft<'a>>,
    /// The names of all families before, and of their samples.
    pub(super) taken: Keys,
    ended: bool,
}

/// A sample, read up to its value: its labels are those of the document's braces.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) at: usize,
    pub(super) suffix: Suffix,
}

/// What a line is to the family at hand.
enum Line {
    Metadata,
    Sample(Head),
    Behind,
    End,
}

impl<'a> Lines<'a> {
    pub(super) fn new(input: &'a [u8], grammar: Grammar) -> Self {
        Self {
            doc: Document::new(input),
            grammar,
            draft: None,
            taken: Keys::default(),
            ended: false,
        }
    }

    /// Reads up to the value of the family's next sample; `None` where the family has ended.
    pub(super) fn next_sample(&mut self) -> Result<Option<Head>, ParseError> {
        while !self.ended {
            let at = self.doc.cursor.at();
            let line = match self.doc.cursor.peek() {
                None => {
                    self.doc.cursor.is_at_end()?;
                    return Err(self.doc.cursor.error("\"# EOF\" at the end"));
                }
                Some(b'#') => self.read_metadata()?,
                Some(b'\n') => return Err(self.doc.cursor.error("a sample or metadata")),
                Some(_) => self.read_head()?,
            };
            match line {
                Line::Metadata => {}
                Line::Sample(head) => return Ok(Some(head)),
                Line::Behind => {
                    // The line is read again, as one of the family that it begins.
                    self.doc.cursor.go_to(at);
                    return Ok(None);
                }
                Line::End => self.ended = true,
            }
        }
        Ok(None)
    }

    fn read_metadata(&mut self) -> Result<Line, ParseError> {
        let (cursor, grammar) = (&mut self.doc.cursor, self.grammar);
        if cursor.eat_text("# EOF") {
            cursor.eat(b'\n');
            return match cursor.is_at_end()? {
                true => Ok(Line::End),
                false => Err(cursor.error("the end of the input behind \"# EOF\"")),
            };
        }
        let keywords = ["# HELP ", "# TYPE ", "# UNIT "];
        let Some(keyword) = keywords.into_iter().find(|keyword| cursor.eat_text(keyword)) else {
            return Err(cursor.error("\"# HELP \", \"# TYPE \", \"# UNIT \" or \"# EOF\""));
        };
        let at = cursor.at();
        let name = match cursor.peek() {
            Some(b'"') => cursor.quoted_name(false)?,
            _ => cursor.bare_name(true)?.into(),
        };
        if name.is_empty() {
            return Err(cursor.error_at(at, "a metric name"));
        }
        cursor.expect(b' ', "a space behind the metric name")?;
        match &self.draft {
            Some(draft) if draft.name != name => return Ok(Line::Behind),
            Some(draft) if draft.family.is_some() => {
                return Err(cursor.error_at(at, "metadata before the samples"));
            }
            _ => {}
        }
        let from = cursor.at();
        let text = cursor.whole_rest_of_line()?;
        let draft = self.draft.get_or_insert_with(|| Draft::new(grammar, at, name));
        let is_none = text.is_empty() && grammar.takes_empty_for_none();
        let again = match keyword {
            "# TYPE " => {
                let metric_type = MetricType::parse(text).filter(|_| text != "untyped");
                let Some(metric_type) = metric_type else {
                    return Err(cursor.error_finding(from, TYPES, quoted(text)));
                };
                draft.metric_type.replace(metric_type).is_some()
            }
            _ if is_none => false,
            "# HELP " => {
                if let Some(place) = bare_at(text).filter(|_| !grammar.takes_bare_quotes()) {
                    let expected = "quotes behind a backslash, and none that ends the line";
                    return Err(cursor.error_at(from + place, expected));
                }
                draft.help.replace(unescape(text, true).0).is_some()
            }
            _ => {
                let unit = unescape(text, true).0;
                let ends = draft.name.strip_suffix(&*unit).is_some_and(|stem| stem.ends_with('_'));
                if grammar.names_units() && !unit.is_empty() && !ends {
                    let expected = "a unit that the metric name ends with";
                    return Err(cursor.error_finding(from, expected, quoted(&unit)));
                }
                let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_:".contains(&byte);
                if !grammar.names_units() && !text.bytes().all(is_legal) {
                    let expected = "a unit of letters, digits, underscores and colons";
                    return Err(cursor.error_finding(from, expected, quoted(text)));
                }
                draft.unit.replace((unit, from)).is_some()
            }
        };
        match again {
            true => Err(cursor.error_at(at, "each kind of metadata once for a family")),
            false => Ok(Line::Metadata),
        }
    }

    fn read_head(&mut self) -> Result<Line, ParseError> {
        let Self { doc, grammar, draft, .. } = self;
        let (cursor, braces) = (&mut doc.cursor, &mut doc.braces);
        let at = cursor.at();
        braces.clear();
        let bare = match cursor.peek() {
            Some(b'{') => None,
            _ => Some(cursor.bare_name(true)?),
        };
        if let (Some(name), Some(draft)) = (bare, &draft) {
            if draft.suffix_of(name).is_none() {
                return self.behind(at, name);
            }
        }
        if cursor.peek() == Some(b'{') {
            braces.read(cursor, *grammar, bare.is_some())?;
        }
        let name = match bare {
            Some(name) => name.into(),
            None => {
                mem::take(&mut braces.name).ok_or_else(|| cursor.error_at(at, "a metric name"))?
            }
        };
        let suffix = match &draft {
            Some(draft) => match draft.suffix_of(&name) {
                Some(suffix) => suffix,
                None => return self.behind(at, &name),
            },
            None => {
                *draft = Some(Draft::new(*grammar, at, name));
                Suffix::None
            }
        };
        cursor.expect(b' ', "a space before the value")?;
        Ok(Line::Sample(Head { at, suffix }))
    }

    /// A sample that the family at hand does not have is another one's, unless it has its name.
    fn behind(&self, at: usize, name: &str) -> Result<Line, ParseError> {
        match &self.draft {
            Some(draft) if draft.name == name => {
                let expected = draft.expected_suffix();
                Err(self.doc.cursor.error_finding(at, expected, quoted(name)))
            }
            _ => Ok(Line::Behind),
        }
    }
}

/// Where the first quotes are that no backslash stands before, or a backslash with nothing behind.
fn bare_at(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'"' || byte == b'\\' && bytes.next().is_none() {
            return Some(at);
        }
    }
    None
}

const TYPES: &str = "counter, gauge, gaugehistogram, histogram, info, stateset, summary or unknown";
