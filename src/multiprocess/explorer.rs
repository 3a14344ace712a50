//! Runs actors by turns in every order of their steps, within bounds.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::{mem, thread};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// How far the orders go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    /// How often an actor that could go on has to wait for another.
    pub(crate) preemptions: usize,
    /// How many actors are killed.
    pub(crate) kills: usize,
}

/// Plays again and again until there is no other order; says how many there were.
///
/// A panic of the play or of an actor is one of this function.
pub(crate) fn explore(bounds: Bounds, mut play: impl FnMut(&Stage)) -> usize {
    let mut decisions = Vec::new();
    let mut orders = 0;
    loop {
        let table = Table { bounds, decisions, ..Table::default() };
        let stage = Stage(Arc::new(Shared { table: Mutex::new(table), turned: Condvar::new() }));
        let played = catch_unwind(AssertUnwindSafe(|| play(&stage)));
        decisions = mem::take(&mut stage.0.table.lock().decisions);
        orders += 1;
        if let Err(panic) = played {
            let chosen: Vec<_> = decisions.iter().map(|decision| decision.chosen).collect();
            println!("in the order {orders}, by the decisions {chosen:?}");
            resume_unwind(panic);
        }
        let more = decisions.iter().rposition(|decision| decision.chosen + 1 < decision.choices);
        let Some(last) = more else { return orders };
        decisions.truncate(last + 1);
        decisions[last].chosen += 1;
    }
}

/// Where actors meet, for one order of their steps.
#[derive(Clone, Debug)]
pub(crate) struct Stage(Arc<Shared>);

/// Who acts by turns.
pub(crate) struct Actor<'a> {
    act: Box<dyn FnOnce() + Send + 'a>,
    is_mortal: bool,
}

impl<'a> Actor<'a> {
    pub(crate) fn new(act: impl FnOnce() + Send + 'a) -> Self {
        Self { act: Box::new(act), is_mortal: false }
    }

    /// One that may be killed before any of its steps; what it holds is dropped then.
    pub(crate) fn mortal(act: impl FnOnce() + Send + 'a) -> Self {
        Self { is_mortal: true, ..Self::new(act) }
    }
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    bounds: Bounds,
    actors: Vec<State>,
    mortals: Vec<bool>,
    turn: Option<usize>,
    /// Those of the order that is played, as far as they are known, and how many are behind.
    decisions: Vec<Decision>,
    decided: usize,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Decision {
    chosen: usize,
    choices: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    /// Until another has made a step.
    Waiting,
    Ended,
}

struct Failure(Box<dyn Any + Send>);

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Failure")
    }
}

/// What an actor that is killed unwinds with.
struct Killed;

thread_local! {
    static SEAT: RefCell<Option<(Stage, usize)>> = const { RefCell::new(None) };
}

/// The actor of this thread, if it is one, is about to make a step.
pub(crate) fn step() {
    if let Some((stage, place)) = SEAT.with_borrow(Clone::clone) {
        stage.step(place);
    }
}

/// The actor of this thread waits for others; false if it is none.
pub(crate) fn pause() -> bool {
    let seat = SEAT.with_borrow(Clone::clone);
    seat.inspect(|(stage, place)| stage.pause(*place)).is_some()
}

impl Stage {
    /// Lets the actors act, in the order that is to be played, until all have ended.
    pub(crate) fn play(&self, actors: Vec<Actor<'_>>) {
        {
            let mut table = self.0.table.lock();
            table.actors = vec![State::Ready; actors.len()];
            table.mortals = actors.iter().map(|actor| actor.is_mortal).collect();
            table.pass_on();
        }
        thread::scope(|scope| {
            for (place, actor) in actors.into_iter().enumerate() {
                scope.spawn(move || {
                    let ended = catch_unwind(AssertUnwindSafe(|| {
                        self.wait_for_turn(self.0.table.lock(), place);
                        SEAT.set(Some((self.clone(), place)));
                        (actor.act)();
                    }));
                    SEAT.set(None);
                    self.end(place, ended.err());
                });
            }
        });
        let failure = self.0.table.lock().failure.take();
        if let Some(Failure(panic)) = failure {
            resume_unwind(panic);
        }
    }

    fn step(&self, place: usize) {
        let mut table = self.0.table.lock();
        table.wake();
        let mut others = Vec::new();
        if table.bounds.preemptions > 0 {
            others = table.ready();
            others.retain(|other| *other != place);
        }
        let can_die = table.mortals[place] && table.bounds.kills > 0;
        match table.decide(1 + others.len() + usize::from(can_die)) {
            0 => {}
            chosen if chosen <= others.len() => {
                table.bounds.preemptions -= 1;
                table.turn = Some(others[chosen - 1]);
                self.0.turned.notify_all();
                self.wait_for_turn(table, place);
            }
            _ => {
                table.bounds.kills -= 1;
                drop(table);
                resume_unwind(Box::new(Killed));
            }
        }
    }

