//! What is wrong with a catalogue: the rules, which hold when it is compiled and when it is built.

use std::fmt;

use super::buckets::default_buckets;
use super::declared::Declared;
use super::kind::MetricKind;
use super::text::{MOST, Text, ends_with, is_same, underscored};
use crate::error::{Error, ErrorKind};

/// The longest name that a metric may have with its unit, in bytes.
const LONGEST: usize = 200;

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
        text.push(self.name);
        text.push("\": ");
        let [before, what, after] = self.says;
        text.push(before);
        if !what.is_empty() {
            text.push("\"");
            text.push(what);
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

    const fn of(
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

/// Refuses to compile a catalogue with a fault.
#[doc(hidden)]
pub const fn check_declared<const N: usize>(entries: &[Declared<'static>; N]) {
    let mut families = [const { Text::new() }; N];
    let mut at = 0;
    while at < N {
        if let Some(fault) = fault_of(&entries[at]) {
            panic!("{}", fault.text().as_str());
        }
        families[at] = wire_name(&entries[at]);
        if let Some(fault) = clash(entries, &families, at) {
            panic!("{}", fault.text().as_str());
        }
        at += 1;
    }
}

/// The name of its family with underscores.
pub(super) const fn wire_name(entry: &Declared<'_>) -> Text {
    underscored(entry.family().as_bytes(), true)
}

/// What is wrong with an entry by itself, first of all.
pub(super) const fn fault_of<'a>(entry: &Declared<'a>) -> Option<Fault<'a>> {
    if let Some(fault) = fault_of_name(entry) {
        return Some(fault);
    }
    if let Some(fault) = fault_of_labels(entry) {
        return Some(fault);
    }
    if let Some(fault) = fault_of_buckets(entry) {
        return Some(fault);
    }
    fault_of_states(entry)
}

const fn fault_of_name<'a>(entry: &Declared<'a>) -> Option<Fault<'a>> {
    let kind = ErrorKind::InvalidName;
    if entry.name.len() + entry.unit.len() >= LONGEST {
        // Otherwise it could not be told either.
        let entry = &Declared { name: "…", ..*entry };
        return Fault::of(entry, kind, "a name and its unit have 200 bytes or more", "", "");
    }
    if entry.family().as_bytes().is_empty() || entry.name.is_empty() {
        return Fault::of(entry, kind, "the name is empty", "", "");
    }
    if entry.help.is_empty() {
        return Fault::of(entry, ErrorKind::InvalidValue, "there is no help text", "", "");
    }
    if !entry.unit.is_empty() && matches!(entry.kind, MetricKind::Info | MetricKind::Enum) {
        let before = "an info and an enum cannot have a unit, and it has ";
        return Fault::of(entry, kind, before, entry.unit, "");
    }
    if matches!(entry.kind, MetricKind::Enum) && begins_reserved(entry.name.as_bytes()) {
        let says = "an enum is named as its label, which cannot begin with two underscores";
        return Fault::of(entry, kind, says, "", "");
    }
    None
}

const fn begins_reserved(label: &[u8]) -> bool {
    label.len() > 1 && label[0] == b'_' && label[1] == b'_'
}

const fn fault_of_labels<'a>(entry: &Declared<'a>) -> Option<Fault<'a>> {
    let kind = ErrorKind::InvalidLabel;
    let mut at = 0;
    while at < entry.labels.len() {
        let label = entry.labels[at];
        let bytes = label.as_bytes();
        if bytes.is_empty() {
            return Fault::of(entry, kind, "a label name is empty", "", "");
        }
        if bytes.len() > MOST / 2 {
            return Fault::of(entry, kind, "a label name has more than 256 bytes", "", "");
        }
        if begins_reserved(bytes) {
            let after = " is reserved: it begins with two underscores";
            return Fault::of(entry, kind, "the label name ", label, after);
        }
        let escaped = underscored(bytes, false);
        let is_reserved = match entry.kind {
            MetricKind::Histogram => is_same(bytes, b"le"),
            MetricKind::Summary => is_same(bytes, b"quantile"),
            MetricKind::Enum => {
                let family = underscored(entry.family().as_bytes(), false);
                is_same(escaped.as_bytes(), family.as_bytes())
            }
            _ => false,
        };
        if is_reserved {
            return Fault::of(entry, kind, "the label name ", label, " is one that its kind adds");
        }
        let mut other = 0;
        while other < at {
            let before = underscored(entry.labels[other].as_bytes(), false);
            if is_same(escaped.as_bytes(), before.as_bytes()) {
                let after = " stands twice, be it with underscores";
                return Fault::of(entry, kind, "the label name ", label, after);
            }
            other += 1;
        }
        at += 1;
    }
    None
}

