//! What the labels of one family are to be called.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Tally};
use super::naming::{is_camel_case, shown_name};
use super::rule::Rule;
use super::schemes::{Schemes, escaped_forms};
use crate::model::{Chunk, EscapingScheme, Family, MetricType, Suffix, Values};

/// The labels that Prometheus itself gives to everything that it scrapes.
const OF_TARGET: [&str; 2] = ["instance", "job"];

/// Checks the names of all labels of one family.
pub(super) fn check(family: &dyn Family, findings: &mut Findings) {
    let (desc, shown) = (family.desc(), shown_name(family.desc()));
    let (mut names, mut reserved) = (BTreeSet::new(), Tally::default());
    family.for_each_chunk(&mut |chunk| {
        refuse_reserved(desc.metric_type(), chunk, &mut reserved);
        for name in chunk.names().sorted() {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    });
    reserved.tell(&shown, findings);
    let own = desc.metric_type() == MetricType::StateSet;
    for name in names.iter().filter(|name| !own || *name != desc.name()) {
        check_name(&shown, name, findings);
    }
    clashes(&shown, &names, findings);
}

fn check_name(metric: &str, name: &str, findings: &mut Findings) {
    if is_camel_case(name) {
        let text = format!("the label {name:?} is in camelCase and not in snake_case");
        findings.add(Rule::CamelCase, metric, text);
    }
    if OF_TARGET.contains(&name) {
        let text = format!("the label {name:?} is one that Prometheus adds, and so renames");
        findings.add(Rule::TargetLabel, metric, text);
    }
    let escaped = EscapingScheme::Underscores.label_name(name);
    if escaped.starts_with("__") {
        let text = format!("the label {name:?} is {escaped:?} when escaped, which is reserved");
        findings.add(Rule::ReservedLabel, metric, text);
    }
}

/// Finds labels that some types add to their samples, and that these samples do not get so.
fn refuse_reserved(metric_type: MetricType, chunk: &Chunk<'_>, tally: &mut Tally) {
    let suffix = match chunk.values() {
        Values::Floats { suffix, .. } => Some(suffix),
        _ => None,
    };
    let own = match (metric_type, suffix) {
        (MetricType::Unknown, _) => return,
        (_, Some(Suffix::Bucket)) => Some("le"),
        (MetricType::Summary, Some(Suffix::None)) => Some("quantile"),
        _ => None,
    };
    for (label, of) in [("le", "buckets"), ("quantile", "summaries")] {
        if own != Some(label) && chunk.names().contains(label) {
            tally.add(Rule::ReservedLabel, || {
                format!(
                    "samples have the label {label:?} as {of} do, and the type is {metric_type}"
                )
            });
        }
    }
}

/// Finds names that are not one, and hardly to be told apart.
fn clashes(metric: &str, names: &BTreeSet<String>, findings: &mut Findings) {
    let mut pairs: BTreeMap<(&str, &str), Schemes> = BTreeMap::new();
    for scheme in escaped_forms() {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for name in names {
            let escaped = scheme.label_name(name).into_owned();
            match seen.get(&escaped) {
                Some(first) => pairs.entry((first, name)).or_default().add(scheme, &escaped),
                None => {
                    seen.insert(escaped, name);
                }
            }
        }
    }
    for ((first, second), schemes) in pairs {
        let text = format!("the labels {first:?} and {second:?} are both {schemes}");
        findings.add(Rule::EscapedLabelClash, metric, text);
    }
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(name.to_lowercase(), name) {
            let text = format!("the labels {first:?} and {name:?} differ only in case");
            findings.add(Rule::LabelCaseClash, metric, text);
        }
    }
}
