//! Files of cells with plain reads and writes: whatever one holds, sound entries first, then what is wrong.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::file_kind::FileKind;
use super::unique::is_drawn;
use crate::cell::mapped::UNTOUCHED;

/// The bytes before the first entry.
pub(crate) const HEADER: usize = 8;

/// The bytes of an entry's value and timestamp.
pub(crate) const NUMBERS: usize = 16;

/// How long a process may take to create a file.
const CREATION: Duration = Duration::from_secs(2);

/// One entry, its key not decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry<'a> {
    /// Where it stands in the file.
    pub(crate) offset: usize,
    pub(crate) key: &'a [u8],
    pub(crate) value: f64,
    /// In seconds since 1970; 0.0 if it was never set.
    pub(crate) timestamp: f64,
}

impl Entry<'_> {
    /// Whether a forked child has inherited it, and has not touched it yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.value.to_bits() == UNTOUCHED && self.timestamp.to_bits() == UNTOUCHED
    }
}

/// Where a file stops making sense, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) offset: usize,
    pub(crate) what: DamageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DamageKind {
    /// An entry has an impossible length.
    Entry,
    /// The number of bytes in use is impossible.
    Header,
    /// The name of the file does not say of what type its entries are.
    Name,
    /// The file ends before the bytes that are in use.
    Truncated,
    /// The operating system does not let it be read.
    Unreadable,
    /// A value of a side file is not what was written.
    Value,
}

impl DamageKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Header => "header",
            Self::Name => "name",
            Self::Truncated => "truncated",
            Self::Unreadable => "unreadable",
            Self::Value => "value",
        }
    }
}

/// The part of a file that is in use, or as much of it as shows that it is damaged.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_into(path, &mut bytes)?;
    Ok(bytes)
}

/// As [`read`], in place of what `bytes` held.
pub(crate) fn read_into(path: &Path, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    // A named pipe would be waited for when it is opened.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut file = File::open(path)?;
    // The count of used bytes is read before them: what it counts was written before it.
    (&mut file).take(HEADER as u64).read_to_end(bytes)?;
    let is_whole = is_published_whole(path);
    if bytes.is_empty() && !is_whole && is_young(&file) {
        // Python's client creates a file before it gives it a size.
        bytes.resize(HEADER, 0);
        return Ok(());
    }
    let used = used(bytes);
    if used == Some(0) && is_whole {
        // As a disk may have it after a loss of power: nothing is left.
        bytes.clear();
    }
    let Some(used) = used.filter(|used| *used > HEADER) else { return Ok(()) };
    // A file of another kind may be large; its first entry gives it away.
    (&mut file).take(size_of::<i32>() as u64).read_to_end(bytes)?;
    if entry(bytes, HEADER, usize::min(used, size_of_file(&file)?)).is_some() {
        file.take((used - bytes.len()) as u64).read_to_end(bytes)?;
    }
    Ok(())
}

/// The entries of the bytes that [`read`] gave, and what is wrong behind them.
pub(crate) fn entries(bytes: &[u8]) -> (Vec<Entry<'_>>, Option<Damage>) {
    let mut entries = Entries::of(bytes);
    (entries.by_ref().collect(), entries.damage())
}

/// The entries of the bytes that [`read`] gave, one by one up to the damage.
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    used: usize,
    damage: Option<Damage>,
}

impl<'a> Entries<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let (used, damage) = match used(bytes) {
            Some(used) => (used, None),
            None if bytes.len() < size_of::<i32>() => {
                (0, Some(Damage { offset: bytes.len(), what: DamageKind::Truncated }))
            }
            None => (0, Some(Damage { offset: 0, what: DamageKind::Header })),
        };
        Self { bytes, at: HEADER, end: usize::min(used, bytes.len()), used, damage }
    }

    /// What is wrong behind the entries, as far as they were asked for.
    pub(crate) fn damage(&self) -> Option<Damage> {
        self.damage
    }

    fn read(&self) -> Result<(Entry<'a>, usize), DamageKind> {
        let &Self { bytes, at, end, used, .. } = self;
        let Some((key_at, numbers_at)) = entry(bytes, at, end) else {
            // It may be sound, and merely cut off with the file.
            let cut =
                end < used && (end - at < size_of::<i32>() || entry(bytes, at, used).is_some());
            return Err(if cut { DamageKind::Truncated } else { DamageKind::Entry });
        };
        let key_len = read_i32(bytes, at).unwrap_or(0) as usize;
        match (
            bytes.get(key_at..key_at + key_len),
            read_f64(bytes, numbers_at),
            read_f64(bytes, numbers_at + NUMBERS / 2),
        ) {
            (Some(key), Some(value), Some(timestamp)) => {
                Ok((Entry { offset: at, key, value, timestamp }, numbers_at + NUMBERS))
            }
            _ => Err(DamageKind::Truncated),
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.damage.is_some() {
            return None;
        }
        if self.at >= self.end {
            if self.used > HEADER && self.end < self.used {
                self.damage = Some(Damage { offset: self.end, what: DamageKind::Truncated });
            }
            return None;
        }
        match self.read() {
            Ok((entry, behind)) => {
                self.at = behind;
                Some(entry)
            }
            Err(what) => {
                self.damage = Some(Damage { offset: self.at, what });
                None
            }
        }
    }
}

