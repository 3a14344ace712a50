//! Values that are looked up, kept and removed, by threads that check every one of them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::keys::{Key, KeyBuf};
use super::lent::Lent;
use super::numbered::Numbered;
use super::shelf::{Counted, Kept, Named, Shelf, Wraps};

/// A value that knows its number, and whether it was dropped.
struct Checked {
    number: u64,
    owners: AtomicU32,
    dropped: AtomicBool,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    made: AtomicU64,
    dropped: AtomicU64,
}

impl Checked {
    fn check(&self, number: u64) {
        assert!(!self.dropped.load(Ordering::Relaxed));
        assert_eq!(self.number, number);
    }
}

impl Counted for Checked {
    fn owners(&self) -> &AtomicU32 {
        &self.owners
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        assert!(!self.dropped.swap(true, Ordering::Relaxed));
        self.counts.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Handle(Kept<Checked, Arc<Counts>>);

impl Wraps for Handle {
    type Value = Checked;
    type Common = Arc<Counts>;

    fn wrap(kept: Kept<Checked, Arc<Counts>>) -> Self {
        Self(kept)
    }

    fn kept(&self) -> &Kept<Checked, Arc<Counts>> {
        &self.0
    }
}

type Numbers = Arc<Shelf<Checked, Arc<Counts>>>;

/// What a value is found by.
#[derive(Clone, Copy)]
struct Number(u64);

impl Named for Number {
    // Many have the same hash, so that keys decide.
    fn hash(&self) -> u64 {
        (self.0 % 3) << 20
    }

    fn is(&self, key: Key<'_>) -> bool {
        key.text() == self.0.to_string()
    }

    fn write(&self, key: &mut KeyBuf) {
        key.text = self.0.to_string();
        key.lens.push(key.text.len() as u32);
    }
}

fn get(shelf: &Numbers, number: u64) -> Lent<'_, Handle> {
    shelf.get_or_insert(Number(number), |counts| {
        counts.made.fetch_add(1, Ordering::Relaxed);
        Checked {
            number,
            owners: AtomicU32::new(1),
            dropped: AtomicBool::new(false),
            counts: counts.clone(),
        }
    })
}

fn remove(shelf: &Numbers, number: u64) -> bool {
    shelf.remove(Number(number), |value| value.check(number))
}

fn numbers(shelf: &Numbers) -> Vec<u64> {
    let mut numbers = Vec::new();
    let more = shelf.walk::<Handle>().step(usize::MAX, |handles| {
        numbers.extend(handles.iter().map(|handle| handle.0.number));
        handles.len()
    });
    assert!(!more);
    numbers
}

/// Walks until so many values were dropped: tests beside this one look at theirs meanwhile, and
/// whoever waits for looks to end waits for those, too.
fn wait_for_drops(shelf: &Numbers, counts: &Counts, dropped: u64) {
    for _ in 0..10_000 {
        numbers(shelf);
        if counts.dropped.load(Ordering::Relaxed) == dropped {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{} were dropped, not {dropped}", counts.dropped.load(Ordering::Relaxed));
}

#[test]
fn nothing_is_dropped_that_somebody_may_look_at() {
    let rounds = if cfg!(miri) { 14 } else { 100_000 };
    let counts = Arc::new(Counts::default());
    let shelf = Shelf::new(counts.clone());
    thread::scope(|scope| {
        for first in [0, 3] {
            let shelf = &shelf;
            scope.spawn(move || {
                let mut held = None;
                for round in 0..rounds {
                    let number = (first + round) % 7;
                    let lent = get(shelf, number);
                    lent.0.check(number);
                    if round % 16 == 0 {
                        held = Some((number, Handle::clone(&lent)));
                    }
                    if let Some((number, held)) = &held {
                        held.0.check(*number);
                    }
                    lent.0.check(number);
                }
            });
        }
        scope.spawn(|| {
            for round in 0..rounds / 4 {
                remove(&shelf, round % 7);
                if round % 64 == 5 {
                    let is_odd = |handle: &Handle| handle.0.number % 2 == 1;
                    shelf.remove_if(is_odd, |value| assert_eq!(value.number % 2, 1));
                }
                shelf.walk::<Handle>().step(usize::MAX, |handles| {
                    handles.iter().for_each(|handle| handle.0.check(handle.0.number));
                    handles.len()
                });
            }
        });
    });
    let made = counts.made.load(Ordering::Relaxed);
    assert!(counts.dropped.load(Ordering::Relaxed) < made || shelf.len() == 0);
    drop(shelf);
    assert_eq!(counts.dropped.load(Ordering::Relaxed), made);
}

#[test]
fn a_removed_value_waits_for_those_who_look_and_those_who_own() {
    let counts = Arc::new(Counts::default());
    let dropped = || counts.dropped.load(Ordering::Relaxed);
    let shelf = Shelf::new(counts.clone());
    drop(get(&shelf, 1));
    let kept = Handle::clone(&get(&shelf, 2));
    let lent = get(&shelf, 1);
    assert!(remove(&shelf, 1) && remove(&shelf, 2) && !remove(&shelf, 2));
    lent.0.check(1);
    assert_eq!((dropped(), shelf.len()), (0, 0));
    drop(lent);
    // Whoever changes or walks next finds that nobody looks any more.
    assert!(numbers(&shelf).is_empty());
    wait_for_drops(&shelf, &counts, 1);
    kept.0.check(2);
    drop(kept);
    // The looks of other tests are waited for as well.
    wait_for_drops(&shelf, &counts, 2);
}

#[test]
fn a_look_that_began_later_keeps_nothing() {
    let counts = Arc::new(Counts::default());
    let shelf = Shelf::new(counts.clone());
    drop(get(&shelf, 1));
    drop(get(&shelf, 2));
    let before = get(&shelf, 1);
    assert!(remove(&shelf, 2));
    // This one looks all the time, but never at the value that was removed.
    drop(before);
    let _after = get(&shelf, 1);
    assert_eq!(numbers(&shelf), [1]);
    wait_for_drops(&shelf, &counts, 1);
}

#[test]
fn values_are_walked_in_the_order_in_which_they_came() {
    let count = if cfg!(miri) { 20 } else { 3000 };
    let shelf = Shelf::new(Arc::default());
    (0..count).for_each(|number| drop(get(&shelf, number)));
    let is_even = |handle: &Handle| handle.0.number % 2 == 0;
    assert_eq!(shelf.remove_if(is_even, |_| {}), count as usize / 2);
    (0..4).for_each(|number| drop(get(&shelf, number)));
    let expected: Vec<_> = (1..count).step_by(2).chain([0, 2]).collect();
    assert_eq!(numbers(&shelf), expected);
    // A walk comes back to the values that were not taken, and sees none that came later.
    let mut walk = shelf.walk::<Handle>();
    let mut seen = Vec::new();
    while walk.step(usize::MAX, |handles| {
        let taken = handles.len().min(7);
        seen.extend(handles[..taken].iter().map(|handle| handle.0.number));
        taken
    }) {
        drop(get(&shelf, count + seen.len() as u64));
    }
    assert_eq!(seen, expected);
}

#[test]
fn what_is_found_by_number_is_kept_until_all_numbers_are_gone() {
    let rounds = if cfg!(miri) { 10 } else { 20_000 };
    let counts = Arc::new(Counts::default());
    let dropped = || counts.dropped.load(Ordering::Relaxed);
    let shelf = Shelf::new(counts.clone());
    let numbered = Numbered::new(&shelf, 4);
    assert!(numbered.get::<Handle>(0).is_none() && numbered.get::<Handle>(4).is_none());
    thread::scope(|scope| {
        for first in [0, 2] {
            let (shelf, numbered) = (&shelf, &numbered);
            scope.spawn(move || {
                for round in 0..rounds {
                    let number = (first + round) % 4;
                    match numbered.get::<Handle>(number as usize) {
                        Some(lent) => lent.0.check(number),
                        None => numbered.fill(number as usize, &get(shelf, number).0),
                    }
                }
            });
        }
        scope.spawn(|| {
            assert!(!remove(&shelf, 7));
            remove(&shelf, 1);
            numbered.give_up(1);
            numbered.give_up(9);
        });
    });
    let lent = numbered.get::<Handle>(3).unwrap();
    let kept = Handle::clone(&lent);
    assert!(remove(&shelf, 3));
    numbered.give_up(3);
    assert!(numbered.get::<Handle>(3).is_none() && numbered.get::<Handle>(1).is_none());
    lent.0.check(3);
    drop(lent);
    drop((numbers(&shelf), shelf));
    kept.0.check(3);
    let made = counts.made.load(Ordering::Relaxed);
    drop(numbered);
    assert!(dropped() < made);
    kept.0.check(3);
    drop(kept);
    assert_eq!(dropped(), made);
}

/// What was lent to a thread, given back when that ends, while another one looks.
struct GivenBackLate(RefCell<Vec<Lent<'static, Handle>>>, &'static OnceLock<Numbers>);

static LATE: OnceLock<Numbers> = OnceLock::new();

thread_local! {
    static GIVEN_BACK_LATE: GivenBackLate = const { GivenBackLate(RefCell::new(Vec::new()), &LATE) };
}

impl Drop for GivenBackLate {
    fn drop(&mut self) {
        let (lent, shelf) = (self.0.take(), self.1.get().unwrap());
        thread::scope(|scope| {
            let looks = lent.len();
            // It must not look from where this thread still does.
            scope.spawn(move || (0..looks).for_each(|_| get(shelf, 2).0.check(2)));
            drop(lent);
        });
    }
}

#[test]
fn a_thread_that_ends_while_it_looks_leaves_the_looks_of_others_alone() {
    let looks = if cfg!(miri) { 20 } else { 100_000 };
    let counts = Arc::new(Counts::default());
    let shelf = LATE.get_or_init(|| Shelf::new(counts.clone()));
    let ended = thread::spawn(move || {
        // Known before anything was looked at, and so destroyed behind whatever was for that.
        GIVEN_BACK_LATE.with(|late| assert!(late.0.borrow().is_empty()));
        let lent = (0..looks).map(|_| get(shelf, 1)).collect();
        GIVEN_BACK_LATE.with(|late| *late.0.borrow_mut() = lent);
    });
    ended.join().unwrap();
    assert!(remove(shelf, 1) && remove(shelf, 2));
    assert!(numbers(shelf).is_empty());
    wait_for_drops(shelf, &counts, 2);
}
