//! Merging what processes have written, Python's among them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use narthex::for_each_family;
use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore, mark_process_dead};
use serde_json::Value;

/// A family as the corpus tells of it: name, type, help, and samples in order.
type Told = (String, String, String, Vec<(String, BTreeMap<String, String>, String)>);

fn cases() -> Vec<PathBuf> {
    let shared = match std::env::var_os("NARTHEX_SHARED") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let Ok(cases) = fs::read_dir(shared.join("multiproc")) else { return Vec::new() };
    let mut cases: Vec<_> =
        cases.map(|case| case.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// The form that both a number of ours and one of Python's `repr` have.
fn canonical(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { format!("{value:?}") }
}

fn told(collector: &MultiProcessCollector) -> Vec<Told> {
    let mut families = Vec::new();
    for_each_family(collector, &mut |family| {
        let desc = family.desc();
        let mut samples = Vec::new();
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels().iter().map(|(n, v)| (n.to_owned(), v.into_owned()));
            samples.push((sample.name(), labels.collect(), canonical(sample.value())));
            assert_eq!(sample.timestamp(), None);
            assert_eq!(sample.start(), None);
        });
        assert_eq!(desc.unit(), None);
        families.push((
            desc.name().to_owned(),
            desc.metric_type().to_string(),
            desc.help().to_owned(),
            samples,
        ));
        Ok(())
    })
    .unwrap();
    families
}

fn expected(families: &Value) -> Vec<Told> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let family = |family: &Value| {
        let samples = family["samples"].as_array().unwrap().iter().map(|sample| {
            let labels = sample["labels"].as_object().unwrap();
            (
                text(&sample["name"]),
                labels.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
                canonical(text(&sample["value"]).parse().unwrap()),
            )
        });
        (text(&family["name"]), text(&family["type"]), text(&family["help"]), samples.collect())
    };
    families.as_array().unwrap().iter().map(family).collect()
}

fn copy(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn files_of_python_are_merged_as_python_merges_them() {
    for case in cases() {
        let expectation = json(&case.join("expected.json"));
        if expectation["error"] == true {
            continue;
        }
        let merged = MultiProcessCollector::new(case.join("db")).unwrap();
        assert_eq!(told(&merged), expected(&expectation["families"]), "{}", case.display());
        assert_eq!(merged.damaged_files(), []);
        let raw = merged.without_accumulation();
        assert_eq!(told(&raw), expected(&expectation["no_accumulate"]), "{}", case.display());
    }
}

#[test]
fn a_dead_process_of_python_is_forgotten_as_python_forgets_it() {
    for case in cases() {
        for dead in json(&case.join("ops.json"))["dead"].as_array().unwrap() {
            let dead = dead.as_str().unwrap();
            let after = case.join(format!("after_dead_{dead}"));
            let dir = copy(&case.join("db"));
            let before = fs::read_dir(dir.path()).unwrap().count();
            let removed = mark_process_dead(dir.path(), dead).unwrap();
            let mut remaining: Vec<_> = fs::read_dir(dir.path())
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            remaining.sort();
            assert_eq!(removed, before - remaining.len());
            assert_eq!(json(&after.join("files.json"))["remaining_files"], Value::from(remaining));
            let merged = MultiProcessCollector::new(dir.path()).unwrap();
            let expectation = json(&after.join("expected.json"));
            assert_eq!(told(&merged), expected(&expectation["families"]), "{}", after.display());
            assert_eq!(mark_process_dead(dir.path(), dead).unwrap(), 0);
        }
    }
}
