//! Why a cycle failed, and of which kind that is.

use std::any::type_name;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// Why a cycle failed: any error, and the kind that it is counted under.
///
/// The kind of an error is the name of its type, unless another one is given: there should be few.
///
/// ```
/// use narthex::service::CycleFailure;
///
/// fn cycle() -> Result<(), CycleFailure> {
///     "eleven".parse::<u8>()?;
///     Ok(())
/// }
///
/// let failure = cycle().unwrap_err();
/// assert_eq!(failure.kind(), "ParseIntError");
/// assert_eq!(failure.to_string(), "invalid digit found in string");
/// assert_eq!(CycleFailure::new("timeout", "no answer").kind(), "timeout");
/// ```
#[derive(Debug)]
pub struct CycleFailure {
    kind: Cow<'static, str>,
    error: Box<dyn StdError + Send + Sync>,
}

impl CycleFailure {
    /// A failure of a kind that is given.
    pub fn new(
        kind: impl Into<Cow<'static, str>>,
        error: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind: kind.into(), error: error.into() }
    }

    /// What it is counted under.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) fn into_error(self) -> Box<dyn StdError + Send + Sync> {
        self.error
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for CycleFailure {
    fn from(error: E) -> Self {
        Self::new(short_name(type_name::<E>()), error)
    }
}

/// The name of a type without its modules, and without what stands in angle brackets.
fn short_name(name: &'static str) -> &'static str {
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

// It is no `std::error::Error` itself, lest it be made of itself.
impl fmt::Display for CycleFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}
