//! How candidates are measured: in turn, in one process, from threads on cores of their own.

use std::cell::Cell;
use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Who was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Narthex,
    Peer(&'static str),
    /// What the machine can do, or another thing to compare with.
    Limit(&'static str),
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Self::Narthex => "narthex",
            Self::Peer(name) | Self::Limit(name) => name,
        }
    }
}

/// The median of what was measured.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub who: Who,
    pub value: f64,
}

impl Seen {
    /// The number for one of so many that were done at once.
    pub fn per(self, many: usize) -> Self {
        Self { value: self.value / many as f64, ..self }
    }
}

/// On cache lines of its own, so that nothing beside it slows it down.
#[repr(align(128))]
pub struct Apart<T>(pub T);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub rounds: usize,
    pub span: Duration,
}

impl Pace {
    pub const FULL: Self = Self { rounds: 13, span: Duration::from_millis(12) };
    pub const QUICK: Self = Self { rounds: 1, span: Duration::from_micros(200) };

    /// For what takes long: half as often.
    pub fn halved(self) -> Self {
        Self { rounds: self.rounds.div_ceil(2), ..self }
    }

    pub fn is_quick(self) -> bool {
        self.rounds == Self::QUICK.rounds
    }
}

/// Numbers are missing.
#[derive(Debug)]
pub struct Lost {
    who: Who,
    done: u64,
    row: String,
}

impl Lost {
    pub fn in_row(self, row: String) -> Self {
        Self { row, ..self }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, done, row } = self;
        write!(f, "{} does not show all of {done} operations", who.name())?;
        if row.is_empty() { Ok(()) } else { write!(f, ": {row}") }
    }
}

impl std::error::Error for Lost {}

/// What a candidate was asked to do.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Operations of all threads in all samples.
    pub all: u64,
    /// Those of each thread in the last sample.
    pub each: usize,
    pub threads: usize,
}

/// One of those that are measured in turn.
pub struct Candidate<'a> {
    who: Who,
    act: Box<dyn Fn(usize) + Sync + 'a>,
    shows: Option<Box<dyn Fn(Done) -> bool + 'a>>,
    done: Cell<u64>,
}

impl<'a> Candidate<'a> {
    /// Repeats an operation, which is told its number in its thread.
    pub fn new(who: Who, operation: impl Fn(usize) + Sync + 'a) -> Self {
        Self::looping(who, move |n| {
            for at in 0..n {
                operation(at);
            }
        })
    }

    /// Has a loop of its own, and is told how many operations to do.
    pub fn looping(who: Who, act: impl Fn(usize) + Sync + 'a) -> Self {
        Self { who, act: Box::new(act), shows: None, done: Cell::new(0) }
    }

    /// After each sample, whether it shows all that was done.
    pub fn shows(self, shows: impl Fn(Done) -> bool + 'a) -> Self {
        Self { shows: Some(Box::new(shows)), ..self }
    }

    /// Nanoseconds that an operation takes a core, all threads acting at once.
    pub fn sample(&self, threads: usize, each: usize) -> Result<f64, Lost> {
        let act = &self.act;
        let took = spread(threads, || act(each));
        let ops = (threads * each) as u64;
        self.done.set(self.done.get() + ops);
        let done = Done { all: self.done.get(), each, threads };
        if self.shows.as_ref().is_some_and(|shows| !shows(done)) {
            let lost = Lost { who: self.who, done: done.all, row: String::new() };
            if self.who == Who::Narthex {
                return Err(lost);
            }
            eprintln!("note: {lost}");
        }
        Ok(took.as_secs_f64() * 1e9 * threads.min(cores()) as f64 / ops as f64)
    }

    /// How many operations of each thread take about as long as a sample should.
    pub fn calibrate(&self, threads: usize, span: Duration) -> Result<usize, Lost> {
        let mut each = 1;
        loop {
            // Once it could have been held up; what is too short says nothing.
            let mut per_operation = f64::INFINITY;
            for _ in 0..3 {
                per_operation = per_operation.min(self.sample(threads, each)?);
            }
            let on_a_core =
                per_operation * each as f64 * (threads as f64 / cores() as f64).max(1.0);
            let share = on_a_core / (span.as_secs_f64() * 1e9);
            if share > 0.1 {
                return Ok(((each as f64 / share) as usize).max(1));
            }
            each *= 4;
        }
    }
}

/// Measures candidates in turn, so that what else the machine does falls on all alike.
pub fn measure(
    pace: Pace,
    threads: usize,
    candidates: &[Candidate<'_>],
) -> Result<Vec<Seen>, Lost> {
    let each: Vec<usize> = candidates
        .iter()
        .map(|candidate| candidate.calibrate(threads, pace.span))
        .collect::<Result<_, _>>()?;
    interleave(pace.rounds, candidates.len(), |at| candidates[at].sample(threads, each[at]))
        .map(|medians| candidates.iter().zip(medians).map(|(c, v)| Seen { who: c.who, value: v }))
        .map(Iterator::collect)
}

/// The medians of several, each asked in turn in each round.
pub fn interleave<E>(
    rounds: usize,
    several: usize,
    mut ask: impl FnMut(usize) -> Result<f64, E>,
) -> Result<Vec<f64>, E> {
    let mut values = vec![Vec::new(); several];
    for _ in 0..rounds {
        for (at, values) in values.iter_mut().enumerate() {
            values.push(ask(at)?);
        }
    }
    Ok(values.into_iter().map(median).collect())
}

/// How long it takes until all threads are done that begin at once.
pub fn spread(threads: usize, act: impl Fn() + Sync) -> Duration {
    let start = Barrier::new(threads);
    let (start, act) = (&start, &act);
    // Each thread looks at the clock itself: who waits for them may get no core in time.
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let acting = |thread| {
            move || {
                pin(thread);
                start.wait();
                let begun = Instant::now();
                act();
                (begun, Instant::now())
            }
        };
        let spawned: Vec<_> = (0..threads).map(|thread| scope.spawn(acting(thread))).collect();
        spawned.into_iter().map(|thread| thread.join().expect("a thread that acts")).collect()
    });
    let begun = times.iter().map(|(begun, _)| *begun).min();
    let ended = times.iter().map(|(_, ended)| *ended).max();
    begun.zip(ended).map_or(Duration::ZERO, |(begun, ended)| ended - begun)
}

/// Each of so many threads acts while all others are there.
pub fn spread_until_all(threads: usize, act: impl Fn() + Sync) {
    let done = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                act();
                done.wait();
            });
        }
    });
}

/// Keeps the calling thread on one core, where the system lets us.
pub fn pin(thread: usize) {
    let ids = core_affinity::get_core_ids().unwrap_or_default();
    if !ids.is_empty() {
        core_affinity::set_for_current(ids[thread % ids.len()]);
    }
}

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
