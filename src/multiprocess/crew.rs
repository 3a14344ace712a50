//! Threads that read many files at a time, each into room of its own.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use super::reader::Room;

/// Fewer files than this are not worth a second thread.
const MANY: usize = 32;

/// So many items are read ahead of their turn.
const AHEAD: usize = 16;

/// So many threads are as fast as the memory that they read from.
const THREADS: usize = 4;

/// Room for the bytes of a file, for each thread that reads any.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    rooms: Vec<Room>,
}

impl Crew {
    /// The room of the thread that asks.
    pub(crate) fn room(&mut self) -> &mut Room {
        &mut self.rooms(1)[0]
    }

    /// Does something with each item, in no particular order.
    pub(crate) fn for_each<T: Send>(
        &mut self,
        items: &mut [T],
        work: impl Fn(&mut T, &mut Room) + Sync,
    ) {
        let threads = threads_for(items.len());
        let left = Mutex::new(items.iter_mut());
        let work = |room: &mut Room| {
            loop {
                let item = lock(&left).next();
                let Some(item) = item else { return };
                work(item, room);
            }
        };
        self.with_help(threads, work, work);
    }

    /// Reads so many items, ahead of their turn if it has help, and has each
    /// taken in its turn by the thread that asks, until it has had enough.
    ///
    /// Items are made of `spare` ones, and become such when they were taken.
    pub(crate) fn in_turn<T: Default + Send>(
        &mut self,
        count: usize,
        spare: &mut Vec<T>,
        read: impl Fn(usize, &mut T, &mut Room) + Sync,
        mut take: impl FnMut(usize, &mut T) -> ControlFlow<()>,
    ) {
        let threads = threads_for(count);
        spare.resize_with(if threads == 1 { 1 } else { AHEAD }, T::default);
        let turns = Turns {
            moved: Condvar::new(),
            state: Mutex::new(State { next: 0, end: count, spare, ready: BTreeMap::new() }),
        };
        let help = |room: &mut Room| {
            let _ending = turns.ending();
            while let Some((place, mut item)) = turns.begin() {
                read(place, &mut item, room);
                lock(&turns.state).ready.insert(place, item);
                turns.moved.notify_all();
            }
        };
        let lead = |room: &mut Room| {
            let _ending = turns.ending();
            let mut taken = 0;
            let mut state = lock(&turns.state);
            while taken < state.end {
                if let Some(mut item) = state.ready.remove(&taken) {
                    drop(state);
                    let enough = take(taken, &mut item).is_break();
                    taken += 1;
                    state = lock(&turns.state);
                    state.spare.push(item);
                    state.end = if enough { 0 } else { state.end };
                    turns.moved.notify_all();
                } else if let Some((place, mut item)) = state.begin() {
                    drop(state);
                    read(place, &mut item, room);
                    state = lock(&turns.state);
                    state.ready.insert(place, item);
                } else {
                    state = turns.wait(state);
                }
            }
        };
        self.with_help(threads, help, lead);
        let State { spare, ready, .. } =
            turns.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        spare.extend(ready.into_values());
    }

    /// Lets the thread that asks do one thing while the others do another.
    fn with_help(
        &mut self,
        threads: usize,
        help: impl Fn(&mut Room) + Sync,
        lead: impl FnOnce(&mut Room),
    ) {
        let mut rooms = self.rooms(threads).iter_mut();
        let own = rooms.next();
        thread::scope(|scope| {
            for room in rooms {
                // Without it there is less help, and no harm done.
                let _ = thread::Builder::new().spawn_scoped(scope, || help(room));
            }
            own.map(lead);
        });
    }

    fn rooms(&mut self, count: usize) -> &mut [Room] {
        self.rooms.resize_with(self.rooms.len().max(count), Room::default);
        &mut self.rooms[..count]
    }
}

