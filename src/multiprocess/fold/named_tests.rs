//! Names that come back: whenever a claim is killed, nothing is lost or doubled.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::fixture::{ALL, Stepped, directory, leave, leave_dead, merged, names};
use super::super::protocol::fold;
use super::*;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::side::Said;

const NAME: &str = "web-3";

/// A side file that says that the row of the counter is removed.
fn leave_side(dir: &Path) {
    use crate::cell::side::{CLOSED, HEAD, NewEntry, USED_AT, encode};

    // The kind of file, which is 0 for counters, and the row.
    let key: Vec<u8> = [0, 8_u32].iter().flat_map(|word| word.to_le_bytes()).collect();
    // The kind of entry that is about rows is the first.
    let new = NewEntry { kind: 1, key: &key, words: &[0, CLOSED], value: None, capacity: 0 };
    let mut bytes = HEAD.to_vec();
    bytes.extend(encode(&new).unwrap().0);
    let used = u32::try_from(bytes.len()).unwrap();
    bytes[USED_AT..USED_AT + 4].copy_from_slice(&used.to_le_bytes());
    let path = dir.join(format!("{NAME}.{EXTENSION}"));
    fs::write(&path, bytes).unwrap();
    let (said, damages) = Said::read(&path).unwrap();
    assert!(damages.is_empty() && said.rows.get(FileKind::Counter).unwrap().is_removed(8));
}

#[test]
fn a_name_that_is_taken_over_step_by_step_loses_and_doubles_nothing() {
    let mut kills = 0;
    for steps in 0.. {
        let dir = directory();
        let dir = dir.path();
        leave_dead(dir, NAME, 0);
        leave_side(dir);
        leave_dead(dir, "3-a", 1);
        let ledger = merged(dir);
        // The row of the one is removed.
        assert_eq!((ledger["c_total"], ledger["g_sum"]), (2.0, 3.0));

        let left = Cell::new(steps);
        let before = || match left.get() {
            0 => panic!("killed"),
            steps => left.set(steps - 1),
        };
        let disk = Stepped { before, syncs: true };
        let killed = catch_unwind(AssertUnwindSafe(|| make_way(&disk, dir, NAME))).is_err();
        assert_eq!(merged(dir), ledger, "killed at step {steps}: {:?}", names(dir));
        // Whoever folds next, and whoever claims the name next, finishes it.
        if steps % 2 == 0 {
            fold(dir, &RealDisk, ALL).unwrap();
            assert_eq!(merged(dir), ledger, "folded after step {steps}: {:?}", names(dir));
        }
        let owner = claim_named(dir, NAME).unwrap().unwrap();
        assert_eq!(merged(dir), ledger, "claimed after step {steps}: {:?}", names(dir));
        leave(dir, NAME, 2);
        assert_eq!(merged(dir)["c_total"], 6.0);
        fold(dir, &RealDisk, ALL).unwrap();
        assert_eq!(merged(dir)["c_total"], 6.0, "{:?}", names(dir));
        drop(owner);
        fold(dir, &RealDisk, ALL).unwrap();
        assert_eq!(merged(dir)["c_total"], 6.0, "{:?}", names(dir));
        assert!(!names(dir).iter().any(|name| name.contains(NAME)), "{:?}", names(dir));
        if !killed {
            break;
        }
        kills += 1;
    }
    // A lock, a copy, thirteen files, and the manifest twice.
    assert!(kills > 20, "{kills}");
}

#[test]
fn files_of_somebody_without_a_lock_stay_theirs() {
    let dir = directory();
    let dir = dir.path();
    leave(dir, NAME, 0);
    assert!(claim_named(dir, NAME).unwrap().is_none());
    assert_eq!(fold(dir, &RealDisk, ALL).unwrap().unwrap().processes(), 0);
    assert_eq!(merged(dir)["c_total"], 1.0);
    fs::write(Manifest::path(dir), "no manifest").unwrap();
    assert!(claim_named(dir, NAME).unwrap().is_none());
}
