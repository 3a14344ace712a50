//! Fractions that are added in one order before a fold and in another after it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use narthex::for_each_family;
use narthex::multiprocess::{MultiProcessCollector, compact};
use proptest::prelude::*;

/// What happens in a directory of workers.
#[derive(Clone, Debug)]
enum Step {
    /// A worker counts; the first time it comes to life.
    Count(usize, f64),
    /// A worker dies, and another one takes its place.
    Die(usize),
    Fold,
}

/// The series of each worker: a counter, and the sums of a histogram and a summary.
const SERIES: [(&str, &str, &str, f64); 3] = [
    ("counter", "c", "c_total", 1.0),
    ("histogram", "h", "h_sum", 1e-3),
    ("summary", "s", "s_sum", 1e6),
];

/// The files of living and dead workers, which a test keeps as processes would.
struct Pool<'a> {
    dir: &'a Path,
    /// By the name of the identifier: the order in which files are merged.
    workers: BTreeMap<String, f64>,
    places: Vec<String>,
    born: u64,
}

impl<'a> Pool<'a> {
    fn new(dir: &'a Path, places: usize) -> Self {
        let mut pool = Self { dir, workers: BTreeMap::new(), places: Vec::new(), born: 0 };
        pool.places = (0..places).map(|_| pool.name()).collect();
        pool
    }

    /// A number of a process is as good as any other.
    fn name(&mut self) -> String {
        self.born += 1;
        format!("{}-x", 1 + self.born.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 100_000)
    }

    fn count(&mut self, place: usize, amount: f64) {
        let name = &self.places[place];
        let value = self.workers.entry(name.clone()).or_default();
        *value += amount;
        for (kind, metric, sample, unit) in SERIES {
            let key = format!(r#"["{metric}", "{sample}", {{}}, ""]"#);
            write(&self.dir.join(format!("{kind}_{name}.db")), &key, *value * unit);
        }
    }

    fn die(&mut self, place: usize) {
        let name = self.name();
        let dead = std::mem::replace(&mut self.places[place], name);
        // A lock that nobody holds.
        fs::write(self.dir.join(format!("{dead}.lock")), "").unwrap();
    }

    /// What Python's reader comes to, as long as nothing is folded.
    fn in_order(&self, unit: f64) -> f64 {
        self.workers.values().fold(0.0, |sum, value| sum + value * unit)
    }
}

/// Replaces a file by one with an entry, as large as it would be.
fn write(path: &Path, key: &str, value: f64) {
    let mut bytes = vec![0; 8];
    bytes.extend((key.len() as i32).to_ne_bytes());
    bytes.extend(key.as_bytes());
    bytes.resize(bytes.len() + 8 - bytes.len() % 8, b' ');
    bytes.extend(value.to_ne_bytes());
    bytes.extend(0f64.to_ne_bytes());
    let used = bytes.len() as i32;
    bytes[..4].copy_from_slice(&used.to_ne_bytes());
    fs::write(path, bytes).unwrap();
}

fn read(merged: &MultiProcessCollector) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for_each_family(merged, &mut |family| {
        family.for_each_sample(&mut |sample| {
            samples.insert(sample.name(), sample.value());
        });
        Ok(())
    })
    .unwrap();
    samples
}

/// Amounts of which most are no sums of a few powers of two.
fn amounts() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..1.0, (1_u32..1000).prop_map(|n| f64::from(n) / 10.0), 1e-9..1e9]
}

proptest! {
    #[test]
    fn no_sum_steps_back_whatever_is_folded_when(
        steps in proptest::collection::vec(
            prop_oneof![
                6 => (0..6_usize, amounts()).prop_map(|(place, by)| Step::Count(place, by)),
                2 => (0..6_usize).prop_map(Step::Die),
                1 => Just(Step::Fold),
            ],
            1..60,
        ),
    ) {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let merged = MultiProcessCollector::new(dir.path()).unwrap().folding(false);
        let mut pool = Pool::new(dir.path(), 6);
        let mut before = BTreeMap::new();
        let mut folded = false;
        for step in steps {
            match step {
                Step::Count(place, amount) => pool.count(place, amount),
                Step::Die(place) => pool.die(place),
                Step::Fold => folded |= compact(dir.path()).unwrap().processes() > 0,
            }
            let now = read(&merged);
            for (_, _, sample, unit) in SERIES {
                let (Some(now), sum) = (now.get(sample), pool.in_order(unit)) else { continue };
                let before = before.get(sample).copied().unwrap_or(0.0);
                prop_assert!(*now >= before, "{sample}: {now} after {before}");
                // Six workers, whatever they were replaced by, are off in the last digits alone.
                prop_assert!((now - sum).abs() <= sum * 1e-14, "{sample}: {now}, not {sum}");
                prop_assert!(folded || *now == sum, "{sample}: {now}, not {sum}");
            }
            before = now;
        }
    }
}

#[test]
fn sums_that_need_no_rounding_are_folded_to_the_last_digit() {
    let dir = tempfile::tempdir().unwrap();
    let merged = MultiProcessCollector::new(dir.path()).unwrap().folding(false);
    let mut pool = Pool::new(dir.path(), 40);
    // Eighths: every sum of them is a number.
    for place in 0..40 {
        pool.count(place, place as f64 / 8.0);
        if place % 2 == 0 {
            pool.die(place);
        }
    }
    compact(dir.path()).unwrap();
    // 39 * 40 / 2 eighths.
    assert_eq!(read(&merged)["c_total"], 97.5);
}
