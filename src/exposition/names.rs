//! Finds names that are different in the program and one on the wire.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Desc, EscapingScheme, LabelNames};

/// The names of an exposition so far, as they stand on the wire.
pub(super) struct WireNames {
    escaping: EscapingScheme,
    // From the escaped form to the name, if that is another.
    names: HashMap<String, Option<String>>,
}

impl WireNames {
    pub(super) fn new(escaping: EscapingScheme) -> Self {
        Self { escaping, names: HashMap::new() }
    }

    /// The names that a family would take, unless one of them is another family's.
    ///
    /// A name that stands twice unescaped is not this guard's concern.
    pub(super) fn check(&self, desc: &Desc) -> Result<Vec<(String, Option<String>)>> {
        if self.escaping == EscapingScheme::AllowUtf8 {
            return Ok(Vec::new());
        }
        let mut taken = Vec::new();
        for name in desc.claims() {
            let escaped = self.escaping.metric_name(&name);
            if let Some(other) = self.names.get(&*escaped) {
                let other = other.as_deref().unwrap_or(&escaped);
                if other != name {
                    let mut duplicates = vec![other.to_owned(), name.clone()];
                    duplicates.sort();
                    let message = format!(
                        "metric names {other:?} and {name:?} are both {escaped:?} when escaped"
                    );
                    return Err(Error::duplicate(message, duplicates));
                }
            }
            let escaped = escaped.into_owned();
            taken.push(if escaped == name { (name, None) } else { (escaped, Some(name)) });
        }
        Ok(taken)
    }

    pub(super) fn take(&mut self, names: Vec<(String, Option<String>)>) {
        self.names.extend(names);
    }
}

/// Refuses label names of one sample that are one on the wire.
pub(super) fn check_labels(escaping: EscapingScheme, names: &LabelNames) -> Result {
    if escaping == EscapingScheme::AllowUtf8 {
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
