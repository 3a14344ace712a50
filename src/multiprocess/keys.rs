//! Keys that were met, decoded once: however many files they stand in, and from one scrape to the next.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::gathered::{LE, Series};
use super::key::Key;
use super::labels::{Labels, NameLists};
use crate::model::{MetricName, Suffix};

/// What keys say, by their bytes.
///
/// It holds the keys of the last scrape, and hardly more of those before it.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    hasher: RandomState,
    by_text: HashTable<usize>,
    met: Vec<Met>,
    pub(crate) series: Vec<Series>,
    by_identity: HashMap<Identity, usize, RandomState>,
    pub(crate) families: Vec<MetricName>,
    by_name: HashMap<String, usize>,
    pub(crate) names: NameLists,
    scrape: u64,
    /// How many were met in this scrape.
    in_use: usize,
}

#[derive(Debug)]
struct Met {
    text: Box<[u8]>,
    known: Result<Known, Refusal>,
    /// The key that stood behind this one last time.
    next: usize,
    scrape: u64,
}

/// What a key names.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) series: usize,
    pub(crate) help: Arc<str>,
}

/// Why entries with a key are left out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Key,
    Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    family: usize,
    suffix: Suffix,
    labels: Labels,
}

/// The place of no key: that before the first of a file.
pub(crate) const NOWHERE: usize = usize::MAX;

impl Keys {
    /// Begins another scrape, after forgetting everything if most of it was of no use to the last one.
    pub(crate) fn begin(&mut self) {
        if self.in_use < self.met.len() / 2 {
            *self = Self { scrape: self.scrape, ..Self::default() };
        }
        self.scrape += 1;
        self.in_use = 0;
    }

    /// The place of a key that stands behind the one of the place `before`.
    pub(crate) fn find(&mut self, text: &[u8], before: usize) -> usize {
        // Workers of one program make their series in much the same order.
        let guess = self.met.get(before).map_or(NOWHERE, |before| before.next);
        let place = match self.met.get(guess) {
            Some(met) if *met.text == *text => guess,
            _ => self.look_up(text),
        };
        if place != guess {
            if let Some(before) = self.met.get_mut(before) {
                before.next = place;
            }
        }
        let met = &mut self.met[place];
        if met.scrape != self.scrape {
            met.scrape = self.scrape;
            self.in_use += 1;
        }
        place
    }

    /// What the key at a place says.
    pub(crate) fn known(&self, place: usize) -> Result<&Known, Refusal> {
        self.met[place].known.as_ref().map_err(|refusal| *refusal)
    }

    fn look_up(&mut self, text: &[u8]) -> usize {
        let hash = self.hasher.hash_one(text);
        let found = self.by_text.find(hash, |place| *self.met[*place].text == *text);
        if let Some(&place) = found {
            return place;
        }
        let known = Key::parse(text).ok_or(Refusal::Key).and_then(|key| self.meet(key));
        let place = self.met.len();
        // It is counted as met when it was found.
        self.met.push(Met { text: text.into(), known, next: NOWHERE, scrape: self.scrape - 1 });
        let (met, hasher) = (&self.met, &self.hasher);
        self.by_text.insert_unique(hash, place, |place| hasher.hash_one(&*met[*place].text));
        place
    }

    fn meet(&mut self, key: Key) -> Result<Known, Refusal> {
        let suffix = Suffix::between(&key.metric_name, &key.sample_name).ok_or(Refusal::Name)?;
        let name = MetricName::new(&key.metric_name).map_err(|_| Refusal::Name)?;
        let le = key.labels.get(LE).map(|bound| bound.trim().parse().unwrap_or(f64::NAN));
        let labels = self.names.labels(key.labels).map_err(|_| Refusal::Name)?;
        let families = &mut self.families;
        let family = *self.by_name.entry(key.metric_name).or_insert_with(|| {
            families.push(name);
            families.len() - 1
        });
        let all = &mut self.series;
        let identity = Identity { family, suffix, labels };
        let series = *self.by_identity.entry(identity).or_insert_with_key(|identity| {
            all.push(Series { family, suffix, labels: identity.labels.clone(), le });
            all.len() - 1
        });
        Ok(Known { series, help: key.help.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> String {
        format!(r#"["c", "c_total", {{"n": "{n}"}}, "h"]"#)
    }

    fn scrape(keys: &mut Keys, met: std::ops::Range<usize>) -> Vec<usize> {
        keys.begin();
        let mut before = NOWHERE;
        let places = met.map(|n| {
            before = keys.find(key(n).as_bytes(), before);
            keys.known(before).unwrap().series
        });
        places.collect()
    }

    #[test]
    fn a_key_keeps_its_series_whatever_stands_before_it() {
        let mut keys = Keys::default();
        assert_eq!(scrape(&mut keys, 0..4), [0, 1, 2, 3]);
        assert_eq!(scrape(&mut keys, 2..6), [2, 3, 4, 5]);
        assert_eq!(scrape(&mut keys, 0..6), [0, 1, 2, 3, 4, 5]);
        let other = br#"["c","c_total",{"n":"1"},"another"]"#;
        let before = keys.find(key(0).as_bytes(), NOWHERE);
        let place = keys.find(other, before);
        assert_eq!(keys.known(place).unwrap().series, 1);
        assert_eq!(&*keys.known(place).unwrap().help, "another");
        let place = keys.find(b"[]", place);
        assert!(matches!(keys.known(place), Err(Refusal::Key)));
    }

    #[test]
    fn what_no_file_has_any_more_is_forgotten() {
        let mut keys = Keys::default();
        for round in 0..50 {
            scrape(&mut keys, round * 10..round * 10 + 10);
            assert!(keys.met.len() <= 30 && keys.series.len() <= 30, "{}", keys.met.len());
        }
    }
}
