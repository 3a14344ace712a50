//! Which rules are looked at, and over what.

use std::collections::HashSet;

use super::clashes::Families;
use super::findings::Findings;
use super::lines::Lines;
use super::problem::Problem;
use super::repeats::repeats;
use super::rule::Rule;
use super::{labels, naming, samples};
use crate::collector::{Collector, for_each_family};
use crate::model::{Family, MetricFamily};
use crate::parser::{self, ParseError};

/// Looks for problems, by all rules but those that are switched off.
///
/// ```
/// use narthex::lint::{Linter, Rule};
///
/// let text = "# TYPE wait_seconds gauge\nwait_seconds 3\n";
/// assert_eq!(Linter::new().text(text).len(), 1);
/// assert_eq!(Linter::new().without(Rule::NoHelp).text(text), []);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Linter {
    off: HashSet<Rule>,
}

impl Linter {
    /// A linter that has all rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same without a rule.
    #[must_use]
    pub fn without(mut self, rule: Rule) -> Self {
        self.off.insert(rule);
        self
    }

    /// A linter that has these rules and no others.
    ///
    /// ```
    /// use narthex::lint::{Linter, Rule};
    ///
    /// let linter = Linter::only([Rule::CamelCase]);
    /// let problems = linter.text("# TYPE queueLength gauge\nqueueLength 3\n");
    /// assert_eq!(problems.len(), 1);
    /// ```
    pub fn only(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut off: HashSet<Rule> = Rule::ALL.iter().copied().collect();
        for rule in rules {
            off.remove(&rule);
        }
        Self { off }
    }

    /// What is wrong with all that a collector tells now, and with its families beside one
    /// another: see [`families`](super::families()).
    pub fn families(&self, collector: &dyn Collector) -> Vec<Problem> {
        let mut findings = Findings::without(&self.off);
        check(collector, &mut findings);
        findings.finish()
    }

    /// What is wrong with one family by itself: see [`family`](super::family()).
    pub fn family(&self, family: &dyn Family) -> Vec<Problem> {
        let mut findings = Findings::without(&self.off);
        check_family(family, &mut findings);
        findings.finish()
    }

    /// What is wrong with a text of the format 0.0.4 or 1.0.0: see [`text`](super::text()).
    pub fn text(&self, text: impl AsRef<[u8]>) -> Vec<Problem> {
        let text = text.as_ref();
        let lines = Lines::read(&String::from_utf8_lossy(text));
        let mut findings = Findings::without(&self.off);
        let (families, error) = read(parser::text::parse(text));
        check(&families, &mut findings);
        let repeats = match findings.has(Rule::DuplicateSeries) {
            true => repeats(&String::from_utf8_lossy(text)),
            false => Vec::new(),
        };
        findings.locate_repeats(&repeats);
        let strictly = parser::text::parse_strict(text).find_map(Result::err);
        match (error, strictly) {
            (Some(error), _) => add_error(Rule::Syntax, &error, &lines, &mut findings),
            // It is told already that a series stands there once more.
            (None, Some(error)) if repeats.iter().any(|again| again.line == error.line()) => {}
            (None, Some(error)) => add_error(Rule::LenientSyntax, &error, &lines, &mut findings),
            (None, None) => {}
        }
        for (name, line) in lines.counters().filter(|(name, _)| !name.ends_with("_total")) {
            let text = "a counter has a name that does not end with \"_total\"";
            findings.add_at(Rule::CounterWithoutTotal, name, text, Some(line), None);
        }
        findings.locate(|name| lines.of_family(name));
        findings.finish()
    }

    /// What is wrong with a text of OpenMetrics 1.0.0: see [`openmetrics`](super::openmetrics()).
    pub fn openmetrics(&self, text: impl AsRef<[u8]>) -> Vec<Problem> {
        let text = text.as_ref();
        self.lines(text, parser::openmetrics::parse(text))
    }

    /// What is wrong with a text of OpenMetrics 2.0: see [`openmetrics2`](super::openmetrics2()).
    #[cfg(feature = "openmetrics2")]
    pub fn openmetrics2(&self, text: impl AsRef<[u8]>) -> Vec<Problem> {
        let text = text.as_ref();
        self.lines(text, parser::openmetrics2::parse(text))
    }

    /// What is wrong with protobuf messages: see [`protobuf`](super::protobuf()).
    pub fn protobuf(&self, bytes: impl AsRef<[u8]>) -> Vec<Problem> {
        let mut findings = Findings::without(&self.off);
        let (families, error) = read(parser::protobuf::parse(bytes.as_ref()));
        if let Some(error) = error {
            findings.add(Rule::Syntax, error.family().unwrap_or_default(), error.to_string());
        }
        check(&families, &mut findings);
        findings.finish()
    }

    fn lines(&self, text: &[u8], families: parser::Families<'_>) -> Vec<Problem> {
        let lines = Lines::read(&String::from_utf8_lossy(text));
        let mut findings = Findings::without(&self.off);
        let (families, error) = read(families);
        if let Some(error) = error {
            add_error(Rule::Syntax, &error, &lines, &mut findings);
        }
        check(&families, &mut findings);
        findings.locate(|name| lines.of_family(name));
        findings.finish()
    }
}

/// The families before the first error, and that.
fn read<E>(
    parsed: impl Iterator<Item = Result<MetricFamily, E>>,
) -> (Vec<MetricFamily>, Option<E>) {
    let mut families = Vec::new();
    for family in parsed {
        match family {
            Ok(family) => families.push(family),
            Err(error) => return (families, Some(error)),
        }
    }
    (families, None)
}

fn add_error(rule: Rule, error: &ParseError, lines: &Lines, findings: &mut Findings) {
    let metric = lines.name_in(error.line()).unwrap_or_default();
    let text = format!("expected {}, found {}", error.expected(), error.found());
    findings.add_at(rule, metric, text, Some(error.line()), Some(error.column()));
}

fn check(collector: &dyn Collector, findings: &mut Findings) {
    let mut families = Families::default();
    let scraped = for_each_family(collector, &mut |family| {
        families.add(family.desc());
        check_family(family, findings);
        Ok(())
    });
    if let Err(error) = scraped {
        findings.add(Rule::FailedScrape, "", error.to_string());
    }
    families.check(findings);
}

fn check_family(family: &dyn Family, findings: &mut Findings) {
    naming::check(family.desc(), findings);
    labels::check(family, findings);
    samples::check(family, findings);
}
