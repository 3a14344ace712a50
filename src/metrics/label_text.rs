//! The label values of a series, as they stand on its lines.

use crate::model::escape::{push_escaped, unescape};
use crate::model::{LabelNames, RowLabels};

/// Label values, escaped once, in the order of exposition.
#[derive(Debug)]
pub(super) struct LabelText {
    text: Box<str>,
    lens: Box<[u32]>,
    escaped: bool,
}

impl LabelText {
    /// The values are given raw, in the order of declaration.
    pub(super) fn new(names: &LabelNames, values: &[&str]) -> Self {
        let mut text = String::with_capacity(values.iter().map(|value| value.len()).sum());
        let mut lens = Vec::with_capacity(values.len());
        let mut escaped = false;
        for &place in names.declared_at() {
            let from = text.len();
            escaped |= push_escaped(&mut text, values[place]);
            lens.push((text.len() - from) as u32);
        }
        Self { text: text.into(), lens: lens.into(), escaped }
    }

    /// How many bytes the values have on a line.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn row(&self) -> RowLabels<'_> {
        RowLabels::Escaped { text: &self.text, lens: &self.lens, escaped: self.escaped }
    }

    /// The raw values, in the order of declaration.
    pub(super) fn raw_values(&self, names: &LabelNames) -> Vec<String> {
        let mut values = vec![String::new(); names.len()];
        for (value, &place) in self.escaped_values().zip(names.declared_at()) {
            values[place] = unescape(value).into_owned();
        }
        values
    }

    /// Whether these are the values, raw and in the order of declaration.
    pub(super) fn equals(&self, names: &LabelNames, values: &[&str]) -> bool {
        self.escaped_values().zip(names.declared_at()).all(|(value, &place)| {
            if self.escaped {
                is_escaped_form(value, values[place])
            } else {
                value == values[place]
            }
        })
    }

    fn escaped_values(&self) -> impl Iterator<Item = &str> {
        let mut rest = &*self.text;
        self.lens.iter().map(move |&len| {
            let (value, tail) = rest.split_at(len as usize);
            rest = tail;
            value
        })
    }
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
