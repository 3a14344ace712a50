//! Makes one side file of those of the dead, for the files that their numbers are folded into.

use std::collections::{BTreeMap, HashMap};

use super::entry_kind::{EXEMPLAR, NATIVE, QUANTILES, ROWS, STATE, UNIT};
use super::exemplar::encode_exemplar;
use super::row_key::rows_key;
use super::said::{Said, StateSaid, time_of};
use crate::cell::native_entry::{BUCKETS, NativeName, WORDS, words};
use crate::cell::side::{HEAD, NewEntry, USED_AT, encode};
use crate::model::Exemplar;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::mode::GaugeMode;
use crate::multiprocess::native_sum::NativeSum;

/// The content of a side file that says what lasts of several; none if nothing does.
///
/// `row_of` tells where a row of the n-th of them went: in the file of the same
/// kind that goes with the new one. Removed rows are to go nowhere. Of a row
/// that several went to, the earliest start time stays, and the newest exemplar. Exponential
/// buckets stay if no row beside them is bare: has numbers that they do not count.
pub(crate) fn fold<'a>(
    sides: impl IntoIterator<Item = &'a Said>,
    row_of: impl Fn(usize, FileKind, u32) -> Option<u32>,
    is_bare: impl Fn(FileKind, u32) -> bool,
) -> Option<Vec<u8>> {
    let mut starts: HashMap<(u32, u32), f64> = HashMap::new();
    let mut exemplars: HashMap<(u32, u32), &Exemplar> = HashMap::new();
    let mut natives: BTreeMap<(u32, u32), NativeSum> = BTreeMap::new();
    let mut units: Vec<&(String, String)> = Vec::new();
    let mut states: Vec<StateSaid> = Vec::new();
    for (place, said) in sides.into_iter().enumerate() {
        for (kind, notes) in said.rows.iter() {
            let to = |row: u32| {
                let counts = !notes.is_removed(row as usize);
                Some((kind.place() as u32, row_of(place, kind, row).filter(|_| counts)?))
            };
            for (row, start) in notes.starts.iter() {
                let Some(to) = to(row) else { continue };
                starts.entry(to).and_modify(|have| *have = have.min(start)).or_insert(start);
            }
            for (row, exemplar) in &notes.exemplars {
                let Some(to) = to(*row) else { continue };
                let have = exemplars.entry(to).or_insert(exemplar);
                if time_of(exemplar) > time_of(have) {
                    *have = exemplar;
                }
            }
        }
        for (kind, notes) in said.rows.iter() {
            let to =
                |row: u32| row_of(place, kind, row).filter(|_| !notes.is_removed(row as usize));
            for (row, native) in &notes.natives {
                let Some(first) = to(*row) else { continue };
                let sum = natives.entry((kind.place() as u32, first));
                sum.or_insert_with(|| NativeSum::new(native.limits)).add(native, to);
            }
        }
        for unit in &said.units {
            if !units.iter().any(|(name, _)| *name == unit.0) {
                units.push(unit);
            }
        }
        for state in &said.states {
            add_state(&mut states, state);
        }
    }
    let histogram = FileKind::Histogram;
    natives.retain(|(kind, _), native| {
        let mut rows = native.counts.keys().map(|(row, _)| *row);
        *kind != histogram.place() as u32 || !rows.any(|row| is_bare(histogram, row))
    });
    write(starts, exemplars, natives, &units, &states)
}

/// Keeps of each series what its mode needs to be merged with others later.
fn add_state(states: &mut Vec<StateSaid>, new: &StateSaid) {
    let is_like = |have: &&mut StateSaid| {
        (&have.name, &have.labels, have.mode, &have.states)
            == (&new.name, &new.labels, new.mode, &new.states)
            && (new.mode != GaugeMode::Sum || have.place == new.place)
    };
    if new.mode.is_live() || new.mode == GaugeMode::All {
        return;
    }
    match states.iter_mut().find(is_like) {
        Some(have) => match new.mode {
            GaugeMode::Min => have.place = have.place.min(new.place),
            GaugeMode::Max => have.place = have.place.max(new.place),
            GaugeMode::MostRecent if new.time > have.time => {
                (have.place, have.time) = (new.place, new.time);
            }
            _ => {}
        },
        None => states.push(new.clone()),
    }
}

fn write(
    starts: HashMap<(u32, u32), f64>,
    exemplars: HashMap<(u32, u32), &Exemplar>,
    natives: BTreeMap<(u32, u32), NativeSum>,
    units: &[&(String, String)],
    states: &[StateSaid],
) -> Option<Vec<u8>> {
    let mut out = HEAD.to_vec();
    let mut push = |kind: u16, key: &[u8], words: &[u64], value: Option<&[u8]>| {
        // An entry of more than four thousand million bytes cannot be, so none is left out.
        if let Ok((bytes, _)) = encode(&NewEntry { kind, key, words, value, capacity: 0 }) {
            out.extend_from_slice(&bytes);
        }
    };
    let key = |(kind, row): (u32, u32)| {
        FileKind::at(kind).map(|kind| rows_key(kind, &[row])).unwrap_or_default()
    };
    let mut starts: Vec<_> = starts.into_iter().collect();
    starts.sort_by_key(|(row, _)| *row);
    for (row, start) in starts {
        push(ROWS, &key(row), &[start.to_bits(), 0], None);
    }
    let mut exemplars: Vec<_> = exemplars.into_iter().collect();
    exemplars.sort_by_key(|(row, _)| *row);
    for (row, exemplar) in exemplars {
        let mut value = Vec::new();
        encode_exemplar(exemplar.as_ref(), &mut value);
        push(EXEMPLAR, &key(row), &[], Some(&value));
    }
    for ((kind, first), native) in natives {
        let Some(kind) = FileKind::at(kind) else { continue };
        for (rows, words) in entries_of(first, &native.reduced()) {
            push(NATIVE, &rows_key(kind, &rows), &words, None);
        }
        if let Some(objectives) = &native.objectives {
            push(QUANTILES, &rows_key(kind, &[first]), &objectives.words(&native.limits), None);
        }
    }
    for unit in units {
        push(UNIT, &serde_json::to_vec(unit).unwrap_or_default(), &[], None);
    }
    for StateSaid { name, labels, help, mode, states, place, time } in states {
        let key = serde_json::to_vec(&(name, labels, help, mode.as_str(), states));
        push(STATE, &key.unwrap_or_default(), &[*place as u64, time.to_bits(), 0], None);
    }
    if out.len() == HEAD.len() {
        return None;
    }
    // What does not fit into the count is more than any reader would take.
    let used = u32::try_from(out.len()).unwrap_or(u32::MAX);
    out[USED_AT..USED_AT + 4].copy_from_slice(&used.to_le_bytes());
    Some(out)
}

