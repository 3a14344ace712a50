//! What is wrong with an entry, said alike by the compiler and by the program.

use std::fmt;

use super::declared::Declared;
use super::text::Text;
use crate::error::{Error, ErrorKind};

/// What is wrong with one entry.
#[derive(Clone, Copy)]
pub(super) struct Fault<'a> {
    kind: ErrorKind,
    /// The name of the entry.
    name: &'a str,
    /// What is wrong, with what between the two, if that is not empty.
    says: [&'a str; 3],
}

impl<'a> Fault<'a> {
    /// The fault in one text, as a compiler shows it.
    pub(super) const fn text(&self) -> Text {
        let mut text = Text::new();
        text.push("catalogue entry \"");
        text.push_begin(self.name);
        text.push("\": ");
        let [before, what, after] = self.says;
        text.push(before);
        if !what.is_empty() {
            text.push("\"");
            text.push_begin(what);
            text.push("\"");
        }
        text.push(after);
        text
    }

    /// One error for all of some faults; none if there are none.
    pub(super) fn error_of(faults: &[Self]) -> Option<Error> {
        let first = faults.first()?;
        let messages: Vec<_> = faults.iter().map(Self::to_string).collect();
        let message = messages.join("; ");
        if first.kind != ErrorKind::Duplicate {
            return Some(Error::new(first.kind, message));
        }
        let clashes = faults.iter().filter(|fault| fault.kind == ErrorKind::Duplicate);
        let names = clashes.flat_map(|fault| [fault.name, fault.says[1]]);
        let mut names: Vec<_> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        Some(Error::duplicate(message, names))
    }

    pub(super) const fn of(
        entry: &Declared<'a>,
        kind: ErrorKind,
        before: &'a str,
        what: &'a str,
        after: &'a str,
    ) -> Option<Self> {
        Some(Self { kind, name: entry.name, says: [before, what, after] })
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}
