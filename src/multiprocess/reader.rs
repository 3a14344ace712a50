//! Files of cells with plain reads and writes: whatever one holds, sound entries first, then what is wrong.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::file_kind::FileKind;
use super::rule::Dated;
use super::turn;
use super::unique::is_drawn;

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
        Dated::new(self.value, self.timestamp).is_untouched()
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
    /// The key of an entry is not the JSON that it should be.
    Key,
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
            Self::Key => "key",
            Self::Name => "name",
            Self::Truncated => "truncated",
            Self::Unreadable => "unreadable",
            Self::Value => "value",
        }
    }
}

/// The part of a file that is in use, or as much of it as shows that it is damaged.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut room = Room::default();
    let len = read_into(path, &mut room)?.len();
    room.bytes.truncate(len);
    Ok(room.bytes)
}

/// As [`read`], into room that was used before.
pub(crate) fn read_into<'r>(path: &Path, room: &'r mut Room) -> io::Result<&'r [u8]> {
    let (mut file, metadata) = open(path)?;
    let size = |file: &File, used| size_of_file(file, &metadata, used);
    let mut len = read_from(&mut file, size, room)?;
    let is_blank = used(room.first(len)).unwrap_or(len) == 0;
    if is_blank && is_published_whole(path) {
        // As a disk may have it after a loss of power: nothing is left.
        len = 0;
    } else if len == 0 && is_young(&metadata) {
        // Python's client creates a file before it gives it a size.
        room.bytes[..HEADER].fill(0);
        len = HEADER;
    }
    Ok(room.first(len))
}

/// Reads the part of an open file that [`read`] gives; says how long it is.
///
/// `size` says how much of it is there, and is in use.
pub(crate) fn read_from<F: Read>(
    file: &mut F,
    size: impl FnOnce(&F, usize) -> io::Result<usize>,
    room: &mut Room,
) -> io::Result<usize> {
    // The count of used bytes is read before them: what it counts was written before it.
    let mut len = room.fill(file, 0, HEADER)?;
    if let Some(used) = used(room.first(len)).filter(|used| *used > HEADER) {
        // A file of another kind may be large; its first entry gives it away.
        len = room.fill(file, len, size_of::<i32>())?;
        let size = size(file, used)?;
        if entry(room.first(len), HEADER, size).is_some() {
            len = room.fill(file, len, size - len)?;
        }
    }
    Ok(len)
}

/// Opens a regular file; what else there may be is not waited for.
pub(crate) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    turn::step();
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits() as i32,
    );
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok((file, metadata));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

/// Room for the bytes of one file after another.
#[derive(Debug, Default)]
pub(crate) struct Room {
    bytes: Vec<u8>,
}

impl Room {
    /// As many of its bytes as were filled.
    pub(crate) fn first(&mut self, len: usize) -> &mut [u8] {
        &mut self.bytes[..len]
    }

    /// Reads up to `len` more bytes behind those at `from`; says where they end.
    pub(crate) fn fill(
        &mut self,
        file: &mut impl Read,
        from: usize,
        len: usize,
    ) -> io::Result<usize> {
        let end = from.saturating_add(len);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = from;
        while at < end {
            match file.read(&mut self.bytes[at..end]) {
                Ok(0) => break,
                Ok(read) => at += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(at)
    }
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

    /// How many bytes they have, with all that stands around them.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where the next entry stands, if there is one.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The numbers of the next entry, if these are the bytes before them: length, key and padding.
    pub(crate) fn next_with(&mut self, head: &[u8]) -> Option<Dated> {
        let (have, rest) = self.bytes.get(self.at..self.end)?.split_at_checked(head.len())?;
        let (value, rest) = rest.split_first_chunk()?;
        let (timestamp, _) = rest.split_first_chunk()?;
        if have != head {
            return None;
        }
        self.at += head.len() + NUMBERS;
        Some(Dated::new(f64::from_ne_bytes(*value), f64::from_ne_bytes(*timestamp)))
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

/// Appends what stands before the numbers of an entry: the length of the key, the key, and 1 to 8 of padding.
pub(crate) fn push_head(key: &[u8], bytes: &mut Vec<u8>) {
    // No file can hold a longer one.
    let len = i32::try_from(key.len()).unwrap_or(-1);
    bytes.extend_from_slice(&len.to_ne_bytes());
    bytes.extend_from_slice(key);
    bytes.resize(bytes.len() + 8 - bytes.len() % 8, b' ');
}

/// The bytes of a file with these entries and no room for more.
///
/// Fails if they are more than a file can hold.
pub(crate) fn write<'a>(entries: impl Iterator<Item = Entry<'a>>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER];
    for entry in entries {
        push_head(entry.key, &mut bytes);
        bytes.extend_from_slice(&entry.value.to_ne_bytes());
        bytes.extend_from_slice(&entry.timestamp.to_ne_bytes());
    }
    let used = i32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
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
fn is_young(metadata: &Metadata) -> bool {
    let modified = metadata.modified().ok();
    // One from the future has an age of nothing: the clock was set.
    modified.is_some_and(|at| at.elapsed().unwrap_or_default() < CREATION)
}

/// How many of the used bytes the file has.
pub(crate) fn size_of_file(file: &File, opened: &Metadata, used: usize) -> io::Result<usize> {
    let mut len = opened.len();
    if len < used as u64 {
        // It may have grown since it was opened.
        len = file.metadata()?.len();
    }
    Ok(usize::try_from(len).unwrap_or(usize::MAX).min(used))
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
