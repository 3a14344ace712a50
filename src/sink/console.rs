//! The sink that writes lines for people.

use std::fmt;
use std::io::{self, Write};

use parking_lot::Mutex;

use crate::error::Error;
use crate::sink::export::{Sink, SinkFuture, done};
use crate::sink::snapshot::Snapshot;

/// Writes a line for each series: its window, and how many are new.
///
/// ```text
/// records{stream="a"} count=3 sum=6 min=1 max=3 new=1
/// ```
pub struct ConsoleSink {
    out: Mutex<Box<dyn Write + Send>>,
}

impl ConsoleSink {
    /// Writes to the standard output.
    pub fn stdout() -> Self {
        Self::to(io::stdout())
    }

    /// Writes to the standard error.
    pub fn stderr() -> Self {
        Self::to(io::stderr())
    }

    /// Writes to something else, such as a file.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self { out: Mutex::new(Box::new(out)) }
    }
}

/// The lines of one export.
fn lines(snapshots: &[Snapshot]) -> String {
    use fmt::Write as _;

    let mut lines = String::new();
    for snapshot in snapshots {
        lines.push_str(snapshot.name());
        for (place, (name, value)) in snapshot.dimensions().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            // Writing to a string cannot fail.
            let _ = write!(lines, "{before}{name}={value:?}");
        }
        if snapshot.dimensions().next().is_some() {
            lines.push('}');
        }
        let (window, new) = (snapshot.window(), snapshot.new());
        let _ = write!(lines, " count={}", window.count);
        if !window.is_empty() {
            let _ = write!(lines, " sum={} min={} max={}", window.sum, window.min, window.max);
        }
        let _ = writeln!(lines, " new={}", new.count);
    }
    lines
}

impl Sink for ConsoleSink {
    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        let lines = lines(snapshots);
        let mut out = self.out.lock();
        let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
        done(written.map_err(|error| Error::io("the console cannot be written to", error)))
    }

    fn name(&self) -> &str {
        "console"
    }
}

impl fmt::Debug for ConsoleSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSink").finish_non_exhaustive()
    }
}
