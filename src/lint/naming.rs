//! What a family's name and help text are to be like, whatever its samples are.

use super::findings::Findings;
use super::rule::Rule;
use super::units::{abbreviations_of, unit_of};
use crate::model::{Desc, MetricType, Suffix};

/// Checks name and help of one family.
pub(super) fn check(desc: &Desc, findings: &mut Findings) {
    let (name, shown) = (desc.name(), shown_name(desc));
    if desc.help().is_empty() {
        findings.add(Rule::NoHelp, &shown, "there is no help text");
    }
    if name.contains(':') {
        let text = "the name has a colon, which is for recording rules";
        findings.add(Rule::ColonInName, &shown, text);
    }
    if is_camel_case(name) {
        findings.add(Rule::CamelCase, &shown, "the name is in camelCase and not in snake_case");
    }
    if let Some((unit, base)) = unit_of(&shown).filter(|(unit, base)| unit != base) {
        let text = format!("the unit {unit:?} in the name is not the base unit, {base:?}");
        findings.add(Rule::NonBaseUnit, &shown, text);
    }
    for unit in abbreviations_of(&shown) {
        let text = format!("the unit {unit:?} in the name is abbreviated");
        findings.add(Rule::AbbreviatedUnit, &shown, text);
    }
    let metric_type = desc.metric_type();
    if metric_type != MetricType::Unknown {
        check_suffix(&shown, metric_type, findings);
        check_type(name, &shown, metric_type, findings);
    }
}

/// The name of a family as the text format writes it.
pub(crate) fn shown_name(desc: &Desc) -> String {
    let suffix = match desc.metric_type() {
        MetricType::Counter => Suffix::Total,
        MetricType::Info => Suffix::Info,
        _ => Suffix::None,
    };
    [desc.name(), suffix.as_str()].concat()
}

/// Whether a capital letter follows a small one.
pub(super) fn is_camel_case(name: &str) -> bool {
    name.as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

/// Refuses the ends of names that are those of other types.
fn check_suffix(shown: &str, metric_type: MetricType, findings: &mut Findings) {
    let is_histogram = matches!(metric_type, MetricType::Histogram | MetricType::GaugeHistogram);
    let is_observed = is_histogram || metric_type == MetricType::Summary;
    if metric_type != MetricType::Counter && shown.ends_with(Suffix::Total.as_str()) {
        let text =
            format!("the name ends with \"_total\" as a counter's, and the type is {metric_type}");
        findings.add(Rule::TotalWithoutCounter, shown, text);
    }
    for (suffix, is_own) in
        [(Suffix::Bucket, is_histogram), (Suffix::Count, is_observed), (Suffix::Sum, is_observed)]
    {
        let suffix = suffix.as_str();
        if !is_own && shown.ends_with(suffix) {
            let text = format!(
                "the name ends with {suffix:?} as a histogram's, and the type is {metric_type}"
            );
            findings.add(Rule::ReservedSuffix, shown, text);
        }
    }
}

/// Refuses the type as a word of the name.
fn check_type(name: &str, shown: &str, metric_type: MetricType, findings: &mut Findings) {
    let lower = name.to_lowercase();
    let is_word = |word: &str| {
        let inside = format!("_{word}_");
        lower.contains(&inside) || lower.ends_with(inside.trim_end_matches('_'))
    };
    let split = (metric_type == MetricType::GaugeHistogram).then_some("gauge_histogram");
    if let Some(word) = [metric_type.as_str()].into_iter().chain(split).find(|word| is_word(word)) {
        findings.add(Rule::TypeInName, shown, format!("the name says the type, {word:?}"));
    }
}
