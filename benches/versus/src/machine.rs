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
