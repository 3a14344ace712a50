//! Which of some states something is in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::builder::{Built, MetricBuilder};
use super::home::Homes;
use super::instrument::{Held, Instrument, Kind, Schema};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
#[cfg(feature = "multiprocess")]
use crate::clock::now;
use crate::error::{Error, ErrorKind, Result};
use crate::model::escape::push_escaped;
use crate::model::{Columns, Desc, LabelNames, MetricType, RowLabels, Suffix};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{GaugeMode, StateHome};

/// A Rust enum whose variants are the states of an [`Enum`].
///
/// ```
/// use narthex::{CollectorRegistry, Enum, States};
///
/// #[derive(Clone, Copy)]
/// enum Task { Idle, Running }
///
/// impl States for Task {
///     const STATES: &'static [&'static str] = &["idle", "running"];
///
///     fn index(&self) -> usize {
///         *self as usize
///     }
/// }
///
/// let registry = CollectorRegistry::new();
/// let task = Enum::builder("task", "What it does.").states_of::<Task>().register(&registry)?;
/// task.set(&Task::Running);
/// assert_eq!(registry.get_sample_value("task", &[("task", "running")]), Some(1.0));
/// # let _ = Task::Idle;
/// # Ok::<(), narthex::Error>(())
/// ```
pub trait States {
    /// The states by name, in the order in which they are shown.
    const STATES: &'static [&'static str];

    /// The place of this state in [`STATES`](Self::STATES).
    fn index(&self) -> usize;
}

/// Which of some declared states something is in; cheap to clone, and safe to
/// share. It begins in the first.
///
/// ```
/// use narthex::Enum;
///
/// let task = Enum::builder("task", "What it does.").states(["idle", "running"]).build()?;
/// assert_eq!(task.get(), "idle");
/// task.state("running")?;
/// assert_eq!(task.get(), "running");
/// assert!(task.state("asleep").unwrap_err().is_invalid_value());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "StateSet")]
pub struct Enum {
    series: Held<Self>,
}

/// States split by `N` labels.
pub type EnumVec<const N: usize> = MetricVec<Enum, N>;

/// States split by labels that are known only when the program runs.
pub type EnumVecDyn = MetricVecDyn<Enum>;

/// States split by the labels of a struct.
pub type EnumVecOf<L> = MetricVecOf<Enum, L>;

impl Enum {
    /// Begins an enum; its states are to be declared.
    pub fn builder(name: impl Into<String>, help: impl Into<Arc<str>>) -> MetricBuilder<Self> {
        MetricBuilder::new(name, help)
    }

    /// Moves to a state.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if it was not declared; nothing changes.
    pub fn state(&self, state: &str) -> Result {
        let states = self.states();
        let Some(place) = states.iter().position(|have| **have == *state) else {
            let name = self.series.schema().desc.name();
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!("enum {name:?} has the states {states:?}, not {state:?}"),
            ));
        };
        self.series.cell.set(place);
        Ok(())
    }

    /// Moves to the state that a Rust enum is in.
    ///
    /// A state that was not declared changes nothing and is counted in
    /// `narthex_refused_observations_total`: that is, if `S` is not the type
    /// that the metric was built of.
    pub fn set<S: States>(&self, state: &S) {
        let name = S::STATES.get(state.index());
        if name.is_none_or(|name| self.state(name).is_err()) {
            crate::cell::note_refused_observation();
        }
    }

    /// The state that it is in.
    pub fn get(&self) -> &str {
        self.states().get(self.series.cell.get()).map_or("", AsRef::as_ref)
    }

    /// Is in the first state again.
    #[cfg(feature = "catalog")]
    pub(crate) fn clear(&self) {
        self.series.cell.set(0);
    }

    fn states(&self) -> &[Box<str>] {
        &self.series.schema().settings.states
    }
}

impl<T: Built<Enum>> MetricBuilder<Enum, T> {
    /// Declares the states, in the order in which they are shown.
    pub fn states<I>(mut self, states: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.settings.states = states.into_iter().map(Into::into).collect();
        self
    }

    /// Declares the states of a Rust enum.
    pub fn states_of<S: States>(self) -> Self {
        self.states(S::STATES.iter().copied())
    }

    /// How the states of several processes become one; [`GaugeMode::LiveAll`]
    /// by default. It matters only in a [store](Self::store).
    ///
    /// The modes mean of states what they mean of numbers, a state counting as
    /// its place among those declared: `Min` shows the one declared first of
    /// those that processes are in, `Max` the one declared last, `MostRecent`
    /// the one set last. A set state cannot be more than set, so `Sum` shows
    /// every state that any process is in. `All` and `LiveAll` show the states
    /// of each process, and forget those of one that has died.
    ///
    /// ```
    /// use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore};
    /// use narthex::{CollectorRegistry, Enum};
    /// use std::sync::Arc;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let merged = CollectorRegistry::new();
    /// merged.register(Arc::new(MultiProcessCollector::new(dir.path())?))?;
    /// let mut workers = Vec::new();
    /// for health in ["good", "poor", "good"] {
    ///     let store = MultiprocessStore::open(dir.path())?;
    ///     let builder = Enum::builder("health", "Of a worker.").states(["good", "poor"]);
    ///     let worker = builder.mode(GaugeMode::Max).store(&store).build()?;
    ///     worker.state(health)?;
    ///     workers.push(worker);
    /// }
    /// assert_eq!(merged.get_sample_value("health", &[("health", "poor")]), Some(1.0));
    /// assert_eq!(merged.get_sample_value("health", &[("health", "good")]), Some(0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "multiprocess")]
    pub fn mode(mut self, mode: GaugeMode) -> Self {
        self.settings.mode = Some(mode);
        self
    }
}

