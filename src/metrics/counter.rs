//! Totals that only grow: requests answered, bytes sent, errors.

use std::fmt;
use std::sync::Arc;

use super::amount::Amount;
use super::builder::MetricBuilder;
use super::exemplar::{ExemplarSlot, check_exemplar, keeps_exemplar};
use super::home::Homes;
use super::instrument::{Held, Instrument, Kind, Schema, push_labels};
use super::vec::{MetricVec, MetricVecDyn};
use super::vec_of::MetricVecOf;
use crate::cell::{CounterAside, CounterCell, note_refused_observation};
use crate::clock::now;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Columns, Desc, LabelNames, MetricType, Suffix, ValueColumns};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::FileKind;

/// A total that only grows; cheap to clone, and safe to share.
///
/// ```
/// use narthex::Counter;
///
/// let jobs = Counter::builder("jobs", "Jobs done.").build()?;
/// jobs.inc();
/// jobs.inc_by(0.5);
/// jobs.inc_by(-3); // changes nothing, and is counted as refused
/// assert_eq!(jobs.get(), 1.5);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct Counter {
    series: Held<Self>,
}

/// A counter split by `N` labels.
pub type CounterVec<const N: usize> = MetricVec<Counter, N>;

/// A counter split by labels that are known only when the program runs.
pub type CounterVecDyn = MetricVecDyn<Counter>;

/// A counter split by the labels of a struct.
pub type CounterVecOf<L> = MetricVecOf<Counter, L>;

impl Counter {
    /// Begins a counter. Its samples are named `…_total`, whether or not `name`
    /// ends with that.
    pub fn builder(name: impl Into<String>, help: impl Into<Arc<str>>) -> MetricBuilder<Self> {
        MetricBuilder::new(name, help)
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.series.cell.inc(|| &self.series.aside().total);
    }

    /// Adds an amount. One that is negative or NaN changes nothing and is
    /// counted in `narthex_refused_observations_total`.
    #[inline]
    pub fn inc_by(&self, amount: impl Amount) {
        let amount = amount.to_f64();
        if amount >= 0.0 {
            self.add(amount);
        } else {
            note_refused_observation();
        }
    }

    /// Adds an amount, or says why not.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if it is negative or NaN; nothing changes.
    pub fn try_inc_by(&self, amount: impl Amount) -> Result {
        let amount = self.check(amount.to_f64())?;
        self.add(amount);
        Ok(())
    }

    /// Adds one, and keeps these labels as the trace of it.
    pub fn inc_with_exemplar(&self, labels: &[(&str, &str)]) {
        self.inc_by_with_exemplar(1_u8, labels);
    }

    /// Adds an amount, and keeps these labels as the trace of it.
    ///
    /// Labels that an exemplar cannot have are counted as refused; the amount
    /// is added all the same. An amount that is refused leaves no trace.
    pub fn inc_by_with_exemplar(&self, amount: impl Amount, labels: &[(&str, &str)]) {
        let amount = amount.to_f64();
        self.inc_by(amount);
        if amount >= 0.0 && keeps_exemplar(labels) {
            self.series.aside().exemplar.store(labels, amount, now());
        }
    }

    /// Adds an amount and keeps its trace, or says why not.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] or [`Error::is_invalid_exemplar`]; nothing
    /// changes.
    pub fn try_inc_by_with_exemplar(&self, amount: impl Amount, labels: &[(&str, &str)]) -> Result {
        let amount = self.check(amount.to_f64())?;
        check_exemplar(labels)?;
        self.inc_by_with_exemplar(amount, labels);
        Ok(())
    }

    /// The total.
    pub fn get(&self) -> f64 {
        self.series.cell.get(self.series.known_aside().map(|aside| &aside.total))
    }

    /// Begins anew at zero, now.
    ///
    /// In a [store](crate::MetricBuilder::store), if another thread adds at this
    /// very moment, other processes may see what it had counted before until it
    /// adds again.
    pub fn reset(&self) {
        let aside = self.series.aside();
        self.series.cell.reset(&aside.total);
        aside.exemplar.clear();
        self.series.restart();
    }

