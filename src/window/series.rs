//! The series that were recorded, found by name and dimensions.

use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::{Mutex, RwLock};

use crate::sink::{Aggregate, SeriesKey, Snapshot};
use crate::window::rolling::{Rolling, Span};

/// One series, for as long as it is in the window, or somebody has it.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) key: Arc<SeriesKey>,
    hash: u64,
    numbers: Mutex<Numbers>,
}

#[derive(Debug)]
struct Numbers {
    rolling: Rolling,
    /// What each sink was not given yet.
    new: Box<[Aggregate]>,
}

impl Series {
    pub(super) fn add(&self, span: Span, value: f64) {
        let mut numbers = self.numbers.lock();
        numbers.rolling.add(span, value);
        numbers.new.iter_mut().for_each(|new| new.add(value));
    }

    pub(super) fn window(&self, span: Span) -> Aggregate {
        self.numbers.lock().rolling.sum(span)
    }

    /// What a sink was not given yet, which it is given now, and the window.
    pub(super) fn take(&self, sink: usize, span: Span) -> (Aggregate, Aggregate) {
        let mut numbers = self.numbers.lock();
        let new = mem::take(&mut numbers.new[sink]);
        (new, numbers.rolling.sum(span))
    }

    pub(super) fn give_back(&self, sink: usize, new: &Aggregate) {
        self.numbers.lock().new[sink].merge(new);
    }

    fn is_idle(&self, span: Span) -> bool {
        let numbers = self.numbers.lock();
        numbers.new.iter().all(Aggregate::is_empty) && numbers.rolling.sum(span).is_empty()
    }
}

/// All series; as they are held, none is removed.
#[derive(Debug)]
pub(super) struct AllSeries {
    hasher: RandomState,
    most: usize,
    table: RwLock<HashTable<Arc<Series>>>,
    /// The last second in which room was wanted.
    full: AtomicU64,
    /// How many observations each sink did not take while there was room for them.
    dropped: Box<[AtomicU64]>,
}

impl AllSeries {
    pub(super) fn new(most: usize, sinks: usize) -> Self {
        let dropped = (0..sinks).map(|_| AtomicU64::new(0)).collect();
        let full = AtomicU64::new(u64::MAX);
        Self { hasher: RandomState::default(), most, table: RwLock::default(), full, dropped }
    }

    pub(super) fn dropped(&self, sink: usize) -> u64 {
        self.dropped[sink].load(Ordering::Relaxed)
    }

    pub(super) fn len(&self) -> usize {
        self.table.read().len()
    }