impl fmt::Debug for Enum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

impl Instrument for Enum {}

/// Where the place of a state lives.
#[derive(Debug)]
pub enum StateCell {
    Memory(AtomicUsize),
    #[cfg(feature = "multiprocess")]
    Shared(StateHome),
}

impl Default for StateCell {
    fn default() -> Self {
        Self::Memory(AtomicUsize::new(0))
    }
}

impl StateCell {
    #[cfg(feature = "multiprocess")]
    fn new(schema: &Schema<Enum>, homes: &Homes<'_>) -> Self {
        let Schema { desc, settings, store, .. } = schema;
        let Some(store) = store else { return Self::default() };
        let labels: Vec<_> = homes.labels().collect();
        let (mode, states) = (settings.mode.unwrap_or(GaugeMode::LiveAll), &settings.states);
        match StateHome::new(store, desc.name(), &labels, desc.help(), mode, states) {
            Some(home) => Self::Shared(home),
            None => {
                store.note_unsaid();
                Self::default()
            }
        }
    }

    #[cfg(not(feature = "multiprocess"))]
    fn new(_: &Schema<Enum>, _: &Homes<'_>) -> Self {
        Self::default()
    }

    fn get(&self) -> usize {
        match self {
            Self::Memory(place) => place.load(Ordering::Relaxed),
            #[cfg(feature = "multiprocess")]
            Self::Shared(home) => home.get(),
        }
    }

    fn set(&self, place: usize) {
        match self {
            Self::Memory(cell) => cell.store(place, Ordering::Relaxed),
            #[cfg(feature = "multiprocess")]
            Self::Shared(home) => home.set(place, now()),
        }
    }
}

/// What is chosen when an enum is built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnumSettings {
    // Set when the metric is built.
    #[cfg(feature = "multiprocess")]
    mode: Option<GaugeMode>,
    states: Vec<Box<str>>,
    // Made when the metric is built: the states as values of a label, and the
    // names of the labels with the state's own among them.
    escaped: Vec<Box<str>>,
    shown_names: Option<LabelNames>,
}

impl Kind for Enum {
    type Cell = StateCell;
    type Aside = ();
    type Settings = EnumSettings;

    const TYPE: MetricType = MetricType::StateSet;

    fn check(settings: &mut EnumSettings, desc: &Desc, names: &LabelNames) -> Result {
        #[cfg(feature = "multiprocess")]
        settings.mode.get_or_insert(GaugeMode::LiveAll);
        let refuse = |message| Err(Error::new(ErrorKind::InvalidValue, message));
        if settings.states.is_empty() {
            return refuse(format!("enum {:?} has no states", desc.name()));
        }
        for (place, state) in settings.states.iter().enumerate() {
            if settings.states[..place].contains(state) {
                return refuse(format!("state {state:?} of enum {:?} stands twice", desc.name()));
            }
        }
        names.refuse(Some(desc.name()), &format!("enum {:?}", desc.name()))?;
        settings.escaped = settings
            .states
            .iter()
            .map(|state| {
                let mut text = String::new();
                push_escaped(&mut text, state);
                text.into()
            })
            .collect();
        settings.shown_names = Some(LabelNames::new(names.declared().chain([desc.name()]))?);
        Ok(())
    }

    fn new_cell(schema: &Schema<Self>, homes: &mut Homes<'_>) -> (StateCell, Option<()>) {
        (StateCell::new(schema, homes), None)
    }

    #[cfg(feature = "multiprocess")]
    fn retire(cell: &StateCell) {
        if let StateCell::Shared(home) = cell {
            home.retire();
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
        let names = schema.settings.shown_names.as_ref().unwrap_or(&schema.names);
        Columns::floats(names.clone(), Suffix::None)
    }

    fn push(all: &[Self], columns: &mut Columns) -> usize {
        all.iter().take_while(|metric| push(&metric.series, columns)).count()
    }
}

/// Appends a row for each state, if there is room for all.
fn push(series: &Held<Enum>, columns: &mut Columns) -> bool {
    let schema = series.schema();
    let states = &schema.settings.escaped;
    let text = states.iter().map(|state| state.len() + series.text_len()).sum();
    if !columns.has_room(states.len(), text) {
        return false;
    }
    let now = series.cell.get();
    let (Ok(place) | Err(place)) = schema.names.place(schema.desc.name());
    series.with_row_labels(|labels| {
        let RowLabels::Escaped { text, lens, escaped } = labels else { return };
        for (state, value) in states.iter().enumerate() {
            let labels = RowLabels::With { text, lens, escaped, place, value };
            columns.push_float(labels, f64::from(state == now));
        }
    });
    true
}
