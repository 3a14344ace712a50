//! One way through a registry: what each family is checked for as it passes.

use std::collections::HashSet;

use super::claims::clash;
use super::self_metrics::Counts;
use super::{CollectorRegistry, Entry};
use crate::collector::Scrape;
use crate::error::Result;
use crate::model::{Chunk, Desc, Family, Sealed};

/// The families of one scrape so far.
pub(super) struct Pass<'a> {
    registry: &'a CollectorRegistry,
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
        if self.seen.contains(desc.name()) {
            return Err(clash(vec![desc.name().to_owned()], "a second family of one scrape"));
        }
        if !entry.claimed.iter().any(|name| name == desc.name()) {
            let state = self.registry.inner.state.read();
            let taken = state.claims.taken_from_others(desc, entry.id);
            drop(state);
            if !taken.is_empty() {
                return Err(clash(taken, &format!("family {:?}", desc.name())));
            }
        }
        self.seen.insert(desc.name().to_owned());
        let options = &self.registry.inner.options;
        if options.self_metrics {
            family.for_each_chunk(&mut |chunk| self.counts.series += chunk.rows());
            self.counts.families += 1;
        }
        if options.created { outer.family(family) } else { outer.family(&WithoutStarts(family)) }
    }
}

/// A family whose series do not say when they began.
struct WithoutStarts<'a>(&'a dyn Family);

impl Sealed for WithoutStarts<'_> {}

impl Family for WithoutStarts<'_> {
    fn desc(&self) -> &Desc {
        self.0.desc()
    }

    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
        self.0.for_each_chunk(&mut |chunk| each(&chunk.without_starts()));
    }
}
