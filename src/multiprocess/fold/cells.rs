//! Folds files of cells: the entries of many become those of one, by the rules of the merge.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::key::Key;
use crate::multiprocess::listing::{Listing, Part, folded_identifier};
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::reader::{self, Damage, DamageKind, Entry, read, write};
use crate::multiprocess::side::{self, Said};

/// What the next generation is made of.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    pub(super) files: Vec<(FileKind, Vec<u8>)>,
    /// The content of their side file, if there is something to say.
    pub(super) side: Option<Vec<u8>>,
    /// The dead, without those of whom a file cannot be read now.
    pub(super) absorbed: Vec<&'a str>,
    /// The names of files of which a part was lost, each with what is lost first.
    pub(super) damaged: BTreeMap<String, Damage>,
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
    let mut damaged = BTreeMap::new();
    for &owner in dead {
        match contents_of(owner) {
            Ok(Contents { lasting, side, damaged_live }) if !owner.contains(char::is_control) => {
                contents.extend(lasting);
                damaged.extend(damaged_live);
                sides.push((owner, side));
                absorbed.push(owner);
            }
            // It stays as it is, and counts.
            _ => {}
        }
    }
    let mut folded = Folded { files: Vec::new(), side: None, absorbed, damaged };
    if folded.absorbed.is_empty() {
        return Ok(folded);
    }
    let current = folded_identifier(listing.manifest.generation);
    let Contents { lasting, side, .. } = contents_of(&current)?;
    contents.extend(lasting);
    sides.push((&current, side));
    let damaged = sides.iter().filter_map(|(owner, side)| Some((side_name(owner), side.damage?)));
    folded.damaged.extend(damaged);

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
            .filter(|entry| notes.is_none_or(|notes| !notes.is_removed(entry.offset)))
            .collect();
        let unreadable = kinds[place].add(&counted, |row, to| {
            if let (Some(side), Ok(row)) = (side, u32::try_from(row)) {
                went.insert((side, *kind, row), to);
            }
        });
        if let Some(damage) = unreadable.or(damage) {
            folded.damaged.insert(name.clone(), damage);
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

/// What the files of an owner hold.
#[derive(Debug)]
struct Contents {
    /// Those that outlive their process.
    lasting: Vec<Content>,
    side: SideOf,
    /// The names of the others, as far as they are damaged.
    damaged_live: Vec<(String, Damage)>,
}

fn contents_of(listing: &Listing, owner: &str, files: &[(FileKind, &str)]) -> io::Result<Contents> {
    let side = SideOf::read(&listing.dir.join(side_name(owner)))?;
    let mut contents = Contents { lasting: Vec::new(), side, damaged_live: Vec::new() };
    for &(kind, name) in files {
        let bytes = read(&listing.dir.join(name));
        if kind.outlives_its_process() {
            contents.lasting.push((name.to_owned(), (kind, bytes?)));
        } else if let Some(damage) = bytes.as_deref().map_or_else(unless_gone, damage_of) {
            contents.damaged_live.push((name.to_owned(), damage));
        }
    }
    Ok(contents)
}

/// What is wrong with a file that cannot be read: nothing if somebody has removed it.
fn unless_gone(error: &io::Error) -> Option<Damage> {
    let is_gone = error.kind() == io::ErrorKind::NotFound;
    (!is_gone).then_some(Damage { offset: 0, what: DamageKind::Unreadable })
}

fn damage_of(bytes: &[u8]) -> Option<Damage> {
    let (entries, damage) = reader::entries(bytes);
    let unreadable = entries.iter().find(|entry| Key::parse(entry.key).is_none());
    unreadable.map(unreadable_key).or(damage)
}

fn unreadable_key(entry: &Entry<'_>) -> Damage {
    Damage { offset: entry.offset, what: DamageKind::Key }
}

fn side_name(owner: &str) -> String {
    format!("{owner}.{}", side::EXTENSION)
}

/// What the side file of an owner says, which is nothing if there is none.
#[derive(Debug, Default)]
struct SideOf {
    said: Said,
    damage: Option<Damage>,
}

impl SideOf {
    fn read(path: &Path) -> io::Result<Self> {
        match Said::read(path) {
            Ok((said, damages)) => {
                let damage = damages.into_iter().min_by_key(|damage| damage.offset);
                Ok(Self { said, damage })
            }
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
    /// gives the first of them whose key is none.
    fn add(&mut self, entries: &[Entry<'_>], mut went: impl FnMut(usize, usize)) -> Option<Damage> {
        let mut unreadable = None;
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
                None => unreadable = unreadable.or_else(|| Some(unreadable_key(entry))),
            }
        }
        unreadable
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
            assert_eq!(cells.add(&[entry], |_, _| {}), None);
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
        let entry = Entry { offset: 8, key: b"[]", value: 1.0, timestamp: 0.0 };
        let damage = Damage { offset: 8, what: DamageKind::Key };
        assert_eq!(cells.add(&[entry], |_, _| {}), Some(damage));
        assert!(cells.rows.is_empty());
    }
}
