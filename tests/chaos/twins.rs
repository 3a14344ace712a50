//! Workers that all have the number 1, each where it lives, in one directory.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use narthex::multiprocess::{MultiProcessCollector, compact, mark_process_dead};

use crate::ledger::Ledgers;
use crate::pool::{at_rest, end, stop};
use crate::process::{Orders, Role};
use crate::random::Random;
use crate::series::{FIRST_GONE, Reading};
use crate::sweep::shared_dir;

#[derive(Debug, Default)]
pub(crate) struct Twins {
    rounds: u64,
    started: u64,
    killed: u64,
}

/// As many rounds as there is time for, but one at least; fails without name spaces.
pub(crate) fn rounds(seed: u64, until: Instant) -> io::Result<Twins> {
    let mut random = Random::new(seed);
    let mut twins = Twins::default();
    while twins.rounds == 0 || Instant::now() < until {
        round(&mut random, &mut twins)?;
        twins.rounds += 1;
    }
    Ok(twins)
}

fn round(random: &mut Random, twins: &mut Twins) -> io::Result<()> {
    let (shared, books) = (shared_dir(random.next()), tempfile::tempdir()?);
    let dir = shared.path();
    let ledgers = Ledgers::new(books.path());
    let merged = MultiProcessCollector::new(dir).unwrap().folding(false);
    let seen = || Reading::sound(&merged);
    let check = |living: usize| {
        let labels = wait_for_labels(&merged, living);
        assert!(labels.iter().all(|label| label.starts_with("1-")), "{labels:?}");
        labels
    };

    let mut first = start(4, dir, &ledgers, random, twins)?;
    let all = check(4);
    for (process, ledger) in first.drain(2..) {
        end(process, "a worker of number 1");
        ledgers.settle(&ledger);
        twins.killed += 1;
    }
    let living = check(2);
    assert!(living.is_subset(&all));
    for dead in all.difference(&living) {
        let mut before = seen().counts;
        // Those who live remove some.
        before[FIRST_GONE..].fill(0);
        // Its gauges of live modes, in files of their own.
        assert!(mark_process_dead(dir, dead).unwrap() > 0);
        seen().assert_within(&before, &vec![u64::MAX; before.len()]);
    }
    assert_eq!(check(2), living);
    let second = start(2, dir, &ledgers, random, twins)?;
    assert!(check(4).is_superset(&living));

    // They are stopped, so that what they count stays the same.
    first.iter().chain(&second).for_each(|(process, _)| stop(process));
    let bounds = at_rest(&ledgers);
    let before = seen();
    before.assert_within(&bounds.least, &bounds.most);
    let folded = compact(dir).unwrap();
    assert_eq!(folded.processes(), 2);
    assert_eq!(seen().counts, before.counts);
    assert_eq!(check(4).len(), 4);
    for (process, _) in first.into_iter().chain(second) {
        end(process, "a worker of number 1");
        twins.killed += 1;
    }
    assert_eq!(seen().counts, before.counts);
    assert_eq!(compact(dir).unwrap().processes(), 4);
    assert_eq!(seen().counts, before.counts);
    check(0);
    Ok(())
}

fn start(
    many: usize,
    dir: &Path,
    ledgers: &Ledgers,
    random: &mut Random,
    twins: &mut Twins,
) -> io::Result<Vec<(Child, PathBuf)>> {
    let started = (0..many).map(|_| {
        twins.started += 1;
        let ledger = ledgers.path(twins.started);
        let orders = Orders::new(Role::Single, dir, &ledger, random.next());
        Ok((orders.start_as_first()?, ledger))
    });
    started.collect()
}

/// The labels by which gauges of single workers are told apart, once there are so many.
fn wait_for_labels(merged: &MultiProcessCollector, many: usize) -> BTreeSet<String> {
    let begun = Instant::now();
    loop {
        let seen = Reading::sound(merged);
        let names = seen.samples.keys();
        let labels = names.filter_map(|name| name.strip_prefix("chaos_liveall{pid=\""));
        let labels: BTreeSet<String> =
            labels.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
        if labels.len() == many {
            return labels;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{labels:?}, not {many}");
        thread::sleep(Duration::from_millis(2));
    }
}
