//! Metrics split by the labels of a struct.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::children::{Children, NumberedChildren};
use super::instrument::{Instrument, Schema};
use super::label_set::{LabelSet, count_children};
use super::vec::{Child, collect_children, debug};
use crate::cell::shelf::Wraps;
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::Result;
use crate::model::Desc;

/// A metric split by the labels of a struct; cheap to clone.
///
/// [`MetricBuilder::labels_of`](crate::MetricBuilder::labels_of) makes it. If
/// all labels are closed, a child is found by number once it has been asked
/// for; there can be 65,536 of them at most, at 8 bytes each from the start.
/// One that was [removed](Self::remove) and comes back is looked up by its
/// values, as all children of other labels are.
///
/// Children are shown in the order in which they were made.
#[cfg_attr(
    feature = "derive",
    doc = r##"
```
use narthex::{Gauge, GaugeVecOf, LabelSet, LabelValue};

#[derive(Clone, Copy, LabelValue)]
enum Phase {
    InQueue,
    Running,
}

#[derive(LabelSet)]
struct Jobs {
    phase: Phase,
}

let jobs: GaugeVecOf<Jobs> =
    Gauge::builder("jobs", "By phase.").labels_of::<Jobs>().build()?;
let running = Jobs { phase: Phase::Running };
jobs.labels(&running).inc();
assert_eq!(jobs.labels(running).get(), 1.0);
assert_eq!(jobs.labels(Jobs { phase: Phase::InQueue }).get(), 0.0);
# Ok::<(), narthex::Error>(())
```
"##
)]
pub struct MetricVecOf<M: Instrument, L> {
    children: Children<M>,
    numbered: Arc<NumberedChildren<M>>,
    labels: PhantomData<fn() -> L>,
}

impl<M: Instrument, L: LabelSet<Static = L>> MetricVecOf<M, L> {
    const CLOSED: Option<usize> = count_children(L::VALUES);

    pub(super) fn new(schema: Schema<M>) -> Self {
        let children = Children::new(schema);
        let numbered = Arc::new(children.numbered(Self::CLOSED.unwrap_or(0)));
        Self { children, numbered, labels: PhantomData }
    }

    pub(super) fn schema(&self) -> &Schema<M> {
        self.children.schema()
    }

    /// The child of these labels; made if it is new.
    ///
    /// It is lent: keep its [`handle`](Child::handle) to hold on to it.
    #[inline]
    pub fn labels(&self, values: impl LabelSet<Static = L>) -> Child<'_, M> {
        if Self::CLOSED.is_none() {
            return self.look_up(values);
        }
        match self.numbered.get(values.index()) {
            Some(child) => Child::new(child),
            None => self.look_up_closed(values),
        }
    }

    /// A handle of the child of these labels: what `labels(…).handle()` is,
    /// without a child lent meanwhile, for a line that awaits or sends.
    pub fn handle(&self, values: impl LabelSet<Static = L>) -> M {
        self.labels(values).handle()
    }

    /// Makes every child that there can be, so that all are shown from the
    /// start. The labels must be closed; others do not compile.
    ///
    /// A rate of a series that appears with its first event
    /// [misses that event](https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics).
    #[cfg_attr(
        feature = "derive",
        doc = r##"
```
use narthex::{CollectorRegistry, Counter, LabelSet, LabelValue};

#[derive(LabelValue)]
enum Outcome {
    Done,
    TimedOut,
}

#[derive(LabelSet)]
struct Jobs {
    outcome: Outcome,
}

let registry = CollectorRegistry::new();
let jobs = Counter::builder("jobs", "Done.").labels_of::<Jobs>().register(&registry)?;
jobs.create_all();
let labels = [("outcome", "timed_out")];
assert_eq!(registry.get_sample_value("jobs_total", &labels), Some(0.0));
# Ok::<(), narthex::Error>(())
```

```compile_fail,E0080
#[derive(narthex::LabelSet)]
struct Jobs {
    queue: String,
}
narthex::Counter::builder("jobs", "Done.").labels_of::<Jobs>().build()?.create_all();
# Ok::<(), narthex::Error>(())
```
"##
    )]
    #[doc(alias = "init_label_values")]
    pub fn create_all(&self) {
        const { assert!(Self::CLOSED.is_some(), "only closed labels are known beforehand") };
        let mut texts = vec![""; L::NAMES.as_ref().len()];
        for index in 0..Self::CLOSED.unwrap_or(0) {
            let mut rest = index;
            for (text, values) in texts.iter_mut().zip(L::VALUES).rev() {
                *text = values[rest % values.len()];
                rest /= values.len();
            }
            self.children.lend(&texts);
        }
    }

    /// Takes a child out of the exposition; says whether it was there.
    ///
    /// A handle that somebody still holds keeps working and is shown no more;
    /// the same values make a new child, at zero. In a
    /// [store](crate::MetricBuilder::store) without room to note the removal, it
    /// waits until there is some, and a child that is made meanwhile goes on
    /// from the old one's number.
    pub fn remove(&self, values: impl LabelSet<Static = L>) -> bool {
        let removed = values.with(|texts| self.children.remove(texts.as_ref()));
        if removed {
            self.numbered.give_up(values.index());
        }
        removed
    }

    /// Removes the children that `doomed` picks by their values, in the order of
    /// the fields; says how many.
    pub fn remove_if(&self, mut doomed: impl FnMut(&[&str]) -> bool) -> usize {
        let mut indices = Vec::new();
        let removed = self.children.remove_if(|values| {
            let doomed = doomed(values);
            if doomed {
                indices.push(index_of(values, L::VALUES));
            }
            doomed
        });
        indices.into_iter().flatten().for_each(|index| self.numbered.give_up(index));
        removed
    }

    /// Removes all children.
    pub fn clear(&self) {
        self.remove_if(|_| true);
    }

    /// How many children there are.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn look_up(&self, values: impl LabelSet<Static = L>) -> Child<'_, M> {
        values.with(|texts| Child::new(self.children.lend(texts.as_ref())))
    }

    #[cold]
    fn look_up_closed(&self, values: impl LabelSet<Static = L>) -> Child<'_, M> {
        let index = values.index();
        let child = self.look_up(values);
        self.numbered.fill(index, child.kept());
        child
    }
}

/// What [`LabelSet::index`] is for values with these texts; none for a label
/// that is not closed.
fn index_of(texts: &[&str], values: &[&[&str]]) -> Option<usize> {
    texts.iter().zip(values).try_fold(0, |index, (text, values)| {
        let place = values.iter().position(|value| value == text)?;
        Some(index * values.len() + place)
    })
}

impl<M: Instrument, L> Clone for MetricVecOf<M, L> {
    fn clone(&self) -> Self {
        Self {
            children: self.children.clone(),
            numbered: self.numbered.clone(),
            labels: PhantomData,
        }
    }
}

impl<M: Instrument, L> fmt::Debug for MetricVecOf<M, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("MetricVecOf", &self.children, f)
    }
}

collect_children! {
    impl [M: Instrument, L: 'static] for MetricVecOf<M, L>;
}
