//! Metrics split by labels, and the children that they lend.

use std::any::Any;
use std::fmt;
use std::ops::Deref;

use super::children::Children;
use super::instrument::{Instrument, Schema};
use super::label_values::LabelValues;
use crate::cell::lent::Lent;
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Desc;

/// A metric split by `N` labels; cheap to clone.
///
/// A label of too much or too little does not compile:
///
/// ```compile_fail
/// let replies = narthex::Counter::builder("replies", "By code.").labels(["code"]).build()?;
/// replies.labels(["GET", "200"]).inc();
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// ```
/// use narthex::Counter;
///
/// let replies = Counter::builder("replies", "By method and code.")
///     .labels(["method", "code"])
///     .build()?;
/// replies.labels(["GET", "200"]).inc();
/// // A handle is kept beside the code that it measures.
/// let posts = replies.labels(["POST", "201"]).handle();
/// posts.inc_by(2);
/// assert_eq!(replies.labels(["POST", "201"]).get(), 2.0);
/// # Ok::<(), narthex::Error>(())
/// ```
pub struct MetricVec<M: Instrument, const N: usize> {
    children: Children<M>,
}

impl<M: Instrument, const N: usize> MetricVec<M, N> {
    pub(super) fn new(schema: Schema<M>) -> Self {
        Self { children: Children::new(schema) }
    }

    pub(super) fn schema(&self) -> &Schema<M> {
        self.children.schema()
    }

    /// The child of these label values, in the order of declaration; made if it
    /// is new.
    ///
    /// It is lent: keep its [`handle`](Child::handle) to hold on to it.
    #[inline]
    pub fn labels(&self, values: impl LabelValues<N>) -> Child<'_, M> {
        values.with(|values| Child::new(self.children.lend(values)))
    }

    /// A handle of the child of these label values: what
    /// `labels(…).handle()` is, without a child lent meanwhile.
    ///
    /// This is the form for a line that awaits or sends:
    ///
    /// ```
    /// use narthex::Histogram;
    ///
    /// let latency = Histogram::builder("latency_seconds", "Of replies.").labels(["route"]).build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// # let latency = latency.clone();
    /// tokio::spawn(async move {
    ///     latency.handle(["/"]).time_future(async { /* … */ }).await;
    /// })
    /// # .await.unwrap() });
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn handle(&self, values: impl LabelValues<N>) -> M {
        self.labels(values).handle()
    }

    /// The child of these label values, by name and in any order.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if a name is missing, unknown or stands twice.
    pub fn labels_by_name(&self, labels: &[(&str, &str)]) -> Result<Child<'_, M>> {
        by_name(&self.children, labels)
    }

    /// Takes a child out of the exposition; says whether it was there.
    ///
    /// A handle that somebody still holds keeps working and is shown no more;
    /// the same values make a new child, at zero. In a
    /// [store](crate::MetricBuilder::store) without room to note the removal, it
    /// waits until there is some, and a child that is made meanwhile goes on
    /// from the old one's number.
    pub fn remove(&self, values: impl LabelValues<N>) -> bool {
        values.with(|values| self.children.remove(values))
    }

    /// Removes the children that `doomed` picks; says how many.
    pub fn remove_if(&self, mut doomed: impl FnMut(&[&str; N]) -> bool) -> usize {
        // The number of values is that of the names, which is N.
        self.children.remove_if(|values| values.try_into().is_ok_and(&mut doomed))
    }

    /// Removes the children that have all of these values; says how many.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if a name is unknown.
    pub fn remove_by_labels(&self, labels: &[(&str, &str)]) -> Result<usize> {
        remove_by_labels(&self.children, labels)
    }

    /// Removes all children.
    pub fn clear(&self) {
        self.children.clear();
    }

    /// How many children there are.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A metric split by labels whose names are known only when the program runs.
