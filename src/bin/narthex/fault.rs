//! What is wrong with a document, and where.

use std::fmt;

use narthex::parser::ParseError;
use narthex::parser::protobuf::DecodeError;
use serde_json::{Map, Value};

/// The word for a place among bytes, which have no lines.
const OFFSET: &str = "offset";

/// Why a document cannot be read: the parsers' errors, of whatever format.
#[derive(Debug)]
pub(crate) struct Fault {
    message: String,
    /// What says where it is, from coarse to fine, and the words for that in JSON.
    place: Vec<(&'static str, usize)>,
}

impl Fault {
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The line, counted from 1, if it is one of a text.
    pub(crate) fn line(&self) -> Option<usize> {
        self.place.iter().find(|(what, _)| *what == "line").map(|(_, line)| *line)
    }

    /// The message and the place, as `narthex parse` prints them.
    pub(crate) fn json(&self) -> Value {
        let place = self.place.iter().map(|(what, number)| (*what, Value::from(*number)));
        let error = [("error", Value::from(&*self.message))].into_iter().chain(place);
        error.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
    }
}

/// As it stands behind the name of a file: `:line:column: message`, or of messages `: byte offset`
/// first.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.iter().try_for_each(|(what, number)| match *what {
            OFFSET => write!(f, ": byte {number}"),
            _ => write!(f, ":{number}"),
        })?;
        write!(f, ": {}", self.message)
    }
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Self {
        Self {
            message: format!("expected {}, found {}", error.expected(), error.found()),
            place: vec![("line", error.line()), ("column", error.column())],
        }
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        let of = error.family().map(|family| format!(" of {family:?}")).unwrap_or_default();
        let (field, expected, found) = (error.field(), error.expected(), error.found());
        Self {
            message: format!("{field}{of}: expected {expected}, found {found}"),
            place: vec![(OFFSET, error.offset())],
        }
    }
}
