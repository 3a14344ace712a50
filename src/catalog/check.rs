//! What is wrong with a catalogue: the rules, which hold when it is compiled and when it is built.

use super::buckets::default_buckets;
use super::declared::Declared;
use super::families::Families;
use super::fault::Fault;
use super::kind::MetricKind;
use super::text::{Text, ends_with, is_same, underscored};
use crate::error::ErrorKind;

/// How many bytes neither a label name has nor the name of a metric with its unit, so that there
/// is room for them while a program is compiled.
const LONGEST: usize = 200;

/// Refuses to compile a catalogue with a fault.
#[doc(hidden)]
pub const fn check_declared<const N: usize>(entries: &[Declared<'static>; N]) {
    let (mut names, mut next) = ([const { Text::new() }; N], [0; N]);
    let mut families = Families::new(&mut names, &mut next);
    let mut at = 0;
    while at < N {
        if let Some(fault) = fault_of(&entries[at]) {
            panic!("{}", fault.text().as_str());
        }
        if let Some(fault) = clash(entries, at, &mut families) {
            panic!("{}", fault.text().as_str());
        }
        at += 1;
    }
}

/// What is wrong with each of these entries that something is wrong with.
pub(super) fn faults<'a>(entries: &[Declared<'a>]) -> Vec<Fault<'a>> {
    let (mut names, mut next) = (vec![Text::new(); entries.len()], vec![0; entries.len()]);
    let mut families = Families::new(&mut names, &mut next);
    let fault_at = |at| fault_of(&entries[at]).or_else(|| clash(entries, at, &mut families));
    (0..entries.len()).filter_map(fault_at).collect()
}

/// What is wrong with an entry by itself, first of all.
const fn fault_of<'a>(entry: &Declared<'a>) -> Option<Fault<'a>> {
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
        if bytes.len() >= LONGEST {
            return Fault::of(entry, kind, "the label name ", label, " has 200 bytes or more");
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

/// What an entry has in common with one before it: a name, or one on the wire.
const fn clash<'a>(
    entries: &[Declared<'a>],
    at: usize,
    families: &mut Families<'_>,
) -> Option<Fault<'a>> {
    let (entry, kind) = (&entries[at], ErrorKind::Duplicate);
    let name = underscored(entry.family().as_bytes(), true);
    if let Some(other) = families.find(name.as_bytes(), "") {
        let before = entries[other].name;
        return if is_same(entry.name.as_bytes(), before.as_bytes()) {
            Fault::of(entry, kind, "the name stands twice", "", "")
        } else {
            Fault::of(entry, kind, "it would be one with ", before, " on the wire")
        };
    }
    if let Some(other) = sample_clash(entries, entry, name.as_bytes(), families) {
        let says = "one of its names on the wire would be one of ";
        return Fault::of(entry, kind, says, entries[other].name, "");
    }
    families.add(at, name);
    None
}

/// An entry before of which a family is named as a sample of this one, or the other way round.
///
/// As no suffix ends with another one, no two samples are named alike unless their families are.
const fn sample_clash(
    entries: &[Declared<'_>],
    entry: &Declared<'_>,
    name: &[u8],
    families: &Families<'_>,
) -> Option<usize> {
    let suffixes = entry.kind.suffixes();
    let mut at = 0;
    while at < suffixes.len() {
        let other = families.find(name, suffixes[at].as_str());
        if other.is_some() {
            return other;
        }
        at += 1;
    }
    at = 0;
    while at < MetricKind::SUFFIXES.len() {
        let suffix = MetricKind::SUFFIXES[at].as_str().as_bytes();
        if ends_with(name, suffix) {
            let stem = name.split_at(name.len() - suffix.len()).0;
            if let Some(other) = families.find(stem, "") {
                if entries[other].kind.has_suffix(suffix) {
                    return Some(other);
                }
            }
        }
        at += 1;
    }
    None
}
