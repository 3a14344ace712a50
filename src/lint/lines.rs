//! Where in a text a metric stands, and what only the text says of it.

use std::collections::HashMap;

/// What the names of samples have behind that of their family in the text format.
pub(super) const OF_SAMPLES: [&str; 7] =
    ["", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_created"];

/// What the lines of a text say before any number.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The first line of metadata for each name.
    metadata: HashMap<String, usize>,
    /// The first line of each sample's name.
    samples: HashMap<String, usize>,
    /// The name in each line, as far as there is one.
    names: Vec<Option<String>>,
    /// What TYPE lines say is a counter, with the line.
    counters: Vec<(String, usize)>,
}

impl Lines {
    pub(super) fn read(text: &str) -> Self {
        let mut lines = Self::default();
        for (line, text) in text.lines().enumerate() {
            let text = text.trim_start_matches([' ', '\t']);
            let (name, first) = match text.strip_prefix('#') {
                Some(comment) => (lines.read_metadata(comment, line + 1), &mut lines.metadata),
                None => (sample_name(text), &mut lines.samples),
            };
            if let Some(name) = &name {
                first.entry(name.clone()).or_insert(line + 1);
            }
            lines.names.push(name);
        }
        lines
    }

    /// The first line of a family of that name in the text format, counted from 1.
    pub(super) fn of_family(&self, name: &str) -> Option<usize> {
        // OpenMetrics leaves the suffix to the samples.
        let stem = ["_total", "_info"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let metadata = || self.metadata.get(name).or_else(|| self.metadata.get(stem?));
        let samples = || {
            let names = OF_SAMPLES.iter().map(|suffix| [name, suffix].concat());
            names.filter_map(|name| self.samples.get(&name)).min()
        };
        metadata().or_else(samples).copied()
    }

    /// The name in a line, counted from 1.
    pub(super) fn name_in(&self, line: usize) -> Option<&str> {
        self.names.get(line.checked_sub(1)?)?.as_deref()
    }

    /// Counters, by the names that TYPE gives them, and their lines.
    pub(super) fn counters(&self) -> impl Iterator<Item = (&str, usize)> {
        self.counters.iter().map(|(name, line)| (&**name, *line))
    }

    fn read_metadata(&mut self, comment: &str, line: usize) -> Option<String> {
        let comment = comment.trim_start_matches([' ', '\t']);
        let (keyword, rest) = comment.split_once([' ', '\t'])?;
        if !["HELP", "TYPE", "UNIT"].contains(&keyword) {
            return None;
        }
        let (name, rest) = leading_name(rest.trim_start_matches([' ', '\t']))?;
        if keyword == "TYPE" && rest.trim() == "counter" {
            self.counters.push((name.clone(), line));
        }
        Some(name)
    }
}

/// The name of a sample, which is the first thing in quotes where it is in braces.
fn sample_name(line: &str) -> Option<String> {
    let inside = line.strip_prefix('{').map(|rest| rest.trim_start_matches([' ', '\t']));
    leading_name(inside.unwrap_or(line)).map(|(name, _)| name)
}

/// The name that a text begins with, in quotes or not, and what is behind it.
fn leading_name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', '{', '\r']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((name, &quoted[place + 1..])),
            '\\' => name.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            c => name.push(c),
        }
    }
    None
}
