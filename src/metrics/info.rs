//! Facts about the program, told as labels: its version, its configuration.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::builder::MetricBuilder;
use super::home::Homes;
use super::instrument::{Held, Instrument, Kind, Schema};
use super::label_text::{write_labels, written_labels};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
#[cfg(feature = "multiprocess")]
use crate::cell::fork::hold_off;
use crate::cell::keys::KeyBuf;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Columns, Desc, LabelNames, MetricType, NameValidation, Suffix};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::SideHandle;

/// Facts about the program; cheap to clone, and safe to share.
///
/// ```
/// use narthex::{CollectorRegistry, Info};
///
/// let registry = CollectorRegistry::new();
/// let build = Info::builder("build", "What runs here.").register(&registry)?;
/// build.info([("version", "1.2.0"), ("commit", "4bf92f3")])?;
/// let labels = [("version", "1.2.0"), ("commit", "4bf92f3")];
/// assert_eq!(registry.get_sample_value("build_info", &labels), Some(1.0));
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct Info {
    series: Held<Self>,
}

/// Facts split by `N` labels.
pub type InfoVec<const N: usize> = MetricVec<Info, N>;

/// Facts split by labels that are known only when the program runs.
pub type InfoVecDyn = MetricVecDyn<Info>;

/// Facts split by the labels of a struct.
pub type InfoVecOf<L> = MetricVecOf<Info, L>;

impl Info {
    /// Begins an info. Its sample is named `…_info`.
    pub fn builder(name: impl Into<String>, help: impl Into<Arc<str>>) -> MetricBuilder<Self> {
        MetricBuilder::new(name, help)
    }

    /// Replaces all facts.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if a name is not allowed or is a label of
    /// the metric; [`Error::is_duplicate`] if one stands twice. The facts stay
    /// as they were.
    pub fn info<I, N, V>(&self, facts: I) -> Result
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let schema = self.series.schema();
        let facts: Vec<_> = facts.into_iter().collect();
        for (name, _) in &facts {
            if schema.names.contains(name.as_ref()) {
                return Err(Error::new(
                    ErrorKind::InvalidLabel,
                    format!(
                        "fact {:?} of info {:?} has the name of a label",
                        name.as_ref(),
                        schema.desc.name()
                    ),
                ));
            }
        }
        let own = self.series.label_values();
        let own = schema.names.declared().zip(own.iter().map(String::as_str));
        let all: Vec<_> =
            own.chain(facts.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))).collect();
        let told = Arc::new(Facts::new(&all, schema.validation)?);
        let _hold_off = schema.hold_off();
        let mut shown = self.series.cell.shown.write();
        *shown = Some(told);
        #[cfg(feature = "multiprocess")]
        self.series.cell.share(schema, &all[schema.names.len()..]);
        Ok(())
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

impl Instrument for Info {}

/// What a series of an info keeps.
#[derive(Debug, Default)]
pub struct InfoSeries {
    shown: RwLock<Option<Arc<Facts>>>,
    #[cfg(feature = "multiprocess")]
    shared: Option<SideHandle>,
}

impl InfoSeries {
    #[cfg(feature = "multiprocess")]
    fn new(schema: &Schema<Info>, homes: &Homes<'_>) -> Self {
        let Schema { desc, store, .. } = schema;
        let Some(store) = store else { return Self::default() };
        let shared = SideHandle::facts(
            store,
            desc.name(),
            &format!("{}{}", desc.name(), Suffix::Info.as_str()),
            &homes.labels().collect::<Vec<_>>(),
            desc.help(),
        );
        if shared.is_none() {
            store.note_unsaid();
        }
        Self { shown: RwLock::default(), shared }
    }

    #[cfg(not(feature = "multiprocess"))]
    fn new(_: &Schema<Info>, _: &Homes<'_>) -> Self {
        Self::default()
    }

    fn facts(&self) -> Option<Arc<Facts>> {
        #[cfg(feature = "multiprocess")]
        let _hold_off = self.shared.as_ref().map(|_| hold_off());
        self.shown.read().clone()
    }

    /// Tells other processes of the facts.
    #[cfg(feature = "multiprocess")]
    fn share(&self, schema: &Schema<Info>, facts: &[(&str, &str)]) {
        let Some(store) = &schema.store else { return };
        if !self.shared.as_ref().is_some_and(|shared| shared.set_facts(facts)) {
            store.note_unsaid();
        }
    }
}

/// The labels of one series with its facts among them, ready to be shown.
#[derive(Debug)]
struct Facts {
    names: LabelNames,
    labels: KeyBuf,
}

impl Facts {
    fn new(labels: &[(&str, &str)], validation: NameValidation) -> Result<Self> {
        let names = labels.iter().map(|(name, _)| name);
        let names = LabelNames::with_validation(names, validation)?;
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        let mut labels = KeyBuf::default();
        write_labels(&names, &values, &mut labels);
        Ok(Self { names, labels })
    }
}

impl Kind for Info {
    type Cell = InfoSeries;
    type Aside = ();
    type Settings = ();

    const TYPE: MetricType = MetricType::Info;

    fn check(_: &mut (), _: &Desc, _: &LabelNames) -> Result {
        Ok(())
    }

    fn new_cell(schema: &Schema<Self>, homes: &mut Homes<'_>) -> (InfoSeries, Option<()>) {
        (InfoSeries::new(schema, homes), None)
    }

    #[cfg(feature = "multiprocess")]
    fn retire(cell: &InfoSeries) {
        if let Some(shared) = &cell.shared {
            shared.retire();
        }
    }

    #[inline]
    fn of(series: Held<Self>) -> Self {
        Self { series }
    }

    fn series(&self) -> &Held<Self> {
        &self.series
    }

    fn columns(schema: &Schema<Self>) -> Columns {
        Columns::floats(schema.names.clone(), Suffix::Info)
    }

    fn push(all: &[Self], columns: &mut Columns) -> usize {
        all.iter().take_while(|info| push(&info.series, columns)).count()
    }
}

/// Appends a series, unless it has to begin other columns.
fn push(series: &Held<Info>, columns: &mut Columns) -> bool {
    // Read once: others may replace the facts, and their names, meanwhile.
    let facts = series.cell.facts();
    let names = facts.as_ref().map_or(&series.schema().names, |facts| &facts.names);
    let text = facts.as_ref().map_or(series.text_len(), |facts| facts.labels.text.len());
    if columns.rows() == 0 {
        columns.begin_anew(names);
    } else if columns.names() != names || !columns.has_room(1, text) {
        return false;
    }
    match facts.as_deref() {
        Some(facts) => columns.push_float(written_labels(&facts.labels), 1.0),
        None => series.with_row_labels(|labels| columns.push_float(labels, 1.0)),
    }
    true
}
