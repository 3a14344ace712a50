//! How long something has been running, by the cheapest clock that is right.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::cell::ticks::{are_time, ticks};
#[cfg(feature = "testing")]
use crate::clock::stopped::{self, Stopped};

/// Runs from its start on.
///
/// It reads the ticks of the processor if the kernel tells the time by them
/// too, and as soon as their rate is known, from looking at both clocks
/// whenever a stopwatch starts; until then, and elsewhere, it asks the kernel.
/// Nobody waits for the rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch(Begun);

#[derive(Clone, Copy, Debug)]
enum Begun {
    // With its own rate, so that time that has passed never becomes less.
    Ticks {
        at: u64,
        nanos_of_span: u64,
    },
    Instant(Instant),
    #[cfg(feature = "testing")]
    Stopped {
        clock: &'static Stopped,
        at: u64,
    },
}

impl Stopwatch {
    #[inline]
    pub(super) fn start() -> Self {
        #[cfg(feature = "testing")]
        if let Some(clock) = stopped::current() {
            return Self(Begun::Stopped { clock, at: clock.passed() });
        }
        Self(RATE.begin())
    }

    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    /// For those who are not told the time as a [`Duration`] as well: the last
    /// digit may be another.
    #[inline]
    pub(super) fn seconds(&self) -> f64 {
        self.nanos() as i64 as f64 * 1e-9
    }

    #[inline]
    pub(super) fn nanos(&self) -> u64 {
        match self.0 {
            Begun::Ticks { at, nanos_of_span } => {
                // Those of another processor may be behind by a few.
                let ticks = ticks().saturating_sub(at);
                // In whole numbers: to make floats of them and back takes longer.
                ((u128::from(ticks) * u128::from(nanos_of_span)) >> SPAN_BITS) as u64
            }
            Begun::Instant(at) => at.elapsed().as_nanos() as u64,
            #[cfg(feature = "testing")]
            Begun::Stopped { clock, at } => clock.passed().saturating_sub(at),
        }
    }
}

/// What [`Duration::as_secs_f64`] says of so many nanoseconds, in less time.
#[inline]
pub(super) fn to_seconds(nanos: u64) -> f64 {
    const SECOND: u64 = 1_000_000_000;
    if nanos < SECOND {
        // A signed number is made a float in one step.
        nanos as i64 as f64 / SECOND as f64
    } else {
        Duration::from_nanos(nanos).as_secs_f64()
    }
}

static RATE: Rate = Rate::unknown();

/// The first rate is that of this time at least.
const SHORTEST: Duration = Duration::from_millis(10);
/// So long it is taken for granted.
const CHECKED_EVERY: Duration = Duration::from_secs(1);
/// In more time, the machine may have slept, and ticks go on where time does not.
const LONGEST: Duration = Duration::from_secs(10);
/// What is unknown about a rate is less than one of so many parts of it.
const EXACTNESS: u32 = 100_000;
/// The kernel's clock is slewed by less than one part of so many; what differs
/// more is no rate.
const SLEW: u64 = 4;

/// Rates are those of two to the power of this many ticks, so that a part of a
/// nanosecond that is lost in one is some billionth of it.
const SPAN_BITS: u32 = 32;

/// How long so many ticks take, as it was found of late.
struct Rate {
    // Stays what it was while it is not known: others may be about to read it.
    nanos_of_span: AtomicU64,
    checked_at: AtomicU64,
    /// How many ticks after that it is checked again; zero while it is unknown.
    good_for: AtomicU64,
    useless: AtomicBool,
    looked: Mutex<Option<Look>>,
}

impl Rate {
    const fn unknown() -> Self {
        Self {
            nanos_of_span: AtomicU64::new(0),
            checked_at: AtomicU64::new(0),
            good_for: AtomicU64::new(0),
            useless: AtomicBool::new(false),
            looked: Mutex::new(None),
        }
    }

