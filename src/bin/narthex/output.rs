//! How the program speaks: results on standard output, complaints on standard error.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use narthex::multiprocess::inspect::DisagreementReport;

/// What a command found, once it has done its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sound,
    /// What was read is not valid, or differs; or, where it was asked to be strict, is damaged.
    Damaged,
    /// Some of what was to be read could not be, as was told.
    Unread,
}

impl Outcome {
    pub(crate) fn of(damaged: bool, strict: bool) -> Self {
        if damaged && strict { Self::Damaged } else { Self::Sound }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(message)
    }
}

/// Writes a result. Whoever has read enough of it and closed the pipe is content.
pub(crate) fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    printed(out.write_all(text).and_then(|()| out.flush()))
}

/// Writes a long result, piece by piece.
pub(crate) fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let written = write(&mut out).and_then(|()| out.flush());
    // What is left of it is not to be written again.
    drop(out.into_parts());
    printed(written)
}

fn printed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure(format!("the result cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error. That nobody hears it is no reason to end.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "narthex: {message}");
}

/// Writes what the library logs to standard error.
pub(crate) fn complain_of_what_is_logged() {
    if log::set_logger(&Complaints).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

struct Complaints;

impl log::Log for Complaints {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("narthex") && metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            complain(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// What is wrong with a file, in a line.
pub(crate) fn damage(path: &Path, reason: &str, offset: u64) -> String {
    let what = match reason {
        "entry" => "an entry of impossible length",
        "header" => "no file of metrics, as its first bytes tell",
        "key" => "an entry whose key cannot be read",
        "name" => "a name that does not tell the type of its metrics",
        "truncated" => "an end before the bytes that are in use",
        "unreadable" => "not readable",
        "value" => "an entry of a side file that is not what was written",
        other => other,
    };
    format!("{}: {what} (byte {offset}, {reason})", path.display())
}

/// What two files say of a family, in a line.
pub(crate) fn disagreement(found: &DisagreementReport) -> String {
    let says = found.says().map(|(path, says)| format!("{}: {says}", path.display()));
    let says: Vec<_> = says.collect();
    let what = match found.about() {
        "buckets" => "other buckets",
        "mode" => "another mode",
        "type" => "another type",
        about => about,
    };
    format!("{} has {what} in other files: {}", found.family(), says.join("; "))
}

/// Why an entry is left out, in a line.
pub(crate) fn skipped(path: &Path, reason: &str, offset: u64) -> String {
    let what = match reason {
        "key" => "an entry whose key cannot be read",
        "name" => "an entry with a name that is not allowed",
        other => other,
    };
    format!("{}: {what} (byte {offset}, {reason})", path.display())
}

/// Text of a file, without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A number of things.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Bytes as people read them.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if amount < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{amount:.1} {unit}") };
        }
        amount /= 1024.0;
    }
    format!("{amount:.1} GiB")
}