    /// Runs `f` and counts if it fails or panics; its result is handed on.
    ///
    /// # Errors
    /// Those of `f`.
    ///
    /// ```
    /// use narthex::Counter;
    ///
    /// let errors = Counter::builder("parse_errors", "Lines that made no sense.").build()?;
    /// let parsed: Result<i32, _> = errors.count_errors(|| "x".parse::<i32>());
    /// assert!(parsed.is_err());
    /// assert_eq!(errors.get(), 1.0);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    #[doc(alias = "count_exceptions")]
    pub fn count_errors<T, E>(
        &self,
        f: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.count_errors_if(f, |_| true)
    }

    /// The same for errors that `counts` picks, and panics.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn count_errors_if<T, E>(
        &self,
        f: impl FnOnce() -> std::result::Result<T, E>,
        counts: impl FnOnce(&E) -> bool,
    ) -> std::result::Result<T, E> {
        let guard = self.error_guard();
        let result = f();
        if !result.as_ref().is_err_and(counts) {
            guard.success();
        }
        result
    }

    /// Counts an error when the scope ends, unless it is told of success.
    ///
    /// ```
    /// use narthex::Counter;
    ///
    /// let errors = Counter::builder("errors", "Of any kind.").build()?;
    /// let guard = errors.error_guard();
    /// // … work that may return early or panic …
    /// guard.success();
    /// assert_eq!(errors.get(), 0.0);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn error_guard(&self) -> ErrorGuard {
        ErrorGuard::new(self.clone())
    }

    #[inline]
    fn add(&self, amount: f64) {
        self.series.cell.add(amount, || &self.series.aside().total);
    }

    fn check(&self, amount: f64) -> Result<f64> {
        if amount >= 0.0 {
            return Ok(amount);
        }
        note_refused_observation();
        Err(Error::new(
            ErrorKind::InvalidValue,
            format!("counter {:?} cannot grow by {amount}", self.series.schema().desc.name()),
        ))
    }
}

/// Counts an error when it is dropped, unless it was told of success.
///
/// Made by [`Counter::error_guard`]; it counts early returns and panics alike.
#[derive(Debug)]
#[must_use = "an error is counted as soon as the guard is dropped"]
pub struct ErrorGuard {
    counter: Counter,
    armed: bool,
}

impl ErrorGuard {
    fn new(counter: Counter) -> Self {
        Self { counter, armed: true }
    }

    /// All went well: nothing is counted.
    pub fn success(mut self) {
        self.armed = false;
    }
}

impl Drop for ErrorGuard {
    fn drop(&mut self) {
        if self.armed {
            self.counter.inc();
        }
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

impl Instrument for Counter {}

/// What few series of a counter keep.
#[derive(Debug, Default)]
pub struct CounterAsides {
    total: CounterAside,
    exemplar: ExemplarSlot,
}

impl Kind for Counter {
    type Cell = CounterCell;
    type Aside = CounterAsides;
    type Settings = ();

    const TYPE: MetricType = MetricType::Counter;

    fn check(_: &mut (), _: &Desc, _: &LabelNames) -> Result {
        Ok(())
    }

    #[cfg(feature = "multiprocess")]
    fn file((): &()) -> Option<FileKind> {
        Some(FileKind::Counter)
    }

    fn new_cell(_: &Schema<Self>, homes: &mut Homes<'_>) -> (CounterCell, Option<CounterAsides>) {
        let home = homes.home(Suffix::Total);
        let exemplar = homes.exemplar(&home);
        let (cell, total) = CounterCell::at(home);
        (cell, total.map(|total| CounterAsides { total, exemplar }))
    }

    #[inline]
    fn of(series: Held<Self>) -> Self {
        Self { series }
    }

    fn series(&self) -> &Held<Self> {
        &self.series
    }

    fn columns(schema: &Schema<Self>) -> Columns {
        Columns::floats(schema.names.clone(), Suffix::Total)
    }

    fn push(all: &[Self], columns: &mut Columns) -> usize {
        let first = columns.rows();
        let all = push_labels(all, columns);
        let asides = || all.iter().map(|counter| counter.series.known_aside());
        if let ValueColumns::Floats { values, .. } = &mut columns.values {
            let totals = asides().map(|aside| aside.map(|aside| &aside.total));
            CounterCell::get_all(
                all.iter().map(|counter| &counter.series.cell).zip(totals),
                values,
            );
        }
        columns.extend_starts(all.iter().map(|counter| counter.series.created()));
        for (row, aside) in (first..).zip(asides()) {
            if let Some(aside) = aside {
                aside.exemplar.record(row, columns);
            }
        }
        all.len()
    }
}