    #[inline]
    fn begin(&self) -> Begun {
        // Acquire: pairs with the Release of `learn`, so that there is a rate.
        let good_for = self.good_for.load(Ordering::Acquire);
        if good_for != 0 {
            let at = ticks();
            if at.wrapping_sub(self.checked_at.load(Ordering::Relaxed)) < good_for {
                let nanos_of_span = self.nanos_of_span.load(Ordering::Relaxed);
                return Begun::Ticks { at, nanos_of_span };
            }
        }
        self.look();
        Begun::Instant(Instant::now())
    }

    #[cold]
    fn look(&self) {
        if self.useless.load(Ordering::Relaxed) {
            return;
        }
        // Somebody else looks already, or did so in the process that forked this one.
        let Some(mut looked) = self.looked.try_lock() else { return };
        let Some(before) = *looked else {
            if are_time() {
                *looked = Some(Look::now());
            } else {
                self.useless.store(true, Ordering::Relaxed);
            }
            return;
        };
        if before.at.elapsed() < SHORTEST {
            return;
        }
        let now = Look::now();
        let is_known = self.good_for.load(Ordering::Relaxed) != 0;
        let last = self.nanos_of_span.load(Ordering::Relaxed);
        match before.compare(&now, is_known.then_some(last)) {
            Comparison::Unclear => return,
            Comparison::Rate(nanos_of_span) => self.learn(nanos_of_span, now.ticks),
            Comparison::Unlike => self.good_for.store(0, Ordering::Relaxed),
        }
        *looked = Some(now);
    }

    fn learn(&self, nanos_of_span: u64, at: u64) {
        self.nanos_of_span.store(nanos_of_span, Ordering::Relaxed);
        self.checked_at.store(at, Ordering::Relaxed);
        let good_for = (CHECKED_EVERY.as_nanos() << SPAN_BITS) / u128::from(nanos_of_span);
        // Release: pairs with the Acquire of `begin`.
        self.good_for.store(good_for as u64, Ordering::Release);
    }
}

/// Both clocks, read together.
#[derive(Clone, Copy)]
struct Look {
    ticks: u64,
    at: Instant,
    /// How much later than `at` the ticks may have been read.
    within: Duration,
}

enum Comparison {
    /// In nanoseconds of a span, and never zero.
    Rate(u64),
    /// The clocks were not read closely enough together for so short a time.
    Unclear,
    /// Too long ago, or one of the clocks has jumped.
    Unlike,
}

impl Look {
    fn now() -> Self {
        let one = || {
            let at = Instant::now();
            let ticks = ticks();
            Self { ticks, at, within: at.elapsed() }
        };
        // The thread may be interrupted between two of the readings.
        let [first, second, third] = [one(), one(), one()];
        let closer = |a: Self, b: Self| if b.within < a.within { b } else { a };
        closer(closer(first, second), third)
    }

