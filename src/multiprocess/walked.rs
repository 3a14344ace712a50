//! The entries of one file, gone through: which keys they have, and their numbers.

use std::sync::Arc;

use super::reader::Damage;
use super::rule::Dated;
use super::side::NotesInOrder;

/// Where a key stands among those that were met.
pub(crate) type Place = u32;

/// The keys of a file, one after the other.
pub(crate) type Order = Arc<[Place]>;

/// The entries of one file; it keeps its memory for those of the next.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// What was taken for the keys of the file, and how many of them it begins with.
    guess: Option<Order>,
    guessed: usize,
    /// The keys behind these.
    rest: Vec<Place>,
    values: Vec<f64>,
    /// As far as any was set: there are none in most files.
    timestamps: Vec<f64>,
    /// When series began, as far as it is known of any; NaN in between.
    starts: Vec<f64>,
    /// Which entries have an exemplar, ascending, and the rows that they stand in.
    exemplars: Vec<(usize, usize)>,
    /// Likewise, which are the first of series with exponential buckets.
    natives: Vec<(usize, usize)>,
    pub(crate) damage: Option<Damage>,
}

impl Walked {
    /// Forgets the file before.
    pub(crate) fn begin(&mut self, guess: Option<&Order>) {
        self.guess = guess.cloned();
        self.guessed = 0;
        self.rest.clear();
        self.values.clear();
        self.values.reserve(guess.map_or(0, |guess| guess.len()));
        self.timestamps.clear();
        self.starts.clear();
        self.exemplars.clear();
        self.natives.clear();
        self.damage = None;
    }

    /// Adds an entry, whose key was guessed.
    #[inline]
    pub(crate) fn push_guessed(&mut self, numbers: Dated) {
        self.guessed += 1;
        self.push_numbers(numbers);
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, place: Place, numbers: Dated) {
        self.rest.push(place);
        self.push_numbers(numbers);
    }

    /// Takes what is said of the row of the last entry; rows come in their order.
    #[inline]
    pub(crate) fn note(&mut self, row: usize, notes: &mut NotesInOrder<'_>) {
        let Some(entry) = self.values.len().checked_sub(1) else { return };
        if let Some(start) = notes.start(row) {
            self.starts.resize(entry, f64::NAN);
            self.starts.push(start);
        }
        if notes.has_exemplar(row) {
            self.exemplars.push((entry, row));
        }
        if let Some(native) = notes.native(row) {
            self.natives.push((entry, row));
            // A forked process counts in its parent's rows, but not in this one if it is that
            // of another thread.
            if native.has_counts() && self.is_untouched(entry) {
                self.values[entry] = 0.0;
            }
        }
        if let Some(count) = notes.count(row) {
            if count > 0.0 || !self.is_untouched(entry) {
                self.values[entry] = count;
            }
        }
        if notes.is_removed(row) {
            self.values.pop();
            self.push_numbers(Dated::UNTOUCHED);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The place of the key of the last entry.
    pub(crate) fn last(&self) -> Option<Place> {
        self.rest.last().or(self.guessed_places().last()).copied()
    }

    /// The entries in their order: the key of each, its numbers, and when its
    /// series began; NaN if that is not known.
    #[inline]
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Place, Dated, f64)> {
        let places = self.guessed_places().iter().chain(&self.rest);
        let numbers = self.values.iter().enumerate().map(|(at, &value)| {
            let timestamp = self.timestamps.get(at).copied().unwrap_or(0.0);
            (Dated::new(value, timestamp), self.starts.get(at).copied().unwrap_or(f64::NAN))
        });
        places.zip(numbers).map(|(&place, (numbers, start))| (place, numbers, start))
    }

    /// Which entries have an exemplar, ascending, and the rows that they stand in.
    pub(crate) fn exemplars(&self) -> &[(usize, usize)] {
        &self.exemplars
    }

    /// Which entries are the first of series with exponential buckets, ascending, and the rows
    /// that they stand in.
    pub(crate) fn natives(&self) -> &[(usize, usize)] {
        &self.natives
    }

    fn is_untouched(&self, entry: usize) -> bool {
        let timestamp = self.timestamps.get(entry).copied().unwrap_or(0.0);
        Dated::new(self.values[entry], timestamp).is_untouched()
    }

    /// The keys in their order, with which more may be behind them.
    pub(crate) fn order(&self) -> Order {
        match &self.guess {
            Some(guess) if self.rest.is_empty() => guess.clone(),
            _ => self.guessed_places().iter().chain(&self.rest).copied().collect(),
        }
    }

    fn push_numbers(&mut self, numbers: Dated) {
        // One of -0.0 says something, too.
        if numbers.timestamp.to_bits() != 0 {
            self.timestamps.resize(self.values.len(), 0.0);
            self.timestamps.push(numbers.timestamp);
        }
        self.values.push(numbers.value);
    }

    fn guessed_places(&self) -> &[Place] {
        self.guess.as_ref().and_then(|guess| guess.get(..self.guessed)).unwrap_or_default()
    }
}
