//! Entries of many files, joined to one for each series by the rules of the merge.

use std::collections::{BTreeMap, HashMap};
use std::io;

use crate::multiprocess::exact::ExactSum;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key::Key;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::reader::{Damage, DamageKind, Entry, write};

/// The entries of one kind, one for each series.
#[derive(Debug)]
pub(super) struct Rows {
    kind: FileKind,
    rows: Vec<Row>,
    // Clients may spell a key in several ways; None is a key that is none.
    by_key: HashMap<Box<[u8]>, Option<usize>>,
    by_series: HashMap<Series, usize>,
}

type Series = (String, String, BTreeMap<String, String>);

#[derive(Debug)]
struct Row {
    key: Box<[u8]>,
    value: f64,
    timestamp: f64,
    /// In place of the value, if the rule is to add.
    sum: ExactSum,
    /// Whether it stood in a file that was folded before.
    was_folded: bool,
}

impl Rows {
    pub(super) fn new(kind: FileKind) -> Self {
        Self { kind, rows: Vec::new(), by_key: HashMap::new(), by_series: HashMap::new() }
    }

    pub(super) fn kind(&self) -> FileKind {
        self.kind
    }

    /// Adds the entries of a file, and tells which row each of them went to;
    /// gives the first of them whose key is none.
    pub(super) fn add(
        &mut self,
        entries: &[Entry<'_>],
        is_folded: bool,
        mut went: impl FnMut(usize, usize),
    ) -> Option<Damage> {
        let mut unreadable = None;
        for entry in entries {
            let found = self.place(entry.key);
            if let Some((place, _)) = found {
                went(entry.offset, place);
            }
            match found {
                Some((place, true)) => self.rows[place].meet(self.kind, entry, is_folded),
                Some((_, false)) => self.rows.push(Row::new(self.kind, entry, is_folded)),
                None => unreadable = unreadable.or_else(|| Some(unreadable_key(entry))),
            }
        }
        unreadable
    }

    /// Where the row of a key is or will be, and whether it is there.
    fn place(&mut self, key: &[u8]) -> Option<(usize, bool)> {
        if let Some(known) = self.by_key.get(key) {
            return known.map(|place| (place, true));
        }
        let next = self.rows.len();
        let place = Key::parse(key).map(|parsed| {
            let series = (parsed.metric_name, parsed.sample_name, parsed.labels);
            *self.by_series.entry(series).or_insert(next)
        });
        self.by_key.insert(key.into(), place);
        place.map(|place| (place, place < next))
    }

    /// The row of a key, if there is one.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<usize> {
        if let Some(known) = self.by_key.get(key) {
            return *known;
        }
        let parsed = Key::parse(key);
        let series = parsed.map(|key| (key.metric_name, key.sample_name, key.labels));
        let found = series.and_then(|series| self.by_series.get(&series).copied());
        self.by_key.insert(key.into(), found);
        found
    }

    /// Which of the rows are sums that no folded file had.
    pub(super) fn new_sums(&self) -> Vec<bool> {
        let is_sum = rule(self.kind) == Rule::Sum;
        self.rows.iter().map(|row| is_sum && !row.was_folded).collect()
    }

    /// Adds to the sum of a row.
    pub(super) fn raise(&mut self, place: usize, amount: f64) {
        if let Some(row) = self.rows.get_mut(place) {
            row.sum.add(amount);
        }
    }

    /// The bytes of a file: an entry for each row, in their order, and behind
    /// them what the sums of some have more than fits into one number.
    pub(super) fn render(&self) -> io::Result<Vec<u8>> {
        let mut entries = Vec::with_capacity(self.rows.len());
        let mut rests = Vec::new();
        for Row { key, value, timestamp, sum, .. } in &self.rows {
            let (value, timestamp) = match rule(self.kind) {
                Rule::Sum => {
                    let mut parts = sum.parts().into_iter();
                    let first = parts.next().unwrap_or_default();
                    rests.extend(parts.map(|rest| (key, rest)));
                    (first, 0.0)
                }
                _ => (*value, *timestamp),
            };
            entries.push(Entry { offset: 0, key, value, timestamp });
        }
        let rests =
            rests.into_iter().map(|(key, value)| Entry { offset: 0, key, value, timestamp: 0.0 });
        write(entries.into_iter().chain(rests))
    }
}

