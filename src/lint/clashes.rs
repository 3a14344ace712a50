//! Names of several families that are one, or hardly to be told apart.

use std::collections::{BTreeMap, HashMap};

use super::findings::Findings;
use super::naming::shown_name;
use super::rule::Rule;
use super::schemes::{Schemes, escaped_forms};
use super::units::quantity_of;
use crate::model::{Desc, Suffix};

/// The families that were seen, in their order.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<Desc>);

impl Families {
    pub(super) fn add(&mut self, desc: &Desc) {
        self.0.push(desc.clone());
    }

    /// Tells of all clashes, each once, as one of the later family.
    pub(super) fn check(&self, findings: &mut Findings) {
        let distinct = self.distinct(findings);
        shared_names(&distinct, findings);
        escaped_names(&distinct, findings);
        alike(&distinct, Rule::NameCaseClash, "in case", findings, |desc| {
            Some(desc.name().to_lowercase())
        });
        alike(&distinct, Rule::UnitClash, "in their unit", findings, |desc| {
            quantity_of(desc.name())
        });
    }

    /// The first family of each name, after telling of the others.
    fn distinct(&self, findings: &mut Findings) -> Vec<&Desc> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut distinct = Vec::new();
        for desc in &self.0 {
            let count = counts.entry(shown_name(desc)).or_default();
            *count += 1;
            match *count {
                1 => distinct.push(desc),
                2 => {
                    let text = "the family stands more than once";
                    findings.add(Rule::DuplicateFamily, &shown_name(desc), text);
                }
                _ => {}
            }
        }
        distinct
    }
}

/// Finds names that two families take: their own, and their samples'.
///
/// Start times are no samples here: what shows them in the text format, as Python's client does,
/// makes gauges of them.
fn shared_names(families: &[&Desc], findings: &mut Findings) {
    let mut owners: HashMap<String, &Desc> = HashMap::new();
    for desc in families {
        let mut told = Vec::new();
        for suffix in desc.claimed_suffixes().filter(|suffix| *suffix != Suffix::Created) {
            let name = format!("{}{}", desc.name(), suffix.as_str());
            let other = *owners.entry(name.clone()).or_insert(desc);
            if !std::ptr::eq(other, *desc) && !told.contains(&other.name()) {
                told.push(other.name());
                let text = format!(
                    "the name {name:?} is taken by the {} {:?}",
                    other.metric_type(),
                    other.name()
                );
                findings.add(Rule::SharedName, &shown_name(desc), text);
            }
        }
    }
}

/// Finds names that are different and one on the wire.
fn escaped_names(families: &[&Desc], findings: &mut Findings) {
    let mut pairs: BTreeMap<(usize, usize), Schemes> = BTreeMap::new();
    for scheme in escaped_forms() {
        let mut owners: HashMap<String, (usize, String)> = HashMap::new();
        for (place, desc) in families.iter().enumerate() {
            for name in desc.claims() {
                let escaped = scheme.metric_name(&name).into_owned();
                let (owner, raw) =
                    owners.entry(escaped.clone()).or_insert_with(|| (place, name.clone()));
                if *owner != place && *raw != name {
                    pairs.entry((*owner, place)).or_default().add(scheme, &escaped);
                }
            }
        }
    }
    for ((first, second), schemes) in pairs {
        let (first, second) = (shown_name(families[first]), shown_name(families[second]));
        let text = format!("a name of it and one of {first:?} are both {schemes}");
        findings.add(Rule::EscapedNameClash, &second, text);
    }
}

/// Finds families whose names differ and have one key.
fn alike<K: Eq + std::hash::Hash>(
    families: &[&Desc],
    rule: Rule,
    what: &str,
    findings: &mut Findings,
    key: impl Fn(&Desc) -> Option<K>,
) {
    let mut seen: HashMap<K, &str> = HashMap::new();
    for desc in families {
        let Some(key) = key(desc) else { continue };
        let first = *seen.entry(key).or_insert(desc.name());
        if first != desc.name() {
            let text = format!("the names {first:?} and {:?} differ only {what}", desc.name());
            findings.add(rule, &shown_name(desc), text);
        }
    }
}
