//! What workers do until something happens to them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{process, thread};

use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};

use crate::clock;
use crate::faults::{self, Fault};
use crate::forked::{fork, look_after_children};
use crate::ledger::Page;
use crate::metrics::{Metrics, publish};
use crate::process::{Orders, REFUSED, Role};
use crate::random::Random;
use crate::series::{FIRST_GONE, Reading, WIDE, assert_fine};
use crate::strike::Strike;

/// What the ledger of a worker's own worker ends with.
pub(crate) const OF_CHILD: &str = "child";
/// What that of one ends with that was forked.
pub(crate) const OF_FORKED: &str = "forked";
pub(crate) const THREADS: usize = 2;
/// One thread adds at most this much between two looks at its ledger.
pub(crate) const MOST_AT_ONCE: u64 = 10;

/// Counts at random in two threads.
pub(crate) fn work(orders: &Orders, random: &mut Random, is_wanted: &(dyn Fn() -> bool + Sync)) {
    let Orders { ledger, role, .. } = orders;
    orders.fault.iter().for_each(|fault| faults::watch(*fault).unwrap());
    let store = MultiprocessStore::open(&orders.dir).unwrap();
    let metrics = Metrics::new(&store).unwrap();
    let wide = if random.one_in(3) { WIDE } else { 4 };
    let ends = random.one_in(8).then(|| random.below(200));
    // What is watched would be asked about in its child as well.
    let may_multiply = orders.fault.is_none();
    let of_child = |kind: &str| {
        let mut of_child = ledger.clone().into_os_string();
        // A child may have a child of its own.
        of_child.extend([".", kind].map(OsStr::new));
        PathBuf::from(of_child)
    };
    if may_multiply && random.one_in(6) {
        // It outlives whoever started it, or not.
        let ledger = of_child(OF_CHILD);
        drop(Orders::new(Role::Grandchild, &orders.dir, &ledger, random.next()).start());
    }
    let counts = AtomicU64::new(0);
    let seeds: Vec<u64> = (0..THREADS).map(|_| random.next()).collect();
    thread::scope(|scope| {
        for (thread, seed) in seeds.into_iter().enumerate() {
            let (metrics, store, counts, of_child) = (&metrics, &store, &counts, &of_child);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut page = Page::open(ledger, thread);
                let mut rounds = 0;
                while is_wanted() && ends.is_none_or(|end| rounds < end) {
                    for _ in 0..40 {
                        let now = counts.fetch_add(1, Ordering::Relaxed);
                        let strike = orders.strike.filter(|strike| strike.at == now);
                        strike.iter().for_each(|strike| strike.arm());
                        match strike {
                            // There are rows to be made, however many there were.
                            Some(_) => {
                                (0..WIDE).for_each(|key| metrics.count_wide(&mut page, key, 1))
                            }
                            None => metrics.count(&mut page, &mut random, wide),
                        }
                    }
                    if thread == 0 {
                        look_after_children();
                        metrics.count_most(&mut page);
                        // A worker's own worker counts on where all are to be quiet.
                        if *role == Role::Worker {
                            metrics.come_and_go(&mut page, &mut random);
                        }
                        if random.one_in(16) {
                            publish(store).unwrap();
                        }
                        if may_multiply && rounds < 8 && random.one_in(16) {
                            let seed = random.next();
                            let ledger = of_child(&format!("{rounds}.{OF_FORKED}"));
                            fork(|| count_on(metrics, &ledger, Random::new(seed)));
                        }
                    }
                    if orders.ahead != 0 && random.one_in(4) {
                        clock::set(random.seconds_around());
                    }
                    if *role == Role::Grandchild && rounds > 1000 {
                        return;
                    }
                    rounds += 1;
                    thread::sleep(Duration::from_millis(3));
                }
            });
        }
    });
}

/// What a forked worker does, with the metrics of its parent, until the kernel ends it.
fn count_on(metrics: &Metrics, ledger: &Path, mut random: Random) {
    let nanos = 1 + random.below(100_000_000) as u32;
    let mut page = Page::open(ledger, 0);
    Strike { kills: true, at: 0, nanos }.arm();
    loop {
        (0..10).for_each(|_| metrics.count(&mut page, &mut random, WIDE));
        metrics.count_most(&mut page);
        thread::sleep(Duration::from_millis(1));
    }
}

/// Does the same each time, with files that are created, grow and fill, whatever fails.
pub(crate) fn follow_script(orders: &Orders, random: &mut Random) {
    let mut page = Page::open(&orders.ledger, 0);
    let store = MultiprocessStore::open(&orders.dir).unwrap();
    orders.fault.iter().for_each(|fault| faults::watch(*fault).unwrap());
    let metrics = Metrics::new(&store).unwrap();
    let counted = |page: &mut Page, random: &mut Random| {
        (0..60).for_each(|_| metrics.count(page, random, 4));
        (0..10).for_each(|_| metrics.count_most(page));
        (0..30).for_each(|_| metrics.come_and_go(page, random));
    };
    counted(&mut page, random);
    (0..WIDE).for_each(|key| metrics.count_wide(&mut page, key, 1));
    counted(&mut page, random);
    let published = publish(&store);
    metrics.assert_counted(&page);
    let calls = faults::calls();
    faults::lift();
    let mut was_told = false;
    match orders.fault {
        // Such a worker has the directory for itself.
        Some(Fault::Once { .. } | Fault::Always { .. }) => was_told = check_unfiled(&store, &page),
        _ => published.unwrap(),
    }
    metrics.assert_counted(&page);
    orders.tell_calls(calls);
    if was_told {
        process::exit(REFUSED);
    }
}

/// Whatever others do not see by now is told, and seen when there is room again;
/// says whether there was any.
fn check_unfiled(store: &MultiprocessStore, page: &Page) -> bool {
    let told = store.unfiled();
    let merged = MultiProcessCollector::of(store).folding(false);
    let seen = Reading::sound(&merged);
    let mut unseen = 0;
    for (series, seen) in seen.counts.iter().enumerate().take(FIRST_GONE) {
        let counted = page.counted(series);
        assert!(*seen == counted || *seen == 0, "{seen} of {counted} of series {series}");
        unseen += u64::from(*seen != counted);
    }
    // The buckets and sums of a histogram are one series.
    assert!(told > 0 || unseen == 0, "{unseen} are not seen, {told} are told");
    assert_eq!(store.file_waiting(), 0);
    let seen = Reading::sound(&merged);
    let counted: Vec<u64> = (0..seen.counts.len()).map(|series| page.counted(series)).collect();
    assert_eq!(seen.counts, counted);
    assert_fine(&merged);
    told > 0
}
