//! Finds names that are different in the program and one on the wire.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use std::hash::BuildHasher;

use crate::error::{Error, ErrorKind, Result};
use crate::model::escape::label_needs_quotes;
use crate::model::{Desc, EscapingScheme, LabelNames};

/// The names of an exposition so far, as they stand on the wire; cleared, it keeps its memory.
#[derive(Default)]
pub(super) struct WireNames {
    escaping: EscapingScheme,
    // Each escaped form and, behind it, the name itself if that is another.
    text: String,
    by_escaped: HashTable<Name>,
    hasher: RandomState,
    // Of the family that was checked last.
    checked: Vec<Name>,
}

/// Where a name stands in the text.
#[derive(Clone, Copy)]
struct Name {
    from: usize,
    escaped_to: usize,
    to: usize,
}

impl Name {
    fn escaped(self, text: &str) -> &str {
        &text[self.from..self.escaped_to]
    }

    fn raw(self, text: &str) -> &str {
        match &text[self.escaped_to..self.to] {
            "" => self.escaped(text),
            raw => raw,
        }
    }
}

impl WireNames {
    /// Forgets all names; those to come are escaped like this.
    pub(super) fn begin(&mut self, escaping: EscapingScheme) {
        self.escaping = escaping;
        self.text.clear();
        self.by_escaped.clear();
    }

    /// Finds out whether a family may take its names, which none does until [`take`](Self::take).
    ///
    /// A name that stands twice unescaped is not this guard's concern.
    ///
    /// # Errors
    /// If one of them is another family's, once both are escaped.
    pub(super) fn check(&mut self, desc: &Desc) -> Result {
        self.checked.clear();
        if self.escaping == EscapingScheme::AllowUtf8 {
            return Ok(());
        }
        for suffix in desc.claimed_suffixes() {
            let name = self.push(desc.name(), suffix.as_str());
            self.checked.push(name);
            let (escaped, raw) = (name.escaped(&self.text), name.raw(&self.text));
            let hash = self.hasher.hash_one(escaped);
            let other = self.by_escaped.find(hash, |other| other.escaped(&self.text) == escaped);
            let Some(other) =
                other.map(|other| other.raw(&self.text)).filter(|other| *other != raw)
            else {
                continue;
            };
            let mut duplicates = vec![other.to_owned(), raw.to_owned()];
            duplicates.sort();
            let message =
                format!("metric names {other:?} and {raw:?} are both {escaped:?} when escaped");
            return Err(Error::duplicate(message, duplicates));
        }
        Ok(())
    }

    /// Keeps the names that were checked last.
    pub(super) fn take(&mut self) {
        let Self { text, by_escaped, hasher, .. } = self;
        for name in self.checked.drain(..) {
            let escaped = name.escaped(text);
            let slot = by_escaped.entry(
                hasher.hash_one(escaped),
                |other| other.escaped(text) == escaped,
                |other| hasher.hash_one(other.escaped(text)),
            );
            if let Slot::Vacant(slot) = slot {
                slot.insert(name);
            }
        }
    }

    fn push(&mut self, family: &str, suffix: &str) -> Name {
        let text = &mut self.text;
        let from = text.len();
        self.escaping.push_metric_name(text, family, suffix);
        let escaped_to = text.len();
        if text[from..].strip_prefix(family) != Some(suffix) {
            text.push_str(family);
            text.push_str(suffix);
        }
        Name { from, escaped_to, to: text.len() }
    }
}

/// Refuses label names of one sample that are one on the wire.
pub(super) fn check_labels(escaping: EscapingScheme, names: &LabelNames) -> Result {
    // Names that need no quotes stay different in all schemes.
    if escaping == EscapingScheme::AllowUtf8 || !names.sorted().any(label_needs_quotes) {
        return Ok(());
    }
    let mut escaped: Vec<_> =
        names.sorted().map(|name| (escaping.label_name(name), name)).collect();
    escaped.sort();
    for pair in escaped.windows(2) {
        let (first, second) = (pair[0].1, pair[1].1);
        if pair[0].0 == pair[1].0 {
            let message = format!(
                "label names {first:?} and {second:?} are both {:?} when escaped",
                pair[0].0
            );
            return Err(Error::duplicate(message, vec![first.to_owned(), second.to_owned()]));
        }
    }
    match escaped.iter().find(|(escaped, _)| escaped == "__name__") {
        Some((_, name)) => Err(Error::new(
            ErrorKind::InvalidLabel,
            format!("label name {name:?} is \"__name__\" when escaped, which is reserved"),
        )),
        None => Ok(()),
    }
}
