//! Where in a text a series stands once more.

use std::collections::HashSet;

use super::lines::OF_SAMPLES;
use super::series::key;
use crate::model::Family;
use crate::parser;

/// A sample of a series that has one already.
#[derive(Debug)]
pub(super) struct Repeat {
    name: String,
    /// Both counted from 1.
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Repeat {
    /// Whether it is one of the family that has this name in the text format.
    pub(super) fn is_of(&self, metric: &str) -> bool {
        let stem = metric.strip_suffix("_total").unwrap_or(metric);
        [metric, stem].iter().any(|name| {
            self.name.strip_prefix(name).is_some_and(|suffix| OF_SAMPLES.contains(&suffix))
        })
    }
}

/// All of a text, each line of which is read by itself.
pub(super) fn repeats(text: &str) -> Vec<Repeat> {
    let (mut seen, mut repeats) = (HashSet::new(), Vec::new());
    for (place, line) in text.lines().enumerate() {
        let bare = line.trim_start_matches([' ', '\t']);
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        let Some(Ok(family)) = parser::text::parse(bare).next() else { continue };
        family.for_each_sample(&mut |sample| {
            let (name, column) = (sample.name(), line.len() - bare.len() + 1);
            if !seen.insert((name.clone(), key(sample, None))) {
                repeats.push(Repeat { name, line: place + 1, column });
            }
        });
    }
    repeats
}