/// Which items are being read, were read, and can be made.
struct Turns<'s, T> {
    state: Mutex<State<'s, T>>,
    /// Somebody may have been waiting for it.
    moved: Condvar,
}

struct State<'s, T> {
    next: usize,
    end: usize,
    spare: &'s mut Vec<T>,
    ready: BTreeMap<usize, T>,
}

impl<T> State<'_, T> {
    /// The next item to be read, if there is one, and one that it can be made of.
    fn begin(&mut self) -> Option<(usize, T)> {
        let item = if self.next < self.end { self.spare.pop()? } else { return None };
        self.next += 1;
        Some((self.next - 1, item))
    }
}

impl<'s, T> Turns<'s, T> {
    fn wait<'t>(&self, state: MutexGuard<'t, State<'s, T>>) -> MutexGuard<'t, State<'s, T>> {
        self.moved.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item to be read, as soon as it can be; none if there is no more.
    fn begin(&self) -> Option<(usize, T)> {
        let mut state = lock(&self.state);
        while state.next < state.end {
            if let Some(begun) = state.begin() {
                return Some(begun);
            }
            state = self.wait(state);
        }
        None
    }

    fn ending(&self) -> impl Drop {
        Ending(self)
    }
}

/// Leaves nobody waiting for a thread that panicked.
struct Ending<'t, 's, T>(&'t Turns<'s, T>);

impl<T> Drop for Ending<'_, '_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.state).end = 0;
            self.0.moved.notify_all();
        }
    }
}

/// Whoever panics with it leaves what it guards whole.
///
/// The threads that wait for parking_lot's locks stand in one table of the process. A forked child
/// has it as it was at that instant, maybe half written; so what is waited for in a scrape is std's.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether more than one thread reads so many files.
pub(crate) fn has_help(files: usize) -> bool {
    threads_for(files) > 1
}

fn threads_for(files: usize) -> usize {
    static AVAILABLE: OnceLock<usize> = OnceLock::new();

    if files < MANY {
        return 1;
    }
    let available = || thread::available_parallelism().map_or(1, usize::from);
    THREADS.min(*AVAILABLE.get_or_init(available))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_item_is_taken_in_its_turn() {
        for count in [0, 1, MANY - 1, MANY, 1000] {
            let (mut crew, mut spare) = (Crew::default(), Vec::new());
            let mut taken = Vec::new();
            let read = |place: usize, item: &mut usize, _: &mut Room| *item = 2 * place;
            crew.in_turn(count, &mut spare, read, |place, item| {
                taken.push((place, *item));
                ControlFlow::Continue(())
            });
            let expected: Vec<_> = (0..count).map(|place| (place, 2 * place)).collect();
            assert_eq!(taken, expected);
            assert!(spare.len() <= AHEAD);
        }
    }

    #[test]
    fn nobody_reads_much_further_than_is_taken() {
        let (mut crew, mut spare) = (Crew::default(), Vec::new());
        let begun = AtomicUsize::new(0);
        let read = |place: usize, _: &mut (), _: &mut Room| {
            begun.fetch_max(place, Ordering::SeqCst);
        };
        let mut last = None;
        crew.in_turn(10_000, &mut spare, read, |place, ()| {
            assert!(begun.load(Ordering::SeqCst) <= place + AHEAD);
            last = Some(place);
            if place == 99 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(last, Some(99));
        assert!(begun.load(Ordering::SeqCst) <= 99 + AHEAD);
    }

    #[test]
    fn a_panic_leaves_nobody_waiting() {
        for in_turn in [true, false] {
            let panicked = std::panic::catch_unwind(|| {
                let read = |place: usize, _: &mut (), _: &mut Room| assert!(in_turn || place != 50);
                Crew::default().in_turn(1000, &mut Vec::new(), read, |place, ()| {
                    assert!(!in_turn || place != 50);
                    ControlFlow::Continue(())
                });
            });
            assert!(panicked.is_err());
        }
    }
}
