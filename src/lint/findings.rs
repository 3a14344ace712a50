//! Problems as they are found.

use std::collections::{BTreeMap, HashSet};

use super::problem::Problem;
use super::repeats::Repeat;
use super::rule::Rule;

/// The problems so far, without those that nobody wants to hear of.
#[derive(Debug, Default)]
pub(super) struct Findings {
    off: HashSet<Rule>,
    problems: Vec<Problem>,
}

impl Findings {
    pub(super) fn without(off: &HashSet<Rule>) -> Self {
        Self { off: off.clone(), problems: Vec::new() }
    }

    pub(super) fn add(&mut self, rule: Rule, metric: &str, text: impl Into<String>) {
        self.add_at(rule, metric, text, None, None);
    }

    pub(super) fn add_at(
        &mut self,
        rule: Rule,
        metric: &str,
        text: impl Into<String>,
        line: Option<usize>,
        column: Option<usize>,
    ) {
        if !self.off.contains(&rule) {
            let (metric, text) = (metric.to_owned(), text.into());
            self.problems.push(Problem { rule, metric, text, line, column });
        }
    }

    pub(super) fn has(&self, rule: Rule) -> bool {
        self.problems.iter().any(|problem| problem.rule == rule)
    }

    /// Says of series that stand twice where the first of them does so.
    pub(super) fn locate_repeats(&mut self, repeats: &[Repeat]) {
        let of_series = |problem: &&mut Problem| problem.rule == Rule::DuplicateSeries;
        for problem in self.problems.iter_mut().filter(of_series) {
            if let Some(again) = repeats.iter().find(|again| again.is_of(&problem.metric)) {
                (problem.line, problem.column) = (Some(again.line), Some(again.column));
            }
        }
    }

    /// Says of each problem that has no line yet where its metric stands.
    pub(super) fn locate(&mut self, line_of: impl Fn(&str) -> Option<usize>) {
        for problem in self.problems.iter_mut().filter(|problem| problem.line.is_none()) {
            problem.line = line_of(&problem.metric);
        }
    }

    /// The problems by line, metric and rule.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by(|one, other| {
            let key = |problem: &Problem| (problem.line, problem.rule);
            one.line
                .cmp(&other.line)
                .then_with(|| one.metric.cmp(&other.metric))
                .then_with(|| key(one).cmp(&key(other)))
                .then_with(|| one.text.cmp(&other.text))
        });
        self.problems
    }
}

/// Faults of the samples of one family: the first of each rule is told, the others are counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    first: BTreeMap<Rule, (String, usize)>,
}

impl Tally {
    pub(super) fn add(&mut self, rule: Rule, text: impl FnOnce() -> String) {
        self.first.entry(rule).or_insert_with(|| (text(), 0)).1 += 1;
    }

    pub(super) fn tell(self, metric: &str, findings: &mut Findings) {
        for (rule, (mut text, count)) in self.first {
            match count {
                1 => {}
                2 => text.push_str(", and one more like this"),
                more => text.push_str(&format!(", and {} more like this", more - 1)),
            }
            findings.add(rule, metric, text);
        }
    }
}
