//! Native histograms that several processes share in files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use narthex::exposition;
use narthex::model::NativeHistogram;
use narthex::multiprocess::inspect::inspect_dir;
use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore, compact};
use narthex::{Collector, Histogram, NativeOptions, for_each_family};

/// The variable that makes a worker of the test [`a_worker`]: its directory.
const WORKER_DIR: &str = "NARTHEX_NATIVE_FILES_DIR";

fn store(dir: &Path, identifier: &str) -> MultiprocessStore {
    MultiprocessStore::builder(dir).identifier(identifier).open().unwrap()
}

/// The native histograms of a family by the values of their labels, each with its count and sum.
fn natives(
    collector: &dyn Collector,
    name: &str,
) -> BTreeMap<String, (Option<NativeHistogram>, f64, f64)> {
    let mut told = BTreeMap::new();
    for_each_family(collector, &mut |family| {
        if family.desc().name() != name {
            return Ok(());
        }
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels();
            let values: Vec<_> =
                labels.iter().filter(|(n, _)| *n != "le").map(|(_, v)| v.into_owned()).collect();
            let row = told.entry(values.join(",")).or_insert((None, 0.0, 0.0));
            if sample.is_named(&format!("{name}_count")) {
                row.1 = sample.value();
            }
            if sample.is_named(&format!("{name}_sum")) {
                row.2 = sample.value();
            }
        });
        family.for_each_chunk(&mut |chunk| {
            let rows: Vec<_> = told.keys().cloned().collect();
            for (row, native) in chunk.natives() {
                // Each of these tests has its series in the order of their labels.
                told.get_mut(&rows[row]).unwrap().0 = Some(native.to_owned());
            }
        });
        Ok(())
    })
    .unwrap();
    told
}

fn merged(dir: &Path) -> MultiProcessCollector {
    MultiProcessCollector::new(dir).unwrap().folding(false)
}

fn only(collector: &dyn Collector) -> (Option<NativeHistogram>, f64, f64) {
    natives(collector, "h").remove("").unwrap()
}

