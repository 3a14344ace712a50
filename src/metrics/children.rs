//! The series of one metric, found by the values of their labels.

use std::sync::Arc;

use super::instrument::{Instrument, Schema, Series};
use super::label_text::{is_named, write_labels};
use crate::cell::lent::Lent;
use crate::cell::shelf::Shelf;
use crate::model::{Chunk, Desc, Family, Sealed};

/// All series of a labelled metric; cheap to clone.
pub(super) struct Children<M: Instrument>(Arc<Shelf<Series<M>, Schema<M>>>);

impl<M: Instrument> Children<M> {
    pub(super) fn new(schema: Schema<M>) -> Self {
        Self(Shelf::new(schema))
    }

    pub(super) fn schema(&self) -> &Schema<M> {
        self.0.common()
    }

    /// The child of these values, in the order of declaration; made if it is new.
    // Made for each number of values, so that what is done with each of them needs no loop.
    pub(super) fn lend<'v>(&self, values: &(impl AsRef<[&'v str]> + ?Sized)) -> Lent<'_, M> {
        let values = values.as_ref();
        let Schema { names, hasher, .. } = self.schema();
        self.0.get_or_insert(
            hasher.hash(values),
            |key| is_named(key, names, values),
            |key| write_labels(names, values, key),
            |schema| Series::new(schema, values),
        )
    }

    pub(super) fn remove(&self, values: &[&str]) -> bool {
        // Before the same values can make another child, which would find the same rows.
        let retire = |series: &Series<M>| series.retire(self.schema());
        let Schema { names, hasher, .. } = self.schema();
        self.0.remove(hasher.hash(values), |key| is_named(key, names, values), retire)
    }

    /// Removes the children that `doomed` picks by their raw values; says how many.
    pub(super) fn remove_if(&self, mut doomed: impl FnMut(&[&str]) -> bool) -> usize {
        let doomed = |child: &M| {
            let values = child.series().label_values();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            doomed(&values)
        };
        self.0.remove_if(doomed, |series| series.retire(self.schema()))
    }

    pub(super) fn clear(&self) {
        self.0.remove_if(|_: &M| true, |series| series.retire(self.schema()));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<M: Instrument> Clone for Children<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Instrument> Sealed for Children<M> {}

impl<M: Instrument> Family for Children<M> {
    fn desc(&self) -> &Desc {
        &self.schema().desc
    }

    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
        let mut columns = M::columns(self.schema());
        columns.reserve_rows();
        let mut walk = self.0.walk::<M>();
        loop {
            let is_more = walk.step(|children| M::push(children, &mut columns));
            if columns.rows() > 0 {
                each(&columns.chunk());
                columns.clear();
            }
            if !is_more {
                return;
            }
        }
    }
}
