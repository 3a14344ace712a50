//! Labels that belong together, as a struct.

use crate::error::{Error, ErrorKind, Result};

/// How many children closed labels may have: each has a place from the start.
const MOST_CHILDREN: usize = 1 << 16;

/// A struct whose fields are the labels of a metric; derived (feature `derive`).
///
/// Each field is a [`LabelValue`](crate::LabelValue), and its name is the name
/// of the label, or what `#[label(rename = "…")]` and, on the struct,
/// `#[label(rename_all = "…")]` say. Lifetimes are the only parameters it can
/// have. It names a child of any metric with as many labels, and
/// [`labels_of`](crate::MetricBuilder::labels_of) makes a metric of its own.
///
/// If all fields are closed, that is enums that derive `LabelValue` or `bool`,
/// a child is found by number, and finding it costs hardly more than counting.
#[cfg_attr(
    feature = "derive",
    doc = r##"
```
use narthex::{CollectorRegistry, Counter, CounterVecOf, LabelSet, LabelValue};

#[derive(LabelValue)]
#[label(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Post,
}

#[derive(LabelSet)]
struct Request {
    method: Method,
    #[label(rename = "from_cache")]
    cached: bool,
}

let registry = CollectorRegistry::new();
let requests: CounterVecOf<Request> =
    Counter::builder("requests", "Answered.").labels_of::<Request>().register(&registry)?;
requests.labels(Request { method: Method::Get, cached: true }).inc();
let labels = [("method", "GET"), ("from_cache", "true")];
assert_eq!(registry.get_sample_value("requests_total", &labels), Some(1.0));
# Ok::<(), narthex::Error>(())
```

A field that is no label value does not compile:

```compile_fail,E0277
#[derive(narthex::LabelSet)]
struct Request {
    seconds: f64,
}
```
"##
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of labels",
    note = "a struct with a field for each label derives `LabelSet`"
)]
pub trait LabelSet {
    /// The same struct with nothing borrowed: what a metric is made for.
    type Static: LabelSet<Static = Self::Static, Names = Self::Names> + 'static;
    /// An array of as many names as there are labels.
    type Names: LabelArray;

    /// The names of the labels.
    const NAMES: Self::Names;
    /// The [`VALUES`](crate::LabelValue::VALUES) of each label.
    const VALUES: &'static [&'static [&'static str]];

    /// Calls `f` with the values as texts.
    fn with<R>(&self, f: impl FnOnce(&<Self::Names as LabelArray>::Texts<'_>) -> R) -> R;

    /// The number of these values among all there are, if all labels are closed;
    /// the last one counts fastest.
    fn index(&self) -> usize;
}

impl<L: LabelSet + ?Sized> LabelSet for &L {
    type Static = L::Static;
    type Names = L::Names;

    const NAMES: L::Names = L::NAMES;
    const VALUES: &'static [&'static [&'static str]] = L::VALUES;

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&<L::Names as LabelArray>::Texts<'_>) -> R) -> R {
        (**self).with(f)
    }

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }
}

/// An array of names, and arrays of as many texts.
///
/// Only arrays are.
pub trait LabelArray: AsRef<[&'static str]> + Sealed {
    /// As many texts as there are names.
    type Texts<'a>: AsRef<[&'a str]>;
}

impl<const N: usize> LabelArray for [&'static str; N] {
    type Texts<'a> = [&'a str; N];
}

pub trait Sealed {}

impl<const N: usize> Sealed for [&'static str; N] {}

/// How many children there can be if all labels are closed.
pub(super) const fn count_children(values: &[&[&str]]) -> Option<usize> {
    let mut count: usize = 1;
    let mut label = 0;
    while label < values.len() {
        if values[label].is_empty() {
            return None;
        }
        count = count.saturating_mul(values[label].len());
        label += 1;
    }
    Some(count)
}

/// Refuses closed labels that can have too many children.
pub(super) fn check_values<L: LabelSet>() -> Result {
    let Some(count) = count_children(L::VALUES).filter(|&count| count > MOST_CHILDREN) else {
        return Ok(());
    };
    let labels: Vec<String> = (L::NAMES.as_ref().iter().zip(L::VALUES))
        .map(|(name, values)| format!("{name:?} ({} values)", values.len()))
        .collect();
    Err(Error::new(
        ErrorKind::InvalidLabel,
        format!(
            "the closed labels {} make {count} children, and {MOST_CHILDREN} are the most: \
             let one of them be a text",
            labels.join(", ")
        ),
    ))
}
