//! Series by name and labels, whatever the order and the spelling of numbers in them.

use std::fmt;

use crate::model::escape::push_escaped;
use crate::model::{Sample, format_f64};

/// The name of a sample and its labels, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
}

impl Series {
    pub(super) fn new<'a, N: AsRef<str> + 'a, V: AsRef<str> + 'a>(
        name: &str,
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let labels = labels.into_iter().map(|(name, value)| {
            let (name, value) = (name.as_ref(), value.as_ref());
            (name.to_owned(), canonical(name, value))
        });
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        Self { name: name.to_owned(), labels }
    }

    pub(super) fn of(sample: &Sample<'_>) -> Self {
        Self::new(&sample.name(), sample.labels().iter())
    }

    /// The series whose labels are those of the sample, but for the one that its type adds.
    pub(super) fn beside(sample: &Sample<'_>, name: &str, own: Option<&str>) -> Self {
        Self::new(name, sample.labels().iter().filter(|(name, _)| Some(*name) != own))
    }
}

/// Bounds and quantiles are numbers, and spelled in several ways.
fn canonical(name: &str, value: &str) -> String {
    let number = match name {
        "le" | "quantile" => value.parse().ok(),
        _ => None,
    };
    number.map_or_else(|| value.to_owned(), format_f64)
}

impl fmt::Display for Series {
    /// As it stands in a text, if its names need no quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (place, (name, value)) in self.labels.iter().enumerate() {
            let mut escaped = String::new();
            push_escaped(&mut escaped, value);
            write!(f, "{}{name}=\"{escaped}\"", if place == 0 { "{" } else { "," })?;
        }
        if self.labels.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}