/// The bytes of a file with these entries and no room for more.
///
/// Fails if they are more than a file can hold.
pub(crate) fn write<'a>(entries: impl Iterator<Item = Entry<'a>>) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
    let mut bytes = vec![0; HEADER];
    for entry in entries {
        let len = i32::try_from(entry.key.len()).map_err(|_| too_large())?;
        bytes.extend_from_slice(&len.to_ne_bytes());
        bytes.extend_from_slice(entry.key);
        bytes.resize(bytes.len() + 8 - bytes.len() % 8, b' ');
        bytes.extend_from_slice(&entry.value.to_ne_bytes());
        bytes.extend_from_slice(&entry.timestamp.to_ne_bytes());
    }
    let used = i32::try_from(bytes.len()).map_err(|_| too_large())?;
    bytes[..size_of::<i32>()].copy_from_slice(&used.to_ne_bytes());
    Ok(bytes)
}

/// How many bytes are in use, if the header can say so; 0 and 8 both mean no entry.
fn used(bytes: &[u8]) -> Option<usize> {
    let used = usize::try_from(read_i32(bytes, 0)?).ok()?;
    (used == 0 || used >= HEADER).then_some(used)
}

/// Where the key and the numbers of the entry at `at` begin, if it ends within `end`.
fn entry(bytes: &[u8], at: usize, end: usize) -> Option<(usize, usize)> {
    let len = usize::try_from(read_i32(bytes, at)?).ok()?;
    let key_at = at + size_of::<i32>();
    let key_end = key_at.checked_add(len)?;
    // The padding is 1 to 8 bytes long.
    let numbers_at = key_end.checked_add(8 - key_end % 8)?;
    (numbers_at.checked_add(NUMBERS)? <= end).then_some((key_at, numbers_at))
}

/// Whether nobody ever sees a file of that name before it says how many bytes are in use.
fn is_published_whole(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let named = name.and_then(FileKind::parse);
    named.is_some_and(|(_, identifier)| is_drawn(identifier))
}

/// Whether the file may have been created just now.
fn is_young(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    // One from the future has an age of nothing: the clock was set.
    modified.is_some_and(|at| at.elapsed().unwrap_or_default() < CREATION)
}

fn size_of_file(file: &File) -> io::Result<usize> {
    Ok(usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX))
}

fn read_i32(bytes: &[u8], at: usize) -> Option<i32> {
    let bytes = bytes.get(at..at.checked_add(size_of::<i32>())?)?;
    Some(i32::from_ne_bytes(bytes.try_into().ok()?))
}

