//! Where it was measured, and with what.

use std::fs;

use crate::harness::cores;
use crate::peers;

const LOCK: &str = include_str!("../Cargo.lock");

/// The machine, the compiler and the versions of the peers, in two sentences.
pub fn description() -> String {
    let os = std::env::consts::OS;
    let arch = std::env::consts::ARCH;
    let versions: Vec<String> = peers::CRATES
        .iter()
        .filter_map(|name| Some(format!("`{name}` {}", version(name)?)))
        .collect();
    format!(
        "Measured on {} with {} cores, {os} {arch}, {}. Peers: {}.",
        processor().unwrap_or_else(|| "a processor that does not tell its name".to_owned()),
        cores(),
        env!("RUSTC_VERSION"),
        versions.join(", "),
    )
}

/// How much of the processor others took while something was measured.
pub struct Watch(Option<Ticks>);

#[derive(Clone, Copy)]
struct Ticks {
    /// Of all cores, idle or not.
    all: f64,
    busy: f64,
    ours: f64,
}

impl Watch {
    pub fn begin() -> Self {
        Self(Ticks::now())
    }

    /// In words; none where the system does not tell.
    pub fn others(&self) -> Option<String> {
        let (begun, now) = (self.0?, Ticks::now()?);
        let others = (now.busy - begun.busy) - (now.ours - begun.ours);
        let share = 100.0 * others.max(0.0) / (now.all - begun.all).max(1.0);
        Some(format!("Other programs took {share:.0} % of the processor meanwhile."))
    }
}

impl Ticks {
    /// As Linux counts them since it began.
    fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let ticks = |word: &str| word.parse::<f64>().ok();
        let of_cores: Vec<f64> =
            stat.lines().next()?.split(' ').filter_map(ticks).take(8).collect();
        let [_, _, _, idle, waiting, ..] = of_cores[..] else { return None };
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        // Behind the name of the program, which may hold anything; user and system time.
        let own = own.rsplit_once(')')?.1.split(' ').skip(12).take(2).filter_map(ticks);
        let all: f64 = of_cores.iter().sum();
        Some(Self { all, busy: all - idle - waiting, ours: own.sum() })
    }
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let value = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = value("model name")?;
    let family = value("cpu family").map(|family| format!(" (family {family})"));
    Some(model + &family.unwrap_or_default())
}

/// The version of a crate that this was built with.
fn version(name: &str) -> Option<&'static str> {
    let named = format!("name = \"{name}\"\nversion = \"");
    let rest = &LOCK[LOCK.find(&named)? + named.len()..];
    rest.split('"').next()
}
