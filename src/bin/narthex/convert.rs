//! `narthex convert`: writes an exposition in another format.

use crate::fault::Fault;
use crate::formats::Lack;
use crate::input::Document;
use crate::losses::Losses;
use crate::options::ConvertOptions;
use crate::output::{self, Failure, Outcome};
use crate::starts;

pub(crate) fn run(options: &ConvertOptions) -> Result<Outcome, Failure> {
    let document = Document::read(&options.place, &options.input)?;
    let families = match document.families(options.strict).collect::<Result<Vec<_>, _>>() {
        Ok(families) => families,
        Err(fault) => {
            output::complain(&document.locate(&fault));
            return Ok(Outcome::Damaged);
        }
    };
    let families = match options.to.lacks.contains(&Lack::StartTimes) {
        true => families,
        false => starts::join(families),
    };
    let escaping = options.escaping.map_or(options.to.escaping, Into::into);
    let text = match options.to.write(&families, escaping, options.created) {
        Ok(text) => text,
        Err(error) => {
            output::complain(&format!("{}: {error}", document.name));
            return Ok(Outcome::Damaged);
        }
    };
    let complain = |what: &str| output::complain(&format!("{}: {what}", document.name));
    for loss in Losses::of(&families, &options.to, escaping, options.created).tell() {
        complain(&loss);
    }
    drop(families);
    let reader = options.to.reader();
    let invalid = reader.and_then(|reader| reader.read(&text, true).find_map(Result::err));
    if let Some(fault) = &invalid {
        let format = options.to.name;
        let kept = if options.force { "" } else { "; nothing is written without --force" };
        complain(&format!("it would not be valid {format}: {}{kept}", told(fault, &text)));
    }
    if invalid.is_none() || options.force {
        output::print(&text)?;
    }
    Ok(if invalid.is_some() { Outcome::Damaged } else { Outcome::Sound })
}

/// What is wrong with a result that nobody may have seen.
fn told(fault: &Fault, text: &[u8]) -> String {
    let line = fault.line().and_then(|line| text.split(|byte| *byte == b'\n').nth(line - 1));
    match line.map(String::from_utf8_lossy) {
        Some(line) => format!("{}, in {line:?}", fault.message()),
        None => fault.message().to_owned(),
    }
}
