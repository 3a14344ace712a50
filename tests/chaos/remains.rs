//! What can still be read of a damaged file of cells, by a reader that knows nothing of the library's.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::series::{Reading, SERIES};

/// Where the entries of a file begin that is not damaged, and how much of it is in use.
pub(crate) fn layout(bytes: &[u8]) -> (Vec<usize>, usize) {
    let mut starts = Vec::new();
    let used = word(bytes, 0).unwrap_or(0) as usize;
    let mut at = 8;
    while let Some((_, next)) = entry(bytes, at, used) {
        starts.push(at);
        at = next;
    }
    (starts, used)
}

/// What the entries before the damage come to, for each series.
pub(crate) fn sound_part(path: &Path) -> Vec<u64> {
    let bytes = fs::read(path).unwrap();
    let mut counts = vec![0; SERIES];
    let used = word(&bytes, 0).and_then(|used| usize::try_from(used).ok()).unwrap_or(0);
    let mut at = 8;
    while let Some((key, next)) = entry(&bytes, at, used.min(bytes.len())) {
        let value = f64::from_ne_bytes(bytes[next - 16..next - 8].try_into().unwrap());
        if let Some(place) = shown_name(key).and_then(|name| Reading::place(&name)) {
            counts[place] += value as u64;
        }
        at = next;
    }
    counts
}

/// The key of the entry at `at`, if it ends before `end`, and where the next begins.
fn entry(bytes: &[u8], at: usize, end: usize) -> Option<(&[u8], usize)> {
    let len = usize::try_from(word(bytes, at).filter(|_| at + 4 <= end)?).ok()?;
    let next = (at + 4 + len) / 8 * 8 + 8 + 16;
    (next <= end).then(|| (&bytes[at + 4..at + 4 + len], next))
}

fn word(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().unwrap()))
}

/// What a scrape calls the series of a key; none if it is no key.
fn shown_name(key: &[u8]) -> Option<String> {
    let key: Value = serde_json::from_slice(key).ok()?;
    let labels = key.get(2)?.as_object()?;
    let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={}", value)).collect();
    let sample = key.get(1)?.as_str()?;
    Some(match labels.is_empty() {
        true => sample.to_owned(),
        false => format!("{sample}{{{}}}", labels.join(",")),
    })
}
