//! `narthex inspect`: shows what files hold, what they waste, and where they are damaged.

use narthex::multiprocess::inspect::{self, FileReport};

use crate::options::InspectOptions;
use crate::output::{self, Failure, Outcome};
use crate::progress::Progress;
use crate::{inspect_json, inspect_table};

pub(crate) fn run(options: &InspectOptions) -> Result<Outcome, Failure> {
    let (text, damaged) = match options.path.is_dir() {
        true => dir(options)?,
        false => file(options)?,
    };
    output::print(text.as_bytes())?;
    Ok(Outcome::of(damaged, options.strict))
}

fn dir(options: &InspectOptions) -> Result<(String, bool), Failure> {
    let progress = Progress::of(format!("reading {}", options.path.display()));
    let report = inspect::inspect_dir_with(&options.path, |done, all| progress.tell(done, all))?;
    drop(progress);
    let text = match options.json {
        true => inspect_json::dir(&options.path, &report)?,
        false => inspect_table::dir(&report),
    };
    let damaged = report.files().iter().any(is_damaged)
        || report.damaged_files().next().is_some()
        || !report.disagreements().is_empty();
    Ok((text, damaged))
}

fn file(options: &InspectOptions) -> Result<(String, bool), Failure> {
    let contents = inspect::inspect_file(&options.path)?;
    let text = match options.json {
        true => inspect_json::file(&contents)?,
        false => inspect_table::file(&contents),
    };
    Ok((text, is_damaged(contents.report())))
}

fn is_damaged(file: &FileReport) -> bool {
    file.damage().is_some() || !file.skipped().is_empty()
}
