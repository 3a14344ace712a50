//! Folds files of cells: the entries of many become those of one, by the rules of the merge.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;

use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key::Key;
use crate::multiprocess::listing::{Listing, Part, folded_identifier};
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::reader::{self, Entry, read, write};
use crate::multiprocess::side::{self, Said};

/// What the next generation is made of.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    pub(super) files: Vec<(FileKind, Vec<u8>)>,
    /// The content of their side file, if there is something to say.
    pub(super) side: Option<Vec<u8>>,
    /// The dead, without those of whom a file cannot be read now.
    pub(super) absorbed: Vec<&'a str>,
    /// The names of files of which a part was lost.
    pub(super) damaged: BTreeSet<String>,
}

/// Folds the cells of the dead with those of the current generation.
pub(super) fn fold<'a>(listing: &Listing, dead: &[&'a str]) -> io::Result<Folded<'a>> {
    let mut files: BTreeMap<&str, Vec<(FileKind, &str)>> = BTreeMap::new();
    for file in &listing.owned {
        if let Part::Cells(kind) = file.part {
            files.entry(&file.identifier).or_default().push((kind, &file.name));
        }
    }
    let contents_of =
        |owner: &str| contents_of(listing, owner, files.get(owner).map_or(&[], Vec::as_slice));
    let mut absorbed = Vec::new();
    let mut contents = BTreeMap::new();
    let mut sides = Vec::new();
    for &owner in dead {
        match contents_of(owner) {
            Ok((read, side)) if !owner.contains(char::is_control) => {
                contents.extend(read);
                sides.push((owner, side));
                absorbed.push(owner);
            }
            // It stays as it is, and counts.
            _ => {}
        }
    }
    let mut folded = Folded { files: Vec::new(), side: None, absorbed, damaged: BTreeSet::new() };
    if folded.absorbed.is_empty() {
        return Ok(folded);
    }
    let current = folded_identifier(listing.manifest.generation);
    let (read, side) = contents_of(&current)?;
    contents.extend(read);
    sides.push((&current, side));
    let damaged = sides.iter().filter(|(_, side)| side.is_damaged);
    folded.damaged.extend(damaged.map(|(owner, _)| side_name(owner)));

    let places = sides.iter().enumerate();
    let side_places: HashMap<&str, usize> = places.map(|(at, (owner, _))| (*owner, at)).collect();
    let mut kinds: Vec<Cells> = Vec::new();
    let mut went: HashMap<(usize, FileKind, u32), usize> = HashMap::new();
    // By name, as files are merged: the folded one comes first.
    for (name, (kind, bytes)) in &contents {
        let place = kinds.iter().position(|cells| cells.kind == *kind).unwrap_or_else(|| {
            kinds.push(Cells::new(*kind));
            kinds.len() - 1
        });
        let (entries, damage) = reader::entries(bytes);
        let owner = FileKind::parse(name).map_or("", |(_, owner)| owner);
        let side = side_places.get(owner).copied();
        let notes = side.and_then(|side| sides[side].1.said.rows.get(kind));
        let counted: Vec<_> = entries
            .into_iter()
            .filter(|entry| !entry.is_untouched())
            .filter(|entry| notes.is_none_or(|notes| !notes.is_removed(entry.offset)))
            .collect();
        let readable = kinds[place].add(&counted, |row, to| {
            if let (Some(side), Ok(row)) = (side, u32::try_from(row)) {
                went.insert((side, *kind, row), to);
            }
        });
        if damage.is_some() || !readable {
            folded.damaged.insert(name.clone());
        }
    }
    let mut offsets = HashMap::new();
    for cells in kinds {
        let bytes = cells.render()?;
        let (entries, _) = reader::entries(&bytes);
        let places = entries.iter().map(|entry| u32::try_from(entry.offset).ok());
        offsets.insert(cells.kind, places.collect::<Vec<_>>());
        folded.files.push((cells.kind, bytes));
    }
    let row_of = |side, kind, row| {
        let to = *went.get(&(side, kind, row))?;
        *offsets.get(&kind)?.get(to)?
    };
    folded.side = side::fold::fold(sides.iter().map(|(_, side)| &side.said), row_of);
    Ok(folded)
}

/// A file by its name: its kind, and its bytes.
type Content = (String, (FileKind, Vec<u8>));

/// The bytes of the files that outlive their process, by name, and its side file.
fn contents_of(
    listing: &Listing,
    owner: &str,
    files: &[(FileKind, &str)],
) -> io::Result<(Vec<Content>, SideOf)> {
    let side = SideOf::read(&listing.dir.join(side_name(owner)))?;
    let lasting = files.iter().filter(|(kind, _)| kind.outlives_its_process());
    let contents = lasting
        .map(|(kind, name)| Ok(((*name).to_owned(), (*kind, read(&listing.dir.join(name))?))));
    Ok((contents.collect::<io::Result<_>>()?, side))
}

fn side_name(owner: &str) -> String {
    format!("{owner}.{}", side::EXTENSION)
}

/// What the side file of an owner says, which is nothing if there is none.
#[derive(Debug, Default)]
struct SideOf {
    said: Said,
    is_damaged: bool,
}

