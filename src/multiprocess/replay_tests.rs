//! Replays programs that Python's client ran, and compares the files to the byte.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

use super::file_kind::FileKind;
use super::mode::GaugeMode;
use super::store::MultiprocessStore;
use crate::cell::shared::SharedCell;
use crate::model::{MetricType, full_name};

/// Python's default buckets.
const BUCKETS: [f64; 15] = [
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
    f64::INFINITY,
];

/// A metric as a program defines it.
struct Defined {
    kind: FileKind,
    name: String,
    help: String,
    label_names: Vec<String>,
    bounds: Vec<f64>,
    children: HashMap<Vec<String>, Vec<SharedCell>>,
}

impl Defined {
    fn new(define: &Value) -> Self {
        let text = |key: &str| define[key].as_str().unwrap_or_default();
        let mode = GaugeMode::parse(define["multiprocess_mode"].as_str().unwrap_or("all")).unwrap();
        let metric_type = MetricType::parse(text("type")).unwrap();
        let name = full_name(
            metric_type,
            text("name"),
            text("namespace"),
            text("subsystem"),
            text("unit"),
        );
        let mut bounds = match define["buckets"].as_array() {
            Some(bounds) => bounds.iter().map(number).collect(),
            None => BUCKETS.to_vec(),
        };
        if bounds.last() != Some(&f64::INFINITY) {
            bounds.push(f64::INFINITY);
        }
        Self {
            kind: match metric_type {
                MetricType::Counter => FileKind::Counter,
                MetricType::Gauge => FileKind::Gauge(mode),
                MetricType::Histogram => FileKind::Histogram,
                MetricType::Summary => FileKind::Summary,
                other => panic!("no file holds {other}"),
            },
            name: name.unwrap().as_str().to_owned(),
            help: text("documentation").to_owned(),
            label_names: strings(&define["labelnames"]),
            bounds,
            children: HashMap::new(),
        }
    }

    fn child(&mut self, store: &MultiprocessStore, values: &[String]) -> &[SharedCell] {
        let Self { kind, name, help, label_names, bounds, .. } = self;
        self.children.entry(values.to_vec()).or_insert_with(|| {
            let labels: Vec<(&str, &str)> =
                label_names.iter().zip(values).map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let key = |suffix: &str, extra: Option<(&str, &str)>| {
                let labels: Vec<_> = labels.iter().copied().chain(extra).collect();
                super::key::write(name, &format!("{name}{suffix}"), &labels, help)
            };
            let keys = match kind {
                FileKind::Counter => vec![key("_total", None)],
                FileKind::Gauge(_) => vec![key("", None)],
                FileKind::Summary => vec![key("_count", None), key("_sum", None)],
                FileKind::Histogram => {
                    let mut keys = vec![key("_sum", None)];
                    for bound in bounds {
                        let le = crate::model::format_f64(*bound);
                        keys.push(key("_bucket", Some(("le", &le))));
                    }
                    keys
                }
            };
            store.cells(*kind, keys)
        })
    }

    fn run(&mut self, store: &MultiprocessStore, step: &Value) {
        let (kind, bounds) = (self.kind, self.bounds.clone());
        let cells = self.child(store, &strings(&step["labels"]));
        let amount = step["args"].get(0).map_or(1.0, number);
        match (step["op"].as_str().unwrap(), kind) {
            ("touch", _) => {}
            ("reset", _) => cells[0].set(0.0, None),
            ("inc", _) => cells[0].add(amount),
            ("dec", _) => cells[0].add(-amount),
            ("set", FileKind::Gauge(mode)) if mode.is_most_recent() => {
                cells[0].set(amount, step["time"].as_f64());
            }
            ("set", _) => cells[0].set(amount, None),
            ("observe", FileKind::Summary) => {
                cells[0].add(1.0);
                cells[1].add(amount);
            }
            ("observe", _) => {
                cells[0].add(amount);
                if let Some(place) = bounds.iter().position(|&bound| amount <= bound) {
                    cells[1 + place].add(1.0);
                }
            }
            (op, _) => panic!("{op:?} is no operation"),
        }
    }
}

/// A process of a program.
struct Worker {
    store: MultiprocessStore,
    metrics: HashMap<String, Defined>,
}

impl Worker {
    fn new(dir: &Path, identifier: &str) -> Self {
        let store = MultiprocessStore::builder(dir).identifier(identifier).open().unwrap();
        Self { store, metrics: HashMap::new() }
    }

    fn define(&mut self, define: &Value) {
        let id = define["id"].as_str().or(define["name"].as_str()).unwrap();
        let mut metric = Defined::new(define);
        if metric.label_names.is_empty() {
            metric.child(&self.store, &[]);
        }
        self.metrics.insert(id.to_owned(), metric);
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn shared() -> PathBuf {
    match env::var_os("NARTHEX_SHARED") {
        Some(dir) => dir.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The files of a directory by name.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn files_are_those_of_python_to_the_byte() {
    let Ok(cases) = fs::read_dir(shared().join("multiproc")) else { return };
    let mut replayed = 0;
    for case in cases.map(|case| case.unwrap().path()).filter(|path| path.is_dir()) {
        let ops = json(&case.join("ops.json"));
        let program = ops["program"].as_array().unwrap();
        let name = ops["case"].as_str().unwrap();
        // Identifiers that are refused, files changed by hand, and a fork with live metrics.
        let plain = program.iter().all(|step| match step["worker"].as_str() {
            Some(identifier) => !identifier.contains(['_', '.']),
            None => step["forkable_worker"].is_null(),
        });
        let by_hand = name.split('_').next().and_then(|n| n.parse::<u32>().ok()) >= Some(23);
        if !plain || by_hand {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut worker = None;
        for step in program {
            if let Some(identifier) = step["worker"].as_str() {
                worker = Some(Worker::new(dir.path(), identifier));
                continue;
            }
            let worker: &mut Worker = worker.as_mut().unwrap();
            if step["define"].is_object() {
                worker.define(&step["define"]);
            } else {
                let metric = worker.metrics.get_mut(step["metric"].as_str().unwrap()).unwrap();
                metric.run(&worker.store, step);
            }
        }
        let (mut ours, theirs) = (files(dir.path()), files(&case.join("db")));
        // Python's reader looks at no other names.
        ours.retain(|file, _| !file.ends_with(".lock"));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
        for (file, bytes) in &ours {
            assert!(*bytes == theirs[file], "{name}: {file} differs");
        }
        replayed += 1;
    }
    assert!(replayed >= 10, "only {replayed} programs were replayed");
}

#[test]
fn keys_are_those_of_python_to_the_byte() {
    let Ok(lines) = fs::read_to_string(shared().join("vectors/mmap_keys.jsonl")) else { return };
    for line in lines.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| vector[key].as_str().unwrap();
        let (names, values) = (strings(&vector["labelnames"]), strings(&vector["labelvalues"]));
        let labels: Vec<_> =
            names.iter().zip(&values).map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let key =
            super::key::write(text("metric_name"), text("sample_name"), &labels, text("help"));
        assert_eq!(key, text("key"), "{}", text("id"));
        assert_eq!(key.len() as u64, vector["encoded_len"].as_u64().unwrap());
    }
}
