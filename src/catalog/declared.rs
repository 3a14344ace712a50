//! What a metric is declared to be, known while the program is compiled.

use super::kind::MetricKind;
use super::text::{Text, ends_with, is_same};
use crate::error::Result;
use crate::model::Suffix;

/// What a metric is declared to be: what [`catalog!`](crate::catalog!) makes of an entry.
///
/// [`MetricSpec`](super::MetricSpec) is the same with memory of its own.
///
/// ```
/// use narthex::catalog::{Declared, MetricKind};
///
/// const SIZES: Declared<'static> =
///     Declared::new(MetricKind::Histogram, "io.payload", "Of blocks.").unit("bytes");
/// # let _ = SIZES;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declared<'a> {
    pub(super) kind: MetricKind,
    pub(super) name: &'a str,
    pub(super) help: &'a str,
    pub(super) unit: &'a str,
    pub(super) labels: &'a [&'a str],
    pub(super) buckets: Option<&'a [f64]>,
    pub(super) states: &'a [&'a str],
}

impl<'a> Declared<'a> {
    /// A metric of that name. White space around its help text is no part of that.
    pub const fn new(kind: MetricKind, name: &'a str, help: &'a str) -> Self {
        let help = match std::str::from_utf8(help.as_bytes().trim_ascii()) {
            Ok(help) => help,
            // ASCII is never a part of another character.
            Err(_) => help,
        };
        Self { kind, name, help, unit: "", labels: &[], buckets: None, states: &[] }
    }

    /// What its numbers count: `seconds`, `bytes`.
    pub const fn unit(self, unit: &'a str) -> Self {
        Self { unit, ..self }
    }

    /// The names of its labels.
    pub const fn labels(self, labels: &'a [&'a str]) -> Self {
        Self { labels, ..self }
    }

    /// The upper bounds of its buckets, ascending; +Inf is added.
    pub const fn buckets(self, buckets: &'a [f64]) -> Self {
        Self { buckets: Some(buckets), ..self }
    }

    /// The states that it can be in.
    pub const fn states(self, states: &'a [&'a str]) -> Self {
        Self { states, ..self }
    }

    /// The name of its family: a counter loses a `total` at the end, and a unit stands behind an
    /// underscore, be it appended or in the place of a dot.
    pub(super) const fn family(&self) -> Text {
        let mut family = Text::new();
        family.push(self.name);
        if let MetricKind::Counter = self.kind {
            let total = Suffix::Total.as_str();
            let name = self.name.as_bytes();
            if ends_with(name, total.as_bytes()) || ends_with(name, b".total") {
                family.shorten_by(total.len());
            }
        }
        if self.unit.is_empty() {
            return family;
        }
        let (len, unit) = (family.as_bytes().len(), self.unit.len());
        if len > unit && ends_with(family.as_bytes(), self.unit.as_bytes()) {
            let between = len - unit - 1;
            if matches!(family.as_bytes()[between], b'_' | b'.') {
                family.put(between, b'_');
                return family;
            }
        }
        family.push_byte(b'_');
        family.push(self.unit);
        family
    }
}

/// A struct that [`catalog!`](crate::catalog!) makes, by the places of its metrics.
#[doc(hidden)]
pub trait At<const PLACE: usize> {
    /// The metric at that place.
    type Metric;

    /// The metric at that place.
    fn at(&self) -> &Self::Metric;
}

/// The place of a metric; without one, the program does not compile.
#[doc(hidden)]
pub const fn place_of(declared: &[Declared<'_>], name: &str) -> usize {
    let mut at = 0;
    while at < declared.len() {
        if is_same(declared[at].name.as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    let mut text = Text::new();
    text.push("the catalogue has no metric \"");
    text.push(name);
    text.push("\"");
    panic!("{}", text.as_str());
}

/// What was made of declarations that are right, as the compiler has found.
///
/// # Panics
/// If something was wrong all the same.
#[doc(hidden)]
pub fn declared_right<T>(made: Result<T>) -> T {
    made.unwrap_or_else(|error| panic!("{error}"))
}
