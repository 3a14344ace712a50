//! `narthex check`.

use std::fs;

use narthex::lint::Rule;
use serde_json::{Value, json};

use crate::{run, run_with};

const SOUND: &str = "# HELP up Is it?\n# TYPE up gauge\nup 1\n";
const OPENMETRICS: &str = "# HELP up Is it?\n# TYPE up gauge\nup 1 1.5\n# EOF\n";

#[test]
fn what_is_sound_is_said_nothing_of() {
    for input in [SOUND, OPENMETRICS] {
        let nothing = (String::new(), String::new(), Some(0));
        assert_eq!(run_with(&["check", "-"], input.as_bytes()), nothing, "{input:?}");
    }
    // It may be what somebody asked for, or not.
    for input in ["", "# EOF\n", "# nothing\n"] {
        let empty = "narthex: standard input: there are no metrics in it\n".to_owned();
        assert_eq!(run_with(&["check", "-"], input.as_bytes()), (String::new(), empty, Some(0)));
    }
    // It ends as OpenMetrics does, and as such it would be sound.
    let (text, _, code) = run_with(&["check", "-", "--from", "text"], OPENMETRICS.as_bytes());
    assert!(text.starts_with("standard input:3:6: "), "{text}");
    assert_eq!(code, Some(1));
}

#[test]
fn problems_are_told_with_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let (sound, bad, cut) =
        (dir.path().join("sound.txt"), dir.path().join("bad.txt"), dir.path().join("cut.txt"));
    fs::write(&sound, SOUND).unwrap();
    // Unlike names until they are escaped, as for readers that know no others.
    fs::write(
        &bad,
        "# HELP \"x.y\" One.\n# TYPE \"x.y\" gauge\n{\"x.y\"} 1\n\
         # HELP x_y Two.\n# TYPE x_y gauge\nx_y 1\n# TYPE c gauge\nc 1\n",
    )
    .unwrap();
    fs::write(&cut, "up 1\nup{\n").unwrap();
    let (text, complaint, code) = run(&["check"], &[&sound, &bad, &cut]);
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines.iter().any(|line| line.ends_with("/bad.txt:7:1: c: no help text [no-help]")
            || (line.contains("/bad.txt:7:1: c: ") && line.ends_with(" [no-help]"))),
        "{text}"
    );
    let [clash, help, syntax] = lines[..] else { panic!("{text}") };
    assert!(clash.contains("/bad.txt:4:1: x_y: "), "{clash}");
    assert!(clash.ends_with(" [escaped-name-clash]"), "{clash}");
    assert!(help.contains("/bad.txt:7:1: c: ") && help.ends_with(" [no-help]"), "{help}");
    assert!(syntax.contains("/cut.txt:2:4: up: expected ") && syntax.ends_with(" [syntax]"));
    assert!(!text.contains("sound.txt"), "{text}");
    assert_eq!((&*complaint, code), ("", Some(1)));

    let args = ["check", "--without", "no-help", "--without", "escaped-name-clash"];
    assert_eq!(run(&args, &[&sound, &bad]), (String::new(), String::new(), Some(0)));
    let (_, complaint, code) = run(&["check", "--without", "no-halp"], &[&sound]);
    assert!(complaint.contains("there is no lint rule \"no-halp\""), "{complaint}");
    assert_eq!(code, Some(2));
}

#[test]
fn problems_are_told_in_json() {
    let dir = tempfile::tempdir().unwrap();
    let (file, missing) = (dir.path().join("a.txt"), dir.path().join("missing"));
    fs::write(&file, "# HELP up Is it?\n# TYPE up gauge\nup one\n").unwrap();
    let (text, _, code) = run(&["check", "--json"], &[&file]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["files"][0]["format"], code), (&json!("text"), Some(1)));
    assert_eq!(
        report["files"][0]["problems"][0],
        json!({
            "rule": "syntax",
            "metric": "up",
            "message": "expected a number, found \"one\"",
            "line": 3,
            "column": 4,
        })
    );

    // What can be read is checked, whatever stands beside it.
    let (text, complaint, code) = run(&["check", "--json"], &[&missing, &file]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(report["files"][0]["error"].as_str().unwrap().contains("/missing: "), "{text}");
    assert!(report["files"][1]["problems"].is_array(), "{text}");
    assert_eq!((complaint.lines().count(), code), (1, Some(2)));
    assert_eq!(run(&["check"], &[]).2, Some(2));
}

#[test]
fn the_help_has_all_rules() {
    let (text, _, code) = run(&["check", "--help"], &[]);
    assert_eq!(code, Some(0));
    let (_, rules) = text.split_once("Rules:").unwrap();
    let (rules, _) = rules.split_once("\n\n").unwrap();
    assert!(rules.lines().all(|line| line.len() <= 80), "{rules}");
    let rules: Vec<_> = rules.split_whitespace().collect();
    assert_eq!(rules, Rule::ALL.iter().map(|rule| rule.as_str()).collect::<Vec<_>>());
}