    fn pause(&self, place: usize) {
        let mut table = self.0.table.lock();
        table.actors[place] = State::Waiting;
        table.pass_on();
        self.0.turned.notify_all();
        self.wait_for_turn(table, place);
    }

    fn end(&self, place: usize, panic: Option<Box<dyn Any + Send>>) {
        let mut table = self.0.table.lock();
        table.actors[place] = State::Ended;
        if let Some(panic) = panic.filter(|panic| !panic.is::<Killed>()) {
            table.failure.get_or_insert(Failure(panic));
        }
        table.wake();
        table.pass_on();
        self.0.turned.notify_all();
    }

    fn wait_for_turn(&self, mut table: MutexGuard<'_, Table>, place: usize) {
        while table.turn != Some(place) && table.failure.is_none() {
            self.0.turned.wait(&mut table);
        }
        if table.failure.is_some() {
            drop(table);
            resume_unwind(Box::new(Killed));
        }
    }
}

impl Table {
    /// Gives the turn to any who can take it.
    fn pass_on(&mut self) {
        let ready = self.ready();
        if ready.is_empty() {
            let is_stuck = self.actors.contains(&State::Waiting);
            if is_stuck && self.failure.is_none() {
                self.failure = Some(Failure(Box::new("all actors wait for each other")));
            }
            self.turn = None;
            return;
        }
        let chosen = self.decide(ready.len());
        self.turn = Some(ready[chosen]);
    }

    fn ready(&self) -> Vec<usize> {
        let places = 0..self.actors.len();
        places.filter(|place| self.actors[*place] == State::Ready).collect()
    }

    fn wake(&mut self) {
        for actor in self.actors.iter_mut().filter(|actor| **actor == State::Waiting) {
            *actor = State::Ready;
        }
    }

    fn decide(&mut self, choices: usize) -> usize {
        if self.failure.is_some() {
            return 0;
        }
        if self.decided == self.decisions.len() {
            self.decisions.push(Decision { chosen: 0, choices });
        }
        let decision = &self.decisions[self.decided];
        if decision.choices != choices {
            // Told to all, as a panic would leave the others waiting.
            let what = format!(
                "the same order has {choices} choices when played again, not {}",
                decision.choices
            );
            self.failure = Some(Failure(Box::new(what)));
            return 0;
        }
        self.decided += 1;
        decision.chosen
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn bounds(preemptions: usize, kills: usize) -> Bounds {
        Bounds { preemptions, kills }
    }

    /// Two actors read a number and write one more, in two steps.
    fn increments(bounds: Bounds) -> (usize, Vec<u32>) {
        let mut results = Vec::new();
        let orders = explore(bounds, |stage| {
            let number = AtomicU32::new(0);
            let act = || {
                step();
                let seen = number.load(Ordering::SeqCst);
                step();
                number.store(seen + 1, Ordering::SeqCst);
            };
            stage.play(vec![Actor::mortal(act), Actor::new(act)]);
            results.push(number.into_inner());
        });
        results.sort();
        results.dedup();
        (orders, results)
    }

    #[test]
    fn every_order_is_played_once() {
        // Without preemptions: one after the other.
        assert_eq!(increments(bounds(0, 0)), (2, vec![2]));
        // Three pieces each, so 6! / (3! 3!).
        assert_eq!(increments(bounds(9, 0)), (20, vec![1, 2]));
        // The first one dies before its first or second step, or not at all.
        let (orders, results) = increments(bounds(0, 1));
        assert_eq!((orders, results), (6, vec![1, 2]));
    }

    #[test]
    fn who_waits_is_woken_by_a_step_of_another() {
        let orders = explore(bounds(2, 0), |stage| {
            let door = AtomicU32::new(0);
            let open = || {
                step();
                door.store(1, Ordering::SeqCst);
            };
            let enter = || {
                while door.load(Ordering::SeqCst) == 0 {
                    assert!(pause());
                }
            };
            stage.play(vec![Actor::new(enter), Actor::new(open)]);
        });
        assert!(orders > 1);
    }

    #[test]
    #[should_panic(expected = "lost")]
    fn a_panic_in_one_order_is_found() {
        explore(bounds(1, 0), |stage| {
            let number = AtomicU32::new(0);
            let act = || {
                let seen = number.load(Ordering::SeqCst);
                step();
                number.store(seen + 1, Ordering::SeqCst);
            };
            stage.play(vec![Actor::new(act), Actor::new(act)]);
            assert_eq!(number.into_inner(), 2, "lost");
        });
    }
}
