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

    /// Calls `each` with every sample in turn: for look-ups, views and bridges.
    ///
    /// ```
    /// use narthex::model::{Family, GaugeMetricFamily};
    ///
    /// let mut heat = GaugeMetricFamily::new("heat", "In degrees Celsius.")?.with_labels(["room"])?;
    /// heat.add_metric(["kitchen"], 21.5)?;
    /// heat.add_metric(["cellar"], 12.0)?;
    /// let mut values = Vec::new();
    /// heat.for_each_sample(&mut |sample| values.push(sample.value()));
    /// assert_eq!(values, [21.5, 12.0]);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    fn for_each_sample(&self, each: &mut dyn FnMut(&Sample<'_>)) {
        let desc = self.desc();
        self.for_each_chunk(&mut |chunk| chunk.for_each_sample(desc, each));
    }
}

/// Keeps [`Family`] to the library until its form is final.
pub trait Sealed {}
