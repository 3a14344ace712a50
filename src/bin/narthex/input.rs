//! What is read: a file, standard input, or what a server answers.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use narthex::lint::{Linter, Problem};

use crate::fault::Fault;
use crate::fetch;
use crate::formats::{Families, Input};
use crate::options::InputOptions;
use crate::output::Failure;

/// A document, whole in memory.
pub(crate) struct Document {
    /// What people call it.
    pub(crate) name: String,
    pub(crate) format: Input,
    bytes: Vec<u8>,
}

impl Document {
    /// Reads what `place` names: a file, a URL, or `-` for standard input.
    ///
    /// Its format is the one that was asked for; else the one that the server says, and else the
    /// one that it looks like.
    pub(crate) fn read(place: &Path, options: &InputOptions) -> Result<Self, Failure> {
        let (bytes, content_type) = match place.to_str() {
            Some("-") => {
                let mut bytes = Vec::new();
                let read = io::stdin().lock().read_to_end(&mut bytes);
                read.map_err(|error| Failure(format!("standard input cannot be read: {error}")))?;
                (bytes, None)
            }
            Some(url) if is_url(url) => {
                let accept = Input::accept(options.from);
                let answer = fetch::get(url, &accept, Duration::from_secs(options.timeout))
                    .map_err(|Failure(message)| Failure(format!("{url}: {message}")))?;
                (answer.body, answer.content_type)
            }
            _ => {
                let failed = |error| Failure(format!("{}: {error}", place.display()));
                (fs::read(place).map_err(failed)?, None)
            }
        };
        let said = || content_type.as_deref().and_then(Input::of_content_type);
        let format = options.from.or_else(said).unwrap_or_else(|| Input::guess(&bytes));
        let name = match is_stdin(place) {
            true => "standard input".to_owned(),
            false => place.display().to_string(),
        };
        Ok(Self { name, format, bytes })
    }

    pub(crate) fn families(&self, strict: bool) -> Families<'_> {
        self.format.read(&self.bytes, strict)
    }

    pub(crate) fn lint(&self, linter: &Linter) -> Vec<Problem> {
        self.format.lint(linter, &self.bytes)
    }

    /// What is wrong with it, and where; and the format that it looks like, if that is another.
    pub(crate) fn locate(&self, fault: &Fault) -> String {
        let looks = Input::guess(&self.bytes).name;
        match looks == self.format.name || (looks == "text" && !self.is_text()) {
            true => format!("{}{fault}", self.name),
            false => format!("{}{fault}; it looks like {looks}", self.name),
        }
    }

    /// Whether there is nothing in it that no text has.
    fn is_text(&self) -> bool {
        let is_layout = |c| matches!(c, '\t' | '\n' | '\r');
        let text = std::str::from_utf8(&self.bytes);
        text.is_ok_and(|text| text.chars().all(|c| !c.is_control() || is_layout(c)))
    }
}

/// Whether that names standard input.
pub(crate) fn is_stdin(place: &Path) -> bool {
    place == Path::new("-")
}

fn is_url(place: &str) -> bool {
    place.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}
