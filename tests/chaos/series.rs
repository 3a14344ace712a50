//! The series that every worker counts, and what a scrape shows of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use narthex::exposition::text;
use narthex::multiprocess::MultiProcessCollector;

pub(crate) const OPS: usize = 8;
/// So many long keys that their file outgrows its first 64 KiB.
pub(crate) const WIDE: usize = 320;
pub(crate) const BOUNDS: [f64; 3] = [1.0, 2.0, 4.0];

pub(crate) const FIRST_WIDE: usize = OPS;
/// The buckets, and the last one without a bound.
pub(crate) const FIRST_BUCKET: usize = FIRST_WIDE + WIDE;
pub(crate) const SIZE_SUM: usize = FIRST_BUCKET + BOUNDS.len() + 1;
pub(crate) const WAIT_COUNT: usize = SIZE_SUM + 1;
pub(crate) const WAIT_SUM: usize = WAIT_COUNT + 1;
pub(crate) const GAUGE_SUM: usize = WAIT_SUM + 1;
/// The one series that workers do not add up to.
pub(crate) const GAUGE_MAX: usize = GAUGE_SUM + 1;
pub(crate) const SERIES: usize = GAUGE_MAX + 1;

/// How many live: of mode `livesum`, so that it is no count.
pub(crate) const ALIVE: &str = "chaos_alive";

pub(crate) fn wide_label(place: usize) -> String {
    format!("{place:0>200}")
}

/// How the text calls each series.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: Vec<String> =
        (0..OPS).map(|op| format!("chaos_ops_total{{op=\"{op}\"}}")).collect();
    names.extend((0..WIDE).map(|at| format!("chaos_wide_total{{key=\"{}\"}}", wide_label(at))));
    for le in ["1.0", "2.0", "4.0", "+Inf"] {
        names.push(format!("chaos_size_bucket{{le=\"{le}\"}}"));
    }
    for name in ["chaos_size_sum", "chaos_wait_count", "chaos_wait_sum", "chaos_held", "chaos_most"]
    {
        names.push(name.to_owned());
    }
    names
});

/// One scrape.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// Of each series; buckets are not cumulative.
    pub(crate) counts: Vec<u64>,
    /// All samples as they are shown.
    pub(crate) samples: BTreeMap<String, f64>,
}

impl Reading {
    /// Nothing in the directory may be damaged.
    pub(crate) fn sound(collector: &MultiProcessCollector) -> Self {
        let reading = Self::parse(&text::encode(collector).unwrap());
        assert_eq!(collector.damaged_files(), []);
        assert_eq!(collector.skipped_entries(), 0);
        reading
    }

    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples: BTreeMap<String, f64> = lines
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').unwrap();
                (name.to_owned(), value.parse().unwrap())
            })
            .collect();
        let mut counts: Vec<u64> = NAMES
            .iter()
            .map(|name| {
                let value = samples.get(name).copied().unwrap_or(0.0);
                assert!(value >= 0.0 && value.fract() == 0.0, "{name} is {value}");
                value as u64
            })
            .collect();
        let last = FIRST_BUCKET + BOUNDS.len();
        let count = samples.get("chaos_size_count").copied().unwrap_or(0.0);
        assert_eq!(count, counts[last] as f64, "the count is not that of all buckets");
        for bucket in (FIRST_BUCKET..last).rev() {
            let below = counts[bucket];
            assert!(counts[bucket + 1] >= below, "{} is above the next", NAMES[bucket]);
            counts[bucket + 1] -= below;
        }
        Self { counts, samples }
    }

    pub(crate) fn sample(&self, name: &str) -> Option<f64> {
        self.samples.get(name).copied()
    }

    /// Fails if a series is less than what the same reader saw before.
    pub(crate) fn assert_not_before(&self, earlier: &Self) {
        for ((name, now), before) in NAMES.iter().zip(&self.counts).zip(&earlier.counts) {
            assert!(now >= before, "{name} fell from {before} to {now}");
        }
    }

    /// Fails if a series is outside of what the workers know.
    pub(crate) fn assert_within(&self, least: &[u64], most: &[u64]) {
        for (place, name) in NAMES.iter().enumerate() {
            let (least, seen, most) = (least[place], self.counts[place], most[place]);
            assert!(least <= seen && seen <= most, "{name} is {seen}, not {least} to {most}");
        }
    }
}
