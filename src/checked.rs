//! A collector some of whose families are refused by whoever reads them.

use parking_lot::Mutex;

use crate::collector::{Collector, Scrape, for_each_family};
use crate::error::{Error, Result};
use crate::model::Family;

/// Tells what a collector does, as long as no family is refused.
pub(crate) struct Checked<'a, C> {
    collector: &'a dyn Collector,
    check: C,
    refusal: Mutex<Option<Error>>,
}

impl<'a, C: Fn(&dyn Family) -> Result + Send + Sync> Checked<'a, C> {
    pub(crate) fn new(collector: &'a dyn Collector, check: C) -> Self {
        Self { collector, check, refusal: Mutex::new(None) }
    }

    /// What came of a scrape of it. That a family was refused is no failure of a collector, which a
    /// registry may pass over.
    pub(crate) fn outcome<T>(self, scraped: Result<T>) -> Result<T> {
        self.refusal.into_inner().map_or(scraped, Err)
    }
}

impl<C: Fn(&dyn Family) -> Result + Send + Sync> Collector for Checked<'_, C> {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        for_each_family(self.collector, &mut |family| match (self.check)(family) {
            Ok(()) => scrape.family(family),
            Err(error) => {
                *self.refusal.lock() = Some(error);
                Err(Error::collector("a family was refused"))
            }
        })
    }
}
