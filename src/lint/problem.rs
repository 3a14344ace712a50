//! What a lint found.

use std::fmt;

use super::rule::Rule;

/// Something that is wrong with a metric, or with a text.
///
/// ```
/// use narthex::lint::{self, Rule};
///
/// let problems = lint::text("# HELP wait_ms Before a job.\n# TYPE wait_ms gauge\nwait_ms 3\n");
/// assert_eq!(problems[0].metric(), "wait_ms");
/// assert_eq!(problems[0].rule(), Rule::AbbreviatedUnit);
/// assert_eq!(problems[0].line(), Some(1));
/// assert_eq!(
///     problems[0].to_string(),
///     "line 1: wait_ms: the unit \"ms\" in the name is abbreviated [abbreviated-unit]",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) rule: Rule,
    pub(super) metric: String,
    pub(super) text: String,
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
}

impl Problem {
    /// The name of the family as the text format has it, so that a counter's ends with `_total`;
    /// empty if it is not known, as where a line cannot be read.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// The rule that it breaks.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What is wrong, in words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line, counted from 1, if it was a text that was read: that of the fault, or else the
    /// first one of the metric.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The column, counted from 1 in characters, if it is known: that of what a parser refused, or
    /// of a sample that stands once more.
    pub fn column(&self) -> Option<usize> {
        self.column
    }
}

impl fmt::Display for Problem {
    /// Place, metric and text, and the rule in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, metric, text, line, column } = self;
        match (line, column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            _ => {}
        }
        if !metric.is_empty() {
            write!(f, "{metric}: ")?;
        }
        write!(f, "{text} [{rule}]")
    }
}
