//! `narthex diff`.

use std::fs;

use serde_json::{Value, json};

use crate::{run, run_with};

const OPENMETRICS: &str = "\
# TYPE jobs counter
# HELP jobs Jobs done.
jobs_total{queue=\"mail\"} 3 # {trace_id=\"4bf9\"} 1
jobs_total{queue=\"sms\"} 1.0
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
# HELP wait_seconds Before a job.
wait_seconds_bucket{le=\"1.0\"} 2
wait_seconds_bucket{le=\"+Inf\"} 4
wait_seconds_count 4
wait_seconds_sum 9.5
# TYPE build info
# HELP build What this is.
build_info{version=\"1\"} 1
# EOF
";

/// The same, as the text format says it, in another order.
const TEXT: &str = "\
# HELP build_info What this is.
# TYPE build_info gauge
build_info{version=\"1\"} 1
# HELP wait_seconds Before a job.
# TYPE wait_seconds histogram
wait_seconds_sum 9.5
wait_seconds_count 4.0
wait_seconds_bucket{le=\"+Inf\"} 4.0
wait_seconds_bucket{le=\"1\"} 2.0
# HELP jobs_total Jobs done.
# TYPE jobs_total counter
jobs_total{queue=\"sms\"} 1
jobs_total{queue=\"mail\"} 3
";

#[test]
fn spelling_and_order_are_no_difference() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.txt");
    fs::write(&file, OPENMETRICS).unwrap();
    for text in [TEXT, OPENMETRICS] {
        for args in [["diff", "-", file.to_str().unwrap()], ["diff", file.to_str().unwrap(), "-"]] {
            let nothing = (String::new(), String::new(), Some(0));
            assert_eq!(run_with(&args, text.as_bytes()), nothing);
        }
    }
}

#[test]
fn differences_are_told_for_people_and_for_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.txt");
    fs::write(&file, TEXT).unwrap();
    let other = TEXT
        .replace("sms\"} 1", "fax\"} 2")
        .replace("mail\"} 3", "mail\"} 3.03")
        .replace("Before a job.", "Before a job begins.")
        .replace("# HELP build_info What this is.\n# TYPE build_info gauge\n", "")
        .replace("build_info", "up");
    let (text, complaint, code) =
        run_with(&["diff", file.to_str().unwrap(), "-"], other.as_bytes());
    assert_eq!(
        text,
        "- family build_info: gauge of 1 series\n\
         ~ help of wait_seconds: Before a job. -> Before a job begins.\n\
         - jobs_total{queue=\"sms\"}: 1.0\n\
         ~ jobs_total{queue=\"mail\"}: 3.0 -> 3.03\n\
         + jobs_total{queue=\"fax\"}: 2.0\n\
         + family up: unknown of 1 series\n\
         6 differences in 4 families\n"
    );
    assert_eq!((&*complaint, code), ("", Some(1)));

    let (text, _, code) =
        run_with(&["diff", "--json", file.to_str().unwrap(), "-"], other.as_bytes());
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["equal"], code), (&json!(false), Some(1)));
    assert_eq!(
        report["differences"][3],
        json!({
            "family": "jobs",
            "about": "value",
            "series": "jobs_total{queue=\"mail\"}",
            "a": "3.0",
            "b": "3.03",
        })
    );
    assert_eq!(report["differences"][5]["a"], json!(null));
}

#[test]
fn numbers_may_differ_by_a_part_or_altogether() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.txt");
    fs::write(&file, "a 100 1000\nb NaN\nc +Inf\n").unwrap();
    // 1 of 101 is less than a hundredth; 2 of 102 is more.
    for (other, how, code) in [
        ("a 101\nb NaN\nc +Inf\n", "0.01", 0),
        ("a 102\nb NaN\nc +Inf\n", "0.01", 1),
        ("a 101\nb NaN\nc +Inf\n", "1%", 0),
        ("a 102\nb NaN\nc +Inf\n", "1%", 1),
        ("a 102\nb 1\nc -Inf\n", "ignore", 0),
        ("a 100 1000\nb NaN\nc +Inf\n", "exact", 0),
        ("a 100 1001\nb NaN\nc +Inf\n", "exact", 1),
        ("a 100\nb NaN\nc 5\n", "0.5", 1),
        ("a 100\nb NaN\n", "ignore", 1),
    ] {
        let args = ["diff", file.to_str().unwrap(), "-", "--values", how];
        let (text, _, ended) = run_with(&args, other.as_bytes());
        assert_eq!(ended, Some(code), "{other:?} {how} {text}");
    }
    for how in ["-1", "NaN", "some", "%", "-1%"] {
        let values = format!("--values={how}");
        let (_, complaint, code) = run(&["diff", &values], &[&file, &file]);
        assert!(complaint.contains("neither `exact` nor `ignore`"), "{complaint}");
        assert_eq!(code, Some(2));
    }
}

#[test]
fn what_cannot_be_compared_ends_with_two() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bad) = (dir.path().join("a.txt"), dir.path().join("b.txt"));
    fs::write(&file, "a 1\n").unwrap();
    fs::write(&bad, "a 1\na one\n").unwrap();
    let (text, complaint, code) = run(&["diff"], &[&file, &bad]);
    assert_eq!((&*text, code), ("", Some(2)));
    assert!(complaint.ends_with("b.txt:2:3: expected a number, found \"one\"\n"), "{complaint}");
    assert_eq!(run(&["diff", "-", "-"], &[]).2, Some(2));
    assert_eq!(run(&["diff"], &[&file, &dir.path().join("missing")]).2, Some(2));
}

#[test]
fn a_start_time_differs_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.txt");
    let text = "# TYPE a counter\na_total{x=\"1\"} 2\na_created{x=\"1\"} 5\n# EOF\n";
    fs::write(&file, text).unwrap();
    let other = text.replace("} 5", "} 6");
    let args = ["diff", file.to_str().unwrap(), "-"];
    let (told, ..) = run_with(&args, other.as_bytes());
    assert_eq!(told, "~ a_created{x=\"1\"}: 5.0 -> 6.0\n1 difference in 1 family\n");
    let args = [&args[..], &["--values", "0"]].concat();
    assert_eq!(run_with(&args, other.as_bytes()), (String::new(), String::new(), Some(0)));
}

#[test]
fn a_gauge_histogram_is_the_same_in_text() {
    let second = "# TYPE q gaugehistogram\nq {gcount:5,gsum:7.5,bucket:[1.0:2,+Inf:5]}\n# EOF\n";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.txt");
    let (text, ..) = run_with(&["convert", "-", "--to", "text"], second.as_bytes());
    fs::write(&file, text).unwrap();
    let nothing = (String::new(), String::new(), Some(0));
    for args in [["diff", "-", file.to_str().unwrap()], ["diff", file.to_str().unwrap(), "-"]] {
        assert_eq!(run_with(&args, second.as_bytes()), nothing);
    }
}
