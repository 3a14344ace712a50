//! `narthex convert`: writes an exposition in another format.

use narthex::exposition::{self, Encoding};

use crate::formats::Lack;
use crate::input::Document;
use crate::losses::Losses;
use crate::options::ConvertOptions;
use crate::output::{self, Failure, Outcome};

pub(crate) fn run(options: &ConvertOptions) -> Result<Outcome, Failure> {
    let document = Document::read(&options.place, &options.input)?;
    let families = match document.families(options.strict).collect::<Result<Vec<_>, _>>() {
        Ok(families) => families,
        Err(error) => {
            output::complain(&document.locate(&error));
            return Ok(Outcome::Damaged);
        }
    };
    let escaping = options.escaping.map_or(options.to.escaping, Into::into);
    let encoding = Encoding::new(options.to.format, escaping);
    let created = options.created || !options.to.lacks.contains(&Lack::StartTimes);
    let text = match exposition::encode(&families, encoding.with_created(created)) {
        Ok(text) => text,
        Err(error) => {
            output::complain(&format!("{}: {error}", document.name));
            return Ok(Outcome::Damaged);
        }
    };
    for loss in Losses::of(&families, &options.to, escaping, created).tell() {
        output::complain(&loss);
    }
    drop(families);
    output::print(&text)?;
    let reader = options.to.reader();
    let invalid =
        reader.and_then(|reader| reader.read(text.as_bytes(), true).find_map(Result::err));
    if let Some(error) = &invalid {
        output::complain(&format!("what was written is not valid: {error}"));
    }
    Ok(if invalid.is_some() { Outcome::Damaged } else { Outcome::Sound })
}
