//! Keys that were met, decoded once: however many files they stand in, and from one scrape to the next.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::file_kind::{FileKind, KINDS};
use super::gathered::Series;
use super::key::{Key, LE};
use super::labels::{Labels, NameLists};
use super::reader::{Entries, push_head};
use super::rule::Dated;
use super::side::RowNotes;
use super::walked::{Order, Place, Walked};
use crate::model::{MetricName, Suffix};

/// What keys say, by their bytes.
///
/// It holds the keys of the last scrape, and hardly more of those before it.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    hasher: RandomState,
    by_text: HashTable<Place>,
    met: Vec<Met>,
    heads: Heads,
    pub(crate) series: Vec<Series>,
    by_identity: HashMap<Identity, usize, RandomState>,
    pub(crate) families: Vec<MetricName>,
    by_name: HashMap<String, usize>,
    pub(crate) names: NameLists,
    /// Those of files in the last scrape.
    orders: Orders,
    /// That of the file of each kind whose keys were met last.
    latest: [Option<Order>; KINDS],
    /// How many the last scrape has met.
    in_use: usize,
}

#[derive(Debug)]
struct Met {
    hash: u64,
    known: Result<Known, Refusal>,
}

/// Which keys files have, by the names of the files.
pub(crate) type Orders = HashMap<String, Order>;

/// The keys that one scrape meets.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    by_place: Vec<bool>,
    count: usize,
}

impl InUse {
    /// Counts a key as met, so that it is remembered.
    pub(crate) fn keep(&mut self, place: Place) {
        let place = place as usize;
        if place >= self.by_place.len() {
            self.by_place.resize(place + 1, false);
        }
        if !std::mem::replace(&mut self.by_place[place], true) {
            self.count += 1;
        }
    }
}

