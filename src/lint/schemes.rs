//! The schemes in which two names are one.

use std::fmt;

use crate::model::EscapingScheme;

/// Every scheme that changes names.
pub(super) fn escaped_forms() -> [EscapingScheme; 3] {
    [EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values]
}

/// What two names are alike, and in which schemes.
#[derive(Debug, Default)]
pub(super) struct Schemes(Vec<(EscapingScheme, String)>);

impl Schemes {
    /// Adds a form, unless there is one of that scheme.
    pub(super) fn add(&mut self, scheme: EscapingScheme, form: &str) {
        if self.0.iter().all(|(known, _)| *known != scheme) {
            self.0.push((scheme, form.to_owned()));
        }
    }
}

impl fmt::Display for Schemes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (scheme, form)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{form:?} when escaped with {}", scheme.as_str())?;
        }
        Ok(())
    }
}