fn histogram(options: NativeOptions, store: Option<&MultiprocessStore>) -> Histogram {
    let builder = Histogram::builder("h", "h").native(options);
    match store {
        Some(store) => builder.store(store).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

/// Where a word stands first in a side file.
fn place_of(word: [u8; 8], file: &[u8]) -> usize {
    8 * file.chunks(8).position(|bytes| bytes == word).unwrap()
}

/// The merged samples as text, without what is told of processes.
fn text(dir: &Path) -> String {
    let mut text = exposition::text::encode(&merged(dir)).unwrap();
    text.truncate(text.find("# HELP narthex_multiprocess_").unwrap_or(text.len()));
    text
}

/// What Python's client makes of the directory: that looks at nothing but cells.
fn text_of_cells(dir: &Path) -> String {
    let cells = tempfile::tempdir().unwrap();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "db") {
            fs::copy(&path, cells.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    text(cells.path())
}

const VALUES: [f64; 12] =
    [0.0, -0.0, 1e-40, 0.25, 0.26, -0.25, 3.0, 1e9, f64::INFINITY, f64::NAN, -1e-300, 7.5];

#[test]
fn buckets_of_all_processes_are_those_that_one_would_have() {
    let dir = tempfile::tempdir().unwrap();
    let alone = histogram(NativeOptions::new(), None);
    let stores = ["a", "b", "c"].map(|name| store(dir.path(), name));
    let shared = [0, 1, 2].map(|place| histogram(NativeOptions::new(), Some(&stores[place])));
    for (place, value) in VALUES.into_iter().cycle().take(100).enumerate() {
        alone.observe(value);
        shared[place % 3].observe(value);
    }
    let (expected, count, _) = only(&alone);
    let (native, merged_count, sum) = only(&merged(dir.path()));
    assert_eq!((native, merged_count), (expected.clone(), count));
    assert!(sum.is_nan());
    // Each shows its own: every third of 100.
    assert_eq!(shared[0].snapshot().count(), 34.0);
    assert_eq!(shared.map(|shared| shared.snapshot().count()).iter().sum::<f64>(), 100.0);

    // The same when the dead are folded: one, and then the others.
    let [first, others @ ..] = stores;
    drop(first);
    assert_eq!(compact(dir.path()).unwrap().processes(), 1);
    assert_eq!(only(&merged(dir.path())).0, expected);
    drop(others);
    assert_eq!(compact(dir.path()).unwrap().processes(), 2);
    let (native, merged_count, _) = only(&merged(dir.path()));
    assert_eq!((native, merged_count), (expected, count));
}

#[test]
fn the_limit_holds_for_what_all_have_together() {
    let dir = tempfile::tempdir().unwrap();
    let options = NativeOptions::new().schema(3).max_buckets(6);
    let alone = histogram(options, None);
    let stores = ["a", "b"].map(|name| store(dir.path(), name));
    let shared = [0, 1].map(|place| histogram(options, Some(&stores[place])));
    for place in 0..40 {
        // Of the first one 2^-4 to 2^4 in small steps; all of the other are close together.
        let values = [((f64::from(place) - 20.0) / 5.0).exp2(), 1000.0 + f64::from(place)];
        for (shared, value) in shared.iter().zip(values) {
            shared.observe(value);
            alone.observe(value);
        }
    }
    assert_eq!(shared[1].snapshot().native().unwrap().schema(), 3);
    let (expected, ..) = only(&alone);
    assert_eq!(only(&merged(dir.path())).0, expected);
    drop((stores, shared));
    assert_eq!(compact(dir.path()).unwrap().processes(), 2);
    assert_eq!(only(&merged(dir.path())).0, expected);
}

#[test]
fn the_zero_bucket_is_as_wide_as_that_of_any_process() {
    let dir = tempfile::tempdir().unwrap();
    let options = NativeOptions::new().schema(0).max_buckets(2).max_zero_threshold(1.0);
    let stores = ["a", "b"].map(|name| store(dir.path(), name));
    let [first, second] = [0, 1].map(|place| histogram(options, Some(&stores[place])));
    let zero = 1.0 / f64::from(2).powi(128);
    // The buckets 0, 2 and 3 end with 1, 4 and 8: with the third, the first joins the zero bucket.
    for value in [0.6, 3.0, 5.0] {
        first.observe(value);
    }
    let widened = |count| NativeHistogram::new(0).unwrap().zero(1.0, count).unwrap();
    let expected = |count, buckets: [(i32, f64); 2]| widened(count).positive(buckets).unwrap();
    assert_eq!(first.snapshot().native().unwrap().zero_threshold(), 1.0);
    assert_eq!(only(&merged(dir.path())).0, Some(expected(1.0, [(2, 1.0), (3, 1.0)])));
    second.observe(0.8);
    second.observe(4.0);
    assert_eq!(second.snapshot().native().unwrap().zero_threshold(), zero);
    assert_eq!(only(&merged(dir.path())).0, Some(expected(2.0, [(2, 2.0), (3, 1.0)])));
    first.observe(-0.9);
    assert_eq!(only(&merged(dir.path())).0, Some(expected(3.0, [(2, 2.0), (3, 1.0)])));
    drop((stores, first, second));
    assert_eq!(compact(dir.path()).unwrap().processes(), 2);
    assert_eq!(only(&merged(dir.path())).0, Some(expected(3.0, [(2, 2.0), (3, 1.0)])));
}

#[test]
fn given_buckets_have_what_the_others_have_and_python_sees_them_alone() {
    let (dir, plain_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let observe_all = |dir: &Path, is_native: bool| {
        let stores = ["a", "b"].map(|name| store(dir, name));
        for store in &stores {
            let builder = Histogram::builder("h", "h").buckets([0.0, 1.0, 5.0]).labels(["l"]);
            let builder = match is_native {
                true => builder.native(NativeOptions::new()),
                false => builder,
            };
            let sizes = builder.store(store).build().unwrap();
            for value in [-3.0, 0.5, 0.5, 1.0, 4.0, 100.0] {
                sizes.labels(["a"]).observe(value);
                sizes.labels(["b"]).observe_n(value, 2);
            }
            sizes.labels(["c"]);
        }
        stores
    };
    let (stores, plain) = (observe_all(dir.path(), true), observe_all(plain_dir.path(), false));
    for _ in 0..2 {
        assert_eq!(text(dir.path()), text(plain_dir.path()));
        assert_eq!(text_of_cells(dir.path()), text_of_cells(plain_dir.path()));
        let told = natives(&merged(dir.path()), "h");
        let expected = |n: f64| {
            // Of eight buckets to a power of two: 3 is in the 13th, 1/2 ends the one at -8, 100
            // is in the 54th.
            let native = NativeHistogram::new(3).unwrap().zero(2_f64.powi(-128), 0.0).unwrap();
            let positive = [(-8, 4.0 * n), (0, 2.0 * n), (16, 2.0 * n), (54, 2.0 * n)];
            native.negative([(13, 2.0 * n)]).unwrap().positive(positive).unwrap()
        };
        assert_eq!(told["a"], (Some(expected(1.0)), 12.0, 206.0));
        assert_eq!(told["b"], (Some(expected(2.0)), 24.0, 412.0));
        assert_eq!(told["c"].1, 0.0);
        compact(dir.path()).unwrap();
        compact(plain_dir.path()).unwrap();
    }
    drop((stores, plain));
    assert_eq!(compact(dir.path()).unwrap().processes(), 2);
    assert_eq!(compact(plain_dir.path()).unwrap().processes(), 2);
    assert_eq!(text(dir.path()), text(plain_dir.path()));
    assert_eq!(text_of_cells(dir.path()), text_of_cells(plain_dir.path()));
}

#[test]
fn buckets_go_with_their_series() {
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    let builder = Histogram::builder("h", "h").native(NativeOptions::new().schema(0));
    let sizes = builder.labels(["l"]).store(&a).build().unwrap();
    sizes.labels(["x"]).observe_n(3.0, 4);
    sizes.labels(["y"]).observe(3.0);
    assert!(sizes.remove(["x"]));
    let told = natives(&merged(dir.path()), "h");
    assert_eq!(told.keys().collect::<Vec<_>>(), ["y"]);
    // It comes back at nothing.
    sizes.labels(["x"]).observe(10.0);
    assert!(sizes.remove(["y"]));
    let only_ten = NativeHistogram::new(0).unwrap().zero(2_f64.powi(-128), 0.0).unwrap();
    let only_ten = only_ten.positive([(4, 1.0)]).unwrap();
    for _ in 0..2 {
        let told = natives(&merged(dir.path()), "h");
        assert_eq!(told, [("x".to_owned(), (Some(only_ten.clone()), 1.0, 10.0))].into());
        fs::write(dir.path().join("a.dead"), "").unwrap();
    }
    drop((a, sizes));
    assert_eq!(compact(dir.path()).unwrap().processes(), 1);
    assert_eq!(natives(&merged(dir.path()), "h")["x"], (Some(only_ten), 1.0, 10.0));
}

#[test]
fn with_a_process_that_has_none_the_other_buckets_are_shown_alone() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| store(dir.path(), name));
    let native = histogram(NativeOptions::new(), Some(&a));
    let older = Histogram::builder("h", "h").buckets([1.0]).store(&b).build().unwrap();
    native.observe(3.0);
    assert!(only(&merged(dir.path())).0.is_some());
    older.observe(0.5);
    older.observe(2.0);
    assert_eq!(only(&merged(dir.path())), (None, 3.0, 5.5));
    drop((a, native));
    compact(dir.path()).unwrap();
    assert_eq!(only(&merged(dir.path())), (None, 3.0, 5.5));
    drop((b, older));
    compact(dir.path()).unwrap();
    assert_eq!(only(&merged(dir.path())), (None, 3.0, 5.5));
    // What comes later is added.
    let c = store(dir.path(), "c");
    histogram(NativeOptions::new(), Some(&c)).observe(1.0);
    assert_eq!(only(&merged(dir.path())), (None, 4.0, 6.5));
}

#[test]
fn two_metrics_of_one_name_in_one_process_are_added_up() {
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    let both = [0, 1].map(|_| histogram(NativeOptions::new(), Some(&a)));
    both[0].observe(3.0);
    both[1].observe_n(3.0, 2);
    let (native, count, sum) = only(&merged(dir.path()));
    assert_eq!((count, sum), (3.0, 9.0));
    assert_eq!(native.unwrap(), {
        let native = NativeHistogram::new(3).unwrap().zero(2_f64.powi(-128), 0.0).unwrap();
        native.positive([(13, 3.0)]).unwrap()
    });
    // One without exponential buckets has rows of its own under the same keys.
    let plain = Histogram::builder("h", "h").buckets([9.0]).store(&a).build().unwrap();
    plain.observe(3.0);
    assert_eq!(only(&merged(dir.path())), (None, 4.0, 12.0));
}

#[test]
fn buckets_that_find_no_room_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("web.narthex");
    let web = store(dir.path(), "web");
    fs::create_dir(&blocked).unwrap();
    let sizes = histogram(NativeOptions::new(), Some(&web));
    for size in 1..=40 {
        sizes.observe(size);
    }
    // The other buckets have found room, and all count on in this process.
    assert_eq!(only(&merged(dir.path())), (None, 40.0, 820.0));
    assert_eq!((web.unfiled(), web.file_waiting()), (1, 1));
    assert_eq!(sizes.snapshot().native().unwrap().positive().map(|(_, n)| n).sum::<f64>(), 40.0);
    fs::remove_dir(&blocked).unwrap();
    assert_eq!((web.file_waiting(), web.unfiled()), (0, 0));
    // 1 to 40 are in more buckets than one entry has room for, so that it took several: the first
    // one says how long the file must be to have all.
    let bytes = fs::read(&blocked).unwrap();
    let used: [u8; 4] = bytes[12..16].try_into().unwrap();
    let name = [1, 3, 0, 0, 0, 0, 0, 0];
    let at = place_of(name, &bytes) - 8;
    assert_eq!(bytes[at..at + 8], [&used[..], &[0; 4]].concat());
    let (expected, ..) = only(&sizes);
    assert_eq!(only(&merged(dir.path())), (expected, 40.0, 820.0));
    sizes.observe(1e9);
    assert_eq!(only(&merged(dir.path())), only(&sizes));
}

#[test]
fn an_entry_that_is_damaged_costs_no_observation() {
    let dir = tempfile::tempdir().unwrap();
    let stores = ["a", "b"].map(|name| store(dir.path(), name));
    for store in &stores {
        let builder = Histogram::builder("h", "h").native(NativeOptions::new());
        let sizes = builder.labels(["l"]).store(store).build().unwrap();
        sizes.labels(["x"]).observe_n(3.0, 2);
        sizes.labels(["y"]).observe(3.0);
    }
    let path = dir.path().join("a.narthex");
    let sound = fs::read(&path).unwrap();
    // The name of the bucket of 3.0, the 13th of schema 3, as the page of the format spells it.
    let name = [1, 3, 0, 0, 13, 0, 0, 0];
    let at = place_of(name, &sound);
    let whole = natives(&merged(dir.path()), "h");
    assert!(whole["x"].0.is_some() && whole["y"].0.is_some());
    // No side, a schema that is none, a bucket that is none, an index that no value has; before
    // it, a zero bucket below zero, and a resolution that is none.
    for (place, byte) in [(0, 9), (1, 77), (2, 1), (7, 100), (-25, 255), (-20, 99)] {
        let mut damaged = sound.clone();
        damaged[at.wrapping_add_signed(place)] = byte;
        fs::write(&path, &damaged).unwrap();
        let collector = merged(dir.path());
        let told = natives(&collector, "h");
        let (native, rest) = (told["y"].0.clone(), (told["x"].1, told["x"].2));
        assert_eq!(rest, (4.0, 12.0));
        // The rows that are told of are those of the other series.
        assert!(native.is_some() || told["x"].0.is_some());
        assert!(native != told["x"].0 || told["y"].1 == 2.0);
        let files = collector.damaged_files();
        assert_eq!((files.len(), files[0].reason()), (1, "value"));
        assert!(files[0].path().ends_with("a.narthex"));
    }
    // Without its end nothing is known of what stands there.
    fs::write(&path, &sound[..at]).unwrap();
    let told = natives(&merged(dir.path()), "h");
    assert_eq!([told["x"].1, told["y"].1], [4.0, 2.0]);
    fs::write(&path, &sound).unwrap();
    assert_eq!(natives(&merged(dir.path()), "h"), whole);
    assert_eq!(inspect_dir(dir.path()).unwrap().files().len(), 2);
}

#[test]
fn what_stands_behind_the_part_that_was_read_is_not_taken_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    histogram(NativeOptions::new(), Some(&a)).observe_n(3.0, 2);
    let path = dir.path().join("a.narthex");
    let mut bytes = fs::read(&path).unwrap();
    let used = u32::from_le_bytes(bytes[12..16].try_into().unwrap());
    // The name of the bucket of 3.0 is the first one, and before that comes the word of the page
    // of the format that says how long the file must be: 0, as nothing has waited for room.
    let name = [1, 3, 0, 0, 13, 0, 0, 0];
    let at = place_of(name, &bytes) - 8;
    assert_eq!(bytes[at..at + 8], [0; 8]);
    for (word, is_whole) in [(0, true), (1, false), (used, true), (used + 1, false)] {
        bytes[at..at + 8].copy_from_slice(&u64::from(word).to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let (native, count, sum) = only(&merged(dir.path()));
        assert_eq!((native.is_some(), count, sum), (is_whole, 2.0, 6.0), "{word}");
        assert_eq!(merged(dir.path()).damaged_files(), []);
    }
}

#[test]
fn counts_beyond_all_bounds_are_shown_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let a = store(dir.path(), "a");
    let sizes = histogram(NativeOptions::new().schema(3), Some(&a));
    [3.0, 4.0, 0.0, -0.0].into_iter().for_each(|size| sizes.observe(size));
    let path = dir.path().join("a.narthex");
    let mut bytes = fs::read(&path).unwrap();
    // Of 3.0, of 4.0, which ends the bucket 16, and of zero.
    for name in [[1, 3, 0, 0, 13, 0, 0, 0], [1, 3, 0, 0, 16, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0]] {
        let at = place_of(name, &bytes) + 8;
        bytes[at..at + 8].fill(255);
    }
    fs::write(&path, &bytes).unwrap();
    let most = 2_f64.powi(64);
    let zero = 2_f64.powi(-128);
    let expected = NativeHistogram::new(3).unwrap().zero(zero, most).unwrap();
    let expected = Some(expected.positive([(13, most), (16, most)]).unwrap());
    let shown = || only(&merged(dir.path()));
    assert_eq!((shown().0, shown().1), (expected.clone(), 3.0 * most));
    // The process has that file mapped. It adds up whole numbers, and stops where there are no more.
    assert_eq!(sizes.snapshot().count(), most);
    drop((a, sizes));
    assert_eq!(compact(dir.path()).unwrap().processes(), 1);
    assert_eq!((shown().0, shown().1), (expected, 3.0 * most));
}

