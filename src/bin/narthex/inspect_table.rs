//! The report of `narthex inspect` as tables for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use narthex::model::format_f64;
use narthex::multiprocess::inspect::{DirReport, EntryReport, FileContents, FileReport, Liveness};

use crate::output::{self, bytes, count, printable};

/// What all files of a directory come to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) files: usize,
    pub(crate) owners: usize,
    pub(crate) alive: usize,
    pub(crate) dead: usize,
    pub(crate) entries: usize,
    pub(crate) length: u64,
    pub(crate) allocated: u64,
    pub(crate) used: u64,
    pub(crate) waste: u64,
    pub(crate) removed: usize,
    pub(crate) idle: usize,
    pub(crate) damaged_files: usize,
    pub(crate) skipped_entries: usize,
}

impl Totals {
    pub(crate) fn of(report: &DirReport) -> Self {
        let owners: BTreeMap<_, _> = report
            .files()
            .iter()
            .filter_map(|file| Some((file.identifier()?, file.liveness()?)))
            .collect();
        let count = |state| owners.values().filter(|liveness| **liveness == state).count();
        let mut totals = Self {
            owners: owners.len(),
            alive: count(Liveness::Alive),
            dead: count(Liveness::Dead),
            damaged_files: report.damaged_files().count(),
            ..Self::default()
        };
        for file in report.files() {
            totals.files += 1;
            totals.entries += file.entries();
            totals.length += file.length();
            totals.allocated += file.allocated();
            totals.used += file.used();
            totals.waste += file.waste();
            totals.removed += file.removed();
            totals.idle += file.idle();
            totals.skipped_entries += file.skipped().len();
        }
        totals
    }
}

pub(crate) fn dir(report: &DirReport) -> String {
    let mut out = files(report.files());
    let totals = Totals::of(report);
    let _ = writeln!(
        out,
        "\n{} of {}{}: {}{}, {} series; {} used of {}, {} wasted",
        count(totals.files, "file", "files"),
        count(totals.owners, "owner", "owners"),
        states(&totals),
        count(totals.entries, "entry", "entries"),
        idle(&totals),
        report.series(),
        bytes(totals.used),
        bytes(totals.allocated),
        bytes(totals.waste),
    );
    if totals.damaged_files + totals.skipped_entries > 0 {
        let _ = writeln!(
            out,
            "{} damaged, {} skipped",
            count(totals.damaged_files, "file", "files"),
            count(totals.skipped_entries, "entry", "entries"),
        );
    }
    damage(&mut out, report.files());
    for file in report.other_files().iter().filter_map(|other| other.damage()) {
        let _ = writeln!(out, "  {}", output::damage(file.path(), file.reason(), file.offset()));
    }
    for disagreement in report.disagreements() {
        let _ = writeln!(out, "  {}", output::disagreement(disagreement));
    }
    if !report.other_files().is_empty() {
        let all = report.other_files().iter().map(|other| other.allocated()).sum();
        let _ =
            writeln!(out, "\nbeside them locks, side files and leftovers, {} in all:", bytes(all));
        for other in report.other_files() {
            let _ = writeln!(out, "  {}", name(other.path()));
        }
    }
    out
}

pub(crate) fn file(contents: &FileContents) -> String {
    let report = std::slice::from_ref(contents.report());
    let mut out = files(report);
    damage(&mut out, report);
    if !contents.entries().is_empty() {
        out.push('\n');
        out.push_str(&entries(contents.entries()));
    }
    out
}

