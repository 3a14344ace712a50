//! Which files say different things of one family.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::keys::{Bound, Keys, Known};
use crate::model::{MetricType, format_f64};
use crate::multiprocess::disagreement::{About, Disagreement};
use crate::multiprocess::file_name::FileName;
use crate::multiprocess::mode::GaugeMode;

/// Two files that say different things of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisagreementReport {
    what: Disagreement,
    says: [(PathBuf, String); 2],
}

impl DisagreementReport {
    /// The name of the family.
    pub fn family(&self) -> &str {
        self.what.family()
    }

    /// What the files disagree about, in the words of [`Disagreement::about`].
    pub fn about(&self) -> &'static str {
        self.what.about()
    }

    /// The first file that tells of it, and the first that says otherwise, each
    /// with what it says: a type, a mode, or bounds of buckets.
    pub fn says(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.says.iter().map(|(path, says)| (&**path, &**says))
    }
}

/// What the files that were looked at say of families.
#[derive(Default)]
pub(super) struct Told {
    types: HashMap<usize, (MetricType, PathBuf)>,
    modes: HashMap<usize, (GaugeMode, PathBuf)>,
    /// Ascending bounds, by histogram.
    bounds: HashMap<usize, (Vec<f64>, PathBuf)>,
    found: Vec<DisagreementReport>,
}

impl Told {
    /// Adds what a file says in keys that count.
    pub(super) fn add(&mut self, path: &Path, name: &FileName, known: &[Known], keys: &Keys) {
        let Some(metric_type) = name.metric_type else { return };
        for known in known {
            if let Some(first) = meet(&mut self.types, known.family, metric_type, path) {
                let says = |told: &MetricType| told.as_str().to_owned();
                self.report(known.family, About::Type, first, (path, metric_type), says, keys);
            }
            let Some(gauge) = &name.gauge else { continue };
            if let Some(first) = meet(&mut self.modes, known.family, gauge.mode, path) {
                let says = |told: &GaugeMode| told.as_str().to_owned();
                self.report(known.family, About::Mode, first, (path, gauge.mode), says, keys);
            }
        }
        if metric_type != MetricType::Histogram {
            return;
        }
        let buckets = known.iter().filter_map(|known| match known.bound {
            Bound::Of(histogram, bound) => Some((histogram, (known.family, bound))),
            _ => None,
        });
        let mut histograms: HashMap<usize, (usize, Vec<f64>)> = HashMap::new();
        for (histogram, (family, bound)) in buckets {
            histograms.entry(histogram).or_insert((family, Vec::new())).1.push(bound);
        }
        let mut histograms: Vec<_> = histograms.into_iter().collect();
        histograms.sort_by_key(|(histogram, _)| *histogram);
        for (histogram, (family, mut bounds)) in histograms {
            bounds.sort_by(f64::total_cmp);
            bounds.dedup();
            let says = |bounds: &Vec<f64>| {
                let bounds: Vec<_> = bounds.iter().map(|bound| format_f64(*bound)).collect();
                bounds.join(", ")
            };
            if let Some(first) = meet(&mut self.bounds, histogram, bounds.clone(), path) {
                self.report(family, About::Buckets, first, (path, bounds), says, keys);
            }
        }
    }

    /// What was found, sorted by name.
    pub(super) fn finish(mut self) -> Vec<DisagreementReport> {
        self.found.sort_by(|a, b| (a.family(), a.about()).cmp(&(b.family(), b.about())));
        self.found
    }

    fn report<T>(
        &mut self,
        family: usize,
        about: About,
        first: (T, PathBuf),
        other: (&Path, T),
        says: impl Fn(&T) -> String,
        keys: &Keys,
    ) {
        let what = Disagreement::new(&keys.names[family], about);
        // One is enough of each family.
        if self.found.iter().all(|have| have.what != what) {
            let says = [(first.1, says(&first.0)), (other.0.to_owned(), says(&other.1))];
            self.found.push(DisagreementReport { what, says });
        }
    }
}

/// Keeps what is said first; gives it if it is not what is said now.
fn meet<T: Clone + PartialEq>(
    told: &mut HashMap<usize, (T, PathBuf)>,
    of: usize,
    says: T,
    path: &Path,
) -> Option<(T, PathBuf)> {
    let (first, _) = &*told.entry(of).or_insert_with(|| (says.clone(), path.to_owned()));
    (*first != says).then(|| told[&of].clone())
}
