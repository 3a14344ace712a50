//! The label names of a family: as they were declared, and in the order of exposition.

use std::fmt;
use std::sync::Arc;

use super::escape::EscapingScheme;
use super::name::{LabelName, NameValidation};
use crate::error::{Error, ErrorKind, Result};

/// Label names that were checked together; cheap to clone.
///
/// ```
/// use narthex::model::LabelNames;
///
/// let names = LabelNames::new(["method", "code"])?;
/// assert_eq!(names.declared().collect::<Vec<_>>(), ["method", "code"]);
/// assert_eq!(names.sorted().collect::<Vec<_>>(), ["code", "method"]);
/// assert!(LabelNames::new(["a.b", "a_b"]).unwrap_err().is_duplicate());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LabelNames(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    sorted: Box<[LabelName]>,
    /// Where the n-th name of `sorted` stood in the declaration.
    declared_at: Box<[usize]>,
}

impl LabelNames {
    /// No labels at all.
    pub fn none() -> Self {
        Self(Arc::new(Inner { sorted: Box::default(), declared_at: Box::default() }))
    }

    /// Checks names, and that no two of them are one name on the wire.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if a name is not allowed;
    /// [`Error::is_duplicate`] if two are alike, be it after escaping.
    pub fn new<I>(names: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::with_validation(names, NameValidation::Utf8)
    }

    pub(crate) fn with_validation<I>(names: I, validation: NameValidation) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut sorted = Vec::new();
        for (place, name) in names.into_iter().enumerate() {
            sorted.push((LabelName::with_validation(name, validation)?, place));
        }
        sorted.sort();
        let mut escaped: Vec<_> = sorted
            .iter()
            .map(|(name, _)| (EscapingScheme::Underscores.label_name(name.as_str()), name.as_str()))
            .collect();
        escaped.sort();
        for pair in escaped.windows(2) {
            if pair[0].0 == pair[1].0 {
                let (first, second) = (pair[0].1, pair[1].1);
                let message = if first == second {
                    format!("label name {first:?} stands twice")
                } else {
                    format!(
                        "label names {first:?} and {second:?} are both {:?} when escaped",
                        pair[0].0
                    )
                };
                return Err(Error::duplicate(message, vec![second.to_owned()]));
            }
        }
        let (sorted, declared_at): (Vec<_>, Vec<_>) = sorted.into_iter().unzip();
        Ok(Self(Arc::new(Inner { sorted: sorted.into(), declared_at: declared_at.into() })))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.sorted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.sorted.is_empty()
    }

    /// The names in the order of exposition, that of their code points.
    pub fn sorted(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.sorted.iter().map(LabelName::as_str)
    }

    /// The names in the order in which they were given.
    pub fn declared(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut names = vec![""; self.len()];
        for (name, &place) in self.sorted().zip(&self.0.declared_at) {
            names[place] = name;
        }
        names.into_iter()
    }

    /// Whether `name` is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// For each name in the order of exposition, its place in the declaration.
    pub(crate) fn declared_at(&self) -> &[usize] {
        &self.0.declared_at
    }

    /// The place of `name` in the order of exposition, or the one that it would take.
    pub(crate) fn place(&self, name: &str) -> std::result::Result<usize, usize> {
        self.0.sorted.binary_search_by(|have| have.as_str().cmp(name))
    }

    /// Refuses a name that the type of the family keeps for itself.
    pub(crate) fn refuse(&self, reserved: Option<&str>, owner: &str) -> Result {
        match reserved {
            Some(name) if self.contains(name) => Err(Error::new(
                ErrorKind::InvalidLabel,
                format!("label name {name:?} is reserved in {owner}"),
            )),
            _ => Ok(()),
        }
    }

    /// Refuses a number of label values that is not the number of names.
    pub(crate) fn check_count(&self, count: usize, owner: &str) -> Result {
        if count == self.len() {
            return Ok(());
        }
        let names: Vec<_> = self.declared().collect();
        Err(Error::new(
            ErrorKind::InvalidLabel,
            format!("{owner} has {} labels {names:?}, not {count}", self.len()),
        ))
    }
}

impl fmt::Debug for LabelNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.declared()).finish()
    }
}