    /// What a later look says about the rate between both.
    fn compare(&self, later: &Self, known: Option<u64>) -> Comparison {
        let passed = later.at.saturating_duration_since(self.at);
        let ticks = later.ticks.saturating_sub(self.ticks);
        if passed > LONGEST || ticks == 0 {
            return Comparison::Unlike;
        }
        let rate = (passed.as_nanos() << SPAN_BITS) / u128::from(ticks);
        // What is too much for a number is as little of a rate as none.
        let rate = u64::try_from(rate).unwrap_or(0);
        if rate == 0 || known.is_some_and(|known| rate.abs_diff(known) > known / SLEW) {
            Comparison::Unlike
        } else if (self.within + later.within) * EXACTNESS > passed {
            Comparison::Unclear
        } else {
            Comparison::Rate(rate)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look that was taken after so much time and so many ticks.
    fn look(origin: Instant, nanos: u64, ticks: u64, within: u64) -> Look {
        Look {
            ticks,
            at: origin + Duration::from_nanos(nanos),
            within: Duration::from_nanos(within),
        }
    }

    /// Half a nanosecond each: two to the 31st for two to the 32nd.
    const HALF: u64 = 1 << 31;

    #[test]
    fn the_rate_is_time_by_ticks() {
        let origin = Instant::now();
        let before = look(origin, 0, 1_000, 50);
        // 20 ms and 40 million ticks: half a nanosecond each.
        let later = look(origin, 20_000_000, 40_001_000, 50);
        assert!(matches!(before.compare(&later, None), Comparison::Rate(HALF)));
        assert!(matches!(before.compare(&later, Some(HALF / 8 * 7)), Comparison::Rate(HALF)));
    }

    #[test]
    fn a_rate_that_is_not_exact_is_waited_for() {
        let origin = Instant::now();
        let before = look(origin, 0, 0, 50);
        // 51 + 50 ns are more than a hundred-thousandth of 10 ms, and less than one of 11 ms.
        let soon = look(origin, 10_000_000, 20_000_000, 51);
        assert!(matches!(before.compare(&soon, None), Comparison::Unclear));
        let later = look(origin, 11_000_000, 22_000_000, 51);
        assert!(matches!(before.compare(&later, None), Comparison::Rate(HALF)));
    }

    #[test]
    fn clocks_that_go_different_ways_have_no_rate() {
        let origin = Instant::now();
        let before = look(origin, 0, 1_000_000_000, 50);
        let unlike = |nanos, ticks, known| {
            let later = look(origin, nanos, ticks, 50);
            matches!(before.compare(&later, known), Comparison::Unlike)
        };
        // Ticks that begin anew, as after a sleep; that went on in one; that stand still.
        assert!(unlike(1_000_000_000, 5, Some(HALF)));
        assert!(unlike(1_000_000_000, 4_000_000_000, Some(HALF)));
        assert!(unlike(1_000_000_000, 1_000_000_000, None));
        // More nanoseconds in a span of ticks than there are numbers, and less than one.
        assert!(unlike(10_000_000_000, 1_000_000_001, None));
        assert!(unlike(0, 2_000_000_000, None));
        // A machine that was away for too long for a difference to be seen.
        assert!(unlike(10_000_000_001, 21_000_000_002, Some(HALF)));
        assert!(!unlike(10_000_000_000, 21_000_000_000, Some(HALF)));
    }

    #[test]
    fn while_there_is_no_rate_the_system_is_asked() {
        let rate = Rate::unknown();
        assert!(matches!(rate.begin(), Begun::Instant(_)));
        rate.learn(HALF, ticks());
        // Two billion halves of a nanosecond are a second.
        assert_eq!(rate.good_for.load(Ordering::Relaxed), 2_000_000_000);
    }

    // Also with another clock than ticks; with them it must hold from the first rate on.
    #[test]
    fn it_agrees_with_the_kernel() {
        for _ in 0..20 {
            let outer = Instant::now();
            let stopwatch = Stopwatch::start();
            let inner = Instant::now();
            std::thread::sleep(Duration::from_millis(3));
            let shortest = inner.elapsed();
            let took = stopwatch.elapsed();
            let longest = outer.elapsed();
            // The system's clock may be slewed at another rate than when ticks were looked at.
            let (shortest, longest) = (shortest.mul_f64(0.75), longest.mul_f64(1.25));
            assert!((shortest..=longest).contains(&took), "{took:?} of {shortest:?}..={longest:?}");
        }
    }

    #[test]
    fn ticks_that_are_behind_are_no_time() {
        let ahead = Begun::Ticks { at: u64::MAX, nanos_of_span: HALF };
        assert_eq!(Stopwatch(ahead).elapsed(), Duration::ZERO);
    }

    #[test]
    fn seconds_are_those_of_a_duration() {
        for nanos in [0, 1, 3, 999_999_999, 1_000_000_000, 1_000_000_001, 1 << 32, u64::MAX] {
            assert_eq!(to_seconds(nanos), Duration::from_nanos(nanos).as_secs_f64());
        }
        assert_eq!(to_seconds(250_000_000), 0.25);
        assert_eq!(to_seconds(1_500_000_000), 1.5);
    }
}