impl SideOf {
    fn read(path: &Path) -> io::Result<Self> {
        match Said::read(path) {
            Ok((said, damages)) => Ok(Self { said, is_damaged: !damages.is_empty() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }
}

/// The entries of one kind, one for each series.
#[derive(Debug)]
struct Cells {
    kind: FileKind,
    rows: Vec<Row>,
    // Clients may spell a key in several ways; None is a key that is none.
    by_key: HashMap<Box<[u8]>, Option<usize>>,
    by_series: HashMap<Series, usize>,
}

type Series = (String, String, BTreeMap<String, String>);

#[derive(Debug)]
struct Row {
    key: Box<[u8]>,
    value: f64,
    timestamp: f64,
}

impl Cells {
    fn new(kind: FileKind) -> Self {
        Self { kind, rows: Vec::new(), by_key: HashMap::new(), by_series: HashMap::new() }
    }

    /// Adds the entries of a file, and tells which row each of them went to;
    /// false if one of them has a key that is none.
    fn add(&mut self, entries: &[Entry<'_>], mut went: impl FnMut(usize, usize)) -> bool {
        let mut readable = true;
        for entry in entries {
            let found = self.place(entry.key);
            if let Some((place, _)) = found {
                went(entry.offset, place);
            }
            match found {
                Some((place, true)) => self.rows[place].meet(self.kind, entry),
                Some((_, false)) => {
                    // A sum begins at 0.0, so that -0.0 does not survive it.
                    let value = if self.is_sum() { 0.0 + entry.value } else { entry.value };
                    let key = entry.key.into();
                    self.rows.push(Row { key, value, timestamp: entry.timestamp });
                }
                None => readable = false,
            }
        }
        readable
    }

    /// Where the row of a key is or will be, and whether it is there.
    fn place(&mut self, key: &[u8]) -> Option<(usize, bool)> {
        if let Some(known) = self.by_key.get(key) {
            return known.map(|place| (place, true));
        }
        let next = self.rows.len();
        let place = Key::parse(key).map(|parsed| {
            let series = (parsed.metric_name, parsed.sample_name, parsed.labels);
            *self.by_series.entry(series).or_insert(next)
        });
        self.by_key.insert(key.into(), place);
        place.map(|place| (place, place < next))
    }

    fn is_sum(&self) -> bool {
        rule(self.kind) == Rule::Sum
    }

    fn render(&self) -> io::Result<Vec<u8>> {
        let rows = self.rows.iter().map(|row| Entry {
            offset: 0,
            key: &row.key,
            value: row.value,
            timestamp: row.timestamp,
        });
        write(rows)
    }
}

impl Row {
    fn meet(&mut self, kind: FileKind, entry: &Entry<'_>) {
        let taken = match rule(kind) {
            Rule::Sum => {
                self.value += entry.value;
                return;
            }
            Rule::Min => entry.value < self.value,
            Rule::Max => entry.value > self.value,
            // What was never set is no value at all.
            Rule::MostRecent => {
                entry.timestamp > self.timestamp.max(0.0)
                    || (self.timestamp.is_nan() && entry.timestamp > 0.0)
            }
        };
        if taken {
            self.value = entry.value;
            self.timestamp = entry.timestamp;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Sum,
    Min,
    Max,
    MostRecent,
}

fn rule(kind: FileKind) -> Rule {
    match kind {
        FileKind::Gauge(GaugeMode::Min | GaugeMode::LiveMin) => Rule::Min,
        FileKind::Gauge(GaugeMode::Max | GaugeMode::LiveMax) => Rule::Max,
        FileKind::Gauge(GaugeMode::MostRecent | GaugeMode::LiveMostRecent) => Rule::MostRecent,
        _ => Rule::Sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(kind: FileKind, entries: &[(&str, f64, f64)]) -> Vec<(f64, f64)> {
        let mut cells = Cells::new(kind);
        for &(key, value, timestamp) in entries {
            let entry = Entry { offset: 0, key: key.as_bytes(), value, timestamp };
            assert!(cells.add(&[entry], |_, _| {}));
        }
        let bytes = cells.render().unwrap();
        let (entries, damage) = reader::entries(&bytes);
        assert_eq!(damage, None);
        entries.iter().map(|entry| (entry.value, entry.timestamp)).collect()
    }

    #[test]
    fn each_kind_has_its_rule() {
        let key = r#"["g", "g", {"a": "1"}, "h"]"#;
        let spelled = r#"["g","g",{"a":"\u0031"},"other"]"#;
        let other = r#"["g", "g", {"a": "2"}, "h"]"#;
        let entries =
            [(key, 3.0, 10.0), (spelled, 1.0, 30.0), (other, -0.0, 0.0), (key, 2.0, 20.0)];
        let gauge = |mode| folded(FileKind::Gauge(mode), &entries);
        assert_eq!(gauge(GaugeMode::Sum)[0].0, 6.0);
        assert!(gauge(GaugeMode::Sum)[1].0.is_sign_positive());
        assert_eq!(gauge(GaugeMode::Min)[0].0, 1.0);
        assert_eq!(gauge(GaugeMode::Max)[0].0, 3.0);
        assert_eq!(gauge(GaugeMode::MostRecent), [(1.0, 30.0), (-0.0, 0.0)]);
        assert_eq!(folded(FileKind::Counter, &entries)[0].0, 6.0);
        assert_eq!(
            folded(
                FileKind::Gauge(GaugeMode::MostRecent),
                &[(key, 5.0, f64::NAN), (key, 6.0, 1.0)]
            ),
            [(6.0, 1.0)]
        );
    }

    #[test]
    fn a_key_that_is_none_is_told() {
        let mut cells = Cells::new(FileKind::Counter);
        let entry = Entry { offset: 0, key: b"[]", value: 1.0, timestamp: 0.0 };
        assert!(!cells.add(&[entry], |_, _| {}));
        assert!(cells.rows.is_empty());
    }
}
