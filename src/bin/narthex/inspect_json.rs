//! The report of `narthex inspect --json`, in the shape that docs/multiprocess.md tells.

use std::collections::BTreeMap;
use std::path::Path;

use narthex::model::format_f64;
use narthex::multiprocess::DamagedFile;
use narthex::multiprocess::inspect::{DirReport, EntryReport, FileContents, FileReport};
use serde_json::{Value, json};

use crate::inspect_table::{Totals, state};
use crate::output::Failure;

pub(crate) fn dir(dir: &Path, report: &DirReport) -> Result<String, Failure> {
    let totals = Totals::of(report);
    let others = report.other_files().iter().map(|other| {
        json!({
            "file": name(other.path()),
            "allocated": other.allocated(),
            "damage": other.damage().map(damage),
        })
    });
    let disagreements = report.disagreements().iter().map(|disagreement| {
        let says =
            disagreement.says().map(|(path, says)| json!({ "file": name(path), "says": says }));
        json!({
            "family": disagreement.family(),
            "about": disagreement.about(),
            "files": says.collect::<Vec<_>>(),
        })
    });
    pretty(&json!({
        "directory": dir.to_string_lossy(),
        "files": report.files().iter().map(file_report).collect::<Vec<_>>(),
        "other_files": others.collect::<Vec<_>>(),
        "disagreements": disagreements.collect::<Vec<_>>(),
        "totals": {
            "files": totals.files,
            "owners": totals.owners,
            "alive": totals.alive,
            "dead": totals.dead,
            "entries": totals.entries,
            "removed": totals.removed,
            "idle": totals.idle,
            "series": report.series(),
            "length": totals.length,
            "allocated": totals.allocated,
            "used": totals.used,
            "waste": totals.waste,
            "damaged_files": totals.damaged_files,
            "skipped_entries": totals.skipped_entries,
        },
    }))
}

pub(crate) fn file(contents: &FileContents) -> Result<String, Failure> {
    let mut report = file_report(contents.report());
    report["contents"] = contents.entries().iter().map(entry).collect();
    pretty(&report)
}

fn file_report(file: &FileReport) -> Value {
    let skipped = file
        .skipped()
        .iter()
        .map(|entry| json!({ "offset": entry.offset(), "reason": entry.reason() }));
    json!({
        "file": name(file.path()),
        "kind": file.kind().map(|kind| kind.as_str()),
        "mode": file.mode().map(|mode| mode.as_str()),
        "identifier": file.identifier(),
        "state": state(file),
        "pid": file.pid(),
        "entries": file.entries(),
        "removed": file.removed(),
        "idle": file.idle(),
        "series": file.series(),
        "length": file.length(),
        "allocated": file.allocated(),
        "used": file.used(),
        "waste": file.waste(),
        "damage": file.damage().map(damage),
        "skipped": skipped.collect::<Vec<_>>(),
    })
}

fn entry(entry: &EntryReport) -> Value {
    json!({
        "offset": entry.offset(),
        "key": entry.key(),
        "metric": entry.metric_name(),
        "sample": entry.sample_name(),
        "labels": entry.labels().collect::<BTreeMap<_, _>>(),
        "help": entry.help(),
        // JSON has neither infinities nor NaN.
        "value": format_f64(entry.value()),
        "timestamp": entry.timestamp(),
        "skipped": entry.skipped(),
        "removed": entry.is_removed(),
    })
}

fn damage(file: &DamagedFile) -> Value {
    json!({ "offset": file.offset(), "reason": file.reason() })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn pretty(value: &Value) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
