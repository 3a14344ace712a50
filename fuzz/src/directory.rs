//! A shared directory in a row of bytes: which file, how many bytes, these bytes, and so on.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::{Builder, TempDir};

/// The files that there can be: every kind that readers tell apart, of processes that
/// live (1), have left a lock (2), were said to be dead (1999999999), and of folds (0-f1).
pub const NAMES: [&str; 32] = [
    "counter_1.db",
    "counter_2.db",
    "counter_0-f1.db",
    "counter_1999999999.db",
    "summary_1.db",
    "summary_2.db",
    "histogram_1.db",
    "histogram_2.db",
    "histogram_0-f1.db",
    "gauge_all_1.db",
    "gauge_all_2.db",
    "gauge_liveall_1.db",
    "gauge_min_2.db",
    "gauge_livemin_1.db",
    "gauge_max_2.db",
    "gauge_livemax_1.db",
    "gauge_sum_2.db",
    "gauge_sum_0-f1.db",
    "gauge_livesum_1.db",
    "gauge_mostrecent_1.db",
    "gauge_mostrecent_2.db",
    "gauge_livemostrecent_1.db",
    "gauge_sum_1999999999.db",
    "1.narthex",
    "2.narthex",
    "0-f1.narthex",
    "2.lock",
    "1999999999.dead",
    "fold.manifest",
    ".counter_2.db.0123",
    "counter_0-f2.db",
    "cache.db",
];

/// An empty directory in memory, where nothing waits for a disk.
pub fn scratch() -> TempDir {
    let mut builder = Builder::new();
    builder.prefix("narthex-fuzz-");
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).expect("a directory")
}

/// The names and contents that such a row holds.
pub fn unpack(mut bytes: &[u8]) -> Vec<(&'static str, &[u8])> {
    let mut files = Vec::new();
    while let [name, low, high, rest @ ..] = bytes {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (content, behind) = rest.split_at(len);
        files.push((NAMES[usize::from(*name) % NAMES.len()], content));
        bytes = behind;
    }
    files
}

/// The row of the files of a directory that have one of the names, without what is not in use.
pub fn pack(dir: &Path) -> io::Result<Vec<u8>> {
    let mut row = Vec::new();
    for (place, name) in (0u8..).zip(NAMES) {
        let path = dir.join(name);
        if !path.exists() {
            continue;
        }
        let content = used(name, fs::read(path)?);
        let len = u16::try_from(content.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        row.push(place);
        row.extend(len.to_le_bytes());
        row.extend(content);
    }
    Ok(row)
}

/// The part of a file that is in use.
pub fn used(name: &str, mut content: Vec<u8>) -> Vec<u8> {
    let at = match name.rsplit('.').next() {
        Some("db") => 0,
        Some("narthex") => 12,
        _ => return content,
    };
    if let Some(used) = content.get(at..).and_then(|rest| rest.first_chunk()) {
        content.truncate(u32::from_le_bytes(*used) as usize);
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("1999999999.dead"), "").unwrap();
        let mut cells = vec![9, 0, 0, 0, 7, 7, 7, 7, 8];
        cells.resize(100, 0);
        fs::write(dir.path().join("gauge_all_2.db"), &cells).unwrap();
        let row = pack(dir.path()).unwrap();
        let expected: [(&str, &[u8]); 2] =
            [("gauge_all_2.db", &cells[..9]), ("1999999999.dead", b"")];
        assert_eq!(unpack(&row), expected);
        assert_eq!(unpack(&[42, 9, 0, 1]), [(NAMES[10], &[1][..])]);
    }
}
