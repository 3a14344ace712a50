//! A catalogue against one that was recorded: what programs elsewhere would miss.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use super::entries::Catalog;
use super::spec::MetricSpec;
use crate::error::{Error, ErrorKind, Result};

/// The variable that has a catalogue recorded anew, if it is set to anything but `0`.
pub const RECORD_VARIABLE: &str = "NARTHEX_RECORD";

/// What has become of a metric that was recorded, so that those who ask for it would miss it.
///
/// ```
/// use narthex::catalog::{Catalog, CatalogChange, MetricKind, MetricSpec};
///
/// let before = MetricSpec::new(MetricKind::Counter, "train.steps", "Steps done.");
/// let now = MetricSpec::new(MetricKind::Counter, "train.steps_done", "Steps done.");
/// let changes = Catalog::new([now])?.changes_since(&[before]);
/// assert_eq!(
///     changes[0].to_string(),
///     "counter \"train.steps\" is not there any more: \"train.steps_done\" is just like it, and may \
///      be its new name",
/// );
/// assert!(matches!(&changes[..], [CatalogChange::Renamed { .. }]));
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CatalogChange {
    /// It is not there any more.
    Removed {
        /// What it was.
        spec: MetricSpec,
    },
    /// It is not there any more, and another one is that is just like it and was not recorded.
    Renamed {
        /// What it was.
        spec: MetricSpec,
        /// The name of the other one.
        to: String,
    },
    /// It is another metric now.
    Changed {
        /// Its name.
        name: String,
        /// What has changed, as a sentence.
        what: String,
    },
}

impl fmt::Display for CatalogChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed { spec } => {
                write!(f, "{} {:?} is not there any more", spec.kind(), spec.name())
            }
            Self::Renamed { spec, to } => write!(
                f,
                "{} {:?} is not there any more: {to:?} is just like it, and may be its new name",
                spec.kind(),
                spec.name(),
            ),
            Self::Changed { name, what } => write!(f, "{name:?}: {what}"),
        }
    }
}

impl Catalog {
    /// What has become of recorded metrics, so that dashboards and alerts would miss it: those that
    /// were removed or renamed, or that have another kind or unit or other labels, or have lost
    /// buckets or states.
    ///
    /// Metrics, buckets and states that were added are no change, nor is another help text or
    /// another order.
    pub fn changes_since(&self, recorded: &[MetricSpec]) -> Vec<CatalogChange> {
        let now = self.recordable();
        let by_name: BTreeMap<_, _> = now.iter().map(|spec| (spec.name(), spec)).collect();
        let is_new = |spec: &&MetricSpec| recorded.iter().all(|old| old.name() != spec.name());
        let new: Vec<_> = now.iter().filter(is_new).collect();
        let mut changes = Vec::new();
        for old in recorded {
            let Some(have) = by_name.get(old.name()) else {
                let alike = |spec: &&&MetricSpec| differences(old, spec).is_empty();
                // The help text tells which of several it is.
                let same = new.iter().find(|spec| spec.help() == old.help() && alike(spec));
                changes.push(match same.or_else(|| new.iter().find(alike)) {
                    Some(other) => {
                        CatalogChange::Renamed { spec: old.clone(), to: other.name().to_owned() }
                    }
                    None => CatalogChange::Removed { spec: old.clone() },
                });
                continue;
            };
            changes.extend(
                differences(old, have)
                    .into_iter()
                    .map(|what| CatalogChange::Changed { name: old.name().to_owned(), what }),
            );
        }
        changes
    }