    /// Does something with a series that is there.
    pub(super) fn find<'k, T>(
        &self,
        name: &str,
        dimensions: impl Iterator<Item = (&'k str, &'k str)> + Clone,
        then: impl FnOnce(&Arc<Series>) -> T,
    ) -> Option<T> {
        let hash = self.hash(name, dimensions.clone());
        let is_it = |series: &Arc<Series>| is_key(&series.key, name, dimensions.clone());
        self.table.read().find(hash, is_it).map(then)
    }

    /// Does something with a series, which is made if it is not there; `None` if there are too many.
    pub(super) fn find_or_make<'k, T>(
        &self,
        name: &str,
        dimensions: impl Iterator<Item = (&'k str, &'k str)> + Clone,
        span: Span,
        is_failing: impl Fn(usize) -> bool,
        then: impl Fn(&Arc<Series>) -> T,
    ) -> Option<T> {
        if let Some(done) = self.find(name, dimensions.clone(), &then) {
            return Some(done);
        }
        let hash = self.hash(name, dimensions.clone());
        let mut table = self.table.write();
        // Another thread may have made it meanwhile.
        let is_it = |series: &Arc<Series>| is_key(&series.key, name, dimensions.clone());
        if let Some(series) = table.find(hash, is_it) {
            return Some(then(series));
        }
        if table.len() >= self.most {
            self.make_room(&mut table, span, is_failing);
            if table.len() >= self.most {
                return None;
            }
        }
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut dimensions: Vec<_> = dimensions.map(owned).collect();
        dimensions.sort_unstable();
        let key = Arc::new(SeriesKey { name: name.to_owned(), dimensions });
        let new = vec![Aggregate::EMPTY; self.dropped.len()].into();
        let numbers = Mutex::new(Numbers { rolling: Rolling::default(), new });
        let series = Arc::new(Series { key, hash, numbers });
        table.insert_unique(hash, series.clone(), |series| series.hash);
        Some(then(&series))
    }

    /// Lets go of what is over and only waits for sinks that fail: or else these would leave no room
    /// for what the others are to be given.
    fn make_room(
        &self,
        table: &mut HashTable<Arc<Series>>,
        span: Span,
        is_failing: impl Fn(usize) -> bool,
    ) {
        if self.full.swap(span.last, Ordering::Relaxed) == span.last {
            return;
        }
        table.retain(|series| {
            let numbers = series.numbers.lock();
            let mut new = numbers.new.iter().enumerate();
            let waits = new.any(|(sink, new)| !new.is_empty() && !is_failing(sink));
            if waits || Arc::strong_count(series) > 1 || !numbers.rolling.sum(span).is_empty() {
                return true;
            }
            for (dropped, new) in self.dropped.iter().zip(&numbers.new) {
                dropped.fetch_add(new.count, Ordering::Relaxed);
            }
            false
        });
    }

    /// All of them, by name and dimensions.
    pub(super) fn sorted(&self) -> Vec<Arc<Series>> {
        let mut all: Vec<_> = self.table.read().iter().cloned().collect();
        all.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        all
    }

    /// Lets go of those that say nothing any more, and that nobody has.
    pub(super) fn forget_idle(&self, span: Span) {
        let is_idle = |series: &Arc<Series>| Arc::strong_count(series) == 1 && series.is_idle(span);
        // Hardly ever is there any, and recording waits only then.
        if self.table.read().iter().any(is_idle) {
            self.table.write().retain(|series| !is_idle(series));
        }
    }

    /// The same for dimensions in any order.
    fn hash<'k>(&self, name: &str, dimensions: impl Iterator<Item = (&'k str, &'k str)>) -> u64 {
        dimensions.fold(self.hasher.hash_one(name), |hash, dimension| {
            hash.wrapping_add(self.hasher.hash_one(dimension))
        })
    }
}

/// Whether a key has this name and these dimensions, each of which is there once.
fn is_key<'k>(
    key: &SeriesKey,
    name: &str,
    mut dimensions: impl Iterator<Item = (&'k str, &'k str)> + Clone,
) -> bool {
    let has = |(name, value): (&str, &str)| {
        key.dimensions.iter().any(|(known, is)| known == name && is == value)
    };
    key.name == name && key.dimensions.len() == dimensions.clone().count() && dimensions.all(has)
}

/// Series that a sink was given and has not taken yet. Dropped, they are given back.
pub(super) struct Taken {
    sink: usize,
    // As they are held, none is forgotten meanwhile.
    series: Vec<Arc<Series>>,
    pub(super) snapshots: Vec<Snapshot>,
}

impl Taken {
    /// Takes what is new for a sink, beside the window.
    pub(super) fn of(
        all: &AllSeries,
        sink: usize,
        span: Span,
        bounds: (Duration, Duration),
    ) -> Self {
        let (mut series, mut snapshots) = (all.sorted(), Vec::new());
        series.retain(|series| {
            let (new, window) = series.take(sink, span);
            let has_any = !new.is_empty() || !window.is_empty();
            if has_any {
                snapshots.push(Snapshot { key: series.key.clone(), window, new, bounds });
            }
            has_any
        });
        Self { sink, series, snapshots }
    }

    /// They are the sink's now.
    pub(super) fn keep(mut self) {
        self.series.clear();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for (series, snapshot) in self.series.iter().zip(&self.snapshots) {
            series.give_back(self.sink, snapshot.new());
        }
    }
}
