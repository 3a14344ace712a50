//! The numbers of a process: a real one's move as it does, a recorded one's are exact.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use narthex::collectors::ProcessCollector;
use narthex::{Collector, for_each_family};
use tempfile::TempDir;

/// The values by sample name.
fn values(collector: &ProcessCollector) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    for_each_family(collector, &mut |family| {
        family.for_each_sample(&mut |sample| {
            values.insert(sample.name(), sample.value());
        });
        Ok(())
    })
    .unwrap();
    values
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn all_names_are_told_and_described() {
    let expected = [
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_threads",
        "process_virtual_memory_bytes",
        "process_virtual_memory_max_bytes",
    ];
    let collector = ProcessCollector::new();
    assert_eq!(values(&collector).into_keys().collect::<Vec<_>>(), expected);
    let mut described: Vec<_> =
        collector.describe().iter().map(|desc| desc.name().to_owned()).collect();
    described.sort();
    // A counter is described without the suffix of its samples.
    let expected = expected.map(|name| name.trim_end_matches("_total"));
    assert_eq!(described, expected);
}

#[test]
fn a_namespace_stands_before_every_name() {
    let collector = ProcessCollector::new().namespace("shop");
    assert_eq!(values(&collector).len(), 8);
    assert!(values(&collector).keys().all(|name| name.starts_with("shop_process_")));
    assert!(collector.describe().iter().all(|desc| desc.name().starts_with("shop_process_")));
}

/// Runs a shell until it says that it is ready, and kills it at the end.
struct Running(Child);

