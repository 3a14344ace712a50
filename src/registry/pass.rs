//! One way through a registry: what each family is checked for as it passes.

use std::cell::Cell;
use std::collections::HashSet;

use super::claims::forms;
use super::self_metrics::Counts;
use super::{CollectorRegistry, Entry};
use crate::collector::Scrape;
use crate::error::Result;
use crate::model::{Chunk, Desc, Family, Sealed};

/// The families of one scrape so far.
pub(super) struct Pass<'a> {
    registry: &'a CollectorRegistry,
    // All of their names.
    seen: HashSet<String>,
    counts: Counts,
}

impl<'a> Pass<'a> {
    pub(super) fn new(registry: &'a CollectorRegistry) -> Self {
        Self { registry, seen: HashSet::new(), counts: Counts::default() }
    }

    pub(super) fn begin_collector(&mut self) {
        self.counts.collectors += 1;
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Lets a family through, if no other one of this scrape has its names.
    pub(super) fn family(
        &mut self,
        entry: &Entry,
        family: &dyn Family,
        outer: &mut Scrape<'_>,
    ) -> Result {
        let desc = family.desc();
        let claims = desc.claims();
        let announced = claims.iter().all(|name| entry.claimed.binary_search(name).is_ok());
        let names = if announced { claims } else { forms(desc) };
        let mut taken: Vec<_> =
            names.iter().filter(|name| self.seen.contains(*name)).cloned().collect();
        if !announced {
            let state = self.registry.inner.state.read();
            taken.extend(state.claims.taken_from_others(&names, entry.id));
        }
        if !taken.is_empty() {
            let state = self.registry.inner.state.read();
            return Err(state.claims.clash(taken, &format!("family {:?}", desc.name())));
        }
        let options = &self.registry.inner.options;
        let passing = Passing { family, created: options.created, rows: Cell::new(None) };
        outer.family(&passing)?;
        if options.self_metrics {
            self.counts.series += passing.rows();
            self.counts.families += 1;
        }
        self.seen.extend(names);
        Ok(())
    }
}

/// A family on its way out: counted, and with or without the start times of its series.
struct Passing<'a> {
    family: &'a dyn Family,
    created: bool,
    // Of the last walk, so that counting takes none of its own.
    rows: Cell<Option<usize>>,
}

impl Passing<'_> {
    fn rows(&self) -> usize {
        if self.rows.get().is_none() {
            self.for_each_chunk(&mut |_| ());
        }
        self.rows.get().unwrap_or(0)
    }
}

impl Sealed for Passing<'_> {}

impl Family for Passing<'_> {
    fn desc(&self) -> &Desc {
        self.family.desc()
    }

    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
        let mut rows = 0;
        self.family.for_each_chunk(&mut |chunk| {
            rows += chunk.rows();
            if self.created { each(chunk) } else { each(&chunk.without_starts()) }
        });
        self.rows.set(Some(rows));
    }
}
