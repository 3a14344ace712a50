//! `narthex check`: tells what is wrong with expositions.

use narthex::lint::{Linter, Problem};
use serde_json::{Value, json};

use crate::input::Document;
use crate::options::CheckOptions;
use crate::output::{self, Failure, Outcome, printable};

pub(crate) fn run(options: &CheckOptions) -> Result<Outcome, Failure> {
    let linter = options.without.iter().fold(Linter::new(), |linter, rule| linter.without(*rule));
    let (mut reports, mut outcome) = (Vec::new(), Outcome::Sound);
    for place in &options.places {
        let document = match Document::read(place, &options.input) {
            Ok(document) => document,
            Err(Failure(message)) => {
                output::complain(&message);
                reports.push(json!({ "file": place.to_string_lossy(), "error": message }));
                outcome = Outcome::Unread;
                continue;
            }
        };
        let problems = document.lint(&linter);
        if problems.is_empty() && document.families(false).next().is_none() {
            output::complain(&format!("{}: there are no metrics in it", document.name));
        }
        if outcome == Outcome::Sound && !problems.is_empty() {
            outcome = Outcome::Damaged;
        }
        match options.json {
            true => reports.push(report(&document, &problems)),
            false => output::print(lines(&document, &problems).as_bytes())?,
        }
    }
    if options.json {
        let report = serde_json::to_string_pretty(&json!({ "files": reports }))?;
        output::print((report + "\n").as_bytes())?;
    }
    Ok(outcome)
}

fn lines(document: &Document, problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| {
        let place = match (problem.line(), problem.column()) {
            (Some(line), column) => format!(":{line}:{}", column.unwrap_or(1)),
            (None, _) => String::new(),
        };
        let metric = match problem.metric() {
            "" => String::new(),
            metric => format!("{metric}: "),
        };
        let (text, rule) = (problem.text(), problem.rule());
        printable(&format!("{}{place}: {metric}{text} [{rule}]", document.name)) + "\n"
    });
    lines.collect()
}

fn report(document: &Document, problems: &[Problem]) -> Value {
    let problems = problems.iter().map(|problem| {
        json!({
            "rule": problem.rule().as_str(),
            "metric": problem.metric(),
            "message": problem.text(),
            "line": problem.line(),
            "column": problem.column(),
        })
    });
    json!({
        "file": document.name,
        "format": document.format.name,
        "problems": problems.collect::<Vec<_>>(),
    })
}
