//! Directories for the tests of folding, and what they come to.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use super::disk::{Disk, RealDisk};
use super::figures::Scope;
use crate::collector::for_each_family;
use crate::multiprocess::MultiProcessCollector;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::owner::lock_path;
use crate::multiprocess::reader::{Entry, write};

/// Few enough to be listed that a fold of the tests strikes its dead from the list.
pub(super) const ALL: Scope = Scope { local_numbers: false, processes: usize::MAX, listed: 3 };

/// No process has this number: Linux gives none above 2^22.
pub(super) const NOBODY: &str = "1999999999";

/// A disk that calls `before` at each step; a write has two, as it may be cut in half.
pub(super) struct Stepped<F> {
    pub(super) before: F,
    /// Whether waiting for the disk is a step: it changes nothing that a reader could see.
    pub(super) syncs: bool,
}

impl<F: Fn()> Disk for Stepped<F> {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        (self.before)();
        RealDisk.write(path, &bytes[..bytes.len() / 2])?;
        (self.before)();
        RealDisk.write(path, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.before)();
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.before)();
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if !self.syncs {
            return Ok(());
        }
        (self.before)();
        RealDisk.sync_dir(dir)
    }
}

/// In memory, where there is no disk to wait for.
pub(super) fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(super) fn put(dir: &Path, kind: FileKind, identifier: &str, entries: &[(&str, f64, f64)]) {
    let entries = entries.iter().map(|&(key, value, timestamp)| Entry {
        offset: 0,
        key: key.as_bytes(),
        value,
        timestamp,
    });
    let hidden = dir.join(format!(".{identifier}"));
    fs::write(&hidden, write(entries).unwrap()).unwrap();
    fs::rename(hidden, dir.join(kind.file_name(identifier))).unwrap();
}

/// Leaves the files of a process in all kinds; each adds `bit` to what is summed.
pub(super) fn leave(dir: &Path, identifier: &str, bit: u32) {
    let amount = f64::from(1 << bit);
    put(dir, FileKind::Counter, identifier, &[(r#"["c", "c_total", {}, "h"]"#, amount, 0.0)]);
    put(
        dir,
        FileKind::Summary,
        identifier,
        &[
            (r#"["s", "s_count", {}, "h"]"#, amount, 0.0),
            (r#"["s", "s_sum", {}, "h"]"#, amount / 2.0, 0.0),
        ],
    );
    put(
        dir,
        FileKind::Histogram,
        identifier,
        &[
            (r#"["d", "d_sum", {}, "h"]"#, amount, 0.0),
            (r#"["d", "d_bucket", {"le": "1.0"}, "h"]"#, amount, 0.0),
            (r#"["d", "d_bucket", {"le": "+Inf"}, "h"]"#, amount, 0.0),
        ],
    );
    for mode in GaugeMode::ALL {
        let key = format!(r#"["g_{mode}", "g_{mode}", {{}}, "h"]"#);
        let timestamp = if mode.is_most_recent() { 1e9 + f64::from(bit % 5) } else { 0.0 };
        put(dir, FileKind::Gauge(mode), identifier, &[(&key, amount, timestamp)]);
    }
}

pub(super) fn leave_dead(dir: &Path, identifier: &str, bit: u32) {
    fs::write(lock_path(dir, identifier), "").unwrap();
    leave(dir, identifier, bit);
}

/// Every series of the merged directory but those that tell of the mode itself.
pub(super) fn merged(dir: &Path) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let collector = MultiProcessCollector::new(dir).unwrap().folding(false);
    for_each_family(&collector, &mut |family| {
        family.for_each_sample(&mut |sample| {
            let labels: String =
                sample.labels().iter().map(|(name, value)| format!(",{name}={value}")).collect();
            samples.insert(format!("{}{labels}", sample.name()), sample.value());
        });
        Ok(())
    })
    .unwrap();
    samples.retain(|name, _| !name.starts_with("narthex_"));
    samples
}

pub(super) fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}