/// The rows and the words of entries that have all exponential buckets of a series.
fn entries_of(first: u32, native: &NativeSum) -> Vec<(Vec<u32>, [u64; WORDS])> {
    // By rows: an entry tells of those that it has counts of.
    let counts: Vec<_> = native.counts.iter().collect();
    let entries = counts.chunks(BUCKETS).map(|counts| {
        let mut rows: Vec<u32> = counts.iter().map(|((row, _), _)| *row).collect();
        rows.dedup();
        // Those of a summary are beside no other buckets.
        rows.retain(|row| *row != first);
        let buckets = counts.iter().map(|((row, place), count)| {
            let below = rows.binary_search(row).unwrap_or_default() as u16;
            (NativeName { place: *place, below }, **count)
        });
        let words = words(&native.limits, false, buckets);
        ([&[first], rows.as_slice()].concat(), words)
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Timestamp;

    const COUNTER: FileKind = FileKind::Counter;

    fn exemplar(id: &str, time: f64) -> Exemplar {
        let time = Timestamp::from_seconds(time).unwrap();
        Exemplar::new([("id", id)], 1.0).unwrap().with_timestamp(time)
    }

    fn notes(starts: &[(u32, f64)], exemplars: &[(u32, Exemplar)]) -> Said {
        let mut said = Said::default();
        let notes = said.rows.of(COUNTER);
        starts.iter().for_each(|(row, start)| notes.starts.push(*row, *start));
        notes.exemplars = exemplars.to_vec();
        said
    }

    fn state(mode: GaugeMode, place: usize, time: f64) -> StateSaid {
        let (name, help) = ("e".to_owned(), "h".to_owned());
        let states = ["a", "b", "c"].map(str::to_owned).into();
        StateSaid { name, labels: BTreeMap::new(), help, mode, states, place, time }
    }

    fn read_back(bytes: &Option<Vec<u8>>) -> Said {
        let (said, damages) = Said::of(bytes.as_deref().unwrap());
        assert_eq!(damages, []);
        said
    }

    #[test]
    fn the_earliest_start_and_the_newest_exemplar_of_a_row_stay() {
        let first = notes(&[(8, 20.0), (100, 5.0)], &[(8, exemplar("old", 1.0))]);
        let second = notes(&[(40, 10.0)], &[(40, exemplar("new", 2.0))]);
        // Row 8 of the first and row 40 of the second are one series; row 100 went nowhere.
        let row_of = |place: usize, kind, row| {
            assert_eq!(kind, COUNTER);
            [(0, 8), (1, 40)].contains(&(place, row)).then_some(72)
        };
        let said = read_back(&fold([&first, &second], row_of, |_, _| false));
        assert_eq!(said, notes(&[(72, 10.0)], &[(72, exemplar("new", 2.0))]));
        // Folding what was folded changes nothing.
        assert_eq!(read_back(&fold([&said], |_, _, row| Some(row), |_, _| false)), said);
    }

    #[test]
    fn states_stay_by_their_modes_and_live_ones_go() {
        let said = |states: Vec<StateSaid>| Said { states, ..Said::default() };
        let told: Vec<_> = [(1, 3.0), (0, 9.0), (2, 5.0), (1, 4.0)]
            .into_iter()
            .map(|(place, time)| {
                said(GaugeMode::ALL.iter().map(|mode| state(*mode, place, time)).collect())
            })
            .collect();
        let folded = read_back(&fold(&told, |_, _, _| None, |_, _| false));
        let of = |mode| {
            let states = folded.states.iter().filter(move |state| state.mode == mode);
            states.map(|state| (state.place, state.time)).collect::<Vec<_>>()
        };
        assert_eq!(of(GaugeMode::Min)[0].0, 0);
        assert_eq!(of(GaugeMode::Max)[0].0, 2);
        assert_eq!(of(GaugeMode::MostRecent), [(0, 9.0)]);
        let sum: Vec<_> = of(GaugeMode::Sum).into_iter().map(|(place, _)| place).collect();
        assert_eq!(sum, [1, 0, 2]);
        assert_eq!(folded.states.len(), 6);
    }

    #[test]
    fn the_first_unit_of_a_family_stays() {
        let said = |name: &str, unit: &str| Said {
            units: vec![(name.to_owned(), unit.to_owned())],
            ..Said::default()
        };
        let all = [said("a_bytes", "bytes"), said("a_bytes", "es"), said("b_seconds", "seconds")];
        let folded = read_back(&fold(&all, |_, _, _| None, |_, _| false));
        let expected = [("a_bytes", "bytes"), ("b_seconds", "seconds")];
        assert_eq!(folded.units, expected.map(|(n, u)| (n.to_owned(), u.to_owned())));
    }
}