    /// Checks the catalogue against one that was recorded in a JSON file, or records it if the
    /// variable [`NARTHEX_RECORD`](RECORD_VARIABLE) is set, in the order of names.
    ///
    /// This is one line of a test. The file stands in the repository, so that whoever changes what
    /// others rely on changes it, too, and says so.
    ///
    /// ```
    /// use narthex::catalog::{Catalog, MetricKind, MetricSpec};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let path = dir.path().join("metrics.json");
    /// let steps = MetricSpec::new(MetricKind::Counter, "train.steps", "Steps done.");
    /// Catalog::new([steps.clone()])?.record(&path)?;
    /// Catalog::new([steps.clone()])?.check_recorded(&path)?;
    ///
    /// let other = Catalog::new([steps.with_labels(["device"])])?;
    /// let error = other.check_recorded(&path).unwrap_err();
    /// assert!(error.to_string().contains("\"train.steps\": it had no labels, and has [\"device\"]"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] with all that [`changes_since`](Self::changes_since) finds, or
    /// if the file is no such record; [`Error::is_io`] if it cannot be read or written.
    pub fn check_recorded(&self, path: impl AsRef<Path>) -> Result {
        let path = path.as_ref();
        if std::env::var_os(RECORD_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
        {
            return self.record(path);
        }
        let shown = path.display();
        let how = format!("with {RECORD_VARIABLE}=1 it is recorded as it is");
        let text = fs::read_to_string(path).map_err(|error| {
            let message = format!("the recorded catalogue {shown} cannot be read: {error}; {how}");
            Error::io(message, error)
        })?;
        let refuse = |message| Error::new(ErrorKind::InvalidValue, message);
        let recorded: Vec<MetricSpec> = serde_json::from_str(&text).map_err(|error| {
            refuse(format!("{shown} is no recorded catalogue: {error}")).with_source(error)
        })?;
        let changes = self.changes_since(&recorded);
        if changes.is_empty() {
            return Ok(());
        }
        let changes: Vec<_> = changes.iter().map(|change| format!("\n  {change}")).collect();
        let changes = changes.concat();
        Err(refuse(format!("the catalogue is not what {shown} has recorded; {how}:{changes}")))
    }

    /// Records the catalogue in a JSON file, in the order of names.
    ///
    /// # Errors
    /// [`Error::is_io`] if it cannot be written.
    pub fn record(&self, path: impl AsRef<Path>) -> Result {
        let path = path.as_ref();
        let mut specs = self.recordable();
        specs.sort_by(|first, second| first.name().cmp(second.name()));
        let written = serde_json::to_string_pretty(&specs)
            .map_err(Into::into)
            .and_then(|text| fs::write(path, text + "\n"));
        written.map_err(|error| {
            let shown = path.display();
            Error::io(format!("the catalogue cannot be recorded in {shown}: {error}"), error)
        })
    }

    /// What the metrics are, with the buckets that they have if none were declared.
    fn recordable(&self) -> Vec<MetricSpec> {
        let slots = self.slots().iter();
        slots.map(|slot| slot.spec.clone().with_default_buckets()).collect()
    }
}

/// What of a metric others would miss.
fn differences(old: &MetricSpec, new: &MetricSpec) -> Vec<String> {
    let mut found = Vec::new();
    if old.kind() != new.kind() {
        let (old, new) = (old.kind().with_article(), new.kind().with_article());
        found.push(format!("it was {old}, and is {new}"));
    }
    if old.unit() != new.unit() {
        let unit =
            |unit: &str| if unit.is_empty() { "none".to_owned() } else { format!("{unit:?}") };
        found.push(format!("its unit was {}, and is {}", unit(old.unit()), unit(new.unit())));
    }
    let sorted = |spec: &MetricSpec| {
        let mut labels = spec.labels().to_vec();
        labels.sort();
        labels
    };
    if sorted(old) != sorted(new) {
        let had = match old.labels() {
            [] => "no labels".to_owned(),
            labels => format!("the labels {labels:?}"),
        };
        let has = match new.labels() {
            [] => "none".to_owned(),
            labels => format!("{labels:?}"),
        };
        found.push(format!("it had {had}, and has {has}"));
    }
    if old.kind() != new.kind() {
        return found;
    }
    let bounds = |spec: &MetricSpec| spec.buckets().unwrap_or_default().to_vec();
    let (had, has) = (bounds(old), bounds(new));
    let lost: Vec<_> = had.iter().filter(|bound| !has.contains(bound)).collect();
    if !lost.is_empty() {
        found.push(format!("it has no buckets {lost:?} any more"));
    }
    let lost: Vec<_> = old.states().iter().filter(|state| !new.states().contains(state)).collect();
    if !lost.is_empty() {
        found.push(format!("it has no states {lost:?} any more"));
    }
    found
}
