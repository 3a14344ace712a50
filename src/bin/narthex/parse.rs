//! `narthex parse`: prints what an exposition says as JSON.

use crate::family_json;
use crate::input::Document;
use crate::options::ParseOptions;
use crate::output::{self, Failure, Outcome};

pub(crate) fn run(options: &ParseOptions) -> Result<Outcome, Failure> {
    let document = Document::read(&options.place, &options.input)?;
    let families = || document.families(options.strict);
    // Read twice, so that nothing is printed of what is not valid, and only one family is kept.
    if let Some(fault) = families().find_map(Result::err) {
        output::complain(&document.locate(&fault));
        output::print(format!("{}\n", fault.json()).as_bytes())?;
        return Ok(Outcome::Damaged);
    }
    output::stream(|out| family_json::write(out, families(), document.format.times))?;
    Ok(Outcome::Sound)
}
