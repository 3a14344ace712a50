//! What was seen, as tables in Markdown.

use std::fmt::Write;

use crate::harness::{Seen, Who};
use crate::peers;

/// Rows that are alike: measured by the same candidates, in the same unit.
pub struct Group {
    pub name: &'static str,
    pub unit: &'static str,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: String,
    pub seen: Vec<Seen>,
}

/// All groups, in the order in which they were measured.
#[derive(Default)]
pub struct Report {
    pub groups: Vec<Group>,
}

impl Row {
    pub fn narthex(&self) -> Option<f64> {
        self.of(Who::Narthex)
    }

    pub fn of(&self, who: Who) -> Option<f64> {
        self.seen.iter().find(|seen| seen.who == who).map(|seen| seen.value)
    }

    /// The peer with the smallest number.
    pub fn best_peer(&self) -> Option<(&'static str, f64)> {
        let peers = self.seen.iter().filter_map(|seen| match seen.who {
            Who::Peer(name) => Some((name, seen.value)),
            _ => None,
        });
        peers.min_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// The first limit is the one that the row is judged by.
    fn limit(&self) -> Option<(&'static str, f64)> {
        self.limits().next()
    }

    fn limits(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.seen.iter().filter_map(|seen| match seen.who {
            Who::Limit(name) => Some((name, seen.value)),
            _ => None,
        })
    }
}

impl Report {
    pub fn add(&mut self, group: &'static str, unit: &'static str, name: String, seen: Vec<Seen>) {
        let row = Row { name, seen };
        match self.groups.last_mut() {
            Some(last) if last.name == group => last.rows.push(row),
            _ => self.groups.push(Group { name: group, unit, rows: vec![row] }),
        }
    }

    /// The row of a group, by its name.
    pub fn row(&self, group: &str, name: &str) -> Option<&Row> {
        let group = self.groups.iter().find(|found| found.name == group)?;
        group.rows.iter().find(|row| row.name == name)
    }
}

impl Group {
    pub fn markdown(&self) -> String {
        let limits = self.limits();
        let peers: Vec<&str> = peers::ALL
            .into_iter()
            .filter(|peer| self.rows.iter().any(|row| row.of(Who::Peer(peer)).is_some()))
            .collect();
        let mut heads = vec![self.unit.to_owned(), "narthex".to_owned()];
        heads.extend(["best peer", "ratio", "limit", "ratio to limit"].map(str::to_owned));
        heads.extend(peers.iter().map(|peer| (*peer).to_owned()));
        heads.extend(limits.iter().map(|limit| format!("*{limit}*")));
        let mut table = format!("### {}\n\n{}", self.name, line(&heads));
        table += &format!("| --- |{}\n", " ---: |".repeat(heads.len() - 1));
        for row in &self.rows {
            let narthex = row.narthex();
            let (best, limit) = (row.best_peer(), row.limit());
            let ratio = |other: Option<(&str, f64)>| {
                let ratio = narthex.zip(other).map(|(narthex, (_, other))| other / narthex);
                ratio.filter(|ratio| ratio.is_normal())
            };
            let mut cells = vec![row.name.clone(), narthex.map_or(none(), number)];
            cells.push(best.map_or(none(), |(name, value)| format!("{} {name}", number(value))));
            cells.push(ratio(best).map_or(none(), times));
            cells.push(limit.map_or(none(), |(name, value)| format!("{} {name}", number(value))));
            cells.push(ratio(limit).map_or(none(), |ratio| times(1.0 / ratio)));
            let value = |who| row.of(who).map_or(none(), number);
            cells.extend(peers.iter().map(|peer| value(Who::Peer(peer))));
            cells.extend(limits.iter().map(|limit| value(Who::Limit(limit))));
            table += &line(&cells);
        }
        table
    }

    /// Each limit of any row, once.
    fn limits(&self) -> Vec<&'static str> {
        let mut limits = Vec::new();
        for (name, _) in self.rows.iter().flat_map(Row::limits) {
            if !limits.contains(&name) {
                limits.push(name);
            }
        }
        limits
    }
}

/// A line of a table.
pub fn line(cells: &[impl AsRef<str>]) -> String {
    let mut line = String::from("|");
    for cell in cells {
        let _ = write!(line, " {} |", cell.as_ref());
    }
    line + "\n"
}

/// Three digits of a number, as many as were measured.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let whole = value.abs().max(1e-9).log10().floor() as i32 + 1;
    let decimals = (3 - whole).clamp(0, 2) as usize;
    format!("{value:.decimals$}")
}

/// A ratio.
pub fn times(ratio: f64) -> String {
    let decimals = if ratio < 9.95 { 1 } else { 0 };
    let decimals = if ratio < 1.95 { 2 } else { decimals };
    format!("{ratio:.decimals$}x")
}

fn none() -> String {
    "-".to_owned()
}
