//! What is to be forgotten when a process has died.

use std::path::Path;
use std::{fmt, fs, io};

use super::directory::canonical_dir;
use super::file_kind::FileKind;
use super::mode::GaugeMode;
use super::owner::{lock_path, numbering};
use crate::error::{Error, Result};

/// Forgets the values that gauges of the `Live…` modes had in a process that
/// has died: its files of these modes are removed from `dir`.
///
/// A process is named by its number, which stands for all of its stores, or
/// by the whole [`identifier`](super::MultiprocessStore::identifier) of one
/// store. Everything else that it counted stays. Returns how many files were
/// removed; that there were none is no error.
///
/// Processes that write with narthex are known to be dead without it. Of one
/// that does not, a mark `<number>.dead` stays with its other files, so that
/// they are folded with those of the dead as long as no process has that
/// number: [`Compaction`](super::Compaction).
///
/// ```
/// use narthex::multiprocess::mark_process_dead;
///
/// let dir = tempfile::tempdir()?;
/// for name in ["gauge_livesum_17-k3.db", "gauge_liveall_17.db", "gauge_sum_17.db", "gauge_livesum_171.db"] {
///     std::fs::write(dir.path().join(name), [0; 8])?;
/// }
/// assert_eq!(mark_process_dead(dir.path(), 17)?, 2);
/// assert!(dir.path().join("gauge_livesum_171.db").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::is_io`] if the directory cannot be read, or a file not be removed.
pub fn mark_process_dead(dir: impl AsRef<Path>, process: impl fmt::Display) -> Result<usize> {
    let dir = canonical_dir(dir.as_ref())?;
    let process = process.to_string();
    let cannot = |path: &Path, error| {
        Error::io(format!("the files of process {process} in {} stay", path.display()), error)
    };
    let mut removed = 0;
    let mut lasting = false;
    for file in fs::read_dir(&dir).map_err(|error| cannot(&dir, error))? {
        let path = file.map_err(|error| cannot(&dir, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| is_live_file_of(name, &process)) {
            lasting |= name.and_then(FileKind::parse).is_some_and(|(_, owner)| owner == process);
            continue;
        }
        match fs::remove_file(&path) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(&dir, error)),
        }
    }
    if lasting && is_number(&process) && !lock_path(&dir, &process).exists() {
        let mark = dir.join(format!("{process}.dead"));
        fs::write(&mark, numbering()).map_err(|error| cannot(&dir, error))?;
    }
    Ok(removed)
}

fn is_live_file_of(name: &str, process: &str) -> bool {
    let parts = name.strip_prefix("gauge_").and_then(|name| name.strip_suffix(".db"));
    let Some((mode, identifier)) = parts.and_then(|parts| parts.split_once('_')) else {
        return false;
    };
    if !GaugeMode::parse(mode).is_some_and(GaugeMode::is_live) {
        return false;
    }
    match identifier.strip_prefix(process) {
        Some("") => true,
        Some(rest) => is_number(process) && rest.starts_with('-'),
        None => false,
    }
}

fn is_number(process: &str) -> bool {
    !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_live_files_of_that_process_go() {
        assert!(is_live_file_of("gauge_livemostrecent_12.db", "12"));
        assert!(is_live_file_of("gauge_liveall_12-x7.db", "12"));
        assert!(is_live_file_of("gauge_livemin_worker-1.db", "worker-1"));
        for name in [
            "gauge_liveall_123.db",
            "gauge_liveall_1.db",
            "gauge_all_12.db",
            "gauge_liveavg_12.db",
            "gauge_liveall_12.db.bak",
            "gauge_liveall_12_3.db",
            "counter_12.db",
            ".gauge_liveall_12.db",
        ] {
            assert!(!is_live_file_of(name, "12"), "{name}");
        }
        assert!(!is_live_file_of("gauge_livemin_worker-1.db", "worker"));
        assert!(!is_live_file_of("gauge_livemin_-1.db", ""));
    }
}
