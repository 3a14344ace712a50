//! What files of one family disagree about.

/// A family of which files say different things: it is merged as Python's
/// client would, but hardly to what anybody meant.
///
/// Mostly two versions of a program have written it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    family: String,
    about: About,
}

/// What files can disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Buckets,
    Mode,
    Type,
}

impl Disagreement {
    pub(crate) fn new(family: &str, about: About) -> Self {
        Self { family: family.to_owned(), about }
    }

    /// The name of the family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// What they disagree about, in a word: `type`, `mode` (of a gauge) or
    /// `buckets` (the bounds of those that one series of a histogram has).
    pub fn about(&self) -> &'static str {
        self.about.as_str()
    }
}

impl About {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Buckets => "buckets",
            Self::Mode => "mode",
            Self::Type => "type",
        }
    }
}
