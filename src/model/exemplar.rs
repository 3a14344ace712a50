//! A trace of one observation, kept beside the number that it went into.

use std::fmt;

use super::escape::one_in_underscores;
use super::name::LabelName;
use super::timestamp::Timestamp;
use crate::error::{Error, ErrorKind, Result};

/// How many characters the names and values of an exemplar's labels may have together.
///
/// [OpenMetrics 1.0, Exemplars](https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars).
pub const EXEMPLAR_LIMIT: usize = 128;

/// A trace of one observation: labels, the amount, and when it was.
///
/// ```
/// use narthex::model::{Exemplar, Timestamp};
///
/// let exemplar = Exemplar::new([("trace_id", "4bf92f3577b34da6")], 0.25)?
///     .with_timestamp(Timestamp::from_whole_seconds(1_700_000_000));
/// assert_eq!(exemplar.as_ref().labels().next(), Some(("trace_id", "4bf92f3577b34da6")));
/// assert!(Exemplar::new([("x", "y".repeat(128))], 1.0).unwrap_err().is_invalid_exemplar());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Exemplar {
    text: String,
    lens: Vec<u32>,
    value: f64,
    timestamp: Option<Timestamp>,
}

impl Exemplar {
    /// An exemplar of `value` without a timestamp.
    ///
    /// # Errors
    /// [`Error::is_invalid_exemplar`] if the labels are longer than
    /// [`EXEMPLAR_LIMIT`], a name is not allowed or stands twice.
    pub fn new<I, N, V>(labels: I, value: f64) -> Result<Self>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let labels: Vec<_> = labels.into_iter().collect();
        let mut pairs: Vec<_> = labels.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        check_exemplar_labels(&pairs)?;
        pairs.sort_unstable();
        let mut exemplar = Self { text: String::new(), lens: Vec::new(), value, timestamp: None };
        for (name, value) in pairs {
            for part in [name, value] {
                exemplar.text.push_str(part);
                exemplar.lens.push(part.len() as u32);
            }
        }
        Ok(exemplar)
    }

    /// The same with a timestamp.
    #[must_use]
    pub fn with_timestamp(self, timestamp: Timestamp) -> Self {
        Self { timestamp: Some(timestamp), ..self }
    }

    /// A view of it, as samples carry it.
    #[allow(clippy::should_implement_trait)] // it lends a view, not a reference
    pub fn as_ref(&self) -> ExemplarRef<'_> {
        ExemplarRef {
            text: &self.text,
            lens: &self.lens,
            value: self.value,
            timestamp: self.timestamp,
        }
    }
}

impl fmt::Debug for Exemplar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// A borrowed [`Exemplar`].
#[derive(Clone, Copy, PartialEq)]
pub struct ExemplarRef<'a> {
    /// Names and values in turn, back to back, sorted by name.
    pub(crate) text: &'a str,
    pub(crate) lens: &'a [u32],
    pub(crate) value: f64,
    pub(crate) timestamp: Option<Timestamp>,
}

impl<'a> ExemplarRef<'a> {
    /// The labels, sorted by name.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut rest = self.text;
        self.lens.chunks_exact(2).map(move |pair| {
            let (name, tail) = rest.split_at(pair[0] as usize);
            let (value, tail) = tail.split_at(pair[1] as usize);
            rest = tail;
            (name, value)
        })
    }

    /// The amount that was observed.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// When it was observed, if that is known.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// A copy that can be kept.
    pub fn to_owned(&self) -> Exemplar {
        Exemplar {
            text: self.text.to_owned(),
            lens: self.lens.to_owned(),
            value: self.value,
            timestamp: self.timestamp,
        }
    }
}

impl fmt::Debug for ExemplarRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exemplar")
            .field("labels", &self.labels().collect::<Vec<_>>())
            .field("value", &self.value)
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

/// Checks the labels of an exemplar without allocating, so that observations can.
pub(crate) fn check_exemplar_labels(labels: &[(&str, &str)]) -> Result {
    let mut length = 0;
    for (place, (name, value)) in labels.iter().enumerate() {
        if name.is_empty() || name.starts_with("__") {
            let source = LabelName::new(name).err();
            let error = Error::new(ErrorKind::InvalidExemplar, "an exemplar has a bad label");
            return Err(match source {
                Some(source) => error.with_source(source),
                None => error,
            });
        }
        if labels[..place].iter().any(|(earlier, _)| earlier == name) {
            return Err(Error::new(
                ErrorKind::InvalidExemplar,
                format!("label name {name:?} stands twice in an exemplar"),
            ));
        }
        if let Some((other, _)) =
            labels[..place].iter().find(|(earlier, _)| one_in_underscores(earlier, name))
        {
            return Err(Error::new(
                ErrorKind::InvalidExemplar,
                format!("label names {other:?} and {name:?} of an exemplar are one when escaped"),
            ));
        }
        length += name.chars().count() + value.chars().count();
    }
    if length > EXEMPLAR_LIMIT {
        return Err(Error::new(
            ErrorKind::InvalidExemplar,
            format!("the labels of an exemplar have {length} characters, over {EXEMPLAR_LIMIT}"),
        ));
    }
    Ok(())
}