/// What stands in files before the numbers of the keys that were met.
#[derive(Debug, Default)]
struct Heads {
    /// Back to back, in the order in which keys were met.
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Heads {
    fn get(&self, place: Place) -> Option<&[u8]> {
        self.bytes.get(self.ranges.get(place as usize)?.clone())
    }

    /// Whether the key at a place is this one.
    fn is(&self, place: Place, key: &[u8]) -> bool {
        let Some((len, padded)) = self.get(place).and_then(<[u8]>::split_first_chunk) else {
            return false;
        };
        i32::from_ne_bytes(*len) as usize == key.len() && padded.starts_with(key)
    }

    fn push(&mut self, key: &[u8]) {
        let start = self.bytes.len();
        push_head(key, &mut self.bytes);
        self.ranges.push(start..self.bytes.len());
    }
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

impl Keys {
    /// Begins another scrape, after forgetting everything if most of it was of no use to the last one.
    pub(crate) fn begin(&mut self) {
        if self.in_use < self.met.len() / 2 {
            *self = Self::default();
        }
        // Until the end is known, what there is may be of use.
        self.in_use = self.met.len();
    }

    /// Ends a scrape that met these keys, in files with these.
    pub(crate) fn end(&mut self, in_use: &InUse, orders: Orders) {
        self.in_use = in_use.count;
        self.orders = orders;
    }

    /// How many were met.
    pub(crate) fn len(&self) -> usize {
        self.met.len()
    }

    /// Whether it is known what the keys of a file may be.
    pub(crate) fn knows(&self, file: &str) -> bool {
        self.guess(file).is_some()
    }

    /// What the keys of a file are taken for: those that it had, or else those of
    /// another, as workers of one program make their series in much the same order.
    fn guess(&self, file: &str) -> Option<&Order> {
        match self.orders.get(file) {
            Some(order) => Some(order),
            None => self.latest[FileKind::parse(file)?.0.place()].as_ref(),
        }
    }

    /// Expects of other files of this kind to have the keys that this one has.
    pub(crate) fn expect(&mut self, file: &str, order: Order) {
        if let Some((kind, _)) = FileKind::parse(file) {
            self.latest[kind.place()] = Some(order);
        }
    }

    /// Goes through the entries of a file, up to the first key that was never met.
    ///
    /// `walked` holds them afterwards, with what `notes` say of their rows;
    /// false if it does not hold all.
    pub(crate) fn walk(
        &self,
        file: &str,
        mut entries: Entries<'_>,
        notes: Option<&RowNotes>,
        walked: &mut Walked,
    ) -> bool {
        let mut notes = notes.map(RowNotes::in_order);
        let guess = self.guess(file);
        walked.begin(guess);
        for &place in guess.into_iter().flat_map(|guess| guess.iter()) {
            let row = entries.offset();
            let head = self.heads.get(place);
            let Some(numbers) = head.and_then(|head| entries.next_with(head)) else { break };
            walked.push_guessed(numbers);
            if let Some(notes) = &mut notes {
                walked.note(row, notes);
            }
        }
        let mut before = walked.last();
        loop {
            let row = entries.offset();
            // Keys that follow one another often did so when they were met.
            let next = before.map_or(0, |before| before + 1);
            let head = self.heads.get(next);
            let place = match head.and_then(|head| entries.next_with(head)) {
                Some(numbers) => {
                    walked.push(next, numbers);
                    next
                }
                None => {
                    let Some(entry) = entries.next() else { break };
                    let hash = self.hasher.hash_one(entry.key);
                    let Some(place) = self.place(entry.key, hash) else { return false };
                    walked.push(place, Dated::new(entry.value, entry.timestamp));
                    place
                }
            };
            if let Some(notes) = &mut notes {
                walked.note(row, notes);
            }
            before = Some(place);
        }
        walked.damage = entries.damage();
        true
    }

    /// Meets the keys of entries.
    pub(crate) fn meet(&mut self, entries: Entries<'_>) {
        self.heads.bytes.reserve(entries.len());
        for entry in entries {
            let hash = self.hasher.hash_one(entry.key);
            if self.place(entry.key, hash).is_none() {
                self.add(entry.key, hash);
            }
        }
    }

    /// What the key at a place says.
    pub(crate) fn known(&self, place: Place) -> Result<&Known, Refusal> {
        self.met[place as usize].known.as_ref().map_err(|refusal| *refusal)
    }

    fn place(&self, key: &[u8], hash: u64) -> Option<Place> {
        self.by_text.find(hash, |place| self.heads.is(*place, key)).copied()
    }

    fn add(&mut self, key: &[u8], hash: u64) {
        let known = Key::parse(key).ok_or(Refusal::Key).and_then(|key| self.know(key));
        let place = self.met.len() as Place;
        self.met.push(Met { hash, known });
        self.heads.push(key);
        let met = &self.met;
        self.by_text.insert_unique(hash, place, |place| met[*place as usize].hash);
    }

    fn know(&mut self, key: Key) -> Result<Known, Refusal> {
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
    use crate::multiprocess::reader::{Entry, write};

    fn key(n: u32) -> String {
        format!(r#"["c", "c_total", {{"n": "{n}"}}, "h"]"#)
    }

    fn file(keys: &[String]) -> Vec<u8> {
        let numbers = Entry { offset: 0, key: b"", value: 1.0, timestamp: 0.0 };
        write(keys.iter().map(|key| Entry { key: key.as_bytes(), ..numbers })).unwrap()
    }

    /// The keys of a scrape of one file, by what they say.
    fn scrape(keys: &mut Keys, texts: &[String]) -> Vec<Result<(usize, String), Refusal>> {
        keys.begin();
        let bytes = file(texts);
        keys.meet(Entries::of(&bytes));
        let mut walked = Walked::default();
        assert!(keys.walk("counter_1.db", Entries::of(&bytes), None, &mut walked));
        let mut in_use = InUse::default();
        let said = walked.rows().map(|(place, ..)| {
            in_use.keep(place);
            keys.known(place).map(|known| (known.series, known.help.to_string()))
        });
        let said = said.collect();
        keys.end(&in_use, [("counter_1.db".to_owned(), walked.order())].into());
        said
    }

    fn series(keys: &mut Keys, met: Range<u32>) -> Vec<usize> {
        let texts: Vec<_> = met.map(key).collect();
        scrape(keys, &texts).into_iter().map(|said| said.unwrap().0).collect()
    }

    #[test]
    fn a_key_keeps_its_series_whatever_stands_before_it() {
        let mut keys = Keys::default();
        assert_eq!(series(&mut keys, 0..4), [0, 1, 2, 3]);
        assert_eq!(series(&mut keys, 2..6), [2, 3, 4, 5]);
        assert_eq!(series(&mut keys, 0..6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(series(&mut keys, 4..8), [4, 5, 6, 7]);
        let other = r#"["c","c_total",{"n":"1"},"another"]"#.to_owned();
        let said = scrape(&mut keys, &[key(1), "[]".to_owned(), other, key(2)]);
        assert_eq!(said[0].as_ref().unwrap(), &(1, "h".to_owned()));
        assert!(matches!(said[1], Err(Refusal::Key)));
        assert_eq!(said[2].as_ref().unwrap(), &(1, "another".to_owned()));
        assert_eq!(said[3].as_ref().unwrap().0, 2);
    }

    #[test]
    fn what_no_file_has_any_more_is_forgotten() {
        let mut keys = Keys::default();
        for round in 0..50 {
            series(&mut keys, round * 6..round * 6 + 6);
            assert!(keys.met.len() <= 18 && keys.series.len() <= 18, "{}", keys.met.len());
        }
    }
}
