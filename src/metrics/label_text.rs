//! The label values of a series, as they stand on its lines: escaped once, in the order of exposition.

use crate::cell::keys::{Key, KeyBuf};
use crate::cell::short::push_short;
use crate::model::escape::{needs_escape, push_escaped, unescape};
use crate::model::{LabelNames, RowLabels};

/// Writes values that are given raw, in the order of declaration.
pub(super) fn write_labels(names: &LabelNames, values: &[&str], key: &mut KeyBuf) {
    key.reserve(names.len(), values.iter().map(|value| value.len()).sum());
    for &place in names.declared_at() {
        key.push_part(|text| {
            let is_escaped = needs_escape(values[place]);
            if is_escaped {
                push_escaped(text, values[place]);
            } else {
                push_short(text, values[place]);
            }
            is_escaped
        });
    }
}

/// Calls `f` with the labels of a line.
pub(super) fn with_row_labels<R>(key: Key<'_>, f: impl FnOnce(RowLabels<'_>) -> R) -> R {
    // Hardly ever are there more, for which memory is taken.
    let (mut few, mut many) = ([0; 16], Vec::new());
    let count = key.lens().count();
    let lens = match few.get_mut(..count) {
        Some(few) => few,
        None => {
            many.resize(count, 0);
            &mut many[..]
        }
    };
    lens.iter_mut().zip(key.lens()).for_each(|(to, len)| *to = len);
    f(RowLabels::Escaped { text: key.text(), lens, escaped: key.is_marked() })
}

/// Labels that were written.
pub(super) fn written_labels(key: &KeyBuf) -> RowLabels<'_> {
    RowLabels::Escaped { text: &key.text, lens: &key.lens, escaped: key.marked }
}

/// The raw values, in the order of declaration.
pub(super) fn raw_values(key: Key<'_>, names: &LabelNames) -> Vec<String> {
    let mut values = vec![String::new(); names.len()];
    for (value, &place) in escaped_values(key).zip(names.declared_at()) {
        values[place] = unescape(value).into_owned();
    }
    values
}

/// Whether these are the values, raw and in the order of declaration.
#[inline(always)]
pub(super) fn is_named(key: Key<'_>, names: &LabelNames, values: &[&str]) -> bool {
    // The number of values is known to whom this is compiled for, that of the names is not.
    let Some(order) = names.declared_at().get(..values.len()) else { return false };
    key.is_of((0..values.len()).map(|place| values[order[place]].as_bytes()))
        || key.is_marked() && is_escaped_form_of(key, names, values)
}

#[cold]
fn is_escaped_form_of(key: Key<'_>, names: &LabelNames, values: &[&str]) -> bool {
    let mut values = names.declared_at().iter().map(|&place| values[place]);
    escaped_values(key).all(|value| values.next().is_some_and(|raw| is_escaped_form(value, raw)))
}

fn escaped_values(key: Key<'_>) -> impl Iterator<Item = &str> {
    let mut rest = key.text();
    key.lens().map(move |len| {
        let (value, tail) = rest.split_at(len as usize);
        rest = tail;
        value
    })
}

/// Whether `escaped` is how `raw` is written; without writing it.
fn is_escaped_form(escaped: &str, raw: &str) -> bool {
    let mut left = escaped.bytes();
    for byte in raw.bytes() {
        let (first, second) = match byte {
            b'\\' => (b'\\', Some(b'\\')),
            b'\n' => (b'\\', Some(b'n')),
            b'"' => (b'\\', Some(b'"')),
            other => (other, None),
        };
        if left.next() != Some(first) || second.is_some_and(|second| left.next() != Some(second)) {
            return false;
        }
    }
    left.next().is_none()
}
