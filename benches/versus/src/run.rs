//! One run: which rows are wanted, how much is measured, and what was seen.

use crate::harness::{Candidate, Lost, Pace, Seen, measure};
use crate::report::Report;

/// How many threads act at once.
pub const THREADS: [usize; 3] = [1, 2, 4];

pub struct Run {
    pub pace: Pace,
    pub report: Report,
    filters: Vec<String>,
}

/// A group of rows, by name and unit.
#[derive(Clone, Copy)]
pub struct Heading {
    pub name: &'static str,
    pub unit: &'static str,
}

impl Run {
    pub fn new(pace: Pace, filters: Vec<String>) -> Self {
        Self { pace, report: Report::default(), filters }
    }

    /// Whether a row was asked for: its group and name contain one of the filters.
    pub fn wants(&self, heading: Heading, row: &str) -> bool {
        let full = format!("{}, {row}", heading.name);
        self.filters.is_empty() || self.filters.iter().any(|filter| full.contains(filter))
    }

    /// Adds a row, and says so to whoever waits.
    pub fn add(&mut self, heading: Heading, row: String, seen: Vec<Seen>) {
        eprintln!("{}, {row}", heading.name);
        self.report.add(heading.name, heading.unit, row, seen);
    }

    /// How many things there are, of so many in a whole run.
    pub fn size(&self, whole: usize) -> usize {
        if self.pace.is_quick() { whole.div_ceil(100) } else { whole }
    }

    /// A row for each number of threads; `prefix` is what else they are told apart by.
    pub fn among_threads(
        &mut self,
        heading: Heading,
        prefix: &str,
        candidates: &[Candidate<'_>],
    ) -> Result<(), Lost> {
        for threads in THREADS {
            let row = threads_row(prefix, threads);
            if self.wants(heading, &row) {
                let seen = measure(self.pace, threads, candidates)
                    .map_err(|lost| lost.in_row(format!("{}, {row}", heading.name)))?;
                self.add(heading, row, seen);
            }
        }
        Ok(())
    }

    /// Whether any number of threads was asked for.
    pub fn wants_among_threads(&self, heading: Heading, prefix: &str) -> bool {
        THREADS.iter().any(|threads| self.wants(heading, &threads_row(prefix, *threads)))
    }
}

/// What a row is called that so many threads take part in.
pub fn threads_row(prefix: &str, threads: usize) -> String {
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    if prefix.is_empty() { threads } else { format!("{prefix}, {threads}") }
}
