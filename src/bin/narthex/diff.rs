//! `narthex diff`: tells what two expositions say differently.

use std::collections::BTreeSet;
use std::path::Path;

use narthex::model::{EscapingScheme, Family, MetricFamily, MetricType, Suffix};
use serde_json::json;

use crate::compare::{self, Difference};
use crate::formats::{Input, Lack};
use crate::input::{Document, is_stdin};
use crate::losses::Losses;
use crate::options::{DiffOptions, InputOptions};
use crate::output::{self, Failure, Outcome, count, printable};

pub(crate) fn run(options: &DiffOptions) -> Result<Outcome, Failure> {
    if is_stdin(&options.first) && is_stdin(&options.second) {
        return Err(Failure("standard input can be read only once".to_owned()));
    }
    let from = |place: usize| options.from.get(place).or(options.from.first()).copied();
    let first = Side::read(&options.first, from(0), options)?;
    let second = Side::read(&options.second, from(1), options)?;
    let (ours, theirs) = (first.as_said_in(&second)?, second.as_said_in(&first)?);
    let differences = compare::families(
        ours.as_deref().unwrap_or(&first.families),
        theirs.as_deref().unwrap_or(&second.families),
        options.values,
    );
    match options.json {
        true => print_json(&differences)?,
        false => print_lines(&differences)?,
    }
    Ok(if differences.is_empty() { Outcome::Sound } else { Outcome::Damaged })
}

/// An exposition that is compared.
struct Side {
    name: String,
    format: Input,
    families: Vec<MetricFamily>,
}

impl Side {
    fn read(place: &Path, from: Option<Input>, options: &DiffOptions) -> Result<Self, Failure> {
        let document = Document::read(place, &InputOptions { from, timeout: options.timeout })?;
        let families = document.families(false).collect::<Result<Vec<_>, _>>();
        let families = families.map_err(|error| Failure(document.locate(&error)))?;
        Ok(Self { name: document.name, format: document.format, families })
    }

    /// These families as the format of the other side says them, if that has no place for something
    /// in them.
    fn as_said_in(&self, other: &Self) -> Result<Option<Vec<MetricFamily>>, Failure> {
        let (Some(output), Some(own)) = (other.format.writer(), self.format.writer()) else {
            return Ok(None);
        };
        let losses = Losses::of(&self.families, output, EscapingScheme::AllowUtf8, false);
        if !output.says_less_than(own) || losses.only_make_up() {
            return Ok(None);
        }
        // The format has native exemplars, and who reads of it may think that it has these.
        let natives = losses.of_kind(Lack::NativeExemplars).filter(|_| output.has_natives());
        if let Some((count, first)) = natives {
            output::complain(&format!(
                "{}: native exemplars beside those of other buckets are not compared, as {} does \
                 not have both: {count}, the first of {first:?}",
                self.name, output.name,
            ));
        }
        let created = other.families.iter().any(shows_starts);
        let text = output.write(&self.families, EscapingScheme::AllowUtf8, created)?;
        let families = other.format.read(&text, false).collect::<Result<_, _>>();
        families.map(Some).map_err(|fault| Failure(format!("{}{fault}", other.format.name)))
    }
}

/// Whether a family is one of start times that were written as gauges.
fn shows_starts(family: &MetricFamily) -> bool {
    let desc = family.desc();
    desc.metric_type() == MetricType::Gauge && desc.name().ends_with(Suffix::Created.as_str())
}

fn print_lines(differences: &[Difference]) -> Result<(), Failure> {
    output::stream(|out| {
        for difference in differences {
            let Difference { family, about, series, first, second } = difference;
            let what = match series {
                Some(series) => series.clone(),
                None if *about == "family" => format!("family {family}"),
                None => format!("{about} of {family}"),
            };
            let line = match (first, second) {
                (Some(first), Some(second)) => format!("~ {what}: {first} -> {second}"),
                (Some(first), None) => format!("- {what}: {first}"),
                (None, second) => format!("+ {what}: {}", second.as_deref().unwrap_or_default()),
            };
            writeln!(out, "{}", printable(&line))?;
        }
        if !differences.is_empty() {
            let families: BTreeSet<_> = differences.iter().map(|d| &d.family).collect();
            writeln!(
                out,
                "{} in {}",
                count(differences.len(), "difference", "differences"),
                count(families.len(), "family", "families"),
            )?;
        }
        Ok(())
    })
}

fn print_json(differences: &[Difference]) -> Result<(), Failure> {
    let told = differences.iter().map(|difference| {
        json!({
            "family": difference.family,
            "about": difference.about,
            "series": difference.series,
            "a": difference.first,
            "b": difference.second,
        })
    });
    let report = json!({
        "equal": differences.is_empty(),
        "differences": told.collect::<Vec<_>>(),
    });
    output::print((serde_json::to_string_pretty(&report)? + "\n").as_bytes())
}
