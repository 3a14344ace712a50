//! Which names are near one that is not there.

use super::spec::MetricSpec;

/// A question whether one of the metrics with the most similar names was meant; empty if none is
/// similar.
pub(super) fn nearest<'a>(name: &str, specs: impl Iterator<Item = &'a MetricSpec>) -> String {
    // A third of the characters may differ.
    let most = name.chars().count() / 3;
    let distances = specs.map(|spec| (strsim::osa_distance(name, spec.name()), spec));
    let near: Vec<_> = distances.filter(|(distance, _)| *distance <= most).collect();
    let Some(least) = near.iter().map(|(distance, _)| *distance).min() else {
        return String::new();
    };
    let near = near.iter().filter(|(distance, _)| *distance == least);
    let meant: Vec<_> =
        near.map(|(_, spec)| format!("the {} {:?}", spec.kind(), spec.name())).collect();
    format!("; did you mean {}?", meant.join(" or "))
}
