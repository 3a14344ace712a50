//! The series of one metric, found by the values of their labels.

use std::sync::Arc;

use super::instrument::{Instrument, Schema, Series};
use super::label_text::{is_named, write_labels};
use crate::cell::keys::{Key, KeyBuf};
use crate::cell::lent::Lent;
use crate::cell::numbered::Numbered;
use crate::cell::shelf::{Named, Shelf};
use crate::model::{Chunk, Desc, Family, Sealed};

/// All series of a labelled metric; cheap to clone.
pub(super) struct Children<M: Instrument>(Arc<Shelf<Series<M>, Schema<M>>>);

/// Series of closed labels, each at the place of its number.
pub(super) type NumberedChildren<M> = Numbered<Series<M>, Schema<M>>;

impl<M: Instrument> Children<M> {
    pub(super) fn new(schema: Schema<M>) -> Self {
        Self(Shelf::new(schema))
    }

    pub(super) fn schema(&self) -> &Schema<M> {
        self.0.common()
    }

    /// The child of these values, in the order of declaration; made if it is new.
    #[inline(always)]
    pub(super) fn lend<'v>(&self, values: &(impl AsRef<[&'v str]> + ?Sized)) -> Lent<'_, M> {
        let name = Values { schema: self.schema(), values };
        self.0.get_or_insert(name, move |schema| Series::new(schema, values.as_ref()))
    }

    /// Slots to find so many of them by number.
    pub(super) fn numbered(&self, slots: usize) -> NumberedChildren<M> {
        Numbered::new(&self.0, slots)
    }

    pub(super) fn remove(&self, values: &[&str]) -> bool {
        // Before the same values can make another child, which would find the same rows.
        let retire = |series: &Series<M>| series.retire(self.schema());
        self.0.remove(Values { schema: self.schema(), values }, retire)
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

/// The values that name a child, in the order of declaration.
///
/// `V` is an array wherever their number is known, so that what is done with each needs no loop.
struct Values<'a, M: Instrument, V: ?Sized> {
    schema: &'a Schema<M>,
    values: &'a V,
}

impl<M: Instrument, V: ?Sized> Clone for Values<'_, M, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Instrument, V: ?Sized> Copy for Values<'_, M, V> {}

impl<'v, M: Instrument, V: AsRef<[&'v str]> + ?Sized> Named for Values<'_, M, V> {
    #[inline(always)]
    fn hash(&self) -> u64 {
        self.schema.hasher.hash(self.values.as_ref())
    }

    #[inline(always)]
    fn is(&self, key: Key<'_>) -> bool {
        is_named(key, &self.schema.names, self.values.as_ref())
    }

    fn write(&self, key: &mut KeyBuf) {
        write_labels(&self.schema.names, self.values.as_ref(), key);
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
            let most = columns.rows_left();
            let is_more = walk.step(most, |children| M::push(children, &mut columns));
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
