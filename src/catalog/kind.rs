//! Of which kind a metric of a catalogue is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::is_same;
use crate::model::Suffix;

/// Of which kind a metric of a catalogue is.
///
/// ```
/// use narthex::catalog::MetricKind;
///
/// assert_eq!(MetricKind::Histogram.as_str(), "histogram");
/// assert_eq!(serde_json::from_str::<MetricKind>("\"gauge\"").unwrap(), MetricKind::Gauge);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// A [`Counter`](crate::Counter).
    Counter,
    /// A [`Gauge`](crate::Gauge).
    Gauge,
    /// A [`Histogram`](crate::Histogram).
    Histogram,
    /// A [`Summary`](crate::Summary).
    Summary,
    /// An [`Info`](crate::Info).
    Info,
    /// An [`Enum`](crate::Enum).
    Enum,
}

impl MetricKind {
    /// What stands behind the name of a family in the names that any kind takes.
    pub(super) const SUFFIXES: &[Suffix] =
        &[Suffix::Total, Suffix::Created, Suffix::Bucket, Suffix::Count, Suffix::Sum, Suffix::Info];

    /// The kind as a word: `counter`, `enum`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::Enum => "enum",
        }
    }

    /// The same word with its article.
    pub(super) fn with_article(self) -> String {
        let article = if matches!(self, Self::Info | Self::Enum) { "an" } else { "a" };
        format!("{article} {}", self.as_str())
    }

    /// Whether it takes a name that ends so.
    pub(super) const fn has_suffix(self, suffix: &[u8]) -> bool {
        let suffixes = self.suffixes();
        let mut at = 0;
        while at < suffixes.len() {
            if is_same(suffixes[at].as_str().as_bytes(), suffix) {
                return true;
            }
            at += 1;
        }
        false
    }

    /// What stands behind the name of a family in the names that it takes, beside its own.
    pub(super) const fn suffixes(self) -> &'static [Suffix] {
        match self {
            Self::Counter => &[Suffix::Total, Suffix::Created],
            Self::Gauge | Self::Enum => &[],
            Self::Histogram => &[Suffix::Bucket, Suffix::Count, Suffix::Sum, Suffix::Created],
            Self::Summary => &[Suffix::Count, Suffix::Sum, Suffix::Created],
            Self::Info => &[Suffix::Info],
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