///
/// ```
/// use narthex::Counter;
///
/// let names = vec!["method".to_owned(), "code".to_owned()];
/// let replies = Counter::builder("replies", "By what was configured.").labels_dyn(names).build()?;
/// replies.labels(&["GET", "200"])?.inc();
/// assert!(replies.labels(&["GET"]).unwrap_err().is_invalid_label());
/// # Ok::<(), narthex::Error>(())
/// ```
pub struct MetricVecDyn<M: Instrument> {
    children: Children<M>,
}

impl<M: Instrument> MetricVecDyn<M> {
    pub(super) fn new(schema: Schema<M>) -> Self {
        Self { children: Children::new(schema) }
    }

    pub(super) fn schema(&self) -> &Schema<M> {
        self.children.schema()
    }

    /// The child of these label values, in the order of declaration; made if it
    /// is new.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as names.
    pub fn labels(&self, values: &[&str]) -> Result<Child<'_, M>> {
        self.check_count(values)?;
        Ok(Child::new(self.children.lend(values)))
    }

    /// A handle of the child of these label values.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as names.
    pub fn handle(&self, values: &[&str]) -> Result<M> {
        Ok(self.labels(values)?.handle())
    }

    /// The child of these label values, by name and in any order.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if a name is missing, unknown or stands twice.
    pub fn labels_by_name(&self, labels: &[(&str, &str)]) -> Result<Child<'_, M>> {
        by_name(&self.children, labels)
    }

    /// Takes a child out of the exposition; says whether it was there.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if there are not as many values as names.
    pub fn remove(&self, values: &[&str]) -> Result<bool> {
        self.check_count(values)?;
        Ok(self.children.remove(values))
    }

    /// Removes the children that `doomed` picks; says how many.
    pub fn remove_if(&self, doomed: impl FnMut(&[&str]) -> bool) -> usize {
        self.children.remove_if(doomed)
    }

    /// Removes the children that have all of these values; says how many.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] if a name is unknown.
    pub fn remove_by_labels(&self, labels: &[(&str, &str)]) -> Result<usize> {
        remove_by_labels(&self.children, labels)
    }

    /// Removes all children.
    pub fn clear(&self) {
        self.children.clear();
    }

    /// How many children there are.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check_count(&self, values: &[&str]) -> Result {
        let schema = self.children.schema();
        schema.names.check_count(values.len(), &format!("{:?}", schema.desc.name()))
    }
}

/// A child that a labelled metric lends: it behaves like the metric itself.
///
/// It stays on its thread and holds no lock; [`handle`](Self::handle) makes a
/// copy to keep and to send. A child lives to the end of its line, so a line
/// that awaits asks for [`MetricVec::handle`] instead.
///
/// ```compile_fail
/// let replies = narthex::Counter::builder("replies", "By code.").labels(["code"]).build()?;
/// let child = replies.labels(["200"]);
/// std::thread::scope(|scope| { scope.spawn(|| child.inc()); });
/// # Ok::<(), narthex::Error>(())
/// ```
pub struct Child<'a, M> {
    lent: Lent<'a, M>,
}

impl<'a, M: Instrument> Child<'a, M> {
    #[inline(always)]
    pub(super) fn new(lent: Lent<'a, M>) -> Self {
        Self { lent }
    }

    /// A handle of the same child, to keep beside the code that it measures.
    pub fn handle(&self) -> M {
        M::clone(self)
    }
}

impl<M> Deref for Child<'_, M> {
    type Target = M;

    #[inline(always)]
    fn deref(&self) -> &M {
        &self.lent
    }
}

impl<M: fmt::Debug> fmt::Debug for Child<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Child").field(&**self).finish()
    }
}

/// The same metric, with the number of labels in its type.
///
/// ```
/// use narthex::{Counter, CounterVec};
///
/// let replies = Counter::builder("replies", "By code.").labels_dyn(["code"]).build()?;
/// let typed = CounterVec::<1>::try_from(replies.clone())?;
/// typed.labels(["200"]).inc();
/// assert_eq!(replies.labels(&["200"])?.get(), 1.0);
/// assert!(CounterVec::<2>::try_from(replies).unwrap_err().is_invalid_label());
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// [`Error::is_invalid_label`] if it has more or fewer labels.
impl<M: Instrument, const N: usize> TryFrom<MetricVecDyn<M>> for MetricVec<M, N> {
    type Error = Error;

