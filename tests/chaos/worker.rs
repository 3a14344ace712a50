//! What the processes do that are started to be killed.

use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore, compact};
use narthex::{Counter, CounterVec, Enum, Gauge, Histogram, Info, Summary};
use rustix::process::{Pid, Signal, getppid, kill_process};

use crate::ledger::Page;
use crate::random::Random;
use crate::series::{
    BOUNDS, FIRST_BUCKET, FIRST_WIDE, GAUGE_MAX, GAUGE_SUM, OPS, Reading, SIZE_SUM, WAIT_COUNT,
    WAIT_SUM, WIDE, wide_label,
};

const ROLE: &str = "NARTHEX_CHAOS_ROLE";
const DIR: &str = "NARTHEX_CHAOS_DIR";
const LEDGER: &str = "NARTHEX_CHAOS_LEDGER";
const SEED: &str = "NARTHEX_CHAOS_SEED";

pub(crate) const THREADS: usize = 2;
/// One thread adds at most this much between two looks at its ledger.
pub(crate) const MOST_AT_ONCE: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Worker,
    /// A worker of a worker, which kills itself.
    Grandchild,
    Compactor,
    Scraper,
}

impl Role {
    fn name(self) -> String {
        format!("{self:?}")
    }

    pub(crate) fn start(self, dir: &Path, ledger: &Path, seed: u64) -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--quiet", "--nocapture"])
            .env(ROLE, self.name())
            .env(DIR, dir)
            .env(LEDGER, ledger)
            .env(SEED, seed.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// Does what the process was started for, if that is one of these.
pub(crate) fn run() {
    let Some(role) = env::var(ROLE).ok() else { return };
    let dir = PathBuf::from(env::var_os(DIR).unwrap());
    let mut random = Random::new(env::var(SEED).unwrap().parse().unwrap());
    let parent = getppid();
    // Whoever started it may be gone.
    let is_wanted = || getppid() == parent;
    if role == Role::Compactor.name() {
        while is_wanted() {
            compact(&dir).unwrap();
            thread::sleep(random.micros_below(5000));
        }
    } else if role == Role::Scraper.name() {
        let merged = MultiProcessCollector::new(&dir).unwrap();
        let mut before: Option<Reading> = None;
        while is_wanted() {
            let now = Reading::sound(&merged);
            before.iter().for_each(|before| now.assert_not_before(before));
            before = Some(now);
            thread::sleep(random.micros_below(5000));
        }
    } else if role == Role::Grandchild.name() {
        let life = random.micros_below(120_000);
        thread::spawn(move || {
            thread::sleep(life);
            kill_process(Pid::from_raw(process::id() as i32).unwrap(), Signal::KILL).unwrap();
        });
        work(&dir, &mut random, &|| true);
    } else {
        work(&dir, &mut random, &is_wanted);
    }
}

struct Metrics {
    ops: CounterVec<1>,
    wide: CounterVec<1>,
    size: Histogram,
    wait: Summary,
    held: Gauge,
    most: Gauge,
    others: Vec<Gauge>,
    state: Enum,
}

impl Metrics {
    fn new(store: &MultiprocessStore) -> narthex::Result<Self> {
        let gauge = |name: &str, mode| Gauge::builder(name, "h").mode(mode).store(store).build();
        gauge("chaos_alive", GaugeMode::LiveSum)?.set(1);
        Info::builder("chaos_build", "h").store(store).build()?.info([("version", "1")])?;
        Ok(Self {
            ops: Counter::builder("chaos_ops", "h").labels(["op"]).store(store).build()?,
            wide: Counter::builder("chaos_wide", "h").labels(["key"]).store(store).build()?,
            size: Histogram::builder("chaos_size", "h").buckets(BOUNDS).store(store).build()?,
            wait: Summary::builder("chaos_wait", "h").store(store).build()?,
            held: gauge("chaos_held", GaugeMode::Sum)?,
            most: gauge("chaos_most", GaugeMode::Max)?,
            others: vec![
                gauge("chaos_all", GaugeMode::All)?,
                gauge("chaos_liveall", GaugeMode::LiveAll)?,
                gauge("chaos_min", GaugeMode::Min)?,
                gauge("chaos_mostrecent", GaugeMode::MostRecent)?,
            ],
            state: Enum::builder("chaos_state", "h")
                .states(["idle", "busy"])
                .store(store)
                .build()?,
        })
    }

    fn count(&self, page: &mut Page, random: &mut Random, wide: usize) {
        let amount = 1 + random.below(5) as u64;
        match random.below(8) {
            0 | 1 => {
                let op = random.below(OPS);
                let to = page.counted(op) + amount;
                let child = self.ops.handle([op.to_string()]);
                page.around(&[(op, to)], || match amount {
                    1 => child.inc_with_exemplar(&[("trace", "t")]),
                    _ => child.inc_by(amount),
                });
            }
            2 | 3 if wide > 0 => {
                let key = random.below(wide);
                let to = page.counted(FIRST_WIDE + key) + amount;
                // Its row is made in between, too.
                page.around(&[(FIRST_WIDE + key, to)], || {
                    self.wide.labels([wide_label(key)]).inc_by(amount);
                });
            }
            4 => {
                let below = BOUNDS.iter().filter(|bound| **bound < amount as f64).count();
                let bucket = FIRST_BUCKET + below;
                let numbers = [
                    (bucket, page.counted(bucket) + 1),
                    (SIZE_SUM, page.counted(SIZE_SUM) + amount),
                ];
                page.around(&numbers, || self.size.observe(amount));
            }
            5 => {
                let numbers = [
                    (WAIT_COUNT, page.counted(WAIT_COUNT) + 1),
                    (WAIT_SUM, page.counted(WAIT_SUM) + amount),
                ];
                page.around(&numbers, || self.wait.observe(amount));
            }
            6 => {
                let to = page.counted(GAUGE_SUM) + amount;
                page.around(&[(GAUGE_SUM, to)], || self.held.inc_by(amount));
            }
            _ => {
                self.others.iter().for_each(|gauge| gauge.set(amount));
                self.state.state(if amount > 2 { "busy" } else { "idle" }).unwrap();
            }
        }
    }
}

fn work(dir: &Path, random: &mut Random, is_wanted: &(dyn Fn() -> bool + Sync)) {
    let ledger = PathBuf::from(env::var_os(LEDGER).unwrap());
    let store = MultiprocessStore::open(dir).unwrap();
    let metrics = Metrics::new(&store).unwrap();
    let wide = if random.one_in(3) { WIDE } else { 4 };
    let ends = random.one_in(8).then(|| random.below(200));
    if random.one_in(6) {
        let name = format!("{}-child", ledger.file_name().unwrap().display());
        // It outlives whoever started it, or not.
        drop(Role::Grandchild.start(dir, &ledger.with_file_name(name), random.next()));
    }
    let seeds: Vec<u64> = (0..THREADS).map(|_| random.next()).collect();
    thread::scope(|scope| {
        for (thread, seed) in seeds.into_iter().enumerate() {
            let (metrics, ledger) = (&metrics, &ledger);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut page = Page::open(ledger, thread);
                let mut rounds = 0;
                while is_wanted() && ends.is_none_or(|end| rounds < end) {
                    (0..40).for_each(|_| metrics.count(&mut page, &mut random, wide));
                    if thread == 0 {
                        // One thread alone, as the greatest must not fall.
                        let to = page.counted(GAUGE_MAX) + 1;
                        page.around(&[(GAUGE_MAX, to)], || metrics.most.set(to));
                    }
                    rounds += 1;
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
}
