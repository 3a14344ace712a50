//! `narthex convert`: writes an exposition in another format.

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
    for loss in Losses::of(&families, &options.to, escaping, options.created).tell() {
        output::complain(&loss);
    }
    drop(families);
    output::print(&text)?;
    let reader = options.to.reader();
    let invalid = reader.and_then(|reader| reader.read(&text, true).find_map(Result::err));
    if let Some(fault) = &invalid {
        output::complain(&format!("the result{fault}"));
    }
    Ok(if invalid.is_some() { Outcome::Damaged } else { Outcome::Sound })
}
