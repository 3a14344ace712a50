//! The labels of a sample: read between braces, and put into the order of exposition.

use std::borrow::Cow;

use super::cursor::{Cursor, KNOWN_ESCAPES};
use super::error::{ParseError, quoted};
use super::escapes::canonical;
use super::grammar::Grammar;
use crate::model::{LabelNames, RowLabels};

/// How many sets of label names are kept. A histogram has two, with `le` and without.
const KEPT: usize = 4;

/// A label as it was read.
#[derive(Debug)]
pub(super) struct Label<'a> {
    at: usize,
    pub(super) name: Cow<'a, str>,
    /// Escaped, as the model keeps it.
    pub(super) value: Cow<'a, str>,
    value_at: usize,
    escaped: bool,
}

/// What stands between braces; cleared, it keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Braces<'a> {
    pub(super) labels: Vec<Label<'a>>,
    /// The name of the sample, if it stands there.
    pub(super) name: Option<Cow<'a, str>>,
}

impl<'a> Braces<'a> {
    /// Nothing at all, as where there are no braces.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.labels.clear();
        self.name = None;
    }

    /// Reads from the opening brace to the closing one.
    ///
    /// # Errors
    /// If it is not as `grammar` has it. With `named`, no name of a sample may stand there.
    pub(super) fn read(
        &mut self,
        cursor: &mut Cursor<'a>,
        grammar: Grammar,
        named: bool,
    ) -> Result<(), ParseError> {
        self.clear();
        cursor.expect(b'{', "an opening brace")?;
        grammar.skip_blanks(cursor);
        if grammar.takes_lone_comma() && cursor.eat(b',') {
            cursor.skip_blanks();
            return cursor.expect(b'}', "a closing brace");
        }
        let mut comma = false;
        while !((grammar.takes_last_comma() || !comma) && cursor.eat(b'}')) {
            self.read_item(cursor, grammar, named)?;
            grammar.skip_blanks(cursor);
            comma = cursor.eat(b',');
            if comma && grammar.takes_spaces_behind_commas() {
                cursor.skip_blanks();
            } else if !comma && cursor.peek() != Some(b'}') {
                return Err(cursor.error("a comma or a closing brace"));
            }
        }
        Ok(())
    }

    fn read_item(
        &mut self,
        cursor: &mut Cursor<'a>,
        grammar: Grammar,
        named: bool,
    ) -> Result<(), ParseError> {
        let at = cursor.at();
        let name = if cursor.peek() == Some(b'"') {
            let name = cursor.quoted_name(grammar.knows_all_escapes())?;
            grammar.skip_blanks(cursor);
            if !named && self.name.is_none() && cursor.peek() != Some(b'=') {
                if grammar.wants_name_first() && !self.labels.is_empty() {
                    return Err(cursor.error_at(at, "the metric name before all labels"));
                }
                if name.is_empty() {
                    return Err(cursor.error_at(at, "a metric name"));
                }
                self.name = Some(name);
                return Ok(());
            }
            name
        } else {
            Cow::Borrowed(cursor.bare_name(false)?)
        };
        grammar.skip_blanks(cursor);
        cursor.expect(b'=', "an equals sign")?;
        grammar.skip_blanks(cursor);
        if cursor.peek() != Some(b'"') {
            return Err(cursor.error("a label value in quotes"));
        }
        let value_at = cursor.at();
        let (value, escaped) = cursor.quoted()?;
        let value = if escaped {
            let (value, unknown) = canonical(value);
            if let Some(place) = unknown.filter(|_| grammar.knows_all_escapes()) {
                return Err(cursor.error_at(value_at + 1 + place, KNOWN_ESCAPES));
            }
            value
        } else {
            Cow::Borrowed(value)
        };
        self.labels.push(Label { at, name, value, value_at, escaped });
        Ok(())
    }

    /// The label of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Label<'a>> {
        self.labels.iter().find(|label| label.name == name)
    }
}

impl Label<'_> {
    /// Where it stands in the document.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where its value stands, quotes and all.
    pub(super) fn value_at(&self) -> usize {
        self.value_at
    }
}

/// The sets of label names that were read last: nearly all samples share a few.
#[derive(Debug, Default)]
pub(super) struct KnownNames<'a> {
    sets: Vec<(Vec<Cow<'a, str>>, LabelNames)>,
    last: usize,
}

impl<'a> KnownNames<'a> {
    /// The names of these labels, checked.
    ///
    /// # Errors
    /// If one is not allowed, or two are one.
    #[inline]
    pub(super) fn find(
        &mut self,
        cursor: &Cursor<'a>,
        labels: &[Label<'a>],
    ) -> Result<&LabelNames, ParseError> {
        let are_names = |set: &(Vec<Cow<'a, str>>, LabelNames)| {
            set.0.len() == labels.len()
                && set.0.iter().zip(labels).all(|(name, label)| *name == label.name)
        };
        if !self.sets.get(self.last).is_some_and(are_names) {
            self.last = match self.sets.iter().position(are_names) {
                Some(place) => place,
                None => self.add(cursor, labels)?,
            };
        }
        Ok(&self.sets[self.last].1)
    }

    fn add(&mut self, cursor: &Cursor<'a>, labels: &[Label<'a>]) -> Result<usize, ParseError> {
        let names = LabelNames::new(labels.iter().map(|label| &label.name));
        let names = names.map_err(|error| refusal(cursor, labels, error.duplicates()))?;
        let set = (labels.iter().map(|label| label.name.clone()).collect(), names);
        if self.sets.len() < KEPT {
            self.sets.push(set);
            return Ok(self.sets.len() - 1);
        }
        // The one behind the last one used is, of few, the one least missed.
        let place = (self.last + 1) % KEPT;
        self.sets[place] = set;
        Ok(place)
    }
}

/// Why the names of labels were refused: two of them are one, or one is not allowed.
fn refusal(cursor: &Cursor<'_>, labels: &[Label<'_>], duplicates: &[String]) -> ParseError {
    let refused = match duplicates.first() {
        Some(twice) => labels.iter().rfind(|label| label.name == **twice),
        None => labels.iter().find(|label| label.name.is_empty() || label.name.starts_with("__")),
    };
    let (at, found) = match refused {
        Some(label) => (label.at, quoted(&label.name)),
        None => (cursor.at(), "none".to_owned()),
    };
    let expected = match duplicates {
        [] => "a label name that is not empty and does not begin with two underscores",
        _ => "a label name that no other label has, be it after escaping",
    };
    cursor.error_finding(at, expected, found)
}

/// The label values of a sample as a row of a family; filled again, it keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Row {
    text: String,
    lens: Vec<u32>,
}

impl Row {
    /// The values in the order of exposition.
    ///
    /// # Errors
    /// If one is longer than any reader would take.
    #[inline]
    pub(super) fn fill(
        &mut self,
        cursor: &Cursor<'_>,
        names: &LabelNames,
        labels: &[Label<'_>],
    ) -> Result<RowLabels<'_>, ParseError> {
        self.text.clear();
        self.lens.clear();
        let mut escaped = false;
        for &place in names.declared_at() {
            let value = &*labels[place].value;
            let Ok(len) = u32::try_from(value.len()) else {
                return Err(cursor.error_at(labels[place].at, "a label value below 4 GiB"));
            };
            escaped |= labels[place].escaped;
            self.text.push_str(value);
            self.lens.push(len);
        }
        Ok(RowLabels::Escaped { text: &self.text, lens: &self.lens, escaped })
    }
}
