//! A number in a file that processes share, or one that waits for room in it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::mapped::{MappedCell, shown};
use super::sync::{AtomicU64, OnceCell};

/// A number that other processes see, at once or as soon as there is room.
#[derive(Clone, Debug)]
pub(crate) enum SharedCell {
    Filed(MappedCell),
    Waiting(Arc<WaitingCell>),
}

impl SharedCell {
    /// Its place in a file, if it has one by now.
    pub(crate) fn filed(&self) -> Option<&MappedCell> {
        match self {
            Self::Filed(cell) => Some(cell),
            Self::Waiting(cell) => cell.filed.get(),
        }
    }

    pub(crate) fn get(&self) -> f64 {
        match self {
            Self::Filed(cell) => cell.get(),
            Self::Waiting(cell) => cell.get(),
        }
    }

    /// Begins anew at zero.
    pub(crate) fn reset(&self) {
        match self {
            Self::Filed(cell) => cell.reset(),
            Self::Waiting(cell) => cell.reset(),
        }
    }

    /// Sets the number, as of `timestamp` in seconds since 1970 if it is to have one.
    #[inline(never)]
    pub(crate) fn set(&self, value: f64, timestamp: Option<f64>) {
        match (self, timestamp) {
            (Self::Filed(cell), None) => cell.set(value),
            (Self::Filed(cell), Some(timestamp)) => cell.set_at(value, timestamp),
            (Self::Waiting(cell), _) => cell.set_at(value, timestamp.unwrap_or(0.0)),
        }
    }

    // Not inlined, so that what adds to memory alone stays small.
    #[inline(never)]
    pub(crate) fn add(&self, amount: f64) {
        match self {
            Self::Filed(cell) => cell.add(amount),
            Self::Waiting(cell) => cell.add(amount),
        }
    }
}

/// The bits of a value that has moved on: a NaN that no arithmetic gives.
const MOVED: u64 = 0x7ff4_6d6f_7665_6421;

/// A number in memory that moves into a file once, while others write to it.
///
/// Its value is the one in memory until that is [`MOVED`], and from then on the
/// one in the file. It becomes so in one step, which succeeds only if the file
/// has at that moment what memory had: no amount is lost or added twice.
#[derive(Debug)]
pub(crate) struct WaitingCell {
    value: AtomicU64,
    timestamp: AtomicU64,
    filed: OnceCell<MappedCell>,
}

impl WaitingCell {
    pub(crate) fn new() -> Self {
        Self { value: AtomicU64::new(0), timestamp: AtomicU64::new(0), filed: OnceCell::new() }
    }

    /// Moves the number into the file, once.
    pub(crate) fn move_to(&self, cell: MappedCell) {
        if self.filed.set(cell.clone()).is_err() {
            return;
        }
        // Pairs with the stores of whoever set the value: their timestamp is seen, or a later one.
        let mut value = self.value.load(Ordering::Acquire);
        loop {
            let timestamp = f64::from_bits(self.timestamp.load(Ordering::Relaxed));
            cell.set_at(f64::from_bits(value), timestamp);
            // Whoever sees `MOVED` by an acquiring load sees `filed`, and the number in it.
            // Acquire: as above.
            let moved =
                self.value.compare_exchange(value, MOVED, Ordering::AcqRel, Ordering::Acquire);
            match moved {
                Ok(_) => {
                    // The same value may have been set again meanwhile, at another time.
                    let now = f64::from_bits(self.timestamp.load(Ordering::Relaxed));
                    return cell.correct_time(timestamp, now);
                }
                Err(now) => value = now,
            }
        }
    }

    /// In a forked child: forgets what the parent has counted.
    #[cfg(unix)]
    pub(crate) fn leave_parent(&self) {
        if self.value.load(Ordering::Relaxed) != MOVED {
            let untouched = super::mapped::UNTOUCHED;
            self.timestamp.store(untouched, Ordering::Relaxed);
            self.value.store(untouched, Ordering::Relaxed);
        }
    }

    fn get(&self) -> f64 {
        let value = self.value.load(Ordering::Acquire);
        self.filed_if(value).map_or_else(|| shown(value, &self.timestamp), MappedCell::get)
    }

    fn set_at(&self, value: f64, timestamp: f64) {
        self.timestamp.store(timestamp.to_bits(), Ordering::Relaxed);
        self.update(|_| value, |cell| cell.set_at(value, timestamp));
    }

    fn reset(&self) {
        self.update(|_| 0.0, MappedCell::reset);
    }

    fn add(&self, amount: f64) {
        self.update(|value| value + amount, |cell| cell.add(amount));
    }

    fn update(&self, in_memory: impl Fn(f64) -> f64, in_file: impl FnOnce(&MappedCell)) {
        // Acquire: pairs with the release of `MOVED`, as on failure below.
        let mut old = self.value.load(Ordering::Acquire);
        loop {
            if let Some(cell) = self.filed_if(old) {
                return in_file(cell);
            }
            let mut new = in_memory(f64::from_bits(old)).to_bits();
            if new == MOVED {
                new = f64::NAN.to_bits();
            }
            // Release: the timestamp is seen by whoever moves the value.
            match self.value.compare_exchange_weak(old, new, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    fn filed_if(&self, value: u64) -> Option<&MappedCell> {
        if value == MOVED { self.filed.get() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::super::mapped::MappedFile;
    use super::*;

    #[test]
    fn what_is_added_while_the_number_moves_is_counted_once() {
        const ROUNDS: usize = 300;
        const ADDS: u32 = 200;

        let dir = tempfile::tempdir().unwrap();
        let file = MappedFile::create(&dir.path().join("a.db")).unwrap();
        for round in 0..ROUNDS {
            let waiting = Arc::new(WaitingCell::new());
            let filed = file.cell(format!("{round}").as_bytes()).unwrap();
            let start = Barrier::new(3);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let cell = SharedCell::Waiting(waiting.clone());
                        start.wait();
                        let mut before = 0.0;
                        for _ in 0..ADDS {
                            cell.add(1.0);
                            let now = cell.get();
                            assert!(now > before, "{now} after {before}");
                            before = now;
                        }
                    });
                }
                start.wait();
                for _ in 0..round {
                    std::hint::spin_loop();
                }
                waiting.move_to(filed.clone());
            });
            assert_eq!(filed.get(), f64::from(2 * ADDS));
        }
    }

    #[test]
    fn what_was_set_moves_with_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let file = MappedFile::create(&dir.path().join("a.db")).unwrap();
        let filed = file.cell(b"a").unwrap();
        let waiting = Arc::new(WaitingCell::new());
        let cell = SharedCell::Waiting(waiting.clone());
        cell.set(2.5, Some(1e9));
        cell.set(f64::from_bits(MOVED), Some(2e9));
        assert!(cell.get().is_nan());
        cell.set(3.5, Some(3e9));
        waiting.move_to(filed.clone());
        assert_eq!((filed.get(), filed.timestamp()), (3.5, 3e9));
        // Once is enough.
        waiting.move_to(file.cell(b"b").unwrap());
        cell.set(4.5, Some(4e9));
        assert_eq!((cell.get(), filed.get(), filed.timestamp()), (4.5, 4.5, 4e9));
        cell.set(0.0, None);
        assert_eq!((cell.get(), filed.get()), (0.0, 0.0));
    }
}
