//! The metrics of a worker, and one count in one of them.

use std::thread;

use narthex::collector_fn;
use narthex::model::{GaugeMetricFamily, NO_LABELS};
use narthex::multiprocess::{GaugeMode, MultiprocessStore};
use narthex::{Counter, CounterVec, Enum, Gauge, Histogram, Info, NativeOptions, Summary};

use crate::ledger::Page;
use crate::random::Random;
use crate::series::{
    BOUNDS, FINE_SUM, FIRST_BUCKET, FIRST_FINE, FIRST_GONE, FIRST_WIDE, GAUGE_MAX, GAUGE_SUM, GONE,
    LATE_COUNT, LATE_SUM, MEDIAN_ERROR, OPS, SIZE_SUM, WAIT_COUNT, WAIT_SUM, WAITED, trace_of,
    wide_label,
};

pub(crate) struct Metrics {
    ops: CounterVec<1>,
    wide: CounterVec<1>,
    gone: CounterVec<1>,
    size: Histogram,
    /// With buckets that become too many, so that they are made anew.
    fine: Histogram,
    wait: Summary,
    /// With quantiles.
    late: Summary,
    held: Gauge,
    most: Gauge,
    others: Vec<Gauge>,
    build: Info,
    state: Enum,
}

impl Metrics {
    pub(crate) fn new(store: &MultiprocessStore) -> narthex::Result<Self> {
        let gauge = |name: &str, mode| Gauge::builder(name, "h").mode(mode).store(store).build();
        let vec =
            |name: &str, label| Counter::builder(name, "h").labels([label]).store(store).build();
        gauge("chaos_alive", GaugeMode::LiveSum)?.set(1);
        let build = Info::builder("chaos_build", "h").store(store).build()?;
        build.info([("version", "1")])?;
        let few = NativeOptions::new().max_buckets(3).max_zero_threshold(1.0);
        let fine = Histogram::builder("chaos_fine", "h").buckets(BOUNDS).native(few);
        let late = Summary::builder("chaos_late", "h").objectives([(0.5, MEDIAN_ERROR)]);
        Ok(Self {
            ops: vec("chaos_ops", "op")?,
            wide: vec("chaos_wide", "key")?,
            gone: vec("chaos_gone", "n")?,
            size: Histogram::builder("chaos_size", "h").buckets(BOUNDS).store(store).build()?,
            fine: fine.store(store).build()?,
            wait: Summary::builder("chaos_wait", "h").store(store).build()?,
            late: late.store(store).build()?,
            held: gauge("chaos_held", GaugeMode::Sum)?,
            most: gauge("chaos_most", GaugeMode::Max)?,
            others: vec![
                gauge("chaos_all", GaugeMode::All)?,
                gauge("chaos_liveall", GaugeMode::LiveAll)?,
                gauge("chaos_min", GaugeMode::Min)?,
                gauge("chaos_livemin", GaugeMode::LiveMin)?,
                gauge("chaos_livemax", GaugeMode::LiveMax)?,
                gauge("chaos_mostrecent", GaugeMode::MostRecent)?,
                gauge("chaos_livemostrecent", GaugeMode::LiveMostRecent)?,
            ],
            build,
            state: Enum::builder("chaos_state", "h")
                .states(["idle", "busy"])
                .store(store)
                .build()?,
        })
    }

    pub(crate) fn count(&self, page: &mut Page, random: &mut Random, wide: usize) {
        let amount = 1 + random.below(5) as u64;
        let trace = trace_of(char::from(b'a' + random.below(26) as u8));
        let exemplar = [("trace", trace.as_str())];
        match random.below(10) {
            0 | 1 => {
                let op = random.below(OPS);
                let to = page.counted(op) + amount;
                let child = self.ops.handle([op.to_string()]);
                page.around(&[(op, to)], || match amount {
                    1 => child.inc_with_exemplar(&exemplar),
                    _ => child.inc_by(amount),
                });
            }
            2 | 3 if wide > 0 => self.count_wide(page, random.below(wide), amount),
            which @ (4 | 5) => {
                let (histogram, first, sum) = match which {
                    4 => (&self.size, FIRST_BUCKET, SIZE_SUM),
                    _ => (&self.fine, FIRST_FINE, FINE_SUM),
                };
                let bucket = first + BOUNDS.iter().filter(|bound| **bound < amount as f64).count();
                let numbers =
                    [(bucket, page.counted(bucket) + 1), (sum, page.counted(sum) + amount)];
                page.around(&numbers, || histogram.observe_with_exemplar(amount, &exemplar));
            }
            which @ (6 | 7) => {
                let (summary, count, sum) = match which {
                    6 => (&self.wait, WAIT_COUNT, WAIT_SUM),
                    _ => (&self.late, LATE_COUNT, LATE_SUM),
                };
                let numbers = [(count, page.counted(count) + 1), (sum, page.counted(sum) + WAITED)];
                page.around(&numbers, || summary.observe(WAITED));
            }
            8 => {
                let to = page.counted(GAUGE_SUM) + amount;
                page.around(&[(GAUGE_SUM, to)], || self.held.inc_by(amount));
            }
            _ => {
                self.others.iter().for_each(|gauge| gauge.set(amount));
                self.state.state(if amount > 2 { "busy" } else { "idle" }).unwrap();
            }
        }
    }

    /// Its row is made with its first count.
    pub(crate) fn count_wide(&self, page: &mut Page, key: usize, amount: u64) {
        let to = page.counted(FIRST_WIDE + key) + amount;
        page.around(&[(FIRST_WIDE + key, to)], || {
            self.wide.labels([wide_label(key)]).inc_by(amount);
        });
    }

    /// Counts what only one thread of a process may, as the greatest must not fall.
    pub(crate) fn count_most(&self, page: &mut Page) {
        let to = page.counted(GAUGE_MAX) + 1;
        page.around(&[(GAUGE_MAX, to)], || self.most.set(to));
    }

    /// Counts in children that are removed again; nobody else may count in them meanwhile.
    pub(crate) fn come_and_go(&self, page: &mut Page, random: &mut Random) {
        let n = random.below(GONE);
        match random.below(12) {
            0 => page.without([FIRST_GONE + n], || {
                self.gone.remove([n.to_string()]);
            }),
            1 => page.without(FIRST_GONE..FIRST_GONE + GONE, || self.gone.clear()),
            2 => self.build.info([("version", if n == 0 { "1" } else { "2" })]).unwrap(),
            _ => {
                let to = page.counted(FIRST_GONE + n) + 1;
                let count = || self.gone.labels([n.to_string()]).inc();
                page.around(&[(FIRST_GONE + n, to)], || match random.one_in(3) {
                    // Another thread has a row of its own.
                    true => thread::scope(|scope| scope.spawn(count).join().unwrap()),
                    false => count(),
                });
            }
        }
    }

    /// Fails if a number in this process is not what was counted.
    pub(crate) fn assert_counted(&self, page: &Page) {
        for op in 0..OPS {
            let value = self.ops.handle([op.to_string()]).get();
            assert_eq!(value, page.counted(op) as f64, "{op}");
        }
        assert_eq!(self.held.get(), page.counted(GAUGE_SUM) as f64);
        assert_eq!(self.most.get(), page.counted(GAUGE_MAX) as f64);
    }
}

/// Shows others a family that this process alone has; fails if there is no room.
pub(crate) fn publish(store: &MultiprocessStore) -> narthex::Result {
    store.publish(&collector_fn(|scrape| {
        let mut family = GaugeMetricFamily::new("chaos_published", "h")?;
        family.add_metric(NO_LABELS, 1.0)?;
        scrape.family(&family)
    }))
}