fn read_f64(bytes: &[u8], at: usize) -> Option<f64> {
    let bytes = bytes.get(at..at.checked_add(size_of::<f64>())?)?;
    Some(f64::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file of entries, with spaces as padding.
    fn file(keys: &[(&str, f64, f64)]) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        for (key, value, timestamp) in keys {
            bytes.extend((key.len() as i32).to_ne_bytes());
            bytes.extend(key.as_bytes());
            bytes.push(b' ');
            while bytes.len() % 8 != 0 {
                bytes.push(b' ');
            }
            bytes.extend(value.to_ne_bytes());
            bytes.extend(timestamp.to_ne_bytes());
        }
        set_used(&mut bytes, None);
        bytes
    }

    fn set_used(bytes: &mut [u8], used: Option<i32>) {
        let used = used.unwrap_or(bytes.len() as i32);
        bytes[..4].copy_from_slice(&used.to_ne_bytes());
    }

    fn damage(bytes: &[u8]) -> (usize, Option<(usize, DamageKind)>) {
        let (entries, damage) = entries(bytes);
        (entries.len(), damage.map(|damage| (damage.offset, damage.what)))
    }

    #[test]
    fn entries_are_read_in_order() {
        let bytes = file(&[("a", 1.0, 0.0), ("bcde", -2.5, 1e9), ("", 0.0, 0.0)]);
        let (entries, damage) = entries(&bytes);
        assert_eq!(damage, None);
        assert_eq!(
            entries,
            [
                Entry { offset: 8, key: b"a", value: 1.0, timestamp: 0.0 },
                Entry { offset: 32, key: b"bcde", value: -2.5, timestamp: 1e9 },
                Entry { offset: 64, key: b"", value: 0.0, timestamp: 0.0 },
            ]
        );
    }

    #[test]
    fn a_file_without_entries_is_sound() {
        assert_eq!(damage(&file(&[])), (0, None));
        assert_eq!(damage(&[0; 65536]), (0, None));
        assert_eq!(damage(&8i32.to_ne_bytes()), (0, None));
        assert_eq!(damage(&[]), (0, Some((0, DamageKind::Truncated))));
        assert_eq!(damage(&[8, 0]), (0, Some((2, DamageKind::Truncated))));
    }

    #[test]
    fn a_file_that_is_published_whole_is_never_blank() {
        let dir = tempfile::tempdir().unwrap();
        let named = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            entries(&read(&path).unwrap()).1
        };
        let nothing = Some(Damage { offset: 0, what: DamageKind::Truncated });
        for blank in [&[][..], &[0; 8], &[0; 4096]] {
            assert_eq!(named("counter_12-k3f0a9qv.db", blank), nothing);
            // Python's client may be about to write to them.
            assert_eq!(named("counter_12.db", blank), None);
        }
        assert_eq!(named("counter_12-k3f0a9qv.db", &[8, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn entries_before_the_damage_count() {
        // Two entries of 4 + 1 + 3 + 16 = 24 bytes.
        let sound = file(&[("a", 1.0, 0.0), ("b", 2.0, 0.0)]);
        assert_eq!(sound.len(), 56);
        let broken = |used: Option<i32>, second: i32| {
            let mut bytes = sound.clone();
            set_used(&mut bytes, used);
            bytes[32..36].copy_from_slice(&second.to_ne_bytes());
            bytes
        };
        assert_eq!(damage(&broken(None, -1)), (1, Some((32, DamageKind::Entry))));
        assert_eq!(damage(&broken(None, 4)), (1, Some((32, DamageKind::Entry))));
        assert_eq!(damage(&broken(None, i32::MAX)), (1, Some((32, DamageKind::Entry))));
        assert_eq!(damage(&broken(Some(-8), 1)), (0, Some((0, DamageKind::Header))));
        assert_eq!(damage(&broken(Some(7), 1)), (0, Some((0, DamageKind::Header))));
        assert_eq!(damage(&broken(Some(55), 1)), (1, Some((32, DamageKind::Entry))));
        assert_eq!(damage(&broken(Some(64), 1)), (2, Some((56, DamageKind::Truncated))));
        for len in 33..56 {
            assert_eq!(damage(&sound[..len]), (1, Some((32, DamageKind::Truncated))), "{len}");
        }
        // Bytes behind those in use are of no interest.
        assert_eq!(damage(&broken(Some(32), -1)), (1, None));
    }

    #[test]
    fn a_foreign_file_is_not_read_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.db");
        let mut foreign = b"SQLite format 3\0".to_vec();
        foreign.resize(1 << 20, 7);
        std::fs::write(&path, &foreign).unwrap();
        let bytes = read(&path).unwrap();
        assert!(bytes.len() < 100);
        assert_eq!(damage(&bytes).0, 0);
        assert!(damage(&bytes).1.is_some());
        assert!(read(dir.path()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            entries(&bytes);
        }

        #[test]
        fn no_damage_makes_it_panic_or_costs_what_stands_before(
            at in 8usize..128,
            with in any::<[u8; 4]>(),
            used in any::<Option<i32>>(),
            len in 0usize..=152,
        ) {
            let keys: Vec<_> = ["a", "bb", "ccc", "dddd", "eeeee", "f"].map(|key| (key, 1.0, 0.0)).into();
            let mut bytes = file(&keys);
            bytes[at..at + 4].copy_from_slice(&with);
            let sound = entries(&bytes).0.len();
            let whole = (at - 8) / 24;
            prop_assert!(sound >= usize::min(whole, 3));
            if used.is_some() {
                set_used(&mut bytes, used);
            }
            bytes.truncate(len);
            entries(&bytes);
        }
    }
}