const fn fault_of_buckets<'a>(entry: &Declared<'a>) -> Option<Fault<'a>> {
    let kind = ErrorKind::InvalidValue;
    let Some(buckets) = entry.buckets else {
        if matches!(entry.kind, MetricKind::Histogram) && default_buckets(entry.unit).is_none() {
            let says = "a histogram has default buckets if its unit is seconds, milliseconds or \
                        bytes, and needs some if it is ";
            let unit = if entry.unit.is_empty() { "none" } else { entry.unit };
            return Fault::of(entry, kind, says, unit, "");
        }
        return None;
    };
    if !matches!(entry.kind, MetricKind::Histogram) {
        return Fault::of(entry, kind, "only a histogram has buckets", "", "");
    }
    if buckets.is_empty() || (buckets.len() == 1 && buckets[0] == f64::INFINITY) {
        return Fault::of(entry, kind, "a histogram needs a bucket besides +Inf", "", "");
    }
    let mut at = 0;
    while at < buckets.len() {
        if buckets[at].is_nan() {
            return Fault::of(entry, kind, "a bucket bound cannot be NaN", "", "");
        }
        if at > 0 && buckets[at - 1] >= buckets[at] {
            return Fault::of(entry, kind, "the bucket bounds do not ascend", "", "");
        }
        at += 1;
    }
    None
}

const fn fault_of_states<'a>(entry: &Declared<'a>) -> Option<Fault<'a>> {
    let kind = ErrorKind::InvalidValue;
    let is_enum = matches!(entry.kind, MetricKind::Enum);
    if is_enum == entry.states.is_empty() {
        let says = if is_enum { "an enum needs states" } else { "only an enum has states" };
        return Fault::of(entry, kind, says, "", "");
    }
    let mut at = 0;
    while at < entry.states.len() {
        let mut other = 0;
        while other < at {
            if is_same(entry.states[at].as_bytes(), entry.states[other].as_bytes()) {
                return Fault::of(entry, kind, "the state ", entry.states[at], " stands twice");
            }
            other += 1;
        }
        at += 1;
    }
    None
}

/// What the entry at a place has in common with one before it: a name, or one on the wire.
pub(super) const fn clash<'a>(
    entries: &[Declared<'a>],
    families: &[Text],
    at: usize,
) -> Option<Fault<'a>> {
    let (entry, mine) = (&entries[at], families[at].as_bytes());
    let kind = ErrorKind::Duplicate;
    let mut other = 0;
    while other < at {
        let (before, theirs) = (&entries[other], families[other].as_bytes());
        if is_same(mine, theirs) {
            return if is_same(entry.name.as_bytes(), before.name.as_bytes()) {
                Fault::of(entry, kind, "the name stands twice", "", "")
            } else {
                Fault::of(entry, kind, "it would be one with ", before.name, " on the wire")
            };
        }
        // As no such suffix ends with another one, the longer of two names is a family's own.
        let one_is_sample = if mine.len() > theirs.len() {
            is_sample_of(mine, theirs, before.kind)
        } else {
            is_sample_of(theirs, mine, entry.kind)
        };
        if one_is_sample {
            let says = "one of its names on the wire would be one of ";
            return Fault::of(entry, kind, says, before.name, "");
        }
        other += 1;
    }
    None
}

/// Whether a name is one that a family of the kind takes for its samples.
const fn is_sample_of(name: &[u8], family: &[u8], kind: MetricKind) -> bool {
    // The longest suffix has eight bytes.
    if name.len() > family.len() + 8 || name.len() == family.len() {
        return false;
    }
    let suffixes = kind.suffixes();
    let mut at = 0;
    while at < suffixes.len() {
        let suffix = suffixes[at].as_str().as_bytes();
        if name.len() == family.len() + suffix.len()
            && ends_with(name, suffix)
            && is_same(name.split_at(family.len()).0, family)
        {
            return true;
        }
        at += 1;
    }
    false
}