impl Row {
    fn new(kind: FileKind, entry: &Entry<'_>, was_folded: bool) -> Self {
        let mut sum = ExactSum::default();
        if rule(kind) == Rule::Sum {
            sum.add(entry.value);
        }
        let &Entry { key, value, timestamp, .. } = entry;
        Self { key: key.into(), value, timestamp, sum, was_folded }
    }

    fn meet(&mut self, kind: FileKind, entry: &Entry<'_>, is_folded: bool) {
        self.was_folded |= is_folded;
        let taken = match rule(kind) {
            Rule::Sum => {
                self.sum.add(entry.value);
                return;
            }
            Rule::Min => entry.value < self.value,
            Rule::Max => entry.value > self.value,
            // What was never set is no value at all.
            Rule::MostRecent => {
                entry.timestamp > self.timestamp.max(0.0)
                    || (self.timestamp.is_nan() && entry.timestamp > 0.0)
            }
        };
        if taken {
            self.value = entry.value;
            self.timestamp = entry.timestamp;
        }
    }
}

/// What is wrong with an entry whose key is none.
pub(super) fn unreadable_key(entry: &Entry<'_>) -> Damage {
    Damage { offset: entry.offset, what: DamageKind::Key }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Sum,
    Min,
    Max,
    MostRecent,
}

fn rule(kind: FileKind) -> Rule {
    match kind {
        FileKind::Gauge(GaugeMode::Min | GaugeMode::LiveMin) => Rule::Min,
        FileKind::Gauge(GaugeMode::Max | GaugeMode::LiveMax) => Rule::Max,
        FileKind::Gauge(GaugeMode::MostRecent | GaugeMode::LiveMostRecent) => Rule::MostRecent,
        _ => Rule::Sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiprocess::reader;

    fn folded(kind: FileKind, entries: &[(&str, f64, f64)]) -> Vec<(f64, f64)> {
        let mut rows = Rows::new(kind);
        for &(key, value, timestamp) in entries {
            let entry = Entry { offset: 0, key: key.as_bytes(), value, timestamp };
            assert_eq!(rows.add(&[entry], false, |_, _| {}), None);
        }
        let bytes = rows.render().unwrap();
        let (entries, damage) = reader::entries(&bytes);
        assert_eq!(damage, None);
        entries.iter().map(|entry| (entry.value, entry.timestamp)).collect()
    }

    #[test]
    fn each_kind_has_its_rule() {
        let key = r#"["g", "g", {"a": "1"}, "h"]"#;
        let spelled = r#"["g","g",{"a":"\u0031"},"other"]"#;
        let other = r#"["g", "g", {"a": "2"}, "h"]"#;
        let entries =
            [(key, 3.0, 10.0), (spelled, 1.0, 30.0), (other, -0.0, 0.0), (key, 2.0, 20.0)];
        let gauge = |mode| folded(FileKind::Gauge(mode), &entries);
        assert_eq!(gauge(GaugeMode::Sum)[0].0, 6.0);
        assert!(gauge(GaugeMode::Sum)[1].0.is_sign_positive());
        assert_eq!(gauge(GaugeMode::Min)[0].0, 1.0);
        assert_eq!(gauge(GaugeMode::Max)[0].0, 3.0);
        assert_eq!(gauge(GaugeMode::MostRecent), [(1.0, 30.0), (-0.0, 0.0)]);
        assert_eq!(folded(FileKind::Counter, &entries)[0].0, 6.0);
        assert_eq!(
            folded(
                FileKind::Gauge(GaugeMode::MostRecent),
                &[(key, 5.0, f64::NAN), (key, 6.0, 1.0)]
            ),
            [(6.0, 1.0)]
        );
    }

    #[test]
    fn a_key_that_is_none_is_told() {
        let mut rows = Rows::new(FileKind::Counter);
        let entry = Entry { offset: 8, key: b"[]", value: 1.0, timestamp: 0.0 };
        let damage = Damage { offset: 8, what: DamageKind::Key };
        assert_eq!(rows.add(&[entry], false, |_, _| {}), Some(damage));
        assert!(rows.rows.is_empty());
    }
}
