//! The program `narthex`, run as people and scripts run it.

mod check;
mod convert;
mod diff;
mod fetch;
mod parse;
#[cfg(unix)]
mod serve;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

fn narthex() -> Command {
    Command::new(env!("CARGO_BIN_EXE_narthex"))
}

/// What a command prints, complains, and ends with.
fn run(args: &[&str], paths: &[&Path]) -> (String, String, Option<i32>) {
    let Output { status, stdout, stderr } = narthex().args(args).args(paths).output().unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code())
}

/// The same, with something on standard input.
fn run_with(args: &[&str], input: &[u8]) -> (String, String, Option<i32>) {
    let (printed, complaint, code) = run_bytes(args, input);
    (String::from_utf8(printed).unwrap(), complaint, code)
}

/// The same, for what need not be text.
fn run_bytes(args: &[&str], input: &[u8]) -> (Vec<u8>, String, Option<i32>) {
    let mut program = narthex();
    program.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (stdout, String::from_utf8(stderr).unwrap(), status.code())
}

/// Where corpora of other programs are, if they are there.
fn shared() -> PathBuf {
    match std::env::var_os("NARTHEX_SHARED") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    }
}

fn pool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/multiprocess").join(name)
}

/// A directory to change, with the files of a pool of Python workers.
fn copy_of(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(pool(name).join("db")).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

/// Cuts a file to its first bytes; a cut file of Python's is as sound as one with its hole.
fn cut(path: &Path, len: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn merge_prints_what_python_merges() {
    for name in ["counters", "gauges", "growth"] {
        let (text, complaint, code) = run(&["merge", "--strict"], &[&pool(name).join("db")]);
        assert_eq!(text, read(&pool(name).join("merged.txt")), "{name}");
        assert_eq!((&*complaint, code), ("", Some(0)), "{name}");
    }
}

#[test]
fn merge_prints_the_corpus_of_python_in_every_form() {
    let Ok(cases) = fs::read_dir(shared().join("multiproc")) else {
        eprintln!("skipped: no corpus");
        return;
    };
    let (mut sound, mut damaged) = (0, 0);
    for case in cases.map(|case| case.unwrap().path()).filter(|path| path.is_dir()) {
        let db = case.join("db");
        if !case.join("expected.txt").exists() {
            // Python fails here; the sound part is printed, and the rest is told.
            let (text, complaint, code) = run(&["merge", "--strict"], &[&db]);
            assert_eq!(code, Some(1), "{}", case.display());
            assert!(complaint.contains(" (byte "), "{complaint}");
            assert!(text.contains("narthex_multiprocess_"), "{text}");
            let (again, _, code) = run(&["merge"], &[&db]);
            assert_eq!((again, code), (text, Some(0)));
            damaged += 1;
            continue;
        }
        let forms: [(&[&str], &str); 3] = [
            (&["merge", "--strict"], "expected.txt"),
            (&["merge", "--strict", "--escaping", "allow-utf-8"], "expected_utf8.txt"),
            (
                &["merge", "--strict", "--format", "openmetrics", "--escaping", "allow-utf-8"],
                "expected.om.txt",
            ),
        ];
        for (args, file) in forms {
            let (text, complaint, code) = run(args, &[&db]);
            assert_eq!(text, read(&case.join(file)), "{}", case.display());

            if case.ends_with("18_type_conflict") {
                let files = "/counter_1801.db: counter; ";
                assert!(complaint.starts_with("narthex: x has another type in other files: "));
                assert!(complaint.contains(files), "{complaint}");
                assert!(complaint.ends_with("/gauge_sum_1802.db: gauge\n"), "{complaint}");
                assert_eq!((complaint.lines().count(), code), (1, Some(1)));
            } else {
                assert_eq!((&*complaint, code), ("", Some(0)), "{}", case.display());
            }
        }
        sound += 1;
    }
    assert!(sound >= 10 && damaged >= 1, "{sound} sound cases, {damaged} damaged");
}

#[test]
fn names_are_escaped_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    entry(&dir.path().join("counter_1.db"), r#"["a.b", "a.b_total", {}, "h"]"#);
    for (escaping, line) in [
        ("underscores", "a_b_total 1.0"),
        ("dots", "a_dot_b__total 1.0"),
        ("values", "U__a_2e_b__total 1.0"),
        ("allow-utf-8", "{\"a.b_total\"} 1.0"),
    ] {
        let (text, ..) = run(&["merge", "--escaping", escaping], &[dir.path()]);
        assert_eq!(text.lines().last(), Some(line));
    }
}

/// Writes a file of one entry with the value 1.0.
fn entry(path: &Path, key: &str) {
    let mut bytes = vec![0; 8];
    bytes.extend((key.len() as i32).to_ne_bytes());
    bytes.extend(key.as_bytes());
    bytes.push(b' ');
    while bytes.len() % 8 != 0 {
        bytes.push(b' ');
    }
    bytes.extend(1f64.to_ne_bytes());
    bytes.extend(0f64.to_ne_bytes());
    let used = bytes.len() as i32;
    bytes[..4].copy_from_slice(&used.to_ne_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_told_with_file_and_offset() {
    let dir = copy_of("counters");
    // One entry is 80 bytes long: 8 + 80 = 88, and the second is cut in two.
    let second = dir.path().join("counter_12.db");
    cut(&second, 100);
    entry(&dir.path().join("summary_x.db"), "no key");
    let before = fs::read_dir(dir.path()).unwrap().count();

    let (text, complaint, code) = run(&["merge"], &[dir.path()]);
    assert_eq!(code, Some(0));
    assert!(text.contains("\njobs_total{queue=\"mail\"} 23.0\n"), "{text}");
    assert!(text.contains("\nnarthex_multiprocess_damaged_files{reason=\"truncated\"} 1.0\n"));
    assert!(text.contains("\nnarthex_multiprocess_skipped_entries{reason=\"key\"} 1.0\n"));
    let lines: Vec<_> = complaint.lines().collect();
    assert!(lines[0].contains("counter_12.db: ") && lines[0].contains("byte 88, truncated"));
    assert!(lines[1].contains("summary_x.db: ") && lines[1].contains("byte 8, key"));
    assert_eq!(lines.len(), 2);

    let (strict, _, code) = run(&["merge", "--strict"], &[dir.path()]);
    assert_eq!((strict, code), (text, Some(1)));
    assert_eq!(run(&["inspect", "--strict"], &[dir.path()]).2, Some(1));
    assert_eq!(run(&["inspect"], &[dir.path()]).2, Some(0));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
}

#[test]
fn series_that_clash_are_told() {
    let dir = tempfile::tempdir().unwrap();
    entry(&dir.path().join("counter_1.db"), r#"["a", "a_total", {}, "h"]"#);
    entry(&dir.path().join("gauge_sum_1.db"), r#"["a_total", "a_total", {}, "h"]"#);
    let (_, complaint, code) = run(&["merge", "--strict"], &[dir.path()]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains(": 1 series of families whose names clash"), "{complaint}");
}

#[test]
fn files_that_disagree_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let put = |file: &str, key: &str| entry(&dir.path().join(file), key);
    put("counter_1.db", r#"["a", "a", {}, "h"]"#);
    put("gauge_sum_2.db", r#"["a", "a", {}, "h"]"#);
    put("gauge_max_1.db", r#"["g", "g", {}, "h"]"#);
    put("gauge_min_2.db", r#"["g", "g", {}, "h"]"#);
    put("histogram_1.db", r#"["t", "t_bucket", {"le": "1.0", "l": "x"}, "h"]"#);
    put("histogram_2.db", r#"["t", "t_bucket", {"le": "+Inf", "l": "x"}, "h"]"#);
    // Another series, which has its own.
    put("histogram_3.db", r#"["t", "t_bucket", {"le": "2.0", "l": "y"}, "h"]"#);
    let expected = [
        ("a", "type", ["counter_1.db: counter", "gauge_sum_2.db: gauge"]),
        ("g", "mode", ["gauge_max_1.db: max", "gauge_min_2.db: min"]),
        ("t", "buckets", ["histogram_1.db: 1.0", "histogram_2.db: +Inf"]),
    ];
    let (text, complaint, code) = run(&["merge", "--strict"], &[dir.path()]);
    assert!(!text.contains("narthex_"), "{text}");
    assert_eq!((complaint.lines().count(), code), (3, Some(1)), "{complaint}");
    let (table, _, code) = run(&["inspect", "--strict"], &[dir.path()]);
    assert_eq!(code, Some(1));
    let (json, ..) = run(&["inspect", "--json"], &[dir.path()]);
    let json: Value = serde_json::from_str(&json).unwrap();
    for ((line, (family, about, says)), told) in complaint.lines().zip(expected).zip(0..) {
        let [first, other] = says.map(|says| says.split_once(": ").unwrap());
        let dir = dir.path().canonicalize().unwrap();
        let of = |(file, says): (&str, &str)| format!("{}: {says}", dir.join(file).display());
        assert!(line.starts_with(&format!("narthex: {family} has ")) && line.contains(about));
        assert!(line.ends_with(&format!(": {}; {}", of(first), of(other))), "{line}");
        assert!(table.contains(line.strip_prefix("narthex: ").unwrap()), "{table}");
        let of = |(file, says): (&str, &str)| json!({ "file": file, "says": says });
        let expected = json!({ "family": family, "about": about, "files": [of(first), of(other)] });
        assert_eq!(json["disagreements"][told], expected);
    }
    assert_eq!(run(&["merge"], &[dir.path()]).2, Some(0));
    // Where there is but one of each, there is nothing to disagree about.
    for file in ["gauge_sum_2.db", "gauge_min_2.db", "histogram_2.db"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    let (_, complaint, code) = run(&["merge", "--strict"], &[dir.path()]);
    assert_eq!((&*complaint, code), ("", Some(0)));
}

#[test]
fn what_cannot_be_used_ends_with_two() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    for command in [&["merge"][..], &["inspect"], &["serve", "--listen", "127.0.0.1:0"]] {
        let (text, complaint, code) = run(command, &[&missing]);
        assert_eq!((&*text, code), ("", Some(2)));
        assert!(complaint.starts_with("narthex: "), "{complaint}");
        assert!(complaint.contains(&*missing.to_string_lossy()), "{complaint}");
    }
    assert_eq!(run(&["merge"], &[]).2, Some(2));
    assert_eq!(run(&["merge", "--format", "html"], &[dir.path()]).2, Some(2));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_, complaint, code) = run(&["serve", "--listen", &address], &[dir.path()]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains(&address), "{complaint}");
}

#[test]
fn help_tells_the_exit_codes() {
    let commands = ["parse", "check", "convert", "diff", "merge", "serve", "inspect", "compact"];
    for command in [&[][..]].into_iter().chain(commands.iter().map(std::slice::from_ref)) {
        let args = &[command, &["--help"]].concat();
        let (text, _, code) = run(args, &[]);
        assert_eq!(code, Some(0));
        assert!(text.contains("Exit codes:"), "{text}");
    }
}

#[test]
fn commands_of_the_guide_run_as_they_are_written() {
    let guide = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/multiprocess.md"));
    // Of indented code, of prompts, and of text.
    let lines = guide.lines().map(|line| line.trim().trim_start_matches("$ "));
    let in_code = lines.filter(|line| line.starts_with("narthex "));
    let in_text = guide.split('`').skip(1).step_by(2);
    let mut commands: Vec<&str> =
        in_code.chain(in_text.filter(|text| text.starts_with("narthex "))).collect();
    commands.sort_unstable();
    commands.dedup();
    let mut run_by_command: BTreeMap<&str, usize> = BTreeMap::new();
    for command in commands {
        let dir = copy_of("counters");
        let line = command.split(['|', '>', '#']).next().unwrap();
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let (Some(&which), Some(operand)) = (words.first(), words.get(1)) else { continue };
        *run_by_command.entry(which).or_default() += 1;
        let path = match words.contains(&"FILE") {
            true => dir.path().join("counter_11.db"),
            false => dir.path().to_owned(),
        };
        let names_it = |word: &str| matches!(word, "DIR" | "FILE") || word.starts_with("/dev/shm/");
        let args = words.iter().map(|word| match *word {
            word if names_it(word) => path.clone(),
            // A port that is free.
            word if word.contains(":9100") || word == "ADDR" => "127.0.0.1:0".into(),
            word => word.into(),
        });
        let mut program = narthex();
        program.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !words.iter().any(|word| names_it(word)) {
            // An option that the text speaks of, without its operands.
            assert!(operand.starts_with("--"), "{command}");
            let (help, ..) = run(&[which, "--help"], &[]);
            assert!(help.contains(operand), "{command}");
        } else if which == "serve" {
            let mut child = program.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(
                line.starts_with("serving ") && line.contains(" on http://127.0.0.1:"),
                "{command}"
            );
        } else {
            let output = program.output().unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), &*complaint), (Some(0), ""), "{command}");
        }
    }
    for command in ["serve", "merge", "inspect", "compact"] {
        assert!(run_by_command.get(command) >= Some(&2), "{command} of {run_by_command:?}");
    }
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    // 900 entries in JSON are longer than the 64 KiB that a pipe holds.
    let mut child = narthex()
        .args(["inspect", "--json", "--strict"])
        .arg(pool("growth").join("db/counter_11.db"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "{");
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));

    // What is written piece by piece, as well.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.txt");
    fs::write(&file, (0..10_000).map(|n| format!("a{n} {n}\n")).collect::<String>()).unwrap();
    for args in [&["parse"][..], &["convert", "--to=text"], &["check"]] {
        let mut program = narthex();
        program.args(args).arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next().unwrap().unwrap();
        drop(lines);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{args:?}");
        // A check finds what it finds, whoever listens.
        assert_eq!(output.status.code(), Some(i32::from(args == ["check"])));
    }
}

#[test]
fn inspect_tells_of_a_directory_in_json() {
    let dir = copy_of("counters");
    cut(&dir.path().join("counter_12.db"), 100);
    fs::write(dir.path().join(".counter_13.tmp"), "left behind").unwrap();
    let (text, _, code) = run(&["inspect", "--json"], &[dir.path()]);
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&text).unwrap();
    let totals = &report["totals"];
    assert_eq!(totals["files"], 6);
    assert_eq!(totals["owners"], 2);
    // 1 + 1 of 2 counters, 2 * 4 of histograms, 2 * 2 of summaries.
    assert_eq!(totals["entries"], 14);
    // The queue mail; 3 buckets and a sum; count and sum.
    assert_eq!(totals["series"], 7);
    assert_eq!((&totals["damaged_files"], &totals["skipped_entries"]), (&json!(1), &json!(0)));
    assert_eq!(report["other_files"][0]["file"], ".counter_13.tmp");
    let file = &report["files"][1];
    let keys = ["file", "kind", "mode", "identifier", "pid", "entries", "series", "used", "length"];
    assert_eq!(
        keys.map(|key| file[key].clone()),
        [
            json!("counter_12.db"),
            json!("counter"),
            json!(null),
            json!("12"),
            json!(12),
            json!(1),
            json!(1),
            json!(88),
            json!(100)
        ]
    );
    assert_eq!(file["damage"], json!({ "offset": 88, "reason": "truncated" }));
    let waste = file["allocated"].as_u64().unwrap().saturating_sub(88);
    assert_eq!(file["waste"], waste);
}

#[test]
fn inspect_tells_of_a_file_in_json() {
    let file = pool("gauges").join("db/gauge_livemostrecent_12.db");
    let (text, _, code) = run(&["inspect", "--json"], &[&file]);
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["mode"], &report["entries"]), (&json!("livemostrecent"), &json!(1)));
    let entry = &report["contents"][0];
    assert_eq!(entry["sample"], "g_livemostrecent");
    assert_eq!(entry["labels"], json!({ "x": "é\"\\" }));
    // Ten times 12, and the place of the mode; the clock stood at 1700000000 + 12.
    assert_eq!((&entry["value"], &entry["timestamp"]), (&json!("129.0"), &json!(1700000012.0)));
    assert_eq!((&entry["offset"], &entry["skipped"]), (&json!(8), &json!(null)));
}

#[test]
fn inspect_draws_tables() {
    let dir = copy_of("counters");
    cut(&dir.path().join("counter_12.db"), 100);
    let (text, ..) = run(&["inspect"], &[dir.path()]);
    let lines: Vec<_> = text.lines().collect();
    let column = lines[0].find("ENTRIES").unwrap() + "ENTRIES".len() - 1;
    for line in &lines[1..7] {
        assert!(line.as_bytes()[column].is_ascii_digit(), "{line}");
    }
    assert!(lines[2].ends_with("truncated at 88"), "{}", lines[2]);
    assert!(text.contains("\n6 files of 2 owners (2 unknown): 14 entries, 7 series; "), "{text}");
    assert!(text.contains("\n1 file damaged, 0 entries skipped\n"), "{text}");

    let (text, ..) = run(&["inspect"], &[&dir.path().join("counter_11.db")]);
    assert!(text.contains("\n     8   11.0             jobs_total{queue=\"mail\"}\n"), "{text}");
    // What stands in a file is not obeyed by a terminal.
    entry(&dir.path().join("counter_14.db"), "\u{1b}[2J");
    let (text, ..) = run(&["inspect"], &[&dir.path().join("counter_14.db")]);
    assert!(!text.contains('\u{1b}') && text.contains("skipped (key): \u{fffd}[2J"), "{text}");
}

/// The sidecar, running.
struct Sidecar {
    child: Child,
    address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Sidecar {
    fn start(dir: &Path, args: &[&str]) -> Self {
        let mut child = narthex()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(args)
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().rsplit_once("http://").unwrap().1;
        let address = url.split('/').next().unwrap().parse().unwrap();
        Self { child, address, _stdout: stdout }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_merges_anew_for_every_request() {
    let dir = copy_of("counters");
    let sidecar = Sidecar::start(dir.path(), &[]);
    let answer = sidecar.get("/metrics");
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, read(&pool("counters").join("merged.txt")));

    fs::copy(dir.path().join("counter_11.db"), dir.path().join("counter_13.db")).unwrap();
    let answer = sidecar.get("/metrics?name[]=jobs_total");
    // 11 + 12, and the copy's 11.
    assert!(answer.contains("\njobs_total{queue=\"mail\"} 34.0\n"), "{answer}");
    assert!(!answer.contains("took_seconds"), "{answer}");

    let elsewhere = Sidecar::start(dir.path(), &["--path", "/pool"]);
    assert!(elsewhere.get("/pool").contains("\njobs_total{queue=\"mail\"} 34.0\n"));
    assert!(elsewhere.get("/metrics").starts_with("HTTP/1.0 404 "));
}

/// A pool of Python's, with 20 processes that died, as locks tell that nobody holds.
fn with_dead_processes() -> tempfile::TempDir {
    let dir = copy_of("counters");
    for process in 1000..1020 {
        let file = dir.path().join(format!("counter_{process}-abcdefgh.db"));
        entry(&file, r#"["a", "a_total", {}, "h"]"#);
        fs::write(dir.path().join(format!("{process}-abcdefgh.lock")), "").unwrap();
    }
    dir
}

#[test]
fn the_directory_stays_as_it_is() {
    let dir = with_dead_processes();
    let contents = || {
        let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let before = contents();
    for args in [&["merge"][..], &["inspect"], &["inspect", "--json"]] {
        assert_eq!(run(args, &[dir.path()]).2, Some(0));
    }
    let sidecar = Sidecar::start(dir.path(), &[]);
    for _ in 0..2 {
        assert!(sidecar.get("/metrics").contains("\na_total 20.0\n"));
    }
    drop(sidecar);
    assert!(contents() == before);
}

/// What `inspect` tells of a directory.
#[cfg(unix)]
fn inspect(dir: &Path) -> Value {
    serde_json::from_str(&run(&["inspect", "--json"], &[dir]).0).unwrap()
}

#[cfg(unix)]
#[test]
fn compact_folds_the_dead() {
    let dir = with_dead_processes();
    let before = inspect(dir.path());
    let totals = &before["totals"];
    assert_eq!((&totals["owners"], &totals["dead"]), (&json!(22), &json!(20)));
    assert_eq!(before["files"][0]["state"], "dead");

    let (text, complaint, code) = run(&["compact", "--strict"], &[dir.path()]);
    assert!(text.starts_with("20 processes folded, "), "{text}");
    assert_eq!((&*complaint, code), ("", Some(0)));
    let after = inspect(dir.path());
    // The six files of Python's, of which nothing is known, and one of what was folded.
    assert_eq!(after["totals"]["files"], 7);
    assert_eq!((&after["totals"]["owners"], &after["totals"]["dead"]), (&json!(2), &json!(0)));
    let state = |file: &str| {
        let files = after["files"].as_array().unwrap();
        files.iter().find(|have| have["file"] == file).unwrap()["state"].clone()
    };
    assert_eq!(
        (state("counter_0-f1.db"), state("counter_11.db")),
        (json!("folded"), json!("unknown"))
    );
    let (text, ..) = run(&["merge"], &[dir.path()]);
    assert!(
        text.contains("\na_total 20.0\n") && text.contains("\njobs_total{queue=\"mail\"} 23.0\n")
    );
    assert!(run(&["compact"], &[dir.path()]).0.starts_with("0 processes folded, 0 files removed"));
    assert_eq!(run(&["compact"], &[&dir.path().join("missing")]).2, Some(2));
}

#[cfg(unix)]
#[test]
fn compact_tells_of_all_damage_with_file_and_offset() {
    let dir = with_dead_processes();
    // One that is folded; one of the gauges that go with their process; one of nobody.
    cut(&dir.path().join("counter_1000-abcdefgh.db"), 20);
    fs::write(dir.path().join("gauge_liveall_1001-abcdefgh.db"), [1, 2, 3]).unwrap();
    entry(&dir.path().join("gauge_all_1002-abcdefgh.db"), "no key");
    cut(&dir.path().join("counter_12.db"), 100);
    entry(&dir.path().join("summary_x.db"), "no key");

    let (_, complaint, code) = run(&["compact", "--strict"], &[dir.path()]);
    assert_eq!(code, Some(1));
    let lines: Vec<_> = complaint.lines().collect();
    let expected = [
        ("counter_1000-abcdefgh.db: ", "(byte 8, truncated); kept as *.damaged"),
        ("gauge_all_1002-abcdefgh.db: ", "(byte 8, key); kept as *.damaged"),
        ("gauge_liveall_1001-abcdefgh.db: ", "(byte 3, truncated); kept as *.damaged"),
        ("counter_12.db: ", "(byte 88, truncated)"),
        ("summary_x.db: ", "(byte 8, key)"),
    ];
    assert_eq!(lines.len(), expected.len(), "{complaint}");
    for (line, (file, place)) in lines.iter().zip(expected) {
        assert!(line.contains(file) && line.ends_with(place), "{line}");
    }
    for name in ["counter_1000", "gauge_liveall_1001", "gauge_all_1002"] {
        assert!(dir.path().join(format!("{name}-abcdefgh.db.damaged")).exists(), "{name}");
    }

    // What is kept is told once; what stays where it is, each time.
    let (_, complaint, code) = run(&["compact", "--strict"], &[dir.path()]);
    assert_eq!((complaint.lines().count(), code), (2, Some(1)));
    assert_eq!(run(&["compact"], &[dir.path()]).2, Some(0));
    fs::remove_file(dir.path().join("counter_12.db")).unwrap();
    fs::remove_file(dir.path().join("summary_x.db")).unwrap();
    assert_eq!(run(&["compact", "--strict"], &[dir.path()]).2, Some(0));
}

/// A terminal: the side that a program gets, and the other one.
#[cfg(unix)]
fn terminal() -> (fs::File, fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = fs::File::options().write(true).open(name.to_str().unwrap()).unwrap();
    (theirs, fs::File::from(ours))
}

#[cfg(unix)]
#[test]
fn work_that_takes_long_is_shown_on_a_terminal_and_nowhere_else() {
    use rustix::fs::{FlockOperation, fcntl_lock};

    for (command, doing) in [("merge", "merging"), ("compact", "folding")] {
        let dir = with_dead_processes();
        // Files are being renamed, so that a merge waits for who does it, as a fold does.
        fs::write(
            dir.path().join("fold.manifest"),
            "narthex folds 1\ngeneration 0\nmoves 1\nend\n",
        )
        .unwrap();
        let lock = fs::File::create(dir.path().join("fold.lock")).unwrap();
        fcntl_lock(&lock, FlockOperation::LockExclusive).unwrap();
        let start = |stderr: Stdio| {
            let mut program = narthex();
            program.arg(command).arg(dir.path()).stdout(Stdio::piped()).stderr(stderr);
            program.spawn().unwrap()
        };
        let piped = start(Stdio::piped());
        let (theirs, mut ours) = terminal();
        let shown = start(theirs.into());
        // It shows something before it has what it waits for.
        let mut seen = String::new();
        let mut bytes = [0; 256];
        while !seen.contains(" s") {
            let len = ours.read(&mut bytes).unwrap();
            seen.push_str(std::str::from_utf8(&bytes[..len]).unwrap());
        }
        let begin = format!("\r\u{1b}[K{doing} {}", dir.path().display());
        assert!(seen.starts_with(&begin), "{seen:?}");
        drop(lock);
        // What is shown is taken away; a terminal that nobody writes to any more is an error.
        while let Ok(len @ 1..) = ours.read(&mut bytes) {
            seen.push_str(std::str::from_utf8(&bytes[..len]).unwrap());
        }
        assert!(seen.ends_with("\r\u{1b}[K"), "{seen:?}");
        assert!(shown.wait_with_output().unwrap().status.success());
        let output = piped.wait_with_output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[cfg(unix)]
#[test]
fn serve_folds_when_it_is_asked_to() {
    let dir = with_dead_processes();
    let sidecar = Sidecar::start(dir.path(), &["--compact"]);
    for _ in 0..3 {
        assert!(sidecar.get("/metrics").contains("\na_total 20.0\n"));
    }
    assert_eq!(inspect(dir.path())["totals"]["files"], 7);
}

#[cfg(unix)]
#[test]
fn what_lasts_is_logged_once() {
    use rustix::process::{Pid, Signal, kill_process};

    let dir = with_dead_processes();
    fs::write(dir.path().join("gauge_liveall_1001-abcdefgh.db"), [1, 2, 3]).unwrap();
    entry(&dir.path().join("gauge_sum_1.db"), r#"["jobs", "jobs", {}, "h"]"#);
    let mut sidecar = Sidecar::start(dir.path(), &["--compact"]);
    for _ in 0..4 {
        assert!(sidecar.get("/metrics").contains("\na_total 20.0\n"));
    }
    kill_process(Pid::from_raw(sidecar.child.id() as i32).unwrap(), Signal::TERM).unwrap();
    assert_eq!(sidecar.child.wait().unwrap().code(), Some(0));
    let mut complaint = String::new();
    sidecar.child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    let [folded, differs] = complaint.lines().collect::<Vec<_>>()[..] else {
        panic!("{complaint}")
    };
    assert!(
        folded.contains("/gauge_liveall_1001-abcdefgh.db is damaged from byte 3 on: truncated")
    );
    assert!(differs.ends_with(" disagree about the type of jobs"), "{differs}");
}

#[cfg(unix)]
#[test]
fn serve_ends_cleanly_when_it_is_told_to() {
    use rustix::process::{Pid, Signal, kill_process};

    for signal in [Signal::TERM, Signal::INT] {
        let dir = copy_of("counters");
        cut(&dir.path().join("counter_12.db"), 100);
        let mut sidecar = Sidecar::start(dir.path(), &[]);
        for _ in 0..2 {
            assert!(sidecar.get("/metrics").contains("\njobs_total{queue=\"mail\"} 23.0\n"));
        }
        kill_process(Pid::from_raw(sidecar.child.id() as i32).unwrap(), signal).unwrap();
        assert_eq!(sidecar.child.wait().unwrap().code(), Some(0));
        assert!(TcpStream::connect(sidecar.address).is_err());
        let mut complaint = String::new();
        sidecar.child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(complaint.contains("counter_12.db is damaged from byte 88 on"), "{complaint}");
    }
}
