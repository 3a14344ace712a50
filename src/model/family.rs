//! What a collector yields: a description, and samples in chunks of columns.

use super::chunk::Chunk;
use super::desc::Desc;
use super::sample::Sample;

/// A family of series, as it passes through a scrape.
///
/// The library alone implements it: custom collectors yield the owned families
/// of [`model`](crate::model).
pub trait Family: Sealed {
    /// Name, help, type and unit.
    fn desc(&self) -> &Desc;

    /// Calls `each` with every chunk in turn.
    ///
    /// It may be walked more than once, and no lock is held while `each` runs.
    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>));
}

impl dyn Family + '_ {
    /// Calls `each` with every sample in turn: for look-ups, views and bridges.
    pub fn for_each_sample(&self, each: &mut dyn FnMut(&Sample<'_>)) {
        let desc = self.desc();
        self.for_each_chunk(&mut |chunk| chunk.for_each_sample(desc, each));
    }
}

/// Keeps [`Family`] to the library until its form is final.
pub trait Sealed {}