/// What a worker does until it is killed.
#[test]
fn a_worker() {
    let Some(dir) = std::env::var_os(WORKER_DIR) else { return };
    let store = MultiprocessStore::open(&dir).unwrap();
    let builder = Histogram::builder("h", "h").buckets([10.0]).native(NativeOptions::new());
    let sizes = builder.store(&store).build().unwrap();
    let ready = Path::new(&dir).join("ready");
    for size in 1..u64::MAX {
        sizes.observe(size % 1000);
        if size == 5000 {
            fs::write(&ready, "").unwrap();
        }
    }
}

#[test]
fn a_kill_loses_no_observation() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready");
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "native_files::a_worker"])
        .env(WORKER_DIR, dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !ready.exists() {
        assert!(worker.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(1));
    }
    let total = |native: &NativeHistogram| {
        let mut family = narthex::model::HistogramMetricFamily::new("x", "x").unwrap();
        family.add_native(narthex::model::NO_LABELS, 0.0, 0.0, native).unwrap();
        let mut total = 0.0;
        use narthex::model::Family;
        family.for_each_chunk(&mut |chunk| {
            for (_, native) in chunk.natives() {
                total += native.zero_count() + native.positive().counts().iter().sum::<f64>();
            }
        });
        total
    };
    // While it counts, what is shown fits together, and never falls.
    let mut before = 5000.0;
    for _ in 0..20 {
        let (native, count, _) = only(&merged(dir.path()));
        assert_eq!(total(&native.unwrap()), count);
        assert!(count >= before, "{count} after {before}");
        before = count;
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
    let last = only(&merged(dir.path()));
    assert!(last.1 >= before);
    assert_eq!(total(last.0.as_ref().unwrap()), last.1);
    assert_eq!(compact(dir.path()).unwrap().processes(), 1);
    assert_eq!(only(&merged(dir.path())), last);
}