    fn try_from(metric: MetricVecDyn<M>) -> Result<Self> {
        metric.check_count(&[""; N])?;
        Ok(Self { children: metric.children })
    }
}

impl<M: Instrument, const N: usize> Clone for MetricVec<M, N> {
    fn clone(&self) -> Self {
        Self { children: self.children.clone() }
    }
}

impl<M: Instrument> Clone for MetricVecDyn<M> {
    fn clone(&self) -> Self {
        Self { children: self.children.clone() }
    }
}

impl<M: Instrument, const N: usize> fmt::Debug for MetricVec<M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("MetricVec", &self.children, f)
    }
}

impl<M: Instrument> fmt::Debug for MetricVecDyn<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("MetricVecDyn", &self.children, f)
    }
}

/// Collects what has `children`: all of them, as one family.
macro_rules! collect_children {
    ($(impl [$($parameters:tt)*] for $metric:ty;)*) => {
        $(impl<$($parameters)*> Collector for $metric {
            fn describe(&self) -> Vec<Desc> {
                vec![self.children.schema().desc.clone()]
            }

            fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
                scrape.family(&self.children)
            }

            fn shared_directories(&self) -> Vec<SharedDirectory> {
                self.children.schema().shared_directory().into_iter().collect()
            }

            fn as_any(&self) -> Option<&dyn Any> {
                Some(self)
            }
        })*
    };
}

pub(super) use collect_children;

collect_children! {
    impl [M: Instrument, const N: usize] for MetricVec<M, N>;
    impl [M: Instrument] for MetricVecDyn<M>;
}

fn by_name<'a, M: Instrument>(
    children: &'a Children<M>,
    labels: &[(&str, &str)],
) -> Result<Child<'a, M>> {
    let Schema { desc, names, .. } = children.schema();
    names.check_count(labels.len(), &format!("{:?}", desc.name()))?;
    let mut values = vec![None; names.len()];
    for (name, value) in labels {
        let place = place_of(children.schema(), name)?;
        if values[place].replace(*value).is_some() {
            return Err(Error::new(
                ErrorKind::InvalidLabel,
                format!("label {name:?} of {:?} stands twice", desc.name()),
            ));
        }
    }
    // As many different names as there are labels leave none without a value.
    let values: Vec<&str> = values.into_iter().flatten().collect();
    Ok(Child::new(children.lend(&values)))
}

fn remove_by_labels<M: Instrument>(
    children: &Children<M>,
    labels: &[(&str, &str)],
) -> Result<usize> {
    let mut wanted = Vec::with_capacity(labels.len());
    for (name, value) in labels {
        wanted.push((place_of(children.schema(), name)?, *value));
    }
    if wanted.is_empty() {
        return Ok(0);
    }
    Ok(children.remove_if(|values| wanted.iter().all(|(place, value)| values[*place] == *value)))
}

/// The place of a label in the order of declaration.
fn place_of<M: Instrument>(schema: &Schema<M>, name: &str) -> Result<usize> {
    match schema.names.place(name) {
        Ok(sorted) => Ok(schema.names.declared_at()[sorted]),
        Err(_) => {
            let names: Vec<_> = schema.names.declared().collect();
            Err(Error::new(
                ErrorKind::InvalidLabel,
                format!("{:?} has labels {names:?}, not {name:?}", schema.desc.name()),
            ))
        }
    }
}

pub(super) fn debug<M: Instrument>(
    title: &str,
    children: &Children<M>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.debug_struct(title)
        .field("name", &children.schema().desc.name())
        .field("labels", &children.schema().names)
        .field("children", &children.len())
        .finish()
}