fn files(files: &[FileReport]) -> String {
    let mut table = Table::new(
        [
            "FILE",
            "KIND",
            "MODE",
            "OWNER",
            "STATE",
            "PID",
            "ENTRIES",
            "IDLE",
            "SERIES",
            "USED",
            "ALLOCATED",
            "DAMAGE",
        ],
        &[5, 6, 7, 8, 9, 10],
    );
    for file in files {
        let damage = match (file.damage(), file.skipped().len()) {
            (Some(damage), _) => format!("{} at {}", damage.reason(), damage.offset()),
            (None, 0) => String::new(),
            (None, skipped) => format!("{skipped} skipped"),
        };
        table.push([
            name(file.path()),
            file.kind().map_or("?", |kind| kind.as_str()).to_owned(),
            file.mode().map_or("", |mode| mode.as_str()).to_owned(),
            printable(file.identifier().unwrap_or("?")),
            state(file).unwrap_or_default().to_owned(),
            file.pid().map_or_else(String::new, |pid| pid.to_string()),
            file.entries().to_string(),
            file.idle().to_string(),
            file.series().to_string(),
            bytes(file.used()),
            bytes(file.allocated()),
            damage,
        ]);
    }
    table.finish()
}

/// How many owners live, and so on, in brackets.
fn states(totals: &Totals) -> String {
    let unknown = totals.owners - totals.alive - totals.dead;
    let states = [(totals.alive, "alive"), (totals.dead, "dead"), (unknown, "unknown")];
    let states = states.iter().filter(|(owners, _)| *owners > 0);
    let states: Vec<_> = states.map(|(owners, state)| format!("{owners} {state}")).collect();
    if states.is_empty() { String::new() } else { format!(" ({})", states.join(", ")) }
}

/// How many entries count no more, in brackets.
fn idle(totals: &Totals) -> String {
    match totals.idle {
        0 => String::new(),
        idle => format!(" ({idle} idle)"),
    }
}

/// Whether the owner lives, or that there is none any more.
pub(crate) fn state(file: &FileReport) -> Option<&'static str> {
    match file.liveness() {
        _ if file.is_folded() => Some("folded"),
        liveness => liveness.map(|liveness| liveness.as_str()),
    }
}

fn entries(entries: &[EntryReport]) -> String {
    let mut table = Table::new(["OFFSET", "VALUE", "TIMESTAMP", "SERIES"], &[0, 1, 2]);
    for entry in entries {
        table.push([
            entry.offset().to_string(),
            format_f64(entry.value()),
            entry.timestamp().map_or_else(String::new, |time| format!("{time:.3}")),
            series(entry),
        ]);
    }
    table.finish()
}

/// The series as Prometheus would spell it, or the key as it stands if it cannot be read.
fn series(entry: &EntryReport) -> String {
    let Some(sample) = entry.sample_name() else {
        return format!(
            "skipped ({}): {}",
            entry.skipped().unwrap_or("key"),
            printable(entry.key())
        );
    };
    let labels: Vec<_> =
        entry.labels().map(|(name, value)| format!("{}={value:?}", printable(name))).collect();
    let series = match &*labels {
        [] => printable(sample),
        _ => format!("{}{{{}}}", printable(sample), labels.join(",")),
    };
    match entry.skipped() {
        Some(reason) => format!("skipped ({reason}): {series}"),
        None if entry.is_removed() => format!("removed: {series}"),
        None => series,
    }
}

fn damage(out: &mut String, files: &[FileReport]) {
    for file in files {
        if let Some(damage) = file.damage() {
            let line = output::damage(file.path(), damage.reason(), damage.offset());
            let _ = writeln!(out, "  {line}");
        }
        for entry in file.skipped() {
            let line = output::skipped(file.path(), entry.reason(), entry.offset());
            let _ = writeln!(out, "  {line}");
        }
    }
}

fn name(path: &Path) -> String {
    printable(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
}

/// Columns that are as wide as their widest cell.
struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    right: &'static [usize],
}

impl<const N: usize> Table<N> {
    fn new(head: [&str; N], right: &'static [usize]) -> Self {
        Self { rows: vec![head.map(str::to_owned)], right }
    }

    fn push(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    fn finish(self) -> String {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = usize::max(*width, cell.chars().count());
            }
        }
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (place, (cell, width)) in row.iter().zip(widths).enumerate() {
                let _ = match self.right.contains(&place) {
                    true => write!(line, "{cell:>width$}  "),
                    false => write!(line, "{cell:<width$}  "),
                };
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}
