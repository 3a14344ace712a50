//! Series, told apart and shown.

use std::fmt::Write;

use crate::model::Sample;

/// What tells the series of a sample from others of its family; the label `without` is left out.
///
/// A label without a value is none, as Prometheus has it. Samples of different times are apart.
pub(super) fn key(sample: &Sample<'_>, without: Option<&str>) -> String {
    let mut key = String::new();
    for (name, value) in sample.labels().escaped_iter() {
        if !value.is_empty() && Some(name) != without {
            // Escaped values have no quotes, and the length says where a name ends.
            let _ = write!(key, "{}{name}\"{value}\"", name.len());
        }
    }
    if let Some(time) = sample.timestamp() {
        let _ = write!(key, "@{}", time.as_nanos());
    }
    key
}

/// A sample's name and labels as they stand in a text; the label `without` is left out.
pub(super) fn shown(name: &str, sample: &Sample<'_>, without: Option<&str>) -> String {
    let mut text = name.to_owned();
    let mut opened = false;
    for (name, value) in sample.labels().escaped_iter().filter(|(name, _)| Some(*name) != without) {
        let _ = write!(text, "{}{name}=\"{value}\"", if opened { "," } else { "{" });
        opened = true;
    }
    if opened {
        text.push('}');
    }
    text
}
