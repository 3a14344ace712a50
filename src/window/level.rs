//! How much is recorded.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// How much of what is recorded is kept.
///
/// ```
/// use narthex::window::MetricsLevel;
///
/// assert_eq!("summary".parse::<MetricsLevel>()?, MetricsLevel::Summary);
/// assert_eq!(MetricsLevel::default(), MetricsLevel::None);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricsLevel {
    /// Nothing: an observation costs one comparison, and no sink is entered.
    #[default]
    None,
    /// The coarse dimensions only, which the manager is told.
    Summary,
    /// All dimensions.
    Detailed,
}

impl fmt::Display for MetricsLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Summary => "summary",
            Self::Detailed => "detailed",
        })
    }
}

impl FromStr for MetricsLevel {
    type Err = Error;

    /// In capitals or not.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if it is not `none`, `summary` or `detailed`.
    fn from_str(level: &str) -> Result<Self> {
        let all = [Self::None, Self::Summary, Self::Detailed];
        all.into_iter().find(|known| known.to_string().eq_ignore_ascii_case(level)).ok_or_else(
            || {
                let message = format!("the level {level:?} is not none, summary or detailed");
                Error::new(ErrorKind::InvalidValue, message)
            },
        )
    }
}
