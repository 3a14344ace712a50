//! A handle by itself: a family of one series.

use std::any::Any;
use std::slice;

use super::instrument::Instrument;
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::Result;
use crate::model::{Chunk, Desc, Family, Sealed};

// A handle is a series with a name: registered by itself it is a family of one.
impl<M: Instrument> Collector for M {
    fn describe(&self) -> Vec<Desc> {
        vec![self.series().schema().desc.clone()]
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        scrape.family(&Alone(self))
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        self.series().schema().shared_directory().into_iter().collect()
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// A series on its own, as a family of one.
struct Alone<'a, M>(&'a M);

impl<M: Instrument> Sealed for Alone<'_, M> {}

impl<M: Instrument> Family for Alone<'_, M> {
    fn desc(&self) -> &Desc {
        &self.0.series().schema().desc
    }

    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
        let mut columns = M::columns(self.0.series().schema());
        // There is room for one in columns that are empty.
        M::push(slice::from_ref(self.0), &mut columns);
        each(&columns.chunk());
    }
}