impl Running {
    fn new(script: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{script}; echo ready; read line")]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn collector(&self) -> ProcessCollector {
        ProcessCollector::new().pid(self.0.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn another_process_has_the_limits_it_was_given() {
    let before = now();
    // `ulimit -v` counts in units of 1024 bytes.
    let shell = Running::new("ulimit -n 64; ulimit -v 1000000; exec 7</dev/null 8</dev/null");
    let after = now();
    let values = values(&shell.collector());
    assert_eq!(values["process_max_fds"], 64.0);
    assert_eq!(values["process_virtual_memory_max_bytes"], 1_024_000_000.0);
    assert_eq!(values["process_threads"], 1.0);
    // The three standard streams and the two above; a few may be inherited.
    assert!((5.0..20.0).contains(&values["process_open_fds"]), "{values:?}");
    // The boot time is known to the second only, and a tick is 10 ms.
    let start = values["process_start_time_seconds"];
    assert!(start > before - 1.5 && start < after + 1.5, "{before} < {start} < {after}");
}

#[test]
fn a_limit_that_is_not_set_is_infinite() {
    let shell = Running::new("true");
    let limit = values(&shell.collector())["process_virtual_memory_max_bytes"];
    let text = fs::read_to_string(format!("/proc/{}/limits", shell.0.id())).unwrap();
    let line = text.lines().find(|line| line.starts_with("Max address space")).unwrap();
    assert_eq!(limit.is_infinite(), line.contains("unlimited"), "{line}");
}

#[test]
fn a_provider_is_asked_at_each_scrape() {
    let shell = Running::new("ulimit -n 64");
    let pid = Arc::new(AtomicU32::new(0));
    let asked = Arc::clone(&pid);
    let collector = ProcessCollector::new().pid_provider(move || {
        let pid = asked.load(Ordering::Relaxed);
        (pid != 0).then_some(pid)
    });
    assert!(values(&collector).is_empty());
    pid.store(shell.0.id(), Ordering::Relaxed);
    assert_eq!(values(&collector)["process_max_fds"], 64.0);
}

/// A tree like `/proc` with one process of that number.
fn tree(pid: &str, boot: &str, stat: &str, limits: Option<&str>, fds: Option<usize>) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(pid);
    fs::create_dir(&folder).unwrap();
    fs::write(root.path().join("stat"), boot).unwrap();
    fs::write(folder.join("stat"), stat).unwrap();
    if let Some(limits) = limits {
        fs::write(folder.join("limits"), limits).unwrap();
    }
    if let Some(fds) = fds {
        fs::create_dir(folder.join("fd")).unwrap();
        for fd in 0..fds {
            fs::write(folder.join("fd").join(fd.to_string()), "").unwrap();
        }
    }
    root
}

const BOOT: &str = "cpu  1 2 3\nintr 4 5\nctxt 6\nbtime 1700000000\nprocesses 7\n";
// Fields 14 and 15 are the ticks used, 20 the threads, 22 the ticks at the start, 23 and 24 the memory.
const STAT: &str = "42 (a) b (c)) S 1 42 42 0 -1 0 9 0 0 0 150 25 3 4 20 0 6 0 5075 8192000 300 \
                    18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max open files            1024                 524288               files     \n\
Max address space         unlimited            unlimited            bytes     \n";

fn recorded(root: &Path) -> ProcessCollector {
    ProcessCollector::new().proc_root(root).pid(42).ticks_per_second(100).page_size(16384)
}

#[test]
fn a_recorded_process_has_exact_numbers() {
    let root = tree("42", BOOT, STAT, Some(LIMITS), Some(3));
    let expected = [
        ("process_cpu_seconds_total", 1.75), // (150 + 25) / 100
        ("process_max_fds", 1024.0),
        ("process_open_fds", 3.0),
        ("process_resident_memory_bytes", 4_915_200.0), // 300 * 16384
        ("process_start_time_seconds", 1_700_000_050.75), // 5075 / 100 after boot
        ("process_threads", 6.0),
        ("process_virtual_memory_bytes", 8_192_000.0),
        ("process_virtual_memory_max_bytes", f64::INFINITY),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(values(&recorded(root.path())), BTreeMap::from(expected));
}

#[test]
fn files_and_their_limit_are_left_out_together() {
    let without_files = tree("42", BOOT, STAT, Some(LIMITS), None);
    let without_limit = tree("42", BOOT, STAT, None, Some(3));
    let bad_limit = tree("42", BOOT, STAT, Some("Max open files   many  1  files\n"), Some(3));
    for root in [without_files, without_limit, bad_limit] {
        let values = values(&recorded(root.path()));
        assert!(!values.contains_key("process_open_fds"), "{values:?}");
        assert!(!values.contains_key("process_max_fds"), "{values:?}");
        assert_eq!(values["process_threads"], 6.0);
    }
}

#[test]
fn without_a_boot_time_there_is_no_start_time() {
    let root = tree("42", "cpu 1 2 3\n", STAT, None, None);
    let values = values(&recorded(root.path()));
    assert!(!values.contains_key("process_start_time_seconds"));
    assert_eq!(values["process_cpu_seconds_total"], 1.75);
}

#[test]
fn the_start_time_does_not_move_with_the_clock() {
    let root = tree("42", BOOT, STAT, None, None);
    let collector = recorded(root.path());
    let start = values(&collector)["process_start_time_seconds"];
    fs::write(root.path().join("stat"), "btime 1700000009\n").unwrap();
    assert_eq!(values(&collector)["process_start_time_seconds"], start);
}

#[test]
fn what_is_not_there_is_no_error() {
    let empty = tempfile::tempdir().unwrap();
    assert!(values(&recorded(empty.path())).is_empty());
    assert!(values(&ProcessCollector::new().proc_root(empty.path())).is_empty());
    assert!(values(&ProcessCollector::new().proc_root("/nonexistent")).is_empty());
    for stat in [
        "",
        "42",
        "42 (x)",
        "42 (x) S 1 2 3",
        "42 (x) S -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1",
    ] {
        let root = tree("42", BOOT, stat, None, None);
        assert!(values(&recorded(root.path())).is_empty(), "{stat:?}");
    }
}

#[test]
fn a_name_that_is_not_text_is_no_obstacle() {
    let root = tree("42", BOOT, "", None, None);
    let stat = [b"42 (\xff\xfe) ".as_slice(), &STAT.as_bytes()[14..]].concat();
    fs::write(root.path().join("42/stat"), stat).unwrap();
    assert_eq!(values(&recorded(root.path()))["process_threads"], 6.0);
}

// Python's client tells six of our eight: those must be its own, in its order.
#[test]
fn recorded_processes_are_told_as_by_python() {
    let shared = std::env::var_os("NARTHEX_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let vectors = shared.join("vectors");
    let Ok(rows) = fs::read_to_string(vectors.join("process_collector.jsonl")) else { return };
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let mut collector = ProcessCollector::new()
            .proc_root(vectors.join(row["proc_root"].as_str().unwrap()))
            .ticks_per_second(row["ticks_per_second"].as_u64().unwrap())
            .page_size(row["page_size"].as_u64().unwrap())
            .namespace(row["namespace"].as_str().unwrap());
        if let Ok(pid) = row["pid"].as_str().unwrap().trim().parse() {
            collector = collector.pid(pid);
        }
        let mut told = Vec::new();
        for_each_family(&collector, &mut |family| {
            let desc = family.desc();
            family.for_each_sample(&mut |sample| {
                told.push(serde_json::json!({
                    "name": desc.name(), "type": desc.metric_type().as_str(),
                    "unit": desc.unit().unwrap_or(""), "help": desc.help(),
                    "samples": [{"name": sample.name(), "labels": {}, "value": format!("{:?}", sample.value())}],
                }));
            });
            Ok(())
        })
        .unwrap();
        let only_ours = ["process_threads", "process_virtual_memory_max_bytes"];
        told.retain(|family| {
            !only_ours.iter().any(|name| family["name"].as_str().unwrap().ends_with(name))
        });
        assert_eq!(serde_json::Value::from(told), row["families"], "{}", row["id"]);
    }
}
